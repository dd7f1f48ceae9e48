import { Button, Progress, Tooltip } from '@mantine/core';
import { ChevronsRight, Pause, Play, RotateCcw, SkipForward, StepForward } from 'lucide-react';
import type { ReactNode } from 'react';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { COMMANDS, type PageCommand, RUN } from '../commands/commands.ts';
import { SavedAt } from '../kept/KeptNotes.tsx';
import { type RunProgress, statusOf } from './status.ts';

const ICONS: Readonly<Record<string, ReactNode>> = {
  step: <StepForward size={16} />,
  epoch: <ChevronsRight size={16} />,
  decision: <SkipForward size={16} />,
  reset: <RotateCcw size={16} />,
};

export function Transport() {
  const state = useLabState((all) => all);
  // How training stands, also while the rest of the page is rewound.
  const runs = useProgress();
  const running = state.runState === 'running';
  const [slowest] = [...runs].sort((a, b) => a.share - b.share);
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
        <Progress value={100 * (slowest?.share ?? 0)} aria-label="Progress of the run" size="sm" />
        <div className="transport-foot">
          <p role="status">{statusOf(state, runs)}</p>
          <SavedAt />
        </div>
      </div>
    </section>
  );
}

/** How far the runs of the page are that train; the selected recording where there is nothing else. */
function useProgress(): readonly RunProgress[] {
  const lab = useLab();
  const lanes = useLabState(({ lanes: all }) => all);
  useLabState(({ published }) => published);
  const training = lanes.filter(({ recorded }) => !recorded);
  return (training.length > 0 ? training : lanes).map(({ run, state, schemeProgress }) => {
    const view = lab.live(run);
    const steps = view.start?.steps ?? 0;
    return { view, state, schemeProgress, steps, share: steps > 0 ? view.step / steps : 0 };
  });
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
    <Tooltip label={`${command.help} (${command.shown})`} position="top" openDelay={400}>
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
