import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Network,
  type Structure,
  ZOO,
  buildNetwork,
  changesBetween,
  checkStructure,
  compact,
  countNetwork,
  countStructure,
  denseStructure,
  forEachKept,
  groupByNode,
  groupsOf,
  initialParameters,
  parametersOf,
  sameOutput,
  samePadLow,
  shapesOf,
  sizeOf,
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
const anyNetwork = fc.constantFrom(...ZOO.map(({ id }) => id)).map((id) => buildNetwork(id, 0.5));

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

  test('counts equal a recount from the shapes of the tensors', () => {
    for (const { id } of ZOO) {
      const network = buildNetwork(id, 0.75);
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
              const wanted = structure.channels[groups.get(node)?.id ?? ''] ?? [];
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
            forEachKept({ full, compact: spec, kept }, (small, large) => visited.push([small, large]));
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
    expect(() => buildNetwork('vgg')).toThrow(/known: convnet-micro, plain5, vgg-small, resnet20/);
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
    const resnet = initialParameters(buildNetwork('resnet20'), 1);
    expect([...(resnet.get('block1.conv1/kernel') ?? [])]).not.toEqual([...(resnet.get('block1.conv2/kernel') ?? [])]);
  });
});
