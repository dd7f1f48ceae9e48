import {
  type Network,
  type Structure,
  buildNetwork,
  countNetwork,
  countStructure,
  denseStructure,
  groupsOf,
  initialParameters,
} from '../src/core/network/index.ts';
import { httpSource, openCifar10 } from '../src/data/cifar10.ts';
import { openWebGpuEngine } from '../src/engine/webgpu/index.ts';
import { openTfjsPeer } from './tfjs-peer.ts';

interface Job {
  readonly bench: 'train' | 'compact';
  readonly model: string;
  readonly engine: 'espalier' | 'tfjs-webgpu' | 'tfjs-webgl';
  readonly batch: number;
  readonly samples: number;
  /** Share of the MACs that is kept, by a uniform crop. */
  readonly share?: number;
}

/** One step of training on a batch of real images, timed to the end of its work on the adapter. */
export interface Peer {
  readonly adapter: string;
  step(): Promise<void>;
}

/** The first images of the data set: the same for every engine. */
async function images(count: number): Promise<{ pixels: Uint8Array; labels: Uint8Array }> {
  const cifar = await openCifar10(httpSource(new URL('/data/', location.href).href));
  const [shard] = cifar.manifest.shards;
  if (!shard) throw new Error('there is no data; run npm start once');
  const { pixels, labels } = await cifar.load(shard);
  return { pixels: pixels.slice(0, count * 3_072), labels: labels.slice(0, count) };
}

async function openEspalier(network: Network, structure: Structure, batch: number): Promise<Peer> {
  const engine = await openWebGpuEngine();
  const { pixels, labels } = await images(batch);
  const data = engine.openData({ train: batch, holdOut: 1, test: 1 });
  data.write('train', 0, pixels, labels);
  const indices = Uint32Array.from({ length: batch }, (_, i) => i);
  const trainer = await engine.open(network, structure, initialParameters(network, 1), {
    data,
    seed: 1,
    batchSize: batch,
    augment: { crop: false, flip: false },
    labelSmoothing: 0,
    batch: () => indices,
  });
  const hyper = { learningRate: 0.05, momentum: 0.9, nesterov: false, weightDecay: 0 };
  return {
    adapter: engine.info.adapter.description,
    async step() {
      await trainer.train(1, () => hyper);
    },
  };
}

/** The uniform crop whose MACs come closest to a share of the dense network's. */
function cropTo(network: Network, share: number): Structure {
  const dense = countNetwork(network).macs;
  const crops = Array.from({ length: 256 }, (_, i): Structure => {
    const keep = (i + 1) / 256;
    const channels = groupsOf(network).map((group) => {
      const kept = group.cuttable ? Math.max(1, Math.round(group.channels * keep)) : group.channels;
      return [group.id, Array.from({ length: kept }, (_, channel) => channel)] as const;
    });
    return { channels: Object.fromEntries(channels) };
  });
  const distance = (structure: Structure): number => Math.abs(countStructure(network, structure).macs / dense - share);
  return crops.reduce((best, crop) => (distance(crop) < distance(best) ? crop : best));
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

async function bench(job: Job) {
  const { model, engine, batch, samples } = job;
  const network = buildNetwork(model);
  const structure = job.share === undefined ? denseStructure(network) : cropTo(network, job.share);
  const peer =
    engine === 'espalier'
      ? await openEspalier(network, structure, batch)
      : await openTfjsPeer(network, batch, engine === 'tfjs-webgl' ? 'webgl' : 'webgpu', await images(batch));
  await peer.step();
  if (engine === 'espalier') await peer.step();
  const times: number[] = [];
  for (let i = 0; i < (engine === 'espalier' ? Math.max(samples, 5) : samples); i++) {
    const started = performance.now();
    await peer.step();
    times.push(performance.now() - started);
  }
  const milliseconds = median(times);
  return {
    bench: job.bench,
    model,
    engine,
    adapter: peer.adapter,
    batch,
    imagesPerSecond: (batch * 1_000) / milliseconds,
    milliseconds,
    n: times.length,
    macShare: countStructure(network, structure).macs / countNetwork(network).macs,
  };
}

declare global {
  interface Window {
    bench: typeof bench;
  }
}
window.bench = bench;
