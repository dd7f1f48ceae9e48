import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dominates } from '../../src/core/pareto/pareto.ts';
import { axeFindings, useTheme } from './axe.ts';
import { BuiltPage, exported, linkOf, press, waitForState } from './page.ts';

/** What a pruned network costs, measured in the built page: properties of the numbers, never how large a time is. */
const spec = {
  version: 1,
  name: 'Half',
  seed: 4,
  model: { id: 'convnet-micro', width: 0.5 },
  data: { train: 1_000, test: 100 },
  train: { steps: 30, batchSize: 20, learningRate: 0.05, evaluateEvery: 5 },
  scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 }, every: 10, until: 20 },
};

let built: BuiltPage;
beforeAll(async () => {
  built = await BuiltPage.open();
});
afterAll(() => built.close());

const show = (page: Page, what: string): Promise<void> =>
  page
    .getByRole('radiogroup', { name: /^What to / })
    .getByText(what, { exact: true })
    .click();

/** Cells of a table of the page, a row each; without what stands small beside a number. */
const cellsOf = (page: Page, region: string): Promise<string[][]> =>
  page
    .getByRole('region', { name: region, exact: true })
    .locator('tbody tr')
    .evaluateAll((rows) =>
      rows.map((row) =>
        [...row.children].map((cell) => {
          const copy = cell.cloneNode(true) as HTMLElement;
          for (const small of copy.querySelectorAll('small')) small.remove();
          return copy.textContent.trim();
        }),
      ),
    );

const numberOf = (text = ''): number => Number(text.replaceAll(/[^\d.]/g, ''));

test('a finished run is measured beside dense; its evaluations are dots, and the front is what brute force says', async () => {
  const { page, errors } = await built.visit(linkOf(spec));
  await waitForState(page, 'idle');
  await press(page, 'Run');
  await waitForState(page, 'done');
  const result = await exported(page);

  await show(page, 'Measured');
  await press(page, 'Measure');
  await page.getByRole('button', { name: 'Measure again' }).waitFor({ timeout: 180_000 });
  const rows = await cellsOf(page, 'Measured');
  expect(rows.map(([what]) => what)).toEqual([
    'MACs',
    'Parameters',
    'Size',
    'Latency, 1 image',
    'Latency, 64 images',
    'Training images/s',
  ]);
  for (const [what, dense, now, ratio] of rows) {
    expect(numberOf(dense), what).toBeGreaterThan(0);
    // Numbers are shown with at least two digits.
    expect(Math.abs(numberOf(ratio) / ((100 * numberOf(now)) / numberOf(dense)) - 1), what).toBeLessThan(0.06);
  }
  const [macs, parameters, size, single, many, training] = rows;
  expect(numberOf(macs?.[2])).toBe(result.final.macs);
  expect(numberOf(parameters?.[2])).toBe(result.final.parameters);
  // Theory is the share of the MACs that the page tells everywhere.
  const figure = await page.locator('.figure').filter({ hasText: 'MACs' }).first().textContent();
  expect(figure).toContain(macs?.[3]);
  expect([single?.[4], many?.[4], size?.[4]]).toEqual([macs?.[3], macs?.[3], parameters?.[3]]);
  expect(numberOf(training?.[4])).toBeCloseTo((100 * result.final.dense.macs) / result.final.macs, 0);
  await page.getByText(/The MACs promise \d+ % less time; measured: /).waitFor();

  // Another step has another network; the measurement says which it is of.
  await page.getByRole('slider', { name: 'Step', exact: true }).focus();
  await page.keyboard.press('Home');
  await page.getByText('Measured at step 30; the network has changed since.').waitFor();

  await show(page, 'Pareto');
  const evaluations = result.history.filter(({ testAccuracy }) => testAccuracy !== undefined);
  await expect.poll(() => page.locator('.pareto-dot').count()).toBe(evaluations.length);
  const found: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await useTheme(page, colorScheme);
    for (const card of ['Measured', 'Pareto']) {
      await show(page, card);
      found.push(...(await axeFindings(page, '.charts-row')).map((finding) => `${card}, ${colorScheme}: ${finding}`));
    }
  }

  expect(found).toEqual([]);

  await press(page, 'Accuracy against cost: show as table');
  const dots = (await cellsOf(page, 'Accuracy against cost as a table')).map(([step, accuracy, cost, , front]) => ({
    step: numberOf(step),
    accuracy: numberOf(accuracy),
    cost: numberOf(cost),
    front: front === 'yes',
  }));
  expect(dots.map(({ step, accuracy, cost }) => [step, accuracy, cost]).sort(([a = 0], [b = 0]) => a - b)).toEqual(
    evaluations.map(({ step, testAccuracy = NaN, macs: cost }) => [
      step,
      Number((100 * testAccuracy).toFixed(1)),
      cost,
    ]),
  );
  for (const dot of dots) expect(dot.front).toBe(!dots.some((other) => dominates(other, dot)));
  await press(page, 'Show Half at step 15');
  await expect.poll(() => page.getByLabel('Time line', { exact: true }).getAttribute('data-rewound')).toBe('15');
  expect(errors).toEqual([]);
  await page.close();
});
