import {
  type Network,
  type Structure,
  type Tensors,
  denseStructure,
  groupsOf,
  initialParameters,
  parametersOf,
} from '../../core/network/index.ts';
import type { Decision, Exploration, Preparation, SchemeContext, SchemeRun } from '../../core/scheme/scheme.ts';
import type { OptionValue } from '../../core/spec/options.ts';
import type { Budget } from '../../core/spec/spec.ts';
import { schemeById } from '../index.ts';

/** For tests: schemes over full-size parameters that a test sets by hand in place of training. */

export const STEPS = 60;
export type Given = Readonly<Record<string, OptionValue>>;

export interface Lab {
  readonly network: Network;
  readonly run: SchemeRun;
  readonly parameters: Map<string, Float32Array>;
  /** What the scheme starts with. */
  readonly start: Decision;
}

export interface LabOptions {
  readonly budget?: Budget;
  readonly options?: Given;
  readonly seed?: number;
  readonly parameters?: Map<string, Float32Array>;
  readonly gradients?: (step: number) => Tensors;
}

/** A run of a scheme with the given options, the others at their defaults; throws what `check` refuses. */
export async function labOf(id: string, network: Network, given: LabOptions = {}): Promise<Lab> {
  const scheme = schemeById(id);
  const { budget = { kind: 'channels', keep: 0.5 }, seed = 1 } = given;
  const parameters = given.parameters ?? new Map(initialParameters(network, 1));
  const options: Record<string, OptionValue> = {};
  const setting = { network, steps: STEPS, warmupSteps: 3, keep: budget.keep, options };
  for (const field of scheme.options) options[field.key] = given.options?.[field.key] ?? field.default(setting);
  const refusal = scheme.check?.(setting);
  if (refusal) throw new Error(refusal);
  const gradients = given.gradients ?? ((step) => madeUp(network, step));
  const context: SchemeContext = {
    network,
    groups: groupsOf(network),
    budget: scheme.budgets.length > 0 ? budget : undefined,
    options,
    seed,
    steps: STEPS,
    warmupSteps: 3,
    read: async (names) => new Map(names.map((name) => [name, parameters.get(name)?.slice() ?? new Float32Array()])),
    evaluate: () => Promise.reject(new Error('none of these schemes evaluates')),
    gradients: async ({ inputs }) => ({ tensors: gradients(inputs.step) }),
    explore: UNEXPLORED,
  };
  const run = scheme.start(context);
  const dense: Decision = { structure: denseStructure(network), reasons: [] };
  return { network, run, parameters, start: (await run.atInit?.(parameters, UNPREPARED)) ?? dense };
}

export interface Made {
  readonly step: number;
  readonly before: Structure;
  readonly decision: Decision;
}

/** All prunings of a run, the one at the start among them; weights change in between. */
export async function prunings({ network, run, parameters, start }: Lab): Promise<Made[]> {
  const dense = denseStructure(network);
  const made: Made[] = start.reasons.length > 0 ? [{ step: 0, before: dense, decision: start }] : [];
  for (let step = 1; step <= STEPS; step++) {
    if (!run.dueAt(step)) continue;
    disturb(parameters, step);
    const before = made.at(-1)?.decision.structure ?? dense;
    made.push({ step, before, decision: await run.decide(step, before) });
  }
  return made;
}

/** Changes every tensor as training would, by up to a third of each entry and a little more. */
function disturb(parameters: Map<string, Float32Array>, seed: number): void {
  for (const [name, values] of parameters) {
    parameters.set(
      name,
      values.map((value, i) => value * (1 + 0.3 * Math.sin(i * 12.9898 + seed * 78.233)) + 0.01 * Math.sin(i + seed)),
    );
  }
}

/** Gradients of no loss in particular, for the batch norms. */
export function madeUp(network: Network, step: number): Tensors {
  return new Map(
    parametersOf(network)
      .filter(({ role }) => role === 'gamma' || role === 'beta')
      .map(({ name, shape }, t) => [
        name,
        Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 7.13 + t * 3.7 + step)),
      ]),
  );
}

/** Two convolutions with batch norms and a classifier; kernels of one position. */
export function twoLayers(first: number, second: number, inputs = 2): Network {
  return {
    id: 'two',
    nodes: [
      { id: 'input', op: 'input', shape: [2, 2, inputs] },
      { id: 'a', op: 'conv', input: 'input', filters: first, kernel: 1, stride: 1 },
      { id: 'a.bn', op: 'batchNorm', input: 'a' },
      { id: 'b', op: 'conv', input: 'a.bn', filters: second, kernel: 1, stride: 1 },
      { id: 'b.bn', op: 'batchNorm', input: 'b' },
      { id: 'pool', op: 'globalAvgPool', input: 'b.bn' },
      { id: 'dense', op: 'dense', input: 'pool', units: 3 },
    ],
  };
}

/** For schemes that compute nothing before the first step. */
export const UNPREPARED: Preparation = {
  gradients: () => Promise.reject(new Error('this scheme asks for no gradient before the first step')),
  progress: () => undefined,
};

/** For schemes that try nothing out. */
export const UNEXPLORED: Exploration = {
  images: 0,
  accuracies: () => Promise.reject(new Error('this scheme tries no candidates out')),
  progress: () => undefined,
};
