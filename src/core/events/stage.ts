import type { StageReport } from '../sparsity/report.ts';
import type { StageEvent } from './events.ts';

/** What a stage of structured sparsity did, in a sentence. */
export function stageSentence({ granularity, units, shares, layers }: StageReport): string {
  const gone = `${wholePercent(shares.weights)} of the weights gone so far.`;
  if (granularity === 'bits') {
    const bits = [...new Set(layers.flatMap(({ quantiser }) => quantiser?.bits ?? []))];
    return `Weights in ${bits.join(' or ')} bits; ${gone}`;
  }
  const pruned = units ? `${wholePercent(units.pruned / Math.max(1, units.units))} of the units, ` : '';
  return `${PRUNED[granularity]} pruned: ${pruned}${gone}`;
}

const PRUNED = { map: 'Maps', kernel: 'Kernels', stride: 'Strided taps' } as const;

const wholePercent = (share: number): string => `${Math.round(100 * share)} %`;

/** In `result.json`: a convolution or dense layer that a stage took weights from. */
export interface MaskEntry {
  readonly kind: 'mask';
  readonly step: number;
  readonly layer: string;
  /** Weights that are left, and those of the dense layer. */
  readonly weights: { readonly kept: number; readonly of: number };
}

/** The layers that a stage took weights from, in network order. `before`: the stage before it, if there was one. */
export function maskEntries({ step, report }: StageEvent, before: StageEvent | undefined): readonly MaskEntry[] {
  const earlier = new Map(before?.report.layers.map(({ layer, weights }) => [layer, weights.kept]));
  return report.layers.flatMap(({ layer, weights: { kept, dense } }): MaskEntry[] =>
    kept < (earlier.get(layer) ?? dense) ? [{ kind: 'mask', step, layer, weights: { kept, of: dense } }] : [],
  );
}
