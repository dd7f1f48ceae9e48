import { afterAll, describe, expect, test } from 'vitest';
import { type Network, type Tensors, initialParameters } from '../../../src/core/network/index.ts';
import { CHANNEL_DEVIATION, CHANNEL_MEAN } from '../../../src/engine/engine.ts';
import { MIXED, RESIDUAL } from '../../../src/engine/tfjs/testing.ts';
import { firstOfEachClass } from '../../../src/lab/class-images.ts';
import { graspScores } from '../../../src/schemes/shared/scores/grasp.ts';
import { scoreMasks } from '../../../src/schemes/shared/scores/index.ts';
import type { Scores } from '../../../src/schemes/shared/scores/scored.ts';
import { snipScores } from '../../../src/schemes/shared/scores/snip.ts';
import { synflowScores } from '../../../src/schemes/shared/scores/synflow.ts';
import { cifar, perceptron, preparationOn, spec, tfjs, webgpu } from './scoring.ts';

const stock = await tfjs();
/** Null where Node has no adapter. */
const own = await webgpu();
afterAll(() => own?.dispose());

const join = (scores: Scores | Tensors): number[] => [...scores.values()].flatMap((values) => [...values]);
/** Distance of a from b as a share of the length of b. */
function distance(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return Math.hypot(...a.map((value, i) => value - (b[i] ?? NaN))) / Math.hypot(...b);
}

test('SNIP is |weight x slope of the loss|, by finite differences of the loss', async () => {
  const network = RESIDUAL;
  const parameters = initialParameters(network, 1);
  const preparation = preparationOn(stock, network);
  const scores = await snipScores({ network, parameters, preparation });
  const request = { inputs: { perClass: 10 }, batchNorm: 'running' } as const;
  for (const [name, values] of scores) {
    // The entry that matters most: the loss of float32 shows its slope best.
    const entry = values.indexOf(Math.max(...values));
    const weight = parameters.get(name)?.[entry] ?? NaN;
    const lossAt = async (factor: number): Promise<number> => {
      const moved = parameters.get(name)?.slice() ?? new Float32Array();
      moved[entry] = weight * factor;
      return (await preparation.gradients(new Map([...parameters, [name, moved]]), request)).loss;
    };
    const slope = ((await lossAt(1.02)) - (await lossAt(0.98))) / 0.04;
    expect(Math.abs(slope) / (values[entry] ?? NaN), name).toBeCloseTo(1, 1);
  }
});

/**
 * Scores of two fully connected layers in double precision, with the exact product of the Hessian and the gradient.
 * `biases`: of the hidden layer, whose units have ReLUs; none: it is linear.
 */
async function exactGrasp(
  kernels: readonly Float32Array[],
  hidden: number,
  biases: Float32Array | null,
): Promise<number[]> {
  const { pixels, labels } = await firstOfEachClass(cifar, spec.data.train - spec.data.holdOut, 10);
  const [first = [], second = []] = kernels.map((kernel) => [...kernel]);
  const [images, inputs, classes, divisor] = [labels.length, 3, 10, 200];
  const range = (size: number): number[] => Array.from({ length: size }, (_, i) => i);
  const total = (size: number, term: (i: number) => number): number => range(size).reduce((all, i) => all + term(i), 0);
  const means = range(images).map((image) =>
    range(inputs).map(
      (channel) =>
        (total(1_024, (pixel) => pixels[(image * 1_024 + pixel) * 3 + channel] ?? 0) / 1_024 / 255 -
          (CHANNEL_MEAN[channel] ?? 0)) /
        (CHANNEL_DEVIATION[channel] ?? 1),
    ),
  );
  /** Gradient at the weights, and how it changes along a direction (v, u) to first order. */
  const along = (v: readonly number[], u: readonly number[]): { gradient: number[]; change: number[] } => {
    const gradient = range(first.length + second.length).map(() => 0);
    const change = gradient.slice();
    const add = (to: number[], at: number, amount: number): void => void (to[at] = (to[at] ?? 0) + amount);
    means.forEach((x, image) => {
      const on = (a: number): number => (!biases || a > 0 ? 1 : 0);
      const sums = range(hidden).map(
        (h) => (biases?.[h] ?? 0) + total(inputs, (i) => (x[i] ?? 0) * (first[i * hidden + h] ?? 0)),
      );
      const gates = sums.map(on);
      const h0 = sums.map((a, h) => a * (gates[h] ?? 0));
      const h1 = range(hidden).map(
        (h) => total(inputs, (i) => (x[i] ?? 0) * (v[i * hidden + h] ?? 0)) * (gates[h] ?? 0),
      );
      const dot = (a: readonly number[], kernel: readonly number[], c: number): number =>
        total(hidden, (h) => (a[h] ?? 0) * (kernel[h * classes + c] ?? 0));
      const logits = range(classes).map((c) => dot(h0, second, c) / divisor);
      const logits1 = range(classes).map((c) => (dot(h1, second, c) + dot(h0, u, c)) / divisor);
      const norm = total(classes, (c) => Math.exp(logits[c] ?? 0));
      const p = logits.map((z) => Math.exp(z) / norm);
      const mean = total(classes, (c) => (p[c] ?? 0) * (logits1[c] ?? 0));
      const d0 = p.map((share, c) => (share - Number(labels[image] === c)) / images / divisor);
      const d1 = p.map((share, c) => (share * ((logits1[c] ?? 0) - mean)) / images / divisor);
      for (const h of range(hidden)) {
        const back = (d: readonly number[], kernel: readonly number[]): number =>
          total(classes, (c) => (d[c] ?? 0) * (kernel[h * classes + c] ?? 0)) * (gates[h] ?? 0);
        for (const i of range(inputs)) {
          add(gradient, i * hidden + h, (x[i] ?? 0) * back(d0, second));
          add(change, i * hidden + h, (x[i] ?? 0) * (back(d0, u) + back(d1, second)));
        }
        for (const c of range(classes)) {
          const at = first.length + h * classes + c;
          add(gradient, at, (h0[h] ?? 0) * (d0[c] ?? 0));
          add(change, at, (h1[h] ?? 0) * (d0[c] ?? 0) + (h0[h] ?? 0) * (d1[c] ?? 0));
        }
      }
    });
    return { gradient, change };
  };
  const { gradient } = along(
    first.map(() => 0),
    second.map(() => 0),
  );
  const { change } = along(gradient.slice(0, first.length), gradient.slice(first.length));
  const products = [...first, ...second].map((weight, i) => weight * (change[i] ?? NaN));
  const sum = Math.abs(products.reduce((all, value) => all + value, 0)) + 1e-10;
  return products.map((value) => value / sum);
}

describe('GraSP', () => {
  const withoutRelu = (network: Network): Network => ({
    ...network,
    nodes: network.nodes.flatMap((node) =>
      node.op === 'relu' ? [] : [node.id === 'fc2' && node.op === 'dense' ? { ...node, input: 'fc1' } : node],
    ),
  });

  test.each([
    ['without ReLU', withoutRelu(perceptron(6, 10)), null],
    // Units far from their bends, on or off for all images: where a ReLU changes sides the difference sees more than H.
    ['with ReLU', perceptron(6, 10), Float32Array.of(4, -4, 5, 4, -5, 6)],
  ] as const)('is weight x the exact Hessian-gradient product, %s', async (_, network, biases) => {
    const parameters = new Map([...initialParameters(network, 4), ...(biases ? [['fc1/bias', biases] as const] : [])]);
    const scores = await graspScores({ network, parameters, preparation: preparationOn(stock, network) });
    const kernels = ['fc1/kernel', 'fc2/kernel'].map((name) => parameters.get(name) ?? new Float32Array());
    expect(distance(join(scores), await exactGrasp(kernels, 6, biases))).toBeLessThan(1e-3);
  });

  test('removes the lowest scores, and leaves the parameters alone', async () => {
    const network = perceptron(6, 10);
    const parameters = initialParameters(network, 4);
    const before = new Map([...parameters].map(([name, values]) => [name, values.slice()]));
    const preparation = preparationOn(stock, network);
    const scores = join(await graspScores({ network, parameters, preparation }));
    const { masks } = await scoreMasks('grasp', { network, parameters, preparation, keep: 0.5, passes: 1, seed: 1 });
    const mask = join(masks);
    const lowestKept = Math.min(...scores.filter((_, i) => mask[i] === 1));
    expect(Math.max(...scores.filter((_, i) => mask[i] === 0))).toBeLessThanOrEqual(lowestKept);
    expect(mask.filter((kept) => kept === 1).length).toBe(39);
    expect(parameters).toEqual(before);
  });
});

/** With a depthwise convolution, ReLU6 and a hidden dense layer; our engine flattens for dense layers only. */
const DEPTHWISE: Network = {
  ...MIXED,
  nodes: MIXED.nodes.flatMap((node) =>
    node.id === 'flat.relu' ? [] : [node.id === 'fc' && node.op === 'dense' ? { ...node, input: 'flat' } : node],
  ),
};

describe.skipIf(!own)('our WebGPU engine scores as stock tfjs does', () => {
  test.each([
    ['synflow', synflowScores, 1e-4],
    ['snip', snipScores, 1e-3],
  ] as const)('%s', async (_, score, tolerance) => {
    for (const network of [RESIDUAL, DEPTHWISE]) {
      const parameters = initialParameters(network, 2);
      const on = async (engine: typeof stock): Promise<number[]> =>
        join(await score({ network, parameters, preparation: preparationOn(engine, network) }));
      expect(distance(await on(own ?? stock), await on(stock)), network.id).toBeLessThan(tolerance);
    }
  });

  test('grasp', async () => {
    const network = perceptron(12, 8, 10);
    const parameters = initialParameters(network, 2);
    const on = async (engine: typeof stock): Promise<number[]> =>
      join(await graspScores({ network, parameters, preparation: preparationOn(engine, network) }));
    expect(distance(await on(own ?? stock), await on(stock))).toBeLessThan(0.02);
  });
});
