import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Structure, buildNetwork, convolutionsOf } from '../../src/core/network/index.ts';
import { BuiltPage, exported, linkOf, press, waitForState } from './page.ts';

/** Structured sparsity on real CIFAR-10, in the built page: a short version of structured-sparsity.long.test.ts. */
const WIDTH = 0.0625;
const spec = {
  version: 1,
  name: 'Maps, then strides',
  seed: 3,
  model: { id: 'cnn-small', width: WIDTH },
  data: { train: 1_000, test: 100, holdOut: 100 },
  train: { steps: 36, batchSize: 20, learningRate: 0.05, augment: ['flip'], evaluateEvery: 36 },
  scheme: {
    id: 'structured-sparsity',
    stages: [
      { granularity: 'map', at: 12, keep: 0.75, choose: 'particles' },
      { granularity: 'stride', at: 24, stride: 2, choose: 'particles' },
    ],
    particles: 6,
    rounds: 3,
    images: 100,
    bits: '5',
    bitsAt: 30,
  },
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

/** A card as its table has it: cells by row. */
async function table(page: Page, card: string): Promise<string[][]> {
  await show(page, card);
  await press(page, `${card}: show as table`);
  const rows = await page
    .getByRole('region', { name: `${card} as a table` })
    .locator('tbody tr')
    .all();
  return Promise.all(rows.map((row) => row.locator('th, td').allTextContents()));
}

/** Weights of the convolutions behind the first, counted channel by channel and tap by tap. */
function eligibleWeights({ channels, taps }: Structure): number {
  const convs = convolutionsOf(buildNetwork('cnn-small', WIDTH));
  const kept = (id: string, filters: number): readonly number[] =>
    Object.entries(channels).find(([group]) => group.startsWith(id))?.[1] ?? [...Array(filters).keys()];
  let weights = 0;
  convs.slice(1).forEach(({ id, filters }, i) => {
    const before = convs[i];
    if (!before) throw new Error('a convolution follows another');
    for (const c of kept(before.id, before.filters)) {
      const pattern = taps?.[id];
      const offset = pattern?.offsets[c] ?? 0;
      const tapsKept = pattern ? Math.ceil((9 - offset) / pattern.stride) : 9;
      weights += tapsKept * kept(id, filters).length;
    }
  });
  return weights;
}

describe('structured sparsity', () => {
  test('a run loses maps, then taps, then bits: its search can be paused, and its cards tell what it measured', async () => {
    const { page, errors } = await built.visit(linkOf(spec));
    await waitForState(page, 'idle');
    await press(page, 'Run');
    // In the middle of the first search.
    await page
      .getByText(/masks scored: \d+ of \d+/)
      .first()
      .waitFor({ timeout: 120_000 });
    await press(page, 'Pause');
    await waitForState(page, 'paused');
    expect(await page.locator('[data-step]').getAttribute('data-step')).toBe('12');
    await press(page, 'Run');
    await waitForState(page, 'done', 240_000);

    const result = await exported(page);
    const stages = result.events.flatMap((event) => (event.kind === 'stage' ? [event] : []));
    expect(stages.map(({ step, report }) => [step, report.granularity])).toEqual([
      [12, 'map'],
      [24, 'stride'],
      [30, 'bits'],
    ]);
    const [maps, strides, bits] = stages;
    if (!maps || !strides || !bits) throw new Error('a stage is missing');
    const dense = eligibleWeights({ channels: {} });
    for (const { report } of [maps, strides]) {
      expect(report.shares.weights).toBeCloseTo(1 - eligibleWeights(report.structure) / dense, 10);
    }
    expect(strides.report.shares.weights).toBeGreaterThan(0.7);
    // 6 + 5 + 5 particles, and as many random masks.
    expect(maps.report.chosen).toMatchObject({ evaluations: 16, images: 100, bestOfN: { evaluations: 16 } });
    expect(maps.report.chosen?.accuracy).toBe(maps.report.chosen?.rounds?.at(-1)?.best);
    // As the integers of the quantiser: at most 2 x 15 + 1 values of 5 bits.
    expect(bits.report.storage.quantised).toBeLessThan(bits.report.storage.compact / 5);

    // The cards show these numbers.
    const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
    const moments = await table(page, 'Stages');
    expect(moments.map((row) => row.slice(2, 5))).toEqual(
      stages.map(({ accuracy: { before, masked, recalibrated } }) =>
        [before, masked, recalibrated ?? NaN].map(percent),
      ),
    );
    expect(moments.at(-1)?.[5]).toBe(percent(result.final.testAccuracy ?? NaN));
    const widest = strides.report.layers
      .filter(({ eligible }) => eligible)
      .toSorted((a, b) => b.weights.dense - a.weights.dense)[0];
    await show(page, 'Matrices');
    await page.getByLabel('Layer', { exact: true }).selectOption(widest?.layer ?? '');
    const sizes = await table(page, 'Matrices');
    const now = widest?.lowered?.kept;
    expect(sizes[1]?.slice(1)).toEqual(
      [now?.outputs, now?.rows, now?.positions, now?.macs].map((value) => value?.toLocaleString('en')),
    );
    const search = await table(page, 'Search');
    expect(search.filter(([name]) => name?.startsWith('Round'))).toHaveLength(3);
    expect(errors).toEqual([]);
    await page.close();
  });

  test('stages are added, moved and refused in the form', async () => {
    const { page, errors } = await built.visit();
    await waitForState(page, 'idle');
    await page.getByLabel('Scheme', { exact: true }).selectOption('structured-sparsity');
    const stage = (n: number) => page.getByRole('group', { name: `Stage ${n}`, exact: true });
    await stage(2).waitFor();
    await press(page, 'Add stage');
    await stage(3).waitFor();
    // Nothing but one stage may stride: another would bring pruned taps back.
    await stage(3).getByLabel('Stage 3 prune').selectOption('stride');
    await page.getByRole('alert').getByText('scheme.stages.2.granularity').waitFor();
    await stage(3).getByLabel('Stage 3 prune').selectOption('kernel');
    await stage(3).getByLabel('Stage 3 keep').fill('0.5');
    await expect.poll(() => page.getByRole('alert').count()).toBe(0);
    await press(page, 'Move stage 3 earlier');
    await press(page, 'Run');
    await page.waitForSelector('[data-run-state="running"]');
    await press(page, 'Pause');
    await waitForState(page, 'paused');
    const { spec: ran } = await exported(page);
    const stages = ran.scheme['stages'] as { granularity: string; at: number; keep?: number }[];
    expect(stages.map(({ granularity }) => granularity)).toEqual(['map', 'kernel', 'stride']);
    expect(stages[1]?.keep).toBe(0.5);
    expect(stages.map(({ at }) => at)).toEqual(stages.map(({ at }) => at).toSorted((a, b) => a - b));
    expect(errors).toEqual([]);
    await page.close();
  });
});
