import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from 'fast-png';
import type { Download, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunResult } from '../../src/core/events/history.ts';
import { CLASSES, openCifar10 } from '../../src/data/cifar10.ts';
import { fileSource } from '../../src/data/file-source.ts';
import { onnxLogits, tfjsLogits } from '../../src/export/testing.ts';
import { testImages } from '../../src/lab/test-images.ts';
import { axeFindings } from './axe.ts';
import { BuiltPage, downloaded, exported, linkOf, press, waitForState } from './page.ts';

const TEST_IMAGES = 500;
const STEPS = 40;
const SPEC = {
  version: 1,
  name: '=Half of it',
  seed: 3,
  model: { id: 'convnet-micro', width: 0.5 },
  data: { train: 1_000, test: TEST_IMAGES },
  train: { steps: STEPS, batchSize: 20, learningRate: 0.05, evaluateEvery: 20 },
  scheme: { id: 'magnitude', budget: { kind: 'channels', keep: 0.6 }, at: 20 },
};

let built: BuiltPage;
beforeAll(async () => {
  built = await BuiltPage.open();
});
afterAll(() => built.close());

/** Share of images whose largest logit is their label's. */
function accuracyOf(logits: Float32Array, labels: Uint8Array): number {
  const right = [...labels].filter((label, image) => {
    const row = [...logits.subarray(image * 10, image * 10 + 10)];
    return row.indexOf(Math.max(...row)) === label;
  });
  return right.length / labels.length;
}

const focused = (page: Page): Promise<string | null | undefined> =>
  page.evaluate(() => document.activeElement?.ariaLabel ?? document.activeElement?.textContent);

const bytesOf = async (download: Download): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await readFile(await download.path()));

test('a run in the page, exported: ONNX Runtime and TF.js reach its accuracy on its test images; results and picture are whole', async () => {
  const { page, errors } = await built.visit(linkOf(SPEC));
  await waitForState(page, 'idle');
  await press(page, 'Export');
  expect(await page.getByRole('menuitem', { name: 'Results (CSV)', exact: true }).isDisabled()).toBe(true);
  await page.getByText('Nothing has been trained yet').first().waitFor();
  expect(await axeFindings(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect.poll(() => focused(page)).toBe('Export');
  await press(page, 'Run');
  await waitForState(page, 'done');

  // By keyboard: D opens the menu, arrows move.
  const first = page.waitForEvent('download');
  await page.keyboard.press('d');
  await expect.poll(() => focused(page)).toBe('ONNX');
  await page.keyboard.press('ArrowDown');
  await expect.poll(() => focused(page)).toBe('TF.js layers model');
  await page.keyboard.press('ArrowUp');
  await expect.poll(() => focused(page)).toBe('ONNX');
  await page.keyboard.press('Enter');
  const onnx = await first;
  expect(onnx.suggestedFilename()).toBe('Half-of-it.onnx');
  const dialog = page.getByRole('dialog', { name: 'Exported: ONNX' });
  const onnxBytes = await bytesOf(onnx);
  await dialog.getByText(`${onnxBytes.length.toLocaleString('en')} bytes`).waitFor();
  expect(await dialog.getByRole('region', { name: 'Python' }).textContent()).toContain('"Half-of-it.onnx"');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForSelector('[data-mantine-color-scheme="dark"]');
  expect(await axeFindings(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await expect.poll(() => focused(page)).toBe('Export');

  const files: Download[] = [];
  page.on('download', (download) => files.push(download));
  await press(page, 'Export');
  await page.getByRole('menuitem', { name: 'TF.js layers model', exact: true }).click();
  await expect
    .poll(() => files.map((file) => file.suggestedFilename()))
    .toEqual(['Half-of-it.model.json', 'Half-of-it.weights.bin']);
  const [json, weights] = await Promise.all(files.map(bytesOf));
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  // The page's own figure is the exported networks' on the same images.
  const result = await exported(page);
  const cifar = await openCifar10(fileSource(join(import.meta.dirname, '../../public/data')));
  const indices = Array.from({ length: TEST_IMAGES }, (_, index) => index);
  const { pixels, labels } = await testImages(cifar, TEST_IMAGES, indices);
  const snippet = { language: 'python', install: '', code: '' } as const;
  const byOnnx = await onnxLogits({ files: [{ name: 'model.onnx', bytes: onnxBytes }], snippet }, pixels);
  expect(accuracyOf(byOnnx, labels)).toBe(result.final.testAccuracy);
  const few = pixels.subarray(0, 50 * 3_072);
  const parts = [
    { name: 'model.json', bytes: json ?? onnxBytes },
    { name: 'weights.bin', bytes: weights ?? onnxBytes },
  ];
  const byTfjs = await tfjsLogits({ files: parts, snippet }, few);
  byTfjs.forEach((logit, i) => expect(Math.abs(logit - (byOnnx[i] ?? NaN))).toBeLessThan(1e-4));

  // Of a single test image the page names the class, and the probabilities, that ONNX Runtime gives.
  await page.keyboard.press('i');
  await page.getByText('Your image', { exact: true }).click();
  await press(page, 'Use a test image');
  await page.getByText(`Test image 0: ${CLASSES[labels[0] ?? 0]}`).waitFor();
  const verdict = page.getByRole('region', { name: `What ${SPEC.name} says` });
  // The first answer compiles.
  await verdict.locator('.class-share').nth(9).waitFor();
  const shares = await verdict.locator('.class-share').allTextContents();
  const exponentials = [...byOnnx.subarray(0, 10)].map(Math.exp);
  const sum = exponentials.reduce((all, value) => all + value, 0);
  const probabilities = exponentials.map((value) => value / sum);
  probabilities.forEach((p, i) => expect(Math.abs(100 * p - parseFloat(shares[i] ?? ''))).toBeLessThan(0.06));
  const top = probabilities.indexOf(Math.max(...probabilities));
  expect(await verdict.getByRole('strong').textContent()).toBe(CLASSES[top]);
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  // Results: as the command line writes them, and a row a step.
  expect(Object.keys(result)).toEqual(['spec', 'adapter', 'history', 'events', 'final']);
  expect(result.spec.name).toBe(SPEC.name);
  expect(result.history).toHaveLength(STEPS);
  const csv = await downloaded(page, 'Results (CSV)');
  expect(csv.name).toBe('Half-of-it.csv');
  const lines = csv.bytes.toString('utf8').split('\r\n');
  expect(lines).toHaveLength(1 + STEPS + 1);
  expect(lines[STEPS]?.split(',').slice(0, 7)).toEqual(rowOf(result).map(String));

  // The picture: a slide that is not empty.
  const picture = await downloaded(page, 'Picture (PNG)');
  expect(picture.name).toBe('Half-of-it.png');
  const { width, height, data, channels } = decode(picture.bytes);
  expect([width, height]).toEqual([1_600, 900]);
  const colours = new Set<string>();
  for (let i = 0; i < data.length; i += channels) colours.add(data.subarray(i, i + 3).join());
  expect(colours.size).toBeGreaterThan(20);
  expect(errors).toEqual([]);
  await page.close();
});

/** The cells of the last row. The name would be a formula to a spreadsheet. */
function rowOf({ history, final }: RunResult): (string | number | undefined)[] {
  const last = history.at(-1);
  return [
    `'${SPEC.name}`,
    STEPS,
    last?.epoch,
    last?.trainLoss,
    last?.trainAccuracy,
    final.testLoss,
    final.testAccuracy,
  ];
}
