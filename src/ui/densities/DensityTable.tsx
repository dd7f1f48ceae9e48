import type { DensityRow } from './bars.ts';

const whole = (value: number | null): string => (value === null ? '–' : Math.round(value).toLocaleString('en'));
const share = (value: number | null): string => (value === null ? '–' : value.toFixed(3));

/** The two bar charts as a table. */
export const DensityTable = ({ rows }: { rows: readonly DensityRow[] }) => (
  <div className="chart-table" tabIndex={0} role="region" aria-label="Densities as a table">
    <table>
      <thead>
        <tr>
          <th scope="col">Layer</th>
          <th scope="col">Weights</th>
          <th scope="col">MACs</th>
          <th scope="col">Density asked for</th>
          <th scope="col">Kept weights</th>
          <th scope="col">Density kept</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ layer, weights, macs, asked, kept }) => (
          <tr key={layer}>
            <th scope="row">{layer}</th>
            <td>{whole(weights)}</td>
            <td>{whole(macs)}</td>
            <td>{share(asked)}</td>
            <td>{whole(kept)}</td>
            <td>{share(kept === null || weights === 0 ? null : kept / weights)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
