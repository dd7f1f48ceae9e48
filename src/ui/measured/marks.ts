/** Half the size of a mark in pixels. */
const R = 4.5;

/** Outlines around the origin that look about equally large. */
const OUTLINES: readonly string[] = [
  `M${-R} 0A${R} ${R} 0 1 0 ${R} 0A${R} ${R} 0 1 0 ${-R} 0Z`,
  'M-4-4H4V4H-4Z',
  'M0-5.5L5.5 4H-5.5Z',
  'M0-6L6 0L0 6L-6 0Z',
  'M-2-5.5H2V-2H5.5V2H2V5.5H-2V2H-5.5V-2H-2Z',
  'M0 5.5L5.5-4H-5.5Z',
];

/** The mark of a run, by its colour from 0 to 5: its shape tells it from the others without colour. */
export const markPath = (colour: number): string => OUTLINES[colour % OUTLINES.length] ?? '';
