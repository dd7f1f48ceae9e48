import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunResult } from '../../src/core/events/history.ts';
import { buildNetwork, countStructure } from '../../src/core/network/index.ts';
import { CHROMIUM_FLAGS } from '../../scripts/steps/browser.mjs';
import { axeFindings, useTheme } from './axe.ts';
import { BuiltPage, exported, linkOf, mapWidths, press, waitForState, waitForStep } from './page.ts';

/** CHEX on the micro network: eight updates within its 200 steps. */
const CHEX = {
  version: 1,
  name: 'CHEX end to end',
  seed: 2,
  model: { id: 'convnet-micro' },
  data: { train: 4_000, test: 500 },
  train: { steps: 200, batchSize: 32, learningRate: 0.1, augment: ['flip'], evaluateEvery: 50 },
  scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 }, every: 20, until: 150 },
};

let built: BuiltPage;
beforeAll(async () => {
  built = await BuiltPage.open();
});
afterAll(() => built.close());

/** Widths by folding prune and regrow events from the dense network, at each step at which a decision fell. */
function foldedWidths(result: RunResult): Map<number, Record<string, number>> {
  const start = result.events.find((event) => event.kind === 'start');
  const widths: Record<string, number> = { ...(start?.kind === 'start' ? start.dense.widths : {}) };
  const byStep = new Map<number, Record<string, number>>();
  for (const event of result.events) {
    if (event.kind === 'prune') widths[event.layer] = (widths[event.layer] ?? 0) - event.channels.length;
    if (event.kind === 'regrow') widths[event.layer] = (widths[event.layer] ?? 0) + event.channels.length;
    if (event.kind === 'structure') byStep.set(event.step, { ...widths });
  }
  return byStep;
}

describe('CHEX on real CIFAR-10, in the built page', () => {
  test('opens ready, runs, prunes and regrows, and ends within its budget; page, events and history agree', async () => {
    const { page, errors } = await built.visit(linkOf(CHEX));
    await waitForState(page, 'idle');
    expect(await page.getByText('CHEX end to end').first().isVisible()).toBe(true);
    expect(await page.getByLabel('Scheme', { exact: true }).inputValue()).toBe('chex');
    expect(await page.locator('[data-step]').getAttribute('data-step')).toBe('0');

    // The map is filled before anything runs: the starting sub-model.
    const started = await mapWidths(page);
    expect(Object.keys(started)).toEqual(['conv1', 'conv2', 'conv3', 'conv4']);

    const pressed = Date.now();
    await press(page, 'Run');
    await waitForStep(page, 1);
    expect(Date.now() - pressed).toBeLessThan(60_000);

    // Pause in the middle: the map shows what the events so far say.
    await waitForStep(page, 45);
    await press(page, 'Pause');
    await waitForState(page, 'paused');
    const partial = await exported(page);
    const latest = [...foldedWidths(partial).values()].at(-1);
    await expect.poll(() => mapWidths(page)).toEqual(latest);
    expect(latest).not.toEqual(started);
    expect(foldedWidths(partial).get(0)).toEqual(started);

    // One batch, then the next decision.
    const before = Number(await page.locator('[data-step]').getAttribute('data-step'));
    await press(page, 'Step');
    await waitForStep(page, before + 1);
    await waitForState(page, 'paused');
    await page.keyboard.press('n');
    const nextDecision = (Math.floor((before + 1) / 20) + 1) * 20;
    await waitForStep(page, nextDecision);
    await waitForState(page, 'paused');
    expect(await page.locator('[data-step]').getAttribute('data-step')).toBe(String(nextDecision));

    await page.keyboard.press(' ');
    await waitForState(page, 'done', 280_000);
    const result = await exported(page);

    // Prunes and regrows really happened, several of each.
    const kinds = result.events.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'prune').length).toBeGreaterThan(8);
    expect(kinds.filter((kind) => kind === 'regrow').length).toBeGreaterThan(4);
    // Every changed channel explains itself.
    for (const event of result.events) {
      if (event.kind !== 'prune' && event.kind !== 'regrow') continue;
      expect(event.reasons.map(({ channel }) => channel)).toEqual([...event.channels]);
      expect(event.reasons.every(({ text }) => text.length > 20)).toBe(true);
    }

    // The history's widths follow from the events; the last row is the page.
    const folded = foldedWidths(result);
    for (const row of result.history) {
      const decided = [...folded].filter(([step]) => step <= row.step).at(-1)?.[1];
      expect(row.widths).toEqual(decided);
    }
    expect(result.history.map(({ step }) => step)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    await expect.poll(() => mapWidths(page)).toEqual(result.final.widths);

    // The budget: exactly half of the 72 channels; nothing changes after the last update.
    expect(Object.values(result.final.widths).reduce((a, b) => a + b, 0)).toBe(36);
    expect(Math.max(...folded.keys())).toBe(150);
    expect(result.events.some(({ kind, step }) => kind === 'regrow' && step === 150)).toBe(false);

    // Sizes are those of the compact network, counted anew from its widths.
    const network = buildNetwork('convnet-micro');
    const channels = Object.fromEntries(
      Object.entries(result.final.widths).map(([layer, width]) => [layer, Array.from({ length: width }, (_, i) => i)]),
    );
    expect(result.final).toMatchObject({ macs: countStructure(network, { channels }).macs });

    // It learns: chance is 10 %.
    expect(result.final.testAccuracy).toBeGreaterThanOrEqual(0.25);
    expect(result.final.latencyMs.map(({ batch }) => batch)).toEqual([1, 64]);
    expect(errors).toEqual([]);
    await page.close();
  });

  test('a MAC budget is not exceeded, and one channel more anywhere would exceed it', async () => {
    const spec = {
      ...CHEX,
      name: 'MACs',
      data: { train: 1_000, test: 100 },
      train: { steps: 30, batchSize: 25, evaluateEvery: 30 },
      scheme: { id: 'chex', budget: { kind: 'macs', keep: 0.4 }, every: 10, until: 20 },
    };
    const { page } = await built.visit(linkOf(spec));
    await waitForState(page, 'idle');
    await press(page, 'Run');
    await waitForState(page, 'done');
    const { final } = await exported(page);
    const network = buildNetwork('convnet-micro');
    const macsOf = (widths: Readonly<Record<string, number>>): number =>
      countStructure(network, {
        channels: Object.fromEntries(
          Object.entries(widths).map(([id, width]) => [id, Array.from({ length: width }, (_, i) => i)]),
        ),
      }).macs;
    const limit = 0.4 * final.dense.macs;
    expect(macsOf(final.widths)).toBe(final.macs);
    expect(final.macs).toBeLessThanOrEqual(limit);
    const full: Record<string, number> = { conv1: 8, conv2: 16, conv3: 16, conv4: 32 };
    for (const [layer, width] of Object.entries(final.widths)) {
      if (width < (full[layer] ?? 0)) expect(macsOf({ ...final.widths, [layer]: width + 1 })).toBeGreaterThan(limit);
    }
    await page.close();
  });

  test('reset starts the same run again: the first losses are the same bits', async () => {
    const spec = {
      ...CHEX,
      name: 'Again',
      data: { train: 500, test: 50 },
      train: { steps: 12, batchSize: 20 },
      scheme: { id: 'dense' },
    };
    const { page } = await built.visit(linkOf(spec));
    await waitForState(page, 'idle');
    const losses = async (): Promise<number[]> => {
      await press(page, 'Run');
      await waitForState(page, 'done');
      return (await exported(page)).history.map(({ trainLoss }) => trainLoss);
    };
    const first = await losses();
    await press(page, 'Reset');
    await waitForState(page, 'idle');
    expect(await losses()).toEqual(first);
    expect(first).toHaveLength(12);
    await page.close();
  });
});

describe('refusals', () => {
  test('a link with an unknown key is refused by name, and the page still works', async () => {
    const { page } = await built.visit(linkOf({ ...CHEX, train: { ...CHEX.train, batchsize: 5 } }));
    await expect
      .poll(() => page.getByRole('alert').first().textContent())
      .toMatch(/train\.batchsize.*did you mean batchSize/);
    await waitForState(page, 'idle');
    await page.close();
  });

  test.each([
    ['a damaged link', '#spec=%7Bbroken', /damaged/],
    [
      'an impossible budget',
      linkOf({ ...CHEX, scheme: { id: 'chex', budget: { kind: 'channels', keep: 7 } } }),
      /scheme\.budget\.keep/,
    ],
    ['a schedule beyond the run', linkOf({ ...CHEX, scheme: { id: 'chex', until: 999 } }), /scheme\.until/],
    [
      'a budget that the network cannot meet',
      linkOf({ ...CHEX, scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.01 }, regrow: 0 } }),
      /scheme\.budget\.keep: 0\.01 of the channels/,
    ],
  ])('%s', async (_, fragment, message) => {
    const { page } = await built.visit(fragment);
    await expect.poll(() => page.getByRole('alert').first().textContent(), { timeout: 30_000 }).toMatch(message);
    await page.close();
  });

  test('a shard that was altered is never trained on', async () => {
    const { page } = await built.visit();
    await waitForState(page, 'idle');
    await page.route('**/data/train-00.bin', async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      body[5_000] = (body[5_000] ?? 0) ^ 1;
      await route.fulfill({ response, body });
    });
    await page.goto(built.address + linkOf({ ...CHEX, name: 'Altered' }));
    await page.reload();
    await expect
      .poll(() => page.getByRole('alert').first().textContent(), { timeout: 60_000 })
      .toMatch(/train-00\.bin was altered/);
    await page.close();
  });

  test('missing data: a sentence that says what to do', async () => {
    const { page } = await built.visit();
    await page.route('**/data/manifest.json', (route) => route.fulfill({ status: 404, body: '' }));
    await page.reload();
    await expect
      .poll(() => page.getByRole('alert').first().textContent(), { timeout: 60_000 })
      .toMatch(/manifest\.json could not be loaded.*npm start/);
    await page.close();
  });
});

describe('when things go wrong in a run', () => {
  test('a learning rate that is far too high: the run stops with a sentence and its history is kept', async () => {
    const spec = {
      ...CHEX,
      name: 'Too fast',
      data: { train: 500, test: 50 },
      train: { steps: 60, batchSize: 20, learningRate: 100, warmup: 0, momentum: 0.99 },
      scheme: { id: 'dense' },
    };
    const { page } = await built.visit(linkOf(spec));
    await waitForState(page, 'idle');
    await press(page, 'Run');
    await waitForState(page, 'error');
    await expect.poll(() => page.getByRole('alert').first().textContent()).toMatch(/learning rate/i);
    const result = await exported(page);
    expect(result.events.some(({ kind }) => kind === 'diverged')).toBe(true);
    // One click goes on with half the rate.
    await press(page, 'Try half the learning rate');
    await waitForState(page, 'idle');
    expect(await page.getByLabel('Learning rate', { exact: true }).inputValue()).toBe('50');
    await page.close();
  });
});

describe('the page', () => {
  test('works from any sub-path of a server', async () => {
    const deep = await BuiltPage.open(CHROMIUM_FLAGS, '/classes/pruning/');
    const { page, errors } = await deep.visit();
    await waitForState(page, 'idle');
    expect(Object.keys(await mapWidths(page))).toHaveLength(4);
    await press(page, 'Step');
    await waitForStep(page, 1);
    expect(errors).toEqual([]);
    await deep.close();
  });

  test('axe finds nothing in either theme, wide and narrow', async () => {
    const { page } = await built.visit();
    await waitForState(page, 'idle');
    await press(page, 'Next prune');
    await waitForState(page, 'paused');
    for (const colorScheme of ['light', 'dark'] as const) {
      await useTheme(page, colorScheme);
      for (const width of [1_440, 390]) {
        await page.setViewportSize({ width, height: 844 });
        expect(await axeFindings(page), `${colorScheme}, ${width} wide`).toEqual([]);
        // Charts and canvases follow a new width a moment later.
        await expect
          .poll(() => page.evaluate(() => document.documentElement.scrollWidth - innerWidth))
          .toBeLessThanOrEqual(0);
      }
    }
    await page.close();
  });

  test('the channel map is read by keyboard: arrows move from channel to channel and tell why', async () => {
    const { page } = await built.visit();
    await waitForState(page, 'idle');
    await page.locator('[aria-label^="conv2: "]').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => page.locator('#channel-why').textContent()).toMatch(/^conv2, channel 1: (on|off).*L1 norm/);
    await page.keyboard.press('?');
    await expect.poll(() => page.getByRole('dialog').textContent()).toMatch(/Run, or pause/);
    await page.close();
  });

  test('a change of the form opens by itself before the first step, waits for Apply afterwards, and can be undone', async () => {
    const { page } = await built.visit();
    await waitForState(page, 'idle');
    await page.getByLabel('Scheme', { exact: true }).selectOption('dense');
    await expect.poll(() => mapWidths(page)).toEqual({ conv1: 8, conv2: 16, conv3: 16, conv4: 32 });
    await waitForState(page, 'idle');
    await press(page, 'Step');
    await waitForStep(page, 1);
    await page.getByLabel('Batch size', { exact: true }).fill('0');
    await expect
      .poll(() => page.getByRole('alert').first().textContent())
      .toMatch(/train\.batchSize: must be a whole number from 1 to 512, not 0/);
    await page.getByLabel('Batch size', { exact: true }).fill('32');
    await press(page, 'Apply');
    await waitForState(page, 'idle');
    expect(await page.locator('[data-step]').getAttribute('data-step')).toBe('0');
    await press(page, 'Undo the applied change');
    await expect.poll(() => page.getByLabel('Batch size', { exact: true }).inputValue()).toBe('50');
    await page.close();
  });
});

test('without WebGPU the page says so and trains with TensorFlow.js', async () => {
  const plain = await BuiltPage.open(['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-features=WebGPU']);
  const spec = {
    ...CHEX,
    name: 'No WebGPU',
    model: { id: 'convnet-micro', width: 0.5 },
    data: { train: 100, test: 10 },
    train: { steps: 2, batchSize: 4 },
    scheme: { id: 'dense' },
  };
  const { page } = await plain.visit(linkOf(spec));
  await waitForState(page, 'idle');
  await expect.poll(() => page.locator('[data-backend]').getAttribute('data-backend')).toBe('tfjs');
  await expect
    .poll(() =>
      page
        .getByText(/WebGPU/)
        .first()
        .textContent(),
    )
    .toMatch(/WebGPU/);
  await press(page, 'Run');
  await waitForState(page, 'done', 280_000);
  await plain.close();
});
