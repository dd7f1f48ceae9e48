import { type Network, type Structure, type Tensors, checkStructure, inputsOf } from '../../core/network/index.ts';
import type { DataLayout, Engine, EngineData, EngineInfo, Trainer, TrainerOptions } from '../engine.ts';
import { cannotStore } from '../inputs.ts';
import { GpuData } from './data.ts';
import { type Device, requestDevice } from './device.ts';
import { allocated } from './faults.ts';
import { KernelSet, KernelSets, type LayerKind } from './kernel-set.ts';
import { Pipelines } from './pipelines.ts';
import { SharedMemory } from './shared-memory.ts';
import { GpuTrainer } from './trainer.ts';
import { cacheKey, rememberChoices, rememberedChoices } from './tuner-cache.ts';
import { candidatesOf, tune } from './tuner.ts';
import { type Tuning, canStore, defaultTuning, runsOn } from './tuning.ts';

export interface WebGpuOptions {
  /** Where to ask for an adapter; default `navigator.gpu`. In Node: Dawn's. */
  readonly gpu?: GPU;
  /** A device that is already there (tests share one with tfjs). */
  readonly device?: Device;
  /** Tile sizes other than the adapter's; nothing is measured then. */
  readonly tuning?: Partial<Tuning>;
  /**
   * Where tile sizes come from. `cached` (default): what was measured on this adapter before; where nothing was, a GPU is
   * measured now (2 s at most), a software adapter takes its defaults, since candidates compile slowly there. `measure`:
   * measured now in any case, and remembered. `never`: the defaults.
   */
  readonly tune?: 'cached' | 'measure' | 'never';
}

/** Opens the engine of our own kernels. Throws a sentence when there is no WebGPU adapter. */
export async function openWebGpuEngine(options: WebGpuOptions = {}): Promise<WebGpuEngine> {
  const device = options.device ?? (await requestDevice(options.gpu));
  const pipelines = new Pipelines(device.device);
  if (options.tuning) return new WebGpuEngine(device, options.tuning, pipelines);
  return new WebGpuEngine(device, await tuned(device, pipelines, options.tune ?? 'cached'), pipelines);
}

async function tuned(device: Device, pipelines: Pipelines, mode: 'cached' | 'measure' | 'never'): Promise<Tuning> {
  const defaults = defaultTuning(device);
  if (mode === 'never') return defaults;
  const key = cacheKey(device);
  if (mode === 'cached') {
    const choices = await rememberedChoices(key, candidatesOf(device.software, defaults));
    if (choices) return { ...defaults, ...choices };
    if (device.software) return defaults;
  }
  const { tuning, measured } = await tune(device, pipelines, defaults);
  if (measured.length > 0) await rememberChoices(key, tuning);
  return tuning;
}

export class WebGpuEngine implements Engine {
  readonly info: EngineInfo;
  readonly lost: Promise<string>;
  readonly #kernelSets: KernelSets;
  /** What the trainers compute in, one at a time. */
  readonly #shared: SharedMemory;
  readonly #trainers = new Set<GpuTrainer>();
  readonly #data = new Set<GpuData>();

  /** `tuning`: what is not as the adapter's defaults. */
  constructor(
    readonly device: Device,
    tuning: Partial<Tuning> = {},
    readonly pipelines: Pipelines = new Pipelines(device.device),
  ) {
    this.lost = device.lost;
    this.#shared = new SharedMemory(device.device);
    const own = new KernelSet({ ...defaultTuning(device), ...tuning });
    this.#kernelSets = new KernelSets(own, (other) => runsOn(other, device));
    this.info = {
      backend: 'webgpu',
      adapter: device.adapter,
      features: device.features,
      variants: own.variants,
    };
  }

  /** The kernels that trainers start with; a restored checkpoint may bring others. */
  get kernels(): KernelSet {
    return this.#kernelSets.own;
  }

  openData(layout: DataLayout): EngineData {
    const data = new GpuData(this.device.device, layout, (disposed) => this.#data.delete(disposed));
    this.#data.add(data);
    return data;
  }

  get bytes(): number {
    const own = [...this.#trainers].map(({ ownBytes }) => ownBytes);
    const data = [...this.#data].map(({ bytes }) => bytes);
    return [...own, ...data].reduce((sum, bytes) => sum + bytes, this.#shared.bytes);
  }

  async open(network: Network, structure: Structure, parameters: Tensors, options: TrainerOptions): Promise<Trainer> {
    checkStructure(network, structure);
    const { data, storage = 'f32' } = options;
    if (storage !== 'f32' && !canStore(this.device, storage)) throw cannotStore(storage, this.info.adapter);
    if (!(data instanceof GpuData)) throw new Error('this data set was opened on another engine');
    const kinds = layerKinds(network);
    const shared = this.#shared;
    const own = { ...options, data, storage, shared, onDispose: (gone: GpuTrainer) => this.#trainers.delete(gone) };
    const make = () => new GpuTrainer(this.pipelines, this.#kernelSets, network, structure, parameters, own, kinds);
    // In turn: nobody shares a buffer before it is known to be there.
    const trainer = await shared.inTurn(() => allocated(this.device.device, make, (made) => made.dispose()));
    this.#trainers.add(trainer);
    try {
      await trainer.ready();
      return trainer;
    } catch (error) {
      trainer.dispose();
      throw error;
    }
  }

  dispose(): void {
    this.device.dispose();
  }
}

/** Which kinds of layer a network has. */
function layerKinds(network: Network): ReadonlySet<LayerKind> {
  const read = network.nodes.flatMap((node) => inputsOf(node));
  const branches = read.some((node, index) => node !== 'input' && read.indexOf(node) < index);
  return new Set<LayerKind>([
    ...(branches ? (['branches'] as const) : []),
    ...network.nodes.flatMap((node): LayerKind[] => {
      switch (node.op) {
        case 'conv':
          if (node.kernel !== 3 || node.stride > 2) return ['rows'];
          return [node.stride === 1 ? '3x3' : '3x3 strided'];
        case 'depthwiseConv':
          // The input gradient at stride 1 is a forward pass at stride 1.
          return node.stride === 1 ? ['depthwise'] : ['depthwise', 'depthwise strided'];
        case 'dense':
          return ['rows'];
        case 'avgPool':
        case 'gate':
        case 'add':
          return [node.op];
        default:
          return [];
      }
    }),
  ]);
}
