import { Button } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useCallback, useMemo, useState } from 'react';
import { MOST_RUNS } from '../../core/spec/race.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { Card, TableSwitch } from '../charts/Card.tsx';
import { DensityBars, boxesOf } from './DensityBars.tsx';
import { DensityTable } from './DensityTable.tsx';
import { LevelHandle } from './LevelHandle.tsx';
import { PassPlayer } from './PassPlayer.tsx';
import { axisTop, keepAtLevel, keptOf, rowsOf } from './bars.ts';
import { smallestKeep } from './plan.ts';
import { type Picture, usePicture } from './use-picture.ts';
import { SOURCE_NAMES, layerText, summaryOf } from './words.ts';
import './densities.css';

/** How dense each layer is and what that leaves of it, with the level that the budget sets. */
export function DensityCard() {
  const [table, setTable] = useState(false);
  const [preview, setPreview] = useState<number | null>(null);
  const picture = usePicture(preview);
  const [swept, setSwept] = useState<{ report: Picture['report']; pass: number | null }>({ report: null, pass: null });
  const report = picture?.report ?? null;
  const pass = swept.report === report ? swept.pass : null;
  const onPass = useCallback((next: number | null) => setSwept({ report, pass: next }), [report]);
  const passes = report?.passes?.length ?? 0;
  const onePass = useOnePass(report);
  const rows = useMemo(
    () => (report && pass !== null ? rowsOf(report, pass) : (picture?.rows ?? [])),
    [report, pass, picture],
  );
  if (!picture) return <Card head={<h2>Densities</h2>}>{null}</Card>;
  const chosen = picture.scheme['densities'] ?? picture.scheme['score'];
  const source = typeof chosen === 'string' ? chosen : '';
  return (
    <Card
      head={
        <>
          <h2>Densities</h2>
          <p className="chart-note">{SOURCE_NAMES[source] ?? source}</p>
          {passes > 1 && <PassPlayer key={passes} passes={passes} pass={pass} onPass={onPass} />}
          {passes > 1 && source === 'synflow' && <OnePass />}
          <span className="keys" />
          <TableSwitch title="Densities" table={table} onSwitch={setTable} />
        </>
      }
    >
      {table ? (
        <DensityTable rows={rows} />
      ) : (
        <Plot picture={picture} rows={rows} others={onePass} preview={preview} onPreview={setPreview} />
      )}
    </Card>
  );
}

const Key = ({ other }: { other: boolean }) => (
  <ul className="keys density-key">
    <li data-mark="kept">kept</li>
    <li data-mark="asked">asked for</li>
    <li data-mark="whole">whole layer</li>
    {other && <li data-mark="other">one pass</li>}
  </ul>
);

interface PlotProps {
  readonly picture: Picture;
  readonly rows: Picture['rows'];
  /** Densities that another run got in one pass. */
  readonly others: readonly number[] | null;
  readonly preview: number | null;
  onPreview(keep: number | null): void;
}

function Plot({ picture, rows, others, preview, onPreview }: PlotProps) {
  const { actions } = useLab();
  const fixed = useLabState(({ lanes, selected }) => lanes.find(({ run }) => run === selected)?.recorded ?? true);
  const { ref, width, height } = useElementSize();
  const [pointed, setPointed] = useState<number | null>(null);
  // While the level is dragged the axis stays, or the level would run away from the pointer.
  const [heldTop, setHeldTop] = useState<number | null>(null);
  const { ground, scheme, unit, level, keep } = picture;
  const shown = unit ?? 'weights';
  const wholes = useMemo(() => ground.layers.map((layer) => layer[shown]), [ground, shown]);
  const smallest = useMemo(() => smallestKeep(ground, scheme), [ground, scheme]);
  const largest = Math.max(...wholes);
  const most = Math.max(1, ...rows.map(({ asked }) => asked ?? 0));
  const tallest = Math.max(largest, ...rows.map((row) => (row.asked ?? 0) * row[shown]));
  // An axis ends above 1.25 times its level, so that what is kept fits too where it exceeds the level.
  const shownLevel = level === null ? null : Math.max(level, ...rows.map((row) => 0.8 * (keptOf(row, shown) ?? 0)));
  const boxes = boxesOf(width, height, most, heldTop ?? axisTop(tallest, shownLevel));
  const commit = (next: number): void => {
    const kind = shown === 'macs' ? 'macs' : 'parameters';
    actions.edit('scheme.budget', { kind, keep: next });
  };
  const clamped = (next: number): number => Math.min(1, Math.max(smallest, Math.round(next * 1_000) / 1_000));
  const row = pointed === null ? undefined : rows[pointed];
  return (
    <div className="density-body">
      <div ref={ref} className="density-area">
        {width > 0 && (
          <DensityBars
            rows={rows}
            unit={shown}
            boxes={boxes}
            width={width}
            height={height}
            pointed={pointed}
            others={others}
            onPoint={setPointed}
          />
        )}
        {width > 0 && level !== null && (
          <LevelHandle
            box={boxes[1]}
            level={level}
            keep={keep}
            smallest={smallest}
            largest={largest}
            unit={shown === 'macs' ? 'MACs' : 'weights'}
            disabled={fixed}
            onLevel={(to) => onPreview(clamped(keepAtLevel(wholes, to)))}
            onKeep={commit}
            onGrab={() => setHeldTop(boxes[1].most)}
            onDone={() => {
              setHeldTop(null);
              if (preview !== null) commit(preview);
              onPreview(null);
            }}
          />
        )}
      </div>
      <div className="density-foot">
        <p data-problem={picture.problem !== null || undefined}>
          {row ? layerText(row) : summaryOf({ ...picture, rows })}
        </p>
        <Key other={others !== null} />
      </div>
    </div>
  );
}

/** Where another run of the race scored in one pass: the densities that it got. */
function useOnePass(report: Picture['report']): readonly number[] | null {
  const lab = useLab();
  const lanes = useLabState((state) => state.lanes);
  const selected = useLabState((state) => state.selected);
  if (!report || (report.passes?.length ?? 0) <= 1) return null;
  for (const { run, hidden, spec } of lanes) {
    const other = hidden || run === selected || spec.scheme['passes'] !== 1 ? null : lab.live(run).densities;
    if (other?.source === report.source && other.layers.length === report.layers.length)
      return other.layers.map(({ density }) => density);
  }
  return null;
}

/** Adds the same run with its score taken at once. */
function OnePass() {
  const { actions } = useLab();
  const full = useLabState(({ lanes }) => lanes.length >= MOST_RUNS);
  const there = useLabState(({ lanes }) => lanes.some(({ spec }) => spec.scheme['passes'] === 1));
  if (there) return null;
  return (
    <Button
      size="compact-xs"
      variant="default"
      disabled={full}
      title="Adds this run with SynFlow in a single pass, in which layers can collapse"
      onClick={() => actions.addVariant('one pass', { passes: 1 })}
    >
      Race one pass
    </Button>
  );
}
