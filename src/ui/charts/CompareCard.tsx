import { useState } from 'react';
import { DensityCard } from '../densities/DensityCard.tsx';
import { DrawnCard } from '../densities/DrawnCard.tsx';
import { LazyMeasuredCards } from '../measured/LazyMeasuredCards.tsx';
import { MEASURED_CARDS, isMeasuredCard } from '../measured/cards.ts';
import { Costs } from '../panels/Costs.tsx';
import { Differences } from '../panels/Differences.tsx';
import { Standing } from '../panels/Standing.tsx';
import { FIRST_WEIGHTS, WeightSliders } from '../panels/WeightSliders.tsx';
import { LazyStageCards } from '../sparsity/LazyStageCards.tsx';
import { STAGE_CARDS, isStageCard } from '../sparsity/cards.ts';
import { Card } from './Card.tsx';
import { Chart, type LinesProps } from './Chart.tsx';

const LABELS = {
  widths: 'Widths',
  densities: 'Densities',
  drawn: 'Drawing',
  kernels: 'Kernels',
  matrices: 'Matrices',
  search: 'Search',
  stages: 'Stages',
  savings: 'Savings',
  measured: 'Measured',
  pareto: 'Pareto',
  standing: 'Standing',
  costs: 'Costs',
  differences: 'Differences',
} as const;
export type Comparison = keyof typeof LABELS;

/**
 * What the third card can show: of a race how its runs compare, of a start that follows from densities these, of stages
 * of structured sparsity what they left and saved, and of every run what its networks cost, measured.
 */
export function comparisonsOf(
  racing: boolean,
  densities: boolean,
  stages: boolean,
): readonly { readonly value: Comparison; readonly label: string }[] {
  const shown: readonly Comparison[] = [
    'widths',
    ...(densities ? (['densities', 'drawn'] as const) : []),
    ...(stages ? STAGE_CARDS : []),
    ...MEASURED_CARDS,
    ...(racing ? (['standing', 'costs', 'differences'] as const) : []),
  ];
  return shown.map((value) => ({ value, label: LABELS[value] }));
}

/** The third card: what was chosen of the above. */
export function CompareCard({ shown, widths }: { shown: Comparison; widths: LinesProps }) {
  const [weights, setWeights] = useState(FIRST_WEIGHTS);
  if (isMeasuredCard(shown)) return <LazyMeasuredCards shown={shown} />;
  if (isStageCard(shown)) return <LazyStageCards shown={shown} />;
  switch (shown) {
    case 'widths':
      return <Chart {...widths} />;
    case 'densities':
      return <DensityCard />;
    case 'drawn':
      return <DrawnCard />;
    case 'costs':
      return (
        <Card head={<h2>Costs</h2>}>
          <Costs />
        </Card>
      );
    case 'standing':
      return (
        <Card
          head={
            <>
              <h2>Standing</h2>
              <WeightSliders weights={weights} onWeights={setWeights} />
            </>
          }
        >
          <Standing weights={weights} />
        </Card>
      );
    case 'differences':
      return (
        <Card head={<h2>Differences</h2>}>
          <Differences />
        </Card>
      );
  }
}
