import { mkdtempSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openTfjsEngine } from '../src/engine/tfjs/index.ts';
import type { Engine, Trainer } from '../src/engine/engine.ts';
import { openCifar10 } from '../src/data/cifar10.ts';
import { fileSource } from '../src/data/file-source.ts';
import { type QuadraticOptions, madeUpCifar, quadraticEngine } from '../src/lab/testing.ts';
import type { Surroundings } from './around.ts';
import { main } from './main.ts';
import type { WrittenResult } from './run-folder.ts';

/** For tests: what a call of the command line left. */
export interface Called {
  readonly code: number;
  readonly out: string;
  /** Lines on stderr. */
  readonly err: readonly string[];
}

/** A folder of its own, to call the command line in. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), 'espalier-'));

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  async write(name: string, content: unknown): Promise<void> {
    await mkdir(dirname(this.path(name)), { recursive: true });
    await writeFile(this.path(name), typeof content === 'string' ? content : JSON.stringify(content));
  }

  read(...parts: readonly string[]): Promise<string> {
    return readFile(this.path(...parts), 'utf8');
  }

  async result(...parts: readonly string[]): Promise<WrittenResult> {
    return JSON.parse(await this.read(...parts, 'result.json')) as WrittenResult;
  }

  /** Calls the command line on the quadratic of src/lab/testing.ts, unless `changes` bring another engine. */
  async call(
    argv: readonly string[],
    engine: QuadraticOptions = {},
    changes: Partial<Surroundings> = {},
  ): Promise<Called> {
    let out = '';
    let err = '';
    const code = await main(argv, {
      folder: this.folder,
      terminal: false,
      stop: new AbortController().signal,
      stdout: (text) => (out += text),
      stderr: (text) => (err += text),
      openEngine: async () => ({ engine: quadraticEngine(engine) }),
      openData: async () => madeUpCifar(),
      ...changes,
    });
    return { code, out, err: err.split('\n').slice(0, -1) };
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}

/** A stop at the first step from this one on, as Ctrl-C would bring it: in the middle of a call to the engine. */
export function stoppedAt(step: number): { readonly stop: AbortSignal; readonly engine: QuadraticOptions } {
  const stop = new AbortController();
  const lossAt = (at: number, loss: number): number => {
    if (at >= step) stop.abort();
    return loss;
  };
  return { stop: stop.signal, engine: { lossAt } };
}

/** A spec of a real network that TensorFlow.js trains in seconds on a processor. */
export const TINY = {
  version: 1,
  name: 'tiny',
  model: { id: 'convnet-micro', width: 0.25 },
  data: { train: 40, test: 4, holdOut: 10 },
  train: { steps: 6, batchSize: 3, evaluateEvery: 3 },
  scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 }, every: 2, until: 4 },
};

/**
 * Real networks on the real data, by TensorFlow.js on the processor. Only the latency, which takes long to measure there, is
 * made up. `before` is called before each call to the engine, with the steps made.
 */
export const realSurroundings = (
  before: (step: number) => void = () => undefined,
): Pick<Surroundings, 'openEngine' | 'openData'> => ({
  async openEngine() {
    const engine = await openTfjsEngine({ backend: 'cpu' });
    const open: Engine['open'] = async (...args) => {
      const trainer = await engine.open(...args);
      const train = trainer.train.bind(trainer);
      const watched: Pick<Trainer, 'train' | 'latency'> = {
        train: (steps, hyperAt) => {
          before(trainer.step);
          return train(steps, hyperAt);
        },
        latency: async (batch) => ({ batch, median: 1, p95: 2, n: 3 }),
      };
      return Object.assign(trainer, watched);
    };
    return { engine: { ...engine, open } };
  },
  openData: () => openCifar10(fileSource(join(import.meta.dirname, '../public/data'))),
});
