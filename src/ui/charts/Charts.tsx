import { SegmentedControl } from '@mantine/core';
import { useState } from 'react';
import { CLOCKS, type Clock, clockAt } from '../../core/events/clocks.ts';
import type { RunView } from '../../core/events/view.ts';
import type { Lab } from '../../state/store.ts';
import { useLab } from '../app/lab-context.tsx';
import { type Comparison, CompareCard, comparisonsOf } from './CompareCard.tsx';
import { hasDensities } from '../densities/plan.ts';
import { MEASURED_CARDS } from '../measured/cards.ts';
import { useDraftText } from '../panels/fields.tsx';
import { STAGE_CARDS, hasStages } from '../sparsity/cards.ts';
import { Chart, type XScale } from './Chart.tsx';
import { Keys } from './Keys.tsx';
import { type RacingRun, lossCeiling, raceAccuracies, raceLosses } from './race-series.ts';
import { accuracySeries, lossSeries, widthSeries } from './series.ts';
import { usePace } from './use-pace.ts';
import './charts.css';

/** Cards that need room for more than curves. */
const TALL: readonly Comparison[] = ['densities', 'drawn', ...STAGE_CARDS, ...MEASURED_CARDS];

/** Loss, accuracy and widths over a clock of choice; of a race, the curves of all runs that are not hidden. */
export function Charts() {
  usePace();
  const lab = useLab();
  const [clock, setClock] = useState<Clock>('step');
  const [chosen, setComparison] = useState<Comparison | null>(null);
  const scheme = useDraftText('scheme.id');
  const view = lab.view();
  const racing = lab.store.getState().lanes.length > 1;
  const densities = hasDensities(scheme);
  const stages = hasStages(scheme, lab.live());
  const comparisons = comparisonsOf(racing, densities, stages);
  // The standing shows itself when it is decided, densities where a start follows from them, and kernels where stages
  // prune them, unless something else was chosen.
  const decided = racing && lab.store.getState().runState === 'done';
  const first = decided ? 'standing' : densities ? 'densities' : stages ? 'kernels' : 'widths';
  const comparison = comparisons.find(({ value }) => value === chosen)?.value ?? first;
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
        {comparisons.length > 1 && (
          <SegmentedControl
            size="xs"
            aria-label={racing ? 'What to compare' : 'What to show'}
            data={[...comparisons]}
            value={comparison}
            onChange={(value) => setComparison(value)}
          />
        )}
      </div>
      <div
        className="charts"
        data-compare={comparison !== 'widths' || undefined}
        data-tall={TALL.includes(comparison) || undefined}
      >
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
              empty="Points begin with the first evaluation."
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
        <CompareCard shown={comparison} widths={widths} />
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
