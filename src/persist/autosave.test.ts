import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Autosave, retryDelay, saveInterval } from './autosave.ts';

/** A run that trains in calls of 100 ms on a clock of its own, whose saves take what they take. */
class Trial {
  now = 0;
  /** When each save began, and how long it took. */
  readonly saves: { readonly began: number; readonly took: number }[] = [];
  readonly outcomes: (string | null)[] = [];
  cost = 0;
  failing = false;
  overlapped = false;
  mostAtRisk = 0;
  #end: { at: number; finish: () => void } | null = null;
  readonly autosave = new Autosave({
    now: () => this.now,
    save: () => this.#save(),
    onOutcome: (problem) => this.outcomes.push(problem?.message ?? null),
  });

  #save(): Promise<void> {
    if (this.#end) this.overlapped = true;
    this.saves.push({ began: this.now, took: this.cost });
    return new Promise((resolve, reject) => {
      const finish = this.failing ? () => reject(new Error('full')) : resolve;
      this.#end = { at: this.now + this.cost, finish };
    });
  }

  async pass(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds;
    while (this.now < end) {
      this.now += 100;
      if (this.#end && this.now >= this.#end.at) {
        this.#end.finish();
        this.#end = null;
        await new Promise((resolve) => setImmediate(resolve));
      }
      this.autosave.trained(100);
      this.mostAtRisk = Math.max(this.mostAtRisk, this.autosave.atRisk);
    }
  }
}

test('quick saves come every 5 seconds; dearer ones cost 2 % of the time, up to a minute, and never more than 10 %', () => {
  expect([0, 100, 500, 1_000, 1_200, 2_000, 6_000, 10_000, 100_000].map(saveInterval)).toEqual([
    5_000, 5_000, 25_000, 50_000, 60_000, 60_000, 60_000, 100_000, 1_000_000,
  ]);
});

test('whatever saves take, they never overlap and no more is at risk than an interval and a save', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 80 }), async (tenths) => {
      const trial = new Trial();
      trial.cost = tenths * 100;
      await trial.pass(300_000);
      expect(trial.overlapped).toBe(false);
      expect(trial.saves.length).toBeGreaterThan(1);
      // A save ends with the call to the engine during which it does.
      expect(trial.mostAtRisk).toBeLessThanOrEqual(saveInterval(trial.cost + 100) + trial.cost + 200);
    }),
    { numRuns: 8 },
  );
});

test('a failing save is tried again after 15 s, then more and more rarely, and as usual once one went well', async () => {
  expect([1, 2, 3, 6, 7, 50].map(retryDelay)).toEqual([15_000, 30_000, 60_000, 480_000, 600_000, 600_000]);
  const trial = new Trial();
  trial.failing = true;
  await trial.pass(120_000);
  const begins = trial.saves.map(({ began }) => Math.round(began / 1_000));
  expect(begins).toEqual([5, 20, 50, 110]);
  expect(trial.outcomes).toEqual(['full', 'full', 'full', 'full']);
  expect(trial.autosave.atRisk).toBe(120_000);
  trial.failing = false;
  await trial.pass(130_000);
  expect(trial.outcomes.slice(4, 7)).toEqual([null, null, null]);
  expect(trial.mostAtRisk).toBeGreaterThan(200_000);
  expect(trial.autosave.atRisk).toBeLessThanOrEqual(5_200);
});

test('a last save waits for the one under way, holds all that was trained, and is left out when nothing is new', async () => {
  let finish: ((failure?: Error) => void) | null = null;
  let saves = 0;
  const save = (): Promise<void> => {
    saves++;
    return new Promise((resolve, reject) => (finish = (failure) => (failure ? reject(failure) : resolve())));
  };
  const end = async (failure?: Error): Promise<void> => {
    finish?.(failure);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const autosave = new Autosave({ save, now: () => 0 });
  expect(await autosave.last()).toBe(true);
  autosave.trained(5_000);
  expect(saves).toBe(1);
  autosave.trained(300);
  const last = Promise.all([autosave.last(), autosave.last()]);
  expect(saves).toBe(1);
  await end();
  expect([saves, autosave.atRisk]).toEqual([2, 300]);
  await end();
  expect(await last).toEqual([true, true]);
  expect([saves, autosave.atRisk]).toEqual([2, 0]);
  expect(await autosave.last()).toBe(true);
  expect(saves).toBe(2);
  autosave.trained(10);
  const failed = autosave.last();
  await end(new Error('full'));
  expect(await failed).toBe(false);
  expect(autosave.atRisk).toBe(10);
  const again = autosave.last();
  await end();
  expect([await again, saves, autosave.atRisk]).toEqual([true, 4, 0]);
});
