import type { Change, ChangeKind, Predictions } from '../../core/inspect/index.ts';
import { probabilityOf } from '../../core/inspect/index.ts';
import { CLASSES } from '../../core/network/images.ts';
import { percent } from '../widgets/format.ts';

/** One of the two networks that are compared. */
export type Letter = 'A' | 'B';

export const KIND_LABELS: Readonly<Record<ChangeKind, { readonly label: string; readonly help: string }>> = {
  broken: { label: 'Broken', help: 'A is right, B is wrong' },
  fixed: { label: 'Fixed', help: 'A is wrong, B is right' },
  otherwise: { label: 'Wrong otherwise', help: 'both are wrong, with another class each' },
  unchanged: { label: 'Unchanged', help: 'both say the same, right or wrong' },
};

export const className = (label: number): string => CLASSES[label] ?? `class ${label}`;

/** Several of a class: "cats"; the one that is its own plural is left. */
export const plural = (label: number): string => (className(label) === 'deer' ? 'deer' : `${className(label)}s`);

/** "a cat", "an airplane". */
export const oneOf = (label: number): string => `${/^[aeiou]/.test(className(label)) ? 'an' : 'a'} ${className(label)}`;

/** With a sign, and a minus that is as wide as a plus. */
export const signed = (value: number, text: string): string => (value > 0 ? `+${text}` : value < 0 ? `−${text}` : text);

const count = (images: number): string => images.toLocaleString('en');

export interface CellSays {
  readonly label: number;
  readonly predicted: number;
  /** Images in the cell. */
  readonly images: number;
  /** Images of the true class. */
  readonly total: number;
  /** How many more they are than in A; null where that is not asked. */
  readonly more: number | null;
}

/** What a cell of a confusion matrix says: "cats taken for dogs: 31 of 100 (31.0 %), 6 more than in A". */
export function cellSentence({ label, predicted, images, total, more }: CellSays): string {
  const what = label === predicted ? `${plural(label)} recognised` : `${plural(label)} taken for ${plural(predicted)}`;
  const share = total === 0 ? '' : ` (${percent(images / total)})`;
  return `${what}: ${count(images)} of ${count(total)}${share}${more === null ? '' : `, ${comparedWithA(more)}`}`;
}

function comparedWithA(more: number): string {
  if (more === 0) return 'as many as in A';
  return `${count(Math.abs(more))} ${more > 0 ? 'more' : 'fewer'} than in A`;
}

/** How a probability of a test is written. */
export const pText = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${p < 0.01 ? p.toFixed(3) : p.toFixed(2)}`);

/** Below this a difference is said to be more than chance; a convention. */
const UNLIKELY = 0.05;

/** What McNemar's exact test says of the images that were broken and fixed, in plain words. */
export function verdict(broken: number, fixed: number, p: number): string {
  const differing = broken + fixed;
  if (differing === 0) return 'No image is right in one network and wrong in the other: nothing tells them apart.';
  const often =
    p < 0.001
      ? 'less than once in 1,000 times'
      : p < 0.01
        ? `${Math.round(p * 1_000)} times in 1,000`
        : `${Math.round(p * 100)} times in 100`;
  const judged = p < UNLIKELY ? 'more than chance' : 'no more than chance may do';
  return (
    `B lost ${count(broken)} and gained ${count(fixed)}: ${judged}. Were both equally good, a split at least as uneven ` +
    `would happen ${often} (McNemar’s exact test, ${pText(p)}). That is of these two networks; another seed may differ.`
  );
}

/** What a network says of an image: "dog, 54 %". */
export function answerText(predictions: Predictions, index: number): string {
  const answer = predictions.predicted[index] ?? 0;
  return `${className(answer)}, ${probabilityText(probabilityOf(predictions, index, answer))}`;
}

export const probabilityText = (probability: number): string =>
  Number.isFinite(probability) ? percent(probability, 0) : 'no number';

/** The text alternative of a picture: what it shows, and what is said of it. */
export function pictureText(
  { index, label }: Pick<Change, 'index' | 'label'>,
  answers: readonly { readonly letter: Letter; readonly predictions: Predictions }[],
): string {
  const said = answers.map(({ letter, predictions }) => `${letter} says ${answerText(predictions, index)}`);
  return `Test image ${index}, ${oneOf(label)}: ${said.join('; ')}`;
}
