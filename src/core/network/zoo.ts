import type { Network, Node } from './network.ts';

/** A network of the zoo: how it is called on the page and how it is built. */
export interface ZooEntry {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  build(width: number): Network;
}

const IMAGE: Node = { id: 'input', op: 'input', shape: [32, 32, 3] };
const CLASSES = 10;

/** Width multiplier applied to a channel count: rounded, at least 1. */
const scaled = (channels: number, width: number): number => Math.max(1, Math.round(channels * width));

/** Appends conv, batch norm and (unless told otherwise) ReLU; returns the id of the last node. */
function convBlock(
  nodes: Node[],
  conv: { id: string; input: string; filters: number; kernel?: number; stride?: number; relu?: boolean },
): string {
  const { id, input, filters, kernel = 3, stride = 1, relu = true } = conv;
  nodes.push({ id, op: 'conv', input, filters, kernel, stride }, { id: `${id}.bn`, op: 'batchNorm', input: id });
  if (!relu) return `${id}.bn`;
  nodes.push({ id: `${id}.relu`, op: 'relu', input: `${id}.bn` });
  return `${id}.relu`;
}

function classifier(nodes: Node[], input: string): void {
  nodes.push({ id: 'pool', op: 'globalAvgPool', input }, { id: 'dense', op: 'dense', input: 'pool', units: CLASSES });
}

type PlainLayer = { filters: number; stride?: number; pool?: boolean };

/** A chain of 3x3 convolutions, optionally with 2x2 max pooling after some, then global average pool and classifier. */
function plain(id: string, layers: readonly PlainLayer[], width: number): Network {
  const nodes: Node[] = [IMAGE];
  let last = 'input';
  layers.forEach((layer, index) => {
    const name = `conv${index + 1}`;
    const filters = scaled(layer.filters, width);
    last = convBlock(nodes, { id: name, input: last, filters, stride: layer.stride ?? 1 });
    if (layer.pool) {
      nodes.push({ id: `${name}.pool`, op: 'maxPool', input: last, size: 2, stride: 2 });
      last = `${name}.pool`;
    }
  });
  classifier(nodes, last);
  return { id, nodes };
}

/** CIFAR ResNet of depth 6n+2 with 1x1-convolution shortcuts where the shape changes (He et al. 2016, section 4.2). */
function resnet(id: string, blocksPerStage: number, width: number): Network {
  const nodes: Node[] = [IMAGE];
  let last = convBlock(nodes, { id: 'stem', input: 'input', filters: scaled(16, width) });
  let block = 0;
  [16, 32, 64].forEach((channels, stage) => {
    for (let i = 0; i < blocksPerStage; i++) {
      block++;
      const filters = scaled(channels, width);
      const stride = stage > 0 && i === 0 ? 2 : 1;
      const input = last;
      const inner = convBlock(nodes, { id: `block${block}.conv1`, input, filters, stride });
      const outer = convBlock(nodes, { id: `block${block}.conv2`, input: inner, filters, relu: false });
      const shortcut =
        stride === 1
          ? input
          : convBlock(nodes, { id: `block${block}.shortcut`, input, filters, kernel: 1, stride, relu: false });
      nodes.push({ id: `block${block}.add`, op: 'add', inputs: [outer, shortcut] });
      nodes.push({ id: `block${block}.relu`, op: 'relu', input: `block${block}.add` });
      last = `block${block}.relu`;
    }
  });
  classifier(nodes, last);
  return { id, nodes };
}

export const ZOO: readonly ZooEntry[] = [
  {
    id: 'convnet-micro',
    title: 'ConvNet micro',
    summary: 'Four 3x3 convolutions, 8 to 32 channels: trains anywhere, even without a GPU.',
    build: (width) =>
      plain(
        'convnet-micro',
        [{ filters: 8 }, { filters: 16, stride: 2 }, { filters: 16 }, { filters: 32, stride: 2 }],
        width,
      ),
  },
  {
    id: 'plain5',
    title: 'Plain 5',
    summary: 'Five 3x3 convolutions, 16 to 64 channels: the network of the benchmark.',
    build: (width) =>
      plain(
        'plain5',
        [{ filters: 16 }, { filters: 16, stride: 2 }, { filters: 32 }, { filters: 32, stride: 2 }, { filters: 64 }],
        width,
      ),
  },
  {
    id: 'vgg-small',
    title: 'VGG small',
    summary: 'Six 3x3 convolutions, 32 to 128 channels, with max pooling: 38.6 million convolution MACs.',
    build: (width) =>
      plain(
        'vgg-small',
        [
          { filters: 32 },
          { filters: 32, pool: true },
          { filters: 64 },
          { filters: 64, pool: true },
          { filters: 128 },
          { filters: 128 },
        ],
        width,
      ),
  },
  {
    id: 'resnet20',
    title: 'ResNet-20',
    summary: 'The CIFAR ResNet of depth 20: nine residual blocks, 40.8 million MACs.',
    build: (width) => resnet('resnet20', 3, width),
  },
];

/** The zoo network called `id` at a width multiplier. Throws a sentence that lists the known ids. */
export function buildNetwork(id: string, width = 1): Network {
  const entry = ZOO.find((candidate) => candidate.id === id);
  if (!entry) throw new Error(`unknown model "${id}"; known: ${ZOO.map((known) => known.id).join(', ')}`);
  return entry.build(width);
}
