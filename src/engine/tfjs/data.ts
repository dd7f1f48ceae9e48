import type { DataLayout, EngineData, Split } from '../engine.ts';

const IMAGE_BYTES = 3_072;

/** The data set on the host. */
export class HostData implements EngineData {
  readonly #splits: Readonly<Record<Split, { pixels: Uint8Array; labels: Uint8Array; loaded: Uint8Array }>>;

  constructor(readonly layout: DataLayout) {
    const room = (images: number) => ({
      pixels: new Uint8Array(images * IMAGE_BYTES),
      labels: new Uint8Array(images),
      loaded: new Uint8Array(images),
    });
    this.#splits = { train: room(layout.train), holdOut: room(layout.holdOut), test: room(layout.test) };
  }

  write(split: Split, first: number, pixels: Uint8Array, labels: Uint8Array): void {
    const { pixels: all, labels: allLabels, loaded } = this.#splits[split];
    if (pixels.length !== labels.length * IMAGE_BYTES || first + labels.length > this.layout[split]) {
      throw new Error(
        `images ${first} to ${first + labels.length} do not fit the ${this.layout[split]} of split "${split}"`,
      );
    }
    all.set(pixels, first * IMAGE_BYTES);
    allLabels.set(labels, first);
    loaded.fill(1, first, first + labels.length);
  }

  /** Bytes of all images, and the labels of some. Throws a sentence when one of them was not written yet. */
  select(split: Split, indices: Uint32Array): { pixels: Uint8Array; labels: Int32Array } {
    const { pixels, labels, loaded } = this.#splits[split];
    const missing = indices.find((index) => loaded[index] !== 1);
    if (missing !== undefined) throw new Error(`image ${missing} of split "${split}" is needed before it was loaded`);
    return { pixels, labels: Int32Array.from(indices, (index) => labels[index] ?? 0) };
  }

  dispose(): void {}
}
