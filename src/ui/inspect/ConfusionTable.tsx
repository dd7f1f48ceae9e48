import { type CSSProperties, type KeyboardEvent, useRef, useState } from 'react';
import { type Confusion, countAt, shareAt } from '../../core/inspect/index.ts';
import { className, signed } from './change-words.ts';

export interface Cell {
  readonly label: number;
  readonly predicted: number;
}

interface ConfusionTableProps {
  readonly name: string;
  readonly confusion: Confusion;
  /** Whether it is a difference: signs, and two colours. */
  readonly difference: boolean;
  readonly shares: boolean;
  readonly sentence: (cell: Cell) => string;
  /** The cell that takes the focus first. */
  readonly from: Cell;
  onPoint(cell: Cell | null): void;
  onOpen(cell: Cell): void;
}

/** Mixed at most this much with the background, so that text on it stays readable. */
const DEEPEST = 48;

/** Rows are what images show, columns what they are taken for. Arrows move among the cells, Enter opens one. */
export function ConfusionTable(props: ConfusionTableProps) {
  const { name, confusion, difference, shares, sentence, from, onPoint, onOpen } = props;
  const [current, setCurrent] = useState(from);
  const table = useRef<HTMLTableElement>(null);
  const labels = Array.from({ length: confusion.classes }, (_, label) => label);
  const most = Math.max(
    0.01,
    ...labels.flatMap((row) => labels.map((column) => Math.abs(shareAt(confusion, row, column)))),
  );

  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { label, predicted } = current;
    const last = confusion.classes - 1;
    const moves: Readonly<Record<string, Cell>> = {
      ArrowRight: { label, predicted: Math.min(last, predicted + 1) },
      ArrowLeft: { label, predicted: Math.max(0, predicted - 1) },
      ArrowDown: { label: Math.min(last, label + 1), predicted },
      ArrowUp: { label: Math.max(0, label - 1), predicted },
      Home: { label, predicted: 0 },
      End: { label, predicted: last },
    };
    const to = moves[event.key];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    setCurrent(to);
    table.current?.querySelector<HTMLElement>(`[data-cell="${to.label} ${to.predicted}"]`)?.focus();
  };

  return (
    <table ref={table} className="confusion" onKeyDown={onKey} onMouseLeave={() => onPoint(null)}>
      <caption>{name}</caption>
      <thead>
        <tr>
          <th scope="col" className="confusion-corner">
            true ↓ taken for →
          </th>
          {labels.map((column) => (
            <th scope="col" key={column}>
              {className(column)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {labels.map((row) => (
          <tr key={row}>
            <th scope="row">{className(row)}</th>
            {labels.map((column) => {
              const cell = { label: row, predicted: column };
              const share = shareAt(confusion, row, column);
              const text = difference
                ? signed(share, numberText(confusion, cell, shares))
                : numberText(confusion, cell, shares);
              return (
                <td key={column} data-diagonal={row === column || undefined}>
                  <button
                    type="button"
                    data-cell={`${row} ${column}`}
                    data-sign={difference && share !== 0 ? (share > 0 ? 'more' : 'fewer') : undefined}
                    data-none={countAt(confusion, row, column) === 0 || undefined}
                    style={{ '--mix': `${depth(share, difference ? most : 1)}%` } as CSSProperties}
                    tabIndex={row === current.label && column === current.predicted ? 0 : -1}
                    onMouseEnter={() => onPoint(cell)}
                    onFocus={() => (setCurrent(cell), onPoint(cell))}
                    onBlur={() => onPoint(null)}
                    onClick={() => onOpen(cell)}
                  >
                    <span className="only-read">{sentence(cell)}</span>
                    <span aria-hidden>{text}</span>
                  </button>
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Without a sign: images, or hundredths of their class. */
function numberText(confusion: Confusion, { label, predicted }: Cell, shares: boolean): string {
  if (!shares) return Math.abs(countAt(confusion, label, predicted)).toLocaleString('en');
  return (Math.abs(shareAt(confusion, label, predicted)) * 100).toFixed(1);
}

/** By the root, so that rare confusions are seen beside a diagonal that is mostly right. */
const depth = (share: number, most: number): number => Math.round(Math.sqrt(Math.abs(share) / most) * DEEPEST);
