import { differencesBetween } from '../../core/spec/differences.ts';
import { useLabState } from '../app/lab-context.tsx';
import { RunName } from '../widgets/RunName.tsx';
import './compare.css';

/** In what the runs that are not hidden differ: a row for each key of their specs, a column for each run. */
export function Differences() {
  const lanes = useLabState((state) => state.lanes).filter(({ hidden }) => !hidden);
  const differences = differencesBetween(lanes.map(({ spec }) => spec));
  if (differences.length === 0) return <p className="chart-empty">These runs have the same specs.</p>;
  return (
    <div className="compare-table differences" tabIndex={0} role="region" aria-label="Differences">
      <table>
        <thead>
          <tr>
            <th scope="col" className="left">
              Key
            </th>
            {lanes.map((lane) => (
              <th scope="col" key={lane.run}>
                <RunName lane={lane} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {differences.map(({ path, values }) => (
            <tr key={path}>
              <th scope="row" className="left">
                {path}
              </th>
              {lanes.map(({ run }, i) => (
                <td key={run}>{values[i]}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
