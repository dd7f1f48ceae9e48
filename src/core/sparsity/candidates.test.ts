import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildNetwork } from '../network/index.ts';
import { uniforms } from '../random/uniforms.ts';
import {
  kernelLayers,
  kernelNorms,
  keptUnits,
  largest,
  mapGroups,
  mapNorms,
  maskOperations,
  offsetOperations,
  snapOffsets,
  stridedLayers,
  stridedMask,
  unitCount,
} from './index.ts';

const random = (seed: number) => uniforms(seed, 'search', 0);
const noise = fc.double({ min: 0, max: 1, noNaN: true });

describe('masks', () => {
  const units = fc.integer({ min: 1, max: 60 });
  const count = fc.tuple(units, fc.double({ min: 0.01, max: 1, noNaN: true }));
  const counts = fc
    .array(count, { minLength: 1, maxLength: 4 })
    .map((all) => all.map(([size, keep], i) => unitCount(`layer${i}`, size, keep)));

  test('draws, perturbations and crossovers keep the exact count of every layer (property 10)', () => {
    fc.assert(
      fc.property(counts, noise, fc.nat(), (layers, share, seed) => {
        const operations = maskOperations(layers, share);
        const [a, b] = [operations.draw(0, random(seed)), operations.draw(1, random(seed + 1))];
        const before = new Map([...a].map(([id, bits]) => [id, bits.slice()]));
        const perturbed = operations.perturb(a, random(seed + 2));
        const crossed = operations.crossover(a, b, random(seed + 3));
        for (const masks of [a, b, perturbed, crossed]) {
          expect([...masks].map(([id, bits]) => ({ id, units: bits.length, kept: keptUnits(bits).length }))).toEqual(
            layers,
          );
        }
        expect(a).toEqual(before);
        for (const { id, units: size, kept } of layers) {
          const moved = keptUnits(perturbed.get(id) ?? []).filter((unit) => a.get(id)?.[unit] === 0).length;
          const wanted = share > 0 ? Math.max(1, Math.round(share * kept)) : 0;
          expect(moved).toBe(Math.min(wanted, kept, size - kept));
          expect([a.get(id), b.get(id)]).toContain(crossed.get(id));
        }
        expect(operations.draw(0, random(seed))).toEqual(a);
      }),
    );
  });

  test('every unit is kept as often as the others', () => {
    const operations = maskOperations([unitCount('layer', 10, 0.3)], 0.1);
    const times = Array<number>(10).fill(0);
    for (let seed = 0; seed < 4_000; seed++) {
      for (const unit of keptUnits(operations.draw(seed, random(seed)).get('layer') ?? []))
        times[unit] = (times[unit] ?? 0) + 1;
    }
    // 1,200 expected, deviation 29.
    for (const time of times) expect(Math.abs(time - 1_200)).toBeLessThan(150);
  });

  test('a share that keeps nothing or too much is refused', () => {
    expect(unitCount('conv2', 128, 0.001).kept).toBe(1);
    for (const keep of [0, 1.1, Number.NaN]) expect(() => unitCount('conv2', 8, keep)).toThrow('"conv2"');
  });
});

describe('offsets', () => {
  const layers = fc.array(
    fc.record({ inputs: fc.integer({ min: 1, max: 40 }), stride: fc.integer({ min: 1, max: 9 }) }),
    { minLength: 1, maxLength: 4 },
  );

  test('start balanced, stay below the stride, and move by one around it (property 10)', () => {
    fc.assert(
      fc.property(layers, noise, fc.nat(), (given, share, seed) => {
        const operations = offsetOperations(
          given.map(({ inputs, stride }, i) => ({ layer: { id: `${i}`, inputs, taps: 9 }, stride })),
          share,
        );
        const drawn = operations.draw(0, random(seed));
        const perturbed = operations.perturb(drawn, random(seed + 1));
        given.forEach(({ inputs, stride }, i) => {
          const [offsets, after] = [drawn.get(`${i}`)?.offsets ?? [], perturbed.get(`${i}`)?.offsets ?? []];
          const balanced = Array.from({ length: inputs }, (_, c) => c % stride);
          expect([...offsets].sort((a, b) => a - b)).toEqual(balanced.sort((a, b) => a - b));
          expect(after).toHaveLength(inputs);
          after.forEach((offset, c) => {
            expect(offset >= 0 && offset < stride).toBe(true);
            expect([0, 1, stride - 1]).toContain((offset - (offsets[c] ?? 0) + stride) % stride);
          });
          if (share === 0) expect(after).toEqual(offsets);
        });
      }),
    );
  });

  test('noise moves that share of the offsets, up as often as down', () => {
    const operations = offsetOperations([{ layer: { id: 'conv', inputs: 6_000, taps: 9 }, stride: 3 }], 0.2);
    const drawn = operations.draw(0, random(1));
    const before = drawn.get('conv')?.offsets ?? [];
    const after = operations.perturb(drawn, random(2)).get('conv')?.offsets ?? [];
    const [up, down] = [1, 2].map((by) => after.filter((o, c) => o === ((before[c] ?? 0) + by) % 3).length);
    // 600 each expected, deviation 23.
    expect(Math.abs((up ?? 0) - 600)).toBeLessThan(120);
    expect(Math.abs((down ?? 0) - 600)).toBeLessThan(120);
  });

  test('a stride beyond the kernel is refused', () => {
    const layer = { id: 'conv2', inputs: 4, taps: 9 };
    for (const stride of [0, 10, 1.5]) expect(() => offsetOperations([{ layer, stride }], 0.1)).toThrow('"conv2"');
  });
});

describe('magnitude', () => {
  test('keeps the kernels and maps of the largest sums, the first of equals', () => {
    const shape = { inputs: 1, outputs: 3, taps: 4 };
    // Output map after output map within a tap: sums 4, 8 and 4.
    const weights = [1, -2, 1, -1, 2, 1, 1, -2, 1, -1, 2, 1];
    expect([...kernelNorms(shape, weights)]).toEqual([4, 8, 4]);
    expect([...mapNorms({ channels: 3, producers: ['a', 'b'] }, () => weights)]).toEqual([8, 16, 8]);
    expect([...largest([4, 8, 4], { kept: 2 })]).toEqual([1, 1, 0]);
  });
});

test('no other offset of a source map keeps more than the one that magnitude picks', () => {
  const sizes = fc.record({ inputs: fc.integer({ min: 1, max: 4 }), outputs: fc.integer({ min: 1, max: 4 }) });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 9 }), fc.nat(), ({ inputs, outputs }, stride, seed) => {
      const shape = { inputs, outputs, taps: 9 };
      const next = random(seed);
      const weights = Array.from({ length: 9 * inputs * outputs }, () => next() - 0.5);
      const { offsets } = snapOffsets(shape, weights, stride);
      const sum = (pattern: readonly number[]): number =>
        stridedMask(shape, { stride, offsets: pattern }).reduce(
          (all, bit, i) => all + bit * Math.abs(weights[i] ?? 0),
          0,
        );
      for (let c = 0; c < inputs; c++) {
        for (let offset = 0; offset < stride; offset++) {
          expect(sum(offsets.with(c, offset))).toBeLessThanOrEqual(sum(offsets) + 1e-9);
        }
      }
    }),
  );
});

describe('eligible layers', () => {
  test('a chain: all convolutions but the first', () => {
    const network = buildNetwork('cnn-small');
    const ids = ['conv2', 'conv3', 'conv4', 'conv5', 'conv6'];
    expect(kernelLayers(network).map(({ id }) => id)).toEqual(ids);
    expect(stridedLayers(network).map(({ id }) => id)).toEqual(ids);
    // The first layer keeps its 128 maps in the follow-up's pruned networks too.
    expect(mapGroups(network).map(({ id }) => id)).toEqual(ids);
    expect(kernelLayers(network)[0]).toEqual({
      id: 'conv2',
      inputs: 128,
      outputs: 128,
      kernel: 3,
      taps: 9,
      positions: 1_024,
    });
  });
  test('1x1 convolutions have no strided taps; residual streams keep their maps', () => {
    const network = buildNetwork('resnet20');
    expect(kernelLayers(network).map(({ id }) => id)).toContain('block4.shortcut');
    expect(stridedLayers(network).map(({ id }) => id)).not.toContain('block4.shortcut');
    expect(stridedLayers(network)).toHaveLength(18);
    expect(mapGroups(network).map(({ id }) => id)).toEqual(Array.from({ length: 9 }, (_, i) => `block${i + 1}.conv1`));
    expect(stridedLayers(buildNetwork('mobilenetv2-cifar'))).toEqual([]);
  });
});
