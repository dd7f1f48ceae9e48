import { ActionIcon, type ActionIconProps, Tooltip } from '@mantine/core';
import { Download } from 'lucide-react';
import type { ComponentPropsWithRef } from 'react';
import { useLabState } from '../app/lab-context.tsx';
import { EXPORT } from '../commands/commands.ts';

/** The button of the command; what a menu asks of its target goes through. */
export function ExportButton(rest: ActionIconProps & ComponentPropsWithRef<'button'>) {
  const enabled = useLabState((state) => EXPORT.enabled(state));
  return (
    <Tooltip label={`${EXPORT.help} (${EXPORT.shown})`} disabled={rest['aria-expanded'] === true}>
      <ActionIcon variant="subtle" size="lg" {...rest} aria-label={EXPORT.label} disabled={!enabled}>
        <Download size={18} />
      </ActionIcon>
    </Tooltip>
  );
}
