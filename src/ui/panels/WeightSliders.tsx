import { Slider } from '@mantine/core';
import type { Criterion, Weights } from '../../core/race/standing.ts';

export const CRITERIA: Readonly<Record<Criterion, string>> = { accuracy: 'Accuracy', macs: 'MACs', latency: 'Latency' };

/** What is lost in accuracy is what most ask about first. */
export const FIRST_WEIGHTS: Weights = { accuracy: 2, macs: 1, latency: 1 };

const IDS: readonly Criterion[] = ['accuracy', 'macs', 'latency'];

/** How much each criterion counts in the standing; their marks are those of the parts of each score. */
export function WeightSliders({ weights, onWeights }: { weights: Weights; onWeights: (weights: Weights) => void }) {
  return (
    <div className="standing-weights" role="group" aria-label="Weights of the standing">
      {IDS.map((id) => (
        <div key={id} className="standing-weight" data-criterion={id}>
          <span>
            {CRITERIA[id]} <b>{weights[id]}</b>
          </span>
          <Slider
            size="xs"
            thumbLabel={`Weight of ${CRITERIA[id]}`}
            label={null}
            min={0}
            max={4}
            step={0.5}
            value={weights[id]}
            onChange={(weight) => onWeights({ ...weights, [id]: weight })}
          />
        </div>
      ))}
    </div>
  );
}
