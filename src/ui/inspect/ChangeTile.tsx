import { memo } from 'react';
import { type Predictions, probabilityOf } from '../../core/inspect/index.ts';
import type { RawPixels } from '../../core/questions/questions.ts';
import { type Letter, className, pictureText, probabilityText } from './change-words.ts';
import { PixelImage } from './PixelImage.tsx';

/** What one of the two networks says. */
export interface Answers {
  readonly letter: Letter;
  readonly predictions: Predictions;
}

/** The answers that there are. */
export const answersOf = (a: Predictions | null, b: Predictions | null): readonly Answers[] => [
  ...(a ? [{ letter: 'A', predictions: a } as const] : []),
  ...(b ? [{ letter: 'B', predictions: b } as const] : []),
];

interface ChangeTileProps {
  readonly index: number;
  readonly label: number;
  readonly pixels: RawPixels | undefined;
  readonly answers: readonly Answers[];
  readonly inTabOrder: boolean;
  /** Whether the larger view shows it. */
  readonly opened: boolean;
}

/** One test image, what it shows and what is said of it; a press opens it larger. */
export const ChangeTile = memo(function ChangeTile(props: ChangeTileProps) {
  const { index, label, pixels, answers, inTabOrder, opened } = props;
  return (
    <button
      type="button"
      className="change-tile"
      data-index={index}
      tabIndex={inTabOrder ? 0 : -1}
      aria-pressed={opened}
    >
      <PixelImage pixels={pixels} size={64} />
      <span className="only-read">{pictureText({ index, label }, answers)}</span>
      <span className="change-said" aria-hidden>
        <b>{className(label)}</b>
        {answers.map(({ letter, predictions }) => {
          const answer = predictions.predicted[index] ?? 0;
          return (
            <span key={letter} data-right={answer === label || undefined}>
              <i>{letter}</i> {answer === label ? '✓' : className(answer)}{' '}
              {probabilityText(probabilityOf(predictions, index, answer))}
            </span>
          );
        })}
      </span>
    </button>
  );
});
