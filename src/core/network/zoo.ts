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

type Activation = 'relu' | 'relu6' | 'none';

/** Appends batch norm and activation to the convolution `id`; returns the id of the last node. */
function normalised(nodes: Node[], id: string, activation: Activation): string {
  nodes.push({ id: `${id}.bn`, op: 'batchNorm', input: id });
  if (activation === 'none') return `${id}.bn`;
  nodes.push({ id: `${id}.relu`, op: activation, input: `${id}.bn` });
  return `${id}.relu`;
}

/** Appends conv, batch norm and (unless told otherwise) ReLU; returns the id of the last node. */
function convBlock(
  nodes: Node[],
  conv: { id: string; input: string; filters: number; kernel?: number; stride?: number; activation?: Activation },
): string {
  const { id, input, filters, kernel = 3, stride = 1, activation = 'relu' } = conv;
  nodes.push({ id, op: 'conv', input, filters, kernel, stride });
  return normalised(nodes, id, activation);
}

function classifier(nodes: Node[], input: string): void {
  nodes.push({ id: 'pool', op: 'globalAvgPool', input }, { id: 'dense', op: 'dense', input: 'pool', units: CLASSES });
}

/** `pool`: size of a max pooling at stride 2 behind the layer. */
type PlainLayer = { filters: number; stride?: number; pool?: number };

/** Appends a chain of 3x3 convolutions with max pooling after some of them; returns the id of the last node. */
function chain(nodes: Node[], layers: readonly PlainLayer[], width: number): string {
  let last = 'input';
  layers.forEach((layer, index) => {
    const name = `conv${index + 1}`;
    const filters = scaled(layer.filters, width);
    last = convBlock(nodes, { id: name, input: last, filters, stride: layer.stride ?? 1 });
    if (layer.pool) {
      nodes.push({ id: `${name}.pool`, op: 'maxPool', input: last, size: layer.pool, stride: 2 });
      last = `${name}.pool`;
    }
  });
  return last;
}

/** A chain of 3x3 convolutions, then global average pool and classifier. */
function plain(id: string, layers: readonly PlainLayer[], width: number): Network {
  const nodes: Node[] = [IMAGE];
  classifier(nodes, chain(nodes, layers, width));
  return { id, nodes };
}

/** Six 3x3 convolutions with overlapping max pooling, flattened into a hidden dense layer before the classifier. */
function cnnSmall(width: number): Network {
  const nodes: Node[] = [IMAGE];
  const layers = [{}, { pool: 3 }, {}, { pool: 3 }, {}, {}];
  const last = chain(
    nodes,
    layers.map((layer, index) => ({ ...layer, filters: index < 4 ? 128 : 256 })),
    width,
  );
  nodes.push(
    { id: 'flatten', op: 'flatten', input: last },
    { id: 'fc', op: 'dense', input: 'flatten', units: scaled(256, width) },
    { id: 'fc.relu', op: 'relu', input: 'fc' },
    { id: 'dense', op: 'dense', input: 'fc.relu', units: CLASSES },
  );
  return { id: 'cnn-small', nodes };
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
      const outer = convBlock(nodes, { id: `block${block}.conv2`, input: inner, filters, activation: 'none' });
      const shortcut =
        stride === 1
          ? input
          : convBlock(nodes, { id: `block${block}.shortcut`, input, filters, kernel: 1, stride, activation: 'none' });
      nodes.push({ id: `block${block}.add`, op: 'add', inputs: [outer, shortcut] });
      nodes.push({ id: `block${block}.relu`, op: 'relu', input: `block${block}.add` });
      last = `block${block}.relu`;
    }
  });
  classifier(nodes, last);
  return { id, nodes };
}

/** Stages of MobileNetV2 (Sandler et al. 2018, table 2), with the strides that suit images of 32x32. */
const INVERTED_RESIDUALS = [
  { expansion: 1, channels: 16, repeats: 1, stride: 1 },
  { expansion: 6, channels: 24, repeats: 2, stride: 1 },
  { expansion: 6, channels: 32, repeats: 3, stride: 2 },
  { expansion: 6, channels: 64, repeats: 4, stride: 2 },
  { expansion: 6, channels: 96, repeats: 3, stride: 1 },
  { expansion: 6, channels: 160, repeats: 3, stride: 2 },
  { expansion: 6, channels: 320, repeats: 1, stride: 1 },
];

/**
 * MobileNetV2 for 32x32 images: a 1x1 convolution widens, a depthwise one filters, a linear 1x1 convolution narrows. The
 * width multiplier scales a block's narrow ends; its inside is `expansion` times its input.
 */
function mobileNetV2(width: number): Network {
  const nodes: Node[] = [IMAGE];
  let channels = scaled(32, width);
  let last = convBlock(nodes, { id: 'stem', input: 'input', filters: channels, activation: 'relu6' });
  let block = 0;
  for (const stage of INVERTED_RESIDUALS) {
    for (let i = 0; i < stage.repeats; i++) {
      const name = `block${++block}`;
      const input = last;
      const stride = i === 0 ? stage.stride : 1;
      const filters = scaled(stage.channels, width);
      if (stage.expansion > 1) {
        const inside = { filters: stage.expansion * channels, kernel: 1, activation: 'relu6' } as const;
        last = convBlock(nodes, { id: `${name}.expand`, input, ...inside });
      }
      nodes.push({ id: `${name}.depthwise`, op: 'depthwiseConv', input: last, kernel: 3, stride });
      last = normalised(nodes, `${name}.depthwise`, 'relu6');
      last = convBlock(nodes, { id: `${name}.project`, input: last, filters, kernel: 1, activation: 'none' });
      // Stride 1 and as many channels out as in: all blocks of a stage but the first, which changes the channels.
      if (i > 0) {
        nodes.push({ id: `${name}.add`, op: 'add', inputs: [last, input] });
        last = `${name}.add`;
      }
      channels = filters;
    }
  }
  const filters = scaled(1_280, width);
  classifier(nodes, convBlock(nodes, { id: 'head', input: last, filters, kernel: 1, activation: 'relu6' }));
  return { id: 'mobilenetv2-cifar', nodes };
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
          { filters: 32, pool: 2 },
          { filters: 64 },
          { filters: 64, pool: 2 },
          { filters: 128 },
          { filters: 128 },
        ],
        width,
      ),
  },
  {
    id: 'cnn-small',
    title: 'CNN small',
    summary: 'Six 3x3 convolutions, 128 and 256 channels, and a hidden dense layer: 290.9 million MACs.',
    build: cnnSmall,
  },
  {
    id: 'resnet20',
    title: 'ResNet-20',
    summary: 'The CIFAR ResNet of depth 20: nine residual blocks, 40.8 million MACs.',
    build: (width) => resnet('resnet20', 3, width),
  },
  {
    id: 'resnet56',
    title: 'ResNet-56',
    summary: 'The CIFAR ResNet of depth 56: 27 residual blocks, 125.7 million MACs.',
    build: (width) => resnet('resnet56', 9, width),
  },
  {
    id: 'mobilenetv2-cifar',
    title: 'MobileNetV2',
    summary: 'Seventeen inverted residual blocks with depthwise convolutions: 88.0 million MACs.',
    build: mobileNetV2,
  },
];

/** The zoo network called `id` at a width multiplier. Throws a sentence that lists the known ids. */
export function buildNetwork(id: string, width = 1): Network {
  const entry = ZOO.find((candidate) => candidate.id === id);
  if (!entry) throw new Error(`unknown model "${id}"; known: ${ZOO.map((known) => known.id).join(', ')}`);
  return entry.build(width);
}
