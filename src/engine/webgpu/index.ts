import { type Network, type Structure, type Tensors, checkStructure } from '../../core/network/index.ts';
import type { DataLayout, Engine, EngineData, EngineInfo, Trainer, TrainerOptions } from '../engine.ts';
import { GpuData } from './data.ts';
import { type Device, requestDevice } from './device.ts';
import { allocated } from './faults.ts';
import { KernelSet, type LayerKind, type Tuning, defaultTuning } from './kernel-set.ts';
import { Pipelines } from './pipelines.ts';
import { GpuTrainer } from './trainer.ts';

export interface WebGpuOptions {
  /** Where to ask for an adapter; default `navigator.gpu`. In Node: Dawn's. */
  readonly gpu?: GPU;
  /** A device that is already there (tests share one with tfjs). */
  readonly device?: Device;
  /** Tile sizes other than the adapter's defaults. */
  readonly tuning?: Partial<Tuning>;
}

/** Opens the engine of our own kernels. Throws a sentence when there is no WebGPU adapter. */
export async function openWebGpuEngine(options: WebGpuOptions = {}): Promise<WebGpuEngine> {
  const device = options.device ?? (await requestDevice(options.gpu));
  return new WebGpuEngine(device, options.tuning);
}

export class WebGpuEngine implements Engine {
  readonly info: EngineInfo;
  readonly lost: Promise<string>;
  readonly pipelines: Pipelines;
  readonly kernels: KernelSet;

  constructor(
    readonly device: Device,
    tuning: Partial<Tuning> = {},
  ) {
    this.info = { backend: 'webgpu', adapter: device.adapter, features: device.features };
    this.lost = device.lost;
    this.pipelines = new Pipelines(device.device);
    const quads = device.features.includes('subgroups');
    this.kernels = new KernelSet({ ...defaultTuning(device.software, quads), ...tuning });
  }

  openData(layout: DataLayout): EngineData {
    return new GpuData(this.device.device, layout);
  }

  async open(network: Network, structure: Structure, parameters: Tensors, options: TrainerOptions): Promise<Trainer> {
    checkStructure(network, structure);
    const { data } = options;
    if (!(data instanceof GpuData)) throw new Error('this data set was opened on another engine');
    const later = this.kernels.all(layerKinds(network));
    const make = () =>
      new GpuTrainer(this.pipelines, this.kernels, network, structure, parameters, { ...options, data }, later);
    const trainer = await allocated(this.device.device, make, (made) => made.dispose());
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
  return new Set(
    network.nodes.flatMap((node): LayerKind[] => {
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
        case 'maxPool':
        case 'gate':
          return [node.op];
        default:
          return [];
      }
    }),
  );
}
