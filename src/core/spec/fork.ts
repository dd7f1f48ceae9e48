import type { Scheme } from '../scheme/scheme.ts';
import { networkFor } from './network.ts';
import { type SpecProblem, problem } from './problems.ts';
import { type Spec, totalSteps } from './spec.ts';

/** What a fork goes on from, it keeps: its images, its network, its random streams. */
const SHARED: readonly (readonly [path: string, of: (spec: Spec) => unknown])[] = [
  ['seed', (spec) => spec.seed],
  ['model.id', (spec) => spec.model.id],
  ['model.width', (spec) => spec.model.width],
  ['data.train', (spec) => spec.data.train],
  ['data.test', (spec) => spec.data.test],
  ['data.holdOut', (spec) => spec.data.holdOut],
  ['train.batchSize', (spec) => spec.train.batchSize],
  ['train.augment', (spec) => spec.train.augment.join(', ')],
  ['train.storage', (spec) => spec.train.storage],
];

/** Why a run cannot be forked so at a step: a sentence for each key; empty when it can. */
export function forkProblems(
  parent: Spec,
  child: Spec,
  step: number,
  schemes: readonly Scheme[],
): readonly SpecProblem[] {
  const kept = SHARED.filter(([, of]) => of(parent) !== of(child)).map(([path, of]) =>
    problem(
      path,
      `a fork goes on from its parent's state and keeps its value, ${String(of(parent))}; to change it, start a new run`,
    ),
  );
  if (kept.length === 0) kept.push(...otherNetwork(parent, child, schemes));
  const steps = totalSteps(child);
  if (steps > step) return kept;
  const path = child.train.epochs === undefined ? 'train.steps' : 'train.epochs';
  return [...kept, problem(path, `the run would end at step ${steps}, where it is forked already (step ${step})`)];
}

/** A scheme may run a network of other widths than the model's, which the parent's tensors would not fit. */
function otherNetwork(parent: Spec, child: Spec, schemes: readonly Scheme[]): readonly SpecProblem[] {
  if (!otherScheme(parent, child)) return [];
  const [own, wanted] = [networkFor(parent, schemes), networkFor(child, schemes)];
  if (JSON.stringify(own) === JSON.stringify(wanted)) return [];
  return [
    problem('scheme', 'a fork goes on with the widths of its parent; to run a network of others, start a new run'),
  ];
}

/** Whether two specs prune differently. */
export const otherScheme = (parent: Spec, child: Spec): boolean =>
  JSON.stringify(parent.scheme) !== JSON.stringify(child.scheme);
