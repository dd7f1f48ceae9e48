import { checkStructure } from '../../core/network/index.ts';
import type { Engine } from '../engine.ts';
import { type SharedDevice, type TfjsBackend, loadTfjs } from './backend.ts';
import { cannotStore } from '../inputs.ts';
import { HostData } from './data.ts';
import { TfjsTrainer } from './trainer.ts';

export interface TfjsOptions {
  readonly backend?: TfjsBackend;
  /** Shares a GPUDevice with our own engine (backend `webgpu`). */
  readonly shared?: SharedDevice;
}

/** Opens the engine of stock tfjs ops. Throws a sentence when no backend starts. */
export async function openTfjsEngine({ backend, shared }: TfjsOptions = {}): Promise<Engine> {
  const tf = await loadTfjs(backend, shared);
  const name = tf.getBackend();
  const adapter = {
    vendor: 'tensorflow.js',
    architecture: name,
    description: `TensorFlow.js ${tf.version_core}, ${name} backend`,
  };
  return {
    info: { backend: 'tfjs', adapter, features: [] },
    openData: (layout) => new HostData(layout),
    async open(network, structure, parameters, options) {
      checkStructure(network, structure);
      const { data, storage = 'f32' } = options;
      if (storage !== 'f32') throw cannotStore(storage, adapter);
      if (!(data instanceof HostData)) throw new Error('this data set was opened on another engine');
      return new TfjsTrainer(tf, network, structure, parameters, { ...options, data });
    },
    // A lost device is the sharing engine's to report; WebGL and the CPU are not lost for good.
    lost: new Promise(() => undefined),
    // Trainers share nothing here; what else holds tensors of this backend counts too.
    get bytes() {
      return tf.memory().numBytes;
    },
    dispose: () => undefined,
  };
}
