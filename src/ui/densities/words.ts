import { compactNumber, percent } from '../widgets/format.ts';
import type { DensityRow } from './bars.ts';
import type { Picture } from './use-picture.ts';

const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** The sum of what stays and of everything, in weights and MACs; null before it is known. */
export function totalsOf(rows: readonly DensityRow[]): {
  readonly weights: number;
  readonly macs: number;
  readonly keptWeights: number | null;
  readonly keptMacs: number | null;
} {
  const sum = (of: (row: DensityRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const known = rows.every(({ kept }) => kept !== null);
  return {
    weights: sum(({ weights }) => weights),
    macs: sum(({ macs }) => macs),
    keptWeights: known ? sum(({ kept }) => kept ?? 0) : null,
    keptMacs: known ? sum(({ kept, weights, macs }) => (weights > 0 ? ((kept ?? 0) / weights) * macs : 0)) : null,
  };
}

/** What stays in all, in one line. A mask saves no multiply-adds, so it tells none. */
export function summaryOf({ rows, scheme, problem }: Pick<Picture, 'rows' | 'scheme' | 'problem'>): string {
  if (problem) return problem;
  const { weights, macs, keptWeights, keptMacs } = totalsOf(rows);
  if (keptWeights === null || keptMacs === null) {
    if (rows.some(({ asked }) => asked === null)) return 'The scores are worked out when the run is prepared.';
    const scored = rows.reduce((sum, row) => sum + (row.asked ?? 0) * row.weights, 0);
    return `${compactNumber(scored)} weights (${percent(scored / weights)}) after this pass`;
  }
  const kept = `${compactNumber(keptWeights)} weights (${percent(keptWeights / weights)})`;
  return scheme.id === 'pai-mask'
    ? `${kept}, all ${compactNumber(macs)} MACs`
    : `${kept}, ${compactNumber(keptMacs)} MACs (${percent(keptMacs / macs)})`;
}

/** One layer in one line. */
export function layerText({ layer, weights, asked, kept }: DensityRow): string {
  const wanted = asked === null ? '' : `, density ${asked.toFixed(3)} asked for`;
  const stays =
    kept === null
      ? `, ${whole(weights)} weights`
      : `, ${whole(kept)} of ${whole(weights)} weights kept (${(weights > 0 ? kept / weights : 0).toFixed(3)})`;
  return `${layer}${wanted}${stays}`;
}

/** Where the densities come from, as the field calls it. */
export const SOURCE_NAMES: Readonly<Record<string, string>> = {
  synexp: 'SynExp',
  synflow: 'SynFlow',
  snip: 'SNIP',
  grasp: 'GraSP',
  magnitude: 'magnitude',
  random: 'random scores',
  erk: 'ERK',
  uniform: 'uniform',
};
