import type { InferenceSession } from 'onnxruntime-web';
import { expect } from 'vitest';
import {
  type Network,
  type Structure,
  type TapPattern,
  type Tensors,
  compact,
  forEachKept,
  groupsOf,
  inputsOf,
  shapesOf,
} from '../core/network/index.ts';
import { type Quantiser, fitQuantiser, quantise } from '../core/quantise/index.ts';
import { noise, openTrainer, startOf } from '../engine/tfjs/testing.ts';
import type { Activation } from '../engine/engine.ts';
import type { Exported, ExportedFile } from './format.ts';
import { exportOnnx, exportTfjs } from './index.ts';
import type { ExportSource } from './model.ts';

export const TOLERANCE = 1e-4;
const CLASSES = 10;

/** Width multipliers that keep every layer of the zoo and make the arithmetic cheap. */
export const NARROW: Readonly<Record<string, number>> = {
  'convnet-micro': 0.5,
  plain5: 0.25,
  'vgg-small': 0.125,
  'cnn-small': 0.06,
  resnet20: 0.25,
  resnet56: 0.125,
  'mobilenetv2-cifar': 0.125,
};

/**
 * How startOf's batch norms are changed so that rounding does not grow from layer to layer, as it does in deep networks of
 * random weights: before an addition the scale becomes about a third; before a ReLU6, where it is 6, it becomes 1.5 around
 * a shift of 3, so that most values lie between the two bends and some beyond each.
 */
const SCALE_BEFORE_ADD = 1 / 3;
const SCALE_BEFORE_RELU6 = 1 / 4;
const SHIFT_BEFORE_RELU6 = 3;

/** One fraction of each group's channels, at least one, drawn anew for each seed; where asked, strided taps too. */
export function randomStructure(network: Network, seed: number, strided: boolean): Structure {
  const shapes = shapesOf(network);
  let place = 0;
  const draw = (): number => noise(1_000 + seed, place++);
  const channels = groupsOf(network).map(({ id, channels: count, cuttable }) => {
    const all = Array.from({ length: count }, (_, channel) => channel);
    if (!cuttable) return [id, all] as const;
    const keep = 0.3 + 0.6 * draw();
    const kept = all.filter(() => draw() < keep);
    return [id, kept.length > 0 ? kept : [Math.floor(draw() * count)]] as const;
  });
  const taps = network.nodes.flatMap((node): [string, TapPattern][] => {
    if (!strided || node.op !== 'conv' || node.kernel === 1 || draw() < 0.2) return [];
    const stride = 2 + Math.floor(3 * draw());
    const inputs = shapes.get(node.input)?.[2] ?? 0;
    return [[node.id, { stride, offsets: Array.from({ length: inputs }, () => Math.floor(draw() * stride)) }]];
  });
  return { channels: Object.fromEntries(channels), ...(strided ? { taps: Object.fromEntries(taps) } : {}) };
}

/** Quantisers of 4 bits for all kernels of convolutions that are not depthwise. */
export function quantisersOf(network: Network, tensors: Tensors): ReadonlyMap<string, Quantiser> {
  return new Map(
    network.nodes.flatMap(({ id, op }) => {
      const kernel = op === 'conv' ? tensors.get(`${id}/kernel`) : undefined;
      return kernel ? [[`${id}/kernel`, fitQuantiser(kernel, 4)] as const] : [];
    }),
  );
}

/** Images of blobs and noise, 3,072 bytes each. */
export const imagesOf = (count: number): Uint8Array =>
  Uint8Array.from({ length: count * 3_072 }, (_, i) => {
    const [image, x, y] = [Math.floor(i / 3_072), Math.floor(i / 3) % 32, Math.floor(i / 96) % 32];
    const blob = 90 * Math.sin((x * (1 + (image % 3))) / 5 + image) * Math.cos((y + image * 7) / 6 + (i % 3));
    return Math.max(0, Math.min(255, Math.round(128 + blob + 60 * (noise(2, i) - 0.5))));
  });

export interface Case {
  readonly source: ExportSource;
  readonly pixels: Uint8Array;
  /** What the lab's own tfjs forward gives for the pixels. */
  readonly logits: Float32Array;
}

export interface MeasuredNetwork {
  /** The case of a structure. */
  readonly at: (structure: Structure, options?: { pixels?: Uint8Array; quantised?: boolean }) => Promise<Case>;
  readonly dispose: () => void;
}

/**
 * A network whose running statistics are, at each structure, those of two images, so that activations are of the size that
 * they have in a run.
 */
export async function measured(network: Network): Promise<MeasuredNetwork> {
  const readers = new Map(network.nodes.flatMap((node) => inputsOf(node).map((input) => [input, node.op] as const)));
  const start = new Map(
    [...startOf(network)].map(([name, values]) => {
      const [node = '', role] = name.split('/');
      const reader = readers.get(node);
      if (role === 'gamma' && reader === 'add') return [name, values.map((value) => value * SCALE_BEFORE_ADD)];
      if (role === 'gamma' && reader === 'relu6') return [name, values.map((value) => value * SCALE_BEFORE_RELU6)];
      if (role === 'beta' && reader === 'relu6') return [name, values.map((value) => value + SHIFT_BEFORE_RELU6)];
      return [name, values];
    }),
  );
  const trainer = await openTrainer(network, { parameters: start });
  const norms = network.nodes.filter((node) => node.op === 'batchNorm');
  /** Full-size tensors with the statistics of the network that the trainer runs. */
  const withStatistics = async (structure: Structure): Promise<Tensors> => {
    const outputs = await trainer.activations({
      inputs: { pixels: imagesOf(2), labels: new Uint8Array(2) },
      nodes: norms.map(({ input }) => input),
      batchNorm: 'batch',
    });
    const fresh = new Map<string, Float32Array>(
      norms.flatMap(({ id, input }) =>
        Object.entries(statistics(outputs.get(input))).map(([role, values]) => [`${id}/${role}`, values] as const),
      ),
    );
    const tensors = new Map(start);
    for (const gather of compact(network, structure).gathers) {
      const { name } = gather.full;
      const values = fresh.get(name);
      const full = Float32Array.from(start.get(name) ?? []);
      if (values) forEachKept(gather, (small, large) => (full[large] = values[small] ?? 0));
      tensors.set(name, full);
    }
    return tensors;
  };
  return {
    dispose: () => trainer.dispose(),
    async at(structure, { pixels = imagesOf(2), quantised = false } = {}) {
      const quantisers = quantised ? quantisersOf(network, start) : new Map<string, Quantiser>();
      await trainer.restructure(structure);
      await trainer.setRules(new Map([...quantisers].map(([name, quantiser]) => [name, { quantiser }])));
      const tensors = await withStatistics(structure);
      await trainer.write(tensors);
      return { source: { network, structure, tensors, quantisers }, pixels, logits: await trainer.predict(pixels) };
    },
  };
}

/** Mean and biased variance of each channel. */
function statistics(activation: Activation | undefined): { mean: Float32Array; variance: Float32Array } {
  if (!activation) throw new Error('no such activation');
  const { values, shape } = activation;
  const [, , , channels] = shape;
  const mean = new Float32Array(channels);
  const variance = new Float32Array(channels);
  const share = channels / values.length;
  values.forEach((value, i) => (mean[i % channels] = (mean[i % channels] ?? 0) + value * share));
  values.forEach((value, i) => {
    variance[i % channels] = (variance[i % channels] ?? 0) + (value - (mean[i % channels] ?? 0)) ** 2 * share;
  });
  return { mean, variance };
}

/** Pixels as every exported network takes them: RGB in 0 to 1. */
export const scaled = (pixels: Uint8Array): Float32Array => Float32Array.from(pixels, (byte) => byte / 255);

export function fileOf({ files }: Exported, name: string): ExportedFile['bytes'] {
  const file = files.find((candidate) => candidate.name === name);
  if (!file) throw new Error(`no ${name} among ${files.map((each) => each.name).join(', ')}`);
  return file.bytes;
}

/** Images that a runtime is given at once: a thousand would take gigabytes. */
const IMAGES_A_CALL = 50;

async function inParts(pixels: Uint8Array, logitsOf: (part: Uint8Array) => Promise<Float32Array>) {
  const parts: number[] = [];
  for (let first = 0; first < pixels.length; first += IMAGES_A_CALL * 3_072) {
    parts.push(...(await logitsOf(pixels.subarray(first, first + IMAGES_A_CALL * 3_072))));
  }
  return Float32Array.from(parts);
}

/** Logits by stock tfjs' layers API, of a model loaded from memory; its wasm backend is some twenty times as fast. */
export async function tfjsLogits(
  exported: Exported,
  pixels: Uint8Array,
  backend: 'cpu' | 'wasm' = 'cpu',
): Promise<Float32Array> {
  const tf = await import('@tensorflow/tfjs');
  if (backend === 'wasm') await import('@tensorflow/tfjs-backend-wasm');
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no ${backend} backend here`);
  const model = await tf.loadLayersModel(await memoryModel(exported));
  try {
    return await inParts(pixels, async (part) => {
      const output = tf.tidy(() => model.predict(tf.tensor4d(scaled(part), [part.length / 3_072, 32, 32, 3])));
      if (Array.isArray(output)) throw new Error('one output expected');
      const values = Float32Array.from(await output.data());
      output.dispose();
      return values;
    });
  } finally {
    model.dispose();
  }
}

/** What tf.loadLayersModel takes, of files in memory. */
export async function memoryModel(exported: Exported) {
  const tf = await import('@tensorflow/tfjs');
  const json = JSON.parse(new TextDecoder().decode(fileOf(exported, 'model.json')));
  return tf.io.fromMemory({
    ...json,
    weightSpecs: json.weightsManifest[0].weights,
    weightData: fileOf(exported, 'weights.bin').buffer,
  });
}

/** Opens an ONNX file in onnxruntime-web (WebAssembly, one thread). */
export async function openOnnx(exported: Exported): Promise<InferenceSession> {
  const ort = await import('onnxruntime-web');
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const [file] = exported.files;
  if (!file) throw new Error('no file');
  return ort.InferenceSession.create(file.bytes, { executionProviders: ['wasm'] });
}

export async function onnxLogits(exported: Exported, pixels: Uint8Array): Promise<Float32Array> {
  const { Tensor } = await import('onnxruntime-web');
  const session = await openOnnx(exported);
  try {
    return await inParts(pixels, async (part) => {
      const feed = new Tensor('float32', scaled(part), [part.length / 3_072, 32, 32, 3]);
      const { logits } = await session.run({ images: feed });
      return Float32Array.from(logits?.data as Float32Array);
    });
  } finally {
    await session.release();
  }
}

/**
 * Largest difference, and how far the logits of some image are from the first one's: a test on images that all give the
 * same proves nothing.
 */
export function compare(actual: Float32Array, expected: Float32Array): { error: number; spread: number } {
  if (actual.length !== expected.length) return { error: Infinity, spread: 0 };
  const farthest = (from: (i: number) => number): number =>
    expected.reduce((most, value, i) => {
      const distance = Math.abs(value - from(i));
      return Number.isNaN(distance) ? Infinity : Math.max(most, distance);
    }, 0);
  return { error: farthest((i) => actual[i] ?? NaN), spread: farthest((i) => expected[i % CLASSES] ?? NaN) };
}

/** Largest differences of both formats, by their own runtimes, from the lab's forward: those of tfjs and of ONNX Runtime. */
export async function expectRoundTrip(
  { source, pixels, logits }: Case,
  backend: 'cpu' | 'wasm' = 'cpu',
): Promise<readonly [number, number]> {
  const errors = [
    await tfjsLogits(exportTfjs(source), pixels, backend),
    await onnxLogits(exportOnnx(source), pixels),
  ].map((actual) => {
    const { error, spread } = compare(actual, logits);
    expect(error).toBeLessThan(TOLERANCE);
    // The logits of two images differ by far more than what is tolerated.
    expect(spread).toBeGreaterThan(100 * TOLERANCE);
    return error;
  });
  return [errors[0] ?? NaN, errors[1] ?? NaN];
}

export interface SafeTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Reads a safetensors file by its specification (huggingface.co/docs/safetensors), and checks what that demands. */
export function readSafetensors(bytes: Uint8Array): {
  tensors: ReadonlyMap<string, SafeTensor>;
  metadata: Readonly<Record<string, string>>;
} {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const { __metadata__: metadata, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const start = 8 + length;
  let end = 0;
  const tensors = new Map<string, SafeTensor>();
  const ordered = Object.entries(
    entries as Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>,
  ).sort(([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0]);
  for (const [name, { dtype, shape, data_offsets: offsets }] of ordered) {
    const size = shape.reduce((a, b) => a * b, 4);
    if (offsets[0] !== end || offsets[1] - offsets[0] !== size) throw new Error(`"${name}" leaves a hole or overlaps`);
    [, end] = offsets;
    const values = Float32Array.from({ length: size / 4 }, (_, i) => view.getFloat32(start + offsets[0] + 4 * i, true));
    tensors.set(name, { dtype, shape, values });
  }
  if (start + end !== bytes.length) throw new Error('bytes behind the last tensor');
  if (start % 8 !== 0) throw new Error('tensors do not start at a multiple of 8');
  return { tensors, metadata };
}

/** The tensor quantised as the lab's rule says, where there is one. */
export const applied = (source: ExportSource, name: string, value: number): number => {
  const quantiser = source.quantisers?.get(name);
  return Math.fround(quantiser ? quantise(value, quantiser) : value);
};
