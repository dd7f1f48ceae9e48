import { Button, Progress, Tooltip } from '@mantine/core';
import { ChevronsRight, Pause, Play, RotateCcw, SkipForward, StepForward } from 'lucide-react';
import type { ReactNode } from 'react';
import type { RunView } from '../../core/events/view.ts';
import type { LabState } from '../../state/store.ts';
import { useLab, useLabState, useRunView } from '../app/lab-context.tsx';
import { COMMANDS, type PageCommand, RUN } from '../commands/commands.ts';
import { duration } from '../widgets/format.ts';

const ICONS: Readonly<Record<string, ReactNode>> = {
  step: <StepForward size={16} />,
  epoch: <ChevronsRight size={16} />,
  decision: <SkipForward size={16} />,
  reset: <RotateCcw size={16} />,
};

export function Transport() {
  const state = useLabState((all) => all);
  const view = useRunView();
  const running = state.runState === 'running';
  const steps = view.start?.steps ?? 0;
  return (
    <section className="transport" aria-label="Transport">
      <div className="transport-buttons">
        <CommandButton
          command={RUN}
          label={running ? 'Pause' : 'Run'}
          icon={running ? <Pause size={16} /> : <Play size={16} />}
          primary
        />
        {COMMANDS.filter(({ id }) => id in ICONS).map((command) => (
          <CommandButton key={command.id} command={command} label={command.label} icon={ICONS[command.id]} />
        ))}
      </div>
      <div className="transport-progress">
        <Progress value={steps > 0 ? (100 * view.step) / steps : 0} aria-label="Progress of the run" size="sm" />
        <p role="status">{statusOf(state, view)}</p>
      </div>
    </section>
  );
}

function CommandButton({
  command,
  label,
  icon,
  primary = false,
}: {
  command: PageCommand;
  label: string;
  icon: ReactNode;
  primary?: boolean;
}) {
  const lab = useLab();
  const enabled = useLabState((state) => command.enabled(state));
  return (
    <Tooltip label={`${command.help} (${command.shown})`} openDelay={400}>
      <Button
        size="sm"
        variant={primary ? 'filled' : 'default'}
        leftSection={icon}
        disabled={!enabled}
        onClick={() => command.perform(lab)}
        miw={primary ? 104 : undefined}
      >
        {label}
      </Button>
    </Tooltip>
  );
}

/** What is going on, in one line: progress with time left and speed, or what is being waited for. */
function statusOf({ runState, data, parsed }: LabState, view: RunView): string {
  const steps = view.start?.steps ?? 0;
  const progress = `Step ${view.step.toLocaleString('en')} of ${steps.toLocaleString('en')}`;
  switch (runState) {
    case 'loading':
      return data && data.loadedImages < data.totalImages
        ? `Loading images: ${data.loadedImages.toLocaleString('en')} of ${data.totalImages.toLocaleString('en')}`
        : 'Preparing the network';
    case 'idle':
      return parsed.ok
        ? `Ready: ${steps.toLocaleString('en')} steps. Press Run.`
        : 'The set-up needs a correction before it can run.';
    case 'running': {
      const batch = view.batchSize;
      if (view.imagesPerSecond === 0) return 'First step ...';
      const left = ((steps - view.step) * batch) / view.imagesPerSecond;
      return `${progress}, epoch ${view.epoch}, ${Math.round(view.imagesPerSecond).toLocaleString('en')} images/s, ${duration(left)} left`;
    }
    case 'paused':
      return `${progress}, epoch ${view.epoch}, paused`;
    case 'done':
      return `${progress}, done${view.finish ? `: ${Math.round(view.finish.imagesPerSecond).toLocaleString('en')} images/s` : ''}`;
    case 'error':
      return view.step > 0 ? `Stopped at step ${view.step.toLocaleString('en')}; its history is kept below` : 'Stopped';
  }
}
