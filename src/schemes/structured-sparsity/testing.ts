import {
  type Network,
  type Structure,
  type Tensors,
  denseStructure,
  groupsOf,
  initialParameters,
  keptOf,
} from '../../core/network/index.ts';
import type { Candidate, Decision, SchemeContext, SchemeProgress, SchemeRun } from '../../core/scheme/scheme.ts';
import type { StageReport } from '../../core/sparsity/index.ts';
import { completeList } from '../../core/spec/list.ts';
import type { OptionItem, OptionList, OptionValue } from '../../core/spec/options.ts';
import { structuredSparsity } from './index.ts';

/** For tests: runs of the scheme over parameters set by hand, whose masks are scored by a formula in place of images. */

export const STEPS = 100;
export type Given = Readonly<Record<string, OptionValue>>;

/** A call to score candidates. */
export interface Scored {
  readonly candidates: readonly Candidate[];
  readonly images: number;
}

export interface Lab {
  readonly network: Network;
  readonly run: SchemeRun;
  readonly parameters: Map<string, Float32Array>;
  readonly calls: Scored[];
  readonly progress: SchemeProgress[];
  /** Every candidate that was ever scored. */
  candidates(): readonly Candidate[];
}

export interface LabOptions {
  readonly seed?: number;
  readonly parameters?: Map<string, Float32Array>;
  /** Images of the held-out slice. */
  readonly heldOut?: number;
  /** The call to score candidates, from 1, that rejects. */
  readonly rejectsAt?: number;
}

export function labOf(network: Network, given: Given, about: LabOptions = {}): Lab {
  const { seed = 1, heldOut = 200, rejectsAt } = about;
  const parameters = about.parameters ?? new Map(initialParameters(network, 1));
  const calls: Scored[] = [];
  const progress: SchemeProgress[] = [];
  let asked = 0;
  const context: SchemeContext = {
    network,
    groups: groupsOf(network),
    budget: undefined,
    options: settled(network, given),
    seed,
    steps: STEPS,
    warmupSteps: 3,
    read: async (names) => new Map(names.map((name) => [name, parameters.get(name)?.slice() ?? new Float32Array()])),
    evaluate: () => Promise.reject(new Error('masks are scored by exploring')),
    gradients: () => Promise.reject(new Error('this scheme asks for no gradient')),
    explore: {
      images: heldOut,
      accuracies: async (candidates, images) => {
        if (++asked === rejectsAt) throw new Error('paused');
        calls.push({ candidates, images });
        return candidates.map((candidate) => madeUpAccuracy(network, candidate));
      },
      progress: (told) => progress.push(told),
    },
  };
  return {
    network,
    run: structuredSparsity.start(context),
    parameters,
    calls,
    progress,
    candidates: () => calls.flatMap(({ candidates }) => candidates),
  };
}

/** All options, those not given at their defaults; throws what `check` refuses. */
export function settled(network: Network, given: Given, steps = STEPS): Record<string, OptionValue> {
  const options: Record<string, OptionValue> = {};
  const setting = { network, steps, warmupSteps: 3, keep: 1, options };
  for (const field of structuredSparsity.options) {
    const value = given[field.key] ?? field.default(setting);
    options[field.key] =
      field.type === 'list' ? completeList(value as OptionList, 'scheme.stages', field, setting) : value;
  }
  const refusal = structuredSparsity.check?.(setting);
  if (refusal) throw new Error(refusal);
  return options;
}

/** Strictly between 0 and 1, and different for almost any two masks: every unit has a worth of its own. */
export function madeUpAccuracy(network: Network, { structure, write = new Map() }: Candidate): number {
  let worth = 0;
  groupsOf(network).forEach((group, g) => {
    for (const channel of keptOf(structure, group)) worth += Math.sin(12.9898 * channel + 78.233 * g);
  });
  Object.values(structure.taps ?? {}).forEach(({ offsets }, layer) => {
    offsets.forEach((offset, c) => (worth += Math.sin(4.1414 * offset + 7.7 * c + 3.3 * layer)));
  });
  for (const values of write.values()) {
    values.forEach((value, i) => (worth += value === 0 ? 0 : 0.1 * Math.sin(0.731 * i)));
  }
  return 1 / (1 + Math.exp(-worth / 20));
}

/** What a decision of this scheme always has. */
export function stageOf({ stage }: Decision): StageReport {
  if (!stage) throw new Error('this decision reports no stage');
  return stage;
}

/** Decides at each of the steps, as the lab would: masks hold, and the weights change in between. */
export async function decideAll({ network, run, parameters }: Lab, steps: readonly number[]): Promise<Decision[]> {
  const decisions: Decision[] = [];
  let structure: Structure = denseStructure(network);
  for (const step of steps) {
    train(parameters, step, run);
    const decision = await run.decide(step, structure);
    ({ structure } = decision);
    decisions.push(decision);
  }
  return decisions;
}

/** Changes every weight as training would, then applies the masks in force. */
export function train(parameters: Map<string, Float32Array>, step: number, run: SchemeRun): void {
  const rules = run.rules?.() ?? new Map();
  for (const [name, values] of parameters) {
    const mask = rules.get(name)?.mask;
    parameters.set(
      name,
      values.map((value, i) => (value + 0.01 * Math.sin(i * 1.7 + step)) * (mask?.[i] ?? 1)),
    );
  }
}

/** The kernel of a layer; empty where a decision or a candidate has none. */
export const kernelIn = (tensors: Tensors | undefined, layer: string): Float32Array =>
  tensors?.get(`${layer}/kernel`) ?? new Float32Array();

/** Entries that are not zero. */
export const filled = (values: ArrayLike<number>): number => Array.from(values).filter((value) => value !== 0).length;

/** Two source maps, two output maps and 3x3 kernels behind a first convolution: the layer of section 11.1. */
export const SMALL: Network = {
  id: 'small',
  nodes: [
    { id: 'input', op: 'input', shape: [4, 4, 1] },
    { id: 'a', op: 'conv', input: 'input', filters: 2, kernel: 1, stride: 1 },
    { id: 'a.bn', op: 'batchNorm', input: 'a' },
    { id: 'b', op: 'conv', input: 'a.bn', filters: 2, kernel: 3, stride: 1 },
    { id: 'b.bn', op: 'batchNorm', input: 'b' },
    { id: 'pool', op: 'globalAvgPool', input: 'b.bn' },
    { id: 'dense', op: 'dense', input: 'pool', units: 3 },
  ],
};

/** Stages as a spec lists them. */
export const map = (at: number, keep = 0.5, choose = 'magnitude') => ({ granularity: 'map', at, keep, choose });
export const kernel = (at: number, keep = 0.5, choose = 'magnitude') => ({ granularity: 'kernel', at, keep, choose });
export const stride = (at: number, by = 2, choose = 'magnitude') => ({ granularity: 'stride', at, stride: by, choose });

/** The decision of a run with one stage, and everything it scored. */
export async function one(
  network: Network,
  stage: OptionItem & { readonly at: number },
  given: Given = {},
  about?: LabOptions,
) {
  const lab = labOf(network, { stages: [stage], ...given }, about);
  const decision = await lab.run.decide(stage.at, denseStructure(network));
  return { ...lab, decision, report: stageOf(decision) };
}
