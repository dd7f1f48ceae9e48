import { NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { Evaluations } from '../../core/pareto/evaluated.ts';
import type { Job, Measured } from '../../state/measurements.ts';
import type { Lab } from '../../state/store.ts';
import { useLab } from '../app/lab-context.tsx';
import { Card, TableSwitch } from '../charts/Card.tsx';
import { runStyle } from '../widgets/run-style.ts';
import { COSTS, type ParetoRun, dotsOf, unmeasured } from './dots.ts';
import { markPath } from './marks.ts';
import { MeasureButton } from './MeasureButton.tsx';
import { denseSizes } from './networks.ts';
import { ParetoPlot } from './ParetoPlot.tsx';
import { ParetoTable } from './ParetoTable.tsx';
import { BATCHES } from './rows.ts';
import { useMeasurements } from './use-measurements.ts';

const TITLE = 'Accuracy against cost';

/** Test accuracy of every evaluated checkpoint against what its network costs, and which of them no other beats. */
export function ParetoCard() {
  const lab = useLab();
  const { measurements, state } = useMeasurements();
  const [id, setId] = useState('macs');
  const [table, setTable] = useState(false);
  const [logs] = useState(() => new Map<number, Evaluations>());
  const cost = COSTS.find((one) => one.id === id) ?? COSTS[0];
  if (!cost) return null;
  const measuredOf = (run: number, key: string): Measured | undefined => measurements.of(run, key);
  const runs = runsOf(lab, logs);
  const { dots, of } = dotsOf(runs, cost, measuredOf);
  const jobs = cost.measured ? jobsOf(lab, runs, measuredOf) : [];
  const structures = jobs.reduce((sum, job) => sum + job.structures.filter(({ step }) => step >= 0).length, 0);
  const front = dots.filter((dot) => dot.front).length;
  const show = (run: number, step: number): void => {
    lab.actions.select(run);
    lab.actions.seek(step);
  };
  const problem = [...state.problems.values()][0];
  const racing = runs.length > 1;
  return (
    <Card
      head={
        <>
          <h2>Pareto</h2>
          <NativeSelect
            size="xs"
            className="sparsity-picker measured-picker"
            aria-label="Cost"
            data={COSTS.map(({ id: value, title }) => ({ value, label: title }))}
            value={id}
            onChange={(event) => setId(event.currentTarget.value)}
          />
          <span className="keys" />
          {(structures > 0 || state.busy) && (
            <MeasureButton
              label={structures === 1 ? 'Measure the structure of these dots' : `Measure the ${structures} structures`}
              jobs={jobs}
            />
          )}
          <TableSwitch title={TITLE} table={table} onSwitch={setTable} />
        </>
      }
    >
      <div className="pareto">
        {of === 0 ? (
          <p className="chart-empty">Dots begin with the first evaluation.</p>
        ) : table ? (
          <ParetoTable title={TITLE} cost={cost} dots={dots} racing={racing} onShow={show} />
        ) : dots.length === 0 ? (
          <p className="chart-empty">
            {cost.measured ? 'None of the structures is measured yet.' : 'Steps of these structures are still to come.'}
          </p>
        ) : (
          <ParetoPlot title={TITLE} cost={cost} dots={dots} onShow={show} />
        )}
        <p className="pareto-note">
          {of > 0 && (
            <>
              {dots.length === of ? dots.length : `${dots.length} of ${of}`} {of === 1 ? 'dot' : 'dots'}
              {dots.length === of ? '' : cost.measured ? ' measured' : ' with steps of their own'}, {front} on the
              front: no other is at most as costly and at least as accurate.
            </>
          )}{' '}
          {problem}
          {racing &&
            runs.map(({ run, name, colour }) => (
              <span key={run}>
                <svg width="13" height="13" viewBox="-6.5 -6.5 13 13" aria-hidden>
                  <path d={markPath(colour)} fill={runStyle(colour).colour} />
                </svg>
                {name}
              </span>
            ))}
        </p>
      </div>
    </Card>
  );
}

/** Every visible run as it stands now, whatever step is looked at: the dots keep still. */
function runsOf(lab: Lab, logs: Map<number, Evaluations>): readonly ParetoRun[] {
  const lanes = lab.store.getState().lanes.filter(({ hidden }) => !hidden);
  return lanes.flatMap(({ run, colour, spec }) => {
    const view = lab.live(run);
    if (!view.start) return [];
    const log = logs.get(run) ?? new Evaluations();
    logs.set(run, log);
    const isDense = spec.scheme.id === 'dense';
    return [{ run, name: spec.name, colour, evaluated: log.of(view), dense: denseSizes(view.start), isDense }];
  });
}

/** What is to be measured before every dot has its place; the dense network with each run, for comparison. */
function jobsOf(
  lab: Lab,
  runs: readonly ParetoRun[],
  measuredOf: (run: number, key: string) => Measured | undefined,
): readonly Job[] {
  const recorded = new Set(lab.store.getState().lanes.flatMap((lane) => (lane.recorded ? [lane.run] : [])));
  return runs.flatMap((one): Job[] => {
    const wanted = recorded.has(one.run) ? [] : unmeasured(one, measuredOf);
    if (wanted.length === 0) return [];
    const dense = measuredOf(one.run, 'dense') ? [] : [{ structure: 'dense' as const, step: -1 }];
    const structures = [...dense, ...wanted.map(({ structure, step }) => ({ structure, step }))];
    return [{ run: one.run, structures, batches: BATCHES, training: false }];
  });
}
