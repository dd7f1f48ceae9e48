import type { Network, Node } from '../../../src/core/network/index.ts';
import type { KernelSet } from '../../../src/engine/webgpu/kernel-set.ts';
import type { Grid, Kernel } from '../../../src/engine/webgpu/kernel.ts';
import { layOut } from '../../../src/engine/webgpu/layout.ts';
import { recordBackward } from '../../../src/engine/webgpu/plan/backward.ts';
import { PlanContext, stateOffsets } from '../../../src/engine/webgpu/plan/context.ts';
import { recordFolded, recordForward } from '../../../src/engine/webgpu/plan/forward.ts';
import { place } from '../../../src/engine/webgpu/plan/memory.ts';
import { type Binding, Recorder, type TableBinding } from '../../../src/engine/webgpu/plan/recorder.ts';
import { Room } from '../../../src/engine/webgpu/plan/room.ts';
import { partialBytes, transposedBytes } from '../../../src/engine/webgpu/plan/scratch.ts';
import { unitsOf } from '../../../src/engine/webgpu/plan/units.ts';
import { draws } from '../../../src/engine/webgpu/testing.ts';

/** A dispatch of a plan, with its tables and the bytes that its other buffers are bound with. */
export interface Recorded {
  readonly kernel: Kernel;
  readonly shape: Readonly<Record<string, number>>;
  readonly grid: Grid;
  readonly tables: Readonly<Record<string, Int32Array | Uint32Array>>;
  readonly bytes: Readonly<Record<string, number>>;
}

/** Keeps what is recorded instead of building it. */
class Collector extends Recorder {
  readonly recorded: Recorded[] = [];
  readonly #values: (Int32Array | Uint32Array)[] = [];

  override table(values: Int32Array | Uint32Array): TableBinding {
    this.#values.push(values);
    return super.table(values);
  }

  override record<Buffer extends string, Field extends string>(
    kernel: Kernel<Buffer, Field>,
    buffers: Readonly<Record<Buffer, Binding>>,
    shape: Readonly<Record<Field, number>>,
    grid: Grid,
  ): void {
    const tables: Record<string, Int32Array | Uint32Array> = {};
    const bytes: Record<string, number> = {};
    for (const [name, binding] of Object.entries<Binding>(buffers)) {
      if ('table' in binding) tables[name] = this.#values[binding.table] ?? new Int32Array();
      else bytes[name] = binding.size ?? binding.buffer.size - (binding.offset ?? 0);
    }
    this.recorded.push({ kernel, shape, grid, tables, bytes });
  }
}

/** All dispatches of a network's plan but the assembling of batches and the update; buffers are sizes alone. */
export function dispatchesOf(
  network: Network,
  kernels: KernelSet,
  batch: number,
  mode: 'train' | 'infer',
): readonly Recorded[] {
  const layout = layOut(network);
  const room = Room.of(network).fitting(layout);
  const unitOptions = { fold: mode === 'infer' };
  const placement = place(room, unitsOf(network, unitOptions), batch, mode === 'train');
  const sized = (size: number): GPUBuffer => ({ size }) as GPUBuffer;
  const trained = (): GPUBuffer => sized(layout.trainedSize * 4);
  const states = stateOffsets(room).bytes;
  const winners = network.nodes.flatMap(({ id, op }) =>
    op === 'maxPool' ? [[id, sized(batch * MOST_PIXELS * room.vectors(id) * 4)] as const] : [],
  );
  const recorder = new Collector();
  const context = new PlanContext(
    network,
    room,
    batch,
    kernels,
    layout,
    placement,
    {
      activations: placement.capacities.map((vectors) => sized(vectors * 16)),
      parameters: trained(),
      running: sized(layout.runningSize * 4),
      states: sized(states),
      labels: sized(batch * 4),
      outcome: sized(batch * 8),
      metrics: sized(8),
      discarded: sized(Math.max(states, partialBytes(room, batch, kernels.tuning))),
      training: {
        velocity: trained(),
        gradients: trained(),
        coefficients: sized(states),
        partials: sized(partialBytes(room, batch, kernels.tuning)),
        winners: new Map(winners),
        transposed: sized(transposedBytes(room)),
      },
      rescaling: null,
    },
    recorder,
    unitOptions,
  );
  recordFolded(context);
  recordForward(context, mode === 'train' ? 'batch' : 'running');
  if (mode === 'train') recordBackward(context, 'batch');
  return recorder.recorded;
}

const MOST_SIDE = 17;
const MOST_PIXELS = MOST_SIDE ** 2;

/** A network of every kind of node, of generated shapes: odd sizes, few channels, widths off the tiles, kept taps. */
export function generatedNetwork(seed: number): Network {
  const draw = draws(seed);
  const pick = <T>(...values: readonly [T, ...T[]]): T => values[draw.whole(0, values.length - 1)] ?? values[0];
  const nodes: Node[] = [{ id: 'input', op: 'input', shape: [draw.whole(5, MOST_SIDE), draw.whole(5, MOST_SIDE), 3] }];
  let last = 'input';
  let channels = 3;
  const push = (node: Node): string => {
    nodes.push(node);
    return (last = node.id);
  };
  const conv = (id: string, kernel: number, stride: number, filters: number, keeps: number): void => {
    const offsets = Array.from({ length: channels }, () => draw.whole(0, keeps - 1));
    const taps = keeps > 1 ? { taps: { stride: keeps, offsets } } : {};
    push({ id, op: 'conv', input: last, filters, kernel, stride, ...taps });
    push({ id: `${id}.bn`, op: 'batchNorm', input: last });
    channels = filters;
  };
  const bend = (id: string): void => {
    const op = pick('relu', 'relu6', null);
    if (op) push({ id: `${id}.${op}`, op, input: last });
  };
  conv('stem', 3, 1, draw.small(2, 21), 1);
  bend('stem');
  const kinds = ['3x3', '3x3', 'strided', 'rows', 'taps', 'residual', 'depthwise', 'max', 'average', 'gate'] as const;
  kinds.forEach((kind, index) => {
    const id = `${kind}${index}`;
    if (kind === '3x3') conv(id, 3, 1, draw.small(1, 37), 1);
    if (kind === 'strided') conv(id, 3, 2, draw.small(1, 21), 1);
    if (kind === 'rows') conv(id, pick(1, 5), pick(1, 2), draw.small(1, 21), 1);
    if (kind === 'taps') conv(id, 3, pick(1, 2), draw.small(2, 21), pick(2, 3, 4));
    if (kind === 'residual') {
      const input = last;
      conv(id, 3, 1, channels, 1);
      push({ id: `${id}.sum`, op: 'add', inputs: [last, input] });
    }
    if (kind === 'depthwise') {
      push({ id, op: 'depthwiseConv', input: last, kernel: 3, stride: pick(1, 2) });
      push({ id: `${id}.bn`, op: 'batchNorm', input: last });
    }
    if (kind === 'max') push({ id, op: 'maxPool', input: last, size: pick(2, 3), stride: pick(1, 2) });
    if (kind === 'average') push({ id, op: 'avgPool', input: last, size: pick(2, 3), stride: pick(1, 2) });
    if (kind === 'gate') push({ id, op: 'gate', input: last });
    bend(id);
  });
  push({ id: 'pool', op: pick('globalAvgPool', 'flatten'), input: last });
  push({ id: 'dense', op: 'dense', input: last, units: 10 });
  return { id: `generated ${seed}`, nodes };
}
