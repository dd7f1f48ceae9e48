import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import {
  type Structure,
  type Tensors,
  denseStructure,
  forEachKept,
  compact,
  parametersOf,
} from '../../core/network/index.ts';
import type { Hyper } from '../engine.ts';
import { openTfjsEngine } from './index.ts';
import { HYPER, IMAGES, ODD, RESIDUAL, distance, noise, openTrainer, pixels, startOf } from './testing.ts';

/** Cuts inside a layer and, through the addition, both branches of the residual block. */
const PRUNED: Structure = { channels: { stem: [0, 2], a: [1, 3] } };
const hyperAt = (): Hyper => HYPER;

/** Full-size indices of a tensor that a structure keeps. */
function keptIndices(structure: Structure, name: string): ReadonlySet<number> {
  const gather = compact(RESIDUAL, structure).gathers.find(({ full }) => full.name === name);
  if (!gather) throw new Error(name);
  const kept = new Set<number>();
  forEachKept(gather, (_, full) => kept.add(full));
  return kept;
}

/** Entries of every tensor that a structure prunes (or keeps), in one list. */
const entries = (tensors: Tensors, structure: Structure, which: 'kept' | 'pruned'): number[] =>
  [...tensors].flatMap(([name, values]) => {
    const kept = keptIndices(structure, name);
    return [...values].filter((_, i) => kept.has(i) === (which === 'kept'));
  });

describe('updates', () => {
  test.each([true, false])('are SGD as PyTorch defines it, step after step (Nesterov: %s)', async (nesterov) => {
    const trainer = await openTrainer(RESIDUAL);
    const velocity = new Map<string, Float64Array>();
    for (let step = 0; step < 3; step++) {
      const hyper: Hyper = { learningRate: 0.1 / (step + 1), momentum: 0.8, nesterov, weightDecay: 0.05 };
      const before = await trainer.read();
      const { tensors, loss } = await trainer.gradients({ inputs: { step } });
      const asked: number[] = [];
      const metrics = await trainer.train(1, (absolute) => (asked.push(absolute), hyper));
      expect(asked).toEqual([step]);
      expect(metrics.loss[0]).toBe(Math.fround(loss));
      const after = await trainer.read();
      for (const [name, gradient] of tensors) {
        const v = velocity.get(name) ?? new Float64Array(gradient.length);
        velocity.set(name, v);
        const expected = Float64Array.from(before.get(name) ?? [], (weight, i) => {
          const g = (gradient[i] ?? NaN) + (name.endsWith('/kernel') ? hyper.weightDecay * weight : 0);
          v[i] = hyper.momentum * (v[i] ?? NaN) + g;
          return weight - hyper.learningRate * (nesterov ? g + hyper.momentum * v[i] : v[i]);
        });
        expect(distance(after.get(name), expected), `${name} after step ${step}`).toBeLessThan(1e-6);
      }
      const { momentum } = await trainer.checkpoint();
      expect([...momentum.keys()]).toEqual([...velocity.keys()]);
      for (const [name, v] of velocity)
        expect(distance(momentum.get(name), v), `momentum of ${name}`).toBeLessThan(1e-5);
    }
    trainer.dispose();
  });

  test('one call of many steps equals many calls of one', async () => {
    const [once, often] = [await openTrainer(ODD), await openTrainer(ODD)];
    const whole = await once.train(4, hyperAt);
    const parts: number[] = [];
    for (let i = 0; i < 4; i++) parts.push(...(await often.train(1, hyperAt)).loss);
    expect(parts).toEqual([...whole.loss]);
    expect(await often.read()).toEqual(await once.read());
    expect(once.step).toBe(4);
    for (const trainer of [once, often]) trainer.dispose();
  });

  test('training learns: twenty-five steps on sixteen images at least halve the loss', async () => {
    const trainer = await openTrainer(RESIDUAL, { batchSize: IMAGES, augment: { crop: false, flip: false } });
    const { loss } = await trainer.train(25, () => ({ ...HYPER, learningRate: 0.2 }));
    expect(loss[24]).toBeLessThan((loss[0] ?? NaN) / 2);
    trainer.dispose();
  });

  test('a loss that is not finite is returned as it is', async () => {
    const parameters = new Map(startOf(ODD)).set('dense/bias', new Float32Array(10).fill(NaN));
    const trainer = await openTrainer(ODD, { parameters });
    expect((await trainer.train(1, hyperAt)).loss[0]).toBeNaN();
    trainer.dispose();
  });
});

describe('structure', () => {
  test('masked execution equals compact execution, step by step from equal parameters', async () => {
    const small = await openTrainer(RESIDUAL, { structure: PRUNED });
    const masked = await openTrainer(RESIDUAL, { structure: PRUNED, execution: 'masked' });
    expect(small.bytes).toBeLessThan(masked.bytes);
    for (let step = 0; step < 5; step++) {
      await masked.restore(await small.checkpoint());
      const [a, b] = [await small.gradients({ inputs: { step } }), await masked.gradients({ inputs: { step } })];
      expect(Math.abs(a.loss / b.loss - 1)).toBeLessThan(1e-5);
      for (const [name, gradient] of b.tensors) {
        expect(distance(a.tensors.get(name), gradient), `${name} in step ${step}`).toBeLessThan(1e-4);
      }
      expect(distance(await small.predict(pixels), await masked.predict(pixels))).toBeLessThan(1e-5);
      await small.train(1, hyperAt);
      await masked.train(1, hyperAt);
      for (const [name, values] of await masked.read()) {
        expect(distance((await small.read([name])).get(name), values), name).toBeLessThan(1e-5);
      }
    }
    for (const trainer of [small, masked]) trainer.dispose();
  });

  test.each(['compact', 'masked'] as const)(
    'pruned entries have no gradient and do not move (%s)',
    async (execution) => {
      const trainer = await openTrainer(RESIDUAL, { structure: PRUNED, execution });
      const { tensors } = await trainer.gradients({ inputs: { step: 0 } });
      const gradients = entries(tensors, PRUNED, 'pruned');
      expect(gradients.length).toBeGreaterThan(50);
      expect(gradients.every((gradient) => gradient === 0)).toBe(true);
      await trainer.train(3, hyperAt);
      const after = await trainer.read();
      expect(entries(after, PRUNED, 'pruned')).toEqual(entries(startOf(RESIDUAL), PRUNED, 'pruned'));
      expect(distance(entries(after, PRUNED, 'kept'), entries(startOf(RESIDUAL), PRUNED, 'kept'))).toBeGreaterThan(
        0.01,
      );
      trainer.dispose();
    },
  );

  test('regrown channels come back bit for bit, with momentum at zero; kept ones keep theirs', async () => {
    const trainer = await openTrainer(RESIDUAL);
    await trainer.train(2, hyperAt);
    const before = await trainer.checkpoint();
    await trainer.restructure(PRUNED);
    expect(await trainer.read()).toEqual(before.parameters);
    await trainer.train(2, hyperAt);
    const pruned = await trainer.checkpoint();
    await trainer.restructure(denseStructure(RESIDUAL));
    const after = await trainer.checkpoint();
    expect(after.parameters).toEqual(pruned.parameters);
    expect(entries(after.parameters, PRUNED, 'pruned')).toEqual(entries(before.parameters, PRUNED, 'pruned'));
    expect(entries(before.momentum, PRUNED, 'pruned').some((value) => value !== 0)).toBe(true);
    expect(entries(after.momentum, PRUNED, 'pruned').every((value) => value === 0)).toBe(true);
    expect(entries(after.momentum, PRUNED, 'kept')).toEqual(entries(pruned.momentum, PRUNED, 'kept'));
    trainer.dispose();
  });

  test('what is written trains on: kept entries at once, pruned ones when they return', async () => {
    const trainer = await openTrainer(RESIDUAL, { structure: PRUNED });
    const logits = await trainer.predict(pixels);
    const bias = (await trainer.read(['dense/bias'])).get('dense/bias') ?? new Float32Array();
    const gamma = Float32Array.of(2, 3, 4);
    await trainer.write(new Map([['dense/bias', bias.map((value) => value + 1)]]));
    const raised = await trainer.predict(pixels);
    expect(
      distance(
        raised,
        logits.map((value) => value + 1),
      ),
    ).toBeLessThan(1e-6);
    await trainer.write(new Map([['stem.bn/gamma', gamma]]));
    expect(distance(await trainer.predict(pixels), raised)).toBeGreaterThan(0.01);
    await trainer.restructure(denseStructure(RESIDUAL));
    expect((await trainer.read(['stem.bn/gamma'])).get('stem.bn/gamma')).toEqual(gamma);
    await expect(trainer.write(new Map([['stem/bias', gamma]]))).rejects.toThrow(/has no tensor "stem\/bias"/);
    trainer.dispose();
  });

  test('a structure that does not fit is refused and leaves the trainer as it was', async () => {
    const trainer = await openTrainer(RESIDUAL);
    const before = await trainer.checkpoint();
    await expect(trainer.restructure({ channels: { stem: [] } })).rejects.toThrow(/group "stem" keeps no channel/);
    expect(await trainer.checkpoint()).toEqual(before);
    trainer.dispose();
  });
});

describe('the state of a trainer', () => {
  test('asking for gradients changes nothing; a checkpoint resumes bit for bit, structure and momentum included', async () => {
    const trainer = await openTrainer(RESIDUAL, { structure: PRUNED });
    await trainer.train(2, hyperAt);
    const checkpoint = await trainer.checkpoint();
    await trainer.gradients({ inputs: { step: 2 } });
    expect(await trainer.checkpoint()).toEqual(checkpoint);
    const { loss } = await trainer.train(3, hyperAt);
    const undisturbed = await trainer.checkpoint();
    const resumed = await openTrainer(RESIDUAL);
    await resumed.restore(checkpoint);
    expect([resumed.step, resumed.structure]).toEqual([2, PRUNED]);
    expect((await resumed.train(3, hyperAt)).loss).toEqual(loss);
    expect(await resumed.checkpoint()).toEqual(undisturbed);
    for (const opened of [trainer, resumed]) opened.dispose();
  });

  test('an evaluation whose last batch is partial equals one big batch', async () => {
    const images = 130;
    const engine = await openTfjsEngine({ backend: 'cpu' });
    const data = engine.openData({ train: 1, holdOut: 1, test: images });
    const many = Uint8Array.from({ length: images * 3_072 }, (_, i) => Math.floor(noise(5, i) * 256));
    const classes = Uint8Array.from({ length: images }, (_, i) => i % 10);
    data.write('test', 0, many, classes);
    const trainer = await openTrainer(ODD, { data });
    const logits = await trainer.predict(many);
    const losses = Array.from(classes, (label, i) => {
      const row = [...logits.subarray(i * 10, i * 10 + 10)];
      return Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)) - (row[label] ?? NaN);
    });
    const hits = [...classes].filter((label, i) => {
      const row = [...logits.subarray(i * 10, i * 10 + 10)];
      return row.indexOf(Math.max(...row)) === label;
    });
    const evaluated = await trainer.evaluate('test');
    expect(evaluated.images).toBe(images);
    expect(evaluated.loss).toBeCloseTo(losses.reduce((a, b) => a + b, 0) / images, 5);
    expect(evaluated.accuracy).toBeCloseTo(hits.length / images, 9);
    trainer.dispose();
  });

  test('latency is measured in positive milliseconds over at least three samples', async () => {
    const trainer = await openTrainer(ODD);
    const { batch, median, p95, n } = await trainer.latency(2);
    expect([batch, n >= 3, median > 0, p95 >= median]).toEqual([2, true, true, true]);
    trainer.dispose();
  });

  test('a trainer holds its own tensors only and gives all of them back', async () => {
    const start = tf.memory();
    const trainer = await openTrainer(RESIDUAL);
    expect(trainer.bytes).toBe(tf.memory().numBytes - start.numBytes);
    const tensors = parametersOf(RESIDUAL).length;
    const held = tf.memory().numTensors;
    // Mean and variance of the three norms have no momentum.
    expect(held - start.numTensors).toBe(2 * tensors - 6);
    await trainer.train(2, hyperAt);
    await trainer.evaluate('test', 5);
    await trainer.predict(new Uint8Array(3_072));
    await trainer.gradients({ inputs: { step: 0 } });
    await trainer.latency(1);
    await trainer.restore(await trainer.checkpoint());
    await trainer.write(await trainer.read());
    await trainer.restructure(PRUNED);
    await trainer.train(1, hyperAt);
    expect(tf.memory().numTensors).toBe(held);
    trainer.dispose();
    expect(tf.memory().numTensors).toBe(start.numTensors);
    expect(tf.memory().numBytes).toBe(start.numBytes);
  });

  test('images that were not loaded, and bytes that are no images, are refused with a sentence', async () => {
    const engine = await openTfjsEngine({ backend: 'cpu' });
    const data = engine.openData({ train: IMAGES, holdOut: 1, test: 1 });
    const trainer = await openTrainer(ODD, { data, batch: () => Uint32Array.of(3) });
    const sentence = /image 3 of split "train" is needed before it was loaded/;
    await expect(trainer.train(1, hyperAt)).rejects.toThrow(sentence);
    await expect(trainer.gradients({ inputs: { step: 0 } })).rejects.toThrow(sentence);
    await expect(trainer.predict(new Uint8Array(3_000))).rejects.toThrow(/whole images of 3,072 bytes/);
    expect(() => data.write('test', 1, new Uint8Array(3_072), new Uint8Array(1))).toThrow(/split "test"/);
    trainer.dispose();
  });
});
