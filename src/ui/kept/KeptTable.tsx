import { Button } from '@mantine/core';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { useEffect, useState } from 'react';
import { type KeptRun, canResume, isFinished } from '../../state/kept.ts';
import { useLab } from '../app/lab-context.tsx';
import { download } from '../widgets/download.ts';
import { Confirm } from './Confirm.tsx';
import {
  type Column,
  ago,
  firstOrder,
  networkOf,
  nextOrder,
  schemeOf,
  sizeOf,
  sorted,
  stateOf,
  stepsOf,
} from './kept-words.ts';

const COLUMNS: readonly { readonly column: Column; readonly title: string }[] = [
  { column: 'name', title: 'Name' },
  { column: 'scheme', title: 'Scheme' },
  { column: 'network', title: 'Network' },
  { column: 'step', title: 'Step' },
  { column: 'state', title: 'State' },
  { column: 'updated', title: 'Changed' },
  { column: 'bytes', title: 'Size' },
];

/** One row a run; the column titles sort. */
export function KeptTable({ runs, onClose }: { runs: readonly KeptRun[]; onClose: () => void }) {
  const { schemes } = useLab();
  const [order, setOrder] = useState(firstOrder('updated'));
  const now = useNow();
  return (
    <div className="kept-scroll" role="region" aria-label="Kept runs" tabIndex={0}>
      <table className="kept-table">
        <thead>
          <tr>
            {COLUMNS.map(({ column, title }) => {
              const chosen = order.column === column;
              const Arrow = order.descending ? ArrowDown : ArrowUp;
              return (
                <th
                  key={column}
                  scope="col"
                  aria-sort={chosen ? (order.descending ? 'descending' : 'ascending') : undefined}
                >
                  <button type="button" onClick={() => setOrder(nextOrder(order, column))}>
                    {title}
                    {chosen && <Arrow size={13} aria-hidden />}
                  </button>
                </th>
              );
            })}
            <th scope="col">
              <span className="unseen">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted(runs, order, schemes).map((run) => (
            <Row key={run.id} run={run} scheme={schemeOf(run, schemes)} now={now} onClose={onClose} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ run, scheme, now, onClose }: { run: KeptRun; scheme: string; now: number; onClose: () => void }) {
  const lab = useLab();
  const { actions } = lab;
  const { id, name, updated, bytes, writer } = run;
  const open = (): void => {
    actions.resume(run);
    onClose();
  };
  const save = async (): Promise<void> => {
    try {
      const { writeKeptFile } = await import('../../state/run-files.ts');
      const { files } = await writeKeptFile(lab, run);
      for (const file of files) download(file.name, file.bytes, 'application/zip');
    } catch (error) {
      actions.refuse(error);
    }
  };
  return (
    <tr data-kept={id}>
      <th scope="row" title={name}>
        {name}
      </th>
      <td data-title="Scheme">{scheme}</td>
      <td data-title="Network">{networkOf(run)}</td>
      <td data-title="Step">{stepsOf(run)}</td>
      <td data-title="State">{stateOf(run)}</td>
      <td data-title="Changed">
        <time dateTime={new Date(updated).toISOString()} title={new Date(updated).toLocaleString('en-GB')}>
          {ago(updated, now)}
        </time>
      </td>
      <td data-title="Size">{sizeOf(bytes)}</td>
      <td className="kept-do">
        {writer === null && (
          <Button
            size="compact-sm"
            disabled={!canResume(run)}
            title={canResume(run) ? undefined : 'It has no checkpoint to go on from'}
            onClick={open}
          >
            {isFinished(run) ? 'Open' : 'Resume'}
            <span className="unseen"> {name}</span>
          </Button>
        )}
        {canResume(run) && (
          <Button size="compact-sm" variant="subtle" title="Saves it as a run file" onClick={() => void save()}>
            File
            <span className="unseen"> of {name}</span>
          </Button>
        )}
        {writer !== 'elsewhere' && <Confirm label="Delete" of={name} onConfirm={() => actions.deleteKept([id])} />}
      </td>
    </tr>
  );
}

/** The time, now and then. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
