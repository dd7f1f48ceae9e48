import { Button } from '@mantine/core';
import { useLab, useLabState } from '../app/lab-context.tsx';

/** What stands where an answer is to come: why there is none yet, and what one can do. */
export function NoAnswer({
  run,
  problem,
  waiting,
  onAgain,
}: {
  run: number | null;
  problem: string | null;
  /** As in "Reading the kernels ...". */
  waiting: string;
  onAgain?: () => void;
}) {
  const lab = useLab();
  const lane = useLabState(({ lanes }) => lanes.find((candidate) => candidate.run === run));
  useLabState(({ published }) => published);
  if (!lane) return <p className="inspect-empty">No run is open: a recording computes nothing that could be asked.</p>;
  if (lane.problem) return <p className="inspect-empty">{lane.problem.message}</p>;
  if (lab.live(lane.run).start === null) {
    return (
      <p className="inspect-empty">
        {lane.state === 'error' ? 'This run could not be opened.' : 'The run is being prepared.'}
      </p>
    );
  }
  if (problem === null) return <p className="inspect-empty">{waiting}</p>;
  return <Refusal problem={problem} onAgain={onAgain} />;
}

/** A question that was refused; it is asked again when the run moves on, or at once. */
export const Refusal = ({ problem, onAgain }: { problem: string; onAgain?: (() => void) | undefined }) => (
  <div className="inspect-refusal" role="alert">
    <p>{problem}</p>
    {onAgain && (
      <Button size="compact-xs" variant="default" onClick={onAgain}>
        Ask again
      </Button>
    )}
  </div>
);
