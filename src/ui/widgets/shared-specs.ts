import type { Spec } from '../../core/spec/spec.ts';
import type { LabState } from '../../state/state.ts';

/** What a link to the page carries: the specs of the runs in sight that train here, as a list, or the only one by itself. */
export function sharedSpecs({
  lanes,
  opened,
}: {
  lanes: readonly Pick<LabState['lanes'][number], 'spec' | 'hidden' | 'recorded'>[];
  opened: Spec | null;
}): Spec | readonly Spec[] | null {
  const [first, ...more] = lanes.filter(({ hidden, recorded }) => !hidden && !recorded).map(({ spec }) => spec);
  if (!first) return opened;
  return more.length > 0 ? [first, ...more] : first;
}
