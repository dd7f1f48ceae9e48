import { type ChannelGroup, type Network, convolutionsOf, groupsOf } from '../core/network/index.ts';
import type { Scheme, SchemeContext, SchemeRun } from '../core/scheme/scheme.ts';
import { modelOf, networkFor, optionsOf } from '../core/spec/network.ts';
import { type Spec, stepsPerEpoch, totalSteps, warmupSteps } from '../core/spec/spec.ts';
import type { Hyper } from '../engine/engine.ts';
import { SCHEMES, schemeById } from '../schemes/index.ts';
import { hyperOf } from './schedule.ts';

/** What a scheme may measure; the run answers from its trainer. */
export type SchemeAccess = Pick<SchemeContext, 'read' | 'evaluate' | 'gradients' | 'explore'>;

/** Everything about a run that follows from its spec alone. */
export interface RunPlan {
  /** What is run, and what the spec names: the same layers, but for some schemes of other widths. */
  readonly network: Network;
  readonly model: Network;
  readonly scheme: SchemeRun;
  /** Convolutions whose channels the scheme may cut, in network order. */
  readonly prunable: readonly string[];
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly hyperAt: (step: number) => Hyper;
  /** Whether to evaluate on the test images after `step` updates: every `evaluateEvery` steps and at the end. */
  readonly evaluationDue: (step: number) => boolean;
}

/** Plans a run. Throws a sentence naming the key when the scheme cannot meet what the spec asks. */
export function planRun(spec: Spec, access: SchemeAccess): RunPlan {
  const model = modelOf(spec);
  const network = networkFor(spec, SCHEMES, model);
  const groups = groupsOf(network);
  const scheme = schemeById(spec.scheme.id);
  const steps = totalSteps(spec);
  const run = scheme.start({
    network,
    model,
    groups,
    budget: spec.scheme.budget,
    options: optionsOf(spec),
    seed: spec.seed,
    steps,
    warmupSteps: warmupSteps(spec),
    ...access,
  });
  return {
    network,
    model,
    scheme: run,
    prunable: run.prunable ?? cuttableLayers(network, groups, scheme),
    steps,
    stepsPerEpoch: stepsPerEpoch(spec),
    hyperAt: hyperOf(spec),
    evaluationDue: (step) => step === steps || step % spec.train.evaluateEvery === 0,
  };
}

function cuttableLayers(network: Network, groups: readonly ChannelGroup[], scheme: Scheme): readonly string[] {
  if (scheme.budgets.length === 0) return [];
  const cuttable = new Set(groups.filter((group) => group.cuttable).flatMap((group) => group.producers));
  return convolutionsOf(network).flatMap(({ id }) => (cuttable.has(id) ? [id] : []));
}
