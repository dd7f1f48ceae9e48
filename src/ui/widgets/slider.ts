import type { KeyboardEvent, PointerEvent } from 'react';

/** What the keys of a slider do to its value. */
export interface SliderKeys {
  readonly value: number;
  /** By an arrow key. */
  readonly step?: number;
  /** By a page key. */
  readonly page: number;
  readonly first: number;
  readonly last: number;
}

/** Where a key takes a slider, its default prevented; null for any other key. */
export function movedTo(event: KeyboardEvent, { value, step = 1, page, first, last }: SliderKeys): number | null {
  const moves: Readonly<Record<string, number>> = {
    ArrowRight: value + step,
    ArrowUp: value + step,
    ArrowLeft: value - step,
    ArrowDown: value - step,
    PageUp: value + page,
    PageDown: value - page,
    Home: first,
    End: last,
  };
  const to = moves[event.key];
  if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return null;
  event.preventDefault();
  return Math.min(last, Math.max(first, to));
}

/** Takes hold of a slider with the main button, also for when the pointer leaves it; false for another button. */
export function grabbed({ button, pointerId, currentTarget }: PointerEvent<HTMLElement>): boolean {
  if (button !== 0) return false;
  currentTarget.setPointerCapture(pointerId);
  return true;
}

/** Whether the slider is held. */
export const held = ({ pointerId, currentTarget }: PointerEvent<HTMLElement>): boolean =>
  currentTarget.hasPointerCapture(pointerId);
