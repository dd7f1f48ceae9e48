import { useReducedMotion } from '@mantine/hooks';
import { useEffect, useState } from 'react';

/** Milliseconds that rows and columns take to leave. */
const TIME = 700;

/** From 0 (as it was) to 1 (closed up): moves there over a few frames, or at once where motion is to be reduced. */
export function useClosing(closed: boolean): number {
  const still = useReducedMotion(undefined, { getInitialValueInEffect: false });
  const goal = closed ? 1 : 0;
  const [at, setAt] = useState(goal);
  useEffect(() => {
    if (at === goal) return undefined;
    const from = at;
    const started = performance.now();
    let frame = 0;
    const move = (now: number): void => {
      const share = still ? 1 : Math.min(1, Math.max(0, now - started) / TIME);
      setAt(from + (goal - from) * share * share * (3 - 2 * share));
      if (share < 1) frame = requestAnimationFrame(move);
    };
    frame = requestAnimationFrame(move);
    return () => cancelAnimationFrame(frame);
    // Only a new goal starts a move; where it stands then is where it starts from.
  }, [goal, still]);
  return at;
}
