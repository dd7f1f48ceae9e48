import { percent } from '../widgets/format.ts';

/** A plot of accuracies in pixels. */
export interface PlotBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Accuracies at the lower and upper edge. */
  readonly range: readonly [number, number];
}

export const heightAt = ({ top, height, range: [low, high] }: PlotBox, accuracy: number): number =>
  top + height * (1 - (accuracy - low) / (high - low));

export function AccuracyAxis({ box, ticks }: { box: PlotBox; ticks: readonly number[] }) {
  const fine = ticks.some((tick) => Math.abs(tick * 100 - Math.round(tick * 100)) > 1e-6);
  return (
    <g className="accuracy-axis">
      {ticks.map((tick) => {
        const y = Math.round(heightAt(box, tick)) + 0.5;
        return (
          <g key={tick}>
            <line x1={box.left} x2={box.left + box.width} y1={y} y2={y} />
            <text x={box.left - 6} y={y + 3.5} textAnchor="end">
              {percent(tick, fine ? 1 : 0)}
            </text>
          </g>
        );
      })}
    </g>
  );
}
