import { Swatch } from '../widgets/Swatch.tsx';
import type { ChartSeries } from './series.ts';

/** What each line of a chart is. */
export const Keys = ({ series }: { series: readonly ChartSeries[] }) => (
  <ul className="keys">
    {series.slice(0, 6).map(({ key, name, colour, dash }) => (
      <li key={key}>
        <Swatch style={{ colour, dash }} width={18} />
        {name}
      </li>
    ))}
    {series.length > 6 && <li>and {series.length - 6} more</li>}
  </ul>
);
