import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunResult } from '../../src/core/events/history.ts';

/**
 * The whole way on real CIFAR-10, by the command line: a narrow `cnn-small` is trained on 5,000 images, loses maps, then
 * taps, and is retrained; the dense network trains as long on the same batches.
 */
const shared = {
  version: 1,
  seed: 1,
  model: { id: 'cnn-small', width: 0.125 },
  data: { train: 5_500, test: 1_000, holdOut: 500 },
  train: { epochs: 10, batchSize: 50, learningRate: 0.1, augment: ['flip'], evaluateEvery: 200 },
};
const pruned = {
  ...shared,
  name: 'Maps, then strides',
  scheme: {
    id: 'structured-sparsity',
    stages: [
      { at: 300, granularity: 'map', keep: 0.75, choose: 'particles' },
      { at: 500, granularity: 'stride', stride: 2, choose: 'particles' },
    ],
    particles: 10,
    rounds: 4,
    images: 500,
  },
};
const dense = { ...shared, name: 'Dense', scheme: { id: 'dense' } };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'espalier-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function run(name: string, spec: unknown): Promise<RunResult> {
  await writeFile(join(folder, `${name}.json`), JSON.stringify(spec));
  const { status, stderr } = spawnSync('node', ['scripts/espalier.mjs', 'run', `${name}.json`, '--out', name], {
    env: { ...process.env, INIT_CWD: folder },
    encoding: 'utf8',
  });
  expect(status, stderr.slice(-500)).toBe(0);
  return JSON.parse(await readFile(join(folder, name, 'result.json'), 'utf8')) as RunResult;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

test('loses at least 70 % of its eligible weights and comes within 3 points of the dense network', async () => {
  const result = await run('pruned', pruned);
  const reference = await run('dense', dense);

  const stages = result.events.flatMap((event) => (event.kind === 'stage' ? [event] : []));
  const [maps, strides] = stages;
  if (!maps || !strides) throw new Error('a stage was not told');
  expect(stages.map(({ step, report }) => [step, report.granularity])).toEqual([
    [300, 'map'],
    [500, 'stride'],
  ]);
  const retrained = result.final.testAccuracy ?? NaN;
  const whole = reference.final.testAccuracy ?? NaN;
  const { before, after } = { before: maps.latencyMs.before.median, after: strides.latencyMs.after.median };
  console.log(
    stages
      .map(({ report, accuracy: { before: was, masked, recalibrated } }) =>
        [
          `${report.granularity}: before ${percent(was)}, masked ${percent(masked)}`,
          `recalibrated ${percent(recalibrated ?? NaN)}, weights gone ${percent(report.shares.weights)}`,
        ].join(', '),
      )
      .join('\n'),
    `\nretrained ${percent(retrained)}, dense after as many steps ${percent(whole)}`,
    `\n64 images: ${before.toFixed(1)} ms dense, ${after.toFixed(1)} ms compact;`,
    `training ${reference.final.imagesPerSecond.toFixed(0)} and ${result.final.imagesPerSecond.toFixed(0)} images/s`,
    `(${result.adapter.description})`,
  );
  expect(strides.report.shares.weights).toBeGreaterThanOrEqual(0.7);
  expect(retrained).toBeGreaterThan(whole - 0.03);
  // Far above chance, or nothing was shown.
  expect(whole).toBeGreaterThan(0.5);
}, 3_600_000);
