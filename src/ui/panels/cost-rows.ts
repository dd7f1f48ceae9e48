import type { DensityReport } from '../../core/density/report.ts';
import type { RunView } from '../../core/events/view.ts';

/** What a run's network costs as it stands now. */
export interface CostRow {
  /** Weights that are not zero by a mask, and how. */
  readonly weights: number;
  readonly how: 'masked' | 'cropped' | 'pruned' | 'whole';
  readonly macs: number;
  /** Of the dense network. */
  readonly dense: { readonly weights: number; readonly macs: number };
  /** Median of its latest training steps; null before the first. */
  readonly milliseconds: number | null;
}

export function costRowOf(view: RunView): CostRow | null {
  const { start, densities, macs, parameters, latestMilliseconds } = view;
  if (!start) return null;
  const masked = densities?.removes === 'weights';
  const cropped = densities?.removes === 'channels';
  return {
    // A mask leaves the network as large as ever; what it keeps is what its densities say.
    weights: masked ? densities.layers.reduce((sum, { kept }) => sum + kept, 0) : parameters,
    how: masked ? 'masked' : cropped ? 'cropped' : parameters < start.dense.parameters ? 'pruned' : 'whole',
    macs,
    dense: { weights: start.dense.parameters, macs: start.dense.macs },
    milliseconds: median(latestMilliseconds),
  };
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.ceil((sorted.length - 1) / 2)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

const BLIND: readonly DensityReport['source'][] = ['synexp', 'erk', 'uniform'];

/** Whether a crop looked at neither data nor weights: its densities follow from the shape of the network alone. */
export const isBlindCrop = ({ densities }: RunView): boolean =>
  densities !== null && densities.removes === 'channels' && BLIND.includes(densities.source);
