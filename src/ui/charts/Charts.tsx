import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { CartesianGrid, Line, LineChart, ReferenceLine, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import type { RunView } from '../../core/events/view.ts';
import { useRunView } from '../app/lab-context.tsx';
import { type ChartPoint, type ChartSeries, accuracySeries, lossSeries, widthSeries } from './series.ts';

/** Loss, accuracy and widths over the steps; updated as the view is published, at most four times a second. */
export function Charts() {
  const view = useRunView();
  return (
    <section className="charts" aria-label="Charts">
      <Chart title="Loss" view={view} {...lossSeries(view)} digits={3} grid={0.1} floor="auto" />
      <Chart title="Accuracy" view={view} {...accuracySeries(view)} digits={1} unit=" %" grid={20} />
      <Chart title="Widths" view={view} {...widthSeries(view)} digits={0} grid={8} stepped />
    </section>
  );
}

interface ChartProps {
  readonly title: string;
  readonly view: RunView;
  readonly points: readonly ChartPoint[];
  readonly series: readonly ChartSeries[];
  readonly digits: number;
  readonly unit?: string;
  readonly stepped?: boolean;
  /** The axis ends at a multiple of this; it begins at zero unless the curve's own range matters more. */
  readonly grid: number;
  readonly floor?: 0 | 'auto';
}

function Chart({ title, view, points, series, digits, unit = '', stepped = false, grid, floor = 0 }: ChartProps) {
  const [table, setTable] = useState(false);
  const decisions = view.decisions.filter(({ step }) => step > 0);
  const text = (value: unknown): string => (typeof value === 'number' ? `${value.toFixed(digits)}${unit}` : '–');
  return (
    <figure className="chart card">
      <figcaption className="card-head">
        <h2>{title}</h2>
        <Keys series={series} />
        <Button
          size="compact-xs"
          variant="subtle"
          onClick={() => setTable(!table)}
          aria-label={`${title}: ${table ? 'show as chart' : 'show as table'}`}
        >
          {table ? 'Chart' : 'Table'}
        </Button>
      </figcaption>
      <div className="chart-body">
        {table ? (
          <DataTable title={title} points={points} series={series} text={text} />
        ) : points.length === 0 ? (
          <p className="chart-empty">{EMPTY}</p>
        ) : (
          <ResponsiveContainer width="100%" height="100%" minWidth={0}>
            <LineChart
              data={points as ChartPoint[]}
              margin={{ top: 6, right: 10, bottom: 0, left: -14 }}
              accessibilityLayer={false}
            >
              <CartesianGrid vertical={false} stroke="var(--line)" />
              <XAxis
                dataKey="step"
                type="number"
                domain={[0, Math.max(1, view.step)]}
                stroke="var(--faint)"
                tick={TICK}
                tickLine={false}
              />
              <YAxis
                domain={[floor, (most: number) => Math.ceil(most / grid) * grid]}
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
                labelFormatter={(step) => (typeof step === 'number' ? `Step ${step.toLocaleString('en')}` : '')}
                contentStyle={TOOLTIP}
              />
              {decisions.map(({ step }) => (
                <ReferenceLine key={step} x={step} stroke="var(--mark)" strokeDasharray="2 3" />
              ))}
              {series.map(({ key, name, colour, dash, dots }) => (
                <Line
                  key={key}
                  dataKey={key}
                  name={name}
                  stroke={colour}
                  type={stepped ? 'stepAfter' : 'linear'}
                  strokeWidth={dots ? 2 : 1.5}
                  {...(dash ? { strokeDasharray: dash } : {})}
                  dot={dots ? { r: 3, strokeDasharray: '0' } : false}
                  isAnimationActive={false}
                  connectNulls
                />
              ))}
            </LineChart>
          </ResponsiveContainer>
        )}
      </div>
    </figure>
  );
}

const EMPTY = 'Curves begin with the first step.';
/** As short as an axis has room for; an exploding loss too. */
const tickText = (value: number): string =>
  Math.abs(value) >= 1e4 ? value.toPrecision(2) : String(Number(value.toFixed(2)));
const TICK = { fontSize: 11, fill: 'var(--muted)' };
const TOOLTIP = { background: 'var(--surface)', border: '1px solid var(--line)', borderRadius: 8, fontSize: 12 };

const Keys = ({ series }: { series: readonly ChartSeries[] }): ReactNode => (
  <ul className="keys">
    {series.slice(0, 6).map(({ key, name, colour, dash }) => (
      <li key={key}>
        <svg width="18" height="6" aria-hidden>
          <line
            x1="0"
            y1="3"
            x2="18"
            y2="3"
            stroke={colour}
            strokeWidth="2"
            {...(dash ? { strokeDasharray: dash } : {})}
          />
        </svg>
        {name}
      </li>
    ))}
    {series.length > 6 && <li>and {series.length - 6} more</li>}
  </ul>
);

/** The newest values, for screen readers and for reading off. */
function DataTable({
  title,
  points,
  series,
  text,
}: {
  title: string;
  points: readonly ChartPoint[];
  series: readonly ChartSeries[];
  text: (value: unknown) => string;
}) {
  return (
    <div className="chart-table" tabIndex={0} role="region" aria-label={`${title} as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Step</th>
            {series.map(({ key, name }) => (
              <th scope="col" key={key}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...points].reverse().map((point) => (
            <tr key={point.step}>
              <th scope="row">{point.step}</th>
              {series.map(({ key }) => (
                <td key={key}>{text(point[key])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
