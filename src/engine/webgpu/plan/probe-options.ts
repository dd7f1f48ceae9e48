import type { Statistics } from './forward.ts';

/** How a plan for a probe differs from one for training. */
export interface ProbeOptions {
  readonly statistics: Statistics;
  /** Nodes (no flattens) whose outputs, and the loss's gradients there, can be read after a run. */
  readonly keep: ReadonlySet<string>;
  /** Nodes whose outputs are divided by a power of two (see `rescale` in GradientRequest), in network order. */
  readonly rescale: readonly string[];
}

/** Nodes whose outputs a probe needs, so that no unit may swallow them. */
export const wantedBy = (probe: ProbeOptions | undefined): ReadonlySet<string> =>
  new Set(probe ? [...probe.keep, ...probe.rescale] : []);
