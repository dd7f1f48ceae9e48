import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Structure, buildNetwork, denseStructure, groupsOf } from '../../core/network/index.ts';
import { uniforms } from '../../core/random/uniforms.ts';
import {
  balancedOffsets,
  convLayer,
  kernelMask,
  layerSizes,
  loweredSize,
  packBits,
  stridedMask,
  unconstrainedMask,
} from '../../core/sparsity/index.ts';
import { otherWayRound } from './illustration.ts';
import {
  denseProduct,
  keepsWeight,
  keptRows,
  neededRows,
  pictureOf,
  productOf,
  survivingWeights,
  tapsOf,
  widestLayer,
} from './layer-picture.ts';
import { layerSummary, sourceMapText } from './layer-words.ts';

const network = buildNetwork('convnet-micro', 0.5);
const layers = ['conv2', 'conv3', 'conv4'];

/** Any maps kept in each group (at least one), and for each layer strided taps or none. */
const structures = fc
  .record({
    seed: fc.nat(),
    strides: fc.array(fc.constantFrom(0, 1, 2, 3, 4, 9), { minLength: 3, maxLength: 3 }),
  })
  .map(({ seed, strides }): Structure => {
    const random = uniforms(seed, 'prune', 1);
    const channels = Object.fromEntries(
      groupsOf(network).map(({ id, channels: count, cuttable }) => {
        const all = [...Array(count).keys()];
        const kept = cuttable ? all.filter(() => random() < 0.6) : all;
        return [id, kept.length > 0 ? kept : [0]];
      }),
    );
    const taps = Object.fromEntries(
      layers.flatMap((id, i) => {
        const stride = strides[i] ?? 0;
        return stride > 0
          ? [[id, { stride, offsets: balancedOffsets(convLayer(network, id).inputs, stride, random) }]]
          : [];
      }),
    );
    return { channels, taps };
  });

describe('what is left of a layer', () => {
  test('has the sizes that the compact network has', () => {
    fc.assert(
      fc.property(structures, (structure) => {
        for (const id of layers) {
          const picture = pictureOf(network, structure, id);
          const size = layerSizes(network, structure).find(({ layer }) => layer === id);
          expect(productOf(picture)).toEqual(size?.lowered);
          expect(survivingWeights(picture)).toBe(size?.weights);
          // Without masks, what is kept is what is needed.
          expect(neededRows(picture)).toEqual(keptRows(picture));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('keeps the weights that the masks of each granularity keep together, and needs the rows that loweredSize counts', () => {
    fc.assert(
      fc.property(
        structures,
        fc.nat(),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (structure, seed, stride, loose) => {
          const layer = convLayer(network, 'conv3');
          const random = uniforms(seed, 'prune', 2);
          const bits = Uint8Array.from({ length: layer.inputs * layer.outputs }, () => Number(random() < 0.5));
          const offsets = Array.from({ length: layer.inputs * layer.outputs }, () => Math.floor(random() * stride));
          const masks = { kernels: packBits(bits), ...(loose ? { free: { stride, offsets } } : {}) };
          const picture = pictureOf(network, structure, 'conv3', masks);
          const all = [
            kernelMask(layer, bits),
            ...(structure.taps?.['conv3'] ? [stridedMask(layer, structure.taps['conv3'])] : []),
            ...(loose ? [unconstrainedMask(layer, { stride, offsets })] : []),
          ];
          const whole = kernelMask(
            layer,
            Array.from({ length: bits.length }, (_, unit) =>
              Number(picture.inputs[Math.floor(unit / layer.outputs)] && picture.outputs[unit % layer.outputs]),
            ),
          );
          const mask = whole.map((kept, i) => all.reduce((product, one) => product * (one[i] ?? 0), kept));
          let surviving = 0;
          mask.forEach((kept, i) => {
            surviving += kept;
            const row = Math.floor(i / layer.outputs);
            const [c, d, tap] = [row % layer.inputs, i % layer.outputs, Math.floor(row / layer.inputs)];
            expect(keepsWeight(picture, c, d, tap)).toBe(kept === 1);
          });
          expect(survivingWeights(picture)).toBe(surviving);
          expect(neededRows(picture).filter(Boolean).length).toBe(loweredSize(layer, mask).rows);
          // The masks alone take nothing from the product.
          expect(productOf(picture)).toEqual(productOf(pictureOf(network, structure, 'conv3')));
        },
      ),
      { numRuns: 40 },
    );
  });

  test('is the worked example of strided.md 11.2: 16 source and 32 output maps removed, stride 2 balanced', () => {
    const vgg = buildNetwork('vgg-small', 1);
    // conv5: 64 source maps, 128 output maps; here at 8 x 8, so P is 64 instead of 256.
    const structure = {
      channels: {
        ...denseStructure(vgg).channels,
        conv4: [...Array(48).keys()],
        conv5: [...Array(96).keys()],
      },
      taps: { conv5: { stride: 2, offsets: Array.from({ length: 64 }, (_, c) => c % 2) } },
    };
    const picture = pictureOf(vgg, structure, 'conv5');
    expect(denseProduct(picture)).toEqual({ outputs: 128, rows: 576, positions: 64, macs: 128 * 576 * 64 });
    expect(productOf(picture)).toEqual({ outputs: 96, rows: 216, positions: 64, macs: 5_308_416 / 4 });
  });

  test('starts at the widest layer that may be pruned', () => {
    expect(widestLayer(buildNetwork('vgg-small', 1))).toBe('conv6');
    expect(widestLayer(buildNetwork('cnn-small', 1))).toBe('conv6');
  });
});

describe('the same taps without the constraint', () => {
  test('keep as many weights, to the rounding of the offsets, and hardly let a row go', () => {
    const structure = {
      ...denseStructure(network),
      taps: { conv4: { stride: 3, offsets: Array.from({ length: 8 }, (_, c) => c % 3) } },
    };
    const picture = pictureOf(network, structure, 'conv4');
    const other = otherWayRound(picture);
    // Nine taps, stride 3: each offset keeps three, so the count is exact.
    expect(other && survivingWeights(other.picture)).toBe(survivingWeights(picture));
    expect(other?.product.rows).toBe(other && neededRows(other.picture).filter(Boolean).length);
    expect(other?.product.rows).toBeGreaterThan(productOf(picture).rows * 2.5);
    expect(other).toEqual(otherWayRound(picture));
  });

  test('and the other way round: a pattern for each source map lets rows go', () => {
    const { inputs, outputs } = convLayer(network, 'conv4');
    const free = { stride: 3, offsets: Array.from({ length: inputs * outputs }, (_, i) => i % 3) };
    const picture = pictureOf(network, denseStructure(network), 'conv4', { free });
    const other = otherWayRound(picture);
    expect(productOf(picture).rows).toBe(inputs * 9);
    expect(other?.product.rows).toBe(inputs * 3);
    expect(other && productOf(other.picture)).toEqual(other?.product);
  });

  test('are counted on the maps that are left', () => {
    fc.assert(
      fc.property(structures, (structure) => {
        for (const id of layers) {
          const picture = pictureOf(network, structure, id);
          const other = otherWayRound(picture);
          if (!picture.taps) expect(other).toBeNull();
          else expect(other?.product).toEqual(other && productOf(other.picture, other.rows));
          // A kernel-wise mask lets no row go, here or there.
          const bits = Array.from({ length: picture.layer.inputs * picture.layer.outputs }, (_, unit) => unit % 2);
          const masked = otherWayRound(pictureOf(network, structure, id, { kernels: packBits(bits) }));
          expect([masked?.rows, masked?.product]).toEqual([other?.rows, other?.product]);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('a source map in words', () => {
  const dense = denseStructure(network);
  const patterns = (stride: number) => ({
    conv2: { stride, offsets: Array.from({ length: convLayer(network, 'conv2').inputs }, (_, c) => c % stride) },
  });

  test('says stride, offset and taps, and whether the centre is among them', () => {
    const picture = pictureOf(network, { ...dense, taps: patterns(2) }, 'conv2');
    expect(tapsOf(picture, 0, 3)).toEqual([0, 2, 4, 6, 8]);
    expect(sourceMapText(picture, 0)).toBe(
      'Source map 0: stride 2, offset 0, keeps 5 of 9 taps (0, 2, 4, 6, 8), sees its centre',
    );
    expect(sourceMapText(picture, 1)).toBe(
      'Source map 1: stride 2, offset 1, keeps 4 of 9 taps (1, 3, 5, 7), does not see its centre pixel',
    );
    expect(layerSummary(picture)).toContain('2 source maps do not see their centre pixel');
  });

  test('says that a map is pruned, and how many kernels a mask leaves it', () => {
    const { inputs, outputs } = convLayer(network, 'conv2');
    const bits = Array.from({ length: inputs * outputs }, (_, unit) => Number(unit >= outputs || unit < 3));
    const structure = { channels: { ...dense.channels, conv1: [0, 2, 3] } };
    const picture = pictureOf(network, structure, 'conv2', { kernels: packBits(bits) });
    expect(sourceMapText(picture, 1)).toBe('Source map 1: pruned, its whole column is gone');
    expect(sourceMapText(picture, 0)).toBe(`Source map 0: all 9 taps, 3 of ${outputs} kernels kept`);
    expect(layerSummary(picture)).toContain(`3 of ${inputs} source maps`);
  });
});
