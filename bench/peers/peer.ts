import type { Network, Structure } from '../../src/core/network/index.ts';
import type { Images } from '../job.ts';

export type EngineName = 'espalier' | 'tfjs-webgpu' | 'tfjs-webgl' | 'jax-js-webgpu' | 'convnetjs';

/** What every engine is asked to train: the same network, weights (`initialParameters(network, 1)`), images, update. */
export interface Task {
  readonly network: Network;
  readonly batch: number;
  readonly images: Images;
  /** Dawn's in Node; the browser's own when undefined. */
  readonly gpu: GPU | undefined;
  /** Other than dense: our engine only. */
  readonly structure?: Structure;
}

export interface Peer {
  readonly adapter: string;
  /** One step of training, to the end of its work on the adapter; gives the mean cross-entropy before the update. */
  step(): Promise<number>;
  /** Resolves when nothing goes on behind the steps. */
  settled?(): Promise<void>;
}

/** SGD with momentum, no weight decay. */
export const LEARNING_RATE = 0.05;
export const MOMENTUM = 0.9;
/** Seed of the weights all engines start from. */
export const SEED = 1;

/** Opens an engine. Each lies in a chunk of its own, so a peer that is not installed fails alone. */
export async function openPeer(engine: EngineName, task: Task): Promise<Peer> {
  switch (engine) {
    case 'espalier':
      return (await import('./espalier.ts')).openEspalier(task);
    case 'tfjs-webgpu':
      return (await import('./tfjs.ts')).openTfjs(task, 'webgpu');
    case 'tfjs-webgl':
      return (await import('./tfjs.ts')).openTfjs(task, 'webgl');
    case 'jax-js-webgpu':
      return (await import('./jax-js.ts')).openJax(task);
    case 'convnetjs':
      return (await import('./convnetjs.ts')).openConvNet(task);
  }
}
