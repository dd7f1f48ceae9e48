import { type Network, type Shape, type TapPattern, keepsTap } from '../../core/network/index.ts';

/**
 * The arithmetic of training written out as plain loops in double precision, for tests: it shares no code with the
 * engines. Layouts as in core/network (activations NHWC, kernels HWIO, dense kernels [in, out]).
 */
export type Doubles = ReadonlyMap<string, Float64Array>;

interface Activation {
  readonly shape: Shape;
  readonly values: Float64Array;
}

export interface ReferenceOutcome {
  /** [images, classes] */
  readonly logits: Float64Array;
  /** Mean and biased variance that each batch norm saw in its batch, [channels] each. */
  readonly statistics: ReadonlyMap<string, { readonly mean: Float64Array; readonly variance: Float64Array }>;
}

/**
 * Logits of `count` normalised images; `train` normalises by the batch's statistics instead of the running ones. `change`
 * sees every node's output [count, height, width, channels] and may return another.
 */
export function referenceForward(
  network: Network,
  parameters: Doubles,
  images: Float64Array,
  count: number,
  train: boolean,
  change: (id: string, values: Float64Array) => Float64Array = (_, values) => values,
): ReferenceOutcome {
  const outputs = new Map<string, Activation>();
  const statistics = new Map<string, { mean: Float64Array; variance: Float64Array }>();
  const output = (id: string): Activation => must(outputs.get(id), id);
  const parameter = (name: string): Float64Array => must(parameters.get(name), name);
  for (const node of network.nodes) {
    switch (node.op) {
      case 'input':
        outputs.set(node.id, { shape: node.shape, values: images });
        break;
      case 'conv':
        outputs.set(node.id, convolve(output(node.input), count, parameter(`${node.id}/kernel`), node));
        break;
      case 'depthwiseConv':
        outputs.set(node.id, convolveEach(output(node.input), count, parameter(`${node.id}/kernel`), node));
        break;
      case 'batchNorm': {
        const x = output(node.input);
        const used = train
          ? momentsOf(x)
          : { mean: parameter(`${node.id}/mean`), variance: parameter(`${node.id}/variance`) };
        if (train) statistics.set(node.id, used);
        const [gamma, beta] = [parameter(`${node.id}/gamma`), parameter(`${node.id}/beta`)];
        const values = x.values.map((value, i) => {
          const c = i % x.shape[2];
          return ((value - at(used.mean, c)) / Math.sqrt(at(used.variance, c) + 1e-5)) * at(gamma, c) + at(beta, c);
        });
        outputs.set(node.id, { shape: x.shape, values });
        break;
      }
      case 'relu': {
        const x = output(node.input);
        outputs.set(node.id, { shape: x.shape, values: x.values.map((value) => Math.max(value, 0)) });
        break;
      }
      case 'relu6': {
        const x = output(node.input);
        outputs.set(node.id, { shape: x.shape, values: x.values.map((value) => Math.min(Math.max(value, 0), 6)) });
        break;
      }
      case 'gate': {
        const [x, gate] = [output(node.input), parameter(`${node.id}/gate`)];
        outputs.set(node.id, { shape: x.shape, values: x.values.map((value, i) => value * at(gate, i % x.shape[2])) });
        break;
      }
      case 'maxPool':
        outputs.set(node.id, pool(output(node.input), count, node));
        break;
      case 'avgPool':
        outputs.set(node.id, averagePool(output(node.input), count, node));
        break;
      case 'flatten': {
        const { shape, values } = output(node.input);
        outputs.set(node.id, { shape: [1, 1, shape[0] * shape[1] * shape[2]], values });
        break;
      }
      case 'globalAvgPool': {
        const { shape, values } = output(node.input);
        const pixels = shape[0] * shape[1];
        const means = new Float64Array(count * shape[2]);
        values.forEach((value, i) => {
          const image = Math.floor(i / (pixels * shape[2]));
          add(means, image * shape[2] + (i % shape[2]), value / pixels);
        });
        outputs.set(node.id, { shape: [1, 1, shape[2]], values: means });
        break;
      }
      case 'add': {
        const [a, b] = [output(node.inputs[0]), output(node.inputs[1])];
        outputs.set(node.id, { shape: a.shape, values: a.values.map((value, i) => value + at(b.values, i)) });
        break;
      }
      case 'dense': {
        const x = output(node.input);
        const [kernel, bias] = [parameter(`${node.id}/kernel`), parameter(`${node.id}/bias`)];
        const values = new Float64Array(count * node.units).map((_, i) => {
          const [image, unit] = [Math.floor(i / node.units), i % node.units];
          let sum = at(bias, unit);
          for (let c = 0; c < x.shape[2]; c++) {
            sum += at(x.values, image * x.shape[2] + c) * at(kernel, c * node.units + unit);
          }
          return sum;
        });
        outputs.set(node.id, { shape: [1, 1, node.units], values });
        break;
      }
    }
    const { shape, values } = output(node.id);
    outputs.set(node.id, { shape, values: change(node.id, values) });
  }
  return { logits: output(network.nodes.at(-1)?.id ?? '').values, statistics };
}

/** Mean over images of -sum(target log softmax), targets (1 - smoothing) one-hot + smoothing / classes. */
export function referenceLoss(logits: Float64Array, labels: readonly number[], smoothing: number): number {
  const classes = logits.length / labels.length;
  const losses = labels.map((label, image) => {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    const logSum = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
    return row.reduce((sum, value, unit) => {
      const target = (unit === label ? 1 - smoothing : 0) + smoothing / classes;
      return sum - target * (value - logSum);
    }, 0);
  });
  return losses.reduce((a, b) => a + b, 0) / labels.length;
}

/** Visits the taps of a `same`-padded window that lie inside the input, for every output pixel of every image. */
function forEachTap(
  [height, width]: Shape,
  count: number,
  size: number,
  stride: number,
  visit: (outputPixel: number, inputPixel: number, tap: number) => void,
): readonly [number, number] {
  const [outputHeight, outputWidth] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const low = (input: number, result: number): number =>
    Math.floor(Math.max((result - 1) * stride + size - input, 0) / 2);
  const [top, left] = [low(height, outputHeight), low(width, outputWidth)];
  for (let pixel = 0; pixel < count * outputHeight * outputWidth; pixel++) {
    const x = pixel % outputWidth;
    const y = Math.floor(pixel / outputWidth) % outputHeight;
    const image = Math.floor(pixel / (outputWidth * outputHeight));
    for (let tap = 0; tap < size * size; tap++) {
      const row = y * stride - top + Math.floor(tap / size);
      const column = x * stride - left + (tap % size);
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      visit(pixel, (image * height + row) * width + column, tap);
    }
  }
  return [outputHeight, outputWidth];
}

function convolve(
  { shape, values }: Activation,
  count: number,
  kernel: Float64Array,
  { filters, kernel: size, stride, taps }: { filters: number; kernel: number; stride: number; taps?: TapPattern },
): Activation {
  const channels = shape[2];
  const sums = new Float64Array(count * Math.ceil(shape[0] / stride) * Math.ceil(shape[1] / stride) * filters);
  const [height, width] = forEachTap(shape, count, size, stride, (outputPixel, inputPixel, tap) => {
    for (let c = 0; c < channels; c++) {
      if (taps && !keepsTap(taps, c, tap)) continue;
      const value = at(values, inputPixel * channels + c);
      for (let f = 0; f < filters; f++) {
        add(sums, outputPixel * filters + f, value * at(kernel, (tap * channels + c) * filters + f));
      }
    }
  });
  return { shape: [height, width, filters], values: sums };
}

/** Every channel with a window of its own: kernel [size, size, channels, 1]. */
function convolveEach(
  { shape, values }: Activation,
  count: number,
  kernel: Float64Array,
  { kernel: size, stride }: { kernel: number; stride: number },
): Activation {
  const channels = shape[2];
  const sums = new Float64Array(count * Math.ceil(shape[0] / stride) * Math.ceil(shape[1] / stride) * channels);
  const [height, width] = forEachTap(shape, count, size, stride, (outputPixel, inputPixel, tap) => {
    for (let c = 0; c < channels; c++) {
      add(sums, outputPixel * channels + c, at(values, inputPixel * channels + c) * at(kernel, tap * channels + c));
    }
  });
  return { shape: [height, width, channels], values: sums };
}

/** Mean over the part of each window that lies inside the input. */
function averagePool(
  { shape, values }: Activation,
  count: number,
  { size, stride }: { size: number; stride: number },
): Activation {
  const channels = shape[2];
  const pixels = count * Math.ceil(shape[0] / stride) * Math.ceil(shape[1] / stride);
  const [sums, taps] = [new Float64Array(pixels * channels), new Float64Array(pixels)];
  const [height, width] = forEachTap(shape, count, size, stride, (outputPixel, inputPixel) => {
    add(taps, outputPixel, 1);
    for (let c = 0; c < channels; c++) {
      add(sums, outputPixel * channels + c, at(values, inputPixel * channels + c));
    }
  });
  const means = sums.map((sum, i) => sum / at(taps, Math.floor(i / channels)));
  return { shape: [height, width, channels], values: means };
}

function pool(
  { shape, values }: Activation,
  count: number,
  { size, stride }: { size: number; stride: number },
): Activation {
  const channels = shape[2];
  const best = new Float64Array(count * Math.ceil(shape[0] / stride) * Math.ceil(shape[1] / stride) * channels);
  best.fill(-Infinity);
  const [height, width] = forEachTap(shape, count, size, stride, (outputPixel, inputPixel) => {
    for (let c = 0; c < channels; c++) {
      const i = outputPixel * channels + c;
      best[i] = Math.max(at(best, i), at(values, inputPixel * channels + c));
    }
  });
  return { shape: [height, width, channels], values: best };
}

function momentsOf({ shape, values }: Activation): { mean: Float64Array; variance: Float64Array } {
  const channels = shape[2];
  const n = values.length / channels;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  values.forEach((value, i) => add(mean, i % channels, value / n));
  values.forEach((value, i) => add(variance, i % channels, (value - at(mean, i % channels)) ** 2 / n));
  return { mean, variance };
}

const at = (values: Float64Array, i: number): number => values[i] ?? NaN;

function add(values: Float64Array, i: number, value: number): void {
  values[i] = at(values, i) + value;
}

function must<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`reference: "${name}" is missing`);
  return value;
}
