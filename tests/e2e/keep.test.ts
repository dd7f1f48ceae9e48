import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { axeFindingsInBothThemes } from './axe.ts';
import { keptIn } from './kept.ts';
import { BuiltPage, linkOf, press, waitForState, waitForStep } from './page.ts';

/** So many that the run is still going when a slow machine gets to press Pause, or to reload. */
const STEPS = 240;
const SPEC = {
  version: 1,
  name: 'Kept',
  seed: 3,
  model: { id: 'convnet-micro', width: 0.5 },
  data: { train: 2_200, test: 100, holdOut: 100 },
  train: { steps: STEPS, batchSize: 20, evaluateEvery: 20, augment: ['flip'] },
  scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 }, every: 10, until: 40 },
};

let built: BuiltPage;
let context: BrowserContext;
let page: Page;
beforeAll(async () => {
  built = await BuiltPage.open();
  context = await built.browser.newContext({ viewport: { width: 1_366, height: 768 } });
});
afterAll(() => built.close());

const savedAt = (on: Page): Promise<string | null> => on.locator('.saved-at').textContent();

test('run, reload in the middle, Resume, finish: bit-equal to the undisturbed run; a second tab cannot take it meanwhile', async () => {
  page = await context.newPage();
  await page.goto(built.address + linkOf(SPEC));
  await waitForState(page, 'idle');
  await press(page, 'Run');
  await waitForState(page, 'done');
  await expect.poll(() => savedAt(page)).toBe(`Saved at step ${STEPS}`);
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
    .filter({ hasText: `${step} of ${STEPS}` });
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
  const [, from] = /step (\d+) of \d+/.exec((await bar.textContent()) ?? '') ?? [];
  expect(Number(from)).toBeGreaterThanOrEqual(step);
  expect(await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight)).toBe(true);
  await bar.getByRole('button', { name: 'Resume' }).click();
  await waitForState(page, 'done');
  await expect.poll(() => savedAt(page)).toBe(`Saved at step ${STEPS}`);
  expect(await page.getByRole('note').count()).toBe(0);

  await expect.poll(async () => (await keptIn(page)).map(({ record }) => record.state)).toEqual(['done', 'done']);
  const resumed = (await keptIn(page)).find(({ record }) => record.id !== undisturbed?.record.id);
  expect(resumed?.checkpoint?.trainer.parameters.size).toBeGreaterThan(4);
  expect(resumed?.checkpoint).toEqual(undisturbed?.checkpoint);
});

test('the kept runs by keyboard: sort, open a finished one beside the other, delete one that is open', async () => {
  await page.keyboard.press('k');
  const dialog = page.getByRole('dialog');
  const rows = dialog.locator('tbody tr');
  const sizes = (): Promise<string[]> => dialog.locator('td[data-title=Size]').allTextContents();
  await expect
    .poll(() => rows.allTextContents())
    .toEqual([expect.stringMatching(/open here/), expect.stringMatching(/finished/)]);
  expect(await dialog.locator('th[aria-sort]').textContent()).toBe('Changed');
  await dialog.getByRole('button', { name: 'State', exact: true }).focus();
  await page.keyboard.press('Enter');
  expect(await dialog.locator('th[aria-sort=ascending]').textContent()).toBe('State');
  expect(await rows.first().textContent()).toMatch(/finished/);
  await page.keyboard.press('Enter');
  expect(await rows.first().textContent()).toMatch(/open here/);
  expect(await sizes()).toEqual([expect.stringMatching(/^\d+ kB$/), expect.stringMatching(/^\d+ kB$/)]);
  expect(await axeFindingsInBothThemes(page)).toEqual([]);

  await dialog.getByRole('button', { name: 'Open Kept' }).press('Enter');
  const lane = page.locator('.lane').nth(1);
  await expect.poll(() => lane.getAttribute('data-lane-state')).toBe('done');
  expect(await lane.getAttribute('data-lane-step')).toBe(String(STEPS));
  expect(await page.getByRole('button', { name: 'Run', exact: true }).isDisabled()).toBe(true);
  await expect.poll(() => savedAt(page)).toBe(`Saved at step ${STEPS}`);

  await page.keyboard.press('k');
  await expect.poll(() => rows.filter({ hasText: 'open here' }).count()).toBe(2);
  await rows.first().getByRole('button', { name: 'Delete Kept' }).press('Enter');
  await rows.first().getByRole('button', { name: 'Really? Kept' }).press('Enter');
  await expect.poll(() => rows.count()).toBe(1);
  expect(await keptIn(page)).toHaveLength(1);
  await page.close();
});
