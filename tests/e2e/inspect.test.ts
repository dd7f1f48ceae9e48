import { encode } from 'fast-png';
import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { axeFindingsInBothThemes } from './axe.ts';
import { BuiltPage, linkOf, mapWidths, press, waitForState } from './page.ts';

/** Pruned at its start and at step 8. */
const spec = {
  version: 1,
  name: 'Looked into',
  seed: 4,
  model: { id: 'convnet-micro' },
  data: { train: 500, test: 60 },
  train: { steps: 12, batchSize: 20, evaluateEvery: 12 },
  scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 }, every: 4, until: 8 },
};

let built: BuiltPage;
beforeAll(async () => {
  built = await BuiltPage.open();
});
afterAll(() => built.close());

const show = (page: Page, what: string): Promise<void> =>
  page.getByRole('radiogroup', { name: 'What to inspect' }).getByText(what, { exact: true }).click();

/** Percentages of the ten classes, as a network's bars have them. */
async function shares(page: Page, name: string): Promise<number[]> {
  const cells = page.getByRole('region', { name: `What ${name} says` }).locator('.class-share');
  await cells.first().waitFor();
  return (await cells.allTextContents()).map((text) => Number(text.replace(' %', '')));
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** A picture that is no square: 44 x 32, red from left to right. */
const PNG = Buffer.from(
  encode({
    width: 44,
    height: 32,
    channels: 3,
    data: Uint8Array.from({ length: 44 * 32 * 3 }, (_, i) => (i % 3 === 0 ? (Math.floor(i / 3) % 44) * 5 : 90)),
  }),
);

const DIALOG = '[role="dialog"]';

test('a look into a run: its filters, what they see in an image, and what the run says of it', async () => {
  const { page, errors } = await built.visit(linkOf(spec));
  await waitForState(page, 'idle');
  await press(page, 'Run');
  await waitForState(page, 'done');
  const kept = (await mapWidths(page))['conv1'] ?? NaN;
  expect(kept).toBeLessThan(8);

  // Filters: all eight, those marked that the map has off; by norm they descend.
  await page.keyboard.press('i');
  const dialog = page.getByRole('dialog', { name: 'Inspect' });
  const filters = dialog.getByRole('list', { name: 'Kernels of conv1' }).getByRole('listitem');
  await filters.nth(7).waitFor();
  expect(await filters.count()).toBe(8);
  const titles = await filters.evaluateAll((items) => items.map((item) => item.getAttribute('title') ?? ''));
  const pruned = titles.map((title) => title.includes('pruned'));
  expect(pruned.filter((off) => !off)).toHaveLength(kept);
  await dialog.getByText('By norm', { exact: true }).click();
  const norms = (await filters.locator('.filter-norm').allTextContents()).map(Number);
  expect(norms).toEqual(norms.toSorted((a, b) => b - a));
  expect(norms.at(-1)).toBeGreaterThan(0);
  expect(await axeFindingsInBothThemes(page, DIALOG), 'Filters').toEqual([]);

  // Activations of the third test image, chosen by key.
  await show(page, 'Activations');
  const first = dialog.getByRole('option', { name: /^Test image 0: / });
  await first.focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await dialog.getByRole('option', { name: /^Test image 2: /, selected: true }).waitFor();
  const name = (await dialog.locator('.image-shown figcaption').textContent()) ?? '';
  expect(name).toMatch(/^Test image 2: /);
  const layers = dialog.getByRole('slider', { name: /^Channel of / });
  await expect.poll(() => layers.count()).toBe(4);
  await layers.first().focus();
  // Now, B is what the filters are of: the same channels are pruned.
  for (const off of pruned) {
    await page.keyboard.press('ArrowRight');
    await expect
      .poll(() => layers.first().getAttribute('aria-valuetext'))
      .toMatch(off ? /B: pruned$/ : /B: mean [\d.e-]+, max [\d.e-]+$/);
  }
  await expect.poll(() => dialog.locator('[data-stale]').count()).toBe(0);
  const ofB = await shares(page, 'B');
  expect(Math.abs(sum(ofB) - 100)).toBeLessThan(0.6);
  expect(await axeFindingsInBothThemes(page, DIALOG), 'Activations').toEqual([]);

  // What the run predicts of the same image: fused kernels, folded batch norms, and the same answer.
  await show(page, 'Your image');
  await dialog.getByText(name, { exact: true }).waitFor();
  const ofTest = await shares(page, spec.name);
  ofTest.forEach((share, i) => expect(Math.abs(share - (ofB[i] ?? NaN))).toBeLessThan(0.15));

  // An image of one's own: the middle of it, then what the keys move the square to.
  const input = dialog.locator('input[type=file]');
  await input.setInputFiles({ name: 'no.png', mimeType: 'image/png', buffer: Buffer.from('no picture at all') });
  await dialog.getByRole('alert').waitFor();
  await input.setInputFiles({ name: 'red.png', mimeType: 'image/png', buffer: PNG });
  const square = dialog.getByRole('button', { name: /^Square that is used: 32 by 32 pixels, from 6 across/ });
  await square.waitFor();
  await expect.poll(() => dialog.getByRole('alert').count()).toBe(0);
  await expect.poll(() => dialog.locator('[data-stale]').count()).toBe(0);
  const ofOwn = await shares(page, spec.name);
  expect(Math.abs(sum(ofOwn) - 100)).toBeLessThan(0.6);
  expect(ofOwn).not.toEqual(ofTest);
  await square.focus();
  await page.keyboard.press('ArrowRight');
  await dialog.getByText(/used: 32 by 32 pixels, from 8 across and 0 down/).waitFor();
  expect(await axeFindingsInBothThemes(page, DIALOG), 'Your image').toEqual([]);

  await page.keyboard.press('Escape');
  await expect.poll(() => dialog.count()).toBe(0);
  expect(errors).toEqual([]);
  await page.close();
});
