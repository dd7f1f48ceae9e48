import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Network,
  type Node,
  type Structure,
  ZOO,
  buildNetwork,
  changesBetween,
  checkStructure,
  compact,
  countNetwork,
  countStructure,
  decayed,
  denseStructure,
  forEachKept,
  groupByNode,
  groupsOf,
  initialParameters,
  initialTensor,
  kernelOf,
  parametersOf,
  sameOutput,
  samePadLow,
  shapesOf,
  sizeOf,
  trained,
  widthsOf,
} from './index.ts';

const anyStructure = (network: Network): fc.Arbitrary<Structure> =>
  fc
    .tuple(
      ...groupsOf(network).map((group) => {
        const all = Array.from({ length: group.channels }, (_, i) => i);
        return group.cuttable
          ? fc.subarray(all, { minLength: 1 }).map((kept) => [group.id, kept] as const)
          : fc.constant([group.id, all] as const);
      }),
    )
    .map((entries) => ({ channels: Object.fromEntries(entries) }));
const anyNetwork = fc.constantFrom(...ZOO.map(({ id }) => id)).map((id) => buildNetwork(id, 0.1));

describe('published counts', () => {
  test('ResNet-20: 270,896 weights and 40,813,184 MACs, of which 40,108,032 in the blocks’ 3x3 convolutions', () => {
    const counts = countNetwork(buildNetwork('resnet20'));
    expect([counts.parameters, counts.macs]).toEqual([270_896, 40_813_184]);
    const inBlocks = counts.layers
      .filter(({ layer }) => /conv[12]$/.test(layer))
      .reduce((sum, { macs }) => sum + macs, 0);
    expect(inBlocks).toBe(40_108_032);
  });

  test('VGG small: 38,633,472 convolution MACs; plain 5: 3.98 million', () => {
    const convolutions = (id: string): number =>
      countNetwork(buildNetwork(id)).layers.reduce((sum, { layer, macs }) => sum + (layer === 'dense' ? 0 : macs), 0);
    expect(convolutions('vgg-small')).toBe(38_633_472);
    expect(convolutions('plain5') / 1e6).toBeCloseTo(3.98, 2);
  });

  test('ResNet-56: 125.5 million MACs and 0.85 million weights as published, and 262,144 MACs of 1x1 shortcuts', () => {
    const counts = countNetwork(buildNetwork('resnet56'));
    const shortcuts = counts.layers.filter(({ layer }) => layer.includes('shortcut'));
    expect(shortcuts.map(({ macs }) => macs)).toEqual([16 * 32 * 256, 32 * 64 * 64]);
    expect(((counts.macs - 262_144) / 1e6).toFixed(1)).toBe('125.5');
    expect((counts.parameters / 1e6).toFixed(2)).toBe('0.85');
    expect(counts.layers.filter(({ layer }) => /conv[12]$|stem|dense/.test(layer))).toHaveLength(56);
  });

  test('MobileNetV2 for 32x32 images: every layer of every block written out', () => {
    // Blocks as [input channels, inside, output channels, input pixels, output pixels].
    const blocks = [
      [32, 32, 16, 1024, 1024],
      [16, 96, 24, 1024, 1024],
      [24, 144, 24, 1024, 1024],
      [24, 144, 32, 1024, 256],
      ...[1, 2].map(() => [32, 192, 32, 256, 256]),
      [32, 192, 64, 256, 64],
      ...[1, 2, 3].map(() => [64, 384, 64, 64, 64]),
      [64, 384, 96, 64, 64],
      ...[1, 2].map(() => [96, 576, 96, 64, 64]),
      [96, 576, 160, 64, 16],
      ...[1, 2].map(() => [160, 960, 160, 16, 16]),
      [160, 960, 320, 16, 16],
    ] as [number, number, number, number, number][];
    let [weights, macs] = [27 * 32 + 320 * 1280 + 1280 * 10, 27 * 32 * 1024 + 320 * 1280 * 16 + 1280 * 10];
    blocks.forEach(([input, inside, output, before, after], index) => {
      const expand = index === 0 ? 0 : input * inside;
      weights += expand + 9 * inside + inside * output;
      macs += expand * before + (9 * inside + inside * output) * after;
    });
    const counts = countNetwork(buildNetwork('mobilenetv2-cifar'));
    expect([counts.parameters, counts.macs]).toEqual([weights, macs]);
    expect([weights, macs]).toEqual([2_202_560, 87_976_448]);
  });

  test('CNN small: pooled to 8x8, flattened to 16,384 values for the hidden dense layer', () => {
    const network = buildNetwork('cnn-small');
    expect(shapesOf(network).get('flatten')).toEqual([1, 1, 16_384]);
    const expected =
      1_024 * 9 * (3 * 128 + 128 * 128) +
      256 * 9 * 2 * 128 * 128 +
      64 * 9 * (128 * 256 + 256 * 256) +
      16_384 * 256 +
      2_560;
    expect(countNetwork(network).macs).toBe(expected);
    expect(Object.values(widthsOf(network))).toEqual([128, 128, 128, 128, 256, 256]);
  });

  test('a width multiplier scales everything but the classes; depthwise layers and dense ones are no widths', () => {
    const half = buildNetwork('mobilenetv2-cifar', 0.5);
    expect(half.nodes.at(-1)).toMatchObject({ op: 'dense', units: 10 });
    const [wide, narrow] = [buildNetwork('mobilenetv2-cifar'), half].map(widthsOf);
    for (const [layer, width] of Object.entries(wide ?? {})) expect(narrow?.[layer]).toBe(width / 2);
    expect(Object.keys(wide ?? {}).filter((id) => /depthwise|dense/.test(id))).toEqual([]);
    expect(buildNetwork('cnn-small', 0.5).nodes.find(({ id }) => id === 'fc')).toMatchObject({ units: 128 });
  });

  test('counts equal a recount from the shapes of the tensors', () => {
    for (const { id } of ZOO) {
      const network = buildNetwork(id, 0.25);
      const shapes = shapesOf(network);
      const kernels = parametersOf(network).filter(({ role }) => role === 'kernel');
      const sizes = kernels.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
      const macs = kernels.map(
        ({ node }, i) => (sizes[i] ?? 0) * (shapes.get(node)?.[0] ?? 0) * (shapes.get(node)?.[1] ?? 0),
      );
      const counts = countNetwork(network);
      expect(counts.parameters).toBe(sizes.reduce((a, b) => a + b, 0));
      expect(counts.macs).toBe(macs.reduce((a, b) => a + b, 0));
    }
  });
});

describe('padding', () => {
  test('is tfjs’ same: nothing on the low side at stride 2 on even sizes', () => {
    expect(samePadLow(32, 3, 2)).toBe(0);
    expect(samePadLow(32, 3, 1)).toBe(1);
    expect(samePadLow(33, 3, 2)).toBe(1);
    expect(samePadLow(16, 1, 2)).toBe(0);
    expect([sameOutput(32, 2), sameOutput(33, 2), sameOutput(5, 1)]).toEqual([16, 17, 5]);
  });
});

describe('channel groups', () => {
  test('a plain chain has one group a convolution; nobody cuts the image or the classes', () => {
    const groups = groupsOf(buildNetwork('convnet-micro'));
    expect(groups.map(({ id, cuttable }) => [id, cuttable])).toEqual([
      ['input', false],
      ['conv1', true],
      ['conv2', true],
      ['conv3', true],
      ['conv4', true],
      ['dense', false],
    ]);
    expect(groups.find(({ id }) => id === 'conv2')?.readers).toEqual(['conv3']);
  });

  test('additions tie a ResNet’s stream together, stage by stage', () => {
    const groups = groupsOf(buildNetwork('resnet20'));
    expect(groups.find(({ id }) => id === 'stem')?.producers).toEqual([
      'stem',
      'block1.conv2',
      'block2.conv2',
      'block3.conv2',
    ]);
    expect(groups.find(({ id }) => id === 'block4.conv2')?.producers).toEqual([
      'block4.conv2',
      'block4.shortcut',
      'block5.conv2',
      'block6.conv2',
    ]);
    expect(groups.filter(({ cuttable, producers }) => cuttable && producers.length === 1)).toHaveLength(9);
  });
});

/** Depthwise convolution, gate, both kinds of pooling, flatten and a hidden dense layer on a 4x4 image. */
const MIXED: Network = {
  id: 'mixed',
  nodes: [
    { id: 'input', op: 'input', shape: [4, 4, 1] },
    { id: 'a', op: 'conv', input: 'input', filters: 3, kernel: 1, stride: 1 },
    { id: 'a.relu', op: 'relu6', input: 'a' },
    { id: 'd', op: 'depthwiseConv', input: 'a.relu', kernel: 3, stride: 1 },
    { id: 'g', op: 'gate', input: 'd' },
    { id: 'pool1', op: 'avgPool', input: 'g', size: 3, stride: 2 },
    { id: 'pool2', op: 'maxPool', input: 'pool1', size: 2, stride: 1 },
    { id: 'flat', op: 'flatten', input: 'pool2' },
    { id: 'flat.gate', op: 'gate', input: 'flat' },
    { id: 'fc', op: 'dense', input: 'flat.gate', units: 4 },
    { id: 'fc.relu', op: 'relu', input: 'fc' },
    { id: 'dense', op: 'dense', input: 'fc.relu', units: 2 },
  ],
};

describe('depthwise convolution, gate, average pooling, flatten, hidden dense layer', () => {
  test('shapes', () => {
    expect([...shapesOf(MIXED).values()].map((shape) => shape.join('x'))).toEqual(
      '4x4x1 4x4x3 4x4x3 4x4x3 4x4x3 2x2x3 2x2x3 1x1x12 1x1x12 1x1x4 1x1x4 1x1x2'.split(' '),
    );
    const odd: Node = { id: 'x', op: 'avgPool', input: 'a', size: 3, stride: 3 };
    expect(shapesOf({ id: 'odd', nodes: [...MIXED.nodes.slice(0, 2), odd] }).get('x')).toEqual([2, 2, 3]);
  });

  test('all pass the convolution’s channels on; the hidden units are a group of their own', () => {
    const groups = groupsOf(MIXED);
    expect(groups.map(({ id, channels, cuttable }) => [id, channels, cuttable])).toEqual([
      ['input', 1, false],
      ['a', 3, true],
      ['fc', 4, true],
      ['dense', 2, false],
    ]);
    expect(groups[1]).toMatchObject({ producers: ['a'], readers: ['fc'] });
    expect(groups[1]?.members).toEqual(['a', 'a.relu', 'd', 'g', 'pool1', 'pool2', 'flat', 'flat.gate']);
    expect(groups[2]).toMatchObject({ producers: ['fc'], readers: ['dense'] });
  });

  test('tensors', () => {
    expect(parametersOf(MIXED).map(({ name, shape, axes }) => [name, shape, axes])).toEqual([
      ['a/kernel', [1, 1, 1, 3], [null, null, 'input', 'a']],
      ['d/kernel', [3, 3, 3, 1], [null, null, 'd', null]],
      ['g/gate', [3], ['g']],
      ['flat.gate/gate', [12], ['flat.gate']],
      ['fc/kernel', [12, 4], ['flat.gate', 'fc']],
      ['fc/bias', [4], ['fc']],
      ['dense/kernel', [4, 2], ['fc.relu', 'dense']],
      ['dense/bias', [2], ['dense']],
    ]);
    expect([trained('gate'), decayed('gate')]).toEqual([true, false]);
    expect(kernelOf(MIXED, 'd')).toBe('d/kernel');
    expect(() => kernelOf(MIXED, 'g')).toThrow(/no conv node is called "g"/);
  });

  test('cutting channel 1 of 3 and units 0 and 2 of 4, worked by hand', () => {
    const { network, gathers } = compact(MIXED, { channels: { a: [0, 2], fc: [1, 3] } });
    expect(network.nodes.find(({ id }) => id === 'a')).toMatchObject({ filters: 2 });
    expect(network.nodes.find(({ id }) => id === 'fc')).toMatchObject({ units: 2 });
    const indices = Object.fromEntries(
      gathers.map((gather) => {
        const full: number[] = [];
        forEachKept(gather, (_, index) => full.push(index));
        return [gather.full.name, full];
      }),
    );
    expect(indices['g/gate']).toEqual([0, 2]);
    // Nine taps of three channels each.
    expect(indices['d/kernel']).toEqual([0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 23, 24, 26]);
    // Pixels 0 to 3, channels 0 and 2 of each.
    expect(indices['flat.gate/gate']).toEqual([0, 2, 3, 5, 6, 8, 9, 11]);
    expect(indices['fc/kernel']).toEqual([0, 2, 3, 5, 6, 8, 9, 11].flatMap((row) => [row * 4 + 1, row * 4 + 3]));
    expect(indices['fc/bias']).toEqual([1, 3]);
    expect(indices['dense/kernel']).toEqual([2, 3, 6, 7]);
    const counts = countNetwork(network);
    expect(counts.layers.map(({ layer, macs, parameters }) => [layer, macs, parameters])).toEqual([
      ['a', 32, 2],
      ['d', 16 * 9 * 2, 9 * 2],
      ['fc', 16, 16],
      ['dense', 4, 4],
    ]);
  });

  test('flattened maps of different widths that happen to be equally long cannot be added', () => {
    const nodes: Node[] = [
      { id: 'input', op: 'input', shape: [2, 2, 1] },
      { id: 'a', op: 'conv', input: 'input', filters: 1, kernel: 1, stride: 1 },
      { id: 'a.flat', op: 'flatten', input: 'a' },
      { id: 'b', op: 'conv', input: 'input', filters: 4, kernel: 1, stride: 2 },
      { id: 'b.flat', op: 'flatten', input: 'b' },
      { id: 'sum', op: 'add', inputs: ['a.flat', 'b.flat'] },
      { id: 'dense', op: 'dense', input: 'sum', units: 2 },
    ];
    expect(() => groupsOf({ id: 'tied', nodes })).toThrow(/are added but differ in channels/);
  });
});

describe('compact', () => {
  test('keeping everything is the identity', () => {
    for (const { id } of ZOO) {
      const network = buildNetwork(id);
      const { network: same, gathers } = compact(network, denseStructure(network));
      expect(same).toEqual(network);
      expect(gathers.every(({ kept }) => kept.every((axis) => axis === null))).toBe(true);
    }
  });

  test('shapes agree, groups lose the same indices everywhere, and gathering picks the right entries', () => {
    fc.assert(
      fc.property(
        anyNetwork.chain((network) => anyStructure(network).map((structure) => ({ network, structure }))),
        ({ network, structure }) => {
          const { network: smaller, gathers } = compact(network, structure);
          const shapes = shapesOf(smaller);
          const groups = groupByNode(groupsOf(network));
          for (const { full, compact: spec, kept } of gathers) {
            full.axes.forEach((node, axis) => {
              if (node === null) return expect(spec.shape[axis]).toBe(full.shape[axis]);
              expect(spec.shape[axis]).toBe(shapes.get(node)?.[2]);
              const group = groups.get(node);
              const channels = new Set(structure.channels[group?.id ?? '']);
              // Behind a flatten the axis runs over pixels, and over channels in each.
              const wanted = Array.from({ length: full.shape[axis] ?? 0 }, (_, i) => i).filter((i) =>
                channels.has(i % (group?.channels ?? 1)),
              );
              expect(kept[axis] ?? Array.from({ length: full.shape[axis] ?? 0 }, (_, i) => i)).toEqual(wanted);
            });
          }
          // An independent way to the same entries: multi-dimensional indices by division.
          for (const { full, compact: spec, kept } of gathers) {
            const expected = Array.from({ length: sizeOf(spec.shape) }, (_, flat) => {
              let rest = flat;
              let large = 0;
              let stride = 1;
              for (let axis = spec.shape.length - 1; axis >= 0; axis--) {
                const position = rest % (spec.shape[axis] ?? 1);
                rest = Math.floor(rest / (spec.shape[axis] ?? 1));
                large += (kept[axis]?.[position] ?? position) * stride;
                stride *= full.shape[axis] ?? 1;
              }
              return [flat, large];
            });
            const visited: number[][] = [];
            forEachKept({ full, compact: spec, kept, taps: null }, (small, large) => visited.push([small, large]));
            expect(visited).toEqual(expected);
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  test('the same cut counted by hand: half of conv2 in the micro network', () => {
    const network = buildNetwork('convnet-micro');
    const half = { channels: { ...denseStructure(network).channels, conv2: [0, 2, 4, 6, 8, 10, 12, 14] } };
    const expected = 27 * 8 * 1_024 + 72 * 8 * 256 + 72 * 16 * 256 + 144 * 32 * 64 + 320;
    expect(countStructure(network, half).macs).toBe(expected);
  });

  test('structures that do not fit are refused with a sentence', () => {
    const network = buildNetwork('convnet-micro');
    const check = (channels: Record<string, number[]>) => () => checkStructure(network, { channels });
    expect(check({ conv9: [0] })).toThrow(/no channel group "conv9"/);
    expect(check({ conv1: [] })).toThrow(/keeps no channel/);
    expect(check({ conv1: [1, 1] })).toThrow(/ascending, once each/);
    expect(check({ conv1: [8] })).toThrow(/channels 0 to 7/);
    expect(check({ dense: [0, 1] })).toThrow(/cannot be cut/);
  });

  test('changes between structures', () => {
    const network = buildNetwork('convnet-micro');
    const dense = denseStructure(network);
    const cut = { channels: { ...dense.channels, conv1: [0, 1, 2, 3, 5] } };
    expect(changesBetween(network, dense, cut)).toEqual([{ group: 'conv1', pruned: [4, 6, 7], regrown: [] }]);
    expect(changesBetween(network, cut, dense)).toEqual([{ group: 'conv1', pruned: [], regrown: [4, 6, 7] }]);
    expect(changesBetween(network, cut, cut)).toEqual([]);
  });
});

describe('networks that make no sense are refused', () => {
  test.each([
    ['an unknown input', [{ id: 'a', op: 'relu', input: 'x' }], /reads "x", which no earlier node defines/],
    [
      'a repeated id',
      [
        { id: 'a', op: 'input', shape: [1, 1, 1] },
        { id: 'a', op: 'relu', input: 'a' },
      ],
      /two nodes are called "a"/,
    ],
    [
      'a dense layer on a map',
      [
        { id: 'a', op: 'input', shape: [2, 2, 1] },
        { id: 'b', op: 'dense', input: 'a', units: 2 },
      ],
      /reads a vector/,
    ],
  ] as const)('%s', (_, nodes, message) => {
    expect(() => shapesOf({ id: 'bad', nodes })).toThrow(message);
  });
  test('an unknown model lists the known ones', () => {
    expect(() => buildNetwork('vgg')).toThrow(
      /known: convnet-micro, plain5, vgg-small, cnn-small, resnet20, resnet56, mobilenetv2-cifar$/,
    );
  });
});

describe('initial parameters', () => {
  test('have the deviation of Kaiming’s fan-out rule, differ by tensor and repeat by seed', () => {
    const network = buildNetwork('vgg-small');
    const parameters = initialParameters(network, 1);
    const kernel = parameters.get('conv4/kernel') ?? new Float32Array();
    const mean = kernel.reduce((a, b) => a + b, 0) / kernel.length;
    const deviation = Math.sqrt(kernel.reduce((sum, value) => sum + (value - mean) ** 2, 0) / kernel.length);
    expect(deviation / Math.sqrt(2 / (9 * 64))).toBeCloseTo(1, 1);
    expect(Math.abs(mean)).toBeLessThan(0.002);
    expect([...initialParameters(network, 1).values()]).toEqual([...parameters.values()]);
    expect([...(initialParameters(network, 2).get('conv4/kernel') ?? [])]).not.toEqual([...kernel]);
    const depthwise = initialParameters(MIXED, 1);
    expect([...(depthwise.get('g/gate') ?? [])]).toEqual([1, 1, 1]);
    const wide = initialTensor(
      { name: 'd/kernel', node: 'd', role: 'kernel', shape: [3, 3, 400, 1], axes: [null, null, 'd', null] },
      1,
    );
    // One output for each channel: the fan-out is the nine taps.
    expect(Math.hypot(...wide) / Math.sqrt(wide.length) / Math.sqrt(2 / 9)).toBeCloseTo(1, 1);
    const resnet = initialParameters(buildNetwork('resnet20'), 1);
    expect([...(resnet.get('block1.conv1/kernel') ?? [])]).not.toEqual([...(resnet.get('block1.conv2/kernel') ?? [])]);
  });
});
