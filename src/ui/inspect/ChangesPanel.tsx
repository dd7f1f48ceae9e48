import { NativeSelect } from '@mantine/core';
import { useMemo, useState } from 'react';
import {
  CHANGE_KINDS,
  type ChangeKind,
  type ChangeOrder,
  type Predictions,
  accuracyOf,
  changesBetween,
  countChanges,
  mcNemarExact,
  sortedChanges,
} from '../../core/inspect/index.ts';
import { CLASSES } from '../../core/network/images.ts';
import { percent } from '../widgets/format.ts';
import { ChangeGrid } from './ChangeGrid.tsx';
import { answersOf } from './ChangeTile.tsx';
import { ChangesByClass } from './ChangesByClass.tsx';
import { KIND_LABELS, className, plural, signed, verdict } from './change-words.ts';
import { ComparisonHead } from './ComparisonHead.tsx';
import './inspect-changes.css';
import { useComparison } from './use-comparison.ts';

const ORDERS: readonly { readonly value: ChangeOrder; readonly label: string }[] = [
  { value: 'drop', label: 'True class lost most' },
  { value: 'rise', label: 'True class gained most' },
  { value: 'confidence', label: 'Surest wrong answer' },
  { value: 'class', label: 'Class' },
  { value: 'index', label: 'Place in the data' },
];

/** Test images that two networks see differently: which pruning broke and which it fixed. */
export default function ChangesPanel() {
  const comparison = useComparison(false);
  if (!comparison) return <p className="comparison-empty">No run can be asked: recorded runs compute nothing.</p>;
  const { a, b, incomparable } = comparison;
  const [inA, inB] = [a.known.predictions, b.known.predictions];
  return (
    <div className="comparison">
      <ComparisonHead comparison={comparison} />
      {!incomparable && inA && inB && <Changes a={inA} b={inB} run={b.chosen.run} />}
      {!incomparable && !(inA && inB) && (
        <p className="comparison-empty">The images appear here once both networks have classified them.</p>
      )}
    </div>
  );
}

function Changes({ a, b, run }: { a: Predictions; b: Predictions; run: number }) {
  const [kind, setKind] = useState<ChangeKind>('broken');
  const [label, setLabel] = useState<number | null>(null);
  const [order, setOrder] = useState<ChangeOrder>('drop');
  const changes = useMemo(() => changesBetween(a, b), [a, b]);
  const counts = useMemo(() => countChanges(changes), [changes]);
  const answers = useMemo(() => answersOf(a, b), [a, b]);
  const images = useMemo(
    () =>
      sortedChanges(
        changes.filter((change) => change.kind === kind && (label === null || change.label === label)),
        order,
      ),
    [changes, kind, label, order],
  );
  const name = `${KIND_LABELS[kind].label}${label === null ? '' : `, ${plural(label)}`}`;
  return (
    <>
      <div className="change-summary">
        <div className="change-kinds" role="group" aria-label="Which images">
          {CHANGE_KINDS.map((of) => (
            <button
              key={of}
              type="button"
              data-kind={of}
              aria-pressed={of === kind}
              title={KIND_LABELS[of].help}
              onClick={() => setKind(of)}
            >
              <strong>{counts[of].toLocaleString('en')}</strong> {KIND_LABELS[of].label}
            </button>
          ))}
        </div>
        <p className="change-verdict">
          <strong>
            {percent(accuracyOf(a))} → {percent(accuracyOf(b))} (
            {signed(b.right - a.right, String(Math.abs(b.right - a.right)))} of {a.images.toLocaleString('en')}).
          </strong>{' '}
          {verdict(counts.broken, counts.fixed, mcNemarExact(counts.broken, counts.fixed))}
        </p>
      </div>
      <div className="change-body">
        <ChangesByClass changes={changes} a={a} b={b} label={label} onChoose={setLabel} />
        <div className="change-images">
          <div className="comparison-bar">
            <p className="change-count">
              <strong>{images.length.toLocaleString('en')}</strong> {images.length === 1 ? 'image' : 'images'}:{' '}
              {KIND_LABELS[kind].help}
            </p>
            <NativeSelect
              size="xs"
              aria-label="Class"
              data={[
                { value: '', label: 'All classes' },
                ...CLASSES.map((_, of) => ({ value: String(of), label: className(of) })),
              ]}
              value={label === null ? '' : String(label)}
              onChange={({ currentTarget: { value } }) => setLabel(value === '' ? null : Number(value))}
            />
            <NativeSelect
              size="xs"
              aria-label="Sort by"
              data={[...ORDERS]}
              value={order}
              onChange={({ currentTarget }) => setOrder(currentTarget.value as ChangeOrder)}
            />
          </div>
          <ChangeGrid
            // Another choice begins at its first image.
            key={`${kind} ${label} ${order}`}
            name={name}
            images={images}
            answers={answers}
            run={run}
            empty="There are no such images."
          />
        </div>
      </div>
    </>
  );
}
