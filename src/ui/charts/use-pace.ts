import { useEffect, useState } from 'react';
import { useLab } from '../app/lab-context.tsx';

/** Milliseconds between two drawings of the charts. */
const EVERY = 250;

/** Renders its component whenever the page's state has changed, at most four times a second, also while one scrubs. */
export function usePace(): void {
  const { store } = useLab();
  const [, setDrawn] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = 0;
    const draw = (): void => {
      timer = undefined;
      last = performance.now();
      setDrawn(last);
    };
    const stop = store.subscribe(({ published, cursor, lanes, selected }, before) => {
      const same = published === before.published && cursor === before.cursor;
      if (same && lanes === before.lanes && selected === before.selected) return;
      timer ??= setTimeout(draw, Math.max(0, last + EVERY - performance.now()));
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [store]);
}
