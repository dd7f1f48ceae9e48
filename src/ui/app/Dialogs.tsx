import { Suspense, lazy } from 'react';
import { KeyboardSheet } from '../commands/KeyboardSheet.tsx';
import { useLab, useLabState } from './lab-context.tsx';

/** Scripts of their own: the page is to begin soon. */
const InspectDialog = lazy(() => import('../inspect/InspectDialog.tsx'));
const KeptDialog = lazy(() => import('../kept/KeptDialog.tsx'));

/** What lies over the page, one at a time. */
export function Dialogs() {
  const { actions } = useLab();
  const dialog = useLabState((state) => state.dialog);
  const close = (): void => actions.openDialog(null);
  return (
    <>
      <KeyboardSheet opened={dialog === 'keyboard'} onClose={close} />
      <Suspense>
        {dialog === 'inspect' && <InspectDialog onClose={close} />}
        {dialog === 'kept' && <KeptDialog onClose={close} />}
      </Suspense>
    </>
  );
}
