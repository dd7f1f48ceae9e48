import { describe, expect, test } from 'vitest';
import type { Tensors } from '../../core/network/index.ts';
import { labOf, madeUp, twoLayers } from '../shared/testing.ts';

const network = twoLayers(3, 2);

/** Scores of layer a when each of its tensors' gradients is what `gradients` says; b stays small. */
async function scores(gradients: (step: number) => Tensors, affine: Record<string, number[]>, options = {}, at = 30) {
  const lab = await labOf('taylor', network, { gradients, options: { at, ...options } });
  for (const [name, values] of Object.entries(affine)) lab.parameters.set(name, Float32Array.from(values));
  const { reasons } = await lab.run.decide(at, lab.start.structure);
  return reasons.filter(({ layer }) => layer === 'a').map(({ score }) => score ?? NaN);
}

const ones = { 'a.bn/gamma': [1, 2, -1], 'a.bn/beta': [0, 0.5, 1] };
/** The made-up gradients with those of a's batch norm replaced. */
const withGradients = (gamma: number[], beta: number[]): Tensors =>
  new Map([...madeUp(network, 0), ['a.bn/gamma', Float32Array.from(gamma)], ['a.bn/beta', Float32Array.from(beta)]]);

describe('the score of a mini-batch', () => {
  test('is the square of gamma dL/dgamma + beta dL/dbeta', async () => {
    expect(await scores(() => withGradients([3, 1, 2], [9, 2, 5]), ones)).toEqual([9, 9, 9]);
    expect(await scores(() => withGradients([0.5, 1, 2], [9, -4, 1]), ones)).toEqual([0.25, 0, 1]);
  });

  test('is 0 for a dead channel', async () => {
    const dead = { 'a.bn/gamma': [0, 2, -1], 'a.bn/beta': [0, 0.5, 1] };
    expect((await scores((step) => madeUp(network, step), dead))[0]).toBe(0);
  });

  test('grows by a squared when the loss is scaled by a', async () => {
    const scaled = (factor: number) => (step: number) =>
      new Map([...madeUp(network, step)].map(([name, values]) => [name, values.map((value) => factor * value)]));
    const [once, thrice] = [await scores(scaled(1), ones), await scores(scaled(4), ones)];
    once.forEach((score, channel) => expect(thrice[channel]).toBe(16 * score));
  });
});

describe('the average over mini-batches', () => {
  test('is over the squares, of the latest steps', async () => {
    const seen: number[] = [];
    const alternating = (step: number): Tensors => {
      seen.push(step);
      // Opposite signs cancel in a mean of gradients, not in a mean of squares.
      return withGradients([step % 2 === 0 ? 3 : -1, 0, 0], [0, 0, 0]);
    };
    expect(await scores(alternating, ones, { batches: 4 })).toEqual([5, 0, 0]);
    expect(seen).toEqual([26, 27, 28, 29]);
  });

  test('is over fewer when there were fewer steps', async () => {
    const seen: number[] = [];
    await scores((step) => (seen.push(step), madeUp(network, step)), ones, { batches: 10 }, 3);
    expect(seen).toEqual([0, 1, 2]);
  });
});

test('scores have momentum over prunings, which a resumed run has too', async () => {
  const options = { at: 10, every: 10, iterations: 3, batches: 1, memory: 0.75 };
  const gradients = (step: number): Tensors => withGradients(step < 10 ? [4, 3, 2] : [0, 0, 2], [0, 0, 0]);
  const labAt = () => labOf('taylor', network, { gradients, options, budget: { kind: 'channels', keep: 1 } });
  const first = await labAt();
  const affine = Float32Array.of(1, 1, 1);
  first.parameters.set('a.bn/gamma', affine);
  const { structure } = await first.run.decide(10, first.start.structure);
  const resumed = await labAt();
  resumed.parameters.set('a.bn/gamma', affine);
  resumed.run.restore(JSON.parse(JSON.stringify(first.run.state())));
  for (const { run } of [first, resumed]) {
    const { reasons } = await run.decide(20, structure);
    const own = reasons.filter(({ layer }) => layer === 'a').map(({ score }) => score);
    // 0.75 of 16, 9, 4 and 0.25 of 0, 0, 4.
    expect(own).toEqual([12, 6.75, 4]);
    const third = (await run.decide(30, structure)).reasons.filter(({ layer }) => layer === 'a');
    expect(third.map(({ score }) => score)).toEqual([9, 5.0625, 4]);
  }
});
