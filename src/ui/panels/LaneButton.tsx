import { ActionIcon, type ActionIconProps } from '@mantine/core';
import type { ComponentPropsWithRef } from 'react';

/** A small button whose name says which run it is about; what a menu or popover asks of its target goes through. */
export const LaneButton = ({
  label,
  hint,
  children,
  ...rest
}: { label: string; hint: string } & ActionIconProps & ComponentPropsWithRef<'button'>) => (
  <ActionIcon variant="subtle" color="gray" size={20} title={hint} {...rest}>
    {children}
    <span className="unseen">{label}</span>
  </ActionIcon>
);
