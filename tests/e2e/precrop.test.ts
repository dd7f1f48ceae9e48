import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildNetwork, countNetwork, countStructure } from '../../src/core/network/index.ts';
import { BuiltPage, exported, linkOf, mapWidths, press, waitForState } from './page.ts';

/** Pruning at initialisation on real CIFAR-10, in the built page. */
const base = {
  version: 1,
  seed: 4,
  model: { id: 'convnet-micro' },
  data: { train: 1_000, test: 100 },
  train: { steps: 20, batchSize: 20, learningRate: 0.05, evaluateEvery: 20 },
};

let built: BuiltPage;
beforeAll(async () => {
  built = await BuiltPage.open();
});
afterAll(() => built.close());

const level = (page: Page) => page.getByRole('slider', { name: 'Level', exact: true });
const levelText = (page: Page): Promise<string | null> => level(page).getAttribute('aria-valuetext');

/** Chooses what the third card shows. */
const show = (page: Page, what: string): Promise<void> =>
  page
    .getByRole('radiogroup', { name: /^What to / })
    .getByText(what, { exact: true })
    .click();

/** Widths of the crop as the drawings' table has them. */
async function drawnWidths(page: Page): Promise<Record<string, number>> {
  const rows = await page.getByRole('region', { name: 'Drawn to width as a table' }).locator('tbody tr').all();
  const cells = await Promise.all(rows.map((row) => row.locator('th, td').allTextContents()));
  return Object.fromEntries(cells.map(([layer = '', , cropped]) => [layer, Number(cropped)]));
}

describe('PreCrop', () => {
  test('its level is moved by key: the draft, the predicted widths, the run and its export follow within the budget', async () => {
    const scheme = { id: 'precrop', budget: { kind: 'parameters', keep: 0.5 } };
    const { page, errors } = await built.visit(linkOf({ ...base, name: 'Cropped', scheme }));
    await waitForState(page, 'idle');
    expect(await levelText(page)).toMatch(/ weights a layer, 50 % kept$/);
    const before = Number(await level(page).getAttribute('aria-valuenow'));

    await level(page).focus();
    await page.keyboard.press('PageDown');
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => levelText(page)).toMatch(/39 % kept$/);
    expect(Number(await level(page).getAttribute('aria-valuenow'))).toBeLessThan(before);
    await expect
      .poll(() => page.getByRole('slider', { name: 'Share to keep' }).getAttribute('aria-valuenow'))
      .toBe('39');

    await show(page, 'Drawing');
    await press(page, 'Drawn to width: show as table');
    const predicted = await drawnWidths(page);
    await expect.poll(() => mapWidths(page)).toEqual(predicted);
    await waitForState(page, 'idle');
    await press(page, 'Run');
    await waitForState(page, 'done');
    const result = await exported(page);
    expect(result.spec.scheme).toMatchObject({ id: 'precrop', budget: { kind: 'parameters', keep: 0.39 } });
    expect(result.final.widths).toEqual(predicted);
    expect(await mapWidths(page)).toEqual(predicted);
    const network = buildNetwork('convnet-micro');
    const channels = Object.fromEntries(
      Object.entries(predicted).map(([layer, width]) => [layer, Array.from({ length: width }, (_, i) => i)]),
    );
    const { parameters } = countStructure(network, { channels });
    expect(result.final.parameters).toBe(parameters);
    expect(parameters).toBeLessThanOrEqual(0.39 * countNetwork(network).parameters);

    // Once it has trained, a moved level waits, and can be discarded.
    await show(page, 'Densities');
    await level(page).focus();
    await page.keyboard.press('ArrowUp');
    await expect.poll(() => levelText(page)).toMatch(/40 % kept$/);
    await press(page, 'Discard changes');
    await expect.poll(() => levelText(page)).toMatch(/39 % kept$/);
    expect(await mapWidths(page)).toEqual(predicted);
    expect(errors).toEqual([]);
    await page.close();
  });

  test('beside the dense network its steps take less time, measured', async () => {
    const plain5 = { ...base, model: { id: 'plain5' }, train: { ...base.train, steps: 16, evaluateEvery: 16 } };
    const { page } = await built.visit(
      linkOf([
        { ...plain5, name: 'A fifth', scheme: { id: 'precrop', budget: { kind: 'macs', keep: 0.2 } } },
        { ...plain5, name: 'Dense', scheme: { id: 'dense' } },
      ]),
    );
    await waitForState(page, 'idle');
    await press(page, 'Run');
    await waitForState(page, 'done');
    const { final: cropped } = await exported(page);
    await press(page, 'Dense');
    const { final: dense } = await exported(page);
    expect(cropped.macs).toBeLessThanOrEqual(0.2 * dense.macs);
    expect(cropped.imagesPerSecond).toBeGreaterThan(dense.imagesPerSecond);
    await page.close();
  });
});

describe('a weight mask', () => {
  test('tells its densities and every pass of its score, saves no MACs, and can be raced with one pass', async () => {
    const scheme = { id: 'pai-mask', budget: { kind: 'parameters', keep: 0.25 }, score: 'synflow', passes: 6 };
    const { page, errors } = await built.visit(linkOf({ ...base, name: 'Masked', scheme }));
    await waitForState(page, 'idle');
    await page.getByText('Pass 6 of 6', { exact: true }).waitFor();
    const { parameters } = countNetwork(buildNetwork('convnet-micro'));
    await press(page, 'Densities: show as table');
    const kept = page.getByRole('region', { name: 'Densities as a table' }).locator('tbody td:nth-child(5)');
    const share = async (): Promise<number> =>
      (await kept.allTextContents()).reduce((total, text) => total + Number(text.replaceAll(',', '')), 0) / parameters;
    // The passes are told before the run has begun, and its counts with it.
    await expect.poll(share).toBeGreaterThan(0.24);
    expect(await share()).toBeLessThanOrEqual(0.25);

    await page.getByRole('slider', { name: 'Pass', exact: true }).focus();
    await page.keyboard.press('Home');
    await page.getByText('Pass 1 of 6', { exact: true }).waitFor();
    await press(page, 'Race one pass');
    await expect.poll(() => page.locator('[data-run]').count()).toBe(2);
    await waitForState(page, 'idle');
    await show(page, 'Costs');
    const rows = page.getByRole('region', { name: 'Costs' }).locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(2);
    await expect.poll(async () => (await rows.allTextContents()).join()).toMatch(/masked.*masked/s);
    expect(await rows.locator('td:nth-child(5)').allTextContents()).toEqual(['100.0 %', '100.0 %']);
    await press(page, 'Masked, one pass');
    const rival = await exported(page);
    expect(rival.spec.scheme).toMatchObject({ ...scheme, passes: 1 });
    expect(errors).toEqual([]);
    await page.close();
  });
});
