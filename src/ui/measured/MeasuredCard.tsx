import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Lane } from '../../state/lanes.ts';
import type { Job } from '../../state/measurements.ts';
import type { Lab } from '../../state/store.ts';
import { useLab } from '../app/lab-context.tsx';
import { Card } from '../charts/Card.tsx';
import { MeasureButton } from './MeasureButton.tsx';
import { structureOf } from './networks.ts';
import { RaceSpeeds } from './RaceSpeeds.tsx';
import { BATCHES } from './rows.ts';
import { RunSpeeds } from './RunSpeeds.tsx';
import { useMeasurements } from './use-measurements.ts';

/** What the compact network costs beside the dense one, counted and measured on this adapter. */
export function MeasuredCard() {
  const lab = useLab();
  const { measurements } = useMeasurements();
  const [all, setAll] = useState(false);
  const { lanes, selected } = lab.store.getState();
  const visible = lanes.filter(({ hidden }) => !hidden);
  const racing = lanes.length > 1;
  const shown = all && racing ? visible : lanes.filter(({ run }) => run === selected);
  const jobs = shown.flatMap((lane) => jobOf(lab, lane) ?? []);
  const again = shown.some(({ run }) => measurements.pair(run) !== null);
  const label = shown.length > 1 ? 'Measure all' : again ? 'Measure again' : 'Measure';
  return (
    <Card
      head={
        <>
          <h2>Measured</h2>
          <p className="chart-note">on this adapter</p>
          <span className="keys" />
          <MeasureButton label={label} jobs={jobs} />
          {racing && (
            <Button size="compact-xs" variant="subtle" onClick={() => setAll(!all)}>
              {all ? 'Selected run' : 'All runs'}
            </Button>
          )}
        </>
      }
    >
      {all && racing ? <RaceSpeeds lanes={visible} /> : shown.map((lane) => <RunSpeeds key={lane.run} lane={lane} />)}
    </Card>
  );
}

/** What is to be measured of a run: the dense network and the one that is shown. Null where it cannot be. */
function jobOf(lab: Lab, { run, recorded }: Lane): Job | null {
  const view = lab.view(run);
  const structure = structureOf(view);
  if (recorded || !structure) return null;
  const structures = [
    { structure: 'dense' as const, step: 0 },
    { structure, step: view.step },
  ];
  return { run, structures, batches: BATCHES, training: true };
}
