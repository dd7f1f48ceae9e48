import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildNetwork, denseStructure } from '../../core/network/index.ts';
import { packBits } from '../../core/sparsity/index.ts';
import { gridLayout, sourceAt } from './draw-kernels.ts';
import { edgeOf, extracted, fitting, sourceUnder } from './draw-matrices.ts';
import { otherWayRound } from './illustration.ts';
import { denseProduct, keptRows, pictureOf, productOf } from './layer-picture.ts';
import { macsText, productText } from './product-words.ts';

const layer = (inputs: number, outputs: number, kernel = 3) => ({
  id: 'a',
  inputs,
  outputs,
  kernel,
  taps: kernel ** 2,
  positions: 64,
});
const sides = fc.integer({ min: 1, max: 300 });

describe('the grid of kernels', () => {
  test('fits its width wherever taps of two pixels do, and else has taps of three and scrolls', () => {
    fc.assert(
      fc.property(sides, sides, fc.integer({ min: 200, max: 1_200 }), (inputs, outputs, width) => {
        const layout = gridLayout(layer(inputs, outputs), width, 200);
        const smallest = layout.left + inputs * (3 * 2 + 2);
        if (smallest <= width) expect(layout.width).toBeLessThanOrEqual(width);
        else expect(layout.tap).toBe(3);
        expect(layout.height).toBe(layout.top + outputs * layout.cell);
      }),
    );
  });

  test('has a column under every point of it, and none beside it', () => {
    const layout = gridLayout(layer(20, 8), 600, 200);
    for (let c = 0; c < 20; c++) {
      expect(sourceAt(layout, 20, layout.left + c * layout.cell)).toBe(c);
      expect(sourceAt(layout, 20, layout.left + (c + 1) * layout.cell - 1)).toBe(c);
    }
    expect(sourceAt(layout, 20, layout.left - 1)).toBeNull();
    expect(sourceAt(layout, 20, layout.width)).toBeNull();
  });
});

describe('the edge of a matrix', () => {
  test('closes up from its whole length to the share that stays, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 80 }), (kept) => {
        const share = kept.filter(Boolean).length / kept.length;
        expect(edgeOf(kept, 360, 0).end).toBeCloseTo(360, 9);
        expect(edgeOf(kept, 360, 1).end).toBeCloseTo(360 * share, 9);
        expect(edgeOf(kept, 360, 0.5).end).toBeCloseTo(180 * (1 + share), 9);
        const { at } = edgeOf(kept, 360, 1);
        kept.forEach((stays, i) =>
          expect((at[i + 1] ?? 0) - (at[i] ?? 0)).toBeCloseTo(stays ? 360 / kept.length : 0, 9),
        );
      }),
    );
  });

  test('says which source map lies under a place, of those that are drawn', () => {
    const rows = Array.from({ length: 4 * 9 }, (_, row) => row % 2 === 0);
    const extract = { first: 2, count: 2 };
    const edge = edgeOf(extracted(rows, extract, 9), 90, 1);
    // Of source map 2 the rows 18 to 26, of which five are even, at 5 pixels each.
    expect(sourceUnder(edge, 24.9, extract, 9)).toBe(2);
    expect(sourceUnder(edge, 25.1, extract, 9)).toBe(3);
    expect(sourceUnder(edge, 46, extract, 9)).toBeNull();
    expect(sourceUnder(edge, -1, extract, 9)).toBeNull();
  });

  test('is of as many source maps as can be told apart, at least one', () => {
    expect(fitting(layer(64, 64), 340, 150)).toBe(8);
    expect(fitting(layer(4, 64), 340, 150)).toBe(4);
    expect(fitting(layer(64, 64, 5), 100, 40)).toBe(1);
  });
});

describe('what is said of the product', () => {
  const network = buildNetwork('convnet-micro', 0.5);
  const dense = denseStructure(network);
  const whole = pictureOf(network, dense, 'conv4');
  const said = (picture: typeof whole, kind: 'compact' | 'masked' | 'illustration'): string => {
    const rows = keptRows(picture);
    return `${macsText(denseProduct(picture), productOf(picture))} ${productText(kind, picture, productOf(picture), rows)}`;
  };

  test('of a dense layer is that nothing has left', () => {
    expect(said(whole, 'compact')).toBe('73.7 k MACs, as when dense. Nothing has left yet.');
  });

  test('of strided taps is how far it shrinks', () => {
    const taps = { conv4: { stride: 3, offsets: Array.from({ length: 8 }, (_, c) => c % 3) } };
    expect(said(pictureOf(network, { ...dense, taps }, 'conv4'), 'compact')).toMatch(
      /^73\.7 k → 24\.6 k MACs \(33\.3 %\)\. A column/,
    );
  });

  test('of masked kernels is that it does not shrink', () => {
    const bits = Array.from({ length: 8 * 16 }, (_, unit) => Number(unit % 4 === 0));
    expect(said(pictureOf(network, dense, 'conv4', { kernels: packBits(bits) }), 'masked')).toBe(
      '73.7 k MACs, as when dense. 75.0 % of the weights are zero, but the matrix product keeps all 72 rows: it does not shrink.',
    );
  });

  test('of an illustration is that it is one', () => {
    const taps = { conv4: { stride: 2, offsets: Array.from({ length: 8 }, (_, c) => c % 2) } };
    const picture = pictureOf(network, { ...dense, taps }, 'conv4');
    const other = otherWayRound(picture);
    expect(other && productText('illustration', picture, other.product, other.rows)).toBe(
      'Illustration: with a random offset for each kernel, at the same stride, 72 of 72 rows would still be needed.',
    );
  });
});
