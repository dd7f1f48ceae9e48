import type { LatencyRecord } from '../../core/events/events.ts';
import { structureKey } from '../../core/network/index.ts';
import type { Lane } from '../../state/lanes.ts';
import { useLab } from '../app/lab-context.tsx';
import { percent } from '../widgets/format.ts';
import { sizesOf, structureOf } from './networks.ts';
import { type MeasuredRow, rowsOf, verdictOf } from './rows.ts';
import { useMeasurements } from './use-measurements.ts';

/** The table of one run, and what its numbers say. */
export function RunSpeeds({ lane: { run, recorded } }: { lane: Lane }) {
  const lab = useLab();
  const { measurements, state } = useMeasurements();
  const view = lab.view(run);
  const structure = structureOf(view);
  const key = structure && structureKey(structure);
  const sizes = sizesOf(view);
  if (!sizes || key === null) return <p className="chart-empty">The run is being prepared.</p>;
  const pair = measurements.pair(run, key);
  const older = pair ? null : measurements.pair(run);
  const rows = rowsOf(sizes, pair);
  const problem = state.problems.get(run);
  return (
    <div className="measured" tabIndex={0} role="region" aria-label="Measured">
      <div className="compare-table">
        <table>
          <thead>
            <tr>
              <th scope="col" className="left">
                Network
              </th>
              <th scope="col">Dense</th>
              <th scope="col">{view.version === lab.live(run).version ? 'Now' : `Step ${view.step}`}</th>
              <th scope="col" title="As a share of the dense network's">
                of dense
              </th>
              <th scope="col" title="If time followed the MACs, and size the parameters">
                in theory
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={row.label} row={row} />
            ))}
          </tbody>
        </table>
      </div>
      <div className="measured-notes">
        {problem !== undefined && <p role="alert">{problem}</p>}
        {recorded ? (
          <p>A recorded run does not compute here: its networks cannot be measured.</p>
        ) : pair ? (
          <p>
            <strong>{verdictOf(rows)}</strong>
          </p>
        ) : older ? (
          <p>
            <strong>
              Measured at step {older.now.step.toLocaleString('en')}; the network has changed since. Measure again.
            </strong>
          </p>
        ) : (
          <p>Latency and training speed are not measured yet: it takes some seconds, between the steps of the run.</p>
        )}
        <p>
          In theory: if time followed the MACs, and size the parameters. Size: float32 weights, biases and norms, as
          saved.
          {pair &&
            ` Measured by turns on ${pair.now.adapter}; latency: the median of n samples, 95 % of which are below p95; training: batches of ${pair.now.batchSize}.`}
        </p>
      </div>
    </div>
  );
}

function Row({ row: { what, label, values, records, ratio, theory } }: { row: MeasuredRow }) {
  return (
    <tr>
      <th scope="row">{label}</th>
      <td>{values ? <Value what={what} value={values.dense} record={records?.dense} /> : '–'}</td>
      <td>{values ? <Value what={what} value={values.now} record={records?.now} /> : '–'}</td>
      <td>{ratio === null ? '–' : <b>{percent(ratio)}</b>}</td>
      <td>{theory === null ? '' : percent(theory)}</td>
    </tr>
  );
}

const Value = ({
  what,
  value,
  record,
}: {
  what: MeasuredRow['what'];
  value: number;
  record: LatencyRecord | undefined;
}) => (
  <>
    {record && (
      <small>
        p95 {milliseconds(record.p95)}, n {record.n}{' '}
      </small>
    )}
    {what === 'latency' ? `${milliseconds(value)} ms` : Math.round(value).toLocaleString('en')}
    {what === 'bytes' && ' B'}
  </>
);

const milliseconds = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
