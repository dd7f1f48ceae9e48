import { CloseButton } from '@mantine/core';
import { probabilityOf } from '../../core/inspect/index.ts';
import { CLASSES } from '../../core/network/images.ts';
import type { RawPixels } from '../../core/questions/questions.ts';
import { percent } from '../widgets/format.ts';
import type { Answers } from './ChangeTile.tsx';
import { className, oneOf } from './change-words.ts';
import { PixelImage } from './PixelImage.tsx';

interface ChangeDetailProps {
  readonly index: number;
  readonly label: number;
  readonly pixels: RawPixels | undefined;
  readonly answers: readonly Answers[];
  onClose(): void;
}

/** One image, larger, with the probability of each class side by side. */
export function ChangeDetail({ index, label, pixels, answers, onClose }: ChangeDetailProps) {
  return (
    <section className="change-detail" aria-label={`Test image ${index}`}>
      <div className="change-title">
        <h3>
          Test image {index}: {oneOf(label)}
        </h3>
        <CloseButton size="sm" aria-label="Close the larger view" onClick={onClose} />
      </div>
      <PixelImage pixels={pixels} size={128} />
      <table>
        <thead>
          <tr>
            <th scope="col">Class</th>
            {answers.map(({ letter }) => (
              <th scope="col" key={letter}>
                {letter}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {CLASSES.map((_, of) => (
            <tr key={of} data-true={of === label || undefined}>
              <th scope="row">
                {className(of)}
                {of === label && <span className="change-true"> (true)</span>}
              </th>
              {answers.map(({ letter, predictions }) => {
                const probability = probabilityOf(predictions, index, of);
                const known = Number.isFinite(probability);
                return (
                  <td key={letter} data-answer={predictions.predicted[index] === of || undefined}>
                    <span className="change-bar" aria-hidden>
                      <span style={{ width: `${known ? probability * 100 : 0}%` }} />
                    </span>
                    {known ? percent(probability) : '–'}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
