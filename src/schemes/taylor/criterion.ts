import * as v from 'valibot';
import type { Tensors } from '../../core/network/index.ts';
import type { MakeCriterion } from '../shared/criterion.ts';
import { foreignState, savedState } from '../shared/saved-state.ts';
import { type Layer, meanOverProducers, normsOf } from '../shared/layers.ts';

/** By channel group; a score that is not a number is null in JSON. */
const stateSchema = v.nullable(v.record(v.string(), v.array(v.nullable(v.number()))));

type Scores = ReadonlyMap<string, Float64Array>;

/**
 * Taylor-FO with a gate behind each batch norm: a gate of 1 that multiplies gamma x + beta has the gradient
 * gamma dL/dgamma + beta dL/dbeta, summed over the channel. A mini-batch's score is its square; scores are averaged over
 * the mini-batches, then over the prunings with momentum.
 */
export const taylorCriterion: MakeCriterion = ({ network, options, read, gradients }, layers) => {
  const norms = normsOf(network, layers, 'Taylor');
  const [batches, memory] = [Number(options['batches']), Number(options['memory'])];
  let before: Scores | null = null;

  /** Mean of the squares over the latest mini-batches. */
  const averaged = async (step: number): Promise<Scores> => {
    const affine = await read(norms.flatMap((norm) => [`${norm}/gamma`, `${norm}/beta`]));
    const first = Math.max(0, step - batches);
    const sums = new Map(layers.map(({ group }) => [group.id, new Float64Array(group.channels)]));
    for (let batch = first; batch < step; batch++) {
      const { tensors } = await gradients({ inputs: { step: batch } });
      for (const layer of layers) {
        const sum = sums.get(layer.group.id) ?? new Float64Array();
        gateGradients(layer, affine, tensors).forEach((gradient, channel) => {
          sum[channel] = (sum[channel] ?? 0) + gradient ** 2;
        });
      }
    }
    return new Map([...sums].map(([id, sum]) => [id, sum.map((squares) => squares / (step - first))]));
  };

  return {
    name: 'Taylor score',
    measure: async ({ step }) => {
      const now = await averaged(step);
      const scores = before ? blend(before, now, memory) : now;
      before = scores;
      return ({ group }) => scores.get(group.id) ?? [];
    },
    state: () => before && Object.fromEntries([...before].map(([id, scores]) => [id, [...scores]])),
    restore: (state) => {
      const saved = savedState(stateSchema, state);
      const sizes = new Map(layers.map(({ group }) => [group.id, group.channels]));
      const entries = Object.entries(saved ?? {});
      if (entries.some(([id, scores]) => scores.length !== sizes.get(id))) throw foreignState();
      before = saved && new Map(entries.map(([id, scores]) => [id, Float64Array.from(scores, Number)]));
    },
  };
};

/** Gradient of each channel's gate: the mean over the layers that share it. */
const gateGradients = (layer: Layer, affine: Tensors, gradients: Tensors): Float64Array =>
  meanOverProducers(layer, ({ norm }) => {
    const [gamma, beta] = [affine.get(`${norm}/gamma`), affine.get(`${norm}/beta`)];
    const [byGamma, byBeta] = [gradients.get(`${norm}/gamma`), gradients.get(`${norm}/beta`)];
    return Float64Array.from(
      { length: layer.group.channels },
      (_, channel) =>
        (gamma?.[channel] ?? NaN) * (byGamma?.[channel] ?? NaN) + (beta?.[channel] ?? NaN) * (byBeta?.[channel] ?? NaN),
    );
  });

const blend = (before: Scores, now: Scores, memory: number): Scores =>
  new Map(
    [...now].map(([id, scores]) => [
      id,
      scores.map((score, channel) => memory * (before.get(id)?.[channel] ?? 0) + (1 - memory) * score),
    ]),
  );
