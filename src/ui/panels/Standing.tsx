import { Slider } from '@mantine/core';
import type { Criterion, Weights } from '../../core/race/standing.ts';
import { useLab } from '../app/lab-context.tsx';
import { compactNumber, percent } from '../widgets/format.ts';
import { RunName } from '../widgets/RunName.tsx';
import { type StandingRow, sharesOf, standingOf } from './standing-rows.ts';
import './compare.css';

const CRITERIA: readonly { readonly id: Criterion; readonly title: string }[] = [
  { id: 'accuracy', title: 'Accuracy' },
  { id: 'macs', title: 'MACs' },
  { id: 'latency', title: 'Latency' },
];
/** What is lost in accuracy is what most ask about first. */
export const FIRST_WEIGHTS: Weights = { accuracy: 2, macs: 1, latency: 1 };

/** Who came out best, by weights of the user's, once all runs that are not hidden have ended. */
export function Standing({ weights, onWeights }: { weights: Weights; onWeights: (weights: Weights) => void }) {
  const lab = useLab();
  const lanes = lab.store.getState().lanes.filter(({ hidden }) => !hidden);
  const standing = standingOf(lanes, lab.live, weights);
  if (!standing.decided) {
    const { ended, pending } = standing;
    return (
      <div className="standing-open">
        <p>
          The standing is decided when all runs have ended: {ended} of {lanes.length} {ended === 1 ? 'has' : 'have'}.
        </p>
        <ul aria-label="Still to end">
          {pending.map((lane) => (
            <li key={lane.run}>
              <RunName lane={lane} />
            </li>
          ))}
        </ul>
      </div>
    );
  }
  return (
    <div className="standing">
      <div className="standing-weights">
        {CRITERIA.map(({ id, title }) => (
          <div key={id} className="standing-weight" data-criterion={id}>
            <span>
              {title} <b>{weights[id]}</b>
            </span>
            <Slider
              size="xs"
              thumbLabel={`Weight of ${title}`}
              label={null}
              min={0}
              max={4}
              step={0.5}
              value={weights[id]}
              onChange={(weight) => onWeights({ ...weights, [id]: weight })}
            />
          </div>
        ))}
      </div>
      <div className="compare-table" tabIndex={0} role="region" aria-label="Standing">
        <table>
          <thead>
            <tr>
              <th scope="col">Rank</th>
              <th scope="col" className="left">
                Run
              </th>
              <th scope="col" className="left" title="Weighted sum of what each criterion gives, from 0 to 100">
                Score
              </th>
              <th scope="col">Test</th>
              <th scope="col">MACs</th>
              <th scope="col" title="Parameters">
                Params
              </th>
              <th scope="col" title="One image through the compact network: the median of measurements on this adapter">
                Latency
              </th>
              <th scope="col" title="Training images a second, measured">
                Images/s
              </th>
            </tr>
          </thead>
          <tbody>
            {standing.rows.map((row) => (
              <Row key={row.lane.run} {...row} />
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function Row({ lane, place, live, entry }: StandingRow) {
  if (place.stopped !== null) {
    return (
      <tr>
        <td>–</td>
        <th scope="row">
          <RunName lane={lane} />
        </th>
        <td colSpan={6} className="left stopped" title={place.stopped}>
          {place.stopped}
        </td>
      </tr>
    );
  }
  return (
    <tr>
      <td>{place.rank}</td>
      <th scope="row">
        <RunName lane={lane} />
      </th>
      <td>
        <Score place={place} />
      </td>
      <td>{percent(entry.accuracy)}</td>
      <td>{compactNumber(live.macs)}</td>
      <td>{compactNumber(live.parameters)}</td>
      <td>{entry.latencyMs === null ? '–' : `${entry.latencyMs.toFixed(2)} ms`}</td>
      <td>{Math.round(live.finish?.imagesPerSecond ?? 0).toLocaleString('en')}</td>
    </tr>
  );
}

/** A score out of 100, and a bar of what each criterion gave to it. */
function Score({ place }: Pick<StandingRow, 'place'>) {
  const { score, parts } = sharesOf(place);
  const title = (id: Criterion): string => CRITERIA.find((criterion) => criterion.id === id)?.title ?? id;
  return (
    <span
      className="score"
      title={parts.map(({ criterion, share }) => `${title(criterion)} ${(share * 100).toFixed(1)}`).join(', ')}
    >
      <b>{(score * 100).toFixed(1)}</b>
      <span className="score-bar" aria-hidden>
        {parts.map(({ criterion, share }) => (
          <span key={criterion} data-criterion={criterion} style={{ width: `${share * 100}%` }} />
        ))}
      </span>
    </span>
  );
}
