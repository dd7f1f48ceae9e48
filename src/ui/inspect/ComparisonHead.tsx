import { Button, Progress } from '@mantine/core';
import { accuracyOf } from '../../core/inspect/index.ts';
import { percent } from '../widgets/format.ts';
import { MomentPicker } from './MomentPicker.tsx';
import type { Comparison, Side } from './use-comparison.ts';

/** Which two networks are compared, and how far what is known of them is. */
export const ComparisonHead = ({ comparison: { a, b, incomparable } }: { comparison: Comparison }) => (
  <div className="comparison-head">
    <SideHead side={a} />
    <SideHead side={b} />
    {incomparable && <p className="comparison-note">{incomparable}</p>}
  </div>
);

function SideHead({ side }: { side: Side }) {
  const { letter, chosen, known, outdated, lane } = side;
  const { asking, problem } = known;
  const again = outdated || problem !== null;
  return (
    <div className="comparison-side">
      <MomentPicker label={letter} chosen={chosen} onChoose={side.choose} />
      <div className="comparison-state">
        <p role="status" aria-label={`State of ${letter}`}>
          {stateText(side)}
        </p>
        {asking && (
          <Progress
            value={asking.of > 0 ? (100 * asking.done) / asking.of : 0}
            aria-label={`Test images that ${letter} has classified`}
            size="xs"
          />
        )}
        {again && !asking && lane.state !== 'loading' && (
          <Button size="compact-xs" variant="default" aria-label={`Refresh ${letter}`} onClick={side.refresh}>
            {problem ? 'Try again' : 'Refresh'}
          </Button>
        )}
      </div>
    </div>
  );
}

const steps = (step: number): string => `step ${step.toLocaleString('en')}`;

function stateText({ known: { predictions, asking, problem }, outdated, step, lane }: Side): string {
  if (problem) return problem;
  if (predictions) {
    const { right, images } = predictions;
    const reached = `${percent(accuracyOf(predictions))} right (${right} of ${images}) at ${steps(predictions.step)}`;
    return outdated ? `${reached}; the run is at ${steps(step)} now` : reached;
  }
  if (lane.state === 'loading') return 'The run is being prepared.';
  if (!asking || asking.of === 0) return 'Classifying the test images ...';
  return `Classifying the test images: ${asking.done.toLocaleString('en')} of ${asking.of.toLocaleString('en')}`;
}
