import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keptIn } from './kept.ts';
import { BuiltPage, downloaded, linkOf, mapWidths, press, waitForState, waitForStep } from './page.ts';

const SPEC = {
  version: 1,
  name: 'Carried over',
  seed: 3,
  model: { id: 'convnet-micro', width: 0.5 },
  data: { train: 1_000, test: 100 },
  train: { steps: 24, batchSize: 20, evaluateEvery: 12 },
  scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 }, every: 4, until: 16 },
};

let built: BuiltPage;
beforeAll(async () => {
  built = await BuiltPage.open();
});
afterAll(() => built.close());

/** Drops a file on the middle of the page. */
async function drop(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([title, base64]) => {
      const data = new DataTransfer();
      const content = Uint8Array.from(atob(base64 ?? ''), (character) => character.charCodeAt(0));
      data.items.add(new File([content], title ?? ''));
      return data;
    },
    [name, Buffer.from(bytes).toString('base64')],
  );
  await page.locator('main').dispatchEvent('drop', { dataTransfer: transfer });
}

test('a run saved as a file goes on in another browser and ends with the same bits; a torn file is refused and loses nothing', async () => {
  const { page, errors } = await built.visit(linkOf(SPEC));
  await waitForState(page, 'idle');
  await press(page, 'Run');
  await waitForStep(page, 8);
  await press(page, 'Pause');
  await waitForState(page, 'paused');
  const { name, bytes } = await downloaded(page, 'Run file');
  expect(name).toBe('Carried-over.espalier.zip');
  const step = Number(await page.locator('[data-step]').getAttribute('data-step'));
  const widths = await mapWidths(page);
  await press(page, 'Run');
  await waitForState(page, 'done');
  await expect.poll(async () => (await keptIn(page)).map(({ record }) => record.state)).toEqual(['done']);
  const [here] = await keptIn(page);

  const context = await built.browser.newContext();
  const other = await context.newPage();
  await other.goto(built.address);
  await waitForState(other, 'idle');
  await drop(other, name, bytes.subarray(0, bytes.length - 100));
  const alert = other.getByRole('alert');
  await expect.poll(() => alert.textContent()).toMatch(/^This run file cannot be opened: .*\. Choose another file/);
  await drop(other, 'picture.png', bytes);
  await expect.poll(() => alert.textContent()).toMatch(/Only run files can be dropped here/);
  expect(await keptIn(other)).toEqual([]);

  await drop(other, name, bytes);
  await waitForState(other, 'paused');
  expect(await other.locator('[data-step]').getAttribute('data-step')).toBe(String(step));
  expect(await mapWidths(other)).toEqual(widths);
  await press(other, 'Run');
  await waitForState(other, 'done');
  await expect.poll(async () => (await keptIn(other)).map(({ record }) => record.state)).toEqual(['done']);
  const [there] = await keptIn(other);
  expect(there?.checkpoint).toEqual(here?.checkpoint);
  expect(errors).toEqual([]);
});
