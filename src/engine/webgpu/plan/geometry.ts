import { samePadLow } from '../../../core/network/index.ts';
import type { TapClass } from '../channels.ts';
import type { LineUnit } from '../kernels/conv-lines-kernel-gradient/kernel.ts';
import type { LineBlock, LineRun } from '../kernels/conv-lines/kernel.ts';
import type { Block, Run } from '../kernels/conv-rows/kernel.ts';
import { type Cut, cutInto } from '../kernels/conv/cut.ts';
import type { Transposition } from '../kernels/transpose-kernel/kernel.ts';
import type { PlanContext } from './context.ts';
import type { LayerUnit } from './units.ts';

/** A convolution over the batch as the kernels see it; a dense layer is a 1x1 convolution whose pixels are the images. */
export interface Geometry {
  readonly images: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly inVectors: number;
  /** Channels to sum over, at the front of the vectors. */
  readonly inChannels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outVectors: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padTop: number;
  readonly padLeft: number;
  /** Source maps that keep the same taps, next to each other; one class with all taps in a dense layer. */
  readonly classes: readonly TapClass[];
  /**
   * How it is computed: 3x3 kernels whose kept taps are whole rows (dense ones) or single columns (stride 3) go line by
   * line, so that what is loaded serves three taps; everything else over a table of rows of the lowered matrix.
   */
  readonly form: 'row lines' | 'column lines' | 'rows';
}

export function geometryOf(context: PlanContext, unit: LayerUnit): Geometry {
  const input = context.extent(unit.input);
  const output = context.extent(unit.node.id);
  const outputs = {
    outVectors: output.vectors,
    outChannels: context.contiguous(unit.node.id) ? output.shape[2] : output.vectors * 4,
  };
  const { node } = unit;
  if (node.op === 'dense') {
    const [height, width, channels] = input.shape;
    const inVectors = height * width * input.vectors;
    // Behind a flatten the padding of each pixel's channels lies between them.
    const inChannels = height * width === 1 && context.contiguous(unit.input) ? channels : inVectors * 4;
    return {
      ...outputs,
      inVectors,
      inChannels,
      images: 1,
      inHeight: 1,
      inWidth: context.batch,
      outHeight: 1,
      outWidth: context.batch,
      kernel: 1,
      stride: 1,
      padTop: 0,
      padLeft: 0,
      classes: [{ channel: 0, channels: inChannels, taps: [0] }],
      form: 'rows',
    };
  }
  const { kernel, stride } = node;
  const [inHeight, inWidth] = input.shape;
  const inChannels = context.contiguous(unit.input) ? input.shape[2] : input.vectors * 4;
  const [outHeight, outWidth] = output.shape;
  const classes = context.tapClasses(node.id) ?? [
    { channel: 0, channels: inChannels, taps: Array.from({ length: kernel * kernel }, (_, tap) => tap) },
  ];
  return {
    ...outputs,
    inVectors: input.vectors,
    inChannels,
    images: context.batch,
    inHeight,
    inWidth,
    outHeight,
    outWidth,
    kernel,
    stride,
    padTop: samePadLow(inHeight, kernel, stride),
    padLeft: samePadLow(inWidth, kernel, stride),
    classes,
    form: formOf(kernel, stride, classes),
  };
}

function formOf(kernel: number, stride: number, classes: readonly TapClass[]): Geometry['form'] {
  if (kernel !== 3 || stride > 2) return 'rows';
  if (classes.length === 1 && classes[0]?.taps.length === 9) return 'row lines';
  const columns = classes.every(
    ({ taps: [first = 9, ...rest] }) => first < 3 && rest.join() === `${first + 3},${first + 6}`,
  );
  return columns ? 'column lines' : 'rows';
}

const padded = (channels: number): number => Math.ceil(channels / 4) * 4;

/** Rows of the lowered matrix as the weights hold them: each class's channels padded to four, tap by tap. */
export function lowered(g: Geometry): { runs: readonly Run[]; rows: number } {
  const runs: Run[] = [];
  let row = 0;
  for (const { channel, channels, taps } of g.classes) {
    for (const tap of taps) {
      runs.push({
        dy: Math.floor(tap / g.kernel) - g.padTop,
        dx: (tap % g.kernel) - g.padLeft,
        channel,
        channels,
        weights: row * g.outVectors,
        stride: g.outVectors,
      });
      row += padded(channels);
    }
  }
  return { runs, rows: row };
}

/** Blocks of the forward pass: every output channel sums over all rows. */
export function forwardBlocks(g: Geometry, cut: Cut): readonly Block[] {
  const { runs } = lowered(g);
  return cutInto(cut, g.outVectors).map(({ first, vectors }) => ({
    vectors,
    vector: first,
    end: g.outVectors,
    column: first,
    runs,
  }));
}

/**
 * Blocks of the input gradient, by phase of the input's pixels (row phase, then column phase): an input channel gets
 * gradient through the taps of its class that reach the phase. Weights as `transpositions` lays them out.
 */
export function gradientBlocks(g: Geometry, cut: Cut): { blocks: readonly Block[]; perPhase: number } {
  const blocks: Block[] = [];
  for (let phase = 0; phase < g.stride ** 2; phase++) {
    const [rowPhase, columnPhase] = [Math.floor(phase / g.stride), phase % g.stride];
    let from = 0;
    for (const { channel, channels, taps } of g.classes) {
      const classVectors = Math.ceil(channels / 4);
      const runs: Run[] = [];
      for (const tap of taps) {
        const dy = (rowPhase + g.padTop - Math.floor(tap / g.kernel)) / g.stride;
        const dx = (columnPhase + g.padLeft - (tap % g.kernel)) / g.stride;
        if (Number.isInteger(dy) && Number.isInteger(dx)) {
          runs.push({ dy, dx, channel: 0, channels: g.outChannels, weights: from, stride: classVectors });
        }
        from += classVectors * g.outVectors * 4;
      }
      for (const { first, vectors } of cutInto(cut, classVectors)) {
        blocks.push({ vectors, vector: channel / 4 + first, end: channel / 4 + classVectors, column: first, runs });
      }
    }
  }
  return { blocks, perPhase: blocks.length / g.stride ** 2 };
}

/** What the layer's input gradient needs transposed: `from` and `to` are the first vec4s of its weights and of its result. */
export function transpositions(g: Geometry, from: number, to: number): readonly Transposition[] {
  const jobs: Transposition[] = [];
  let [source, target] = [from, to];
  for (const { channels, taps } of g.classes) {
    const inVectors = Math.ceil(channels / 4);
    // A class's taps lie one behind the other in both layouts.
    const flip = g.form !== 'rows' && g.stride === 1;
    jobs.push({ from: source, to: target, taps: taps.length, inVectors, outVectors: g.outVectors, flip });
    source += taps.length * inVectors * 4 * g.outVectors;
    target += taps.length * inVectors * 4 * g.outVectors;
  }
  return jobs;
}

/** Which way lines run, as the kernels' shapes say it: along rows, or along columns. */
export function lineShape(
  g: Pick<Geometry, 'outHeight' | 'outWidth' | 'inHeight' | 'inWidth' | 'padTop' | 'padLeft'>,
  form: Geometry['form'],
) {
  return form === 'column lines'
    ? {
        outAcross: g.outWidth,
        outAlong: g.outHeight,
        outLine: 1,
        outStep: g.outWidth,
        inAcross: g.inWidth,
        inAlong: g.inHeight,
        inLine: 1,
        inStep: g.inWidth,
        padAlong: g.padTop,
      }
    : {
        outAcross: g.outHeight,
        outAlong: g.outWidth,
        outLine: g.outWidth,
        outStep: 1,
        inAcross: g.inHeight,
        inAlong: g.inWidth,
        inLine: g.inWidth,
        inStep: 1,
        padAlong: g.padLeft,
      };
}

/** Lines of taps of each class: where they are read across, and their first row of the lowered matrix. */
function linesOf(g: Geometry): readonly { tapClass: TapClass; across: number; row: number }[] {
  let row = 0;
  return g.classes.flatMap((tapClass) => {
    const first = row;
    const tapRows = padded(tapClass.channels);
    row += tapClass.taps.length * tapRows;
    return g.form === 'column lines'
      ? [{ tapClass, across: (tapClass.taps[0] ?? 0) - g.padLeft, row: first }]
      : [0, 1, 2].map((ky) => ({ tapClass, across: ky - g.padTop, row: first + ky * 3 * tapRows }));
  });
}

/** Blocks of the forward pass, line by line. */
export function forwardLines(g: Geometry, cut: Cut): readonly LineBlock[] {
  const runs = linesOf(g).map(({ tapClass: { channel, channels }, across, row }): LineRun => ({
    across,
    channel,
    channels,
    weights: row * g.outVectors,
    rowStride: g.outVectors,
    tapStride: padded(channels) * g.outVectors,
  }));
  return cutInto(cut, g.outVectors).map(({ first, vectors }) => ({
    vectors,
    vector: first,
    end: g.outVectors,
    column: first,
    runs,
  }));
}

/** Blocks of the input gradient at stride 1, line by line, on weights that are flipped and transposed class by class. */
export function gradientLines(g: Geometry, cut: Cut): readonly LineBlock[] {
  const outputs = g.outVectors * 4;
  let from = 0;
  return g.classes.flatMap(({ channel, channels, taps }): LineBlock[] => {
    const classVectors = Math.ceil(channels / 4);
    const common = {
      channel: 0,
      channels: g.outChannels,
      rowStride: classVectors,
      tapStride: outputs * classVectors,
    };
    const runs: LineRun[] =
      g.form === 'column lines'
        ? [{ ...common, across: g.padLeft - (taps[0] ?? 0), weights: from }]
        : [0, 1, 2].map((ky) => ({
            ...common,
            across: ky - (2 - g.padTop),
            weights: from + ky * 3 * outputs * classVectors,
          }));
    from += taps.length * outputs * classVectors;
    return cutInto(cut, classVectors).map(({ first, vectors }) => ({
      vectors,
      vector: channel / 4 + first,
      end: channel / 4 + classVectors,
      column: first,
      runs,
    }));
  });
}

/** Units of the kernel gradient, line by line: four input channels each. */
export const lineUnits = (g: Geometry): readonly LineUnit[] =>
  linesOf(g).flatMap(({ tapClass: { channel, channels }, across, row }) =>
    Array.from({ length: Math.ceil(channels / 4) }, (_, vector) => ({
      across,
      vector: channel / 4 + vector,
      row: row + 4 * vector,
      tapRows: padded(channels),
    })),
  );

/** Multiply-adds of one pass over a convolution, padding of channels included. */
export const convCost = (g: Geometry): number =>
  g.images * g.outHeight * g.outWidth * lowered(g).rows * g.outVectors * 4;
