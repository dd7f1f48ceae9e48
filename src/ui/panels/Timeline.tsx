import { ActionIcon, Button, NativeSelect, Tooltip, useComputedColorScheme } from '@mantine/core';
import { GitFork, Play, SkipBack, SkipForward, Square } from 'lucide-react';
import { type ReactNode, useEffect } from 'react';
import { totalSteps } from '../../core/spec/spec.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { TimelineStrip } from '../canvas/TimelineStrip.tsx';
import { PALETTES } from '../canvas/cells.ts';
import type { StripLane } from '../canvas/strip.ts';
import { ticksOfLog } from '../canvas/tick-book.ts';
import { LIVE, NEXT_EVENT, PLAY, PREVIOUS_EVENT, type PageCommand, performKey } from '../commands/commands.ts';
import { TimelineLegend } from './TimelineLegend.tsx';
import { useForking } from './forking.ts';
import './timeline.css';

/** Steps a second of the speeds that can be chosen. */
const SPEEDS = [
  { value: '10', label: '1×' },
  { value: '40', label: '4×' },
  { value: '160', label: '16×' },
  { value: '640', label: '64×' },
];

/** What happened when, over all runs in sight; everything else on the page shows the step that is chosen here. */
export function Timeline() {
  const lab = useLab();
  const { actions, lastStep } = lab;
  const cursor = useLabState((state) => state.cursor);
  const playing = useLabState((state) => state.playing > 0);
  const speed = useLabState((state) => state.speed);
  const lanes = useStripLanes();
  const palette = PALETTES[useComputedColorScheme('light')];
  const last = lastStep();
  const rewound = cursor !== null;
  useEffect(() => {
    // Before an open tooltip takes the key for itself; a pinned channel comes first.
    const onEscape = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return;
      if (event.target instanceof Element && event.target.closest('[data-pinned]')) return;
      performKey(event, lab);
    };
    window.addEventListener('keydown', onEscape, true);
    return () => window.removeEventListener('keydown', onEscape, true);
  }, [lab]);
  return (
    <section className="timeline card" aria-label="Time line" {...(rewound ? { 'data-rewound': cursor } : {})}>
      <div className="timeline-controls">
        <CommandIcon command={PREVIOUS_EVENT} icon={<SkipBack size={15} />} disabled={last === 0} />
        <CommandIcon
          command={PLAY}
          label={playing ? 'Stop' : 'Play'}
          icon={playing ? <Square size={13} /> : <Play size={15} />}
          disabled={last === 0}
        />
        <CommandIcon command={NEXT_EVENT} icon={<SkipForward size={15} />} disabled={!rewound} />
        <NativeSelect
          size="xs"
          w={64}
          aria-label="Speed"
          title={`${speed} steps a second`}
          data={SPEEDS}
          value={String(speed)}
          onChange={(event) => actions.setSpeed(Number(event.currentTarget.value))}
        />
        <Tooltip label={`${LIVE.help} (${LIVE.shown})`}>
          <Button
            size="compact-sm"
            variant={rewound ? 'default' : 'light'}
            aria-pressed={!rewound}
            leftSection={<span className="timeline-dot" />}
            onClick={() => actions.seek(null)}
          >
            Live
          </Button>
        </Tooltip>
        <p className="timeline-state" role="status">
          {rewound && <strong>Rewound to step {cursor.toLocaleString('en')}</strong>}
        </p>
        <TimelineLegend lanes={lanes} palette={palette} />
        <ForkHere />
      </div>
      <TimelineStrip lanes={lanes} cursor={cursor} last={last} onSeek={actions.seek} />
    </section>
  );
}

/** The runs in sight, in the order of their lanes. */
function useStripLanes(): readonly StripLane[] {
  const lab = useLab();
  const lanes = useLabState((state) => state.lanes);
  const selected = useLabState((state) => state.selected);
  useLabState((state) => state.published);
  const inSight = lanes.filter(({ hidden }) => !hidden);
  const shown = inSight.length > 0 ? inSight : lanes.filter(({ run }) => run === selected);
  return shown.map(({ run, colour, spec, snapshots }) => {
    const { start, step } = lab.live(run);
    const ticks = ticksOfLog(lab.events(run));
    return {
      run,
      name: spec.name,
      colour,
      steps: start?.steps ?? totalSteps(spec),
      reached: step,
      ticks,
      checkpoints: snapshots,
    };
  });
}

/** Forks the selected run at the checkpoint of the step shown; while live, at its latest. */
function ForkHere() {
  const { actions } = useLab();
  const cursor = useLabState((state) => state.cursor);
  const { step, obstacle } = useForking();
  const elsewhere =
    cursor !== null && step !== null && step !== cursor
      ? `Step ${cursor.toLocaleString('en')} has no checkpoint; the nearest before it is at step ${step.toLocaleString('en')}.`
      : null;
  const hindered = obstacle ?? elsewhere;
  const help =
    hindered ??
    `A second run goes on from step ${step?.toLocaleString('en') ?? ''}, bit for bit as this one until something differs.`;
  return (
    <Tooltip label={help} multiline maw={300} position="bottom-end">
      <Button
        className="timeline-fork"
        size="compact-sm"
        variant="default"
        leftSection={<GitFork size={14} />}
        // Focusable and pointable, so that it can say why not.
        {...(hindered === null ? {} : { 'data-disabled': true, 'aria-disabled': true })}
        onClick={() => hindered === null && step !== null && actions.fork(step)}
      >
        Fork here
      </Button>
    </Tooltip>
  );
}

function CommandIcon({
  command,
  label = command.label,
  icon,
  disabled,
}: {
  command: PageCommand;
  label?: string;
  icon: ReactNode;
  disabled: boolean;
}) {
  const lab = useLab();
  return (
    <Tooltip label={`${command.help} (${command.shown})`}>
      <ActionIcon
        size={26}
        variant="default"
        aria-label={label}
        disabled={disabled}
        onClick={() => command.perform(lab)}
      >
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}
