import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import { buildNetwork, countStructure } from '../core/network/index.ts';
import type { Spec } from '../core/spec/spec.ts';
import { Run, type RunPhase } from './run.ts';
import { madeUpCifar, quadraticEngine, smallSpec, smallTraining, timeless } from './testing.ts';

async function opened(spec: Spec, engine = quadraticEngine(), cifar = madeUpCifar()) {
  const events: RunEvent[] = [];
  const phases: RunPhase[] = [];
  const run = new Run(spec, { onEvent: (event) => events.push(event), onPhase: (phase) => phases.push(phase) });
  await run.open(engine, cifar);
  return { run, events, phases, engine, cifar };
}

const finished = async (spec: Spec) => {
  const lab = await opened(spec);
  await lab.run.run();
  return lab;
};

const of = <Kind extends RunEvent['kind']>(events: readonly RunEvent[], kind: Kind) =>
  events.filter((event): event is RunEvent & { readonly kind: Kind } => event.kind === kind);

describe('an undisturbed run', () => {
  test('tells every step once, decisions and evaluations when due, and ends', async () => {
    const { events, phases, run } = await finished(smallSpec());
    expect(events[0]?.kind).toBe('start');
    expect(events.at(-1)).toMatchObject({ kind: 'finish', step: 23 });
    expect(of(events, 'step').map((event) => event.step)).toEqual(Array.from({ length: 23 }, (_, i) => i + 1));
    expect(of(events, 'step').map((event) => event.epoch)).toEqual([
      ...Array(10).fill(1),
      ...Array(10).fill(2),
      3,
      3,
      3,
    ]);
    expect(of(events, 'evaluate').map((event) => [event.step, event.images])).toEqual(
      [7, 14, 21, 23].map((step) => [step, 30]),
    );
    expect(of(events, 'structure').map((event) => event.step)).toEqual([0, 4, 8, 12, 16]);
    expect(of(events, 'finish')[0]?.latencyMs.map(({ batch }) => batch)).toEqual([1, 64]);
    expect(of(events, 'finish')[0]?.imagesPerSecond).toBeGreaterThan(0);
    expect(phases).toEqual(['running', 'done']);
    expect(run.step).toBe(23);
  });

  test('the start lists the layers that the scheme may cut', async () => {
    const prunable = async (spec: Spec) => of((await opened(spec)).events, 'start')[0]?.prunable;
    expect(await prunable(smallSpec())).toEqual(['conv1', 'conv2', 'conv3', 'conv4']);
    expect(await prunable(smallSpec({ scheme: { id: 'dense' } }))).toEqual([]);
    const inner = Array.from({ length: 9 }, (_, block) => `block${block + 1}.conv1`);
    expect(await prunable(smallSpec({ model: { id: 'resnet20', width: 0.5 } }))).toEqual(inner);
  });

  test("a step's events come in the promised order, and steps never go back", async () => {
    const { events } = await finished(smallSpec({ train: smallTraining({ evaluateEvery: 4 }) }));
    const rank = { start: 0, note: 1, step: 2, prune: 3, crop: 3, regrow: 4, structure: 5, evaluate: 6, finish: 7 };
    const order = events.map((event) => event.step * 10 + rank[event.kind as keyof typeof rank]);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(of(events, 'prune').length).toBeGreaterThan(4);
    expect(of(events, 'regrow').length).toBeGreaterThan(0);
  });

  test('prunes and regrows, replayed on the dense network, give each structure and its counts', async () => {
    const { events } = await finished(smallSpec());
    const network = buildNetwork('convnet-micro');
    const start = of(events, 'start')[0];
    expect(start?.dense.widths).toEqual({ conv1: 8, conv2: 16, conv3: 16, conv4: 32 });
    const kept = new Map(
      Object.entries(start?.dense.widths ?? {}).map(([layer, width]) => [layer, new Set(Array(width).keys())]),
    );
    for (const event of events) {
      if (event.kind === 'prune') for (const c of event.channels) expect(kept.get(event.layer)?.delete(c)).toBe(true);
      if (event.kind === 'regrow') for (const c of event.channels) expect(kept.get(event.layer)?.has(c)).toBe(false);
      if (event.kind === 'regrow') for (const c of event.channels) kept.get(event.layer)?.add(c);
      if (event.kind !== 'structure') continue;
      for (const [layer, channels] of kept)
        expect(event.structure.channels[layer]).toEqual([...channels].sort((a, b) => a - b));
      expect(event.widths).toEqual(Object.fromEntries([...kept].map(([layer, channels]) => [layer, channels.size])));
      const { macs, parameters } = countStructure(network, event.structure);
      expect([event.macs, event.parameters]).toEqual([macs, parameters]);
    }
    // The budget: half of the 72 channels, exactly.
    expect([...kept.values()].reduce((sum, channels) => sum + channels.size, 0)).toBe(36);
  });

  test('every changed channel carries the reason of its change', async () => {
    const { events } = await finished(smallSpec());
    for (const { channels, reasons, layer } of [...of(events, 'prune'), ...of(events, 'regrow')]) {
      expect(reasons.map((reason) => reason.channel).toSorted((a, b) => a - b)).toEqual(
        channels.toSorted((a, b) => a - b),
      );
      expect(reasons.every((reason) => reason.layer === layer)).toBe(true);
    }
  });

  test('the first call to the engine is one step, so that a first loss appears at once', async () => {
    const { engine } = await finished(smallSpec());
    expect(engine.calls[0]).toBe(1);
    expect(Math.max(...engine.calls)).toBeGreaterThan(1);
    expect(engine.calls.reduce((a, b) => a + b)).toBe(23);
  });

  test('the learning rate of the events is the warm-up and the half cosine', async () => {
    const { events } = await finished(smallSpec());
    const rates = of(events, 'step').map((event) => event.learningRate);
    // 10 % of 23 steps is a warm-up of 2; halfway through the other 21 the cosine is at one half.
    expect(rates[0]).toBeCloseTo(0.025, 12);
    expect(rates[1]).toBeCloseTo(0.05, 12);
    expect(rates[2]).toBeCloseTo(0.05, 12);
    expect(((rates[12] ?? 0) + (rates[13] ?? 0)) / 2).toBeCloseTo(0.025, 6);
    expect(rates[22]).toBeLessThan(0.001);
  });
});

describe('pausing and stepping', () => {
  test('never change the numbers', async () => {
    const undisturbed = await finished(smallSpec());
    const { run, events } = await opened(smallSpec());
    await run.advance('step');
    expect(run.step).toBe(1);
    await run.advance('decision');
    expect(run.step).toBe(4);
    await run.advance('epoch');
    expect(run.step).toBe(14);
    const driving = run.run();
    run.pause();
    await driving;
    expect(run.phase).toBe('paused');
    for (let i = 0; i < 4; i++) await run.advance('step');
    await run.run();
    expect(run.phase).toBe('done');
    expect(timeless(events)).toEqual(timeless(undisturbed.events));
  });

  test('two runs of one spec are bit-identical; another seed is not', async () => {
    const [first, second, other] = [
      await finished(smallSpec()),
      await finished(smallSpec()),
      await finished(smallSpec({ seed: 6 })),
    ];
    const losses = (events: readonly RunEvent[]) => of(events, 'step').map((event) => event.trainLoss);
    expect(timeless(second.events)).toEqual(timeless(first.events));
    expect(losses(other.events)).not.toEqual(losses(first.events));
  });

  test('a checkpoint resumes bit for bit', async () => {
    const undisturbed = await finished(smallSpec());
    const { run } = await opened(smallSpec());
    await run.advance('decision');
    await run.advance('decision');
    await run.advance('step');
    const checkpoint = await run.checkpoint();
    await run.dispose();
    const events: RunEvent[] = [];
    const resumed = new Run(smallSpec(), { onEvent: (event) => events.push(event) });
    await resumed.open(quadraticEngine(), madeUpCifar(), { resume: checkpoint });
    await resumed.run();
    expect(timeless(events)).toEqual(timeless(undisturbed.events.filter((event) => event.step > 9)));
  });

  test('Pause gets through to an engine that never leaves the thread', async () => {
    const { run } = await opened(smallSpec({ train: smallTraining({ steps: 5_000, evaluateEvery: 5_000 }) }));
    setTimeout(() => run.pause(), 1);
    await run.run();
    expect(run.phase).toBe('paused');
  });

  test('a run that waits for images pauses at once', async () => {
    const cifar = madeUpCifar({ before: () => new Promise(() => undefined) });
    const { run, events } = await opened(smallSpec(), quadraticEngine(), cifar);
    const driving = run.run();
    await Promise.resolve();
    run.pause();
    await driving;
    expect(run.phase).toBe('paused');
    expect(of(events, 'step')).toEqual([]);
  });

  test('a disposed run says nothing more and releases its trainer and data', async () => {
    const { run, events, engine } = await opened(smallSpec());
    const driving = run.run();
    await run.dispose();
    await driving;
    const told = events.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(events.length).toBe(told);
    expect(of(events, 'finish')).toEqual([]);
    expect(engine.trainers[0]?.disposed).toBe(true);
    expect(engine.data[0]?.disposed).toBe(true);
  });
});

describe('a run that cannot go on', () => {
  const stopped = async (engine = quadraticEngine(), cifar = madeUpCifar()) => {
    const lab = await opened(smallSpec(), engine, cifar);
    await lab.run.run();
    expect(lab.run.phase).toBe('error');
    return lab;
  };

  test('a loss that is not finite: stops there, keeps the history, suggests half the learning rate', async () => {
    const { events } = await stopped(quadraticEngine({ lossAt: (step, loss) => (step === 9 ? NaN : loss) }));
    expect(of(events, 'step').map((event) => event.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(events.at(-1)).toMatchObject({ kind: 'diverged', step: 10 });
    expect(of(events, 'diverged')[0]?.message).toMatch(/step 10.*train\.learningRate: 0\.025/);
  });

  test('an exploding loss stops after five steps in a row; four are forgiven', async () => {
    const high = (...steps: number[]) =>
      quadraticEngine({ lossAt: (step, loss) => (steps.includes(step) ? 50 : loss) });
    const forgiven = await opened(smallSpec(), high(2, 3, 4, 5, 7, 8, 9, 10));
    await forgiven.run.run();
    expect(forgiven.run.phase).toBe('done');
    const { events } = await stopped(high(2, 3, 4, 5, 6, 7, 8));
    expect(events.at(-1)).toMatchObject({ kind: 'diverged', step: 7 });
  });

  test('an engine that fails: its sentence', async () => {
    const { events } = await stopped(quadraticEngine({ failAt: 6 }));
    expect(events.at(-1)).toMatchObject({ kind: 'error', message: 'the quadratic failed' });
    expect(of(events, 'step').length).toBeGreaterThan(0);
  });

  test('a device lost while paused, and while a step fails of it', async () => {
    const { run, events, engine } = await opened(smallSpec());
    await run.advance('step');
    engine.lose('The graphics device was lost.');
    await expect.poll(() => run.phase).toBe('error');
    expect(events.at(-1)).toEqual({ kind: 'error', step: 1, message: 'The graphics device was lost.' });

    const failing = quadraticEngine({ failAt: 3 });
    const second = await opened(smallSpec(), failing);
    const driving = second.run.run();
    setTimeout(() => failing.lose('The graphics device was lost.'), 20);
    await driving;
    expect(second.events.at(-1)).toMatchObject({ kind: 'error', message: 'The graphics device was lost.' });
    expect(of(second.events, 'error').length).toBe(1);
  });

  test('a shard that fails stops the run with its sentence; what came before stays', async () => {
    const before = async (file: string) => {
      if (file === 'train-2') throw new Error('The data file train-2 was altered.');
    };
    const { events } = await stopped(quadraticEngine(), madeUpCifar({ before }));
    expect(events.at(-1)).toMatchObject({ kind: 'error', message: 'The data file train-2 was altered.' });
  });

  test('an engine that cannot open leaves nothing behind', async () => {
    const engine = quadraticEngine();
    const run = new Run(smallSpec(), { onEvent: () => undefined });
    const broken = { ...engine, open: () => Promise.reject(new Error('no memory')) };
    await expect(run.open(broken, madeUpCifar())).rejects.toThrow('no memory');
    expect(engine.data[0]?.disposed).toBe(true);
  });

  test('more images than there are: the sentence names the key', async () => {
    const run = new Run(smallSpec({ data: { train: 500, test: 30, holdOut: 10 } }), { onEvent: () => undefined });
    await expect(run.open(quadraticEngine(), madeUpCifar())).rejects.toThrow(/data\.train: 500 .* 120/);
  });
});
