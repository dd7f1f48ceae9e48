import { type ReactNode, useState } from 'react';
import { CartesianGrid, Line, LineChart, ReferenceLine, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import type { Clock } from '../../core/events/clocks.ts';
import { Card, TableSwitch } from './Card.tsx';
import { clockText, clockTick } from './clock-text.ts';
import { DataTable } from './DataTable.tsx';
import { Keys } from './Keys.tsx';
import type { ChartData } from './series.ts';

/** The axis that all charts of the row share. */
export interface XScale {
  readonly clock: Clock;
  /** Where it ends: where the longest run stands now, also while an earlier step is looked at. */
  readonly end: number;
  /** Where the selected run's channels were decided. */
  readonly marks: readonly number[];
}

export interface LinesProps extends ChartData {
  readonly title: string;
  readonly scale: XScale;
  readonly digits: number;
  readonly unit?: string;
  readonly stepped?: boolean;
  /** The axis ends at a multiple of this; it begins at zero unless the curve's own range matters more. */
  readonly grid: number;
  readonly floor?: 0 | 'auto';
  /** What lies above is cut off. */
  readonly ceiling?: number;
}

/** A chart in a card of its own. `note` says what it shows where its title alone does not. */
export function Chart({ keys = true, note, ...lines }: LinesProps & { keys?: boolean; note?: ReactNode }) {
  const [table, setTable] = useState(false);
  return (
    <Card
      head={
        <>
          <h2>{lines.title}</h2>
          {note && <p className="chart-note">{note}</p>}
          {keys ? <Keys series={lines.series} /> : <span className="keys" />}
          <TableSwitch title={lines.title} table={table} onSwitch={setTable} />
        </>
      }
    >
      <Lines table={table} {...lines} />
    </Card>
  );
}

/** The lines of a chart, or the same as a table. */
export function Lines({ table, ...lines }: LinesProps & { table: boolean }) {
  const { title, points, series, scale, digits, unit = '' } = lines;
  const text = (value: unknown): string => (typeof value === 'number' ? `${value.toFixed(digits)}${unit}` : '–');
  if (table) return <DataTable title={title} clock={scale.clock} points={points} series={series} text={text} />;
  if (points.length === 0) return <p className="chart-empty">Curves begin with the first step.</p>;
  return <Plot {...lines} text={text} />;
}

function Plot({
  points,
  series,
  scale: { clock, end, marks },
  stepped = false,
  grid,
  floor = 0,
  ceiling = Infinity,
  text,
}: LinesProps & { text: (value: unknown) => string }) {
  const top = (most: number): number => Math.ceil(Math.min(most, ceiling) / grid) * grid;
  return (
    <ResponsiveContainer width="100%" height="100%" minWidth={0}>
      <LineChart data={[...points]} margin={{ top: 6, right: 10, bottom: 0, left: -14 }} accessibilityLayer={false}>
        <CartesianGrid vertical={false} stroke="var(--line)" />
        <XAxis
          dataKey="x"
          type="number"
          domain={[0, end]}
          stroke="var(--faint)"
          tick={TICK}
          tickLine={false}
          tickFormatter={(value: number) => clockTick(clock, value)}
        />
        <YAxis
          domain={[floor, top]}
          allowDataOverflow={ceiling < Infinity}
          stroke="var(--faint)"
          tick={TICK}
          tickLine={false}
          axisLine={false}
          width={52}
          tickFormatter={tickText}
        />
        <Tooltip
          isAnimationActive={false}
          formatter={text}
          labelFormatter={(x) => (typeof x === 'number' ? `${LABELS[clock]} ${clockText(clock, x)}` : '')}
          contentStyle={TOOLTIP}
        />
        {marks.map((x) => (
          <ReferenceLine key={x} x={x} stroke="var(--mark)" strokeDasharray="2 3" />
        ))}
        {series.map(({ key, name, colour, dash, dots, strong }) => (
          <Line
            key={key}
            dataKey={key}
            name={name}
            stroke={colour}
            type={stepped ? 'stepAfter' : 'linear'}
            strokeWidth={strong ? 2.5 : dots && strong === undefined ? 2 : 1.5}
            {...(dash ? { strokeDasharray: dash } : {})}
            dot={dots ? { r: strong === undefined ? 3 : 2.5, strokeDasharray: '0' } : false}
            isAnimationActive={false}
            connectNulls
          />
        ))}
      </LineChart>
    </ResponsiveContainer>
  );
}

const LABELS: Readonly<Record<Clock, string>> = { step: 'Step', seconds: 'After', macs: 'MACs spent:' };
/** As short as an axis has room for; an exploding loss too. */
const tickText = (value: number): string =>
  Math.abs(value) >= 1e4 ? value.toPrecision(2) : String(Number(value.toFixed(2)));
const TICK = { fontSize: 11, fill: 'var(--muted)' };
const TOOLTIP = { background: 'var(--surface)', border: '1px solid var(--line)', borderRadius: 8, fontSize: 12 };
