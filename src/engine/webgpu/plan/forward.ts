import { samePadLow } from '../../../core/network/index.ts';
import { DEPTHWISE } from '../kernel-set.ts';
import { elementwiseGrid, groupsFor } from '../kernel.ts';
import { type AveragePoolField, averagePool } from '../kernels/average-pool/kernel.ts';
import { addBias } from '../kernels/bias/kernel.ts';
import { channelMoments, channelWalk, finishGrid, gateScale, runningScale } from '../kernels/batch-norm/kernel.ts';
import { convLinesGrid, lineTable, lineTiles } from '../kernels/conv-lines/kernel.ts';
import { evenly } from '../kernels/conv/cut.ts';
import { bySize } from '../kernels/conv/table.ts';
import { convRowsGrid, rowTable, rowTiles } from '../kernels/conv-rows/kernel.ts';
import { type Epilogue, PLAIN_STORE, type StoreField, type Tile, momentParts } from '../kernels/conv/tile.ts';
import { depthwiseGrid } from '../kernels/depthwise/kernel.ts';
import { globalAverage } from '../kernels/global-average/kernel.ts';
import { softmaxCrossEntropy, sumOutcomes } from '../kernels/loss/kernel.ts';
import { type MaxPoolField, type PoolWindow, maxPool } from '../kernels/max-pool/kernel.ts';
import { ELEMENTWISE_COST, type PlanContext } from './context.ts';
import { type Geometry, convCost, forwardBlocks, forwardLines, geometryOf, lineShape } from './geometry.ts';
import { recordRescale } from './rescale.ts';
import { type LayerUnit, type NormUnit, type PoolUnit, activationCode, readsOf } from './units.ts';

/** How norms find their statistics: the batch's, updating the running ones; or the running ones as constants. */
export type Statistics = 'batch' | 'running';

/** Records the forward pass and the loss. */
export function recordForward(context: PlanContext, statistics: Statistics): void {
  /** Parts of the moments that layers have left in the scratch, by the layer's output. */
  const moments = new Map<string, MomentParts>();
  for (const unit of context.units) {
    if (unit.kind === 'layer') {
      const norm = context.units.find((other) => other.kind === 'norm' && other.input === unit.output);
      const wanted =
        statistics === 'batch' &&
        norm?.kind === 'norm' &&
        norm.batchNorm !== null &&
        follows(context, unit, norm) &&
        // What is rescaled first has other moments.
        context.rescaled(unit.output) < 0;
      const parts = recordLayer(context, unit, wanted ? norm : null);
      if (wanted && parts) moments.set(unit.output, parts);
    }
    if (unit.kind === 'pool') recordPool(context, unit);
    if (unit.kind === 'norm') recordNorm(context, unit, statistics, moments.get(unit.input) ?? null);
    if (context.rescaled(unit.output) >= 0) recordRescale(context, unit.output);
  }
  recordLoss(context);
}

/** Whether nothing uses the scratch for partial sums between a layer and its norm. */
const follows = (context: PlanContext, layer: LayerUnit, norm: NormUnit): boolean =>
  context.units.indexOf(norm) === context.units.indexOf(layer) + 1;

/** Records scale and shift of folded norms: once before any number of forward passes. */
export function recordFolded(context: PlanContext): void {
  for (const unit of context.units) {
    if (unit.kind === 'layer' && unit.folded) recordRunningScale(context, { ...unit.folded, output: unit.output });
  }
}

function recordRunningScale(context: PlanContext, norm: Pick<NormUnit, 'batchNorm' | 'gate' | 'output'>): void {
  const { buffers, recorder } = context;
  const { vectors } = context.extent(norm.output);
  const parameter = (role: string): GPUBufferBinding => context.slice(buffers.parameters, `${norm.batchNorm}/${role}`);
  const statistic = (role: string): GPUBufferBinding => context.slice(buffers.running, `${norm.batchNorm}/${role}`);
  recorder.record(
    runningScale,
    {
      gamma: parameter('gamma'),
      beta: parameter('beta'),
      mean: statistic('mean'),
      variance: statistic('variance'),
      state: context.state(norm, vectors),
    },
    { vectors },
    [groupsFor(vectors), 1, 1],
    vectors * ELEMENTWISE_COST,
  );
}

/** In how many parts moments are: vectors from `tail` on, made in tiles of another size, in `tailParts`. */
interface MomentParts {
  readonly parts: number;
  readonly tail: number;
  readonly tailParts: number;
}

/** Records a layer; `norm` is the batch norm that wants the moments of its values. Returns the parts they are in, if any. */
function recordLayer(context: PlanContext, unit: LayerUnit, norm: NormUnit | null): MomentParts | null {
  if (unit.node.op === 'depthwiseConv') {
    recordDepthwise(context, unit);
    return null;
  }
  const { recorder, kernels, buffers } = context;
  const g = geometryOf(context, unit);
  const weights = context.slice(buffers.parameters, `${unit.node.id}/kernel`);
  const source = context.paddedActivation(unit.input);
  const output = context.activation(unit.output);
  const folded = unit.folded && { ...unit.folded, output: unit.output };
  const perChannel = folded
    ? context.state(folded, g.outVectors)
    : norm
      ? context.slice(buffers.running, `${norm.batchNorm}/mean`)
      : weights;
  const bindings = {
    source,
    weights,
    perChannel,
    added: folded?.added ? context.activation(folded.added) : weights,
    output,
    partials: norm ? { buffer: context.training.partials } : context.discarded,
  };
  const epilogue: Epilogue = folded ? (folded.added ? 'folded-add' : 'folded') : norm ? 'moments' : 'plain';
  const store = (tile: Tile, tiles: number): Record<StoreField, number> => ({
    ...PLAIN_STORE,
    ...(folded ? { activation: activationCode(folded.activation) } : {}),
    ...(norm ? { parts: momentParts(tile, tiles) } : {}),
  });

  const made: Made[] = [];
  if (g.form !== 'rows') {
    const along = lineShape(g, g.form);
    const stride = g.stride === 2 ? 2 : 1;
    const channels = g.form === 'row lines' ? g.inChannels : null;
    for (const { vectors, blocks, share } of bySize(forwardLines(g, kernels.lineCut(along.outAlong)))) {
      const { tile, kernel } = kernels.convLines(vectors, stride, along.outAlong, channels, epilogue);
      const shape = {
        ...along,
        images: g.images,
        outVectors: g.outVectors,
        inVectors: g.inVectors,
        blocks: blocks.length,
      };
      const stored = { ...shape, ...store(tile, lineTiles(tile, shape)) };
      made.push({ first: blocks[0]?.vector ?? 0, parts: stored.parts });
      const lines = recorder.table(lineTable(blocks));
      recorder.record(kernel, { ...bindings, lines }, stored, convLinesGrid(tile, shape), convCost(g) * share);
    }
  } else {
    const { tile, kernel } = kernels.convRows(
      g.outVectors,
      { lines: g.images * g.outHeight, width: g.outWidth },
      epilogue,
    );
    const blocks = forwardBlocks(g, evenly(tile.vectors));
    const shape = rowsShape(g, blocks.length, { outStride: 1, inStride: g.stride });
    const stored = { ...shape, ...store(tile, rowTiles(tile, shape)) };
    made.push({ first: 0, parts: stored.parts });
    const rows = recorder.table(rowTable(blocks));
    recorder.record(kernel, { ...bindings, rows }, stored, convRowsGrid(tile, shape), convCost(g));
  }
  if (unit.node.op === 'dense') {
    const { size, vectors } = context.extent(unit.output);
    recorder.record(
      addBias,
      { bias: context.slice(buffers.parameters, `${unit.node.id}/bias`), values: output },
      { size, vectors },
      elementwiseGrid(size),
      size * ELEMENTWISE_COST,
    );
  }
  return norm && momentsIn(made, g.outVectors);
}

/** What a dispatch has made: vectors from `first` on, with moments in so many parts. */
interface Made {
  readonly first: number;
  readonly parts: number;
}

/** Of at most two sizes of tiles: `cutOf` mixes no more. */
const momentsIn = ([all, rest]: readonly Made[], vectors: number): MomentParts => ({
  parts: all?.parts ?? 0,
  tail: rest?.first ?? vectors,
  tailParts: rest?.parts ?? 0,
});

/** Shape of a convolution over rows, as far as it does not depend on what is stored. */
export const rowsShape = (
  g: Pick<Geometry, 'images' | 'outHeight' | 'outWidth' | 'outVectors' | 'inHeight' | 'inWidth' | 'inVectors'>,
  blocks: number,
  strides: { readonly outStride: number; readonly inStride: number },
) => ({
  images: g.images,
  outHeight: g.outHeight,
  outWidth: g.outWidth,
  outVectors: g.outVectors,
  inHeight: g.inHeight,
  inWidth: g.inWidth,
  inVectors: g.inVectors,
  blocks,
  ...strides,
});

function recordDepthwise(context: PlanContext, unit: LayerUnit): void {
  const { recorder, buffers } = context;
  if (unit.node.op !== 'depthwiseConv') return;
  const shape = depthwiseShape(context, unit);
  const weights = context.slice(buffers.parameters, `${unit.node.id}/kernel`);
  const folded = unit.folded && { ...unit.folded, output: unit.output };
  recorder.record(
    depthwiseKernels(unit).forward[folded ? 'folded' : 'plain'],
    {
      source: context.paddedActivation(unit.input),
      weights,
      perChannel: folded ? context.state(folded, shape.vectors) : weights,
      output: context.activation(unit.output),
    },
    {
      ...shape,
      flip: 0,
      activation: activationCode(folded?.activation ?? 'none'),
    },
    depthwiseGrid(shape.rows, shape.outWidth, shape.vectors),
    shape.rows * shape.outWidth * shape.vectors * ELEMENTWISE_COST * 3,
  );
}

/** A depthwise layer's kernels for its stride. Throws a sentence for kernels other than 3x3 with stride 1 or 2. */
export function depthwiseKernels(unit: LayerUnit): {
  forward: (typeof DEPTHWISE)['forward'][0];
  kernelGradient: (typeof DEPTHWISE)['kernelGradient'][0];
} {
  const { node } = unit;
  const index = node.op === 'depthwiseConv' && node.kernel === 3 ? node.stride - 1 : -1;
  const [forward, kernelGradient] = [DEPTHWISE.forward[index], DEPTHWISE.kernelGradient[index]];
  if (!forward || !kernelGradient) {
    throw new Error(`"${node.id}": this engine runs 3x3 depthwise convolutions with stride 1 or 2 only`);
  }
  return { forward, kernelGradient };
}

export function depthwiseShape(context: PlanContext, unit: LayerUnit) {
  const input = context.extent(unit.input);
  const output = context.extent(unit.node.id);
  const stride = unit.node.op === 'depthwiseConv' ? unit.node.stride : 1;
  return {
    rows: context.batch * output.shape[0],
    outHeight: output.shape[0],
    outWidth: output.shape[1],
    inHeight: input.shape[0],
    inWidth: input.shape[1],
    vectors: output.vectors,
    padTop: samePadLow(input.shape[0], 3, stride),
    padLeft: samePadLow(input.shape[1], 3, stride),
  };
}

/** Records a norm; `moments` says in how many parts the layer before has left its sums, if it has. */
function recordNorm(context: PlanContext, unit: NormUnit, statistics: Statistics, moments: MomentParts | null): void {
  const { recorder, buffers } = context;
  const { pixels, vectors, size } = context.extent(unit.output);
  const values = context.activation(unit.input);
  const state = context.state(unit, vectors);
  if (unit.batchNorm && statistics === 'batch') {
    const parameter = (role: string): GPUBufferBinding =>
      context.slice(buffers.parameters, `${unit.batchNorm}/${role}`);
    const statistic = (role: string): GPUBufferBinding => context.slice(buffers.running, `${unit.batchNorm}/${role}`);
    const { parts, tail, tailParts } =
      moments ?? momentsIn([{ first: 0, parts: context.parts(pixels, vectors) }], vectors);
    const partials = { buffer: context.training.partials };
    const shape = { pixels, vectors, parts };
    if (!moments) {
      recorder.record(
        channelMoments,
        { values, pivots: statistic('mean'), partials },
        shape,
        [groupsFor(parts * vectors), 1, 1],
        size * ELEMENTWISE_COST,
      );
    }
    recorder.record(
      context.kernels.finishMoments,
      {
        partials,
        gamma: parameter('gamma'),
        beta: parameter('beta'),
        mean: statistic('mean'),
        variance: statistic('variance'),
        state,
      },
      { ...shape, tail, tailParts },
      finishGrid(context.kernels.tuning.wide, vectors),
      parts * vectors * ELEMENTWISE_COST,
    );
  } else if (unit.batchNorm) {
    recordRunningScale(context, unit);
  } else if (unit.gate) {
    const gate = context.slice(buffers.parameters, `${unit.gate}/gate`);
    recorder.record(gateScale, { gate, state }, { vectors }, [groupsFor(vectors), 1, 1], vectors * ELEMENTWISE_COST);
  }
  const { apart, grid } = channelWalk(pixels, vectors, context.kernels.tuning.walked);
  recorder.record(
    unit.added ? context.kernels.norm.scaleShiftAdd : context.kernels.norm.scaleShift,
    {
      values,
      state,
      added: unit.added ? context.activation(unit.added) : values,
      output: context.activation(unit.output),
    },
    { pixels, vectors, apart, activation: activationCode(unit.activation) },
    grid,
    size * ELEMENTWISE_COST,
  );
}

/** What the shapes of a pooling's kernels have in common. */
export function poolShape(
  context: PlanContext,
  unit: PoolUnit,
  { size, stride }: PoolWindow,
): Record<Exclude<MaxPoolField & AveragePoolField, 'count'>, number> {
  const input = context.extent(unit.input);
  const output = context.extent(unit.output);
  return {
    inHeight: input.shape[0],
    inWidth: input.shape[1],
    outHeight: output.shape[0],
    outWidth: output.shape[1],
    vectors: output.vectors,
    padTop: samePadLow(input.shape[0], size, stride),
    padLeft: samePadLow(input.shape[1], size, stride),
  };
}

function recordPool(context: PlanContext, unit: PoolUnit): void {
  const { recorder } = context;
  const input = context.extent(unit.input);
  const output = context.extent(unit.output);
  const buffers = { source: context.activation(unit.input), output: context.activation(unit.output) };
  const cost = input.size * ELEMENTWISE_COST;
  if (unit.node.op === 'globalAvgPool') {
    const area = input.shape[0] * input.shape[1];
    const shape = { images: context.batch, area, vectors: input.vectors };
    recorder.record(globalAverage, buffers, shape, [groupsFor(output.size), 1, 1], cost);
  } else {
    const { op, size, stride } = unit.node;
    const shape = { ...poolShape(context, unit, unit.node), count: output.size };
    const grid = elementwiseGrid(output.size);
    if (op === 'maxPool') {
      const winners = context.winners(unit.node.id);
      recorder.record(maxPool(unit.node), { ...buffers, winners }, shape, grid, cost);
    } else {
      recorder.record(averagePool, buffers, { ...shape, size, stride, accumulate: 0 }, grid, cost);
    }
  }
}

function recordLoss(context: PlanContext): void {
  const { recorder, batch, buffers, units } = context;
  const classifier = units.at(-1);
  if (classifier?.kind !== 'layer' || readsOf(classifier).length !== 1) {
    throw new Error('plan: the last node of a network must be its classifier');
  }
  const { shape, vectors } = context.extent(classifier.output);
  recorder.record(
    softmaxCrossEntropy,
    {
      logits: context.activation(classifier.output),
      labels: { buffer: buffers.labels },
      outcome: { buffer: buffers.outcome },
      gradient: context.gradient(classifier.output),
    },
    { images: batch, classes: shape[2], padded: vectors * 4 },
    [groupsFor(batch), 1, 1],
    batch * ELEMENTWISE_COST,
  );
  recorder.record(
    sumOutcomes,
    { outcome: { buffer: buffers.outcome }, metrics: { buffer: buffers.metrics } },
    { images: batch },
    [1, 1, 1],
    batch * ELEMENTWISE_COST,
  );
}
