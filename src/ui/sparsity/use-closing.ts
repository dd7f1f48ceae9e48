import { useReducedMotion } from '@mantine/hooks';
import { useEffect, useRef, useState } from 'react';

/** Milliseconds that rows and columns take to leave. */
const TIME = 700;

/** From 0 (as it was) to 1 (closed up): moves there over a few frames, or at once where motion is to be reduced. */
export function useClosing(closed: boolean): number {
  const still = useReducedMotion(undefined, { getInitialValueInEffect: false });
  const goal = closed ? 1 : 0;
  const [shown, setShown] = useState(goal);
  const at = useRef(goal);
  useEffect(() => {
    const from = at.current;
    if (from === goal) return undefined;
    const started = performance.now();
    let frame = 0;
    const move = (now: number): void => {
      const share = still ? 1 : Math.min(1, Math.max(0, now - started) / TIME);
      at.current = from + (goal - from) * share * share * (3 - 2 * share);
      setShown(at.current);
      if (share < 1) frame = requestAnimationFrame(move);
    };
    frame = requestAnimationFrame(move);
    return () => cancelAnimationFrame(frame);
  }, [goal, still]);
  return shown;
}
