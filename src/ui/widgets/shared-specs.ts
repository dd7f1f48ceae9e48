import type { Spec } from '../../core/spec/spec.ts';
import type { LabState } from '../../state/store.ts';

/** What a link to the page carries: the specs of the runs that are not hidden, as a list, or the only one by itself. */
export function sharedSpecs({
  lanes,
  opened,
}: {
  lanes: readonly Pick<LabState['lanes'][number], 'spec' | 'hidden'>[];
  opened: Spec | null;
}): Spec | readonly Spec[] | null {
  const [first, ...more] = lanes.filter(({ hidden }) => !hidden).map(({ spec }) => spec);
  if (!first) return opened;
  return more.length > 0 ? [first, ...more] : first;
}
