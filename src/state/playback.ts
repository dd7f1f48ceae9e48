import type { StoreApi } from 'zustand/vanilla';
import type { LabState } from './state.ts';

/** Milliseconds between two moves of a cursor that moves by itself. */
const PLAY_FRAME = 50;

/** The cursor: the step that everything shows, set by hand or moving by itself. */
export function createPlayback(
  store: Pick<StoreApi<LabState>, 'getState' | 'setState'>,
  /** `lastStep`: the last step that any run has reached. */
  { lastStep, onMove }: { readonly lastStep: () => number; readonly onMove: () => void },
) {
  let player: ReturnType<typeof setInterval> | undefined;

  const move = (step: number | null): void => {
    const cursor = step === null || step >= lastStep() ? null : Math.max(0, Math.round(step));
    // Channels are switched, and taps chosen, on what is shown.
    store.setState(cursor === store.getState().cursor ? { cursor } : { cursor, edits: {}, tapEdits: {} });
    onMove();
  };
  const stop = (): void => {
    clearInterval(player);
    player = undefined;
    if (store.getState().playing !== 0) store.setState({ playing: 0 });
  };
  /** Moves the cursor by itself, so many steps a second, to the end; 0 stops it. */
  const play = (stepsPerSecond: number): void => {
    stop();
    if (stepsPerSecond <= 0) return;
    let at = store.getState().cursor ?? 0;
    move(at);
    store.setState({ playing: stepsPerSecond });
    let shown = performance.now();
    player = setInterval(() => {
      // Where the page cannot follow, steps are left out: the speed is kept.
      const now = performance.now();
      at += (stepsPerSecond * (now - shown)) / 1_000;
      shown = now;
      if (Math.floor(at) !== store.getState().cursor) move(Math.floor(at));
      if (store.getState().cursor === null) stop();
    }, PLAY_FRAME);
  };

  return {
    lastStep,
    stop,
    play,
    /** Shows everything as it stood after a step; null: live. */
    seek(step: number | null): void {
      stop();
      move(step);
    },
    /** Sets how many steps a second Play goes; at once where it plays. */
    setSpeed(speed: number): void {
      store.setState({ speed });
      if (store.getState().playing > 0) play(speed);
    },
  };
}
