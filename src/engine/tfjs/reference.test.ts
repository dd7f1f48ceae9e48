import { describe, expect, test } from 'vitest';
import type { Network, Tensors } from '../../core/network/index.ts';
import { assembleBatch } from './batch.ts';
import { type Doubles, referenceForward, referenceLoss } from './reference.ts';
import {
  IMAGES,
  MIXED,
  ODD,
  RESIDUAL,
  SMOOTHING,
  batchOf,
  distance,
  labels,
  openTrainer,
  pixels,
  startOf,
} from './testing.ts';

const STEP = 1;
/** Float32 sums of up to a few thousand terms carry about 1e-6 of relative error. */
const LOSS_TOLERANCE = 2e-6;
/** Norms cancel most of the gradients before them, so those carry some ten times more. */
const GRADIENT_TOLERANCE = 1e-4;

const doubles = (tensors: Tensors): Map<string, Float64Array> =>
  new Map([...tensors].map(([name, values]) => [name, Float64Array.from(values)]));
const labelsOf = (indices: Uint32Array): number[] => Array.from(indices, (index) => labels[index] ?? 0);

/** Loss of a training step's batch as a function of the parameters, and what else its forward pass yields. */
function referenceStep(network: Network, batchSize: number) {
  const indices = batchOf(STEP, batchSize);
  const augment = { seed: 1, step: STEP, crop: true, flip: true };
  const images = Float64Array.from(assembleBatch(pixels, indices, augment));
  return (parameters: Doubles) => {
    const { logits, statistics } = referenceForward(network, parameters, images, batchSize, true);
    return { logits, statistics, loss: referenceLoss(logits, labelsOf(indices), SMOOTHING) };
  };
}

describe.each([
  ['residual, strided, 1x1 shortcut, 8 images', RESIDUAL, 8],
  ['residual, one image', RESIDUAL, 1],
  ['odd sizes and one channel, 3 images', ODD, 3],
  ['odd sizes and one channel, one image', ODD, 1],
  ['depthwise, gates, ReLU6, average pooling, flatten, hidden dense, 4 images', MIXED, 4],
] as const)('against double-precision loops: %s', (_, network, batchSize) => {
  const step = referenceStep(network, batchSize);

  test('loss, accuracy and batch statistics of a training step', async () => {
    const trainer = await openTrainer(network, { batchSize });
    const before = await trainer.read();
    const expected = step(doubles(before));
    await trainer.restore({ ...(await trainer.checkpoint()), step: STEP });
    const { firstStep, loss, accuracy } = await trainer.train(1, () => ({
      learningRate: 0,
      momentum: 0,
      nesterov: false,
      weightDecay: 0,
    }));
    expect(firstStep).toBe(STEP);
    expect(Math.abs((loss[0] ?? NaN) / expected.loss - 1)).toBeLessThan(LOSS_TOLERANCE);
    const correct = labelsOf(batchOf(STEP, batchSize)).filter((label, image) => {
      const row = expected.logits.subarray(image * 10, image * 10 + 10);
      return row.indexOf(Math.max(...row)) === label;
    });
    expect(accuracy[0]).toBeCloseTo(correct.length / batchSize, 6);
    const after = await trainer.read();
    for (const [id, statistics] of expected.statistics) {
      for (const kind of ['mean', 'variance'] as const) {
        const name = `${id}/${kind}`;
        const blended = before.get(name)?.map((old, i) => 0.9 * old + 0.1 * (statistics[kind][i] ?? NaN));
        expect(distance(after.get(name), blended), name).toBeLessThan(1e-5);
      }
    }
    trainer.dispose();
  });

  test('every gradient equals central differences, entry by entry', async () => {
    const trainer = await openTrainer(network, { batchSize });
    const parameters = doubles(await trainer.read());
    const { tensors, loss } = await trainer.gradients({ inputs: { step: STEP } });
    expect(Math.abs(loss / step(parameters).loss - 1)).toBeLessThan(LOSS_TOLERANCE);
    // In double precision: small enough that hardly any ReLU changes side, large enough for 9 digits.
    const h = 1e-6;
    for (const [name, gradient] of tensors) {
      const values = parameters.get(name) ?? new Float64Array();
      const slopes = values.map((value, i) => {
        values[i] = value + h;
        const above = step(parameters).loss;
        values[i] = value - h;
        const below = step(parameters).loss;
        values[i] = value;
        return (above - below) / (2 * h);
      });
      expect(Math.hypot(...slopes), name).toBeGreaterThan(1e-6);
      expect(distance(gradient, slopes), name).toBeLessThan(GRADIENT_TOLERANCE);
    }
    trainer.dispose();
  });

  test('evaluation and prediction by running statistics, without smoothing or augmentation', async () => {
    const trainer = await openTrainer(network, { batchSize });
    const indices = Uint32Array.from({ length: IMAGES }, (__, i) => i);
    const images = Float64Array.from(assembleBatch(pixels, indices, null));
    const { logits } = referenceForward(network, doubles(startOf(network)), images, IMAGES, false);
    expect(distance(await trainer.predict(pixels), logits)).toBeLessThan(1e-5);
    for (const limit of [IMAGES, 5]) {
      const loss = referenceLoss(logits.subarray(0, limit * 10), [...labels.subarray(0, limit)], 0);
      const evaluated = await trainer.evaluate('test', limit);
      expect(evaluated.images).toBe(limit);
      expect(Math.abs(evaluated.loss / loss - 1)).toBeLessThan(LOSS_TOLERANCE);
    }
    trainer.dispose();
  });
});
