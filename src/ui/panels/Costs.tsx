import type { RunView } from '../../core/events/view.ts';
import type { Lane } from '../../state/lanes.ts';
import { useLab } from '../app/lab-context.tsx';
import { compactNumber, percent } from '../widgets/format.ts';
import { RunName } from '../widgets/RunName.tsx';
import { costRowOf, isBlindCrop } from './cost-rows.ts';
import './compare.css';

/** Weights, MACs and measured time a step of all runs in sight: what a mask saves, and what a crop does. */
export function Costs() {
  const lab = useLab();
  const lanes = lab.store.getState().lanes.filter(({ hidden }) => !hidden);
  const blind = lanes.filter(({ run }) => isBlindCrop(lab.live(run)));
  return (
    <div className="costs">
      <div className="compare-table" tabIndex={0} role="region" aria-label="Costs">
        <table>
          <thead>
            <tr>
              <th scope="col" className="left">
                Run
              </th>
              <th scope="col">Weights</th>
              <th scope="col">of dense</th>
              <th scope="col">MACs</th>
              <th scope="col">of dense</th>
              <th scope="col" title="Median of the latest training steps, measured">
                Time a step
              </th>
            </tr>
          </thead>
          <tbody>
            {lanes.map((lane) => (
              <Row key={lane.run} lane={lane} view={lab.live(lane.run)} />
            ))}
          </tbody>
        </table>
      </div>
      {blind.length > 0 && (
        <p>{blind.map(({ spec }) => spec.name).join(', ')}: the crop never looked at data or weights.</p>
      )}
    </div>
  );
}

function Row({ lane, view }: { lane: Lane; view: RunView }) {
  const row = costRowOf(view);
  return (
    <tr>
      <th scope="row">
        <RunName lane={lane} />
      </th>
      {row ? (
        <>
          <td>
            {compactNumber(row.weights)} {row.how !== 'whole' && <small>{row.how}</small>}
          </td>
          <td>{percent(row.weights / row.dense.weights)}</td>
          <td>{compactNumber(row.macs)}</td>
          <td>{percent(row.macs / row.dense.macs)}</td>
          <td>{row.milliseconds === null ? '–' : `${row.milliseconds.toFixed(1)} ms`}</td>
        </>
      ) : (
        <td colSpan={5} className="left stopped">
          Being prepared
        </td>
      )}
    </tr>
  );
}
