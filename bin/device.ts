import type { Cifar10 } from '../src/data/cifar10.ts';
import type { OpenedEngine } from '../src/lab/engines.ts';
import { rememberShards } from '../src/lab/shard-memory.ts';
import type { Reopen } from '../src/lab/recovery.ts';
import { type Backend, NoAdapterError, type Surroundings, sentenceOf } from './around.ts';

/** The engine and the data of a command, opened at their first use and shared by its runs. */
export class Device {
  #opened: Promise<OpenedEngine> | null = null;
  #data: Promise<Cifar10> | null = null;
  #backend: Backend | undefined;

  /** `backend`: the one asked for; without, the best one there is, and whatever that was from then on. */
  constructor(
    readonly around: Surroundings,
    backend: Backend | undefined,
  ) {
    this.#backend = backend;
  }

  /** The engine that is open, or a fresh one. Throws a NoAdapterError where WebGPU was asked for and is not there. */
  engine(): Promise<OpenedEngine> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  /** The data set, its images kept in memory for the next run. */
  data(): Promise<Cifar10> {
    this.#data ??= this.around.openData().then(rememberShards);
    return this.#data;
  }

  /** Gives a run an engine in place of one that was lost or is full; `shared`: others use it at the same time. */
  reopen(shared: () => boolean): Reopen {
    return async (failed, why) => {
      if (why === 'full' && shared()) {
        throw new Error(
          'The graphics adapter has no memory left for this run beside the others, which go on. Run it alone, or lower its train.batchSize or model.width.',
        );
      }
      if ((await this.#opened)?.engine === failed) this.#opened = null;
      failed.dispose();
      return (await this.engine()).engine;
    };
  }

  async dispose(): Promise<void> {
    const opened = await this.#opened?.catch(() => null);
    opened?.engine.dispose();
  }

  async #open(): Promise<OpenedEngine> {
    const backend = this.#backend;
    try {
      const opened = await this.around.openEngine(backend);
      // Another kind would go on with other bits: that is for the user to choose.
      this.#backend = opened.engine.info.backend;
      void opened.engine.lost.then(async () => {
        if ((await this.#opened) === opened) this.#opened = null;
      });
      return opened;
    } catch (error) {
      this.#opened = null;
      throw backend === 'webgpu' ? new NoAdapterError(sentenceOf(error), { cause: error }) : error;
    }
  }
}

/**
 * Does work with a device and gives it back, whatever comes of it: a process that ends with its device open crashes now
 * and then while Dawn is torn down, measured with Mesa's lavapipe as every sixth time.
 */
export async function withDevice<T>(
  around: Surroundings,
  backend: Backend | undefined,
  work: (device: Device) => Promise<T>,
): Promise<T> {
  const device = new Device(around, backend);
  try {
    return await work(device);
  } finally {
    await device.dispose();
  }
}

/** Whether an engine lacks what a spec needs it to have. */
export const lacksStorage = ({ info }: OpenedEngine['engine'], storage: 'f32' | 'f16'): boolean =>
  storage === 'f16' && !info.features.includes('shader-f16');
