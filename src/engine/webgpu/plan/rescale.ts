import { elementwiseGrid } from '../kernel.ts';
import { MAXIMA, MAXIMA_GRID, largestParts, rescale, rescaleFactor } from '../kernels/rescale/kernel.ts';
import { ELEMENTWISE_COST, type PlanContext } from './context.ts';

/** Records that a node's output, just made, is divided by the power of two nearest to its largest magnitude. */
export function recordRescale(context: PlanContext, node: string): void {
  const { recorder, rescaling } = context;
  const { size } = context.extent(node);
  const maxima = { buffer: rescaling.maxima };
  const factors = { buffer: rescaling.factors };
  const values = context.activation(node);
  recorder.record(largestParts, { values, maxima }, { size }, MAXIMA_GRID, size * ELEMENTWISE_COST);
  const index = context.rescaled(node);
  recorder.record(rescaleFactor, { maxima, factors }, { index }, [1, 1, 1], MAXIMA * ELEMENTWISE_COST);
  recordProduct(context, node, values);
}

/** Records that the gradient at a node's output passes the division: it is divided by the same number, a constant. */
export const recordRescaledGradient = (context: PlanContext, node: string): void =>
  recordProduct(context, node, context.gradient(node));

function recordProduct(context: PlanContext, node: string, values: GPUBufferBinding): void {
  const { size } = context.extent(node);
  const factors = { buffer: context.rescaling.factors };
  const shape = { size, index: context.rescaled(node) };
  context.recorder.record(rescale, { factors, values }, shape, elementwiseGrid(size), size * ELEMENTWISE_COST);
}
