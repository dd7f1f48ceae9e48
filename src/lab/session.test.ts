import { describe, expect, test, vi } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import type { OpenedEngine } from './engines.ts';
import { Session, type SessionListener } from './session.ts';
import { type MadeUpCifar, madeUpCifar, quadraticEngine, smallSpec, timeless } from './testing.ts';

interface Told {
  readonly log: string[];
  readonly events: Map<number, RunEvent[]>;
  readonly problems: { message: string; paths: readonly string[]; run: number | undefined }[];
  readonly runs: string[];
  readonly snapshots: Map<number, readonly number[]>;
}

function session(
  openEngine: () => Promise<OpenedEngine> = async () => ({ engine: quadraticEngine() }),
  cifar: MadeUpCifar = madeUpCifar(),
) {
  const told: Told = { log: [], events: new Map(), problems: [], runs: [], snapshots: new Map() };
  const listener: SessionListener = {
    onState: (state) => told.log.push(state),
    onRunState: (run, state) => told.runs.push(`${run} ${state}`),
    onSnapshots: (run, steps) => told.snapshots.set(run, steps),
    onEvent: (run, event) => told.events.set(run, [...(told.events.get(run) ?? []), event]),
    onSchemeProgress: () => undefined,
    onData: () => undefined,
    onMemory: () => undefined,
    onEngine: ({ reason }) => told.log.push(`engine${reason ? `: ${reason}` : ''}`),
    onProblem: (message, problems, run) =>
      told.problems.push({ message, paths: problems?.map(({ path }) => path) ?? [], run }),
  };
  const opened = vi.fn(openEngine);
  const lab = new Session({ openEngine: opened, openData: async () => cifar }, listener);
  let number = 0;
  let last: unknown;
  return {
    session: lab,
    /** Opens a spec, or the last one again, in place of everything. */
    open(spec: unknown = last): Promise<void> {
      last = spec;
      return lab.open([{ run: ++number, spec }]);
    },
    ...told,
    openEngine: opened,
  };
}

const settled = (log: readonly string[], state: string) =>
  vi.waitFor(() => expect(log.at(-1)).toBe(state), { timeout: 3_000, interval: 5 });

describe('a session', () => {
  test('opens ready and waits; runs to the end; resets to the same run bit for bit without new shards', async () => {
    const cifar = madeUpCifar();
    const lab = session(undefined, cifar);
    await lab.open(smallSpec());
    expect(lab.log).toEqual(['loading', 'engine', 'idle']);
    lab.session.run();
    await settled(lab.log, 'done');
    const { loads } = cifar;
    const shards = loads.length;
    await lab.open();
    expect(lab.log.slice(3)).toEqual(['running', 'done', 'loading', 'idle']);
    lab.session.run();
    await settled(lab.log, 'done');
    expect(timeless(lab.events.get(2) ?? [])).toEqual(timeless(lab.events.get(1) ?? []));
    expect(cifar.loads.length).toBe(shards);
    expect(lab.openEngine).toHaveBeenCalledTimes(1);
  });

  test('Run pressed while loading runs as soon as the run is open; Pause takes it back', async () => {
    const lab = session();
    const opening = lab.open(smallSpec());
    lab.session.advance('decision');
    await opening;
    await settled(lab.log, 'paused');
    expect(lab.events.get(1)?.at(-1)).toMatchObject({ kind: 'structure', step: 4 });

    const again = lab.open();
    lab.session.run();
    lab.session.pause();
    await again;
    expect(lab.log.at(-1)).toBe('idle');
  });

  test('a spec that is refused changes nothing and names the key', async () => {
    const lab = session();
    await lab.open(smallSpec());
    const before = [...lab.log];
    await lab.open({ ...smallSpec(), sede: 3 });
    expect(lab.log).toEqual(before);
    expect(lab.problems[0]?.paths).toContain('sede');
    lab.session.advance('step');
    await settled(lab.log, 'paused');
  });

  test('only the newest of runs opened in quick succession is told about', async () => {
    const lab = session();
    const first = lab.open(smallSpec());
    await lab.open(smallSpec({ seed: 9 }));
    await first;
    expect(lab.log.filter((entry) => entry === 'idle')).toEqual(['idle']);
    expect(lab.events.get(1)).toBeUndefined();
    expect(lab.events.get(2)?.[0]).toMatchObject({ kind: 'start', spec: { seed: 9 } });
  });

  test('opening another run while one is training ends the old one', async () => {
    const lab = session();
    await lab.open(smallSpec());
    lab.session.run();
    await lab.open(smallSpec({ seed: 2 }));
    const told = lab.events.get(1)?.length;
    lab.session.run();
    await settled(lab.log, 'done');
    expect(lab.events.get(1)?.length).toBe(told);
    expect(lab.events.get(2)?.at(-1)?.kind).toBe('finish');
  });

  test('a lost device is replaced by one of the same kind, with the shards that are there, also after some waiting', async () => {
    const cifar = madeUpCifar();
    const engines = [quadraticEngine({ loseAt: 6 }), null, quadraticEngine()];
    const lab = session(async () => {
      const engine = engines.shift();
      if (!engine) throw new Error('There is no adapter yet.');
      return { engine };
    }, cifar);
    await lab.open(smallSpec());
    lab.session.run();
    await settled(lab.log, 'done');
    const shards = [...cifar.loads];
    expect(lab.events.get(1)?.filter(({ kind }) => kind === 'recovered').length).toBe(1);
    expect(lab.openEngine.mock.calls).toEqual([[undefined], ['tfjs'], ['tfjs']]);
    expect(new Set(shards).size).toBe(shards.length);
    // The next run finds the new engine.
    await lab.open();
    expect(lab.openEngine).toHaveBeenCalledTimes(3);
  });

  test(
    'without another device the run stops with a sentence; a later reset asks again',
    { timeout: 20_000 },
    async () => {
      let there = true;
      const lab = session(async () => {
        if (!there) throw new Error('There is no adapter.');
        return { engine: quadraticEngine({ loseAt: 6 }) };
      });
      await lab.open(smallSpec());
      there = false;
      lab.session.run();
      await vi.waitFor(() => expect(lab.log.at(-1)).toBe('error'), { timeout: 10_000 });
      expect(lab.events.get(1)?.at(-1)).toMatchObject({
        kind: 'error',
        message: expect.stringMatching(/lost.*no adapter/),
      });
      there = true;
      await lab.open();
      expect(lab.log.at(-1)).toBe('idle');
    },
  );

  test('no engine, then one: the sentence, and another try succeeds', async () => {
    let works = false;
    const lab = session(async () => {
      if (!works) throw new Error('There is no engine.');
      return { engine: quadraticEngine() };
    });
    await lab.open(smallSpec());
    expect(lab.log.at(-1)).toBe('error');
    expect(lab.problems.map(({ message }) => message)).toEqual(['There is no engine.']);
    works = true;
    await lab.open();
    expect(lab.log.at(-1)).toBe('idle');
  });

  test('why a slower engine was taken is reported and kept in the history', async () => {
    const lab = session(async () => ({ engine: quadraticEngine(), reason: 'This browser has no WebGPU.' }));
    await lab.open(smallSpec());
    expect(lab.log).toContain('engine: This browser has no WebGPU.');
    expect(lab.events.get(1)?.[1]).toEqual({ kind: 'note', step: 0, message: 'This browser has no WebGPU.' });
  });

  test('the pace holds for the open run and for the next', async () => {
    const engine = quadraticEngine();
    const lab = session(async () => ({ engine }));
    await lab.open(smallSpec());
    expect(engine.trainers[0]?.pace).toBe('smooth');
    lab.session.setPace('full');
    expect(engine.trainers[0]?.pace).toBe('full');
    await lab.open();
    expect(engine.trainers[1]?.pace).toBe('full');
  });
});
