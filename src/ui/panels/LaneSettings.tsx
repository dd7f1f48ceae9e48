import { Button, NumberInput, Popover } from '@mantine/core';
import { SlidersHorizontal } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useLab } from '../app/lab-context.tsx';
import { LaneButton } from './LaneButton.tsx';
import { settingsOf } from './run-words.ts';

/** Learning rate and weight decay of a run that is under way. */
export function LaneSettings({ run, name }: { run: number; name: string }) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} width={236} position="bottom-end" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <span>
          <LaneButton
            label={`Settings of ${name}`}
            hint="Change learning rate or weight decay"
            onClick={() => setOpened(!opened)}
          >
            <SlidersHorizontal size={14} />
          </LaneButton>
        </span>
      </Popover.Target>
      <Popover.Dropdown aria-label={`Settings of ${name}`}>
        {opened && <SettingsForm run={run} onDone={() => setOpened(false)} />}
      </Popover.Dropdown>
    </Popover>
  );
}

function SettingsForm({ run, onDone }: { run: number; onDone: () => void }) {
  const lab = useLab();
  const [before] = useState(() => settingsOf(lab.live(run)));
  const [learningRate, setLearningRate] = useState<number | string>(before?.learningRate ?? '');
  const [weightDecay, setWeightDecay] = useState<number | string>(before?.weightDecay ?? '');
  const change = {
    ...(typeof learningRate === 'number' && learningRate !== before?.learningRate ? { learningRate } : {}),
    ...(typeof weightDecay === 'number' && weightDecay !== before?.weightDecay ? { weightDecay } : {}),
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    lab.actions.change(run, change);
    onDone();
  };
  return (
    <form className="lane-settings" onSubmit={submit}>
      <NumberInput
        size="xs"
        label="New learning rate"
        description="Peak of the schedule"
        min={0.0001}
        max={100}
        step={0.01}
        value={learningRate}
        onChange={setLearningRate}
        data-autofocus
      />
      <NumberInput
        size="xs"
        label="New weight decay"
        min={0}
        max={1}
        step={0.0001}
        value={weightDecay}
        onChange={setWeightDecay}
      />
      <p>Holds from the next update on, and is logged in the run’s history.</p>
      <Button type="submit" size="xs" disabled={Object.keys(change).length === 0}>
        Change
      </Button>
    </form>
  );
}
