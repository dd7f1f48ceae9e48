import type { DataSpec } from '../core/spec/spec.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import type { Engine, EngineData } from '../engine/engine.ts';
import { Feeder, type FeederListener, layoutOf } from './feeder.ts';

/** Images on an engine and what brings them there, for as long as it is not released. */
export interface PooledData {
  readonly data: EngineData;
  readonly feeder: Feeder;
  release(): void;
}

interface Entry {
  readonly engine: Engine;
  readonly cifar: Cifar10;
  readonly key: string;
  readonly data: EngineData;
  readonly feeder: Feeder;
  readonly users: Set<FeederListener>;
}

/** Runs that use the same images on the same engine share them: one upload, one copy in memory. */
export class DataPool {
  #entries: Entry[] = [];

  /** Throws a sentence naming the key when the data set has too few images, an OutOfMemoryError when there is no room. */
  async open(engine: Engine, cifar: Cifar10, spec: DataSpec, listener: FeederListener): Promise<PooledData> {
    const entry = this.#find(engine, cifar, spec) ?? this.#make(engine, cifar, spec);
    entry.users.add(listener);
    const release = (): void => this.#release(entry, listener);
    try {
      await entry.data.allocated;
    } catch (error) {
      release();
      throw error;
    }
    const { data, feeder } = entry;
    if (feeder.loaded > 0) listener.onProgress(feeder.loaded, feeder.total);
    return { data, feeder, release };
  }

  #find(engine: Engine, cifar: Cifar10, spec: DataSpec): Entry | undefined {
    const key = keyOf(spec);
    // One that failed is tried anew.
    return this.#entries.find(
      (entry) => entry.engine === engine && entry.cifar === cifar && entry.key === key && !entry.feeder.failed,
    );
  }

  #make(engine: Engine, cifar: Cifar10, spec: DataSpec): Entry {
    const data = engine.openData(layoutOf(spec));
    const users = new Set<FeederListener>();
    try {
      const feeder = new Feeder(cifar, spec, data, {
        onProgress: (loaded, total) => users.forEach((user) => user.onProgress(loaded, total)),
        onFailure: (error) => users.forEach((user) => user.onFailure(error)),
      });
      const entry = { engine, cifar, key: keyOf(spec), data, feeder, users };
      this.#entries.push(entry);
      return entry;
    } catch (error) {
      data.dispose();
      throw error;
    }
  }

  #release(entry: Entry, listener: FeederListener): void {
    if (!entry.users.delete(listener) || entry.users.size > 0) return;
    this.#entries = this.#entries.filter((other) => other !== entry);
    entry.feeder.close();
    entry.data.dispose();
  }
}

const keyOf = ({ train, test, holdOut }: DataSpec): string => `${train} ${holdOut} ${test}`;
