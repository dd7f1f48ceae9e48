import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keptIn } from './kept.ts';
import { BuiltPage, linkOf, press, waitForState, waitForStep } from './page.ts';

const SPEC = {
  version: 1,
  name: 'Kept',
  seed: 3,
  model: { id: 'convnet-micro', width: 0.5 },
  data: { train: 2_200, test: 100, holdOut: 100 },
  train: { steps: 60, batchSize: 20, evaluateEvery: 20, augment: ['flip'] },
  scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 }, every: 10, until: 40 },
};

let built: BuiltPage;
let context: BrowserContext;
beforeAll(async () => {
  built = await BuiltPage.open();
  context = await built.browser.newContext({ viewport: { width: 1_366, height: 768 } });
});
afterAll(() => built.close());

const savedAt = (page: Page): Promise<string | null> => page.locator('.saved-at').textContent();

test('run, reload in the middle, Resume, finish: bit-equal to the undisturbed run; a second tab cannot take it meanwhile', async () => {
  const page = await context.newPage();
  await page.goto(built.address + linkOf(SPEC));
  await waitForState(page, 'idle');
  await press(page, 'Run');
  await waitForState(page, 'done');
  await expect.poll(() => savedAt(page)).toBe('Saved at step 60');
  await expect.poll(async () => (await keptIn(page)).map(({ record }) => record.state)).toEqual(['done']);
  const [undisturbed] = await keptIn(page);

  await press(page, 'Reset');
  await waitForState(page, 'idle');
  await press(page, 'Run');
  await waitForStep(page, 12);
  await press(page, 'Pause');
  await waitForState(page, 'paused');
  await expect.poll(() => savedAt(page)).toMatch(/^Saved at step \d+$/);
  const step = Number(await page.locator('[data-step]').getAttribute('data-step'));
  await expect.poll(() => savedAt(page)).toBe(`Saved at step ${step}`);

  const other = await context.newPage();
  await other.goto(built.address);
  await other.getByRole('button', { name: 'Kept runs' }).click();
  const row = other
    .getByRole('dialog')
    .getByRole('row')
    .filter({ hasText: `${step} of 60` });
  await expect.poll(() => row.textContent()).toMatch(/open in another tab/);
  expect(await row.getByRole('button').count()).toBe(0);
  expect(await other.getByRole('note').filter({ hasText: 'Interrupted' }).count()).toBe(0);
  await other.close();

  // Some steps more, of which nothing is kept.
  await press(page, 'Run');
  await waitForStep(page, step + 2);
  await page.reload();
  const bar = page.getByRole('note').filter({ hasText: 'Interrupted' });
  await bar.waitFor();
  const [, from] = /step (\d+) of 60/.exec((await bar.textContent()) ?? '') ?? [];
  expect(Number(from)).toBeGreaterThanOrEqual(step);
  expect(await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight)).toBe(true);
  await bar.getByRole('button', { name: 'Resume' }).click();
  await waitForState(page, 'done');
  await expect.poll(() => savedAt(page)).toBe('Saved at step 60');
  expect(await page.getByRole('note').count()).toBe(0);

  await expect.poll(async () => (await keptIn(page)).map(({ record }) => record.state)).toEqual(['done', 'done']);
  const resumed = (await keptIn(page)).find(({ record }) => record.id !== undisturbed?.record.id);
  expect(resumed?.checkpoint?.trainer.parameters.size).toBeGreaterThan(4);
  expect(resumed?.checkpoint).toEqual(undisturbed?.checkpoint);
  await page.close();
});

test('the kept runs by keyboard: sort, open a finished one, delete it', async () => {
  const page = await context.newPage();
  await page.goto(built.address);
  await waitForState(page, 'idle');
  await page.keyboard.press('k');
  const dialog = page.getByRole('dialog');
  const names = (): Promise<string[]> => dialog.locator('tbody td[data-title=Size]').allTextContents();
  await expect.poll(async () => (await names()).length).toBe(2);
  expect(await dialog.locator('th[aria-sort]').textContent()).toBe('Changed');
  const size = dialog.getByRole('button', { name: 'Size', exact: true });
  await size.focus();
  await page.keyboard.press('Enter');
  const descending = await names();
  await page.keyboard.press('Enter');
  expect(await dialog.locator('th[aria-sort=ascending]').textContent()).toBe('Size');
  expect(await names()).toEqual(descending.toReversed());

  await dialog.getByRole('button', { name: 'Open Kept' }).first().click();
  await waitForState(page, 'done');
  expect(await page.locator('[data-step]').getAttribute('data-step')).toBe('60');
  expect(await page.getByRole('button', { name: 'Run', exact: true }).isDisabled()).toBe(true);

  await page.keyboard.press('k');
  const remove = dialog.getByRole('button', { name: /^Delete all finished/ });
  await remove.click();
  await dialog.getByRole('button', { name: 'Really?' }).click();
  await expect.poll(async () => (await keptIn(page)).length).toBe(1);
  await expect.poll(() => dialog.locator('tbody tr').allTextContents()).toEqual([expect.stringMatching(/open here/)]);
  await page.close();
});
