import type { ReactNode } from 'react';
import { CLASSES } from '../../core/network/images.ts';
import { percent } from '../widgets/format.ts';
import { ranked } from './probabilities.ts';

/** What a network says of one image: the probability of each class. */
export function ClassBars({
  name,
  title,
  colour,
  probabilities,
  truth,
  stale = false,
}: {
  /** As text, for those who do not see `title`. */
  name: string;
  title: ReactNode;
  /** Of the bars: CSS. */
  colour: string;
  probabilities: readonly number[];
  /** What the image really shows, where that is known. */
  truth: number | null;
  stale?: boolean;
}) {
  const top = ranked(probabilities)[0] ?? 0;
  return (
    <section className="class-bars" aria-label={`What ${name} says`} data-stale={stale || undefined}>
      <h3>{title}</h3>
      <p className="class-top">
        <strong>{CLASSES[top]}</strong>, {percent(probabilities[top] ?? 0)}
      </p>
      <table>
        <tbody>
          {CLASSES.map((label, index) => (
            <tr key={label} data-top={index === top || undefined}>
              <th scope="row">
                {label}
                {index === truth && (
                  <span className="class-truth" title="What it shows">
                    {' '}
                    <span aria-hidden>✓</span>
                    <span className="inspect-hidden">(what it shows)</span>
                  </span>
                )}
              </th>
              <td className="class-bar" aria-hidden>
                <span style={{ width: percent(probabilities[index] ?? 0, 2).replace(' ', ''), background: colour }} />
              </td>
              <td className="class-share">{percent(probabilities[index] ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
