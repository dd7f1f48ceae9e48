import { NativeSelect, SegmentedControl } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { TableSwitch } from '../charts/Card.tsx';
import { StageTable } from '../sparsity/StageTable.tsx';
import { runStyle } from '../widgets/run-style.ts';
import { ClassBars } from './ClassBars.tsx';
import { ImageShown } from './ImageShown.tsx';
import { LayerRow } from './LayerRow.tsx';
import { MomentPicker } from './MomentPicker.tsx';
import { NoAnswer, Refusal } from './NoAnswer.tsx';
import { TestImages } from './TestImages.tsx';
import { inspecting, pixelsShown, useInspecting } from './inspecting.ts';
import { activationRows, layerPages, pageName } from './layer-pages.ts';
import { type Chosen, firstSides } from './sides.ts';
import { useOutputs, useSide } from './use-side.ts';

const SOURCES = [
  { value: 'test', label: 'Test image' },
  { value: 'own', label: 'Your image' },
];
/** Two columns of maps from this width on, as far apart as in inspect.css. */
const [WIDE, BETWEEN] = [620, 24];

/** What two networks make of one image, layer by layer. */
export function ActivationsPanel() {
  const lab = useLab();
  const [sides, setSides] = useState(() => {
    const { lanes, selected } = lab.store.getState();
    return firstSides(lanes, selected, lab.live);
  });
  if (!sides) return <NoAnswer run={null} problem={null} waiting="" />;
  return <Compared {...sides} onSides={setSides} />;
}

interface ComparedProps {
  readonly a: Chosen;
  readonly b: Chosen;
  readonly onSides: (sides: { a: Chosen; b: Chosen }) => void;
}

function Compared({ a, b, onSides }: ComparedProps) {
  const [page, setPage] = useState(0);
  const [table, setTable] = useState(false);
  const pixels = useInspecting(pixelsShown);
  const source = useInspecting((state) => state.source);
  const own = useInspecting((state) => state.own);
  const truth = useInspecting(({ test }) => (source === 'test' ? (test?.label ?? null) : null));
  const [outputsA, outputsB] = [useOutputs(a.run), useOutputs(b.run)];
  const pages = useMemo(
    () => layerPages([...(outputsA ?? []), ...(outputsB ?? [])].map(({ layer }) => layer)),
    [outputsA, outputsB],
  );
  const layers = pages[page] ?? pages[0] ?? [];
  const [sideA, sideB] = [useSide(a, pixels, layers), useSide(b, pixels, layers)];
  const { ref, width } = useElementSize();
  const columns = width >= WIDE ? 2 : 1;
  const column = Math.floor((width - (columns - 1) * BETWEEN) / columns);
  const maps = (layer: string) => [sideA.side?.maps.get(layer) ?? null, sideB.side?.maps.get(layer) ?? null] as const;

  return (
    <div className="inspect-panel">
      <div className="inspect-head">
        {own && (
          <SegmentedControl
            size="xs"
            aria-label="Image"
            data={SOURCES}
            value={source}
            onChange={(value) => inspecting.setState({ source: value as 'test' | 'own' })}
          />
        )}
        <TestImages run={b.run} />
        {pages.length > 1 && (
          <NativeSelect
            size="xs"
            aria-label="Layers"
            data={pages.map((names, i) => ({ value: String(i), label: pageName(names) }))}
            value={String(page)}
            onChange={({ currentTarget }) => setPage(Number(currentTarget.value))}
          />
        )}
        <TableSwitch title="Activations" table={table} onSwitch={setTable} />
      </div>
      <div className="activations">
        <div className="verdicts">
          <ImageShown />
          <Verdict name="A" chosen={a} truth={truth} {...sideA} />
          <Verdict name="B" chosen={b} truth={truth} {...sideB} />
        </div>
        <div className="layers">
          <div className="layer-columns layer-pickers" data-columns={columns}>
            <MomentPicker label="A" chosen={a} onChoose={(chosen) => onSides({ a: chosen, b })} />
            <MomentPicker label="B" chosen={b} onChoose={(chosen) => onSides({ a, b: chosen })} />
          </div>
          <div className="layer-list">
            <div ref={ref} data-stale={sideA.stale || sideB.stale || undefined}>
              {table ? (
                <StageTable
                  title="Activations"
                  head={['Layer', 'Channel', 'A, mean', 'A, max', 'B, mean', 'B, max']}
                  rows={layers.flatMap((layer) => activationRows(layer, ...maps(layer)))}
                />
              ) : (
                (sideA.side ?? sideB.side) &&
                layers.map((layer) => {
                  const [mapsA, mapsB] = maps(layer);
                  return (
                    width > 0 && (
                      <LayerRow key={layer} layer={layer} a={mapsA} b={mapsB} columns={columns} width={column} />
                    )
                  );
                })
              )}
            </div>
          </div>
        </div>
      </div>
    </div>
  );
}

interface VerdictProps extends ReturnType<typeof useSide> {
  readonly name: string;
  readonly chosen: Chosen;
  readonly truth: number | null;
}

/** What one of the networks says in the end. */
function Verdict({ name, chosen, truth, side, stale, problem, again }: VerdictProps) {
  const lane = useLabState(({ lanes }) => lanes.find(({ run }) => run === chosen.run));
  if (!side) return <NoAnswer run={chosen.run} problem={problem} waiting="Computing ..." onAgain={again} />;
  return (
    <>
      {problem && <Refusal problem={problem} onAgain={again} />}
      <ClassBars
        name={name}
        title={
          <>
            <span title={lane?.spec.name}>
              {name}: {lane?.spec.name}
            </span>
            <span className="class-step">step {side.step.toLocaleString('en')}</span>
          </>
        }
        colour={runStyle(lane?.colour ?? 0).colour}
        probabilities={side.probabilities}
        truth={truth}
        stale={stale}
      />
    </>
  );
}
