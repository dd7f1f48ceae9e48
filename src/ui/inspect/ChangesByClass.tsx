import { useMemo, useState } from 'react';
import {
  type Change,
  type ChangeCounts,
  type Predictions,
  classScores,
  confusionOf,
  countChangesByClass,
} from '../../core/inspect/index.ts';
import { className, signed } from './change-words.ts';

type Column = 'class' | 'broken' | 'fixed' | 'net';
const COLUMNS: readonly { readonly column: Column; readonly label: string; readonly help: string }[] = [
  { column: 'class', label: 'Class', help: 'Press a class to see its images only' },
  { column: 'broken', label: 'Broken', help: 'Right in A, wrong in B' },
  { column: 'fixed', label: 'Fixed', help: 'Wrong in A, right in B' },
  { column: 'net', label: 'Net', help: 'Fixed less broken' },
];

interface Row extends ChangeCounts {
  readonly label: number;
  readonly net: number;
  readonly images: number;
}

interface ChangesByClassProps {
  readonly changes: readonly Change[];
  readonly a: Predictions;
  readonly b: Predictions;
  /** The only class that is looked at. */
  readonly label: number | null;
  onChoose(label: number | null): void;
}

/** What was broken and fixed of each class; sorted by a press on a column's head, filtered by one on a class. */
export function ChangesByClass({ changes, a, b, label, onChoose }: ChangesByClassProps) {
  const [sort, setSort] = useState<{ readonly column: Column; readonly descending: boolean }>({
    column: 'class',
    descending: false,
  });
  const rows = useMemo(() => {
    const scores = classScores(confusionOf(b));
    return countChangesByClass(changes, b.classes).map((counts, of): Row => ({
      ...counts,
      label: of,
      net: counts.fixed - counts.broken,
      images: scores[of]?.images ?? 0,
    }));
  }, [changes, b]);
  const most = Math.max(1, ...rows.flatMap(({ broken, fixed }) => [broken, fixed]));
  const key = (row: Row): number => (sort.column === 'class' ? row.label : row[sort.column]);
  const sorted = rows.toSorted((x, y) => (sort.descending ? key(y) - key(x) : key(x) - key(y)) || x.label - y.label);
  const press = (column: Column): void =>
    setSort({ column, descending: sort.column === column ? !sort.descending : column !== 'class' });
  return (
    <div className="change-classes">
      <table>
        <caption>Broken and fixed by class, of {a.images.toLocaleString('en')} test images</caption>
        <thead>
          <tr>
            {COLUMNS.map(({ column, label: head, help }) => (
              <th
                scope="col"
                key={column}
                data-column={column}
                aria-sort={sort.column === column ? (sort.descending ? 'descending' : 'ascending') : 'none'}
              >
                <button type="button" title={`${help}. Sort by it.`} onClick={() => press(column)}>
                  {head}
                  <span aria-hidden>{sort.column === column ? (sort.descending ? ' ↓' : ' ↑') : ''}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={row.label} data-chosen={row.label === label || undefined}>
              <th scope="row">
                <button
                  type="button"
                  aria-pressed={row.label === label}
                  title={`${row.images} test images. Show only these.`}
                  onClick={() => onChoose(row.label === label ? null : row.label)}
                >
                  {className(row.label)}
                </button>
              </th>
              <Bar column="broken" images={row.broken} most={most} />
              <Bar column="fixed" images={row.fixed} most={most} />
              <td>{signed(row.net, String(Math.abs(row.net)))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const Bar = ({ column, images, most }: { column: 'broken' | 'fixed'; images: number; most: number }) => (
  <td data-column={column}>
    <span className="change-class-bar">
      <span>{images}</span>
      <span aria-hidden style={{ width: `${(images / most) * 60}%` }} />
    </span>
  </td>
);
