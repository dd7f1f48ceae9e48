import fc from 'fast-check';
import { Matrix, SingularValueDecomposition, solve } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { leverageScores, residuals } from './gram.ts';

/** Worked example A of the method's digest: four channels, fan-in 4. */
const EXAMPLE = [
  [3, 0, 0, 0],
  [0, 2, 0, 0],
  [0, 0, 1, 0],
  [0.5, 0.5, 0, 0],
];

const columnsArbitrary = fc
  .tuple(fc.integer({ min: 2, max: 7 }), fc.integer({ min: 2, max: 9 }))
  .chain(([channels, fanIn]) =>
    fc.array(fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: fanIn, maxLength: fanIn }), {
      minLength: channels,
      maxLength: channels,
    }),
  )
  // Columns of almost nothing make the rank a matter of rounding.
  .filter((columns) => columns.every((column) => Math.hypot(...column) > 0.1));

const rankOf = (columns: number[][]): number => {
  const singular = new SingularValueDecomposition(new Matrix(columns), { autoTranspose: true }).diagonal;
  return singular.filter((value) => value ** 2 > 1e-6 * (singular[0] ?? 0) ** 2).length;
};

describe('leverage scores', () => {
  test('worked example A', () => {
    const scores = leverageScores(EXAMPLE, 2);
    [0.974522, 0.942675, 0, 0.082803].forEach((expected, j) => expect(scores[j]).toBeCloseTo(expected, 6));
  });

  test('equal the row norms of the leading right singular vectors of an SVD', () => {
    const columns = [
      [1, 2, 0.5, -1, 0.2],
      [0.3, -1, 1, 0.4, 2],
      [2, 0.1, -0.7, 1, 1],
    ];
    // ml-matrix's SVD of the [fan-in, channels] matrix: an independent route to V.
    const { rightSingularVectors } = new SingularValueDecomposition(new Matrix(columns).transpose());
    const expected = columns.map((_, j) => [0, 1].reduce((sum, r) => sum + rightSingularVectors.get(j, r) ** 2, 0));
    leverageScores(columns, 2).forEach((score, j) => expect(score).toBeCloseTo(expected[j] ?? NaN, 10));
  });

  test('lie in 0 to 1 and sum to the number kept, or to the rank', () => {
    fc.assert(
      fc.property(columnsArbitrary, fc.integer({ min: 1, max: 7 }), (columns, count) => {
        const scores = leverageScores(columns, count);
        for (const score of scores) {
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(1 + 1e-9);
        }
        const sum = scores.reduce((a, b) => a + b, 0);
        expect(sum).toBeCloseTo(Math.min(count, rankOf(columns), columns.length), 6);
      }),
      { numRuns: 60 },
    );
  });

  test('equal columns score equally; permuting permutes; zero columns score 0; rotating the inputs changes nothing', () => {
    const twins = [...EXAMPLE, [3, 0, 0, 0]];
    const scores = leverageScores(twins, 2);
    expect(scores[4]).toBeCloseTo(scores[0] ?? NaN, 12);
    const permuted = leverageScores(
      [2, 0, 3, 1].map((j) => EXAMPLE[j] ?? []),
      2,
    );
    const plain = leverageScores(EXAMPLE, 2);
    [2, 0, 3, 1].forEach((j, k) => expect(permuted[k]).toBeCloseTo(plain[j] ?? NaN, 12));
    expect(leverageScores([...EXAMPLE, [0, 0, 0, 0]], 3)[4]).toBe(0);
    const rotated = EXAMPLE.map(([a = 0, b = 0, c = 0, d = 0]) => [a * 0.6 - b * 0.8, a * 0.8 + b * 0.6, d, -c]);
    leverageScores(rotated, 2).forEach((score, j) => expect(score).toBeCloseTo(plain[j] ?? NaN, 10));
  });
});

describe('residuals', () => {
  test('worked example A: 1 for the orthogonal channel, 0 for the one in the span', () => {
    expect(residuals(EXAMPLE, [0, 1])).toEqual([0, 0, 1, 0]);
  });

  test('are the squared norm when orthogonal to all kept, and when nothing is kept', () => {
    expect(
      residuals(
        [
          [3, 0, 0],
          [0, 0, 2],
          [0, -1, 1],
        ],
        [0],
      ),
    ).toEqual([0, 4, 2]);
    expect(
      residuals(
        [
          [3, 0, 0],
          [0, 1, 2],
        ],
        [],
      ),
    ).toEqual([9, 5]);
  });

  test('equal what a least-squares fit leaves', () => {
    fc.assert(
      fc.property(columnsArbitrary, (columns) => {
        const kept = [0, 1];
        const x = new Matrix(kept.map((t) => columns[t] ?? [])).transpose();
        // Well-conditioned cases only: QR and the pseudo-inverse treat near-copies differently, on purpose.
        fc.pre(new SingularValueDecomposition(x, { autoTranspose: true }).condition < 100);
        fc.pre(x.rows > x.columns);
        residuals(columns, kept).forEach((value, j) => {
          const w = Matrix.columnVector(columns[j] ?? []);
          const left = Matrix.sub(w, x.mmul(solve(x, w)));
          expect(value).toBeCloseTo(left.norm() ** 2, 5);
        });
      }),
    );
  });

  test('are never negative, at most the squared norm, and 0 for combinations of kept columns', () => {
    fc.assert(
      fc.property(columnsArbitrary, (columns) => {
        const copy = (columns[0] ?? []).map((value, k) => 0.5 * value - 1.5 * (columns[1]?.[k] ?? 0));
        const all = [...columns, copy];
        const values = residuals(all, [0, 1]);
        values.forEach((value, j) => {
          const squared = (all[j] ?? []).reduce((sum, entry) => sum + entry ** 2, 0);
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(squared * (1 + 1e-9));
        });
        expect(values.at(-1)).toBeLessThan(1e-5 * copy.reduce((sum, entry) => sum + entry ** 2, 1));
      }),
    );
  });

  test('are all 0 when more are kept than the fan-in (where the official function is wrong)', () => {
    const columns = Array.from({ length: 12 }, (_, j) => [1, 2, 3, 4].map((k) => Math.sin(j * 3.7 + k * 1.3)));
    expect(residuals(columns, [0, 1, 2, 3, 4, 5])).toEqual(columns.map(() => 0));
  });
});

test('weights that are not finite are refused in words', () => {
  expect(() =>
    leverageScores(
      [
        [1, NaN],
        [1, 2],
      ],
      1,
    ),
  ).toThrow(/not a number.*train\.learningRate/);
  expect(() =>
    residuals(
      [
        [1, Infinity],
        [1, 2],
      ],
      [0],
    ),
  ).toThrow(/infinite/);
});
