import { readBuffer, storageBuffer } from './buffers.ts';
import { type Device, requestDevice } from './device.ts';
import { type Grid, type Kernel, ZERO_VEC4S, vec4s } from './kernel.ts';
import { Pipelines } from './pipelines.ts';
import { Recorder } from './plan/recorder.ts';
import { RESTING, type StepValues, StepUniforms } from './step-uniforms.ts';
import { Submitter } from './submitter.ts';

type Contents = Float32Array | Uint32Array | Int32Array | Uint16Array;

interface Job {
  readonly kernel: Kernel;
  readonly contents: Readonly<Record<string, Contents>>;
  readonly shape: Readonly<Record<string, number>>;
  readonly grid: Grid;
  readonly check: (results: Record<string, Float32Array>) => void;
}

/** Runs kernels for tests, and converts between tfjs' layouts and the padded ones. */
export class KernelBench {
  readonly #uniforms: StepUniforms;
  readonly #submitter: Submitter;

  private constructor(
    readonly device: Device,
    readonly pipelines: Pipelines,
  ) {
    this.#uniforms = new StepUniforms(pipelines);
    this.#submitter = new Submitter(pipelines.device, this.#uniforms.group);
  }

  static async open(): Promise<KernelBench> {
    return KernelBench.of(await requestDevice());
  }

  /** On a device that it then owns. */
  static of(device: Device): KernelBench {
    return new KernelBench(device, new Pipelines(device.device));
  }

  /** Kernels that use work-group memory (`wide`) must not run here. */
  get software(): boolean {
    return this.device.software;
  }

  /** Runs one kernel on copies of the given buffers; returns every buffer's contents afterwards. */
  async run<Buffer extends string, Field extends string>(
    kernel: Kernel<Buffer, Field>,
    contents: Readonly<Record<Buffer, Contents>>,
    shape: Readonly<Record<Field, number>>,
    grid: Grid,
    step: Partial<StepValues> = {},
  ): Promise<Record<Buffer, Float32Array>> {
    let found: Record<Buffer, Float32Array> | undefined;
    const batch = this.batch(step);
    batch.add(kernel, contents, shape, grid, (results) => (found = results));
    await batch.run();
    if (!found) throw new Error(`${kernel.label} has no results`);
    return found;
  }

  batch(step: Partial<StepValues> = {}): Batch {
    return new Batch((jobs) => this.#runAll(jobs, step));
  }

  /** Buffers of all jobs lie in two arenas, since a dispatch may not read and write the same buffer. */
  async #runAll(jobs: readonly Job[], step: Partial<StepValues>): Promise<void> {
    const { device } = this.pipelines;
    await this.pipelines.prepare([...new Set(jobs.map(({ kernel }) => kernel))]);
    const [read, write] = [new Arena(), new Arena()];
    const placed = jobs.map(({ kernel, contents }) =>
      Object.entries(kernel.buffers).map(([name, [use]]) => {
        const values = contents[name];
        if (!values) throw new Error(`${kernel.label} needs contents of "${name}"`);
        return { name, values, use, ...(use === 'read' ? read.share(values) : write.place(values)) };
      }),
    );
    const buffers = { read: read.upload(device, 'read'), write: write.upload(device, 'written') };
    const recorder = new Recorder();
    jobs.forEach(({ kernel, shape, grid }, i) => {
      const bindings = (placed[i] ?? []).map(({ name, use, offset, size }) => [
        name,
        { buffer: buffers[use], offset, size },
      ]);
      const [x, y, z] = grid;
      recorder.record(kernel, Object.fromEntries(bindings), shape, grid, x * y * z * COST_OF_A_GROUP);
    });
    device.pushErrorScope('validation');
    const { dispatches, storage } = recorder.build(this.pipelines);
    const stepOffset = this.#uniforms.write(0, { ...RESTING, count: 0, ...step });
    await this.#submitter.run([{ dispatches, stepOffset }]);
    const error = await device.popErrorScope();
    if (error) throw new Error(error.message);
    const written = await readBuffer(device, buffers.write, write.bytes);
    for (const buffer of [buffers.read, buffers.write, storage.uniforms, storage.tables]) buffer.destroy();
    jobs.forEach(({ check }, i) => {
      const results = (placed[i] ?? []).map(({ name, values, use, offset }) => [
        name,
        use === 'read'
          ? new Float32Array(values.buffer, values.byteOffset, values.byteLength / 4)
          : new Float32Array(written.slice(offset, offset + values.byteLength)),
      ]);
      check(Object.fromEntries(results) as Record<string, Float32Array>);
    });
  }

  dispose(): void {
    this.device.dispose();
  }
}

/** Only a start: the submitter measures what work really costs. */
const COST_OF_A_GROUP = 1e4;
/** Bytes of buffers that are on the adapter at once. */
const BATCH_BYTES = 64 * 2 ** 20;

/** Kernels that run together, since every submit and every read costs a round trip. */
export class Batch {
  #jobs: Job[] = [];

  constructor(readonly runAll: (jobs: readonly Job[]) => Promise<void>) {}

  /** `check` gets every buffer's contents afterwards; it may add kernels that go on from them. */
  add<Buffer extends string, Field extends string>(
    kernel: Kernel<Buffer, Field>,
    contents: Readonly<Record<Buffer, Contents>>,
    shape: Readonly<Record<Field, number>>,
    grid: Grid,
    check: (results: Record<Buffer, Float32Array>) => void,
  ): void {
    this.#jobs.push({
      kernel,
      contents,
      shape,
      grid,
      check: (results) => check(results as Record<Buffer, Float32Array>),
    });
  }

  async run(): Promise<void> {
    while (this.#jobs.length > 0) {
      let bytes = 0;
      const over = this.#jobs.findIndex(({ contents }) => {
        bytes += Object.values(contents).reduce((sum, { byteLength }) => sum + byteLength, 0);
        return bytes > BATCH_BYTES;
      });
      await this.runAll(this.#jobs.splice(0, over < 0 ? this.#jobs.length : Math.max(1, over)));
    }
  }
}

/** Buffers of many kernels side by side in one. */
class Arena {
  readonly #placed: { readonly values: Contents; readonly offset: number }[] = [];
  readonly #offsets = new Map<Contents, number>();
  bytes = 0;

  place(values: Contents): { offset: number; size: number } {
    const offset = this.bytes;
    const size = Math.max(16, Math.ceil(values.byteLength / 16) * 16);
    this.#placed.push({ values, offset });
    this.bytes += Math.ceil(size / 256) * 256;
    return { offset, size };
  }

  /** The same array takes its place once. */
  share(values: Contents): { offset: number; size: number } {
    const offset = this.#offsets.get(values);
    if (offset !== undefined) return { offset, size: Math.max(16, Math.ceil(values.byteLength / 16) * 16) };
    const placed = this.place(values);
    this.#offsets.set(values, placed.offset);
    return placed;
  }

  upload(device: GPUDevice, label: string): GPUBuffer {
    const all = new Uint8Array(Math.max(256, this.bytes));
    for (const { values, offset } of this.#placed) {
      all.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    }
    const buffer = storageBuffer(device, label, all.byteLength);
    device.queue.writeBuffer(buffer, 0, all);
    return buffer;
  }
}

/** Bits of the f16 nearest to a number, of two the even one; infinity where that is beyond 65,504. */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65_520) return sign | 0x7c00;
  // Steps between neighbours of this size; subnormals all lie 2^-24 apart.
  const step = 2 ** (Math.max(Math.floor(Math.log2(size)), -14) - 10);
  const nearest = evenly(size / step) * step;
  if (nearest < 2 ** -14) return sign | (nearest * 2 ** 24);
  const exponent = Math.floor(Math.log2(nearest));
  return sign | ((exponent + 15) << 10) | (nearest * 2 ** (10 - exponent) - 0x400);
}

/** Rounds to a whole number, halves to the even one. */
function evenly(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/** Deterministic values in -1 to 1. */
export function noise(size: number, seed: number): Float32Array {
  let state = seed * 2_654_435_761 + 1;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** [rows, channels] padded to vec4s. */
export function padChannels(values: Float32Array, channels: number): Float32Array {
  const padded = vec4s(channels) * 4;
  const rows = values.length / channels;
  const result = new Float32Array(rows * padded);
  for (let row = 0; row < rows; row++) result.set(values.subarray(row * channels, (row + 1) * channels), row * padded);
  return result;
}

export function unpadChannels(values: Float32Array, channels: number): Float32Array {
  const padded = vec4s(channels) * 4;
  const rows = values.length / padded;
  const result = new Float32Array(rows * channels);
  for (let row = 0; row < rows; row++)
    result.set(values.subarray(row * padded, row * padded + channels), row * channels);
  return result;
}

/** An activation with the zero region in front. */
export function withZeroRegion(values: Float32Array): Float32Array {
  const result = new Float32Array(ZERO_VEC4S * 4 + values.length);
  result.set(values, ZERO_VEC4S * 4);
  return result;
}

/** Largest difference relative to the largest expected value: the measure of the single-kernel promises. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values, expected ${expected.length}`);
  let largest = 1e-30;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i] ?? NaN, expected[i] ?? NaN];
    largest = Math.max(largest, Math.abs(e));
    // A NaN must not disappear in a comparison.
    difference = Number.isNaN(a - e) ? Infinity : Math.max(difference, Math.abs(a - e));
  }
  return difference / largest;
}

/** Draws whole numbers, all of a range alike or the small ones more often. */
export interface Draws {
  whole(from: number, to: number): number;
  small(from: number, to: number): number;
}

export function draws(seed: number): Draws {
  const values = noise(10_000, seed);
  let next = 0;
  const share = (): number => ((values[next++ % values.length] ?? 0) + 1) / 2;
  const among = (from: number, to: number, at: number): number =>
    from + Math.min(to - from, Math.floor(at * (to - from + 1)));
  return {
    whole: (from, to) => among(from, to, share()),
    small: (from, to) => among(from, to, share() ** 2),
  };
}

/** A convolution in the kernels' tests, with `same` padding. Source maps of a class keep the same taps of the kernel. */
export interface ConvCase {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly classes: readonly { readonly channels: number; readonly taps: readonly number[] }[];
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
}

export const allTaps = (kernel: number): readonly number[] => Array.from({ length: kernel ** 2 }, (_, tap) => tap);

/** Generated shapes of dense convolutions: odd sizes, one channel, one image, widths off the tile sizes. */
export function convCases(
  count: number,
  seed: number,
  options: { readonly kernels: readonly number[]; readonly strides: readonly number[] },
): readonly ConvCase[] {
  const draw = draws(seed);
  const pick = (values: readonly number[]): number => values[draw.whole(0, values.length - 1)] ?? 1;
  return Array.from({ length: count }, (_, i) => {
    const kernel = pick(options.kernels);
    const stride = pick(options.strides);
    const fixed = FIXED[i];
    const [images, height, width, channels, outputs] = fixed ?? [
      draw.small(1, 3),
      draw.small(1, 10),
      draw.small(1, 19),
      draw.small(1, 21),
      draw.small(1, 37),
    ];
    return { images, height, width, classes: [{ channels, taps: allTaps(kernel) }], outputs, kernel, stride };
  });
}

/** Images, height, width, channels and outputs that every list of cases starts with. */
const FIXED = [
  [1, 1, 1, 1, 1],
  [1, 5, 7, 1, 1],
  [2, 16, 16, 3, 16],
  [3, 8, 8, 20, 17],
  [2, 8, 8, 16, 32],
  [1, 1, 19, 33, 10],
  [1, 2, 33, 4, 4],
  [2, 7, 2, 12, 8],
] as const;

/**
 * Generated convolutions whose source maps keep some taps only: every so many from an offset on (strided sparsity), or
 * any at all.
 */
export function sparseConvCases(count: number, seed: number): readonly ConvCase[] {
  const draw = draws(seed);
  return Array.from({ length: count }, (_, i) => {
    const kernel = draw.whole(0, 2) === 0 ? 5 : 3;
    const every = draw.whole(2, 4);
    const strided = i % 4 !== 3;
    const chosen = (offset: number): readonly number[] => {
      const kept = allTaps(kernel).filter((tap) => (strided ? tap % every === offset : draw.whole(0, 2) === 0));
      return kept.length > 0 ? kept : [draw.whole(0, kernel ** 2 - 1)];
    };
    const first = draw.whole(0, every - 1);
    const classes = Array.from({ length: draw.whole(1, strided ? every : 4) }, (_class, index) => ({
      channels: draw.small(1, 13),
      taps: chosen((first + index) % every),
    }));
    return {
      images: draw.small(1, 3),
      height: draw.small(1, 9),
      width: draw.small(1, 15),
      classes,
      outputs: draw.small(1, 21),
      kernel,
      stride: draw.whole(1, 3),
    };
  });
}

/** Generated 3x3 convolutions whose source maps keep one column of taps each: what every third tap is. */
export function columnConvCases(count: number, seed: number): readonly ConvCase[] {
  const draw = draws(seed);
  return convCases(count, seed, { kernels: [3], strides: [1] }).map((shape) => {
    const first = draw.whole(0, 2);
    const classes = Array.from({ length: draw.whole(1, 3) }, (_, index) => {
      const column = (first + index) % 3;
      return { channels: draw.small(1, 13), taps: [column, column + 3, column + 6] };
    });
    return { ...shape, classes };
  });
}
