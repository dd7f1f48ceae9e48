import { type ChannelGroup, type Network, buildNetwork, convolutionsOf, groupsOf } from '../core/network/index.ts';
import type { Scheme, SchemeContext, SchemeRun } from '../core/scheme/scheme.ts';
import type { OptionValue } from '../core/spec/options.ts';
import { type Spec, stepsPerEpoch, totalSteps, warmupSteps } from '../core/spec/spec.ts';
import type { Hyper } from '../engine/engine.ts';
import { schemeById } from '../schemes/index.ts';
import { hyperOf } from './schedule.ts';

/** What a scheme may measure; the run answers from its trainer. */
export type SchemeAccess = Pick<SchemeContext, 'read' | 'evaluate' | 'gradients'>;

/** Everything about a run that follows from its spec alone. */
export interface RunPlan {
  readonly network: Network;
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
  const network = buildNetwork(spec.model.id, spec.model.width);
  const groups = groupsOf(network);
  const scheme = schemeById(spec.scheme.id);
  const steps = totalSteps(spec);
  const run = scheme.start({
    network,
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

/** The scheme's own options: what stands beside `id` and `budget`. */
function optionsOf({ scheme }: Spec): Readonly<Record<string, OptionValue>> {
  const options: Record<string, OptionValue> = {};
  for (const [key, value] of Object.entries(scheme)) {
    if (key === 'id' || key === 'budget' || value === undefined) continue;
    options[key] = value as OptionValue;
  }
  return options;
}
