import type { Lane } from '../../state/lanes.ts';

/** The runs whose results are taken together: those in sight, or the selected one where none is; all with a history. */
export function runsInSight(
  lanes: readonly Lane[],
  selected: number,
  hasHistory: (run: number) => boolean,
): readonly Lane[] {
  const told = lanes.filter(({ run }) => hasHistory(run));
  const visible = told.filter(({ hidden }) => !hidden);
  return visible.length > 0 ? visible : told.filter(({ run }) => run === selected);
}
