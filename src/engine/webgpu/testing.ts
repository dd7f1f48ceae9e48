import type { Shape } from '../../core/network/index.ts';
import { readBuffer, storageBuffer } from './buffers.ts';
import { requestDevice } from './device.ts';
import { type Grid, type Kernel, ZERO_VEC4S, vec4s } from './kernel.ts';
import { Pipelines } from './pipelines.ts';
import { Recorder } from './plan/recorder.ts';
import { RESTING, type StepValues, StepUniforms } from './step-uniforms.ts';
import { Submitter } from './submitter.ts';

/** Runs single kernels for tests, and converts between tfjs' layouts and the padded ones. */
export class KernelBench {
  readonly #uniforms: StepUniforms;
  readonly #submitter: Submitter;

  private constructor(readonly pipelines: Pipelines) {
    this.#uniforms = new StepUniforms(pipelines);
    this.#submitter = new Submitter(pipelines.device, this.#uniforms.group);
  }

  static async open(): Promise<KernelBench> {
    const { device } = await requestDevice();
    return new KernelBench(new Pipelines(device));
  }

  /** Runs one kernel on copies of the given buffers; returns every buffer's contents afterwards. */
  async run<Buffer extends string, Field extends string>(
    kernel: Kernel<Buffer, Field>,
    contents: Readonly<Record<Buffer, Float32Array | Uint32Array>>,
    shape: Readonly<Record<Field, number>>,
    grid: Grid,
    step: Partial<StepValues> = {},
  ): Promise<Record<Buffer, Float32Array>> {
    const { device } = this.pipelines;
    await this.pipelines.prepare([kernel]);
    const names = Object.keys(contents) as Buffer[];
    const buffers = names.map((name) => {
      const buffer = storageBuffer(device, name, contents[name].byteLength);
      device.queue.writeBuffer(buffer, 0, contents[name].slice());
      return buffer;
    });
    const bindings = Object.fromEntries(names.map((name, i) => [name, { buffer: buffers[i] }]));
    const recorder = new Recorder();
    recorder.record(kernel, bindings as Record<Buffer, GPUBufferBinding>, shape, grid, 1);
    device.pushErrorScope('validation');
    const { dispatches, uniforms } = recorder.build(this.pipelines);
    const stepOffset = this.#uniforms.write(0, { ...RESTING, count: 0, ...step });
    await this.#submitter.run([{ dispatches, stepOffset }]);
    const error = await device.popErrorScope();
    if (error) throw new Error(error.message);
    const results = await Promise.all(
      names.map(async (name, i) => {
        const buffer = buffers[i];
        if (!buffer) throw new Error(name);
        const values = new Float32Array(await readBuffer(device, buffer, Math.ceil(contents[name].byteLength / 4) * 4));
        buffer.destroy();
        return [name, values] as const;
      }),
    );
    uniforms.destroy();
    return Object.fromEntries(results) as Record<Buffer, Float32Array>;
  }

  dispose(): void {
    this.pipelines.device.destroy();
  }
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

/** [height, width, in, out] with both channel axes padded to vec4s. */
export function padKernel(values: Float32Array, shape: readonly [number, number, number, number]): Float32Array {
  const [height, width, inputs, outputs] = shape;
  const rows = padChannels(values, outputs);
  const row = vec4s(outputs) * 4;
  const result = new Float32Array(height * width * vec4s(inputs) * 4 * row);
  for (let tap = 0; tap < height * width; tap++) {
    result.set(rows.subarray(tap * inputs * row, (tap + 1) * inputs * row), tap * vec4s(inputs) * 4 * row);
  }
  return result;
}

export function unpadKernel(values: Float32Array, shape: readonly [number, number, number, number]): Float32Array {
  const [height, width, inputs, outputs] = shape;
  const row = vec4s(outputs) * 4;
  const taps = Array.from({ length: height * width }, (_, tap) => {
    const start = tap * vec4s(inputs) * 4 * row;
    return [...unpadChannels(values.subarray(start, start + inputs * row), outputs)];
  });
  return Float32Array.from(taps.flat());
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

/** A convolution's case in the conformance tests. */
export interface ConvCase {
  readonly images: number;
  readonly input: Shape;
  readonly outputs: number;
  readonly kernel: 1 | 3;
  readonly stride: 1 | 2;
}

/** Generated convolution shapes: odd sizes, one channel, one image, strides, widths off the tile sizes. */
export function convCases(count: number, seed: number): readonly ConvCase[] {
  const fixed: ConvCase[] = [
    { images: 1, input: [1, 1, 1], outputs: 1, kernel: 3, stride: 1 },
    { images: 1, input: [5, 7, 1], outputs: 1, kernel: 3, stride: 2 },
    { images: 2, input: [32, 32, 3], outputs: 16, kernel: 3, stride: 1 },
    { images: 3, input: [8, 8, 20], outputs: 17, kernel: 3, stride: 2 },
    { images: 2, input: [16, 16, 16], outputs: 32, kernel: 1, stride: 2 },
    { images: 1, input: [1, 19, 33], outputs: 10, kernel: 1, stride: 1 },
  ];
  const draws = noise(count * 7, seed).map((value) => (value + 1) / 2);
  const generated = Array.from({ length: count }, (_, i): ConvCase => {
    const draw = (k: number, from: number, to: number): number =>
      from + Math.min(to - from, Math.floor((draws[i * 7 + k] ?? 0) * (to - from + 1)));
    return {
      images: draw(0, 1, 3),
      input: [draw(1, 1, 13), draw(2, 1, 18), draw(3, 1, 21)],
      outputs: draw(4, 1, 37),
      kernel: draw(5, 0, 3) === 0 ? 1 : 3,
      stride: draw(6, 0, 1) === 0 ? 1 : 2,
    };
  });
  return [...fixed, ...generated];
}
