import { Button, Progress } from '@mantine/core';
import type { Job } from '../../state/measurements.ts';
import { useMeasurements } from './use-measurements.ts';

/** Asks for a measurement; while one is under way tells how far it is and takes it back. */
export function MeasureButton({ label, jobs }: { label: string; jobs: readonly Job[] }) {
  const { measurements, state } = useMeasurements();
  const { busy } = state;
  if (!busy) {
    return (
      <Button
        size="compact-xs"
        variant="light"
        disabled={jobs.length === 0}
        onClick={() => void measurements.measure(jobs)}
      >
        {label}
      </Button>
    );
  }
  const done = Math.round(busy.progress * 100);
  return (
    <span className="measuring">
      <span>
        Measuring{busy.jobs > 1 ? ` ${busy.job} of ${busy.jobs}` : ''}: {done} %
      </span>
      <Progress size="sm" value={done} aria-label="Measurement" />
      <Button size="compact-xs" variant="light" color="gray" onClick={() => measurements.cancel()}>
        Cancel
      </Button>
    </span>
  );
}
