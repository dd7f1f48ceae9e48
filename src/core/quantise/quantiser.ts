/** A symmetric uniform quantiser, as UpdateRule.quantiser takes it: -levels x step to levels x step. */
export interface Quantiser {
  readonly step: number;
  readonly levels: number;
}

export interface FittedQuantiser extends Quantiser {
  /** Sum of squared errors over the surviving weights. */
  readonly error: number;
}

/** Steps tried: from twice the largest weight / levels down by so many octaves, so many to an octave. */
const OCTAVES = 7;
const PER_OCTAVE = 32;
/** Weights that the scan looks at; all count in the refinement after it, which stops when it gains less than this share. */
const SCANNED = 32_768;
const REFINEMENTS = 20;
const GAIN = 1e-9;

/** Levels on each side of 0 of a word of `bits` bits: 2^(bits - 1) - 1. Throws unless it is from 2 to 16. */
export function levelsOf(bits: number): number {
  if (!Number.isInteger(bits) || bits < 2 || bits > 16) {
    throw new Error(`quantiser: a word has 2 to 16 bits, not ${bits}`);
  }
  return 2 ** (bits - 1) - 1;
}

/** step x sign(w) x min(floor(|w| / step + 0.5), levels): halves away from zero, 0 stays 0 (section 8). */
export const quantise = (weight: number, { step, levels }: Quantiser): number =>
  Math.sign(weight) * step * code(Math.abs(weight), step, levels);

const code = (magnitude: number, step: number, levels: number): number =>
  Math.min(Math.floor(magnitude / step + 0.5), levels);

/**
 * The quantiser of one layer whose step minimises the sum of squared errors over the surviving weights (section 8; the
 * paper reduces the word length, this way of it is ours). `mask`: 0 where a weight is pruned. Step 1 where all are 0.
 */
export function fitQuantiser(weights: ArrayLike<number>, bits: number, mask?: ArrayLike<number>): FittedQuantiser {
  const levels = levelsOf(bits);
  // Zeros are exact at any step.
  const magnitudes = Float64Array.from(weights, (weight, i) => (mask?.[i] === 0 ? 0 : Math.abs(weight))).filter(
    Boolean,
  );
  if (magnitudes.length === 0) return { step: 1, levels, error: 0 };
  const highest = magnitudes.reduce((a, b) => Math.max(a, b));

  const every = Math.ceil(magnitudes.length / SCANNED);
  const scanned = every > 1 ? magnitudes.filter((_, i) => i % every === 0) : magnitudes;
  let best = improved(scanned, highest / levels, levels);
  for (let i = 0; i <= OCTAVES * PER_OCTAVE; i++) {
    const found = improved(scanned, ((2 * highest) / levels) * 2 ** (-i / PER_OCTAVE), levels);
    if (found.explained > best.explained) best = found;
  }
  best = improved(magnitudes, best.step, levels);
  for (let i = 0; i < REFINEMENTS; i++) {
    const found = improved(magnitudes, best.step, levels);
    if (found.explained <= best.explained * (1 + GAIN)) break;
    best = found;
  }
  const { step } = best;
  const error = magnitudes.reduce((sum, w) => sum + (w - step * code(w, step, levels)) ** 2, 0);
  return { step, levels, error };
}

/**
 * The best step for the codes that `step` gives: least squares, sum(w q) / sum(q^2), which leaves the error sum(w^2) -
 * `explained`, or less once weights take their nearest codes again.
 */
function improved(
  magnitudes: Float64Array,
  step: number,
  levels: number,
): { readonly step: number; readonly explained: number } {
  let [products, squares] = [0, 0];
  for (const w of magnitudes) {
    const q = code(w, step, levels);
    products += w * q;
    squares += q * q;
  }
  return squares > 0 ? { step: products / squares, explained: products ** 2 / squares } : { step, explained: 0 };
}
