import type { DensityReport } from '../../core/density/report.ts';

/** One layer of the two bar charts. */
export interface DensityRow {
  readonly layer: string;
  readonly weights: number;
  readonly macs: number;
  /** Share of the weights asked for; null before it is known. */
  readonly asked: number | null;
  /** Weights that stay in fact; null where that is not known or not decided yet. */
  readonly kept: number | null;
}

/** What a budget counts, and so what the second chart shows of each layer. */
export type Unit = 'weights' | 'macs';

/** What a run kept, layer by layer; with `pass`, what was asked for after that many passes of its score. */
export function rowsOf(report: DensityReport, pass: number | null = null): readonly DensityRow[] {
  const at = pass === null ? undefined : report.passes?.[pass - 1];
  return report.layers.map(({ layer, weights, macs, density, kept }, index) => {
    const asked = at?.[index];
    return asked === undefined
      ? { layer, weights, macs, asked: density, kept }
      : { layer, weights, macs, asked, kept: null };
  });
}

export const wholeOf = (row: DensityRow, unit: Unit): number => row[unit];

/** What stays of a layer in a unit: MACs go with the weights, since every weight is used once for each output pixel. */
export const keptOf = (row: DensityRow, unit: Unit): number | null =>
  row.kept === null || row.weights === 0 ? null : (row.kept / row.weights) * row[unit];

/** What was asked to stay. */
export const askedOf = (row: DensityRow, unit: Unit): number | null =>
  row.asked === null ? null : row.asked * row[unit];

/** Share of all weights or MACs that stays where no layer keeps more than the level. */
export function keepAtLevel(wholes: readonly number[], level: number): number {
  const total = wholes.reduce((sum, whole) => sum + whole, 0);
  const kept = wholes.reduce((sum, whole) => sum + Math.min(whole, Math.max(0, level)), 0);
  return total > 0 ? kept / total : 0;
}

/**
 * Where the axis of the second chart ends: the largest layer halved as often as leaves the level in the upper part, so
 * that small budgets can be read too and the axis stays the same while the level moves a little.
 */
export function axisTop(largest: number, level: number | null): number {
  if (level === null || level <= 0) return largest;
  return largest / 2 ** Math.max(0, Math.ceil(Math.log2(largest / (2.5 * level))));
}

/** Round numbers up to the end of an axis, zero among them: about three. */
export function axisTicks(top: number): readonly number[] {
  if (!(top > 0)) return [0];
  const rough = top / 2.5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, index) => index * step);
}

/** A plot of bars in pixels: where each layer stands, and how high values are. */
export interface BarBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** The value at the upper edge. */
  readonly most: number;
}

/** Place and thickness of one of `count` bars. */
export function barAt(box: Pick<BarBox, 'left' | 'width'>, index: number, count: number): { x: number; width: number } {
  const pitch = box.width / Math.max(1, count);
  const width = Math.max(1, Math.min(44, pitch * 0.72));
  return { x: box.left + pitch * (index + 0.5) - width / 2, width };
}

/** Height in pixels of a value; what is larger than the axis ends at its upper edge. */
export const heightOf = ({ height, most }: BarBox, value: number): number =>
  most > 0 ? (Math.min(Math.max(0, value), most) / most) * height : 0;

/** The value at a height above the lower edge of a box. */
export const valueAt = ({ height, most }: BarBox, above: number): number =>
  (Math.min(Math.max(0, above), height) / height) * most;
