import type { Columns } from '../../core/linalg/gram.ts';
import { type ChannelGroup, type Structure, type Tensors, keptOf } from '../../core/network/index.ts';

/** The filters of one convolution. */
export interface Filters {
  /** Channel group of the convolution's outputs: one filter a channel. */
  readonly group: ChannelGroup;
  /** Name of the full-size kernel [k, k, in, out]. */
  readonly kernel: string;
  /** Channel group that the convolution reads. */
  readonly input: ChannelGroup;
}

/**
 * Weights of every output channel as a column, [fan-in] each, over the input channels that are on (the others
 * contribute zero). `tensors` holds the full-size kernel. Behind a flatten the kernel reads the input group's channels
 * once a pixel.
 */
export function columnsOf(filters: Filters, tensors: Tensors, structure: Structure): Columns {
  const kernel = tensors.get(filters.kernel);
  if (!kernel) throw new Error(`${filters.kernel} was not read`);
  const { channels } = filters.group;
  const on = new Set(keptOf(structure, filters.input));
  const rows = Array.from({ length: kernel.length / channels }, (_, row) => row);
  // Rows go through the taps, then the inputs: rows = taps * inputs, and a row's input channel is its remainder.
  const active = rows.filter((row) => on.has(row % filters.input.channels));
  return Array.from({ length: channels }, (_, channel) =>
    Float64Array.from(active, (row) => kernel[row * channels + channel] ?? 0),
  );
}

export function l1Norm(column: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < column.length; k++) sum += Math.abs(column[k] ?? 0);
  return sum;
}
