import {
  type Network,
  type Node,
  type Structure,
  buildNetwork,
  countNetwork,
  countStructure,
  groupsOf,
} from '../src/core/network/index.ts';

/** The name of `plain5` without its batch norms, for peers that have none. */
export const PLAIN5_WITHOUT_NORM = 'plain5-no-bn';

/** A network of the zoo, or one of the benchmark's own. */
export function networkOf(model: string): Network {
  return model === PLAIN5_WITHOUT_NORM ? withoutNorms(buildNetwork('plain5'), model) : buildNetwork(model);
}

/** The network with every batch norm's readers reading its input instead. */
function withoutNorms(network: Network, id: string): Network {
  const inputs = new Map(network.nodes.flatMap((node) => (node.op === 'batchNorm' ? [[node.id, node.input]] : [])));
  const source = (read: string): string => inputs.get(read) ?? read;
  const nodes = network.nodes.flatMap((node): Node[] => {
    if (node.op === 'batchNorm') return [];
    if (node.op === 'input') return [node];
    if (node.op === 'add') return [{ ...node, inputs: [source(node.inputs[0]), source(node.inputs[1])] }];
    return [{ ...node, input: source(node.input) }];
  });
  return { id, nodes };
}

/**
 * A network that spends nearly all its arithmetic on one 3x3 convolution, `channels` to `channels` at `size` x `size`:
 * the images are pooled to that size, and the convolution before it reads three channels only.
 */
export function convolutionPair(size: number, channels: number): Network {
  const nodes: Node[] = [{ id: 'input', op: 'input', shape: [32, 32, 3] }];
  let last = 'input';
  for (let now = 32; now > size; now /= 2) {
    nodes.push({ id: `to${now / 2}`, op: 'maxPool', input: last, size: 2, stride: 2 });
    last = `to${now / 2}`;
  }
  for (const id of ['first', 'second']) {
    nodes.push({ id, op: 'conv', input: last, filters: channels, kernel: 3, stride: 1 });
    nodes.push({ id: `${id}.bn`, op: 'batchNorm', input: id }, { id: `${id}.relu`, op: 'relu', input: `${id}.bn` });
    last = `${id}.relu`;
  }
  return { id: `pair ${size}x${size}x${channels}`, nodes: [...nodes, ...classifier(last)] };
}

/** A chain of `layers` convolutions of equal width, each with batch norm and ReLU. */
export function chain(layers: number): Network {
  const nodes: Node[] = [{ id: 'input', op: 'input', shape: [32, 32, 3] }];
  let last = 'input';
  for (let i = 1; i <= layers; i++) {
    const id = `conv${i}`;
    nodes.push({ id, op: 'conv', input: last, filters: 16, kernel: 3, stride: 1 });
    nodes.push({ id: `${id}.bn`, op: 'batchNorm', input: id }, { id: `${id}.relu`, op: 'relu', input: `${id}.bn` });
    last = `${id}.relu`;
  }
  return { id: `chain of ${layers}`, nodes: [...nodes, ...classifier(last)] };
}

const classifier = (input: string): readonly Node[] => [
  { id: 'pool', op: 'globalAvgPool', input },
  { id: 'dense', op: 'dense', input: 'pool', units: 10 },
];

/** The largest uniform crop whose MACs are within a share of the dense network's, as budgets count. */
export function cropTo(network: Network, share: number): Structure {
  const most = countNetwork(network).macs * share;
  const crops = Array.from({ length: 256 }, (_, i) => cropOf(network, (256 - i) / 256));
  const found = crops.find((crop) => countStructure(network, crop).macs <= most);
  if (!found) throw new Error(`no uniform crop leaves ${share} of the MACs`);
  return found;
}

/** The structure that keeps the first channels of every group that may be cut. */
export function cropOf(network: Network, keep: number): Structure {
  const channels = groupsOf(network).map((group) => {
    const kept = group.cuttable ? Math.max(1, Math.round(group.channels * keep)) : group.channels;
    return [group.id, Array.from({ length: kept }, (_, channel) => channel)] as const;
  });
  return { channels: Object.fromEntries(channels) };
}
