import type { StageReport } from '../sparsity/report.ts';
import type { StageEvent } from './events.ts';

interface Made {
  readonly pruned?: number;
  readonly units?: number;
  /** Share of the weights that is gone. */
  readonly weights?: number;
  readonly bits?: number;
  /** Kept and dense weights by layer. */
  readonly layers?: Readonly<Record<string, readonly [kept: number, dense: number]>>;
}

/** For tests: a stage with made-up figures. */
export function stageOf(step: number, granularity: StageReport['granularity'], made: Made = {}): StageEvent {
  const { pruned = 0, units, weights = 0, bits, layers = { a: [1, 2] } } = made;
  const size = { outputs: 1, rows: 1, positions: 1, macs: 1 };
  const latency = { batch: 64, median: 1, p95: 2, n: 3 };
  return {
    kind: 'stage',
    step,
    report: {
      index: 0,
      granularity,
      chosen: null,
      units: units === undefined ? null : { pruned, units },
      shares: { weights, macs: 0, parameters: 0 },
      layers: Object.entries(layers).map(([layer, [kept, dense]]) => ({
        layer,
        eligible: true,
        weights: { dense, kept },
        macs: { dense, kept },
        lowered: { dense: size, kept: size },
        ...(bits === undefined ? {} : { quantiser: { bits, step: 0.1 } }),
      })),
      structure: { channels: {} },
      storage: { dense: 64, compact: 32, quantised: null },
    },
    accuracy: { before: 0.5, masked: 0.25, recalibrated: 0.375, images: 8 },
    latencyMs: { before: latency, after: latency },
  };
}
