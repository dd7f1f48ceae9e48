import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunResult } from '../../src/core/events/history.ts';
import { BuiltPage, exported, linkOf, mapWidths, press, waitForState, waitForStep } from './page.ts';

/** Journeys through a race on real CIFAR-10, in the built page. */
const base = {
  version: 1,
  seed: 4,
  model: { id: 'convnet-micro', width: 0.5 },
  data: { train: 1_000, test: 100 },
  train: { steps: 60, batchSize: 20, learningRate: 0.05, evaluateEvery: 20 },
};
const budget = { kind: 'channels', keep: 0.5 };
const THREE = [
  { ...base, name: 'Explorer', scheme: { id: 'chex', budget, every: 15, until: 45 } },
  { ...base, name: 'Smallest filters', scheme: { id: 'magnitude', budget, at: 30 } },
  { ...base, name: 'Whole', scheme: { id: 'dense' } },
];

let built: BuiltPage;
beforeAll(async () => {
  built = await BuiltPage.open();
});
afterAll(() => built.close());

/** Selects a lane and exports its run. */
async function exportOf(page: Page, name: string): Promise<RunResult> {
  await press(page, name);
  return exported(page);
}

const rewound = (page: Page): Promise<string | null> =>
  page.getByLabel('Time line', { exact: true }).getAttribute('data-rewound');

/** Widths after the decisions of each step, as a run's events tell them. */
function widthsByStep(result: RunResult): Map<number, Readonly<Record<string, number>>> {
  const structures = result.events.flatMap((event) => (event.kind === 'structure' ? [event] : []));
  return new Map(structures.map(({ step, widths }) => [step, widths]));
}

/** What is computed in a step: its loss and accuracy to the last bit. */
const computed = (result: RunResult, before: number): unknown[] =>
  result.history.flatMap(({ step, trainLoss, trainAccuracy }) =>
    step <= before ? [[step, trainLoss, trainAccuracy]] : [],
  );

/** Steps of a recording that are looked at one by one. */
const STEPPED = 80;

/** In the page, rewound to step 0 of so many: presses the arrow key up to a step; the map's widths at each. */
async function stepThrough([steps, last]: readonly [number, number]): Promise<Record<string, number>[]> {
  const frame = (): Promise<number> => new Promise(requestAnimationFrame);
  const widths: Record<string, number>[] = [];
  for (let step = 0; ; step++) {
    // The last step is live: there is no cursor any more.
    const shown = (): string | undefined => document.querySelector<HTMLElement>('[data-rewound]')?.dataset['rewound'];
    while (shown() !== (step < steps ? String(step) : undefined)) await frame();
    await frame();
    const rows = [...document.querySelectorAll('[aria-label$=" channels"]')].map(({ ariaLabel }) => ariaLabel ?? '');
    const parsed = rows.map((row) => /^(.+): (\d+) of \d+ channels$/.exec(row) ?? []);
    widths.push(Object.fromEntries(parsed.map(([, layer = '', kept]) => [layer, Number(kept)])));
    if (step === last) return widths;
    const right = new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true });
    document.activeElement?.dispatchEvent(right);
  }
}

describe('a race from a link', () => {
  test('three runs race; rewound to the first prune one is forked with another budget; the standing is what the events say', async () => {
    const { page, errors } = await built.visit(linkOf(THREE));
    await waitForState(page, 'idle');
    for (const { name } of THREE) expect(await page.getByText(name, { exact: true }).first().isVisible()).toBe(true);
    await press(page, 'Run');
    await waitForState(page, 'done', 280_000);
    const parent = await exportOf(page, 'Explorer');
    const decisions = widthsByStep(parent);
    expect([...decisions.keys()]).toEqual([0, 15, 30, 45]);

    // Rewind to the first prune of the training: map and figures show that step.
    await page.getByRole('slider', { name: 'Step', exact: true }).focus();
    await page.keyboard.press('Home');
    await expect.poll(() => rewound(page)).toBe('0');
    await expect.poll(() => mapWidths(page)).toEqual(decisions.get(0));
    await page.keyboard.press(']');
    await expect.poll(() => rewound(page)).toBe('15');
    await expect.poll(() => mapWidths(page)).toEqual(decisions.get(15));

    // Fork there with another budget.
    await page.getByLabel('Budget', { exact: true }).selectOption('macs');
    await press(page, 'Fork at step 15');
    await expect.poll(() => page.locator('[data-run]').count()).toBe(4);
    await expect.poll(() => rewound(page)).toBe(null);
    await page.waitForSelector('[data-lane-state="paused"], [data-lane-state="running"]');
    await press(page, 'Run');
    await waitForState(page, 'done', 280_000);
    const child = await exported(page);
    expect(child.spec.scheme).toMatchObject({ id: 'chex', budget: { kind: 'macs', keep: 0.5 } });
    // Its parent until the decision of step 15, bit for bit; then its own, within its own budget.
    expect(computed(child, 15)).toEqual(computed(parent, 15));
    expect(widthsByStep(child).get(15)).not.toEqual(decisions.get(15));
    expect(child.final.macs).toBeLessThanOrEqual(0.5 * child.final.dense.macs);
    // The parent is untouched.
    expect(await exportOf(page, 'Explorer')).toEqual(parent);

    // The standing, worked out anew from what each run exports: weights 1, by what the page's sliders say.
    const names = await page.locator('[data-run] strong').allTextContents();
    const results = new Map<string, RunResult>();
    for (const name of names) results.set(name, await exportOf(page, name));
    await page.getByText('Standing', { exact: true }).first().click();
    const table = page.getByRole('region', { name: 'Standing' });
    await table.waitFor();
    const order = await table.locator('tbody th').allTextContents();
    const weights: Record<string, number> = {};
    for (const criterion of ['Accuracy', 'MACs', 'Latency']) {
      weights[criterion] = Number(
        await page
          .getByRole('slider', { name: `Weight of ${criterion}` })
          .first()
          .getAttribute('aria-valuenow'),
      );
    }
    expect([...names].sort((a, b) => scoreOf(b) - scoreOf(a)).map((name) => name.trim())).toEqual(
      order.map((name) => name.trim()),
    );
    function scoreOf(name: string): number {
      const of = (result: RunResult): Record<string, number> => ({
        Accuracy: result.final.testAccuracy ?? NaN,
        MACs: -result.final.macs,
        Latency: -(result.final.latencyMs.find(({ batch }) => batch === 1)?.median ?? NaN),
      });
      const all = [...results.values()].map(of);
      const own = of(results.get(name) as RunResult);
      return Object.entries(weights).reduce((sum, [criterion, weight]) => {
        const values = all.map((one) => one[criterion] ?? NaN);
        const [least, most] = [Math.min(...values), Math.max(...values)];
        return sum + weight * (most > least ? ((own[criterion] ?? NaN) - least) / (most - least) : 1);
      }, 0);
    }

    // Undo takes the fork away again.
    await press(page, 'Undo the fork');
    await expect.poll(() => page.locator('[data-run]').count()).toBe(3);

    // A link opens all runs, and hides those that were hidden.
    await page.getByRole('button', { name: 'Hide Smallest filters' }).click();
    await press(page, 'Copy link');
    await expect.poll(() => page.evaluate(() => location.hash)).toMatch(/&hidden=2$/);
    await page.reload();
    await waitForState(page, 'idle');
    expect(await page.locator('[data-run]').count()).toBe(3);
    expect(await page.locator('[data-run][data-hidden]').locator('strong').allTextContents()).toEqual([
      'Smallest filters',
    ]);
    expect(errors).toEqual([]);
    await page.close();
  });

  test('a run that is refused or diverges stops alone, with its sentence', async () => {
    const wild = {
      ...base,
      name: 'Wild',
      train: { ...base.train, learningRate: 100, warmup: 0, momentum: 0.99 },
      scheme: { id: 'dense' },
    };
    const tight = {
      ...base,
      name: 'Too tight',
      scheme: { id: 'magnitude', budget: { kind: 'channels', keep: 0.05 }, minimum: 4 },
    };
    const short = { ...base, train: { ...base.train, steps: 25 } };
    const { page } = await built.visit(linkOf([{ ...short, name: 'Steady', scheme: { id: 'dense' } }, wild, tight]));
    await waitForState(page, 'idle');
    await press(page, 'Run');
    await waitForState(page, 'done', 200_000);
    const lane = (name: string) => page.locator('[data-run]', { has: page.getByText(name, { exact: true }) });
    expect(await lane('Steady').getAttribute('data-lane-state')).toBe('done');
    expect(await lane('Wild').getAttribute('data-lane-state')).toBe('error');
    expect(await lane('Wild').textContent()).toMatch(/learning rate/i);
    expect(await lane('Too tight').textContent()).toMatch(/scheme\.budget\.keep/);
    await page.close();
  });
});

describe('by hand', () => {
  test('channels are switched and a layer narrowed before training, raced against an algorithm with as many MACs', async () => {
    const spec = { ...base, name: 'Mine', train: { ...base.train, steps: 20 }, scheme: { id: 'dense' } };
    const { page, errors } = await built.visit(linkOf(spec));
    await waitForState(page, 'idle');
    const dense = await mapWidths(page);
    await page.locator('[aria-label^="conv2: "]').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('x');
    await expect.poll(() => page.getByLabel('Scheme', { exact: true }).inputValue()).toBe('manual');
    await expect.poll(() => mapWidths(page)).toEqual({ ...dense, conv2: (dense['conv2'] ?? 0) - 1 });
    await waitForState(page, 'idle');
    await page.getByRole('slider', { name: 'Width of conv3', exact: true }).focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowLeft');
    const mine = { ...dense, conv2: (dense['conv2'] ?? 0) - 1, conv3: (dense['conv3'] ?? 0) - 3 };
    await expect.poll(() => mapWidths(page)).toEqual(mine);
    await page.getByText('What would an algorithm have done').waitFor();
    await waitForState(page, 'idle');
    await press(page, 'Race L1 norm');
    await expect.poll(() => page.locator('[data-run]').count()).toBe(2);
    await waitForState(page, 'idle');
    await press(page, 'Run');
    await waitForState(page, 'done');
    const byHand = await exported(page);
    expect(byHand.final.widths).toEqual(mine);
    expect(byHand.spec.scheme.id).toBe('manual');
    const rival = await exportOf(page, await page.locator('[data-run] strong').last().innerText());
    expect(rival.spec.scheme.id).toBe('magnitude');
    expect(rival.final.macs).toBeLessThanOrEqual(byHand.final.macs);
    expect(rival.final.macs).toBeGreaterThan(0.8 * byHand.final.macs);
    expect(errors).toEqual([]);
    await page.close();
  });

  test('a paused run is forked with a channel switched off and taps chosen; its why stays pinned; a changed learning rate is an event', async () => {
    const { page } = await built.visit(
      linkOf({
        ...base,
        name: 'Parent',
        train: { ...base.train, warmup: 0, schedule: 'constant' },
        scheme: { id: 'dense' },
      }),
    );
    await waitForState(page, 'idle');
    for (let i = 1; i <= 3; i++) {
      await press(page, 'Step');
      await waitForStep(page, i);
      await waitForState(page, 'paused');
    }
    await page.getByRole('button', { name: 'Settings of Parent' }).click();
    await page.getByLabel('New learning rate').fill('0.01');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');

    const row = page.locator('[aria-label^="conv4: "]');
    await row.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.getByLabel('Pinned: ').waitFor();
    await page.mouse.move(5, 5);
    expect(await page.locator('#channel-why').textContent()).toMatch(/conv4, channel 0/);
    await page.keyboard.press('x');
    await page.getByText('Strided taps by hand').click();
    await page.getByLabel('Convolution', { exact: true }).selectOption('conv3');
    await page.getByRole('slider', { name: 'Stride of the taps of conv3' }).focus();
    for (let i = 0; i < 2; i++) await page.keyboard.press('ArrowRight');
    await press(page, 'All at offset 0');
    await page.getByRole('button', { name: 'Source map 0: offset 0, taps 0, 3, 6' }).press('ArrowUp');
    await page.getByRole('button', { name: 'Source map 0: offset 1, taps 1, 4, 7' }).waitFor();
    const rows = page.getByRole('table', { name: 'Sizes of conv3' }).locator('tbody tr');
    // 8 source maps with 3 of 9 taps, of 8 output maps.
    expect(await rows.first().textContent()).toMatch(/8 × 72.*8 × 24.*33 %/);
    await press(page, 'Fork at step 3');
    await expect.poll(() => page.locator('[data-run]').count()).toBe(2);
    await expect.poll(async () => (await mapWidths(page))['conv4']).toBe(15);
    await press(page, 'Run');
    await waitForState(page, 'done', 200_000);
    const child = await exported(page);
    const parent = await exportOf(page, 'Parent');
    expect(parent.events.filter(({ kind }) => kind === 'setting')).toMatchObject([{ step: 3, learningRate: 0.01 }]);
    expect(child.events.find((event) => event.kind === 'structure' && event.by === 'hand')).toMatchObject({
      step: 3,
      structure: { taps: { conv3: { stride: 3, offsets: [1, 0, 0, 0, 0, 0, 0, 0] } } },
    });
    expect(child.final.parameters).toBeLessThan(parent.final.parameters - 8 * 48);
    expect(computed(child, 3)).toEqual(computed(parent, 3));
    expect(child.final.widths).toEqual({ ...parent.final.widths, conv4: 15 });
    await page.close();
  });
});

describe('the time line', () => {
  test('every step of a recorded run shows the widths that were recorded, also without WebGPU', async () => {
    const plain = await BuiltPage.open([
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-features=WebGPU',
    ]);
    const { page } = await plain.visit();
    await waitForState(page, 'idle');
    await page.getByLabel('Preset', { exact: true }).selectOption('CHEX on the micro network (recorded)');
    await expect.poll(() => page.locator('[data-run]').count()).toBe(2);
    const recorded = await exported(page);
    expect(recorded.history.length).toBe(recorded.spec.train.steps);
    await page.getByRole('slider', { name: 'Step', exact: true }).focus();
    await page.keyboard.press('Home');
    await expect.poll(() => rewound(page)).toBe('0');
    const steps = recorded.history.length;
    // To the end in `npm run test:long`; here past the first decisions.
    const last = process.env['ESPALIER_LONG'] === '1' ? steps : Math.min(steps, STEPPED);
    const widths = await page.evaluate(stepThrough, [steps, last] as const);
    expect(widths[0]).toEqual(widthsByStep(recorded).get(0));
    const told = recorded.history.slice(0, last).map((row) => row.widths);
    expect(widths.slice(1)).toEqual(told);
    expect(new Set(told.map((row) => JSON.stringify(row))).size).toBeGreaterThan(1);
    await page.keyboard.press('End');
    await expect.poll(() => rewound(page)).toBe(null);
    expect(await mapWidths(page)).toEqual(recorded.final.widths);
    await plain.close();
  });
});
