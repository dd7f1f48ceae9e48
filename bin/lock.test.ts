import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { smallSpec } from '../src/lab/testing.ts';
import { EXIT } from './around.ts';
import { BusyError, LOCK, holding } from './lock.ts';
import { Workplace } from './testing.ts';

let place: Workplace;
beforeEach(async () => {
  place = new Workplace();
  await mkdir(place.path('out'));
});
afterEach(() => place.remove());

const hold = <T>(work: () => Promise<T>): Promise<T> => holding([{ path: place.path('out'), shown: 'out' }], work);
const nothing = async (): Promise<string> => 'done';
/** Process id of a process that has ended. */
const deadProcess = (): number => spawnSync(process.execPath, ['-e', '']).pid;
const leave = (holder: object): Promise<void> =>
  place.write(`out/${LOCK}`, { host: hostname(), process: process.pid, since: 'before', ...holder });
const age = (seconds: number): Promise<void> => {
  const then = new Date(Date.now() - 1_000 * seconds);
  return utimes(place.path('out', LOCK), then, then);
};

test('a folder is held by one at a time, and nothing of it stays', async () => {
  await hold(async () => {
    expect(await readdir(place.path('out'))).toEqual([LOCK]);
    const refused = await hold(nothing).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BusyError);
    expect(String(refused)).toContain(`out is being written by process ${process.pid} on this machine.`);
  });
  expect(await hold(nothing)).toBe('done');
  expect(await readdir(place.path('out'))).toEqual([]);
});

test('it is given back when the work fails, and those taken before one that cannot be had', async () => {
  await expect(hold(() => Promise.reject(new Error('no luck')))).rejects.toThrow('no luck');
  await mkdir(place.path('other'));
  const [out, other] = ['out', 'other'].map((shown) => ({ path: place.path(shown), shown }));
  if (!out || !other) throw new Error('two folders');
  await leave({});
  await expect(holding([other, out], nothing)).rejects.toThrow(BusyError);
  expect(await readdir(other.path)).toEqual([]);
});

describe('what another left', () => {
  test.each<[string, object, number, boolean]>([
    ['a dead process on this machine, just now', { process: deadProcess() }, 0, true],
    ['a process on another machine, a minute ago', { host: 'elsewhere', process: 1 }, 60, false],
    ['a process on another machine, ten minutes ago', { host: 'elsewhere', process: 1 }, 600, true],
    ['a number that another process has by now', {}, 600, true],
    ['something else', { host: 5 }, 0, true],
  ])('%s', async (_, holder, seconds, taken) => {
    await leave(holder);
    await age(seconds);
    if (taken) expect(await hold(nothing)).toBe('done');
    else await expect(hold(nothing)).rejects.toThrow('process 1 on elsewhere');
  });

  test('a dead process that its parent has not asked after', async ({ skip }) => {
    if (!existsSync('/proc/self/stat')) return skip('this system tells it in another way');
    // The shell becomes sleep, which never asks after the child that the shell had.
    const parent = spawn('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 60']);
    try {
      const id = await new Promise<number>((resolve) => parent.stdout.once('data', (text) => resolve(Number(text))));
      await expect.poll(() => readFileSync(`/proc/${id}/stat`, 'utf8')).toMatch(/\) Z/);
      await leave({ process: id });
      expect(await hold(nothing)).toBe('done');
    } finally {
      parent.kill('SIGKILL');
    }
  });

  test('a torn file', async () => {
    await place.write(`out/${LOCK}`, '{"host":');
    expect(await hold(nothing)).toBe('done');
  });
});

test('of many that find the same dead process one at a time holds the folder', async () => {
  await leave({ process: deadProcess() });
  let [inside, most, held] = [0, 0, 0];
  await Promise.allSettled(
    Array.from({ length: 20 }, () =>
      hold(async () => {
        held++;
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setTimeout(resolve, 20));
        inside--;
      }),
    ),
  );
  expect(most).toBe(1);
  expect(held).toBeGreaterThanOrEqual(1);
});

test('run refuses a folder that another process writes in, and leaves it as it is', async () => {
  await place.write('spec.json', smallSpec());
  await leave({ host: 'elsewhere', process: 7 });
  const { code, err } = await place.call(['run', 'spec.json', '--out', 'out', '--resume']);
  expect(code).toBe(EXIT.badInput);
  expect(err.join()).toContain('out is being written by process 7 on elsewhere. Wait for it, or name another --out.');
  expect(await readdir(place.path('out'))).toEqual([LOCK]);
});

test('a sweep leaves a member to the process that runs it, and runs the others', async () => {
  await place.write('sweep.json', { ...smallSpec(), seed: [1, 2] });
  await mkdir(place.path('out/seed=1'));
  await place.write(`out/seed=1/${LOCK}`, { host: 'elsewhere', process: 7, since: '' });
  const { code, out, err } = await place.call(['sweep', 'sweep.json', '--out', 'out']);
  expect([code, err.join()]).toEqual([EXIT.done, expect.stringContaining('seed=1: left to process 7 on elsewhere')]);
  expect(out).toMatch(/seed=1 +unfinished/);
  expect(out).toMatch(/seed=2 +done/);
  expect(await readdir(place.path('out/seed=2'))).not.toContain(LOCK);
});
