import { elementwiseGrid, groupsFor } from '../kernel.ts';
import { DEPTHWISE, normGradient } from '../kernel-set.ts';
import { averagePoolGradient } from '../kernels/average-pool/kernel.ts';
import { biasGradient } from '../kernels/bias/kernel.ts';
import { channelWalk, finishGrid } from '../kernels/batch-norm/kernel.ts';
import { gradient3x3Grid } from '../kernels/conv-3x3-input-gradient/kernel.ts';
import { lineUnitTable } from '../kernels/conv-lines-kernel-gradient/kernel.ts';
import { convLinesGrid, lineTable } from '../kernels/conv-lines/kernel.ts';
import { unitCount, unitTable } from '../kernels/conv-rows-kernel-gradient/kernel.ts';
import { convRowsGrid, rowTable } from '../kernels/conv-rows/kernel.ts';
import { kernelGradientGrid, splitRows, splitShape } from '../kernels/conv/kernel-gradient.ts';
import { evenly } from '../kernels/conv/cut.ts';
import { bySize } from '../kernels/conv/table.ts';
import { PLAIN_STORE } from '../kernels/conv/tile.ts';
import { depthwiseGradientGrid, depthwiseGrid, splitDepthwise } from '../kernels/depthwise/kernel.ts';
import { globalAverageGradient } from '../kernels/global-average/kernel.ts';
import { maxPoolGradient, poolSquares } from '../kernels/max-pool/kernel.ts';
import { sumGrid } from '../kernels/sum-parts/kernel.ts';
import {
  type Transposition,
  transposeGrid,
  transposeKernels,
  transposedSize,
  transpositionTable,
} from '../kernels/transpose-kernel/kernel.ts';
import { ELEMENTWISE_COST, type PlanContext } from './context.ts';
import { type Statistics, depthwiseKernels, depthwiseShape, poolShape, rowsShape } from './forward.ts';
import {
  type Geometry,
  convCost,
  geometryOf,
  gradientBlocks,
  gradientLines,
  lineShape,
  lineUnits,
  lowered,
  transpositions,
} from './geometry.ts';
import { recordRescaledGradient } from './rescale.ts';
import { type LayerUnit, type NormUnit, type PoolUnit, activationCode } from './units.ts';

/**
 * Records the backward pass: units in reverse order, each turning the gradient of its output into those of its inputs
 * and parameters. An activation with several readers gets its gradient from the last one first; the others add.
 */
export function recordBackward(context: PlanContext, statistics: Statistics): void {
  const written = new Set<string>();
  /** Whether a gradient must be added to (1) or may be written (0); remembers that it has been. */
  const accumulate = (node: string): number => {
    const again = written.has(node) ? 1 : 0;
    written.add(node);
    return again;
  };
  const transposed = recordTranspositions(context);
  for (const unit of [...context.units].reverse()) {
    if (context.rescaled(unit.output) >= 0) recordRescaledGradient(context, unit.output);
    if (unit.kind === 'layer') recordLayer(context, unit, accumulate, transposed);
    if (unit.kind === 'pool') recordPool(context, unit, accumulate);
    if (unit.kind === 'norm') recordNorm(context, unit, accumulate, statistics);
  }
}

type Accumulate = (node: string) => number;
/** Where each layer's transposed kernel lies, by the layer's id. */
type Transposed = ReadonlyMap<string, GPUBufferBinding>;

/** The image's gradient is needed by those alone who want to read it. */
const needsGradient = (context: PlanContext, node: string): boolean =>
  context.probe?.keep.has(node) === true || context.units.some((unit) => unit.output === node && unit.kind !== 'input');

/** Records the transposition of all kernels that an input gradient needs, in one dispatch. */
function recordTranspositions(context: PlanContext): Transposed {
  const jobs: Transposition[] = [];
  const places = new Map<string, GPUBufferBinding>();
  let end = 0;
  for (const unit of context.units) {
    if (unit.kind !== 'layer' || unit.node.op === 'depthwiseConv' || !needsGradient(context, unit.input)) continue;
    const weights = context.slice(context.buffers.parameters, `${unit.node.id}/kernel`);
    const layer = transpositions(geometryOf(context, unit), (weights.offset ?? 0) / 16, end);
    const size = layer.reduce((sum, job) => sum + transposedSize(job), 0);
    places.set(unit.node.id, { buffer: context.training.transposed, offset: end * 16, size: size * 16 });
    jobs.push(...layer);
    // Bindings start at multiples of 256 bytes.
    end += Math.ceil(size / 16) * 16;
  }
  if (jobs.length > 0) {
    context.recorder.record(
      transposeKernels,
      {
        weights: { buffer: context.buffers.parameters },
        jobs: context.recorder.table(transpositionTable(jobs)),
        transposed: { buffer: context.training.transposed },
      },
      { jobs: jobs.length },
      transposeGrid(jobs),
      end * ELEMENTWISE_COST,
    );
  }
  return places;
}

function recordLayer(context: PlanContext, unit: LayerUnit, accumulate: Accumulate, transposed: Transposed): void {
  const toInput = needsGradient(context, unit.input);
  if (unit.node.op === 'depthwiseConv') {
    recordDepthwise(context, unit, toInput ? accumulate : null);
    return;
  }
  if (unit.node.op === 'dense') {
    const { pixels, vectors } = context.extent(unit.output);
    const sums = context.slice(context.training.gradients, `${unit.node.id}/bias`);
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
  const g = geometryOf(context, unit);
  recordKernelGradient(context, unit, g);
  const weights = transposed.get(unit.node.id);
  if (toInput && weights) recordInputGradient(context, unit, g, weights, accumulate(unit.input));
}

function recordKernelGradient(context: PlanContext, unit: LayerUnit, g: Geometry): void {
  const { recorder, kernels, training } = context;
  const rows = g.images * g.outHeight;
  const { runs, rows: matrixRows } = lowered(g);
  const size = matrixRows * g.outVectors;
  const sums = context.slice(training.gradients, `${unit.node.id}/kernel`);
  const source = context.paddedActivation(unit.input);
  const gradient = context.paddedGradient(unit.output);
  const { outVectors, inVectors } = g;
  const common = { outVectors, inVectors, size };
  let parts: number;
  if (g.form !== 'rows') {
    const along = lineShape(g, g.form);
    const units = lineUnits(g);
    const stride = g.stride === 2 ? 2 : 1;
    const { tile, kernel } = kernels.convLinesKernelGradient(outVectors, stride, along.outAlong, units.length);
    const shape = { ...common, ...along, units: units.length };
    const lines = g.images * shape.outAcross;
    const split = splitRows(lines, splitShape(tile, units.length, outVectors), kernels.tuning.threads);
    ({ parts } = split);
    // A single part is the sum already.
    const partials = parts === 1 ? sums : { buffer: training.partials };
    recorder.record(
      kernel,
      { source, gradient, partials, table: recorder.table(lineUnitTable(units)) },
      { ...shape, lanes: split.lanes, lines, linesPerPart: split.rowsPerPart },
      kernelGradientGrid(split, tile, outVectors),
      convCost(g),
    );
  } else {
    const { tile, kernel } = kernels.convRowsKernelGradient(g.outVectors);
    const units = unitCount(runs);
    const split = splitRows(rows, { ...g, units, vectors: tile.vectors }, kernels.tuning.threads);
    ({ parts } = split);
    const partials = parts === 1 ? sums : { buffer: training.partials };
    recorder.record(
      kernel,
      { source, gradient, partials, units: recorder.table(unitTable(runs, g.outVectors)) },
      {
        ...common,
        rows,
        rowsPerPart: split.rowsPerPart,
        lanes: split.lanes,
        units,
        outHeight: g.outHeight,
        outAlong: g.outWidth,
        inHeight: g.inHeight,
        inWidth: g.inWidth,
        stride: g.stride,
      },
      kernelGradientGrid(split, tile, g.outVectors),
      convCost(g),
    );
  }
  if (parts > 1) recordSum(context, size, parts, sums);
}

function recordSum(context: PlanContext, size: number, parts: number, sums: GPUBufferBinding): void {
  const { kernels, training, recorder } = context;
  recorder.record(
    kernels.sumParts,
    { partials: { buffer: training.partials }, sums },
    { size, parts },
    sumGrid(kernels.tuning.wide, size),
    (size * parts * ELEMENTWISE_COST) / 2,
  );
}

function recordInputGradient(
  context: PlanContext,
  unit: LayerUnit,
  g: Geometry,
  weights: GPUBufferBinding,
  accumulate: number,
): void {
  const { recorder, kernels } = context;
  // Seen from the gradient, the layer's input is the output and the other way round.
  const reversed = {
    images: g.images,
    outHeight: g.inHeight,
    outWidth: g.inWidth,
    outVectors: g.inVectors,
    inHeight: g.outHeight,
    inWidth: g.outWidth,
    inVectors: g.outVectors,
    inChannels: g.outChannels,
    ...PLAIN_STORE,
  };
  const epilogue = accumulate ? 'accumulate' : 'plain';
  const bindings = {
    source: context.paddedGradient(unit.output),
    weights,
    perChannel: weights,
    added: weights,
    output: context.gradient(unit.input),
    partials: context.discarded,
  };
  if (g.form !== 'rows' && g.stride === 1) {
    const pads = { padTop: 2 - g.padTop, padLeft: 2 - g.padLeft };
    const along = lineShape({ ...reversed, ...pads }, g.form);
    const channels = g.form === 'row lines' ? g.outChannels : null;
    for (const { vectors, blocks, share } of bySize(gradientLines(g, kernels.lineCut(along.outAlong)))) {
      const { tile, kernel } = kernels.convLines(vectors, 1, along.outAlong, channels, epilogue);
      const shape = { ...reversed, ...along, blocks: blocks.length };
      const lines = recorder.table(lineTable(blocks));
      recorder.record(kernel, { ...bindings, lines }, shape, convLinesGrid(tile, shape), convCost(g) * share);
    }
  } else if (g.form === 'row lines') {
    const { tile, kernel } = kernels.conv3x3InputGradient(g.inVectors, g.inWidth, epilogue);
    const shape = { ...reversed, padTop: g.padTop, padLeft: g.padLeft };
    recorder.record(kernel, bindings, shape, gradient3x3Grid(tile, shape), convCost(g));
  } else {
    const { tile, kernel } = kernels.convRows(
      widestClass(g),
      { lines: g.images * g.inHeight, width: g.inWidth },
      epilogue,
    );
    const { blocks, perPhase } = gradientBlocks(g, evenly(tile.vectors));
    const shape = rowsShape(reversed, perPhase, { outStride: g.stride, inStride: 1 });
    const rows = recorder.table(rowTable(blocks));
    recorder.record(kernel, { ...bindings, rows }, { ...reversed, ...shape }, convRowsGrid(tile, shape), convCost(g));
  }
}

/** Vec4s of the widest class of input channels: what tiles of the input gradient are chosen for. */
const widestClass = (g: Geometry): number => Math.max(...g.classes.map(({ channels }) => Math.ceil(channels / 4)));

function recordDepthwise(context: PlanContext, unit: LayerUnit, accumulate: Accumulate | null): void {
  const { recorder, training, buffers, kernels } = context;
  const shape = depthwiseShape(context, unit);
  const { vectors } = shape;
  const source = context.paddedActivation(unit.input);
  const split = splitDepthwise(shape.rows, vectors, kernels.tuning.threads);
  const sums = context.slice(training.gradients, `${unit.node.id}/kernel`);
  const size = 9 * vectors;
  const cost = shape.rows * shape.outWidth * vectors * ELEMENTWISE_COST * 3;
  recorder.record(
    depthwiseKernels(unit).kernelGradient,
    {
      source,
      gradient: context.gradient(unit.output),
      partials: split.parts === 1 ? sums : { buffer: training.partials },
    },
    { ...shape, ...split },
    split.grid,
    cost,
  );
  if (split.parts > 1) recordSum(context, size, split.parts, sums);
  if (!accumulate) return;

  const stride = unit.node.op === 'depthwiseConv' ? unit.node.stride : 1;
  const weights = context.slice(buffers.parameters, `${unit.node.id}/kernel`);
  const bindings = { source: context.paddedGradient(unit.output), weights, output: context.gradient(unit.input) };
  const reversed = {
    ...shape,
    rows: context.batch * shape.inHeight,
    outHeight: shape.inHeight,
    outWidth: shape.inWidth,
    inHeight: shape.outHeight,
    inWidth: shape.outWidth,
  };
  const epilogue = accumulate(unit.input) ? 'accumulate' : 'plain';
  if (stride === 1) {
    const pads = { padTop: 2 - shape.padTop, padLeft: 2 - shape.padLeft };
    recorder.record(
      DEPTHWISE.forward[0][epilogue],
      { ...bindings, perChannel: weights },
      { ...reversed, ...pads, flip: 1, activation: 0 },
      depthwiseGrid(reversed.rows, reversed.outWidth, vectors),
      cost,
    );
  } else {
    const grid = depthwiseGradientGrid(reversed.rows, reversed.outWidth, vectors);
    recorder.record(DEPTHWISE.inputGradient[epilogue], bindings, { ...reversed, flip: 0 }, grid, cost);
  }
}

function recordPool(context: PlanContext, unit: PoolUnit, accumulate: Accumulate): void {
  const { recorder } = context;
  const { input } = unit;
  if (!needsGradient(context, input)) return;
  const { shape, size, vectors } = context.extent(input);
  const gradient = context.gradient(unit.output);
  const sourceGradient = context.gradient(input);
  const cost = size * ELEMENTWISE_COST;
  if (unit.node.op === 'globalAvgPool') {
    const average = { images: context.batch, area: shape[0] * shape[1], vectors, accumulate: accumulate(input) };
    recorder.record(globalAverageGradient, { gradient, sourceGradient }, average, elementwiseGrid(size), cost);
    return;
  }
  const { op, size: side, stride } = unit.node;
  const pool = poolShape(context, unit, unit.node);
  if (op === 'avgPool') {
    const average = { ...pool, count: size, size: side, stride, accumulate: accumulate(input) };
    recorder.record(averagePoolGradient, { gradient, sourceGradient }, average, elementwiseGrid(size), cost * 4);
    return;
  }
  const count = context.batch * poolSquares(unit.node, pool) * vectors;
  recorder.record(
    maxPoolGradient(unit.node, accumulate(input) === 1),
    { winners: context.winners(unit.node.id), gradient, sourceGradient },
    { ...pool, count },
    elementwiseGrid(count),
    cost * 2,
  );
}

function recordNorm(context: PlanContext, unit: NormUnit, accumulate: Accumulate, statistics: Statistics): void {
  const { recorder, training, kernels } = context;
  const { pixels, vectors, size } = context.extent(unit.output);
  const activation = activationCode(unit.activation);
  const residual = unit.added !== null;
  const values = context.activation(unit.input);
  const common = {
    gradient: context.gradient(unit.output),
    values,
    state: context.state(unit, vectors),
    activation: residual ? context.activation(unit.output) : values,
  };
  const coefficients = context.coefficients(unit, vectors);
  if (unit.batchNorm ?? unit.gate) {
    const parts = context.parts(pixels, vectors);
    const partials = { buffer: training.partials };
    const cost = size * ELEMENTWISE_COST * 2;
    recorder.record(
      residual ? kernels.norm.gradientMomentsAdd : kernels.norm.gradientMoments,
      { ...common, partials },
      { pixels, vectors, parts, activation },
      [groupsFor(parts * vectors), 1, 1],
      cost,
    );
    const slice = (name: string): GPUBufferBinding => context.slice(training.gradients, name);
    recorder.record(
      kernels.finishGradientMoments,
      {
        partials,
        gammaGradient: slice(unit.batchNorm ? `${unit.batchNorm}/gamma` : `${unit.gate}/gate`),
        betaGradient: unit.batchNorm ? slice(`${unit.batchNorm}/beta`) : context.discarded,
        coefficients,
      },
      { pixels, vectors, parts, constant: Number(unit.gate !== null || statistics === 'running') },
      finishGrid(kernels.tuning.wide, vectors),
      parts * vectors * ELEMENTWISE_COST,
    );
  }
  const toValues = needsGradient(context, unit.input);
  const toAdded = unit.added !== null && needsGradient(context, unit.added);
  if (!toValues && !toAdded) return;
  const accumulation = {
    values: accumulate(unit.input) === 1,
    added: unit.added !== null && toAdded && accumulate(unit.added) === 1,
  };
  // Without an addition the kernel never touches this binding, but it may not alias the others.
  const addedGradient = unit.added !== null && toAdded ? context.gradient(unit.added) : context.discarded;
  const { apart, grid } = channelWalk(pixels, vectors, context.kernels.tuning.walked);
  recorder.record(
    normGradient(residual, accumulation),
    { ...common, coefficients, valuesGradient: context.gradient(unit.input), addedGradient },
    { pixels, vectors, apart, activation },
    grid,
    size * ELEMENTWISE_COST * 2,
  );
}
