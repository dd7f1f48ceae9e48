import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { dawn } from '../../bin/dawn.ts';
import { ZOO, buildNetwork } from '../core/network/index.ts';
import { parseSpec } from '../core/spec/parse.ts';
import { type Cifar10, openCifar10 } from '../data/cifar10.ts';
import { fileSource } from '../data/file-source.ts';
import { openEngine } from '../lab/engines.ts';
import { Run } from '../lab/run.ts';
import { rememberShards } from '../lab/shard-memory.ts';
import { testImages } from '../lab/test-images.ts';
import { SCHEMES } from '../schemes/index.ts';
import { NARROW, expectRoundTrip, measured, randomStructure } from './testing.ts';

const TEST_IMAGES = 1_000;
const STRUCTURES = 20;
const IMAGES = 20;
const HOURS = 3_600_000;

let cifar: Cifar10;
let pixels: Uint8Array;
beforeAll(async () => {
  cifar = rememberShards(await openCifar10(fileSource(join(import.meta.dirname, '../../public/data'))));
  const first = Array.from({ length: TEST_IMAGES }, (_, index) => index);
  ({ pixels } = await testImages(cifar, TEST_IMAGES, first));
});

const short = (value: number): string => value.toExponential(1);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

describe(`each network of the zoo at full width, trained for some steps, on ${TEST_IMAGES} test images`, () => {
  test.each(ZOO.map(({ id }) => id))('%s', { timeout: HOURS }, async (id) => {
    const parsed = parseSpec(
      {
        version: 1,
        model: { id },
        data: { train: 1_000, test: TEST_IMAGES, holdOut: 10 },
        train: { steps: 40, batchSize: 16, learningRate: 0.02, evaluateEvery: 40 },
        scheme: { id: 'dense' },
      },
      SCHEMES,
    );
    if (!parsed.ok) throw new Error(parsed.problems[0]?.message);
    // Our kernels, where there is an adapter: what the page computes with, and nothing that tfjs or ONNX Runtime share.
    const { engine } = await openEngine({ gpu: dawn });
    const run = new Run(parsed.spec, { onEvent: () => undefined });
    const began = performance.now();
    await run.open(engine, cifar);
    await run.run();
    const { logits } = await run.ask({ kind: 'predictions' });
    const source = await run.ask({ kind: 'model' });
    await run.dispose();
    engine.dispose();
    const trained = performance.now();
    const [tfjs, onnx] = await expectRoundTrip({ source, pixels, logits }, 'wasm');
    const largest = logits.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
    const seconds = (from: number, to: number): string => `${((to - from) / 1_000).toFixed(0)} s`;
    say(
      `${id}: tfjs ${short(tfjs)}, ONNX Runtime ${short(onnx)} off; logits up to ${largest.toFixed(1)}; trained and predicted by ` +
        `${engine.info.backend} in ${seconds(began, trained)}, both runtimes ${seconds(trained, performance.now())}`,
    );
    expect(source.step).toBe(40);
  });
});

describe(`${STRUCTURES} generated structures of each network, half of them strided, a third quantised, on ${IMAGES} test images`, () => {
  test.each(ZOO.map(({ id }) => id))('%s', { timeout: HOURS }, async (id) => {
    const network = buildNetwork(id, NARROW[id] ?? 1);
    const { at, dispose } = await measured(network);
    let most: readonly [number, number] = [0, 0];
    for (let seed = 1; seed <= STRUCTURES; seed++) {
      const structure = randomStructure(network, seed, seed % 2 === 0);
      const some = pixels.subarray(0, IMAGES * 3_072);
      const [tfjs, onnx] = await expectRoundTrip(await at(structure, { pixels: some, quantised: seed % 3 === 0 }));
      most = [Math.max(most[0], tfjs), Math.max(most[1], onnx)];
    }
    say(`${id}: at most ${short(most[0])} (tfjs) and ${short(most[1])} (ONNX Runtime) off`);
    dispose();
  });
});
