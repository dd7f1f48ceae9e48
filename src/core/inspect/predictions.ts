/** What a network says of labelled images. */
export interface Predictions {
  readonly images: number;
  readonly classes: number;
  /** What each image shows: [images]. */
  readonly labels: Uint8Array;
  /** The class of the largest logit, of equal ones the first: [images]. */
  readonly predicted: Uint8Array;
  /** Softmax of the logits: [images, classes]. */
  readonly probabilities: Float32Array;
  /** Images whose predicted class is what they show. */
  readonly right: number;
}

/**
 * What logits [images, classes] say of images with these labels. Logits that are no numbers (of a network that diverged)
 * predict the first class, with probabilities that are no numbers. Throws when the lengths do not fit.
 */
export function predictionsOf(logits: Float32Array, labels: Uint8Array, classes: number): Predictions {
  const images = labels.length;
  if (logits.length !== images * classes) {
    throw new RangeError(`${logits.length} logits are not ${classes} for each of ${images} images.`);
  }
  const predicted = new Uint8Array(images);
  const probabilities = new Float32Array(logits.length);
  let right = 0;
  for (let image = 0; image < images; image++) {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    const best = largest(row);
    predicted[image] = best;
    if (best === labels[image]) right++;
    // Less the largest, so that no exponential overflows.
    const exponentials = Array.from(row, (logit) => Math.exp(logit - (row[best] ?? 0)));
    const sum = exponentials.reduce((total, value) => total + value, 0);
    exponentials.forEach((value, i) => (probabilities[image * classes + i] = value / sum));
  }
  return { images, classes, labels, predicted, probabilities, right };
}

function largest(row: Float32Array): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] ?? 0) > (row[best] ?? 0)) best = i;
  return best;
}

/** Share of the images that are classified rightly; NaN of none. */
export const accuracyOf = ({ right, images }: Predictions): number => right / images;

/** What a network gives an image's class: from 0 to 1. */
export const probabilityOf = ({ probabilities, classes }: Predictions, image: number, label: number): number =>
  probabilities[image * classes + label] ?? NaN;

/** Throws unless two networks were shown the same images (as far as their labels tell). */
export function requireSameImages(a: Predictions, b: Predictions): void {
  if (a.images !== b.images) throw new RangeError(`${a.images} images cannot be compared with ${b.images}.`);
  if (a.labels.some((label, image) => label !== b.labels[image])) {
    throw new RangeError('The images have other labels: they are not the same.');
  }
}
