import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findChromium } from '../../scripts/steps/browser.mjs';
import type { RunResult } from '../../src/core/events/history.ts';
import { BuiltPage, exported, linkOf, press, waitForState } from './page.ts';

const SPEC = {
  version: 1,
  name: 'same path',
  seed: 4,
  model: { id: 'convnet-micro' },
  data: { train: 400, test: 50 },
  train: { steps: 5, batchSize: 32, evaluateEvery: 5 },
  scheme: { id: 'dense' },
};

let built: BuiltPage;
let folder: string;
beforeAll(async () => {
  built = await BuiltPage.open();
  folder = await mkdtemp(join(tmpdir(), 'espalier-'));
});
afterAll(async () => {
  await built.close();
  await rm(folder, { recursive: true });
});

/** SwiftShader as it comes with Chromium, which the page runs on. */
async function swiftShader(): Promise<string | undefined> {
  const chromium = await findChromium();
  const folders = [
    '/usr/lib/chromium',
    '/usr/lib/chromium-browser',
    ...(chromium ? [dirname(realpathSync(chromium))] : []),
  ];
  return folders.map((place) => join(place, 'vk_swiftshader_icd.json')).find((file) => existsSync(file));
}

test('on the same adapter, page and command line see the same batches: the first losses agree within 1e-5', async ({
  skip,
}) => {
  const driver = await swiftShader();
  if (!driver) return skip('this Chromium brings no SwiftShader that Dawn could use');
  await writeFile(join(folder, 'spec.json'), JSON.stringify(SPEC));
  const { status, stderr } = spawnSync(
    process.execPath,
    ['scripts/espalier.mjs', 'run', 'spec.json', '--out', 'out', '--backend', 'webgpu'],
    {
      env: { ...process.env, INIT_CWD: folder, VK_DRIVER_FILES: driver },
      encoding: 'utf8',
    },
  );
  expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
  const ours = JSON.parse(await readFile(join(folder, 'out/result.json'), 'utf8')) as RunResult;
  expect(ours.adapter.description).toMatch(/swiftshader/i);

  const { page } = await built.visit(linkOf(SPEC));
  await waitForState(page, 'idle');
  await press(page, 'Run');
  await waitForState(page, 'done', 280_000);
  const theirs = await exported(page);
  expect(theirs.spec).toEqual(ours.spec);
  expect(theirs.history.length).toBe(5);
  const [first, other] = [ours.history[0]?.trainLoss ?? NaN, theirs.history[0]?.trainLoss ?? NaN];
  expect(Math.abs(first - other)).toBeLessThan(1e-5);
  // Another batch would have another loss by far more.
  expect(Math.abs(first - (ours.history[1]?.trainLoss ?? NaN))).toBeGreaterThan(1e-3);
  await page.close();
});
