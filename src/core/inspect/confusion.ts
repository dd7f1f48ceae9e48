import { type Predictions, requireSameImages } from './predictions.ts';

/** How often images of each class are taken for which. */
export interface Confusion {
  readonly classes: number;
  /** Images: [true class, predicted class]. */
  readonly counts: Int32Array;
  /** Images of each class: [true class]. */
  readonly totals: Int32Array;
}

/** How a confusion matrix differs from another of the same images. */
export interface ConfusionDifference extends Confusion {
  /** Images more (or fewer, negative) than in the other: [true class, predicted class]. Rows sum to nothing. */
  readonly counts: Int32Array;
}

/** The confusion matrix: rows are what images show, columns what they are taken for. */
export function confusionOf({ classes, labels, predicted }: Predictions): Confusion {
  const counts = new Int32Array(classes * classes);
  const totals = new Int32Array(classes);
  labels.forEach((label, image) => {
    const cell = label * classes + (predicted[image] ?? 0);
    counts[cell] = (counts[cell] ?? 0) + 1;
    totals[label] = (totals[label] ?? 0) + 1;
  });
  return { classes, counts, totals };
}

/** What the matrix of b has more than that of a. Throws when they are not of the same images. */
export function confusionDifference(a: Predictions, b: Predictions): ConfusionDifference {
  requireSameImages(a, b);
  const before = confusionOf(a).counts;
  const { classes, counts, totals } = confusionOf(b);
  return { classes, counts: counts.map((count, cell) => count - (before[cell] ?? 0)), totals };
}

export const countAt = ({ counts, classes }: Confusion, label: number, predicted: number): number =>
  counts[label * classes + predicted] ?? 0;

/** Share of a class's images that are in a cell of its row (of a difference, from -1 to 1); 0 where it has no images. */
export const shareAt = (confusion: Confusion, label: number, predicted: number): number => {
  const total = confusion.totals[label] ?? 0;
  return total === 0 ? 0 : countAt(confusion, label, predicted) / total;
};

/** How well a class is found. */
export interface ClassScore {
  readonly label: number;
  readonly images: number;
  /** Images of the class that are recognised. */
  readonly right: number;
  /** Share of the class's images that are recognised (also its accuracy); null where it has none. */
  readonly recall: number | null;
  /** Share of what is taken for the class that is of it; null where nothing is. */
  readonly precision: number | null;
}

/** Recall and precision of each class, in the order of the labels. */
export function classScores(confusion: Confusion): readonly ClassScore[] {
  const { classes, totals } = confusion;
  const all = Array.from({ length: classes }, (_, index) => index);
  return all.map((label) => {
    const right = countAt(confusion, label, label);
    const images = totals[label] ?? 0;
    const taken = all.reduce((sum, other) => sum + countAt(confusion, other, label), 0);
    return {
      label,
      images,
      right,
      recall: images === 0 ? null : right / images,
      precision: taken === 0 ? null : right / taken,
    };
  });
}
