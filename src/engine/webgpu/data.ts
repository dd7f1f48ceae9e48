import type { DataLayout, EngineData, Split } from '../engine.ts';
import { storageBuffer } from './buffers.ts';
import { scoped } from './faults.ts';

const IMAGE_BYTES = 3_072;
const SPLITS: readonly Split[] = ['train', 'holdOut', 'test'];

interface SplitBuffers {
  /** Image bytes, HWC, four to a u32. */
  readonly pixels: GPUBuffer;
  /** One u32 an image. */
  readonly labels: GPUBuffer;
  readonly loaded: Uint8Array;
}

/** The data set as bytes on the GPU. */
export class GpuData implements EngineData {
  readonly #splits: ReadonlyMap<Split, SplitBuffers>;
  readonly bytes: number;
  readonly allocated: Promise<void>;

  constructor(
    readonly device: GPUDevice,
    readonly layout: DataLayout,
    readonly onDispose?: (data: GpuData) => void,
  ) {
    const { made, fault } = scoped(device, () => this.#allocate());
    this.#splits = made;
    this.bytes = [...made.values()].reduce((sum, { pixels, labels }) => sum + pixels.size + labels.size, 0);
    this.allocated = fault.then((error) => {
      if (error) throw error;
    });
    // Whoever opens a trainer on the data is told.
    this.allocated.catch(() => undefined);
  }

  #allocate(): ReadonlyMap<Split, SplitBuffers> {
    const { device, layout } = this;
    return new Map(
      SPLITS.map((split) => {
        const images = layout[split];
        return [
          split,
          {
            pixels: storageBuffer(device, `${split} images`, images * IMAGE_BYTES),
            labels: storageBuffer(device, `${split} labels`, images * 4),
            loaded: new Uint8Array(images),
          },
        ] as const;
      }),
    );
  }

  buffers(split: Split): SplitBuffers {
    const buffers = this.#splits.get(split);
    if (!buffers) throw new Error(`there is no split called "${split}"`);
    return buffers;
  }

  write(split: Split, first: number, pixels: Uint8Array, labels: Uint8Array): void {
    const buffers = this.buffers(split);
    if (pixels.length !== labels.length * IMAGE_BYTES || first + labels.length > this.layout[split]) {
      throw new Error(
        `images ${first} to ${first + labels.length} do not fit the ${this.layout[split]} of split "${split}"`,
      );
    }
    this.device.queue.writeBuffer(buffers.pixels, first * IMAGE_BYTES, pixels.slice());
    this.device.queue.writeBuffer(buffers.labels, first * 4, Uint32Array.from(labels));
    buffers.loaded.fill(1, first, first + labels.length);
  }

  /** Throws a sentence when an image that is about to be used has not been written. */
  requireLoaded(split: Split, indices: Uint32Array): void {
    const { loaded } = this.buffers(split);
    const missing = indices.find((index) => loaded[index] !== 1);
    if (missing !== undefined) throw new Error(`image ${missing} of split "${split}" is needed before it was loaded`);
  }

  dispose(): void {
    for (const { pixels, labels } of this.#splits.values()) {
      pixels.destroy();
      labels.destroy();
    }
    this.onDispose?.(this);
  }
}
