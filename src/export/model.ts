import {
  BATCH_NORM_EPSILON,
  CHANNEL_DEVIATION,
  CHANNEL_MEAN,
  type Compact,
  type Gather,
  type Network,
  type NodeOf,
  type Shape,
  type Structure,
  type Tensors,
  compact,
  forEachKept,
  groupByNode,
  groupsOf,
  inputsOf,
  keptOf,
  parametersOf,
  shapesOf,
  sizeOf,
} from '../core/network/index.ts';
import { type Quantiser, quantise } from '../core/quantise/index.ts';

/** What a run leaves: the full-size network, what is kept of it, and its full-size tensors. */
export interface ExportSource {
  readonly network: Network;
  readonly structure: Structure;
  /** All tensors, pruned entries too (any values; none of them is exported). */
  readonly tensors: Tensors;
  /** By name of a kernel: the quantiser that the network computes it through. Float32 without. */
  readonly quantisers?: ReadonlyMap<string, Quantiser>;
}

/** The compact network, ready to be written in any format. */
export interface Model {
  readonly network: Network;
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly input: NodeOf<'input'>;
  /** Id of the node that gives the logits, and how many there are. */
  readonly classifier: string;
  readonly classes: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** Shape and values of the tensor `<node>/<role>`, row-major, layouts as in core/network. */
  tensor(name: string): ModelTensor;
}

export interface ModelTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Cuts the compact network and its tensors out of a run's. Channels keep their order; taps that a strided pattern prunes
 * are zeros in dense kernels. Throws a sentence when the parts do not fit each other or hold what is no number.
 */
export function compactModel({ network: full, structure, tensors, quantisers = new Map() }: ExportSource): Model {
  const { network, gathers }: Compact = compact(full, structure);
  const shapes = shapesOf(network);
  const [input, ...others] = network.nodes.filter((node) => node.op === 'input');
  if (!input || others.length > 0) throw new Error(`export: the network ${network.id} must have one input`);
  if (input.shape[2] !== CHANNEL_MEAN.length) {
    throw new Error(`export: the network ${network.id} reads ${input.shape[2]} channels, not red, green and blue`);
  }
  const classifier = network.nodes.at(-1)?.id ?? '';
  const [height, width, classes] = shapes.get(classifier) ?? [0, 0, 0];
  if (height !== 1 || width !== 1) throw new Error(`export: "${classifier}" gives ${height}x${width} maps, not logits`);
  const read = new Set(network.nodes.flatMap(inputsOf));
  const dead = network.nodes.find(({ id }) => id !== classifier && !read.has(id));
  if (dead) throw new Error(`export: nothing reads "${dead.id}" of the network ${network.id}`);

  for (const [name, quantiser] of quantisers) checkQuantiser(full, name, quantiser);
  const cut = new Map(
    gathers.map((gather) => {
      const { name, shape } = gather.compact;
      return [name, { name, shape, values: cutTensor(gather, tensors, quantisers.get(name)) }] as const;
    }),
  );
  return {
    network,
    shapes,
    input,
    classifier,
    classes,
    metadata: metadataOf(full, structure, network, quantisers),
    tensor: (name) => {
      const tensor = cut.get(name);
      if (!tensor) throw new Error(`export: the network ${network.id} has no tensor "${name}"`);
      return tensor;
    },
  };
}

function checkQuantiser(network: Network, name: string, { step, levels }: Quantiser): void {
  if (!parametersOf(network).some((spec) => spec.name === name && spec.role === 'kernel')) {
    throw new Error(`export: a quantiser names "${name}", which is no kernel of the network ${network.id}`);
  }
  if (!(step > 0 && Number.isFinite(step) && Number.isInteger(levels) && levels > 0)) {
    throw new Error(
      `export: the quantiser of "${name}" needs a step above 0 and a whole number of levels, not ${step} and ${levels}`,
    );
  }
}

function cutTensor(gather: Gather, tensors: Tensors, quantiser: Quantiser | undefined): Float32Array {
  const { name, shape, role } = gather.full;
  const source = tensors.get(name);
  if (!source) throw new Error(`export: tensor "${name}" is missing`);
  if (source.length !== sizeOf(shape)) {
    throw new Error(`export: tensor "${name}" has ${source.length} values, not ${sizeOf(shape)}`);
  }
  const values = new Float32Array(sizeOf(gather.compact.shape));
  forEachKept(gather, (small, large) => {
    const value = source[large] ?? 0;
    values[small] = quantiser ? quantise(value, quantiser) : value;
  });
  if (values.some((value) => !Number.isFinite(value))) {
    throw new Error(`export: tensor "${name}" holds a value that is no finite number; the run has diverged`);
  }
  if (role === 'variance' && values.some((value) => value < 0)) {
    throw new Error(`export: tensor "${name}" holds a variance below 0`);
  }
  return values;
}

/** What every format carries beside the weights; values are JSON but for the generator. */
function metadataOf(
  full: Network,
  structure: Structure,
  network: Network,
  quantisers: ReadonlyMap<string, Quantiser>,
): Record<string, string> {
  const groups = groupByNode(groupsOf(full));
  const channels = full.nodes.flatMap(({ id, op }) => {
    const group = op === 'conv' || op === 'dense' ? groups.get(id) : undefined;
    return group ? [[id, keptOf(structure, group)] as const] : [];
  });
  return {
    generator: 'Espalier',
    network: JSON.stringify(network),
    channels: JSON.stringify(Object.fromEntries(channels)),
    normalisation: JSON.stringify({ mean: CHANNEL_MEAN, deviation: CHANNEL_DEVIATION }),
    batchNormEpsilon: JSON.stringify(BATCH_NORM_EPSILON),
    ...(quantisers.size > 0 ? { quantisers: JSON.stringify(Object.fromEntries(quantisers)) } : {}),
  };
}
