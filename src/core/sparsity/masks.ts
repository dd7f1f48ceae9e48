import { type Uniforms, pick } from '../random/uniforms.ts';
import type { Operations } from '../search/search.ts';

/**
 * Candidates of maps and kernels: by channel group or convolution a bit for each unit, 1 where it is kept. Units of a
 * convolution are its kernels, at c * outputs + d.
 */
export type Masks = ReadonlyMap<string, Uint8Array>;

/** How many units of a group or layer every candidate keeps. */
export interface UnitCount {
  readonly id: string;
  readonly units: number;
  readonly kept: number;
}

/** The nearest whole number of units to a kept share, at least 1. Throws unless the share is above 0 and at most 1. */
export function unitCount(id: string, units: number, keep: number): UnitCount {
  if (!(keep > 0 && keep <= 1)) throw new Error(`sparsity: the kept share of "${id}" must be above 0 and at most 1`);
  return { id, units, kept: Math.max(1, Math.round(units * keep)) };
}

/** Indices of the kept units, ascending. */
export const keptUnits = (bits: ArrayLike<number>): readonly number[] =>
  Array.from(bits, (bit, index) => (bit === 1 ? index : -1)).filter((index) => index >= 0);

/**
 * Search over masks with fixed counts (section 5.2, ours). `noise` is the fraction of the kept units that a perturbation
 * swaps with pruned ones, layer by layer: at least one where it is above 0.
 */
export function maskOperations(counts: readonly UnitCount[], noise: number): Required<Operations<Masks>> {
  const each = (make: (count: UnitCount) => Uint8Array): Masks =>
    new Map(counts.map((count) => [count.id, make(count)]));
  return {
    draw: (_, random) => each(({ units, kept }) => drawBits(units, kept, random)),
    perturb: (masks, random) =>
      each(({ id, units }) => swapBits(masks.get(id) ?? new Uint8Array(units), noise, random)),
    crossover: crossLayers,
  };
}

/** Each layer whole from one of two parents, so that what a layer keeps stays exact. */
export function crossLayers<Layer>(
  first: ReadonlyMap<string, Layer>,
  second: ReadonlyMap<string, Layer>,
  random: Uniforms,
): ReadonlyMap<string, Layer> {
  return new Map([...first].map(([id, layer]) => [id, random() < 0.5 ? layer : (second.get(id) ?? layer)] as const));
}

function drawBits(units: number, kept: number, random: Uniforms): Uint8Array {
  const bits = new Uint8Array(units);
  for (const index of choose([...bits.keys()], kept, random)) bits[index] = 1;
  return bits;
}

function swapBits(bits: Uint8Array, noise: number, random: Uniforms): Uint8Array {
  const kept = keptUnits(bits);
  const pruned = [...bits.keys()].filter((index) => bits[index] === 0);
  const swaps = noise > 0 ? Math.min(Math.max(1, Math.round(noise * kept.length)), kept.length, pruned.length) : 0;
  const swapped = bits.slice();
  for (const index of choose(kept, swaps, random)) swapped[index] = 0;
  for (const index of choose(pruned, swaps, random)) swapped[index] = 1;
  return swapped;
}

/** `count` of the values, each set as likely. */
function choose(values: readonly number[], count: number, random: Uniforms): readonly number[] {
  const left = [...values];
  for (let i = 0; i < count; i++) {
    const j = i + pick(random, left.length - i);
    [left[i], left[j]] = [left[j] ?? 0, left[i] ?? 0];
  }
  return left.slice(0, count);
}
