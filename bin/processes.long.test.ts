import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeCheckpoint } from '../src/lab/checkpoint.ts';
import { EXIT } from './around.ts';
import { Workplace } from './testing.ts';

const SCRIPT = join(import.meta.dirname, '../scripts/espalier.mjs');
const MINUTES = 60_000;

/** Long enough to be stopped in the middle, on a processor. */
const SPEC = {
  version: 1,
  name: 'stopped',
  model: { id: 'convnet-micro', width: 0.25 },
  data: { train: 200, test: 10 },
  train: { steps: 120, batchSize: 8, evaluateEvery: 60 },
  scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 }, every: 15, until: 90 },
};

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.remove());

const environment = () => ({ ...process.env, INIT_CWD: place.folder });
const call = (...args: readonly string[]) =>
  spawnSync(process.execPath, [SCRIPT, ...args], { env: environment(), encoding: 'utf8' });

/** Starts a command as the leader of its own process group; all of it can be signalled at once, as a terminal does. */
function start(...args: readonly string[]): {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  told(): string;
} {
  const child = spawn(process.execPath, [SCRIPT, ...args], {
    env: environment(),
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, ended: new Promise((resolve) => child.on('close', resolve)), told: () => text };
}

const group = ({ child }: { readonly child: ChildProcess }): number => -(child.pid ?? NaN);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Step of the last checkpoint that a journal tells of, whether it came to stand in place or not; 0 without. */
function markedStep(folder: string): number {
  const journal = place.path(folder, 'events.jsonl');
  if (!existsSync(journal)) return 0;
  const marks = [...readFileSync(journal, 'utf8').matchAll(/^\{"checkpoint":"\w+","step":(\d+)/gm)];
  return Number(marks.at(-1)?.[1] ?? 0);
}

const checkpointIn = async (folder: string) =>
  decodeCheckpoint(new Uint8Array(await readFile(place.path(folder, 'checkpoint.bin'))));

describe.each(['tfjs', 'webgpu'])('on %s', (backend) => {
  const run = (out: string, ...more: readonly string[]) => [
    'run',
    'spec.json',
    '--out',
    out,
    '--backend',
    backend,
    ...more,
  ];

  test(
    'killed (SIGKILL) again and again, then resumed, a run ends with the bits of an undisturbed one',
    async ({ skip }) => {
      await place.write('spec.json', SPEC);
      const whole = call(...run('whole'));
      if (whole.status === EXIT.noAdapter) skip('there is no WebGPU adapter');
      expect(whole.status).toBe(EXIT.done);
      let last = 0;
      for (let kill = 0; kill < 3; kill++) {
        const started = start(...run('out', '--resume', '--checkpoint-every', '0'));
        await until(
          () =>
            (existsSync(place.path('out/checkpoint.bin')) && markedStep('out') > last) ||
            started.child.exitCode !== null,
        );
        process.kill(group(started), 'SIGKILL');
        await started.ended;
        if (existsSync(place.path('out/result.json'))) break;
        const { step } = (await checkpointIn('out')).trainer;
        expect(step).toBeGreaterThanOrEqual(last);
        last = step;
      }
      expect(last).toBeGreaterThan(0);
      expect(call(...run('out', '--resume')).status).toBe(EXIT.done);
      const [ours, theirs] = [await checkpointIn('out'), await checkpointIn('whole')];
      expect(ours.trainer.step).toBe(120);
      expect(ours.trainer.parameters).toEqual(theirs.trainer.parameters);
      expect(ours.trainer.momentum).toEqual(theirs.trainer.momentum);
      expect((await place.result('out')).history).toEqual((await place.result('whole')).history);
    },
    15 * MINUTES,
  );

  test.for(['SIGINT', 'SIGTERM'] as const)(
    '%s to the whole group, as from a terminal, writes a checkpoint and exits with 130',
    { timeout: 5 * MINUTES },
    async (signal, { skip }) => {
      await place.write('spec.json', { ...SPEC, train: { ...SPEC.train, steps: 20_000 }, scheme: { id: 'dense' } });
      const started = start(...run('out'));
      await until(() => started.told().includes('step ') || started.child.exitCode !== null);
      if (started.child.exitCode === EXIT.noAdapter) skip('there is no WebGPU adapter');
      process.kill(group(started), signal);
      expect(await started.ended).toBe(EXIT.interrupted);
      expect((await readdir(place.path('out'))).toSorted()).toEqual(['checkpoint.bin', 'events.jsonl']);
      const { step } = (await checkpointIn('out')).trainer;
      expect(started.told()).toContain(`Interrupted after step ${step}`);
    },
  );
});

describe('GNU parallel with two workers', () => {
  const SWEEP = {
    ...SPEC,
    name: 'shared',
    seed: [1, 2, 3],
    train: { ...SPEC.train, steps: 10, evaluateEvery: 5 },
    scheme: [{ id: 'dense' }, { id: 'uniform' }],
  };
  const parallel = (...args: readonly string[]) =>
    spawnSync('parallel', args, { cwd: place.folder, env: environment(), encoding: 'utf8' });

  test(
    'runs the members of a sweep; report joins them, and they are what the sweep alone makes',
    async ({ skip }) => {
      if (spawnSync('parallel', ['--version']).status !== 0)
        skip('GNU parallel is not installed (apt install parallel)');
      await place.write('sweep.json', SWEEP);
      // As docs/many-machines.md says it, but for the way the command line is called.
      const espalier = `${process.execPath} ${SCRIPT}`;
      expect(call('sweep', 'sweep.json', '--list', '--write', 'specs').status).toBe(EXIT.done);
      const files = (await readdir(place.path('specs'))).map((name) => join('specs', name));
      expect(files.length).toBe(6);
      const made = parallel(
        '--jobs',
        '2',
        `${espalier} run {} --out results/{/.} --backend tfjs --resume`,
        ':::',
        ...files,
      );
      expect([made.status, made.error]).toEqual([0, undefined]);

      const shares = parallel(
        '--jobs',
        '2',
        `${espalier} sweep sweep.json --out shares --part {}/2 --backend tfjs`,
        ':::',
        '1',
        '2',
      );
      expect(shares.status).toBe(0);
      const again = call('sweep', 'sweep.json', '--out', 'shares', '--backend', 'tfjs');
      expect(again.stderr).toContain('6 runs had finished before.');
      for (const file of files) {
        const name = file.replace(/^specs.|\.json$/g, '');
        const [one, other] = [await checkpointIn(`results/${name}`), await checkpointIn(`shares/${name}`)];
        expect(one.trainer).toEqual(other.trainer);
      }
      expect(call('report', 'results', '--out', 'report.html').stdout).toContain('6 runs');
      const rows = (await place.read('report.html')).match(/<th scope="row">\s*shared/g);
      expect(rows?.length).toBe(6);
    },
    15 * MINUTES,
  );
});
