import type { Scheme } from '../core/scheme/scheme.ts';
import { chex } from './chex/index.ts';
import { dense } from './dense/index.ts';
import { fpgm } from './fpgm/index.ts';
import { magnitude } from './magnitude/index.ts';
import { manual } from './manual/index.ts';
import { paiMask } from './pai-mask/index.ts';
import { precrop } from './precrop/index.ts';
import { random } from './random/index.ts';
import { slimming } from './slimming/index.ts';
import { structuredSparsity } from './structured-sparsity/index.ts';
import { taylor } from './taylor/index.ts';
import { uniform } from './uniform/index.ts';

/** Every scheme of the lab, in the order of the page's picker. */
export const SCHEMES: readonly Scheme[] = [
  chex,
  dense,
  uniform,
  random,
  magnitude,
  slimming,
  fpgm,
  taylor,
  precrop,
  paiMask,
  structuredSparsity,
  manual,
];

/** The scheme called `id`. Throws a sentence that lists the known ones. */
export function schemeById(id: string): Scheme {
  const scheme = SCHEMES.find((candidate) => candidate.id === id);
  if (!scheme)
    throw new Error(`scheme.id: "${id}" is not known; known: ${SCHEMES.map((known) => known.id).join(', ')}`);
  return scheme;
}
