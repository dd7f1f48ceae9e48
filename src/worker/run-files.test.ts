import { expect, test, vi } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import { decodeCheckpoint } from '../lab/checkpoint.ts';
import { Session } from '../lab/session.ts';
import { madeUpCifar, quadraticEngine, smallSpec, timeless } from '../lab/testing.ts';
import { readRunFile, writeRunFile } from '../persist/run-file.ts';
import { RunStore } from '../persist/store.ts';
import { Disk, FakeLocks, MemoryBackend } from '../persist/testing.ts';
import { SCHEMES } from '../schemes/index.ts';
import { RunFiles } from './run-files.ts';

/** A browser: a session on a quadratic engine, and storage of its own. */
function browser() {
  const store = new RunStore(new MemoryBackend(new Disk()), { schemes: SCHEMES, locks: new FakeLocks() });
  const events = new Map<number, RunEvent[]>();
  const states = new Map<number, string>();
  const session = new Session(
    { openEngine: async () => ({ engine: quadraticEngine() }), openData: async () => madeUpCifar() },
    {
      onState: () => undefined,
      onRunState: (run, state) => states.set(run, state),
      onEvent: (run, event) => events.set(run, [...(events.get(run) ?? []), event]),
      onSnapshots: () => undefined,
      onSchemeProgress: () => undefined,
      onData: () => undefined,
      onMemory: () => undefined,
      onEngine: () => undefined,
      onProblem: (message) => expect.fail(message),
    },
  );
  const kept = vi.fn<() => void>();
  return {
    store,
    session,
    kept,
    files: new RunFiles(session, store, SCHEMES, kept),
    eventsOf: (run: number): readonly RunEvent[] => events.get(run) ?? [],
    until: (run: number, state: string) =>
      vi.waitFor(() => expect(states.get(run)).toBe(state), { timeout: 5_000, interval: 2 }),
  };
}

async function pausedAtDecision() {
  const here = browser();
  await here.session.open([{ run: 1, spec: smallSpec() }]);
  here.session.advance('decision');
  await here.until(1, 'paused');
  return here;
}

test('a run that goes on in another browser, by its file, ends as it does here', async () => {
  const here = await pausedAtDecision();
  const { bytes, step } = await here.files.write(1, 'Renamed');
  expect(step).toBe(4);
  here.session.run();
  await here.until(1, 'done');

  const there = browser();
  const read = await there.files.read(bytes);
  expect(read).toMatchObject({ state: 'paused', spec: { name: 'Renamed' } });
  expect(there.kept).toHaveBeenCalledTimes(1);
  const id = read.id ?? '';
  const { writer, checkpoint, events } = await there.store.resume(id);
  if (!checkpoint) throw new Error('no checkpoint');
  const load = async () => ({ checkpoint: await decodeCheckpoint(checkpoint), events });
  await there.session.resume({ run: 9, spec: read.spec, load });
  await there.until(9, 'paused');
  there.session.run();
  await there.until(9, 'done');
  expect(timeless(there.eventsOf(9))).toEqual(timeless(here.eventsOf(1)));
  const parameters = async (session: Session, run: number) => (await session.ask(run, { kind: 'tensors' })).tensors;
  expect(await parameters(there.session, 9)).toEqual(await parameters(here.session, 1));
  await writer.close();
  expect((await readRunFile((await there.files.writeKept(id)).bytes, SCHEMES)).checkpoint?.step).toBe(4);
});

test('an untrained run has no file, and a checkpoint of another run is refused; nothing is kept then', async () => {
  const here = browser();
  await here.session.open([{ run: 1, spec: smallSpec() }]);
  await expect(here.files.write(1, 'small')).rejects.toThrow('has not been trained yet');
  await expect(here.files.write(2, 'small')).rejects.toThrow('not open');

  const [one, other] = [await pausedAtDecision(), await pausedAtDecision()];
  const file = await readRunFile((await one.files.write(1, 'small')).bytes, SCHEMES);
  await other.session.open([{ run: 2, spec: smallSpec({ seed: 6 }) }]);
  other.session.advance('decision');
  await other.until(2, 'paused');
  const { checkpoint } = await readRunFile((await other.files.write(2, 'small')).bytes, SCHEMES);
  const mixed = await writeRunFile({ ...file, checkpoint });
  await expect(here.files.read(mixed)).rejects.toThrow('its checkpoint is of another run');
  expect(await here.store.list()).toEqual({ runs: [], damaged: [] });
  expect(here.kept).not.toHaveBeenCalled();
});
