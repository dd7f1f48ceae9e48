import { type Predictions, probabilityOf, requireSameImages } from './predictions.ts';

/**
 * What becomes of an image from network A to network B: right, then wrong; wrong, then right; wrong both times, but
 * taken for something else; taken for the same.
 */
export type ChangeKind = 'broken' | 'fixed' | 'otherwise' | 'unchanged';
export const CHANGE_KINDS: readonly ChangeKind[] = ['broken', 'fixed', 'otherwise', 'unchanged'];

/** One image, as two networks see it. */
export interface Change {
  /** Among the test images. */
  readonly index: number;
  readonly label: number;
  /** The class that A and that B take it for. */
  readonly a: number;
  readonly b: number;
  readonly kind: ChangeKind;
  /** Probability of the true class by A less that by B. */
  readonly drop: number;
  /** What the wrong answer is given: B's, or A's where B is right; 0 where both are. */
  readonly confidence: number;
}

/** Every image as A and as B see it, in the order of the test images. Throws when they are not the same images. */
export function changesBetween(a: Predictions, b: Predictions): readonly Change[] {
  requireSameImages(a, b);
  return Array.from(a.labels, (label, index) => {
    const [inA, inB] = [a.predicted[index] ?? 0, b.predicted[index] ?? 0];
    const wrong = inB === label ? a : b;
    const answer = inB === label ? inA : inB;
    return {
      index,
      label,
      a: inA,
      b: inB,
      kind: kindOf(label, inA, inB),
      drop: probabilityOf(a, index, label) - probabilityOf(b, index, label),
      confidence: answer === label ? 0 : probabilityOf(wrong, index, answer),
    };
  });
}

function kindOf(label: number, a: number, b: number): ChangeKind {
  if (a === b) return 'unchanged';
  if (a === label) return 'broken';
  return b === label ? 'fixed' : 'otherwise';
}

export type ChangeCounts = Readonly<Record<ChangeKind, number>>;

/** How many images of each kind. */
export function countChanges(changes: readonly Change[]): ChangeCounts {
  const counts = { broken: 0, fixed: 0, otherwise: 0, unchanged: 0 };
  for (const { kind } of changes) counts[kind]++;
  return counts;
}

/** The same for each class, in the order of the labels. */
export function countChangesByClass(changes: readonly Change[], classes: number): readonly ChangeCounts[] {
  const counts = Array.from({ length: classes }, () => ({ broken: 0, fixed: 0, otherwise: 0, unchanged: 0 }));
  for (const { kind, label } of changes) {
    const of = counts[label];
    if (of) of[kind]++;
  }
  return counts;
}

/** Orders of images: what the true class lost or gained, how sure the wrong answer is (most first), place, class. */
export type ChangeOrder = 'drop' | 'rise' | 'confidence' | 'index' | 'class';

const COMPARE: Readonly<Record<ChangeOrder, (a: Change, b: Change) => number>> = {
  drop: (a, b) => b.drop - a.drop,
  rise: (a, b) => a.drop - b.drop,
  confidence: (a, b) => b.confidence - a.confidence,
  index: () => 0,
  class: (a, b) => a.label - b.label,
};

/** In an order; equal ones by their place among the test images, as are those whose probabilities are no numbers. */
export const sortedChanges = (changes: readonly Change[], order: ChangeOrder): readonly Change[] =>
  changes.toSorted((a, b) => COMPARE[order](a, b) || a.index - b.index);
