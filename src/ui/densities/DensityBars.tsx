import type { PointerEvent, ReactNode } from 'react';
import { compactNumber } from '../widgets/format.ts';
import {
  type BarBox,
  type DensityRow,
  type Unit,
  askedOf,
  axisTicks,
  barAt,
  heightOf,
  keptOf,
  wholeOf,
} from './bars.ts';

const LEFT = 46;
/** Room for the knob of the level. */
const RIGHT = 30;
const GAP = 22;
const TOP = 16;

/** The boxes of the two charts within a plot. */
export function boxesOf(width: number, height: number, mostDensity: number, mostAmount: number): [BarBox, BarBox] {
  const room = Math.max(40, height - TOP - GAP - 4);
  const first = {
    left: LEFT,
    top: TOP,
    width: Math.max(40, width - LEFT - RIGHT),
    height: room * 0.42,
    most: mostDensity,
  };
  const second = { ...first, top: TOP + first.height + GAP, height: room - first.height, most: mostAmount };
  return [first, second];
}

export interface DensityBarsProps {
  readonly rows: readonly DensityRow[];
  readonly unit: Unit;
  readonly boxes: readonly [BarBox, BarBox];
  readonly width: number;
  readonly height: number;
  readonly pointed: number | null;
  /** Densities of another run at the same layers. */
  readonly others: readonly number[] | null;
  onPoint(index: number | null): void;
}

/** Density above, kept weights (or MACs) below, a bar a layer: what stays, what was asked for, and the whole layer. */
export function DensityBars({ rows, unit, boxes, width, height, pointed, others, onPoint }: DensityBarsProps) {
  const [densities, amounts] = boxes;
  const point = (event: PointerEvent<SVGSVGElement>): void => {
    const at = event.clientX - event.currentTarget.getBoundingClientRect().left - densities.left;
    const index = Math.floor((at / densities.width) * rows.length);
    onPoint(index >= 0 && index < rows.length ? index : null);
  };
  return (
    <svg
      className="density-plot"
      width={width}
      height={height}
      aria-hidden
      onPointerMove={point}
      onPointerLeave={() => onPoint(null)}
    >
      <Axis box={densities} title="Density" text={(value) => String(Number(value.toFixed(2)))} />
      <Axis box={amounts} title={unit === 'macs' ? 'Kept MACs' : 'Kept weights'} text={axisNumber} />
      {pointed !== null && <Column box={densities} below={amounts} index={pointed} count={rows.length} />}
      {rows.map((row, index) => {
        const whole = row.weights > 0 ? 1 : 0;
        const kept = row.kept === null || row.weights === 0 ? null : row.kept / row.weights;
        return (
          <g key={row.layer}>
            <Bar box={densities} index={index} count={rows.length} whole={whole} kept={kept} asked={row.asked} />
            <Bar
              box={amounts}
              index={index}
              count={rows.length}
              whole={wholeOf(row, unit)}
              kept={keptOf(row, unit)}
              asked={askedOf(row, unit)}
            />
            {others?.[index] !== undefined && (
              <Other box={densities} index={index} count={rows.length} density={others[index]} />
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** Short enough for the margin: 0, 500, 10k, 1.5M. */
function axisNumber(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toFixed(1))}M`;
  return value >= 1e4 ? `${Number((value / 1e3).toFixed(1))}k` : compactNumber(value);
}

function Axis({ box, title, text }: { box: BarBox; title: string; text: (value: number) => string }): ReactNode {
  const bottom = box.top + box.height;
  return (
    <g className="density-axis">
      <text className="density-title" x={box.left} y={box.top - 5}>
        {title}
      </text>
      {axisTicks(box.most).map((value) => {
        const y = Math.round(bottom - heightOf(box, value)) + 0.5;
        return (
          <g key={value}>
            <line x1={box.left} x2={box.left + box.width} y1={y} y2={y} />
            <text x={box.left - 5} y={y + 3.5} textAnchor="end">
              {text(value)}
            </text>
          </g>
        );
      })}
    </g>
  );
}

const Column = ({ box, below, index, count }: { box: BarBox; below: BarBox; index: number; count: number }) => (
  <rect
    className="density-column"
    x={box.left + (box.width / count) * index}
    width={box.width / count}
    y={box.top}
    height={below.top + below.height - box.top}
  />
);

interface BarProps {
  readonly box: BarBox;
  readonly index: number;
  readonly count: number;
  readonly whole: number;
  readonly kept: number | null;
  readonly asked: number | null;
}

function Bar({ box, index, count, whole, kept, asked }: BarProps) {
  const { x, width } = barAt(box, index, count);
  const bottom = box.top + box.height;
  const bar = (value: number): { x: number; width: number; y: number; height: number } => {
    const height = heightOf(box, value);
    return { x, width, y: bottom - height, height };
  };
  return (
    <>
      <rect className="density-whole" {...bar(whole)} />
      {kept !== null && <rect className="density-kept" {...bar(kept)} />}
      {kept === null && asked !== null && <rect className="density-score" {...bar(asked)} />}
      {asked !== null && asked <= box.most && (
        <line
          className="density-asked"
          x1={x - 1.5}
          x2={x + width + 1.5}
          y1={bottom - heightOf(box, asked)}
          y2={bottom - heightOf(box, asked)}
        />
      )}
    </>
  );
}

function Other({ box, index, count, density }: { box: BarBox; index: number; count: number; density: number }) {
  const { x, width } = barAt(box, index, count);
  const y = box.top + box.height - heightOf(box, density);
  return <circle className="density-other" cx={x + width / 2} cy={y} r={Math.min(3.5, Math.max(2, width / 2))} />;
}
