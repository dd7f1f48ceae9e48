import { shapesOf } from '../../../core/network/index.ts';
import { mostParts } from '../kernels/conv/kernel-gradient.ts';
import { beforeFlatten } from '../layout.ts';
import type { Tuning } from '../tuning.ts';
import type { Room } from './room.ts';

/** Bytes of the scratch for partial sums that any structure of a network can need. */
export function partialBytes(room: Room, batch: number, tuning: Tuning): number {
  const { full } = room;
  const shapes = shapesOf(full);
  const { threads, quads } = tuning;
  // Moments: a pair of sums for each tile (or quad of tiles) of the kind that makes most.
  const tileSizes = [...Object.values(tuning.lines), { ...tuning.rows, quads }, { ...tuning.few, quads }].map(
    (sizes) => ({
      quads: sizes.quads,
      pixels: Math.min(sizes.pixels, (sizes.accumulators ?? Infinity) / Math.max(...sizes.vectors)),
    }),
  );
  const lineGradients = Object.values(tuning.kernelGradient).flatMap(({ vectors }) => vectors);
  let most = 0;
  for (const node of full.nodes) {
    const [height = 0, width = 0] = shapes.get(node.id) ?? [];
    const outVectors = room.vectors(node.id);
    // Channel sums: at most `threads` / 4 parts of all vectors together, twice, and one part at least.
    most = Math.max(most, 2 * (threads / 4 + outVectors));
    if (node.op === 'depthwiseConv') {
      // splitDepthwise: nine sums a part; at most a part more than wanted.
      most = Math.max(most, 9 * (threads / 3 + outVectors));
    }
    if (node.op !== 'conv') continue;
    const inputs = room.vectors(node.input);
    for (const { pixels, quads: shared } of tileSizes) {
      const tiles = batch * height * Math.ceil(width / pixels);
      most = Math.max(most, 2 * outVectors * Math.ceil(shared ? tiles / 4 : tiles));
    }
    // splitRows: a thread holds 4 x vectors vec4s a tap.
    const fits = (units: number, taps: number, sizes: readonly number[]): void => {
      for (const vectors of sizes) {
        const lanes = Math.ceil(units / 4) * 4;
        const blocks = Math.ceil(outVectors / vectors);
        most = Math.max(most, (1.5 * threads + mostParts(1) * lanes * blocks) * taps * 4 * vectors);
      }
    };
    fits(3 * inputs, 3, lineGradients);
    fits(node.kernel ** 2 * inputs, 1, tuning.rowsKernelGradient);
  }
  return most * 16;
}

/** Bytes of all kernels transposed for the input gradients. */
export function transposedBytes(room: Room): number {
  const { full } = room;
  const shapes = shapesOf(full);
  let vectors = 16;
  for (const node of full.nodes) {
    if (node.op !== 'conv' && node.op !== 'dense') continue;
    const taps = node.op === 'conv' ? node.kernel ** 2 : 1;
    const source = beforeFlatten(full, node.input);
    const [height = 1, width = 1] = node.op === 'dense' ? (shapes.get(source) ?? []) : [];
    const rows = height * width * room.vectors(source);
    // Bindings start at multiples of 16 vec4s.
    vectors += taps * rows * room.vectors(node.id) * 4 + 16;
  }
  return vectors * 16;
}
