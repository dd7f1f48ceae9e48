import { describe, expect, test } from 'vitest';
import { regrowChannels, softmax } from './regrow.ts';

/** Worked example A: the first two channels kept, the third orthogonal to them, the fourth in their span. */
const EXAMPLE = [
  [3, 0, 0, 0],
  [0, 2, 0, 0],
  [0, 0, 1, 0],
  [0.5, 0.5, 0, 0],
];
const at = (step: number, seed = 5, layer = 0): { seed: number; step: number; layer: number } => ({
  seed,
  step,
  layer,
});
const shareOf = (draws: number, hit: (step: number) => boolean): number =>
  Array.from({ length: draws }, (_, step) => step).filter(hit).length / draws;

describe('probabilities', () => {
  test.each(['squared', 'norm'] as const)(
    'worked example A, %s: residuals 1 and 0, probabilities 0.731 and 0.269',
    (rule) => {
      const { candidates } = regrowChannels(EXAMPLE, [0, 1], 1, rule, at(1));
      expect([...candidates.keys()]).toEqual([2, 3]);
      expect(candidates.get(2)?.residual).toBeCloseTo(1, 12);
      expect(candidates.get(3)?.residual).toBe(0);
      expect(candidates.get(2)?.probability).toBeCloseTo(0.731059, 6);
      expect(candidates.get(3)?.probability).toBeCloseTo(0.268941, 6);
    },
  );

  test('the code’s rule on residual norms 1.27, 1.14, 1.15, 0.96, and on 0.3 of them', () => {
    const norms = [1.27, 1.14, 1.15, 0.96];
    // Orthogonal columns with these norms beside a kept one: residual = squared norm.
    const columns = [[1, 0, 0, 0, 0], ...norms.map((norm, i) => [0, 0, 0, 0, 0].with(i + 1, norm))];
    const shares = (scale: number): number[] => {
      const scaled = columns.map((column) => column.map((value) => value * scale));
      return [...regrowChannels(scaled, [0], 1, 'norm', at(1)).candidates.values()].map(
        ({ probability }) => probability,
      );
    };
    [0.286, 0.251, 0.254, 0.21].forEach((expected, i) => expect(shares(1)[i]).toBeCloseTo(expected, 3));
    [0.261, 0.251, 0.251, 0.237].forEach((expected, i) => expect(shares(0.3)[i]).toBeCloseTo(expected, 2));
  });

  test('large residuals do not overflow', () => {
    expect(softmax([1e4, 0])).toEqual([1, 0]);
  });
});

describe('draws', () => {
  test('follow the probabilities', () => {
    const share = shareOf(4_000, (step) => regrowChannels(EXAMPLE, [0, 1], 1, 'squared', at(step)).regrown[0] === 2);
    // Four standard deviations of 0.007.
    expect(Math.abs(share - 0.731059)).toBeLessThan(0.028);
  });

  test('of two are drawn one after the other, without replacement', () => {
    // Candidates 1, 2, 3 with exponents ln 6, ln 3, ln 1: first-draw probabilities 0.6, 0.3, 0.1.
    const norms = [Math.sqrt(Math.log(6)), Math.sqrt(Math.log(3)), 0];
    const columns = [[1, 0, 0, 0], ...norms.map((norm, i) => [0, 0, 0, 0].with(i + 1, norm))];
    const draw = (step: number): readonly number[] => regrowChannels(columns, [0], 2, 'squared', at(step)).regrown;
    expect(new Set(Array.from({ length: 200 }, (_, step) => draw(step).join()))).toEqual(
      new Set(['1,2', '1,3', '2,3']),
    );
    // Both of 1 and 2: 0.6 * 0.3 / 0.4 + 0.3 * 0.6 / 0.7.
    const share = shareOf(4_000, (step) => draw(step).join() === '1,2');
    expect(Math.abs(share - (0.45 + 0.18 / 0.7))).toBeLessThan(0.03);
  });

  test('are uniform when the kept channels span everything', () => {
    const columns = [
      [1, 0],
      [0, 1],
      [1, 1],
      [2, -1],
      [0.3, 5],
    ];
    const { candidates } = regrowChannels(columns, [0, 1], 2, 'squared', at(3));
    for (const { residual, probability } of candidates.values()) {
      expect(residual).toBe(0);
      expect(probability).toBeCloseTo(1 / 3, 12);
    }
  });

  test('none for a count of 0 or a full layer; never a kept one; the same counters draw the same', () => {
    expect(regrowChannels(EXAMPLE, [0, 1], 0, 'squared', at(1)).regrown).toEqual([]);
    expect(regrowChannels(EXAMPLE, [0, 1, 2, 3], 2, 'squared', at(1))).toEqual({ regrown: [], candidates: new Map() });
    expect(regrowChannels(EXAMPLE, [1, 3], 2, 'squared', at(1)).regrown).toEqual([0, 2]);
    const firsts = (seed: number, layer: number): string =>
      Array.from(
        { length: 32 },
        (_, step) => regrowChannels(EXAMPLE, [0, 1], 1, 'squared', at(step, seed, layer)).regrown[0],
      ).join();
    expect(firsts(1, 0)).toBe(firsts(1, 0));
    expect(new Set([firsts(1, 0), firsts(2, 0), firsts(1, 1)]).size).toBe(3);
  });
});
