import { storageBuffer } from './buffers.ts';

/** A buffer of the shared memory and how many leases hold it. */
interface Cell {
  readonly name: string;
  readonly buffer: GPUBuffer;
  holders: number;
}

/**
 * Device memory whose contents matter during one call to a trainer only: activations, gradients, partial sums. All trainers
 * of an engine compute in the same buffers, so calls that do run one at a time (`inTurn`).
 *
 * A buffer is found by its name. Whoever needs a larger one than there is makes it for all who come later; who has the
 * smaller one keeps it until it leases again. A buffer that nobody holds is destroyed.
 *
 * What a name is for, every holder must use alike: of activations the first values stay zero, because nobody writes them.
 */
export class SharedMemory {
  /** Buffers in use by name, each larger than those before it. */
  readonly #cells = new Map<string, Cell[]>();
  /** The latest call; never rejects. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(readonly device: GPUDevice) {}

  /** Runs what uses the shared memory once all who asked before are done. Must not be nested. */
  inTurn<T>(use: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(use);
    this.#turn = run.catch(() => undefined);
    return run;
  }

  /** Buffers of at least so many bytes by name: all of them, or none and an OutOfMemoryError. */
  lease(bytes: ReadonlyMap<string, number>): Lease {
    const lease = new Lease(this);
    try {
      for (const [name, need] of bytes) lease.add(this.#take(name, need));
      return lease;
    } catch (error) {
      lease.dispose();
      throw error;
    }
  }

  #take(name: string, bytes: number): Cell {
    const found = this.#largest(name);
    const cell = found && found.buffer.size >= bytes ? found : this.#make(name, bytes);
    cell.holders++;
    return cell;
  }

  #make(name: string, bytes: number): Cell {
    const cell = { name, buffer: storageBuffer(this.device, `shared ${name}`, bytes), holders: 0 };
    this.#cells.set(name, [...(this.#cells.get(name) ?? []), cell]);
    return cell;
  }

  #largest(name: string): Cell | undefined {
    return this.#cells.get(name)?.at(-1);
  }

  /** Whether there is a larger buffer by now. */
  outgrown(cell: Cell): boolean {
    return this.#largest(cell.name) !== cell;
  }

  giveBack(cell: Cell): void {
    if (--cell.holders > 0) return;
    const rest = (this.#cells.get(cell.name) ?? []).filter((other) => other !== cell);
    if (rest.length > 0) this.#cells.set(cell.name, rest);
    else this.#cells.delete(cell.name);
    cell.buffer.destroy();
  }

  /** Bytes of all buffers, however many hold them. */
  get bytes(): number {
    return bytesOf([...this.#cells.values()].flat().map(({ buffer }) => buffer));
  }
}

/** Some buffers of the shared memory, held until it is disposed of. */
export class Lease {
  readonly #cells = new Map<string, Cell>();

  constructor(readonly memory: SharedMemory) {}

  add(cell: Cell): void {
    this.#cells.set(cell.name, cell);
  }

  buffer(name: string): GPUBuffer {
    const cell = this.#cells.get(name);
    if (!cell) throw new Error(`"${name}" was not leased`);
    return cell.buffer;
  }

  get buffers(): readonly GPUBuffer[] {
    return [...this.#cells.values()].map(({ buffer }) => buffer);
  }

  /** Whether others have made a larger buffer in the meantime: leasing again would free the smaller one. */
  get outgrown(): boolean {
    return [...this.#cells.values()].some((cell) => this.memory.outgrown(cell));
  }

  dispose(): void {
    for (const cell of this.#cells.values()) this.memory.giveBack(cell);
    this.#cells.clear();
  }
}

/** Bytes of buffers, those named twice counted once. */
export const bytesOf = (buffers: Iterable<GPUBuffer>): number =>
  [...new Set(buffers)].reduce((sum, { size }) => sum + size, 0);
