import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHROMIUM_FLAGS } from '../../scripts/steps/browser.mjs';
import { BuiltPage, exported, linkOf, press, waitForState, waitForStep } from './page.ts';

/** The built page when the browser's GPU process dies under a run. */
const SPEC = {
  version: 1,
  name: 'GPU process killed',
  seed: 3,
  model: { id: 'convnet-micro', width: 0.5 },
  data: { train: 2_000, test: 100 },
  train: { steps: 90, batchSize: 20, augment: ['crop', 'flip'], evaluateEvery: 45 },
  scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 }, every: 15, until: 60 },
};

/** Without these a browser gives no adapter any more after the second crash of the GPU process. */
const CRASHES_ALLOWED = ['--disable-gpu-process-crash-limit', '--disable-domain-blocking-for-3d-apis'];

let built: BuiltPage;
beforeAll(async () => {
  built = await BuiltPage.open([...CHROMIUM_FLAGS, ...CRASHES_ALLOWED]);
});
afterAll(() => built.close());

async function killGpuProcess({ browser }: BuiltPage): Promise<void> {
  const cdp = await browser.newBrowserCDPSession();
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
  const gpu = processInfo.find(({ type }) => type === 'GPU');
  if (!gpu) throw new Error('there is no GPU process');
  process.kill(gpu.id, 'SIGKILL');
  await cdp.detach();
}

/** Losses and widths of every step, from the exported history. */
async function historyOf(page: Page) {
  const { history, events, final } = await exported(page);
  return { history, final: { ...final, latencyMs: 0, imagesPerSecond: 0 }, kinds: events.map(({ kind }) => kind) };
}

test('the run goes on by itself, says so, and ends with the same numbers as an undisturbed one', async () => {
  const undisturbed = await built.visit(linkOf(SPEC));
  await waitForState(undisturbed.page, 'idle');
  // Memory in use stands beside the adapter's name.
  await expect.poll(() => undisturbed.page.locator('.chip[data-backend]').textContent()).toMatch(/· \d+ MB$/);
  await press(undisturbed.page, 'Run');
  await waitForState(undisturbed.page, 'done', 240_000);
  const expected = await historyOf(undisturbed.page);
  await undisturbed.page.close();

  const { page, errors } = await built.visit(linkOf(SPEC));
  await waitForState(page, 'idle');
  await press(page, 'Run');
  await waitForStep(page, 20);
  await killGpuProcess(built);
  await page.getByRole('note').filter({ hasText: 'The graphics device was lost' }).waitFor({ timeout: 60_000 });
  await waitForStep(page, 50);
  await killGpuProcess(built);
  await waitForState(page, 'done', 240_000);

  const result = await historyOf(page);
  expect(result.kinds.filter((kind) => kind === 'recovered').length).toBe(2);
  expect(result.kinds.filter((kind) => kind !== 'recovered')).toEqual(expected.kinds);
  expect(result.history).toEqual(expected.history);
  expect(result.final).toEqual(expected.final);
  expect(errors).toEqual([]);
});

test('where the browser gives no device any more: a sentence, and the history stays', async () => {
  const own = await BuiltPage.open();
  const { page } = await own.visit(linkOf(SPEC));
  await waitForState(page, 'idle');
  await press(page, 'Run');
  await waitForStep(page, 5);
  for (let kill = 0; kill < 3; kill++) {
    await killGpuProcess(own);
    await page.waitForTimeout(2_000);
  }
  await waitForState(page, 'error');
  await expect.poll(() => page.getByRole('alert').first().textContent()).toMatch(/graphics device was lost.*stopped/);
  expect((await exported(page)).history.length).toBeGreaterThanOrEqual(1);
  await own.close();
});
