/** How a run's line is drawn: a colour, and a dash that tells the runs apart without colour. */
export interface LineStyle {
  readonly colour: string;
  /** Undefined: a solid line. */
  readonly dash: string | undefined;
}

const DASHES = [undefined, '7 3', '2 2.5', '9 3 2 3', '4 2 1 2', '12 3'] as const;

/** The look of a lane, wherever its run is shown; `colour` counts from 0 to 5 as in `Lane`. */
export const runStyle = (colour: number): LineStyle => ({
  colour: `var(--series-${(colour % DASHES.length) + 1})`,
  dash: DASHES[colour % DASHES.length],
});
