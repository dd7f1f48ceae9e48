import { Button, SegmentedControl } from '@mantine/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import { type Confusion, confusionDifference, confusionOf, countAt } from '../../core/inspect/index.ts';
import { ChangeGrid } from './ChangeGrid.tsx';
import { type Answers, answersOf } from './ChangeTile.tsx';
import { type CellSays, cellSentence, plural } from './change-words.ts';
import { ClassTable } from './ClassTable.tsx';
import { ComparisonHead } from './ComparisonHead.tsx';
import { type Cell, ConfusionTable } from './ConfusionTable.tsx';
import './inspect-changes.css';
import './inspect-confusion.css';
import { type Comparison, useComparison } from './use-comparison.ts';

type View = 'a' | 'b' | 'difference';
const VIEWS: readonly { readonly value: View; readonly label: string }[] = [
  { value: 'a', label: 'A' },
  { value: 'b', label: 'B' },
  { value: 'difference', label: 'Difference' },
];

/** What is taken for what by two networks, and how they differ in it. */
export default function ConfusionPanel() {
  const comparison = useComparison(true);
  if (!comparison) return <p className="comparison-empty">No run can be asked: recorded runs compute nothing.</p>;
  return (
    <div className="comparison">
      <ComparisonHead comparison={comparison} />
      <MatrixView comparison={comparison} />
    </div>
  );
}

function MatrixView({ comparison: { a: sideA, b: sideB, incomparable } }: { comparison: Comparison }) {
  const [wanted, setView] = useState<View>('b');
  const [shares, setShares] = useState(false);
  const [pointed, setPointed] = useState<Cell | null>(null);
  const [opened, setOpened] = useState<Cell | null>(null);
  const [from, setFrom] = useState<Cell>({ label: 0, predicted: 0 });
  const body = useRef<HTMLDivElement>(null);
  // Back from the images, the cell that was left takes the focus.
  const left = useRef(false);
  useEffect(() => {
    if (opened || !left.current) return;
    left.current = false;
    body.current?.querySelector<HTMLElement>('button[data-cell][tabindex="0"]')?.focus();
  }, [opened]);

  const [a, b] = [sideA.known.predictions, sideB.known.predictions];
  const both = a !== null && b !== null && incomparable === null;
  const view = wanted === 'difference' && !both ? 'b' : wanted;
  const matrices = useMemo(
    () => ({
      a: a && confusionOf(a),
      b: b && confusionOf(b),
      difference: both ? confusionDifference(a, b) : null,
    }),
    [a, b, both],
  );
  const confusion = matrices[view];
  // Where the images are not the same, each network speaks for itself.
  const [shownA, shownB] = [both || view === 'a' ? a : null, both || view === 'b' ? b : null];
  const answers = useMemo(() => answersOf(shownA, shownB), [shownA, shownB]);

  const sentence = (cell: Cell): string => cellSentence(saysOf(cell, view, matrices));
  if (opened) {
    return (
      <CellImages
        cell={opened}
        title={sentence(opened)}
        view={view}
        answers={answers}
        run={view === 'a' ? sideA.chosen.run : sideB.chosen.run}
        onBack={() => {
          left.current = true;
          setFrom(opened);
          setOpened(null);
        }}
      />
    );
  }
  return (
    <>
      <div className="comparison-bar">
        <SegmentedControl
          size="xs"
          aria-label="Which matrix"
          data={VIEWS.map(({ value, label }) => ({ value, label, disabled: value === 'difference' && !both }))}
          value={view}
          onChange={(value) => setView(value as View)}
        />
        <SegmentedControl
          size="xs"
          aria-label="What the cells say"
          data={[
            { value: 'counts', label: 'Images' },
            { value: 'shares', label: '% of the class' },
          ]}
          value={shares ? 'shares' : 'counts'}
          onChange={(value) => setShares(value === 'shares')}
        />
        <Legend difference={view === 'difference'} />
      </div>
      {confusion ? (
        <div ref={body} className="confusion-body">
          <div className="confusion-scroll">
            <ConfusionTable
              name={NAMES[view]}
              confusion={confusion}
              difference={view === 'difference'}
              shares={shares}
              sentence={sentence}
              from={from}
              onPoint={setPointed}
              onOpen={(cell) => (setPointed(null), setOpened(cell))}
            />
            <p className="confusion-sentence">
              {pointed ? `${sentence(pointed)}.` : 'Point at a cell to read it; a click or Enter shows its images.'}
            </p>
          </div>
          <div className="confusion-classes">
            <ClassTable a={shownA} b={shownB} />
          </div>
        </div>
      ) : (
        <p className="comparison-empty">There is nothing to show of this network yet.</p>
      )}
    </>
  );
}

const NAMES: Readonly<Record<View, string>> = {
  a: 'Confusion matrix of A',
  b: 'Confusion matrix of B',
  difference: 'Confusion matrix of B less that of A',
};

type Matrices = Readonly<Record<View, Confusion | null>>;

function saysOf({ label, predicted }: Cell, view: View, matrices: Matrices): CellSays {
  const countIn = (of: View): number => {
    const matrix = matrices[of];
    return matrix ? countAt(matrix, label, predicted) : 0;
  };
  const of = view === 'a' ? 'a' : 'b';
  return {
    label,
    predicted,
    images: countIn(of),
    total: matrices[of]?.totals[label] ?? 0,
    more: view !== 'a' && matrices.difference ? countIn('difference') : null,
  };
}

const Legend = ({ difference }: { difference: boolean }) => (
  <ul className="keys confusion-keys">
    {difference ? (
      <>
        <li data-mark="fewer">− fewer in B</li>
        <li data-mark="more">+ more in B</li>
      </>
    ) : (
      <li data-mark="share">the stronger the colour, the larger the share of its row</li>
    )}
  </ul>
);

interface CellImagesProps {
  readonly cell: Cell;
  readonly title: string;
  readonly view: View;
  readonly answers: readonly Answers[];
  readonly run: number;
  onBack(): void;
}

/** The images behind a cell; behind one of the difference those that are in it for one network only. */
function CellImages({ cell: { label, predicted }, title, view, answers, run, onBack }: CellImagesProps) {
  const [inA, inB] = (['A', 'B'] as const).map((letter) => answers.find((one) => one.letter === letter)?.predictions);
  const of = inB ?? inA;
  const images = Array.from(of?.labels ?? [], (shows, index) => ({ index, label: shows })).filter(
    ({ index, label: shows }) => {
      const [byA, byB] = [inA, inB].map((network) => network?.predicted[index] === predicted);
      return shows === label && (view === 'a' ? byA : view === 'b' ? byB : byA !== byB);
    },
  );
  return (
    <>
      <div className="comparison-bar">
        <Button size="compact-sm" variant="default" autoFocus onClick={onBack}>
          Back to the matrix
        </Button>
        <p>
          {title}
          {view === 'difference' && `. Below: ${plural(label)} that only one of the two takes for that`}
        </p>
      </div>
      <ChangeGrid name={title} images={images} answers={answers} run={run} empty="There are no such images." />
    </>
  );
}
