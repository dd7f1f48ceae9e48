import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { type Structure, denseStructure, parametersOf } from '../../core/network/index.ts';
import type { Hyper, UpdateRule } from '../engine.ts';
import { HYPER, MIXED, RESIDUAL, distance, noise, openTrainer, pixels, startOf } from './testing.ts';

const PRUNED: Structure = { channels: { stem: [0, 2], fc: [1, 2, 3] } };
const hyperAt = (): Hyper => HYPER;
const shapeOf = (name: string): readonly number[] =>
  parametersOf(MIXED).find((spec) => spec.name === name)?.shape ?? [];
const values = (name: string): Float32Array => startOf(MIXED).get(name) ?? new Float32Array();
/** Zeros for about a third of a tensor's entries, ones elsewhere. */
const maskOf = (name: string): Float32Array => values(name).map((_, i) => (noise(9, i) < 0.35 ? 0 : 1));

/** UpdateRule's order of operations, entry by entry in double precision. */
function expectedUpdate(
  name: string,
  w: ArrayLike<number>,
  v: ArrayLike<number>,
  gradient: ArrayLike<number>,
  hyper: Hyper,
  rule: UpdateRule,
): { w: number[]; v: number[] } {
  const rate = hyper.learningRate * (rule.learningRateScale ?? 1);
  const momentum = rule.momentum ?? hyper.momentum;
  const decay = rule.weightDecay ?? (name.endsWith('/kernel') ? hyper.weightDecay : 0);
  // A depthwise kernel's last axis is 1; its channels stand before it.
  const channels = shapeOf(name).at(name.startsWith('each') ? -2 : -1) ?? 1;
  const all = Array.from(w);
  const norm = (i: number): number => Math.hypot(...all.filter((_, j) => j % channels === i % channels));
  const penalty = (i: number): number => {
    const weight = all[i] ?? NaN;
    switch (rule.penalty?.kind) {
      case 'l1':
        return rule.penalty.strength * Math.sign(weight);
      case 'groupLasso':
        return norm(i) === 0 ? 0 : (rule.penalty.strength * weight) / norm(i);
      case 'gradient':
        return rule.penalty.values[i] ?? NaN;
      case undefined:
        return 0;
    }
  };
  const results = all.map((weight, i) => {
    const g = (gradient[i] ?? NaN) * (rule.gradientMask?.[i] ?? 1) + decay * weight + penalty(i);
    const speed = momentum * (v[i] ?? NaN) + g;
    let next = weight - rate * (hyper.nesterov ? g + momentum * speed : speed);
    if (rule.proximal !== undefined) next = Math.sign(next) * Math.max(Math.abs(next) - rate * rule.proximal, 0);
    return rule.mask?.[i] === 0 ? { w: 0, v: 0 } : { w: next, v: speed };
  });
  return { w: results.map((result) => result.w), v: results.map((result) => result.v) };
}

const RULES: readonly (readonly [string, string, UpdateRule])[] = [
  ['mask', 'stem/kernel', { mask: maskOf('stem/kernel') }],
  ['gradient mask', 'each/kernel', { gradientMask: values('each/kernel').map((_, i) => noise(8, i)) }],
  ['L1', 'stem.bn/gamma', { penalty: { kind: 'l1', strength: 0.3 } }],
  ['group lasso', 'stem/kernel', { penalty: { kind: 'groupLasso', strength: 0.3 } }],
  ['group lasso of a depthwise kernel', 'each2/kernel', { penalty: { kind: 'groupLasso', strength: 0.3 } }],
  ['group lasso of a vector', 'gate/gate', { penalty: { kind: 'groupLasso', strength: 0.3 } }],
  ['own gradient', 'fc/bias', { penalty: { kind: 'gradient', values: Float32Array.of(1, -1, 0.5, 0) } }],
  ['proximal', 'dense/kernel', { proximal: 2 }],
  [
    'learning rate, momentum and weight decay',
    'fc.gate/gate',
    { learningRateScale: 3, momentum: 0.2, weightDecay: 0.4 },
  ],
  [
    'all at once',
    'fc/kernel',
    {
      mask: maskOf('fc/kernel'),
      gradientMask: values('fc/kernel').map((_, i) => noise(7, i)),
      penalty: { kind: 'groupLasso', strength: 0.2 },
      proximal: 0.5,
      learningRateScale: 2,
      momentum: 0.3,
      weightDecay: 0.1,
    },
  ],
];

describe.each([true, false])('two updates under a rule (Nesterov: %s)', (nesterov) => {
  test.each(RULES)('%s on %s', async (_, name, rule) => {
    const trainer = await openTrainer(MIXED, { batchSize: 2 });
    const hyper = { ...HYPER, nesterov };
    await trainer.train(1, () => hyper);
    await trainer.setRules(new Map([[name, rule]]));
    for (let step = 1; step <= 2; step++) {
      const before = await trainer.checkpoint();
      const { tensors } = await trainer.gradients({ inputs: { step } });
      await trainer.train(1, () => hyper);
      const after = await trainer.checkpoint();
      for (const [tensor, gradient] of tensors) {
        const [w, v] = [before.parameters.get(tensor) ?? [], before.momentum.get(tensor) ?? []];
        const expected = expectedUpdate(tensor, w, v, gradient, hyper, tensor === name ? rule : {});
        expect(distance(after.parameters.get(tensor), expected.w), `${tensor} after step ${step}`).toBeLessThan(1e-6);
        expect(distance(after.momentum.get(tensor), expected.v), `momentum of ${tensor}`).toBeLessThan(1e-5);
      }
    }
    trainer.dispose();
  });
});

test('worked by hand: frozen loss gradient, L1 0.5, weight decay 0.1, proximal 1, learning rate 0.1', async () => {
  const parameters = new Map(startOf(MIXED)).set('fc/bias', Float32Array.of(2, -1, 0, 0.1));
  const trainer = await openTrainer(MIXED, { parameters, batchSize: 2 });
  const frozen = new Float32Array(4);
  const penalty = { kind: 'l1', strength: 0.5 } as const;
  await trainer.setRules(new Map([['fc/bias', { gradientMask: frozen, penalty, weightDecay: 0.1, proximal: 1 }]]));
  await trainer.train(1, () => ({ learningRate: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0.5 }));
  // g = 0.1 w + 0.5 sign w = 0.7, -0.6, 0, 0.51; w - 0.1 g = 1.93, -0.94, 0, 0.049; then 0.1 nearer to 0.
  const { parameters: after, momentum } = await trainer.checkpoint();
  expect(distance(after.get('fc/bias'), [1.83, -0.84, 0, 0])).toBeLessThan(1e-6);
  expect(distance(momentum.get('fc/bias'), [0.7, -0.6, 0, 0.51])).toBeLessThan(1e-6);
  // No rule any more: plain SGD with the momentum that is left.
  await trainer.setRules(new Map());
  const { tensors } = await trainer.gradients({ inputs: { step: 1 } });
  await trainer.train(1, () => ({ learningRate: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0.5 }));
  const expected = [1.83, -0.84, 0, 0].map((w, i) => {
    const speed = 0.9 * ([0.7, -0.6, 0, 0.51][i] ?? NaN) + (tensors.get('fc/bias')?.[i] ?? NaN);
    return w - 0.1 * speed;
  });
  expect(distance((await trainer.read()).get('fc/bias'), expected)).toBeLessThan(1e-6);
  trainer.dispose();
});

describe('masks', () => {
  const name = 'fc/kernel';
  const mask = maskOf(name);
  const masked = (tensor: Float32Array | undefined): number[] => [...(tensor ?? [])].filter((_, i) => mask[i] === 0);

  test('act at once on value and momentum, off channels included, and hold through whatever follows', async () => {
    const trainer = await openTrainer(MIXED, { batchSize: 2 });
    await trainer.train(2, hyperAt);
    await trainer.restructure(PRUNED);
    const start = await trainer.checkpoint();
    await trainer.setRules(new Map([[name, { mask }]]));
    const zeros = masked(mask);
    expect(zeros.length).toBeGreaterThan(10);
    const check = async (): Promise<void> => {
      const { parameters, momentum } = await trainer.checkpoint();
      expect(masked(parameters.get(name))).toEqual(zeros);
      expect(masked(momentum.get(name))).toEqual(zeros);
    };
    await check();
    const kept = (await trainer.read()).get(name)?.filter((_, i) => mask[i] !== 0);
    expect(kept).toEqual(start.parameters.get(name)?.filter((_, i) => mask[i] !== 0));
    await trainer.train(2, hyperAt);
    await check();
    await trainer.restructure(denseStructure(MIXED));
    await trainer.train(1, hyperAt);
    await check();
    await trainer.write(new Map([[name, values(name).fill(1)]]));
    await check();
    await trainer.restore(start);
    await check();
    trainer.dispose();
  });
});

describe('quantised weights', () => {
  const quantiser = { step: 0.5, levels: 2 };
  const quantised = (w: number): number =>
    Math.sign(w) * quantiser.step * Math.min(Math.floor(Math.abs(w) / quantiser.step + 0.5), quantiser.levels);

  test('are what the network computes with, while the full-precision ones are kept and updated', async () => {
    const names = ['stem/kernel', 'fc/kernel'];
    const exact = new Map(startOf(MIXED));
    for (const name of names)
      exact.set(
        name,
        values(name).map((w) => Math.fround(quantised(w))),
      );
    const trainer = await openTrainer(MIXED, { batchSize: 2 });
    await trainer.setRules(new Map(names.map((name) => [name, { quantiser }])));
    const plain = await openTrainer(MIXED, { batchSize: 2, parameters: exact });
    expect(await trainer.predict(pixels)).toEqual(await plain.predict(pixels));
    expect(await trainer.evaluate('test')).toEqual(await plain.evaluate('test'));
    const request = { inputs: { step: 0 } } as const;
    const [{ tensors, loss }, expected] = [await trainer.gradients(request), await plain.gradients(request)];
    expect(loss).toBe(expected.loss);
    expect(tensors).toEqual(expected.tensors);
    expect((await trainer.read()).get('fc/kernel')).toEqual(values('fc/kernel'));
    await trainer.train(1, () => ({ learningRate: 0.1, momentum: 0, nesterov: false, weightDecay: 0 }));
    const gradient = tensors.get('fc/kernel') ?? [];
    const moved = [...values('fc/kernel')].map((w, i) => w - 0.1 * (gradient[i] ?? NaN));
    expect(distance((await trainer.read()).get('fc/kernel'), moved)).toBeLessThan(1e-6);
    expect(Math.hypot(...gradient)).toBeGreaterThan(1e-3);
    for (const opened of [trainer, plain]) opened.dispose();
  });

  test('round halves away from zero and stop at the last level', async () => {
    const bias = Float32Array.of(0.25, -0.25, 0.2, -0.7, 0.75, -5, 5, 1.2, 0, -0.24);
    const trainer = await openTrainer(MIXED, { parameters: new Map(startOf(MIXED)).set('dense/bias', bias) });
    const logits = await trainer.predict(pixels.subarray(0, 3_072));
    await trainer.setRules(new Map([['dense/bias', { quantiser }]]));
    const rounded = await trainer.predict(pixels.subarray(0, 3_072));
    const shift = rounded.map((value, i) => value - (logits[i] ?? NaN) + (bias[i] ?? NaN));
    expect(distance(shift, [0.5, -0.5, 0, -0.5, 1, -1, 1, 1, 0, 0])).toBeLessThan(1e-5);
    trainer.dispose();
  });
});

test('rules follow the structure: compact equals masked execution, step by step from equal parameters', async () => {
  const rules = new Map<string, UpdateRule>([
    ...RULES.map(([, name, rule]) => [name, rule] as const),
    ['each/kernel', { quantiser: { step: 0.1, levels: 7 }, mask: maskOf('each/kernel') }],
  ]);
  const small = await openTrainer(MIXED, { batchSize: 4 });
  const wide = await openTrainer(MIXED, { batchSize: 4, execution: 'masked' });
  for (const trainer of [small, wide]) {
    await trainer.setRules(rules);
    await trainer.restructure(PRUNED);
  }
  expect(small.bytes).toBeLessThan(wide.bytes);
  for (let step = 0; step < 3; step++) {
    await wide.restore(await small.checkpoint());
    for (const trainer of [small, wide]) await trainer.train(1, hyperAt);
    const [a, b] = [await small.checkpoint(), await wide.checkpoint()];
    for (const [name, expected] of b.parameters) {
      expect(distance(a.parameters.get(name), expected), `${name} in step ${step}`).toBeLessThan(1e-5);
    }
    expect(distance(await small.predict(pixels), await wide.predict(pixels))).toBeLessThan(1e-5);
  }
  for (const trainer of [small, wide]) trainer.dispose();
});

test('rules hold memory of their own, report it and give it back', async () => {
  const start = tf.memory();
  const trainer = await openTrainer(MIXED);
  const plain = trainer.bytes;
  await trainer.setRules(new Map(RULES.map(([, name, rule]) => [name, rule])));
  expect(trainer.bytes).toBeGreaterThan(plain);
  expect(trainer.bytes).toBe(tf.memory().numBytes - start.numBytes);
  const { numTensors } = tf.memory();
  await trainer.train(1, hyperAt);
  await trainer.predict(pixels);
  expect(tf.memory().numTensors).toBe(numTensors);
  await trainer.setRules(new Map());
  expect(trainer.bytes).toBe(plain);
  trainer.dispose();
  expect(tf.memory().numTensors).toBe(start.numTensors);
});

test('rules that do not fit are refused with a sentence and change nothing', async () => {
  const trainer = await openTrainer(RESIDUAL);
  const refused = async (name: string, rule: UpdateRule, message: RegExp): Promise<void> =>
    expect(trainer.setRules(new Map([[name, rule]]))).rejects.toThrow(message);
  const before = await trainer.checkpoint();
  await refused('stem/bias', {}, /residual has no trained tensor "stem\/bias"/);
  await refused('stem.bn/mean', {}, /no trained tensor "stem.bn\/mean"/);
  await refused('dense/bias', { mask: new Float32Array(9) }, /the mask of "dense\/bias" must have 10 values, not 9/);
  const penalty = { kind: 'gradient', values: new Float32Array(11) } as const;
  await refused('dense/bias', { penalty }, /the penalty of "dense\/bias" must have 10 values, not 11/);
  await refused('dense/bias', { quantiser: { step: 0, levels: 3 } }, /needs a step above 0/);
  expect(await trainer.checkpoint()).toEqual(before);
  trainer.dispose();
});
