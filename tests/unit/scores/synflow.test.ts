import { afterAll, describe, expect, test } from 'vitest';
import {
  type Network,
  type Tensors,
  buildNetwork,
  initialParameters,
  parametersOf,
} from '../../../src/core/network/index.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { type Masks, scoreDensities, scoreMasks } from '../../../src/schemes/shared/scores/index.ts';
import { synflowScores } from '../../../src/schemes/shared/scores/synflow.ts';
import { perceptron, preparationOn, tfjs, webgpu } from './scoring.ts';

const stock = await tfjs();
/** Null where Node has no adapter. */
const own = await webgpu();
afterAll(() => own?.dispose());

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
const scoresOn = async (engine: Engine, network: Network, parameters: Tensors) =>
  synflowScores({ network, parameters, preparation: preparationOn(engine, network) });

/** Worked example A of the digest; the third input of the image has no weight. */
const NETWORK_A = perceptron(2, 1);
const PARAMETERS_A = new Map([
  ['fc1/kernel', Float32Array.of(1, 0, -2, 3, 0, 0)],
  ['fc1/bias', new Float32Array(2)],
  ['fc2/kernel', Float32Array.of(2, -1)],
  ['fc2/bias', new Float32Array(1)],
]);

describe('worked example A', () => {
  test('scores, up to the factor of rescaling', async () => {
    for (const engine of own ? [stock, own] : [stock]) {
      const scores = await scoresOn(engine, NETWORK_A, PARAMETERS_A);
      const factor = 9 / sum(scores.get('fc2/kernel') ?? []);
      expect(Math.log2(factor) % 1).toBe(0);
      const scaled = (name: string) => [...(scores.get(name) ?? [])].map((score) => score * factor);
      expect(scaled('fc1/kernel')).toEqual([2, 0, 4, 3, 0, 0]);
      expect(scaled('fc2/kernel')).toEqual([6, 3]);
    }
  });

  test('threshold 3 keeps only 4 and 6', async () => {
    const preparation = preparationOn(stock, NETWORK_A);
    // Two weights of 0 more than the example: 5 of 8 go instead of 3 of 6.
    const request = { network: NETWORK_A, parameters: PARAMETERS_A, preparation, keep: 3 / 8, passes: 1, seed: 1 };
    const { masks } = await scoreMasks('synflow', request);
    expect([...(masks.get('fc1/kernel') ?? [])]).toEqual([0, 0, 1, 0, 0, 0]);
    expect([...(masks.get('fc2/kernel') ?? [])]).toEqual([1, 0]);
  });
});

describe('properties', () => {
  const chain = buildNetwork('convnet-micro', 0.5);
  const parameters = initialParameters(chain, 3);

  test('in a chain the scores of every layer sum to R, and none is negative', async () => {
    // R by the definition: the logits of ones through the absolute network, without rescaling.
    const { loss } = await preparationOn(stock, chain).gradients(parameters, {
      inputs: 'ones',
      loss: 'sumOfLogits',
      parameters: 'absolute',
      batchNorm: 'running',
    });
    const scores = await scoresOn(stock, chain, parameters);
    const sums = [...scores.values()].map(sum);
    const factor = 2 ** Math.round(Math.log2(loss / (sums[0] ?? NaN)));
    for (const total of sums) expect((total * factor) / loss).toBeCloseTo(1, 4);
    for (const values of scores.values()) expect(values.every((score) => score >= 0)).toBe(true);
  });

  test('pruned stay pruned over the passes; in the end about keep x N stay; weights and signs are left alone', async () => {
    const before = new Map([...parameters].map(([name, values]) => [name, values.slice()]));
    const at = async (passes: number, of: number) => {
      const preparation = preparationOn(stock, chain);
      const request = { network: chain, parameters, preparation, keep: 0.1 ** (passes / of), passes, seed: 1 };
      return (await scoreMasks('synflow', request)).masks;
    };
    const masks: Masks[] = [];
    for (const passes of [2, 4, 6]) masks.push(await at(passes, 6));
    for (const [name, last] of masks[2] ?? []) {
      last.forEach((kept, i) => kept && expect(masks[1]?.get(name)?.[i]).toBe(1));
      masks[1]?.get(name)?.forEach((kept, i) => kept && expect(masks[0]?.get(name)?.[i]).toBe(1));
    }
    const all = sum(
      parametersOf(chain).flatMap(({ role, name }) => (role === 'kernel' ? (parameters.get(name)?.length ?? 0) : [])),
    );
    const kept = sum([...(masks[2]?.values() ?? [])].map(sum));
    expect(Math.abs(kept - 0.1 * all)).toBeLessThanOrEqual(3);
    expect(parameters).toEqual(before);
  });

  test('the order within a layer does not change when one layer of a chain is scaled', async () => {
    const scaled = new Map([...parameters].map(([name, values]) => [name, values.slice()]));
    scaled.set('conv3/kernel', parameters.get('conv3/kernel')?.map((weight) => weight * 4) ?? new Float32Array());
    const [plain, other] = [await scoresOn(stock, chain, parameters), await scoresOn(stock, chain, scaled)];
    const [all, same] = [plain, other].map((scores) =>
      Float64Array.from([...scores.values()].flatMap((one) => [...one])),
    );
    const largest = (values: Float64Array | undefined) => Math.max(...(values ?? []));
    const factor = largest(same) / largest(all);
    // All scores, of every layer, by the same factor.
    all?.forEach((score, i) =>
      expect(Math.abs((same?.[i] ?? NaN) - score * factor)).toBeLessThan(1e-4 * largest(same)),
    );
  });

  test('ReLU6 does not bound R', async () => {
    const bounded = perceptron(4, 2);
    const nodes = bounded.nodes.map((node) => (node.op === 'relu' ? { ...node, op: 'relu6' as const } : node));
    const huge = new Map(
      [...initialParameters(bounded, 1)].map(([name, values]) => [name, values.map((value) => value * 1_000)]),
    );
    const scores = await scoresOn(stock, { ...bounded, nodes }, huge);
    expect([...scores.values()].map((values) => sum(values) > 0)).toEqual([true, true]);
  });
});

test('passes are told, and so is the density of every layer after each of them', async () => {
  const network = perceptron(6, 5, 10);
  const told: unknown[] = [];
  const preparation = preparationOn(stock, network);
  preparation.progress = (...progress) => told.push(progress);
  const request = { network, parameters: initialParameters(network, 2), preparation, keep: 0.3, passes: 4 };
  const { densities, passes } = await scoreDensities('synflow', request);
  expect(told).toEqual([0, 1, 2, 3, 4].map((done) => [done, 4, 'SynFlow passes']));
  expect([...densities.keys()]).toEqual(['fc1', 'fc2', 'fc3']);
  expect(passes?.length).toBe(4);
  expect(passes?.at(-1)).toEqual([...densities.values()]);
  const totals = passes?.map(
    (layers) => (18 * (layers[0] ?? NaN) + 30 * (layers[1] ?? NaN) + 50 * (layers[2] ?? NaN)) / 98,
  );
  totals?.forEach((share, i) => expect(Math.abs(share - 0.3 ** ((i + 1) / 4))).toBeLessThan(0.02));
});

test.skipIf(!own)('30 passes on resnet56 stay finite and empty no layer of a block', async () => {
  const network = buildNetwork('resnet56', 0.25);
  const engine = own ?? stock;
  const parameters = initialParameters(network, 1);
  const { loss } = await preparationOn(engine, buildNetwork('resnet56')).gradients(
    initialParameters(buildNetwork('resnet56'), 1),
    { inputs: 'ones', loss: 'sumOfLogits', parameters: 'absolute', batchNorm: 'running' },
  );
  // At full width R itself is beyond float32, which is why activations are rescaled.
  expect(Number.isFinite(loss)).toBe(false);
  const preparation = preparationOn(engine, network);
  const { densities } = await scoreDensities('synflow', { network, parameters, preparation, keep: 0.1, passes: 30 });
  for (const [layer, density] of densities) if (!layer.includes('shortcut')) expect(density).toBeGreaterThan(0);
});
