import type { StoreApi } from 'zustand/vanilla';
import type { Spec } from '../core/spec/spec.ts';
import { keepForGood } from '../persist/storage.ts';
import type { KeptRun } from '../persist/store.ts';
import type { Command, Report } from '../worker/messages.ts';
import type { LabState } from './state.ts';

export type { DamagedRun, KeptRun } from '../persist/store.ts';

/** The runs kept in this browser, the storage in use, and what is wrong with it (a sentence). */
export type KeptRuns = Omit<Extract<Report, { type: 'kept' }>, 'type'>;

/** Whether there is something to go on from, and no tab writes it. */
export const canResume = ({ checkpoint, writer }: KeptRun): boolean => checkpoint !== null && writer === null;

/** Whether it has come to its end: it can be looked at, but not trained. */
export const isFinished = ({ state }: KeptRun): boolean => state === 'done';

/** The interrupted runs to offer, the one changed last first. */
export const offered = ({ kept, interrupted }: Pick<LabState, 'kept' | 'interrupted'>): readonly KeptRun[] =>
  kept?.list.runs.filter((run) => interrupted.includes(run.id) && isInterrupted(run)) ?? [];

const isInterrupted = (run: KeptRun): boolean => canResume(run) && (run.state === 'running' || run.state === 'paused');

interface Page {
  send(command: Command): void;
  /** Makes a lane for a run: in place of a single untouched one (then it is alone), else beside the others. */
  open(spec: Spec): { readonly run: number; readonly alone: boolean } | null;
}

export interface KeptActions {
  listKept(): void;
  resume(kept: Pick<KeptRun, 'id' | 'name' | 'spec' | 'state'>, go?: boolean): void;
  deleteKept(ids: readonly string[]): void;
  dismissInterrupted(): void;
  keepForGood(): Promise<boolean>;
}

/** What the page does with kept runs. */
export function keptActions(store: StoreApi<LabState>, { send, open }: Page) {
  const actions: KeptActions = {
    /** Asks for the list anew. */
    listKept: () => send({ type: 'list' }),
    /**
     * Opens a kept run where it was left. One that was cut off runs on at once (unless `go` is false), or as the others
     * of the race do; one that failed waits, since it would fail again as it is.
     */
    resume(kept, go = true) {
      const lane = open({ ...kept.spec, name: kept.name });
      if (!lane) return;
      // At once: it is not to be resumed twice.
      store.setState({ interrupted: store.getState().interrupted.filter((id) => id !== kept.id) });
      send({ type: 'resume', run: lane.run, id: kept.id, spec: kept.spec });
      if (go && lane.alone && kept.state !== 'done' && kept.state !== 'error') send({ type: 'run' });
    },
    deleteKept: (ids) => send({ type: 'delete', ids }),
    dismissInterrupted: () => store.setState({ interrupted: [] }),
    /** Asks the browser never to clear the runs by itself; true when it promises. Follows from a click. */
    keepForGood: () => keepForGood(),
  };
  return {
    actions,
    hear({ list, use, problem }: KeptRuns): void {
      const first = store.getState().kept === null;
      const interrupted = list.runs.filter(isInterrupted).map(({ id }) => id);
      store.setState({ kept: { list, use, problem }, ...(first ? { interrupted } : {}) });
      // What is not kept any more is not said to be.
      const ids = new Set(list.runs.map(({ id }) => id));
      const { lanes } = store.getState();
      if (problem !== null || !lanes.some(({ kept }) => kept && !ids.has(kept.id))) return;
      store.setState({
        lanes: lanes.map((lane) => (lane.kept && !ids.has(lane.kept.id) ? { ...lane, kept: null } : lane)),
      });
    },
  };
}
