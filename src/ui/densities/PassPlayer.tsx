import { ActionIcon, Slider } from '@mantine/core';
import { useReducedMotion } from '@mantine/hooks';
import { Pause, Play } from 'lucide-react';
import { useEffect, useState } from 'react';

/** Milliseconds that a whole sweep takes, and the least that one pass does. */
const SWEEP = 4_000;
const LEAST = 40;

/** Steps through the passes of a score. It plays once by itself, unless motion is to be reduced. */
export function PassPlayer({
  passes,
  pass,
  onPass,
}: {
  passes: number;
  /** The pass shown; null: the last, with what was kept in the end. */
  pass: number | null;
  onPass: (pass: number | null) => void;
}) {
  const still = useReducedMotion(undefined, { getInitialValueInEffect: false });
  const [playing, setPlaying] = useState(!still);
  const shown = pass ?? passes;

  useEffect(() => {
    if (!playing) return undefined;
    const timer = setTimeout(
      () => {
        const next = (pass ?? 0) + 1;
        onPass(next >= passes ? null : next);
        if (next >= passes) setPlaying(false);
      },
      Math.max(LEAST, SWEEP / passes),
    );
    return () => clearTimeout(timer);
  }, [playing, pass, passes, onPass]);

  return (
    <div className="pass-player">
      <ActionIcon
        size="sm"
        variant="subtle"
        aria-label={playing ? 'Pause the passes' : 'Play the passes'}
        onClick={() => setPlaying(!playing)}
      >
        {playing ? <Pause size={14} /> : <Play size={14} />}
      </ActionIcon>
      <Slider
        size="xs"
        thumbLabel="Pass"
        min={1}
        max={passes}
        value={shown}
        label={null}
        onChange={(value) => {
          setPlaying(false);
          onPass(value >= passes ? null : value);
        }}
      />
      <span>
        Pass {shown} of {passes}
      </span>
    </div>
  );
}
