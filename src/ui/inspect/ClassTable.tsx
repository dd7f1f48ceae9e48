import { type ClassScore, type Predictions, classScores, confusionOf } from '../../core/inspect/index.ts';
import { percent } from '../widgets/format.ts';
import { className, signed } from './change-words.ts';

/** How well each class is found by A and by B, with the change. */
export function ClassTable({ a, b }: { a: Predictions | null; b: Predictions | null }) {
  const [inA, inB] = [a, b].map((predictions) => (predictions ? classScores(confusionOf(predictions)) : null));
  const scores = inB ?? inA;
  if (!scores) return null;
  const both = inA && inB;
  return (
    <table className="class-scores">
      <caption>By class: share recognised, and precision of what is taken for it</caption>
      <thead>
        <tr>
          <th scope="col">Class</th>
          {inA && <th scope="col">A</th>}
          {inB && <th scope="col">B</th>}
          {both && <th scope="col">Change</th>}
          {inA && <th scope="col">Precision A</th>}
          {inB && <th scope="col">Precision B</th>}
        </tr>
      </thead>
      <tbody>
        {scores.map(({ label }) => (
          <tr key={label}>
            <th scope="row">{className(label)}</th>
            {inA && <Share value={inA[label]?.recall} />}
            {inB && <Share value={inB[label]?.recall} />}
            {both && <Change from={inA[label]} to={inB[label]} />}
            {inA && <Share value={inA[label]?.precision} />}
            {inB && <Share value={inB[label]?.precision} />}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const Share = ({ value }: { value: number | null | undefined }) => (
  <td>{value === null || value === undefined ? '–' : percent(value)}</td>
);

/** In points, that is hundredths of the class's images. */
function Change({ from, to }: { from: ClassScore | undefined; to: ClassScore | undefined }) {
  if (from?.recall === null || to?.recall === null || !from || !to) return <td>–</td>;
  const change = to.recall - from.recall;
  return (
    <td data-sign={change === 0 ? undefined : change > 0 ? 'more' : 'fewer'}>
      {signed(change, (Math.abs(change) * 100).toFixed(1))}
    </td>
  );
}
