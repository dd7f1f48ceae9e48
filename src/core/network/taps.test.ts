import { describe, expect, test } from 'vitest';
import {
  type Structure,
  buildNetwork,
  checkStructure,
  compact,
  countStructure,
  denseStructure,
  forEachKept,
  keepsTap,
  keptTaps,
  shapesOf,
} from './index.ts';

describe('kept taps', () => {
  // strided.md 4.1, the table for 3x3 kernels.
  test.each([
    [1, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8]],
    [2, 0, [0, 2, 4, 6, 8]],
    [2, 1, [1, 3, 5, 7]],
    [3, 2, [2, 5, 8]],
    [4, 0, [0, 4, 8]],
    [4, 1, [1, 5]],
    [4, 3, [3, 7]],
    [9, 8, [8]],
  ])('stride %i, offset %i', (stride, offset, taps) => {
    expect(keptTaps(stride, offset, 9)).toEqual(taps);
    const kept = Array.from({ length: 9 }, (_, tap) => tap).filter((tap) =>
      keepsTap({ stride, offsets: [offset] }, 0, tap),
    );
    expect(kept).toEqual(taps);
  });
});

/** Every convolution but the first keeps one tap in `stride`, offsets going round. */
function strided(id: string, stride: number, channels?: Structure['channels']): Structure {
  const network = buildNetwork(id);
  const shapes = shapesOf(network);
  const taps = network.nodes.flatMap((node) => {
    if (node.op !== 'conv' || node.input === 'input') return [];
    const inputs = shapes.get(node.input)?.[2] ?? 0;
    return [[node.id, { stride, offsets: Array.from({ length: inputs }, (_, i) => i % stride) }] as const];
  });
  return { channels: channels ?? denseStructure(network).channels, taps: Object.fromEntries(taps) };
}

// strided.md 11.3, convolutions only.
test.each([
  [2, 19_759_104, 143_712],
  [3, 13_467_648, 96_096],
])('vgg-small with stride %i has the digest’s MACs and weights', (stride, macs, parameters) => {
  const { layers } = countStructure(buildNetwork('vgg-small'), strided('vgg-small', stride));
  const convs = layers.filter(({ layer }) => layer !== 'dense');
  expect(convs.reduce((sum, layer) => sum + layer.macs, 0)).toBe(macs);
  expect(convs.reduce((sum, layer) => sum + layer.parameters, 0)).toBe(parameters);
});

test('a compact convolution keeps the offsets of the source maps that are left', () => {
  const network = buildNetwork('convnet-micro');
  const structure = strided('convnet-micro', 3, { conv1: [1, 4, 6] });
  const node = compact(network, structure).network.nodes.find(({ id }) => id === 'conv2');
  expect(node?.op === 'conv' && node.taps).toEqual({ stride: 3, offsets: [1, 1, 0] });
});

test('gathering visits kept taps only, each once', () => {
  const network = buildNetwork('convnet-micro');
  const structure = strided('convnet-micro', 2, { conv1: [0, 3] });
  const gather = compact(network, structure).gathers.find(({ full }) => full.name === 'conv2/kernel');
  const seen: string[] = [];
  if (gather) {
    // Full-size [3, 3, 8, 16]: tap, input, output from the index.
    forEachKept(gather, (_, index) => {
      if (index % 16 === 0) seen.push(`${Math.floor(index / 128)}:${Math.floor(index / 16) % 8}`);
    });
  }
  const expected = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((tap) => (tap % 2 === 0 ? `${tap}:0` : `${tap}:3`));
  expect(seen).toEqual(expected);
});

describe('what does not fit is refused with a sentence', () => {
  const network = buildNetwork('convnet-micro');
  const offsets = Array.from({ length: 8 }, () => 0);
  test.each([
    ['no convolution of that name', { convX: { stride: 2, offsets } }, 'convX'],
    ['a stride beyond the kernel', { conv2: { stride: 10, offsets } }, 'from 1 to 9'],
    ['a stride that is not whole', { conv2: { stride: 1.5, offsets } }, 'whole number'],
    ['too few offsets', { conv2: { stride: 2, offsets: [0] } }, 'needs 8 tap offsets'],
    ['an offset as large as the stride', { conv2: { stride: 2, offsets: [...offsets.slice(1), 2] } }, 'tap offset 2'],
  ])('%s', (_, taps, message) => {
    expect(() => checkStructure(network, { channels: {}, taps })).toThrow(message);
  });
});
