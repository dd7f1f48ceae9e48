import { Button } from '@mantine/core';
import { MOST_RUNS } from '../../core/spec/race.ts';
import { useLab, useLabState, useRunView } from '../app/lab-context.tsx';
import { percent } from '../widgets/format.ts';

/** What a network that was cut by hand can be raced against. */
const RIVALS = ['chex', 'magnitude', 'precrop'] as const;

/** For a run whose channels were chosen by hand: what would an algorithm have done with as many MACs? */
export function Rivals() {
  const { actions, schemes } = useLab();
  const byHand = useLabState(({ opened }) => opened?.scheme.id === 'manual');
  const full = useLabState(({ lanes }) => lanes.length >= MOST_RUNS);
  const { macs, start } = useRunView();
  if (!byHand || !start || macs >= start.dense.macs) return null;
  return (
    <div className="rivals">
      <p>What would an algorithm have done with {percent(macs / start.dense.macs)} of the MACs?</p>
      <div className="setup-buttons">
        {RIVALS.map((id) => (
          <Button
            key={id}
            size="compact-sm"
            variant="default"
            disabled={full}
            title={full ? `A race has at most ${MOST_RUNS} runs.` : undefined}
            onClick={() => actions.addRival(id)}
          >
            Race {schemes.find((scheme) => scheme.id === id)?.title ?? id}
          </Button>
        ))}
      </div>
    </div>
  );
}
