import type { Spec } from '../../core/spec/spec.ts';
import type { LabState } from '../../state/state.ts';

/** What a link to the page carries. */
export interface Shared {
  /** One spec by itself, several as a list. */
  readonly spec: Spec | readonly Spec[] | null;
  /** Places in the list of those that are hidden. */
  readonly hidden: readonly number[];
}

/** The runs that train here, as the sender sees them: with those that are hidden. Where there are none, the opened one. */
export function sharedSpecs({
  lanes,
  opened,
}: {
  lanes: readonly Pick<LabState['lanes'][number], 'spec' | 'hidden' | 'recorded'>[];
  opened: Spec | null;
}): Shared {
  const shared = lanes.filter(({ recorded }) => !recorded);
  const [first, ...more] = shared.map(({ spec }) => spec);
  if (!first) return { spec: opened, hidden: [] };
  // A single run is not hidden.
  if (more.length === 0) return { spec: first, hidden: [] };
  return { spec: [first, ...more], hidden: shared.flatMap(({ hidden }, place) => (hidden ? [place] : [])) };
}
