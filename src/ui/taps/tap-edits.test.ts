import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StructureEvent } from '../../core/events/events.ts';
import { fold, emptyView } from '../../core/events/view.ts';
import { type Structure, buildNetwork, checkStructure, countStructure } from '../../core/network/index.ts';
import type { TapPattern } from '../../core/network/taps.ts';
import { uniforms } from '../../core/random/uniforms.ts';
import { missesCentre, loweredSize, stridedLayers, stridedMask } from '../../core/sparsity/index.ts';
import {
  allAt,
  balanced,
  centreOf,
  centreWords,
  offsetWords,
  patternOf,
  restrided,
  samePattern,
  sourceMaps,
  structureOf,
  tapSizes,
  turned,
  withEdits,
} from './tap-edits.ts';

const network = buildNetwork('convnet-micro');
const layers = stridedLayers(network);
const conv2 = layers.find(({ id }) => id === 'conv2');
if (!conv2) throw new Error('convnet-micro has a second convolution');
const random = () => uniforms(1, 'search', 0);

test('a run keeps what its latest structure says, all of it before there is one', () => {
  const event = (step: number, structure: Structure): StructureEvent => ({
    kind: 'structure',
    step,
    structure,
    widths: {},
    macs: 0,
    parameters: 0,
    reasons: [],
    milliseconds: 0,
  });
  const taps = { conv2: { stride: 3, offsets: [0, 1, 2, 0, 1, 2, 0, 1] } };
  const view = fold(emptyView(), [
    event(0, { channels: {} }),
    event(5, { channels: {}, taps }),
    event(9, { channels: { conv1: [1] }, taps }),
  ]);
  expect(structureOf(view)).toEqual({ channels: { conv1: [1] }, taps });
  expect(patternOf(structureOf(view), conv2)).toEqual(taps.conv2);
  expect(patternOf(structureOf(emptyView()), conv2)).toEqual({ stride: 1, offsets: Array(8).fill(0) });
});

test('changes by hand join what the run has, layer by layer', () => {
  const running = { channels: { conv1: [0, 1], conv2: [3] }, taps: { conv2: { stride: 2, offsets: [0] } } };
  expect(withEdits(running, { conv1: [5] }, { conv3: { stride: 9, offsets: [4] } })).toEqual({
    channels: { conv1: [5], conv2: [3] },
    taps: { conv2: { stride: 2, offsets: [0] }, conv3: { stride: 9, offsets: [4] } },
  });
});

test('a stride begins with balanced offsets, and goes back to the run’s own where it is its stride', () => {
  const running = { stride: 3, offsets: [2, 2, 2, 2, 2, 2, 2, 2] };
  expect(restrided(running, 3, random())).toBe(running);
  const four = restrided(running, 4, random());
  expect(four.stride).toBe(4);
  expect(four.offsets.toSorted((a, b) => a - b)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  expect(restrided(running, 1, random())).toEqual({ stride: 1, offsets: Array(8).fill(0) });
  expect(balanced(four, random())).toEqual(four);
  expect(samePattern(four, balanced(four, uniforms(1, 'search', 1)))).toBe(false);
});

test('an offset turns around the stride, for one source map alone or for all', () => {
  const pattern = { stride: 3, offsets: [0, 1, 2] };
  expect(turned(pattern, 2, 1).offsets).toEqual([0, 1, 0]);
  expect(turned(pattern, 0, -1).offsets).toEqual([2, 1, 2]);
  expect(allAt(pattern, 2)).toEqual({ stride: 3, offsets: [2, 2, 2] });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.nat(7),
      fc.array(fc.integer({ min: -1, max: 1 })),
      (stride, map, turns) => {
        const end = turns.reduce<TapPattern>((now, by) => turned(now, map, by), {
          stride,
          offsets: Array<number>(8).fill(0),
        });
        checkStructure(network, { channels: {}, taps: { conv2: end } });
        const sum = turns.reduce((total: number, by) => total + by, 0);
        expect(end.offsets[map]).toBe(((sum % stride) + stride) % stride);
      },
    ),
  );
});

test('sizes are those of the mask’s matrix product, and of the compact network', () => {
  const each = fc
    .integer({ min: 1, max: 9 })
    .chain((stride) =>
      fc.record({ stride: fc.constant(stride), offsets: fc.array(fc.nat(stride - 1), { minLength: 8, maxLength: 8 }) }),
    );
  fc.assert(
    fc.property(each, (pattern) => {
      const structure = withEdits({ channels: {} }, {}, { conv2: pattern });
      const { layer, macs } = tapSizes(network, structure, 'conv2');
      expect(layer.lowered).toEqual(loweredSize(conv2, stridedMask(conv2, pattern)));
      expect(macs).toBe(countStructure(network, structure).macs);
    }),
    { numRuns: 50 },
  );
  expect(() => tapSizes(network, { channels: {} }, 'conv9')).toThrow('no layer "conv9"');
});

test('source maps that are pruned leave the product: only those kept count', () => {
  const taps = { conv2: { stride: 3, offsets: [0, 1, 2, 0, 1, 2, 0, 1] } };
  const structure = withEdits({ channels: { conv1: [0, 1, 2, 3, 4] } }, { conv1: [1, 4, 6] }, taps);
  expect(sourceMaps(network, structure, 'conv2')).toEqual([1, 4, 6]);
  expect(tapSizes(network, structure, 'conv2').layer.lowered).toMatchObject({ outputs: 16, rows: 9 });
  // Tap 4, the centre, is offset 1 of stride 3.
  expect(centreOf(taps.conv2, [1, 4, 6], 9)).toEqual({ keep: 2, maps: 3 });
});

test('the warning of the centre comes exactly where no kernel sees it', () => {
  const two = (offsets: readonly number[]) => ({ stride: 2, offsets });
  const words = (offsets: readonly number[]) => centreWords(centreOf(two(offsets), [...offsets.keys()], 9));
  expect(words([1, 1, 1])).toEqual({
    warning: true,
    text: 'No source map keeps the centre tap: no kernel here sees its centre pixel.',
  });
  expect(words([1, 0, 1])).toEqual({ warning: false, text: '1 of 3 source maps keeps the centre tap.' });
  expect(words([0, 0, 0])).toBeNull();
  expect(centreOf(two([1]), [0], 16)).toBeNull();
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.nat(8), { minLength: 1, maxLength: 6 }),
      (stride, drawn) => {
        const pattern = { stride, offsets: drawn.map((offset) => offset % stride) };
        const warned = centreWords(centreOf(pattern, [...drawn.keys()], 9))?.warning ?? false;
        expect(warned).toBe(missesCentre(pattern, 9));
      },
    ),
  );
});

test('a picture is told by its offset and its taps', () => {
  expect(offsetWords({ stride: 4, offsets: [0, 3] }, 0, 9)).toBe('offset 0, taps 0, 4, 8');
  expect(offsetWords({ stride: 9, offsets: [0, 3] }, 1, 9)).toBe('offset 3, tap 3');
  expect(offsetWords({ stride: 1, offsets: [0] }, 0, 9)).toBe('all taps');
});
