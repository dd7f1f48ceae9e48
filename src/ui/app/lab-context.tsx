import { type ReactNode, createContext, useContext } from 'react';
import { useStore } from 'zustand';
import type { RunView } from '../../core/events/view.ts';
import type { LabState } from '../../state/state.ts';
import type { Lab } from '../../state/store.ts';

const LabContext = createContext<Lab | null>(null);

export const LabProvider = ({ lab, children }: { lab: Lab; children: ReactNode }) => (
  <LabContext value={lab}>{children}</LabContext>
);

export function useLab(): Lab {
  const lab = useContext(LabContext);
  if (!lab) throw new Error('The page is not within a LabProvider.');
  return lab;
}

export function useLabState<Value>(select: (state: LabState) => Value): Value {
  return useStore(useLab().store, select);
}

/** The view of a run (default the selected one) at the cursor, and a render a few times a second while it changes. */
export function useRunView(run?: number): RunView {
  useLabState((state) => state.published);
  useLabState((state) => state.cursor);
  return useLab().view(run);
}

/** Updates made so far by the run that has made the fewest; recordings do not count. */
export function useSlowestStep(): number {
  useLabState((state) => state.published);
  const lanes = useLabState((state) => state.lanes);
  const lab = useLab();
  const steps = lanes.filter(({ recorded }) => !recorded).map(({ run }) => lab.live(run).step);
  return steps.length > 0 ? Math.min(...steps) : 0;
}
