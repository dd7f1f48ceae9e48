import { keptChannels, prunableChannels, returnedChannels } from '../../core/events/view.ts';
import { useRunView } from '../app/lab-context.tsx';
import { compactNumber, percent } from '../widgets/format.ts';

/** Sizes of the present network beside the dense one's, and what the run has reached. */
export function Figures() {
  const view = useRunView();
  const dense = view.start?.dense;
  const kept = keptChannels(view);
  const total = prunableChannels(view);
  const test = view.test.at(-1);
  const latency = view.finish?.latencyMs.find(({ batch }) => batch === 1);
  return (
    <dl className="figures">
      <Figure
        label="MACs"
        help="Multiply-adds for one image; the papers call them FLOPs. Convolutions and dense layers."
        value={compactNumber(view.macs)}
        note={dense ? `${percent(view.macs / dense.macs)} of ${compactNumber(dense.macs)}` : ''}
        share={dense ? view.macs / dense.macs : 1}
      />
      <Figure
        label="Parameters"
        help="Weights of convolutions and dense layers."
        value={compactNumber(view.parameters)}
        note={dense ? `${percent(view.parameters / dense.parameters)} of ${compactNumber(dense.parameters)}` : ''}
        share={dense ? view.parameters / dense.parameters : 1}
      />
      <Figure
        label="Channels"
        help="Kept channels of the layers that the scheme may cut."
        value={total > 0 ? String(kept) : '–'}
        note={total > 0 ? `${percent(kept / total)} of ${total}` : 'nothing is pruned'}
        share={total > 0 ? kept / total : 1}
      />
      <Figure
        label="Came back"
        help="Channels of the present network that were off at some time: pruning for good would have lost them."
        value={total > 0 ? String(returnedChannels(view)) : '–'}
        note="once off, now in use"
      />
      <Figure
        label="Test accuracy"
        help="On the test images, by running statistics; never used to choose anything."
        value={test ? percent(test.accuracy) : '–'}
        note={test ? `at step ${test.step.toLocaleString('en')}` : 'not evaluated yet'}
      />
      <Figure
        label="Training cost"
        help="Multiply-adds spent so far, compared with training the dense network for as many steps."
        value={view.denseMacsSpent > 0 ? percent(view.macsSpent / view.denseMacsSpent) : '–'}
        note="of dense training"
      />
      {latency && (
        <Figure
          label="Latency"
          help={`One image through the compact network, measured ${latency.n} times on this adapter; 95 % within ${latency.p95.toFixed(2)} ms.`}
          value={`${latency.median.toFixed(2)} ms`}
          note="one image, median"
        />
      )}
    </dl>
  );
}

function Figure({
  label,
  help,
  value,
  note,
  share,
}: {
  label: string;
  help: string;
  value: string;
  note: string;
  share?: number;
}) {
  return (
    <div className="figure" title={help}>
      <dt>{label}</dt>
      <dd>
        <strong>{value}</strong> <span>{note}</span>
        {share !== undefined && (
          <span className="figure-bar" aria-hidden>
            <span style={{ width: `${Math.min(1, share) * 100}%` }} />
          </span>
        )}
      </dd>
    </div>
  );
}
