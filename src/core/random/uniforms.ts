import { type Stream, random4, toUnit } from './random.ts';

/** The next uniform number in the open interval (0, 1). */
export type Uniforms = () => number;

/** The numbers of the counters (a, 0), (a, 1), ... of a stream, one a call: a pure function of (seed, stream, a). */
export function uniforms(seed: number, stream: Stream, a: number): Uniforms {
  let b = 0;
  return () => toUnit(random4(seed, stream, a, b++)[0]);
}

/** A whole number from 0 to `count` - 1, each as likely. */
export const pick = (random: Uniforms, count: number): number => Math.floor(random() * count);
