import { useElementSize } from '@mantine/hooks';
import { useState } from 'react';
import { frontLine } from '../../core/pareto/pareto.ts';
import { useLab } from '../app/lab-context.tsx';
import { percent } from '../widgets/format.ts';
import { runStyle } from '../widgets/run-style.ts';
import { type Axis, axisOf, placeOn } from './axis.ts';
import type { Cost, Dot } from './dots.ts';
import { markPath } from './marks.ts';

const [LEFT, TOP, RIGHT, BOTTOM] = [48, 8, 18, 20];

export interface ParetoPlotProps {
  readonly title: string;
  readonly cost: Cost;
  readonly dots: readonly Dot[];
  readonly onShow: (run: number, step: number) => void;
}

/**
 * Cost from left to right, accuracy upwards; the front is joined by steps, what is behind it is dimmed. Drawn by hand:
 * Recharts' scatter would weigh on the script that the page begins with.
 */
export function ParetoPlot({ title, cost, dots, onShow }: ParetoPlotProps) {
  const lab = useLab();
  const { ref, width, height } = useElementSize();
  const [hovered, setHovered] = useState<Dot | null>(null);
  const { selected } = lab.store.getState();
  const { step: current } = lab.view(selected);
  const x = axisOf(dots.map((dot) => dot.cost));
  const y = axisOf(
    dots.map(({ accuracy }) => accuracy),
    false,
  );
  const [right, bottom] = [Math.max(LEFT + 40, width - RIGHT), Math.max(TOP + 30, height - BOTTOM)];
  const xOf = (value: number): number => LEFT + (right - LEFT) * placeOn(x, value);
  const yOf = (value: number): number => bottom - (bottom - TOP) * placeOn(y, value);
  const line = frontLine(dots, cost.better);
  const places = line.map((one) => `${xOf(one.cost)} ${yOf(one.accuracy)}`);
  // Up to a cost one gets what the latest dot below it has; down to a speed what the next dot above it has.
  const steps = line.map((one) => (cost.better === 'less' ? `H${xOf(one.cost)}` : `V${yOf(one.accuracy)}`));
  const path = places.map((place, i) => (i === 0 ? `M${place}` : `${steps[i] ?? ''}L${place}`)).join('');
  // What is behind the front is drawn first, so that it hides nothing.
  const drawn = [...dots].sort((a, b) => Number(a.front) - Number(b.front));
  const label = `${title}: ${dots.length} dots of test accuracy and ${cost.title}. The table lists them.`;
  return (
    <div ref={ref} className="pareto-plot" role="img" aria-label={label}>
      {width > 0 && (
        <svg width={width} height={height}>
          <Grid x={x} y={y} xOf={xOf} yOf={yOf} cost={cost} right={right} bottom={bottom} />
          <path className="pareto-front" d={path} />
          {drawn.map((dot) => (
            <g
              key={`${dot.run} ${dot.step}`}
              className="pareto-dot"
              data-front={dot.front || undefined}
              data-current={(dot.run === selected && dot.step === current) || undefined}
              transform={`translate(${xOf(dot.cost)} ${yOf(dot.accuracy)})`}
              onClick={() => onShow(dot.run, dot.step)}
              onPointerEnter={() => setHovered(dot)}
              onPointerLeave={() => setHovered(null)}
            >
              <circle className="pareto-reach" r={10} />
              {dot.dense && <circle className="pareto-dense" r={9} />}
              {dot.dense && (
                <text x={-13} y={4} textAnchor="end">
                  dense
                </text>
              )}
              <path d={markPath(dot.colour)} fill={runStyle(dot.colour).colour} />
            </g>
          ))}
        </svg>
      )}
      {hovered && <Tip dot={hovered} cost={cost} left={xOf(hovered.cost)} top={yOf(hovered.accuracy)} width={width} />}
    </div>
  );
}

interface GridProps {
  readonly x: Axis;
  readonly y: Axis;
  readonly xOf: (value: number) => number;
  readonly yOf: (value: number) => number;
  readonly cost: Cost;
  readonly right: number;
  readonly bottom: number;
}

const Grid = ({ x, y, xOf, yOf, cost, right, bottom }: GridProps) => (
  <g className="pareto-grid">
    {y.ticks.map((tick) => (
      <g key={tick}>
        <line x1={LEFT} x2={right} y1={yOf(tick)} y2={yOf(tick)} />
        <text x={LEFT - 6} y={yOf(tick) + 4} textAnchor="end">
          {Number((tick * 100).toFixed(2))} %
        </text>
      </g>
    ))}
    {x.ticks.map((tick) => (
      <g key={tick}>
        <line x1={xOf(tick)} x2={xOf(tick)} y1={TOP} y2={bottom} />
        <text x={xOf(tick)} y={bottom + 15} textAnchor="middle">
          {cost.tick(tick)}
        </text>
      </g>
    ))}
  </g>
);

/** Beside the dot, on the side where there is room. */
const Tip = ({ dot, cost, left, top, width }: { dot: Dot; cost: Cost; left: number; top: number; width: number }) => (
  <div
    className="pareto-tip"
    style={{ top: Math.max(0, top - 40), ...(left < width / 2 ? { left: left + 14 } : { right: width - left + 14 }) }}
  >
    <strong>{dot.name}</strong>
    <span>
      Step {dot.step.toLocaleString('en')}: {percent(dot.accuracy)} of the test images
    </span>
    <span>
      {cost.title}: {cost.text(dot.cost)}
    </span>
    {dot.ratio !== null && <span>{percent(dot.ratio)} of dense</span>}
    <span>{dot.front ? 'On the front' : 'Behind the front'}</span>
  </div>
);
