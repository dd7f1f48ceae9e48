import {
  type Network,
  type ParameterSpec,
  type Tensors,
  decayed,
  parametersOf,
  shapesOf,
  sizeOf,
  trained,
} from '../../core/network/index.ts';
import { type ChannelLayouts, layOutChannels } from './channels.ts';

/** Where one tensor of the running network lies in its arena, channels padded with zeros to vec4s. */
export interface Slice {
  readonly spec: ParameterSpec;
  /** In floats; a multiple of 64, so that it can be bound on its own. */
  readonly offset: number;
  /** Padded size in floats. */
  readonly size: number;
  /** The tensor as [rows, columns]: the padded row of each of its rows, -1 for rows that are pruned. */
  readonly rows: readonly number[];
  /** Place of each column within a padded row, or null when it is its index; and the padded row's length. */
  readonly columns: readonly number[] | null;
  readonly width: number;
}

/**
 * The two arenas of a running network: `trained` (parameters; momentum and gradients have the same layout) with all
 * decayed tensors first, and `running` (BN statistics).
 */
export interface ArenaLayout {
  readonly channels: ChannelLayouts;
  readonly slices: ReadonlyMap<string, Slice>;
  readonly trainedSize: number;
  readonly decayEnd: number;
  readonly runningSize: number;
}

const ALIGNMENT = 64;
const aligned = (size: number): number => Math.ceil(size / ALIGNMENT) * ALIGNMENT;

/** Rows and columns of a tensor and where they lie. */
type Places = Pick<Slice, 'rows' | 'columns' | 'width'> & { readonly paddedRows: number };

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

function placesOf(network: Network, channels: ChannelLayouts, spec: ParameterSpec): Places {
  const node = network.nodes.find(({ id }) => id === spec.node);
  if (!node) throw new Error(`layout: no node is called "${spec.node}"`);
  const { vectors, places } = channels.of(node.id);
  const columns = { columns: places, width: vectors * 4 };
  switch (node.op) {
    case 'conv': {
      const taps = node.kernel ** 2;
      const input = channels.of(node.input);
      const inputs = range(spec.shape[2] ?? 0).map((channel) => input.places?.[channel] ?? channel);
      const classes = channels.classes(node.id);
      if (!classes) {
        const rows = range(taps).flatMap((tap) => inputs.map((place) => tap * input.vectors * 4 + place));
        return { ...columns, rows, paddedRows: taps * input.vectors * 4 };
      }
      // As the lowered matrix has them: class by class, tap by tap, each class's channels padded to four.
      const starts = new Map<string, number>();
      let paddedRows = 0;
      for (const { channel, channels: count, taps: kept } of classes) {
        for (const tap of kept) {
          for (let i = 0; i < count; i++) starts.set(`${tap} ${channel + i}`, paddedRows + i);
          paddedRows += Math.ceil(count / 4) * 4;
        }
      }
      const rows = range(taps).flatMap((tap) => inputs.map((place) => starts.get(`${tap} ${place}`) ?? -1));
      return { ...columns, rows, paddedRows };
    }
    case 'dense': {
      if (spec.shape.length === 1) return { ...columns, rows: [0], paddedRows: 1 };
      const source = beforeFlatten(network, node.input);
      const input = channels.of(source);
      const [height, width, count] = shapesOf(network).get(source) ?? [1, 1, 1];
      const rows = range(height * width).flatMap((pixel) =>
        range(count).map((channel) => pixel * input.vectors * 4 + (input.places?.[channel] ?? channel)),
      );
      return { ...columns, rows, paddedRows: height * width * input.vectors * 4 };
    }
    case 'depthwiseConv':
      return { ...columns, rows: range(node.kernel ** 2), paddedRows: node.kernel ** 2 };
    default:
      return { ...columns, rows: [0], paddedRows: 1 };
  }
}

/** The node whose output a dense layer reads, seen through flattens. */
export function beforeFlatten(network: Network, id: string): string {
  const node = network.nodes.find((candidate) => candidate.id === id);
  return node?.op === 'flatten' ? beforeFlatten(network, node.input) : id;
}

export function layOut(network: Network): ArenaLayout {
  const channels = layOutChannels(network);
  const slices = new Map<string, Slice>();
  const place = (specs: readonly ParameterSpec[], start: number): number => {
    let offset = start;
    for (const spec of specs) {
      const { rows, columns, width, paddedRows } = placesOf(network, channels, spec);
      const size = paddedRows * width;
      slices.set(spec.name, { spec, offset, size, rows, columns, width });
      offset += aligned(size);
    }
    return offset;
  };
  const specs = parametersOf(network);
  const decayEnd = place(
    specs.filter((spec) => decayed(spec.role)),
    0,
  );
  const trainedSize = place(
    specs.filter((spec) => trained(spec.role) && !decayed(spec.role)),
    decayEnd,
  );
  const runningSize = place(
    specs.filter((spec) => !trained(spec.role)),
    0,
  );
  return { channels, slices, trainedSize, decayEnd, runningSize: Math.max(runningSize, ALIGNMENT) };
}

/** Visits the kept entries of a tensor as (index in the tensor, index in the padded slice). */
function forEachPlaced({ spec, rows, columns, width }: Slice, visit: (index: number, padded: number) => void): void {
  const count = sizeOf(spec.shape) / rows.length;
  rows.forEach((row, at) => {
    if (row < 0) return;
    for (let column = 0; column < count; column++) {
      visit(at * count + column, row * width + (columns?.[column] ?? column));
    }
  });
}

/** Copies tensors of the running network into an arena; padding stays zero. Tensors of the other arena are skipped. */
export function pack(layout: ArenaLayout, tensors: Tensors, kind: 'trained' | 'running'): Float32Array<ArrayBuffer> {
  const arena = new Float32Array(kind === 'trained' ? layout.trainedSize : layout.runningSize);
  for (const [name, values] of tensors) {
    const slice = layout.slices.get(name);
    if (!slice || trained(slice.spec.role) !== (kind === 'trained')) continue;
    forEachPlaced(slice, (index, padded) => (arena[slice.offset + padded] = values[index] ?? 0));
  }
  return arena;
}

/** The tensors of an arena, without padding. */
export function unpack(
  layout: ArenaLayout,
  arena: Float32Array,
  kind: 'trained' | 'running',
): Map<string, Float32Array> {
  const tensors = new Map<string, Float32Array>();
  for (const [name, slice] of layout.slices) {
    if (trained(slice.spec.role) !== (kind === 'trained')) continue;
    const values = new Float32Array(slice.spec.shape.reduce((a, b) => a * b, 1));
    forEachPlaced(slice, (index, padded) => (values[index] = arena[slice.offset + padded] ?? 0));
    tensors.set(name, values);
  }
  return tensors;
}
