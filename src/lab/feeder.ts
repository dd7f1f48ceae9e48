import type { DataSpec } from '../core/spec/spec.ts';
import type { Cifar10, DecodedShard, ShardRecord } from '../data/cifar10.ts';
import type { DataLayout, EngineData, Split } from '../engine/engine.ts';

const IMAGE_BYTES = 3_072;

/** Splits of a data spec: the last `holdOut` of the first `train` training images are held out. */
export const layoutOf = ({ train, test, holdOut }: DataSpec): DataLayout => ({ train: train - holdOut, holdOut, test });

/** A shard that a run uses, with the indices (within its file split) of its images in use. */
interface Piece {
  readonly shard: ShardRecord;
  readonly first: number;
  readonly end: number;
  loaded: boolean;
}

interface Waiter {
  readonly pieces: readonly Piece[];
  resolve(): void;
  reject(error: Error): void;
}

export interface FeederListener {
  onProgress(loadedImages: number, totalImages: number): void;
  /** A shard could not be had; every wait rejects with the same error. */
  onFailure(error: Error): void;
}

/**
 * Brings a run's images to the engine: only the shards that the spec needs, training shards first and in manifest
 * order, whatever somebody waits for before the rest, one at a time in the background.
 */
export class Feeder {
  readonly #pieces: { readonly train: readonly Piece[]; readonly test: readonly Piece[] };
  #waiters: Waiter[] = [];
  #failure: Error | null = null;
  #started = false;
  #closed = false;

  /** Throws a sentence naming the key when the data set has fewer images than the spec asks for. */
  constructor(
    readonly cifar: Cifar10,
    readonly spec: DataSpec,
    readonly target: EngineData,
    readonly listener: FeederListener,
  ) {
    this.#pieces = { train: piecesOf(cifar, 'train', spec.train), test: piecesOf(cifar, 'test', spec.test) };
  }

  /** Images of the training shards in manifest order, as `batchOrder` wants them. */
  get shardSizes(): readonly number[] {
    return this.#pieces.train.map(({ shard }) => shard.images);
  }

  /** How many of the first training images are there. */
  get trainReady(): number {
    const missing = this.#pieces.train.find((piece) => !piece.loaded);
    return Math.min(missing ? missing.first : this.spec.train, this.target.layout.train);
  }

  /** Images that are there, of those the spec needs. */
  get loaded(): number {
    return imagesOf(this.#all.filter((piece) => piece.loaded));
  }

  get total(): number {
    return imagesOf(this.#all);
  }

  get failed(): boolean {
    return this.#failure !== null;
  }

  get #all(): readonly Piece[] {
    return [...this.#pieces.train, ...this.#pieces.test];
  }

  /** Starts loading in the background, once. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    void this.#loadAll();
  }

  /** Resolves when the first `count` images of a split (default all) are there; rejects when a shard fails. */
  need(split: Split, count?: number): Promise<void> {
    const { layout } = this.target;
    const first = split === 'holdOut' ? layout.train : 0;
    const end = first + Math.min(count ?? Infinity, layout[split]);
    const pieces = this.#pieces[split === 'test' ? 'test' : 'train'].filter(
      (piece) => piece.first < end && piece.end > first,
    );
    if (pieces.every((piece) => piece.loaded)) return Promise.resolve();
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => this.#waiters.push({ pieces, resolve, reject }));
  }

  /** Stops loading; pending waits reject. */
  close(): void {
    this.#closed = true;
    this.#rejectAll(new Error('The run was closed.'));
  }

  async #loadAll(): Promise<void> {
    try {
      for (let piece = this.#next(); piece; piece = this.#next()) {
        const decoded = await this.cifar.load(piece.shard);
        if (this.#closed) return;
        this.#store(piece, decoded);
      }
    } catch (error) {
      if (this.#closed) return;
      const failure = error instanceof Error ? error : new Error(String(error));
      this.#rejectAll(failure);
      this.listener.onFailure(failure);
    }
  }

  #next(): Piece | undefined {
    const missing = (piece: Piece): boolean => !piece.loaded;
    const wanted = this.#waiters[0]?.pieces.find(missing);
    return wanted ?? this.#pieces.train.find(missing) ?? this.#pieces.test.find(missing);
  }

  #store(piece: Piece, { pixels, labels }: DecodedShard): void {
    const { first, end, shard } = piece;
    const write = (split: Split, from: number, to: number, offset: number): void => {
      if (from >= to) return;
      const images = pixels.subarray((from - first) * IMAGE_BYTES, (to - first) * IMAGE_BYTES);
      this.target.write(split, from - offset, images, labels.subarray(from - first, to - first));
    };
    const { train } = this.target.layout;
    if (shard.split === 'test') write('test', first, end, 0);
    else {
      write('train', first, Math.min(end, train), 0);
      write('holdOut', Math.max(first, train), end, train);
    }
    piece.loaded = true;
    this.listener.onProgress(this.loaded, this.total);
    const ready = this.#waiters.filter((waiter) => waiter.pieces.every((one) => one.loaded));
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
    for (const waiter of ready) waiter.resolve();
  }

  #rejectAll(error: Error): void {
    this.#failure = error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}

const imagesOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, one) => sum + one.end - one.first, 0);

/** The shards that hold the first `count` images of a split. */
function piecesOf(cifar: Cifar10, split: 'train' | 'test', count: number): readonly Piece[] {
  const pieces: Piece[] = [];
  let first = 0;
  for (const shard of cifar.manifest.shards) {
    if (shard.split !== split || first >= count) continue;
    pieces.push({ shard, first, end: Math.min(first + shard.images, count), loaded: false });
    first += shard.images;
  }
  if (first < count)
    throw new Error(`data.${split}: ${count} is more than the ${first} ${split} images of the data set`);
  return pieces;
}
