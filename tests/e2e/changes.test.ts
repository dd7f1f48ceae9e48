import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { axeFindings, useTheme } from './axe.ts';
import { BuiltPage, linkOf, press, waitForState } from './page.ts';

/** What two networks get wrong, asked of a run on real CIFAR-10 in the built page. */
const IMAGES = 200;
const spec = {
  version: 1,
  name: 'Inspected',
  seed: 2,
  model: { id: 'convnet-micro' },
  data: { train: 1_000, test: IMAGES },
  train: { steps: 20, batchSize: 20, learningRate: 0.05, evaluateEvery: 20 },
  scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 }, every: 8, until: 16 },
};

let built: BuiltPage;
beforeAll(async () => {
  built = await BuiltPage.open();
});
afterAll(() => built.close());

/** What the panel says of one of the two networks. */
async function stateOf(page: Page, letter: 'A' | 'B'): Promise<{ share: string; right: number; step: number }> {
  const text = page.getByRole('status', { name: `State of ${letter}`, exact: true });
  await expect.poll(() => text.textContent(), { timeout: 60_000 }).toMatch(/right/);
  const [, share = '', right, images, step] =
    /^(.+ %) right \((\d+) of (\d+)\) at step (\d+)$/.exec((await text.textContent()) ?? '') ?? [];
  expect(Number(images)).toBe(IMAGES);
  return { share, right: Number(right), step: Number(step) };
}

const numbers = async (page: Page, selector: string): Promise<readonly number[]> =>
  (await page.locator(selector).allTextContents()).map((text) => Number(text.replace('−', '-').replace('+', '')));

test('the confusion matrix and the changed images agree with the page’s accuracy and with each other, by keyboard and in both themes', async () => {
  const { page, errors } = await built.visit(linkOf(spec));
  await waitForState(page, 'idle');
  await press(page, 'Run');
  await waitForState(page, 'done');
  const shown = page.locator('.figure', { hasText: 'Test accuracy' }).locator('strong');
  const accuracy = await shown.textContent();
  await page.keyboard.press('i');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Confusion', { exact: true }).click();

  // B is the run now; A the same before it was pruned last.
  const [a, b] = [await stateOf(page, 'A'), await stateOf(page, 'B')];
  expect(b).toMatchObject({ share: accuracy, step: 20 });
  expect(a.step).toBe(16);
  const cells = await numbers(page, '[data-cell] > [aria-hidden]');
  expect(cells).toHaveLength(100);
  expect(cells.reduce((sum, count) => sum + count, 0)).toBe(IMAGES);
  const diagonal = cells.filter((_, cell) => cell % 11 === 0).reduce((sum, count) => sum + count, 0);
  expect(diagonal).toBe(b.right);
  await dialog.getByText('Difference', { exact: true }).click();
  await expect
    .poll(async () => (await numbers(page, '[data-cell] > [aria-hidden]')).reduce((sum, count) => sum + count, 0))
    .toBe(0);
  const differences = await numbers(page, '[data-cell] > [aria-hidden]');
  expect(differences.filter((_, cell) => cell % 11 === 0).reduce((sum, count) => sum + count, 0)).toBe(
    b.right - a.right,
  );

  // Enter opens the images behind a cell, and the way back leads to it.
  await dialog.getByRole('radiogroup', { name: 'Which matrix' }).getByText('B', { exact: true }).click();
  const fullest = cells.indexOf(Math.max(...cells));
  const cell = `[data-cell="${Math.floor(fullest / 10)} ${fullest % 10}"]`;
  await page.locator(cell).focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('[data-index]').count()).toBe(Math.min(60, cells[fullest] ?? 0));
  await press(page, 'Back to the matrix');
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.getAttribute('data-cell')))
    .toBe(`${Math.floor(fullest / 10)} ${fullest % 10}`);

  await dialog.getByText('Changed images', { exact: true }).click();
  const kinds = dialog.getByRole('group', { name: 'Which images' });
  await kinds.waitFor();
  const [broken = NaN, fixed = NaN, otherwise = NaN, unchanged = NaN] = await numbers(page, '[data-kind] strong');
  expect(broken + fixed + otherwise + unchanged).toBe(IMAGES);
  expect(fixed - broken).toBe(b.right - a.right);
  await kinds.getByRole('button', { name: /Unchanged/ }).click();
  await expect.poll(() => page.locator('[data-index]').count()).toBe(Math.min(60, unchanged));
  await page.locator('[data-index][tabindex="0"]').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  const second = await page.locator('[data-index]').nth(1).getAttribute('data-index');
  const detail = dialog.getByRole('region', { name: `Test image ${second}`, exact: true });
  const probabilities = (await detail.locator('td:nth-child(3)').allTextContents()).map((text) => parseFloat(text));
  expect(probabilities).toHaveLength(10);
  expect(probabilities.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0);

  for (const colorScheme of ['light', 'dark'] as const) {
    await useTheme(page, colorScheme);
    expect(await axeFindings(page, '.comparison'), `changes, ${colorScheme}`).toEqual([]);
    await dialog.getByText('Confusion', { exact: true }).click();
    await dialog.getByText('Difference', { exact: true }).click();
    expect(await axeFindings(page, '.comparison'), `confusion, ${colorScheme}`).toEqual([]);
    await dialog.getByText('Changed images', { exact: true }).click();
    await kinds.getByRole('button', { name: /Wrong otherwise/ }).click();
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await expect
    .poll(() => page.evaluate(() => document.documentElement.scrollWidth - innerWidth))
    .toBeLessThanOrEqual(0);
  expect(errors).toEqual([]);
  await page.close();
});
