import { samePadLow } from '../../../core/network/index.ts';
import { elementwiseGrid, groupsFor } from '../kernel.ts';
import { addBias } from '../kernels/bias/kernel.ts';
import { channelMoments, finishMoments, channelWalk, runningScale } from '../kernels/batch-norm/kernel.ts';
import { convGrid } from '../kernels/conv-forward/kernel.ts';
import { globalAverage } from '../kernels/global-average/kernel.ts';
import { softmaxCrossEntropy, sumOutcomes } from '../kernels/loss/kernel.ts';
import { maxPool, type PoolShape } from '../kernels/max-pool/kernel.ts';
import { ELEMENTWISE_COST, type PlanContext } from './context.ts';
import { type LayerUnit, convCost, geometryOf } from './geometry.ts';
import type { Unit } from './units.ts';

type NormUnit = Extract<Unit, { kind: 'norm' }>;
export type PoolUnit = Extract<Unit, { kind: 'pool' }>;

/** Records the forward pass and the loss. With `train` norms use batch statistics, else running ones. */
export function recordForward(context: PlanContext, train: boolean): void {
  for (const unit of context.units) {
    if (unit.kind === 'layer') recordLayer(context, unit);
    if (unit.kind === 'pool') recordPool(context, unit);
    if (unit.kind === 'norm') recordNorm(context, unit, train);
  }
  recordLoss(context);
}

function recordLayer(context: PlanContext, unit: LayerUnit): void {
  const { recorder, kernels, buffers } = context;
  const g = geometryOf(context, unit, true);
  const set = kernels.choose(g.outVectors * 4);
  const kernel = g.kernel === 3 && g.stride === 1 ? set.conv3x3 : set.convForward;
  const rows = g.images * g.outHeight;
  recorder.record(
    kernel,
    {
      source: context.paddedActivation(unit.node.input),
      weights: context.slice(buffers.parameters, `${unit.output}/kernel`),
      output: context.activation(unit.output),
    },
    { ...g, rows, accumulate: 0 },
    convGrid(set.tile, rows, g.outWidth, g.outVectors),
    convCost(g),
  );
  if (unit.node.op === 'dense') {
    const { size, vectors } = context.extent(unit.output);
    recorder.record(
      addBias,
      { bias: context.slice(buffers.parameters, `${unit.output}/bias`), values: context.activation(unit.output) },
      { size, vectors },
      elementwiseGrid(size),
      size * ELEMENTWISE_COST,
    );
  }
}

function recordNorm(context: PlanContext, unit: NormUnit, train: boolean): void {
  const { recorder, buffers } = context;
  const { pixels, vectors, size } = context.extent(unit.output);
  const values = context.activation(unit.values);
  const state = context.state(unit.output);
  if (unit.batchNorm) {
    const parameter = (role: string): GPUBufferBinding =>
      context.slice(buffers.parameters, `${unit.batchNorm}/${role}`);
    const statistic = (role: string): GPUBufferBinding => context.slice(buffers.running, `${unit.batchNorm}/${role}`);
    const norm = { gamma: parameter('gamma'), beta: parameter('beta') };
    const statistics = { mean: statistic('mean'), variance: statistic('variance') };
    if (train) {
      const parts = context.parts(pixels, vectors);
      const partials = { buffer: context.training.partials };
      const shape = { pixels, vectors, parts };
      recorder.record(
        channelMoments,
        { values, partials },
        shape,
        [groupsFor(parts * vectors), 1, 1],
        size * ELEMENTWISE_COST,
      );
      const finishBuffers = { values, partials, ...norm, ...statistics, state };
      recorder.record(
        finishMoments,
        finishBuffers,
        shape,
        [groupsFor(vectors), 1, 1],
        parts * vectors * ELEMENTWISE_COST,
      );
    } else {
      recorder.record(
        runningScale,
        { ...norm, ...statistics, state },
        { vectors },
        [groupsFor(vectors), 1, 1],
        vectors,
      );
    }
  }
  const { apart, grid } = channelWalk(pixels, vectors);
  recorder.record(
    unit.added ? context.kernels.norm.scaleShiftAdd : context.kernels.norm.scaleShift,
    {
      values,
      state,
      added: unit.added ? context.activation(unit.added) : values,
      output: context.activation(unit.output),
    },
    { pixels, vectors, apart, relu: Number(unit.relu) },
    grid,
    size * ELEMENTWISE_COST,
  );
}

/** Shape of a max pooling's kernels; `count` is what each pass has a thread for. */
export function poolShape(
  context: PlanContext,
  unit: PoolUnit,
  count: number,
  accumulate: number,
): Record<PoolShape, number> {
  if (unit.node.op !== 'maxPool') throw new Error(`"${unit.output}" is not a max pooling`);
  const input = context.extent(unit.node.input);
  const output = context.extent(unit.output);
  const { size, stride } = unit.node;
  return {
    inHeight: input.shape[0],
    inWidth: input.shape[1],
    outHeight: output.shape[0],
    outWidth: output.shape[1],
    vectors: output.vectors,
    count,
    size,
    stride,
    padTop: samePadLow(input.shape[0], size, stride),
    padLeft: samePadLow(input.shape[1], size, stride),
    accumulate,
  };
}

function recordPool(context: PlanContext, unit: PoolUnit): void {
  const { recorder } = context;
  const input = context.extent(unit.node.input);
  const output = context.extent(unit.output);
  const buffers = { source: context.activation(unit.node.input), output: context.activation(unit.output) };
  const cost = input.size * ELEMENTWISE_COST;
  if (unit.node.op === 'maxPool') {
    const shape = poolShape(context, unit, output.size, 0);
    recorder.record(maxPool, buffers, shape, elementwiseGrid(output.size), cost);
  } else {
    const area = input.shape[0] * input.shape[1];
    const shape = { images: context.batch, area, vectors: input.vectors };
    recorder.record(globalAverage, buffers, shape, [groupsFor(output.size), 1, 1], cost);
  }
}

function recordLoss(context: PlanContext): void {
  const { recorder, batch, buffers, units } = context;
  const classifier = units.at(-1);
  if (classifier?.kind !== 'layer') throw new Error('plan: the last node of a network must be its classifier');
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
