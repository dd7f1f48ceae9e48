import { join } from 'node:path';
import { dawn } from '../../../bin/dawn.ts';
import type { Network } from '../../../src/core/network/index.ts';
import { parseSpec } from '../../../src/core/spec/parse.ts';
import { type Cifar10, openCifar10 } from '../../../src/data/cifar10.ts';
import { fileSource } from '../../../src/data/file-source.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { openTfjsEngine } from '../../../src/engine/tfjs/index.ts';
import { requestDevice } from '../../../src/engine/webgpu/device.ts';
import { WebGpuEngine } from '../../../src/engine/webgpu/index.ts';
import type { Preparing } from '../../../src/lab/errand.ts';
import { ScoringPreparation } from '../../../src/lab/preparation.ts';
import { rememberShards } from '../../../src/lab/shard-memory.ts';
import { SCHEMES } from '../../../src/schemes/index.ts';

/** For tests: a scheme's gradients before the first step, on real engines and real images, without a run. */

export const cifar = rememberShards(await openCifar10(fileSource(join(import.meta.dirname, '../../../public/data'))));

export const tfjs = (): Promise<Engine> => openTfjsEngine({ backend: 'cpu' });

/** Our engine on Dawn in Node; null where there is no adapter. */
export async function webgpu(): Promise<Engine | null> {
  try {
    return new WebGpuEngine(await requestDevice(await dawn()));
  } catch {
    return null;
  }
}

const parsed = parseSpec(
  {
    version: 1,
    model: { id: 'convnet-micro' },
    scheme: { id: 'dense' },
    data: { train: 1_000, test: 10, holdOut: 10 },
  },
  SCHEMES,
);
if (!parsed.ok) throw new Error(parsed.problems[0]?.message);
export const spec = parsed.spec;

export const ALONE: Preparing = {
  turn: (work) => work(),
  closing: new Promise(() => undefined),
  onProgress: () => undefined,
};

/** The preparation of any network on an engine. */
export function preparationOn(
  engine: Engine,
  network: Network,
  { images = cifar, ...preparing }: Partial<Preparing> & { readonly images?: Cifar10 } = {},
): ScoringPreparation {
  const data = engine.openData({ train: 990, holdOut: 10, test: 10 });
  return new ScoringPreparation(spec, network, { engine, data, cifar: images, ...ALONE, ...preparing });
}

/** Fully connected layers with ReLUs between them, behind the mean of the image: three inputs. */
export function perceptron(...units: readonly number[]): Network {
  const nodes: Network['nodes'][number][] = [
    { id: 'input', op: 'input', shape: [32, 32, 3] },
    { id: 'mean', op: 'globalAvgPool', input: 'input' },
  ];
  units.forEach((count, i) => {
    const input = nodes.at(-1)?.id ?? '';
    nodes.push({ id: `fc${i + 1}`, op: 'dense', input, units: count });
    if (i < units.length - 1) nodes.push({ id: `fc${i + 1}.relu`, op: 'relu', input: `fc${i + 1}` });
  });
  return { id: 'perceptron', nodes };
}
