import { UNEXPLORED, UNPREPARED } from '../shared/testing.ts';
import {
  type Network,
  type Structure,
  type Tensors,
  buildNetwork,
  groupsOf,
  initialParameters,
  keptOf,
} from '../../core/network/index.ts';
import type { Decision, SchemeRun } from '../../core/scheme/scheme.ts';
import type { OptionValue } from '../../core/spec/options.ts';
import type { Budget } from '../../core/spec/spec.ts';
import { chex } from './index.ts';
import { prunableLayers } from './layers.ts';
import { chexOptions } from './options.ts';

export const STEPS = 60;
export const WARMUP_STEPS = 3;
/** Default step of the last update in a run of 60 steps; every 4 steps before. */
export const UNTIL = 42;

export type Options = Record<string, OptionValue>;

/** CHEX's options with their defaults filled in, as parsing a spec does. */
export function optionsFor(given: Options, keep = 0.5, steps = STEPS, warmupSteps = WARMUP_STEPS): Options {
  const options: Options = {};
  const setting = { network: buildNetwork('convnet-micro'), steps, warmupSteps, keep, options };
  for (const field of chexOptions) {
    options[field.key] = given[field.key] ?? field.default(setting);
  }
  return options;
}

/** A CHEX run over full-size parameters that a test changes by hand in place of training. */
export interface Exploration {
  readonly run: SchemeRun;
  readonly parameters: Map<string, Float32Array>;
  readonly start: Decision;
}

export async function explore(
  network: Network,
  budget: Budget,
  given: Options = {},
  seed = 1,
  parameters = new Map(initialParameters(network, 1)),
): Promise<Exploration> {
  const run = chex.start({
    network,
    groups: groupsOf(network),
    budget,
    options: optionsFor(given, budget.keep),
    seed,
    steps: STEPS,
    warmupSteps: WARMUP_STEPS,
    read: async (names) => copyOf(names.map((name) => [name, parameters.get(name) ?? new Float32Array()])),
    evaluate: () => Promise.reject(new Error('CHEX measures nothing')),
    gradients: () => Promise.reject(new Error('CHEX asks for no gradient')),
    explore: UNEXPLORED,
  });
  for (const [name, values] of run.initialise?.(parameters) ?? []) parameters.set(name, values);
  const start = await run.atInit?.(parameters, UNPREPARED);
  if (!start) throw new Error('CHEX starts from a sub-model');
  return { run, parameters, start };
}

/** Changes kernels and BN scales as training would, each entry by up to `amount` of itself. */
export function disturb(parameters: Map<string, Float32Array>, amount: number, seed: number): void {
  for (const [name, values] of parameters) {
    if (!/kernel|gamma/.test(name)) continue;
    parameters.set(
      name,
      values.map((value, i) => value * (1 + amount * Math.sin(i * 12.9898 + seed * 78.233))),
    );
  }
}

/** Widths of the prunable layers, in network order. */
export const widthsOf = (network: Network, structure: Structure): number[] =>
  prunableLayers(network).map(({ group }) => keptOf(structure, group).length);

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

const copyOf = (entries: readonly (readonly [string, Float32Array])[]): Tensors =>
  new Map(entries.map(([name, values]) => [name, values.slice()]));
