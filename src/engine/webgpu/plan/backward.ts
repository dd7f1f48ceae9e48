import { elementwiseGrid, groupsFor } from '../kernel.ts';
import { biasGradient } from '../kernels/bias/kernel.ts';
import { finishGradientMoments, gradientMoments, channelWalk } from '../kernels/batch-norm/kernel.ts';
import { convGrid } from '../kernels/conv-forward/kernel.ts';
import { inputGradientGrid } from '../kernels/conv-input-gradient/kernel.ts';
import { kernelGradientGrid, splitRows, sumParts } from '../kernels/conv-kernel-gradient/kernel.ts';
import { globalAverageGradient } from '../kernels/global-average/kernel.ts';
import { maxPoolGradient } from '../kernels/max-pool/kernel.ts';
import { transposeKernel } from '../kernels/transpose-kernel/kernel.ts';
import { ELEMENTWISE_COST, type PlanContext } from './context.ts';
import { type PoolUnit, poolShape } from './forward.ts';
import { type LayerUnit, convCost, geometryOf } from './geometry.ts';
import type { Unit } from './units.ts';

/**
 * Records the backward pass: units in reverse order, each turning the gradient of its output into those of its inputs
 * and parameters. An activation with several readers gets its gradient from the last one first; the others add.
 */
export function recordBackward(context: PlanContext): void {
  const written = new Set<string>();
  /** Whether a gradient must be added to (1) or may be written (0); remembers that it has been. */
  const accumulate = (node: string): number => {
    const again = written.has(node) ? 1 : 0;
    written.add(node);
    return again;
  };
  for (const unit of [...context.units].reverse()) {
    if (unit.kind === 'layer') recordLayer(context, unit, accumulate);
    if (unit.kind === 'pool') recordPool(context, unit, accumulate);
    if (unit.kind === 'norm') recordNorm(context, unit, accumulate);
  }
}

type Accumulate = (node: string) => number;

/** The image's gradient is never needed. */
const needsGradient = (context: PlanContext, node: string): boolean =>
  context.units.some((unit) => unit.output === node && unit.kind !== 'input');

function recordLayer(context: PlanContext, unit: LayerUnit, accumulate: Accumulate): void {
  if (unit.node.op === 'dense') {
    const { pixels, vectors } = context.extent(unit.output);
    const sums = context.slice(context.training.gradients, `${unit.output}/bias`);
    const grid = [groupsFor(vectors), 1, 1] as const;
    const buffers = { gradient: context.gradient(unit.output), sums };
    context.recorder.record(
      biasGradient,
      buffers,
      { rows: pixels, vectors },
      grid,
      pixels * vectors * ELEMENTWISE_COST,
    );
  }
  recordKernelGradient(context, unit);
  if (needsGradient(context, unit.node.input)) recordInputGradient(context, unit, accumulate(unit.node.input));
}

function recordKernelGradient(context: PlanContext, unit: LayerUnit): void {
  const { recorder, kernels, training } = context;
  const g = geometryOf(context, unit, false);
  const set = kernels.choose(g.outVectors * 4);
  const { vectors } = set.tile;
  const wide = g.stride === 1 ? set.gradientSlide : set.gradient3x3;
  const kernel = g.kernel === 1 ? set.gradient1x1 : wide;
  const rows = g.images * g.outHeight;
  const split = splitRows(rows, { ...g, vectors }, kernels.tuning.threads);
  const partials = { buffer: training.partials };
  recorder.record(
    kernel,
    { source: context.paddedActivation(unit.node.input), gradient: context.paddedGradient(unit.output), partials },
    { ...g, rows, rowsPerPart: split.rowsPerPart, lanes: split.lanes },
    kernelGradientGrid(split, g.outVectors, vectors),
    convCost(g),
  );
  const size = g.kernel * g.kernel * g.inVectors * 4 * g.outVectors;
  const sums = context.slice(training.gradients, `${unit.output}/kernel`);
  const grid = [groupsFor(size), 1, 1] as const;
  recorder.record(
    sumParts,
    { partials, sums },
    { size, parts: split.parts },
    grid,
    (size * split.parts * ELEMENTWISE_COST) / 2,
  );
}

function recordInputGradient(context: PlanContext, unit: LayerUnit, accumulate: number): void {
  const { recorder, kernels, training, buffers } = context;
  const g = geometryOf(context, unit, true);
  const taps = g.kernel * g.kernel;
  const transposed = { buffer: training.transposed };
  const weights = context.slice(buffers.parameters, `${unit.output}/kernel`);
  const transposedSize = taps * g.outVectors * 4 * g.inVectors;
  recorder.record(
    transposeKernel,
    { weights, transposed },
    { taps, inVectors: g.inVectors, outVectors: g.outVectors, flip: Number(g.stride === 1) },
    [groupsFor(transposedSize), 1, 1],
    transposedSize * ELEMENTWISE_COST,
  );

  // Seen from the gradient, the layer's input is the output and the other way round.
  const set = kernels.choose(g.inVectors * 4);
  const rows = g.images * g.inHeight;
  const reversed = {
    rows,
    accumulate,
    kernel: g.kernel,
    stride: g.stride,
    outHeight: g.inHeight,
    outWidth: g.inWidth,
    outVectors: g.inVectors,
    inHeight: g.outHeight,
    inWidth: g.outWidth,
    inVectors: g.outVectors,
  };
  const bindings = {
    source: context.paddedGradient(unit.output),
    weights: transposed,
    output: context.gradient(unit.node.input),
  };
  if (g.stride === 1) {
    const pads = { padTop: g.kernel - 1 - g.padTop, padLeft: g.kernel - 1 - g.padLeft };
    const kernel = g.kernel === 3 ? set.conv3x3 : set.convForward;
    const grid = convGrid(set.tile, rows, g.inWidth, g.inVectors);
    recorder.record(kernel, bindings, { ...reversed, ...pads }, grid, convCost(g));
  } else {
    const grid = inputGradientGrid(set.tile, { ...reversed, images: g.images });
    const pads = { padTop: g.padTop, padLeft: g.padLeft };
    recorder.record(set.convInputGradient, bindings, { ...reversed, ...pads }, grid, convCost(g));
  }
}

function recordPool(context: PlanContext, unit: PoolUnit, accumulate: Accumulate): void {
  const { recorder } = context;
  const { input } = unit.node;
  if (!needsGradient(context, input)) return;
  const { shape, size, vectors } = context.extent(input);
  const gradient = context.gradient(unit.output);
  const sourceGradient = context.gradient(input);
  const cost = size * ELEMENTWISE_COST;
  if (unit.node.op === 'maxPool') {
    const buffers = {
      source: context.activation(input),
      output: context.activation(unit.output),
      gradient,
      sourceGradient,
    };
    const pool = poolShape(context, unit, size, accumulate(input));
    recorder.record(maxPoolGradient, buffers, pool, elementwiseGrid(size), cost * 4);
  } else {
    const average = { images: context.batch, area: shape[0] * shape[1], vectors, accumulate: accumulate(input) };
    recorder.record(globalAverageGradient, { gradient, sourceGradient }, average, elementwiseGrid(size), cost);
  }
}

function recordNorm(context: PlanContext, unit: Extract<Unit, { kind: 'norm' }>, accumulate: Accumulate): void {
  const { recorder, training } = context;
  const { pixels, vectors, size } = context.extent(unit.output);
  const relu = Number(unit.relu);
  const common = {
    gradient: context.gradient(unit.output),
    activation: context.activation(unit.output),
    values: context.activation(unit.values),
    state: context.state(unit.output),
  };
  const coefficients = context.coefficients(unit.output);
  if (unit.batchNorm) {
    const parts = context.parts(pixels, vectors);
    const partials = { buffer: training.partials };
    const cost = size * ELEMENTWISE_COST * 2;
    recorder.record(
      gradientMoments,
      { ...common, partials },
      { pixels, vectors, parts, relu },
      [groupsFor(parts * vectors), 1, 1],
      cost,
    );
    const finishBuffers = {
      partials,
      gammaGradient: context.slice(training.gradients, `${unit.batchNorm}/gamma`),
      betaGradient: context.slice(training.gradients, `${unit.batchNorm}/beta`),
      coefficients,
    };
    const grid = [groupsFor(vectors), 1, 1] as const;
    recorder.record(
      finishGradientMoments,
      finishBuffers,
      { pixels, vectors, parts },
      grid,
      parts * vectors * ELEMENTWISE_COST,
    );
  }
  const toValues = needsGradient(context, unit.values);
  const toAdded = unit.added !== null && needsGradient(context, unit.added);
  if (!toValues && !toAdded) return;
  const accumulateValues = accumulate(unit.values);
  const accumulateAdded = unit.added !== null && toAdded ? accumulate(unit.added) : 0;
  // Without an addition the kernel never touches this binding, but it may not alias the others.
  const addedGradient = unit.added !== null && toAdded ? context.gradient(unit.added) : { buffer: training.transposed };
  const { apart, grid } = channelWalk(pixels, vectors);
  recorder.record(
    toAdded ? context.kernels.norm.scaleShiftAddGradient : context.kernels.norm.scaleShiftGradient,
    { ...common, coefficients, valuesGradient: context.gradient(unit.values), addedGradient },
    { pixels, vectors, apart, relu, accumulate: accumulateValues, accumulateAdded },
    grid,
    size * ELEMENTWISE_COST * 2,
  );
}
