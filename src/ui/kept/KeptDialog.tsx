import { Alert, Button, Modal } from '@mantine/core';
import { TriangleAlert } from 'lucide-react';
import { useEffect, useState } from 'react';
import { type KeptRuns, isFinished } from '../../state/kept.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { Confirm } from './Confirm.tsx';
import { KeptTable } from './KeptTable.tsx';
import { OpenRunFile } from './OpenRunFile.tsx';
import './kept.css';
import { sizeOf } from './kept-words.ts';

/** The runs kept in this browser: resume, look at or delete them; and the storage they take. */
export default function KeptDialog({ onClose }: { onClose: () => void }) {
  const { actions } = useLab();
  const kept = useLabState((state) => state.kept);
  const alert = useLabState((state) => state.alert);
  useEffect(() => actions.listKept(), [actions]);
  return (
    <Modal
      opened
      onClose={onClose}
      title="Kept runs"
      size={960}
      centered
      classNames={{ body: 'kept' }}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {alert && (
        <Alert
          color="orange"
          role="alert"
          icon={<TriangleAlert size={18} />}
          withCloseButton
          closeButtonLabel="Dismiss"
          onClose={actions.dismissAlert}
        >
          {alert.message}
        </Alert>
      )}
      {kept?.problem && (
        <Alert color="orange" role="alert" icon={<TriangleAlert size={18} />}>
          {kept.problem}
        </Alert>
      )}
      {kept ? <Kept kept={kept} onClose={onClose} /> : <p role="status">Reading what is kept</p>}
    </Modal>
  );
}

function Kept({ kept: { list, use, problem }, onClose }: { kept: KeptRuns; onClose: () => void }) {
  const { actions } = useLab();
  const { runs, damaged } = list;
  const mine = runs.filter(({ writer }) => writer === null);
  const finished = mine.filter(isFinished);
  const stopped = mine.filter(({ state }) => state === 'stopped');
  const remove = (ids: readonly { readonly id: string }[]): void => actions.deleteKept(ids.map(({ id }) => id));
  return (
    <>
      {runs.length + damaged.length === 0 && !problem && (
        <p className="kept-empty">
          Nothing is kept yet. A run is kept by itself after some seconds of training, and when it pauses or ends.
        </p>
      )}
      {runs.length > 0 && <KeptTable runs={runs} onClose={onClose} />}
      {damaged.length > 0 && (
        <ul className="kept-damaged" aria-label="Damaged runs">
          {damaged.map(({ id, message }) => (
            <li key={id}>
              <span>{message}</span>
              <Confirm label="Delete" of={`the damaged run ${id}`} onConfirm={() => remove([{ id }])} />
            </li>
          ))}
        </ul>
      )}
      <footer className="kept-foot">
        <p>
          The runs take <b>{sizeOf(use.runs)}</b>
          {use.usage !== null && `; with images and page ${sizeOf(use.usage)}`}
          {use.usage !== null && use.quota !== null && ` of about ${sizeOf(use.quota)} that the browser allows`}.
        </p>
        <div>
          <OpenRunFile />
          {finished.length > 0 && (
            <Confirm label={`Delete all finished (${finished.length})`} onConfirm={() => remove(finished)} />
          )}
          {stopped.length > 0 && (
            <Confirm label={`Delete all stopped (${stopped.length})`} onConfirm={() => remove(stopped)} />
          )}
          <KeepForGood />
        </div>
      </footer>
    </>
  );
}

/** The browser may clear everything when the disk gets full, unless it is asked not to. */
function KeepForGood() {
  const { actions } = useLab();
  const [answer, setAnswer] = useState<boolean | null>(null);
  if (answer === null) {
    return (
      <Button
        size="compact-sm"
        variant="default"
        title="When the disk gets full, browsers may clear what pages keep"
        onClick={() => void actions.keepForGood().then(setAnswer)}
      >
        Ask the browser to keep them for good
      </Button>
    );
  }
  return (
    <p role="status">
      {answer
        ? 'The browser keeps them until you delete them.'
        : 'The browser did not promise it: it may clear them when the disk gets full.'}
    </p>
  );
}
