import { structureKey } from '../../core/network/index.ts';
import type { Lane } from '../../state/lanes.ts';
import { useLab } from '../app/lab-context.tsx';
import { percent } from '../widgets/format.ts';
import { RunName } from '../widgets/RunName.tsx';
import { sizesOf, structureOf } from './networks.ts';
import { BATCHES, imagesText, rowsOf } from './rows.ts';
import { useMeasurements } from './use-measurements.ts';

/** How many times faster than dense each run's network is, beside what its MACs predict. */
export const RaceSpeeds = ({ lanes }: { lanes: readonly Lane[] }) => (
  <div className="measured" tabIndex={0} role="region" aria-label="Measured, all runs">
    <div className="compare-table">
      <table>
        <thead>
          <tr>
            <th scope="col" className="left">
              Run
            </th>
            <th scope="col">MACs</th>
            <th scope="col" title="How many times faster, if time followed the MACs">
              in theory
            </th>
            {BATCHES.map((batch) => (
              <th scope="col" key={batch}>
                {imagesText(batch)}
              </th>
            ))}
            <th scope="col">training</th>
          </tr>
        </thead>
        <tbody>
          {lanes.map((lane) => (
            <Row key={lane.run} lane={lane} />
          ))}
        </tbody>
      </table>
    </div>
    <div className="measured-notes">
      <p>
        How many times faster than the dense network: if time followed the MACs, and measured, each run by turns with
        its dense network.
      </p>
    </div>
  </div>
);

function Row({ lane }: { lane: Lane }) {
  const { run, recorded } = lane;
  const lab = useLab();
  const { measurements, state } = useMeasurements();
  const view = lab.view(run);
  const sizes = sizesOf(view);
  const structure = structureOf(view);
  if (!sizes || !structure) {
    return (
      <tr>
        <Name lane={lane} />
        <td colSpan={2 + BATCHES.length + 1} className="left stopped">
          Being prepared
        </td>
      </tr>
    );
  }
  const pair = measurements.pair(run, structureKey(structure));
  const older = pair ? null : measurements.pair(run);
  const times = rowsOf(sizes, pair).filter(({ what }) => what === 'latency' || what === 'training');
  const why = recorded
    ? 'recorded elsewhere'
    : (state.problems.get(run) ??
      (older ? `measured at step ${older.now.step}; the network has changed since` : 'not measured'));
  return (
    <tr>
      <Name lane={lane} />
      <td>{percent(sizes.now.macs / sizes.dense.macs)}</td>
      <td>{faster(sizes.dense.macs / sizes.now.macs)}</td>
      {pair ? (
        times.map(({ what, label, ratio }) => (
          <td key={label}>
            <b>{ratio === null ? '–' : faster(what === 'training' ? ratio : 1 / ratio)}</b>
          </td>
        ))
      ) : (
        <td colSpan={times.length} className="stopped" title={why}>
          {why}
        </td>
      )}
    </tr>
  );
}

const Name = ({ lane }: { lane: Lane }) => (
  <th scope="row">
    <RunName lane={lane} />
  </th>
);

const faster = (times: number): string => `${times.toFixed(2)} ×`;
