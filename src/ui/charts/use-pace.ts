import { startTransition, useEffect, useState } from 'react';
import { useLab } from '../app/lab-context.tsx';

/** Milliseconds between two drawings of the charts: at least, and as a multiple of how long the frame after one took to come. */
const EVERY = 250;
const REST = 6;

/**
 * Renders its component whenever the page's state has changed, at most four times a second, also while one scrubs, and
 * less often where a drawing holds up frames: a busy machine's frames are for what moves.
 */
export function usePace(): void {
  const { store } = useLab();
  const [, setDrawn] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let next = 0;
    const draw = (): void => {
      timer = undefined;
      const started = performance.now();
      next = started + EVERY;
      // In slices, between which the page stays responsive.
      startTransition(() => setDrawn(started));
      requestAnimationFrame(() => (next = Math.max(next, started + REST * (performance.now() - started))));
    };
    const stop = store.subscribe(({ published, cursor, lanes, selected }, before) => {
      const same = published === before.published && cursor === before.cursor;
      if (same && lanes === before.lanes && selected === before.selected) return;
      timer ??= setTimeout(draw, Math.max(0, next - performance.now()));
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [store]);
}
