import { denseStructure, initialParameters } from '../../src/core/network/index.ts';
import type { Trainer } from '../../src/engine/engine.ts';
import { type WebGpuEngine, openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import { LEARNING_RATE, MOMENTUM, type Peer, SEED, type Task } from './peer.ts';

export interface Espalier extends Peer {
  settled(): Promise<void>;
  readonly engine: WebGpuEngine;
  readonly trainer: Trainer;
}

/** Our engine, with the variants it chooses itself. `prepare` sees the engine before anything is compiled. */
export async function openEspalier(task: Task, prepare?: (engine: WebGpuEngine) => void): Promise<Espalier> {
  const { network, batch, images, gpu, structure = denseStructure(network) } = task;
  const engine = await openWebGpuEngine(gpu ? { gpu } : {});
  prepare?.(engine);
  const data = engine.openData({ train: batch, holdOut: 1, test: 1 });
  data.write('train', 0, images.pixels, images.labels);
  const indices = Uint32Array.from({ length: batch }, (_, i) => i);
  const trainer = await engine.open(network, structure, initialParameters(network, SEED), {
    data,
    seed: 1,
    batchSize: batch,
    augment: { crop: false, flip: false },
    labelSmoothing: 0,
    batch: () => indices,
  });
  const hyper = { learningRate: LEARNING_RATE, momentum: MOMENTUM, nesterov: false, weightDecay: 0 };
  return {
    engine,
    trainer,
    adapter: engine.info.adapter.description,
    settled: () => engine.pipelines.settled(),
    async step() {
      // The metrics are read back, so the step has ended when they are there.
      const { loss } = await trainer.train(1, () => hyper);
      return loss[0] ?? NaN;
    },
  };
}
