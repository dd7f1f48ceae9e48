import { useSyncExternalStore } from 'react';
import { Measurements, type MeasuringState } from '../../state/measurements.ts';
import type { Lab } from '../../state/store.ts';
import { useLab } from '../app/lab-context.tsx';

/** What was measured on the page stays while its cards come and go. */
const byLab = new WeakMap<Lab, Measurements>();

export function useMeasurements(): { readonly measurements: Measurements; readonly state: MeasuringState } {
  const lab = useLab();
  const measurements = byLab.get(lab) ?? new Measurements((run, question, asking) => lab.ask(run, question, asking));
  byLab.set(lab, measurements);
  return { measurements, state: useSyncExternalStore(measurements.subscribe, () => measurements.state) };
}
