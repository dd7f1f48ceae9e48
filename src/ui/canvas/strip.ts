import type { Tick, TickKind } from '../../core/events/ticks.ts';

/** One run on the time line. */
export interface StripLane {
  readonly run: number;
  readonly name: string;
  /** Its colour: 0 to 5. */
  readonly colour: number;
  /** Steps it will make, and has made. */
  readonly steps: number;
  readonly reached: number;
  readonly ticks: readonly Tick[];
  /** Steps it can be forked from. */
  readonly checkpoints: readonly number[];
}

/** How the rows of the time line lie: one scale of steps for all of them. */
export interface StripLayout {
  readonly width: number;
  readonly height: number;
  /** Height of one row. */
  readonly row: number;
  /** Steps from the left end to the right one. */
  readonly steps: number;
}

/** Room for half a tick at either end. */
const MARGIN = 7;
/** Pixels within which a pointer means a mark. */
const NEAR = 5;

/** Rows as high as is comfortable: two together are little higher than one. */
export function layOutStrip(width: number, lanes: readonly Pick<StripLane, 'steps'>[]): StripLayout {
  const row = lanes.length <= 1 ? 20 : lanes.length === 2 ? 13 : 12;
  return {
    width,
    height: row * Math.max(1, lanes.length),
    row,
    steps: Math.max(1, ...lanes.map(({ steps }) => steps)),
  };
}

export const xOfStep = ({ width, steps }: StripLayout, step: number): number =>
  MARGIN + (step / steps) * Math.max(1, width - 2 * MARGIN);

/** The step under a point: within the run, whole. */
export function stepAtX({ width, steps }: StripLayout, x: number): number {
  const share = (x - MARGIN) / Math.max(1, width - 2 * MARGIN);
  return Math.round(Math.min(1, Math.max(0, share)) * steps);
}

/** The nearest of some steps when a point is as good as on it, else the step under the point. */
export function snappedStep(layout: StripLayout, x: number, steps: readonly number[]): number {
  const distance = (step: number): number => Math.abs(xOfStep(layout, step) - x);
  const nearest = steps.reduce<number | null>(
    (best, step) => (best === null || distance(step) < distance(best) ? step : best),
    null,
  );
  return nearest !== null && distance(nearest) <= NEAR ? nearest : stepAtX(layout, x);
}

/** Ticks to draw: those of a kind that would cover each other are one. Evaluations are not news. */
export function ticksToDraw(layout: StripLayout, ticks: readonly Tick[]): readonly { tick: Tick; x: number }[] {
  const last = new Map<TickKind, number>();
  return ticks.flatMap((tick) => {
    const x = xOfStep(layout, tick.step);
    if (tick.kind === 'evaluate' || x - (last.get(tick.kind) ?? -Infinity) < 2) return [];
    last.set(tick.kind, x);
    return [{ tick, x }];
  });
}

/** The run whose row is pointed at. */
export const laneAt = <Lane>({ row }: StripLayout, lanes: readonly Lane[], y: number): Lane | undefined =>
  lanes[Math.min(lanes.length - 1, Math.max(0, Math.floor(y / row)))];

/** What happened near a point, all of it: the ticks of the nearest step. */
export function ticksNear(layout: StripLayout, ticks: readonly Tick[], x: number): readonly Tick[] {
  const step = snappedStep(
    layout,
    x,
    ticks.map((tick) => tick.step),
  );
  return ticks.filter((tick) => tick.step === step);
}

/** The last of some ascending steps up to a step (null: of all), or null: where a fork can set off. */
export function checkpointBefore(checkpoints: readonly number[], step: number | null): number | null {
  return checkpoints.findLast((checkpoint) => step === null || checkpoint <= step) ?? null;
}
