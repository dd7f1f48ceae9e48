import { expect, test, vi } from 'vitest';
import type { RunEvent } from '../../src/core/events/events.ts';
import { httpSource, openCifar10 } from '../../src/data/cifar10.ts';
import { openEngine } from '../../src/lab/engines.ts';
import { Session } from '../../src/lab/session.ts';

/** Races and forks on the real engine, on real images: what shares a device must not disturb one another. */
const base = {
  version: 1,
  seed: 3,
  model: { id: 'convnet-micro', width: 0.5 },
  data: { train: 600, test: 60, holdOut: 40 },
  train: { steps: 12, batchSize: 20, evaluateEvery: 5 },
};
const chex = (keep: number): object => ({ id: 'chex', budget: { kind: 'channels', keep }, every: 4, until: 8 });
const SPECS = [
  { ...base, name: 'half', scheme: chex(0.5) },
  { ...base, name: 'most', scheme: chex(0.75) },
  { ...base, name: 'dense', scheme: { id: 'dense' } },
  {
    ...base,
    name: 'other',
    model: { id: 'plain5', width: 0.25 },
    train: { ...base.train, batchSize: 13 },
    scheme: { id: 'dense' },
  },
];

function lab() {
  const events = new Map<number, RunEvent[]>();
  const states = new Map<number, string>();
  const problems: string[] = [];
  const session = new Session(
    {
      openEngine: () => openEngine({ backend: 'webgpu' }),
      openData: () => openCifar10(httpSource(new URL('/data/', location.href).href)),
    },
    {
      onState: () => undefined,
      onRunState: (run, state) => void states.set(run, state),
      onEvent: (run, event) => void events.set(run, [...(events.get(run) ?? []), event]),
      onSnapshots: () => undefined,
      onSchemeProgress: () => undefined,
      onData: () => undefined,
      onMemory: () => undefined,
      onEngine: () => undefined,
      onProblem: (message) => problems.push(message),
    },
  );
  session.setPace('full');
  const done = (...runs: number[]): Promise<void> =>
    vi.waitFor(
      () => expect([problems, ...runs.map((run) => states.get(run))]).toEqual([[], ...runs.map(() => 'done')]),
      {
        timeout: 120_000,
      },
    );
  return { session, events, done };
}

/** What was computed: losses, accuracies, structures with their scores. */
const computed = (events: readonly RunEvent[] = []): unknown[] =>
  events.flatMap((event) => {
    if (event.kind === 'step') return [[event.step, event.trainLoss, event.trainAccuracy]];
    if (event.kind === 'evaluate') return [[event.step, event.testLoss, event.testAccuracy]];
    return event.kind === 'structure' ? [[event.step, event.structure, event.reasons]] : [];
  });

test('members of a race equal the same specs run alone, and a fork its parent, bit for bit', async () => {
  const race = lab();
  await race.session.open(SPECS.map((spec, i) => ({ run: i + 1, spec })));
  race.session.run();
  await race.done(1, 2, 3, 4);
  for (const [i, spec] of SPECS.entries()) {
    const alone = lab();
    await alone.session.open([{ run: 1, spec }]);
    alone.session.run();
    await alone.done(1);
    expect(computed(race.events.get(i + 1)), spec.name).toEqual(computed(alone.events.get(1)));
    await alone.session.remove(1);
  }
  // Among the others, which have ended: unchanged, from before a decision, and with another budget.
  await race.session.remove(4);
  await race.session.fork({ run: 5, spec: { ...SPECS[0], name: 'again' }, from: { run: 1, step: 4 } });
  await race.session.fork({
    run: 6,
    spec: { ...SPECS[0], name: 'less', scheme: chex(0.25) },
    from: { run: 1, step: 8 },
  });
  race.session.run();
  await race.done(5, 6);
  expect(computed(race.events.get(5))).toEqual(computed(race.events.get(1)));
  const before = (run: number): unknown[] => computed(race.events.get(run)?.filter(({ step }) => step < 8));
  expect(before(6)).toEqual(before(1));
  expect(computed(race.events.get(6))).not.toEqual(computed(race.events.get(1)));
});
