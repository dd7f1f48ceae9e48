import { type Network, type Tensors, crossingsOf, inputsOf, shapesOf } from '../../core/network/index.ts';
import type {
  Activation,
  ActivationRequest,
  GradientRequest,
  Gradients,
  ProbeInputs,
  TrainerOptions,
} from '../engine.ts';
import { countLabelled, unknownNode, unlabelled } from '../inputs.ts';
import { readBuffer, storageBuffer } from './buffers.ts';
import { GpuData } from './data.ts';
import { allocated } from './faults.ts';
import type { KernelSet } from './kernel-set.ts';
import { FACTOR_BYTES } from './kernels/rescale/kernel.ts';
import { type ArenaLayout, beforeFlatten, unpack } from './layout.ts';
import type { Pipelines } from './pipelines.ts';
import { type Arenas, Planner } from './plan/plan.ts';
import type { ProbeOptions } from './plan/probe-options.ts';
import type { SharedMemory } from './shared-memory.ts';
import { RESTING, type StepUniforms, type StepValues } from './step-uniforms.ts';
import type { Submitter } from './submitter.ts';

/** A running network, and what its trainer runs it with. */
export interface Probed {
  readonly pipelines: Pipelines;
  readonly kernels: KernelSet;
  readonly uniforms: StepUniforms;
  readonly submitter: Submitter;
  readonly options: TrainerOptions & { readonly data: GpuData; readonly shared: SharedMemory };
  readonly network: Network;
  readonly layout: ArenaLayout;
  readonly arenas: Arenas;
}

type StepRequest = GradientRequest & { readonly inputs: { readonly step: number } };

/** Whether the plan for training computes the gradient: only what stands in the step's uniform differs. */
export const fitsTraining = (request: GradientRequest): request is StepRequest =>
  request.inputs !== 'ones' &&
  'step' in request.inputs &&
  request.parameters !== 'absolute' &&
  request.batchNorm !== 'running' &&
  !request.rescale;

/** The loss of a request, as a step's uniform has it. */
export const lossOf = ({
  loss,
  logitDivisor = 1,
}: Omit<GradientRequest, 'inputs'>): Pick<StepValues, 'logitDivisor' | 'sumOfLogits'> => ({
  logitDivisor,
  sumOfLogits: loss === 'sumOfLogits',
});

/** Gradients as the request asks for, of the running network's tensors. Throws a sentence when they cannot be had. */
export async function computeGradients(probed: Probed, request: GradientRequest): Promise<Gradients> {
  const { inputs, loss, batchNorm, rescale, parameters } = request;
  if (inputs === 'ones' && loss !== 'sumOfLogits') throw unlabelled();
  const { network, layout, arenas, pipelines } = probed;
  const { device } = pipelines;
  const crossings = rescale ? crossingsOf(network) : [];
  const probe: ProbeOptions = {
    statistics: batchNorm ?? 'batch',
    keep: new Set(),
    // What is behind a flatten has the values of what is before it.
    rescale: [...new Set(crossings.map((id) => beforeFlatten(network, id)))],
  };
  const absolute = parameters === 'absolute' ? await absoluteArenas(probed) : null;
  try {
    return await withPass(
      { ...probed, arenas: absolute ?? arenas },
      inputs,
      probe,
      async ({ planner, images, run }) => {
        await run(lossOf(request), true);
        const [sum = NaN] = new Float32Array(await readBuffer(device, planner.metrics, 8));
        const slopes = new Float32Array(await readBuffer(device, planner.gradients, layout.trainedSize * 4));
        const tensors: Tensors = unpack(layout, slopes, 'trained');
        const log2Scale = await exponentsOf(device, planner, probe.rescale.length);
        return { loss: loss === 'sumOfLogits' ? sum : sum / images, tensors, log2Scale };
      },
    );
  } finally {
    absolute?.parameters.destroy();
    absolute?.running.destroy();
  }
}

/** Sum of the exponents by which a pass rescaled. */
async function exponentsOf(device: GPUDevice, { factors }: Planner, count: number): Promise<number> {
  if (!factors) return 0;
  const values = new Float32Array(await readBuffer(device, factors, count * FACTOR_BYTES));
  return values.reduce((sum, value, index) => (index % 4 === 2 ? sum + value : sum), 0);
}

/** The arenas with the absolute values of parameters and running statistics in buffers of their own. */
async function absoluteArenas({ arenas, layout, pipelines: { device } }: Probed): Promise<Arenas> {
  const sizes = [layout.trainedSize * 4, layout.runningSize * 4] as const;
  const values = await Promise.all([
    readBuffer(device, arenas.parameters, sizes[0]),
    readBuffer(device, arenas.running, sizes[1]),
  ]);
  const [parameters, running] = values.map((buffer) => new Float32Array(buffer).map(Math.abs));
  const absolute = await allocated(
    device,
    () => ({
      parameters: storageBuffer(device, 'absolute parameters', sizes[0]),
      running: storageBuffer(device, 'absolute running statistics', sizes[1]),
    }),
    (made) => [made.parameters, made.running].forEach((buffer) => buffer.destroy()),
  );
  device.queue.writeBuffer(absolute.parameters, 0, parameters ?? new Float32Array());
  device.queue.writeBuffer(absolute.running, 0, running ?? new Float32Array());
  return { ...arenas, ...absolute };
}

/** Outputs of the named nodes, and the loss's gradients there. Throws a sentence when they cannot be had. */
export async function readActivations(
  probed: Probed,
  { inputs, nodes, batchNorm, gradients = false }: ActivationRequest,
): Promise<ReadonlyMap<string, Activation>> {
  const { network } = probed;
  const ids = [...new Set(nodes)];
  const shapes = shapesOf(network);
  const unknown = ids.find((id) => !shapes.has(id));
  if (unknown !== undefined) throw unknownNode(network.id, unknown);
  if (gradients && inputs === 'ones') throw unlabelled();
  if (gradients) ids.forEach((id) => requireOwnGradient(network, id));
  const probe: ProbeOptions = {
    statistics: batchNorm ?? 'batch',
    keep: new Set(ids.map((id) => beforeFlatten(network, id))),
    rescale: [],
  };
  return withPass(probed, inputs, probe, async ({ planner, images, run }) => {
    await run({}, gradients);
    const activations = new Map<string, Activation>();
    for (const id of ids) {
      const source = beforeFlatten(network, id);
      const [height, width, channels] = shapes.get(id) ?? [0, 0, 0];
      const read = (binding: GPUBufferBinding): Promise<Float32Array> => readOutput(probed, source, images, binding);
      activations.set(id, {
        shape: [images, height, width, channels],
        values: await read(planner.activation(source)),
        gradient: gradients ? await read(planner.gradient(source)) : null,
      });
    }
    return activations;
  });
}

/** Flattens are read in the buffer of what they flatten, whose gradient other readers may add to. */
function requireOwnGradient(network: Network, id: string): void {
  const node = network.nodes.find((candidate) => candidate.id === id);
  if (node?.op !== 'flatten') return;
  const readers = network.nodes.filter((reader) => inputsOf(reader).includes(node.input));
  if (readers.length > 1) {
    throw new Error(`"${node.input}" is read by others than "${id}": this engine cannot tell their gradients apart`);
  }
  requireOwnGradient(network, node.input);
}

/** A node's values over a batch, without the padding of channels. */
async function readOutput(
  { network, layout, pipelines }: Probed,
  node: string,
  images: number,
  { buffer, offset = 0 }: GPUBufferBinding,
): Promise<Float32Array> {
  const [height, width, channels] = shapesOf(network).get(node) ?? [0, 0, 0];
  const { vectors, places } = layout.channels.of(node);
  const pixels = images * height * width;
  const padded = new Float32Array(await readBuffer(pipelines.device, buffer, pixels * vectors * 16, offset));
  const values = new Float32Array(pixels * channels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      values[pixel * channels + channel] = padded[pixel * vectors * 4 + (places?.[channel] ?? channel)] ?? NaN;
    }
  }
  return values;
}

/** A plan of the probe's own, ready to run on its batch. */
interface Pass {
  readonly planner: Planner;
  readonly images: number;
  /** Runs it forward and, if asked, `back`. */
  run(loss: Partial<StepValues>, back: boolean): Promise<void>;
}

/** Plans a pass over the inputs, lets it be used, and releases it. */
async function withPass<T>(
  probed: Probed,
  inputs: ProbeInputs,
  probe: ProbeOptions,
  use: (pass: Pass) => Promise<T>,
): Promise<T> {
  const { pipelines, kernels, uniforms, submitter, options, network, layout, arenas } = probed;
  const { device } = pipelines;
  const batch = openBatch(device, inputs, options);
  let planner: Planner | null = null;
  try {
    await batch.data.allocated;
    const { images, data } = batch;
    const planOptions = {
      full: network,
      batch: images,
      mode: 'train',
      arenas,
      data,
      shared: options.shared,
      probe,
    } as const;
    const made = await allocated(
      device,
      () => new Planner(pipelines, kernels, planOptions),
      (failed) => failed.dispose(),
    );
    planner = made;
    const plan = await made.plan(network, layout);
    const run = async (loss: Partial<StepValues>, back: boolean): Promise<void> => {
      const { indices } = batch;
      if (indices) device.queue.writeBuffer(made.indices, 0, indices.slice());
      else writeOnes(device, network, made);
      const { labelSmoothing } = options;
      const values = { ...RESTING, labelSmoothing, count: batch.images, ...batch.step, ...loss };
      const stepOffset = uniforms.write(0, values);
      const assemble = indices ? (plan.assemble.get('train') ?? []) : [];
      const dispatches = [...assemble, ...plan.forward, ...(back ? plan.backward : [])];
      await submitter.run([{ dispatches, stepOffset }]);
    };
    return await use({ planner: made, images: batch.images, run });
  } finally {
    planner?.dispose();
    if (batch.data !== options.data) batch.data.dispose();
  }
}

/** What a probe runs on. */
interface ProbeBatch {
  readonly images: number;
  /** Holds the images in its `train` split. */
  readonly data: GpuData;
  /** Places of the images in the data; null for an image of ones. */
  readonly indices: Uint32Array | null;
  /** How they are augmented. */
  readonly step: Partial<StepValues>;
}

/** The batch that a request names; given images are put into a data set of their own. */
function openBatch(device: GPUDevice, inputs: ProbeInputs, options: Probed['options']): ProbeBatch {
  const { data, seed, augment } = options;
  if (inputs === 'ones') return { images: 1, data, indices: null, step: {} };
  if ('pixels' in inputs) {
    const images = countLabelled(inputs);
    const own = new GpuData(device, { train: images, holdOut: 1, test: 1 });
    own.write('train', 0, inputs.pixels, inputs.labels);
    return { images, data: own, indices: Uint32Array.from({ length: images }, (_, i) => i), step: {} };
  }
  const indices = options.batch(inputs.step);
  data.requireLoaded('train', indices);
  return { images: indices.length, data, indices, step: { seed, augment, step: inputs.step } };
}

/** Fills the input of a batch of one image with ones, but for the padding of its channels. */
function writeOnes(device: GPUDevice, network: Network, planner: Planner): void {
  const input = network.nodes[0]?.id ?? '';
  const [height, width, channels] = shapesOf(network).get(input) ?? [0, 0, 0];
  const { buffer, offset = 0 } = planner.activation(input);
  const padded = Math.ceil(channels / 4) * 4;
  const values = Float32Array.from({ length: height * width * padded }, (_, i) => Number(i % padded < channels));
  device.queue.writeBuffer(buffer, offset, values);
}
