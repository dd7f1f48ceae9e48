import { Suspense, lazy, useState } from 'react';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { EXPORT } from '../commands/commands.ts';
import { ExportButton } from './ExportButton.tsx';

/** A script of its own: the page is to begin soon. */
const ExportMenu = lazy(() => import('./ExportMenu.tsx'));

/** The button "Export"; with its menu once that was asked for. */
export function Export() {
  const lab = useLab();
  const wanted = useLabState(({ dialog }) => dialog === 'export');
  const [used, setUsed] = useState(false);
  if (wanted && !used) setUsed(true);
  const button = <ExportButton aria-haspopup="menu" aria-expanded={wanted} onClick={() => EXPORT.perform(lab)} />;
  if (!used) return button;
  return (
    <Suspense fallback={button}>
      <ExportMenu />
    </Suspense>
  );
}
