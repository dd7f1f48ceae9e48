import type { Figure } from '../job.ts';
import { coldStart } from './cold-start.ts';
import { compact } from './compact.ts';
import { frameGap } from './frame-gap.ts';
import { gpu } from './gpu.ts';
import { host } from './host.ts';
import { kernels } from './kernels.ts';
import { restructure } from './restructure.ts';
import { stepRate } from './step-rate.ts';
import { strided } from './strided.ts';
import { train } from './train.ts';

/** All figures, in the order in which they are printed. */
export const FIGURES: readonly Figure[] = [
  train,
  kernels,
  stepRate,
  compact,
  strided,
  coldStart,
  host,
  restructure,
  frameGap,
  gpu,
].map((figure) => figure as unknown as Figure);

export function figureOf(name: string): Figure {
  const figure = FIGURES.find((candidate) => candidate.name === name);
  if (!figure) throw new Error(`no figure is called "${name}"; there are: ${FIGURES.map((f) => f.name).join(', ')}`);
  return figure;
}
