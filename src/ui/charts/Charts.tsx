import { SegmentedControl } from '@mantine/core';
import { useState } from 'react';
import { CLOCKS, type Clock, clockAt } from '../../core/events/clocks.ts';
import type { RunView } from '../../core/events/view.ts';
import type { Lab } from '../../state/store.ts';
import { useLab } from '../app/lab-context.tsx';
import { type Comparison, CompareCard } from './CompareCard.tsx';
import { Chart, type XScale } from './Chart.tsx';
import { Keys } from './Keys.tsx';
import { type RacingRun, lossCeiling, raceAccuracies, raceLosses } from './race-series.ts';
import { accuracySeries, lossSeries, widthSeries } from './series.ts';
import { usePace } from './use-pace.ts';
import './charts.css';

/** Loss, accuracy and widths over a clock of choice; of a race, the curves of all runs that are not hidden. */
export function Charts() {
  usePace();
  const lab = useLab();
  const [clock, setClock] = useState<Clock>('step');
  const [chosen, setComparison] = useState<Comparison | null>(null);
  // The standing shows itself when it is decided, unless something else was chosen.
  const comparison = chosen ?? (lab.store.getState().runState === 'done' ? 'standing' : 'widths');
  const view = lab.view();
  const racing = lab.store.getState().lanes.length > 1;
  const runs = visibleRuns(lab);
  const scale = scaleOf(racing ? runs.map(({ run }) => lab.live(run)) : [lab.live()], view, clock);
  const widths = { title: 'Widths', ...widthSeries(view, clock), scale, digits: 0, grid: 8, stepped: true };
  const losses = raceLosses(racing ? runs : [], clock);
  return (
    <section className="charts-row" aria-label="Charts">
      <div className="charts-bar">
        {racing && <Keys series={losses.series} />}
        <SegmentedControl
          size="xs"
          aria-label="Clock of the charts"
          data={CLOCKS.map(({ id, title }) => ({ value: id, label: title }))}
          value={clock}
          onChange={setClock}
        />
      </div>
      <div className="charts" data-compare={(racing && comparison !== 'widths') || undefined}>
        {racing ? (
          <>
            <Chart
              title="Loss"
              note="training, smoothed"
              keys={false}
              {...losses}
              ceiling={lossCeiling(losses)}
              scale={scale}
              digits={3}
              grid={0.1}
              floor="auto"
            />
            <Chart
              title="Accuracy"
              note="test images"
              keys={false}
              {...raceAccuracies(runs, clock)}
              scale={scale}
              digits={1}
              unit=" %"
              grid={20}
            />
          </>
        ) : (
          <>
            <Chart title="Loss" {...lossSeries(view, clock)} scale={scale} digits={3} grid={0.1} floor="auto" />
            <Chart title="Accuracy" {...accuracySeries(view, clock)} scale={scale} digits={1} unit=" %" grid={20} />
          </>
        )}
        {racing ? <CompareCard shown={comparison} onShow={setComparison} widths={widths} /> : <Chart {...widths} />}
      </div>
    </section>
  );
}

function visibleRuns(lab: Lab): readonly RacingRun[] {
  const { lanes, selected } = lab.store.getState();
  return lanes
    .filter(({ hidden }) => !hidden)
    .map(({ run, colour, spec }) => ({
      run,
      colour,
      name: spec.name,
      selected: run === selected,
      view: lab.view(run),
    }));
}

/** The axis reaches to where the runs stand now, so that it keeps still while one looks at earlier steps. */
function scaleOf(lives: readonly RunView[], selected: RunView, clock: Clock): XScale {
  const end = Math.max(...lives.map((live) => clockAt(live, clock, live.step)), 0);
  const marks = selected.decisions.filter(({ step }) => step > 0).map(({ step }) => clockAt(selected, clock, step));
  return { clock, end: end || 1, marks };
}
