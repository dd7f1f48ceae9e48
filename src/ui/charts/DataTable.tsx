import type { Clock } from '../../core/events/clocks.ts';
import { clockText } from './clock-text.ts';
import type { ChartPoint, ChartSeries } from './series.ts';

const FIRST_COLUMN: Readonly<Record<Clock, string>> = { step: 'Step', seconds: 'Wall time', macs: 'MACs spent' };

interface DataTableProps {
  readonly title: string;
  readonly clock: Clock;
  readonly points: readonly ChartPoint[];
  readonly series: readonly ChartSeries[];
  readonly text: (value: unknown) => string;
}

/** The newest values first, for screen readers and for reading off. */
export const DataTable = ({ title, clock, points, series, text }: DataTableProps) => (
  <div className="chart-table" tabIndex={0} role="region" aria-label={`${title} as a table`}>
    <table>
      <thead>
        <tr>
          <th scope="col">{FIRST_COLUMN[clock]}</th>
          {series.map(({ key, name }) => (
            <th scope="col" key={key}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {[...points].reverse().map((point) => (
          <tr key={point.x}>
            <th scope="row">{clock === 'step' ? point.x : clockText(clock, point.x)}</th>
            {series.map(({ key }) => (
              <td key={key}>{text(point[key])}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
