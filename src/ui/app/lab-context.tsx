import { type ReactNode, createContext, useContext } from 'react';
import { useStore } from 'zustand';
import type { RunView } from '../../core/events/view.ts';
import type { Lab, LabState } from '../../state/store.ts';

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

/** The view of the run, and a render a few times a second while it changes. */
export function useRunView(): RunView {
  useLabState((state) => state.published);
  return useLab().view();
}
