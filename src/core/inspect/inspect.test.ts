import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CHANGE_KINDS,
  type ChangeKind,
  type Predictions,
  accuracyOf,
  changesBetween,
  classScores,
  confusionDifference,
  confusionOf,
  countAt,
  countChanges,
  countChangesByClass,
  mcNemarExact,
  predictionsOf,
  probabilityOf,
  shareAt,
  sortedChanges,
} from './index.ts';

const CLASSES = 4;

/** Logits, few of them different so that ties happen, of two networks for the same labels. */
const pair = fc
  .array(
    fc.record({
      label: fc.nat(CLASSES - 1),
      a: fc.array(fc.integer({ min: -2, max: 2 }), { minLength: CLASSES, maxLength: CLASSES }),
      b: fc.array(fc.integer({ min: -2, max: 2 }), { minLength: CLASSES, maxLength: CLASSES }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((images) => {
    const labels = Uint8Array.from(images, ({ label }) => label);
    const of = (side: 'a' | 'b'): Predictions =>
      predictionsOf(Float32Array.from(images.flatMap((image) => image[side])), labels, CLASSES);
    return { images, labels, a: of('a'), b: of('b') };
  });

/** Predictions that are sure of given classes. */
const sure = (labels: readonly number[], predicted: readonly number[]): Predictions =>
  predictionsOf(
    Float32Array.from(predicted.flatMap((of) => Array.from({ length: CLASSES }, (_, i) => (i === of ? 20 : 0)))),
    Uint8Array.from(labels),
    CLASSES,
  );

describe('predictions', () => {
  test('a worked example: classes, softmax, how many are right', () => {
    const logits = Float32Array.from([0, Math.log(2), Math.log(4), 0, 5, 5, 1, 1, 1_000, 0, -1_000, 0]);
    const found = predictionsOf(logits, Uint8Array.from([2, 1, 0]), CLASSES);
    expect([...found.predicted]).toEqual([2, 0, 0]);
    expect(found.right).toBe(2);
    expect(accuracyOf(found)).toBeCloseTo(2 / 3, 12);
    expect([0, 1, 2, 3].map((label) => probabilityOf(found, 0, label))).toEqual(
      [1 / 8, 2 / 8, 4 / 8, 1 / 8].map((share) => expect.closeTo(share, 6) as number),
    );
    expect(probabilityOf(found, 2, 0)).toBe(1);
    expect(probabilityOf(found, 2, 2)).toBe(0);
  });

  test('the class has the largest logit, the first of several, and probabilities sum to one', () => {
    fc.assert(
      fc.property(pair, ({ images, a }) => {
        images.forEach((image, i) => {
          expect(a.predicted[i]).toBe(image.a.indexOf(Math.max(...image.a)));
          const row = [...a.probabilities.subarray(i * CLASSES, (i + 1) * CLASSES)];
          expect(row.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
          expect(row.indexOf(Math.max(...row))).toBe(a.predicted[i]);
        });
      }),
    );
  });

  test('logits that do not fit the labels are refused, and those that are no numbers are no crash', () => {
    expect(() => predictionsOf(new Float32Array(7), new Uint8Array(2), CLASSES)).toThrow('7 logits are not 4 for each');
    const diverged = predictionsOf(new Float32Array(CLASSES).fill(NaN), Uint8Array.from([1]), CLASSES);
    expect([...diverged.predicted]).toEqual([0]);
    expect(probabilityOf(diverged, 0, 1)).toBeNaN();
  });
});

describe('a confusion matrix', () => {
  test('of a worked example, with recall and precision', () => {
    // Three of class 0 (two taken for 1), two of class 1 (right), one of class 2 (taken for 0), none of class 3.
    const confusion = confusionOf(sure([0, 0, 0, 1, 1, 2], [0, 1, 1, 1, 1, 0]));
    expect([...confusion.counts]).toEqual([1, 2, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect(shareAt(confusion, 0, 1)).toBeCloseTo(2 / 3, 12);
    expect(shareAt(confusion, 3, 3)).toBe(0);
    expect(classScores(confusion)).toEqual([
      { label: 0, images: 3, right: 1, recall: 1 / 3, precision: 1 / 2 },
      { label: 1, images: 2, right: 2, recall: 1, precision: 1 / 2 },
      { label: 2, images: 1, right: 0, recall: 0, precision: null },
      { label: 3, images: 0, right: 0, recall: null, precision: null },
    ]);
  });

  test('counts each image once: cells as by brute force, rows by class, the diagonal what is right', () => {
    fc.assert(
      fc.property(pair, ({ labels, a }) => {
        const confusion = confusionOf(a);
        for (let label = 0; label < CLASSES; label++) {
          for (let predicted = 0; predicted < CLASSES; predicted++) {
            const expected = [...labels].filter((of, i) => of === label && a.predicted[i] === predicted).length;
            expect(countAt(confusion, label, predicted)).toBe(expected);
          }
          expect(confusion.totals[label]).toBe([...labels].filter((of) => of === label).length);
        }
        expect(classScores(confusion).reduce((sum, { right }) => sum + right, 0)).toBe(a.right);
      }),
    );
  });

  test('differs from another cell by cell, turns its sign with the order, and its rows sum to nothing', () => {
    fc.assert(
      fc.property(pair, ({ a, b }) => {
        const { counts } = confusionDifference(a, b);
        const [before, after] = [confusionOf(a).counts, confusionOf(b).counts];
        expect([...counts]).toEqual([...after].map((count, cell) => count - (before[cell] ?? NaN)));
        expect([...confusionDifference(b, a).counts].map((count) => 0 - count)).toEqual([...counts]);
        for (let label = 0; label < CLASSES; label++) {
          expect(counts.subarray(label * CLASSES, (label + 1) * CLASSES).reduce((sum, x) => sum + x, 0)).toBe(0);
        }
      }),
    );
  });

  test('of other images is not compared', () => {
    const three = sure([0, 1, 2], [0, 0, 0]);
    expect(() => confusionDifference(three, sure([0, 1], [0, 0]))).toThrow('3 images cannot be compared with 2');
    expect(() => changesBetween(three, sure([0, 1, 3], [0, 0, 0]))).toThrow('they are not the same');
  });
});

describe('changes between two networks', () => {
  test('a worked example of each kind', () => {
    const changes = changesBetween(sure([0, 1, 2, 3, 3], [0, 0, 1, 2, 3]), sure([0, 1, 2, 3, 3], [3, 1, 0, 2, 3]));
    expect(changes.map(({ kind }) => kind)).toEqual(['broken', 'fixed', 'otherwise', 'unchanged', 'unchanged']);
    expect(countChanges(changes)).toEqual({ broken: 1, fixed: 1, otherwise: 1, unchanged: 2 });
    expect(changes.map(({ drop }) => Math.round(drop))).toEqual([1, -1, 0, 0, 0]);
    expect(changes.map(({ confidence }) => Math.round(confidence))).toEqual([1, 1, 1, 1, 0]);
  });

  test('every image is of one kind, as by brute force, and the accuracies differ by what is fixed less what is broken', () => {
    fc.assert(
      fc.property(pair, ({ labels, a, b }) => {
        const changes = changesBetween(a, b);
        const holds: Readonly<Record<ChangeKind, (rightA: boolean, rightB: boolean, same: boolean) => boolean>> = {
          broken: (rightA, rightB) => rightA && !rightB,
          fixed: (rightA, rightB) => !rightA && rightB,
          otherwise: (rightA, rightB, same) => !rightA && !rightB && !same,
          unchanged: (_, __, same) => same,
        };
        changes.forEach(({ kind }, i) => {
          const [rightA, rightB] = [a, b].map(({ predicted }) => predicted[i] === labels[i]);
          const same = a.predicted[i] === b.predicted[i];
          const kinds = CHANGE_KINDS.filter((of) => holds[of](rightA === true, rightB === true, same));
          expect(kinds).toEqual([kind]);
        });
        const counts = countChanges(changes);
        expect(counts.fixed - counts.broken).toBe(b.right - a.right);
        const byClass = countChangesByClass(changes, CLASSES);
        for (const kind of CHANGE_KINDS) {
          expect(byClass.reduce((sum, of) => sum + of[kind], 0)).toBe(counts[kind]);
        }
        byClass.forEach((of, label) =>
          expect(of.broken).toBe(changes.filter((change) => change.label === label && change.kind === 'broken').length),
        );
      }),
    );
  });

  test('are turned round by turning the networks round', () => {
    fc.assert(
      fc.property(pair, ({ a, b }) => {
        const [forth, back] = [countChanges(changesBetween(a, b)), countChanges(changesBetween(b, a))];
        expect(back).toEqual({ ...forth, broken: forth.fixed, fixed: forth.broken });
      }),
    );
  });

  test('are sorted by what is asked, equal ones by their place', () => {
    fc.assert(
      fc.property(pair, ({ a, b }) => {
        const changes = changesBetween(a, b);
        const keys = {
          drop: ({ index, label }) => probabilityOf(b, index, label) - probabilityOf(a, index, label),
          rise: ({ index, label }) => probabilityOf(a, index, label) - probabilityOf(b, index, label),
          confidence: ({ index, label }) => {
            const of = b.predicted[index] === label ? a : b;
            const answer = of.predicted[index] ?? 0;
            return answer === label ? 0 : -probabilityOf(of, index, answer);
          },
          index: ({ index }) => index,
          class: ({ label }) => label,
        } satisfies Record<Parameters<typeof sortedChanges>[1], (change: (typeof changes)[number]) => number>;
        for (const order of ['drop', 'rise', 'confidence', 'index', 'class'] as const) {
          const sorted = sortedChanges(changes, order);
          expect(sorted.map(({ index }) => index).toSorted((x, y) => x - y)).toEqual(changes.map(({ index }) => index));
          sorted.slice(1).forEach((change, i) => {
            const before = sorted[i] ?? change;
            const [x, y] = [keys[order](before), keys[order](change)];
            expect(x < y || (x === y && before.index < change.index)).toBe(true);
          });
        }
      }),
    );
  });
});

describe('McNemar’s exact test', () => {
  // The calculator of vassarstats.net, as the tests of statsmodels quote it (test_contingency_tables.py).
  test.each([
    [121, 59, 0.000004],
    [70, 59, 0.378688],
    [80, 59, 0.089452],
    [30, 60, 0.00206],
    [10, 30, 0.002221],
    [10, 10, 1],
  ])('of %i against %i is %f, as published', (broken, fixed, p) => {
    expect(mcNemarExact(broken, fixed)).toBeCloseTo(p, 6);
  });

  test('is twice the tail of fair coins, added up in whole numbers', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), (broken, fixed) => {
        const all = broken + fixed;
        let tail = 0n;
        let ways = 1n;
        for (let k = 0n; k <= BigInt(Math.min(broken, fixed)); k++) {
          tail += ways;
          ways = (ways * (BigInt(all) - k)) / (k + 1n);
        }
        const expected = Math.min(1, Number(2n * tail) / 2 ** all);
        expect(Math.abs(mcNemarExact(broken, fixed) / expected - 1)).toBeLessThan(1e-11);
        expect(mcNemarExact(fixed, broken)).toBe(mcNemarExact(broken, fixed));
      }),
    );
  });

  test('holds for thousands, of none is 1, and refuses what is no count', () => {
    // By the normal approximation with continuity correction: z = 99 / sqrt(10,000).
    expect(mcNemarExact(4_950, 5_050)).toBeCloseTo(0.3222, 3);
    expect(mcNemarExact(0, 10_000)).toBe(0);
    expect(mcNemarExact(0, 0)).toBe(1);
    expect(() => mcNemarExact(1.5, 2)).toThrow('not 1.5');
    expect(() => mcNemarExact(1, -2)).toThrow('not -2');
  });
});
