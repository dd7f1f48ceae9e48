import type { CSSProperties } from 'react';
import { Swatch } from '../widgets/Swatch.tsx';
import type { ChartSeries } from './series.ts';

/** What each line of a chart is. */
export const Keys = ({ series }: { series: readonly ChartSeries[] }) => (
  <ul className="keys" style={{ '--keys': series.length } as CSSProperties}>
    {series.slice(0, 6).map(({ key, name, colour, dash }) => (
      <li key={key} title={name}>
        <Swatch style={{ colour, dash }} width={18} />
        <span>{name}</span>
      </li>
    ))}
    {series.length > 6 && <li>and {series.length - 6} more</li>}
  </ul>
);
