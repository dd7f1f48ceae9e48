import { useState } from 'react';
import { Differences } from '../panels/Differences.tsx';
import { Standing } from '../panels/Standing.tsx';
import { FIRST_WEIGHTS, WeightSliders } from '../panels/WeightSliders.tsx';
import { Card } from './Card.tsx';
import { Chart, type LinesProps } from './Chart.tsx';

export type Comparison = 'widths' | 'standing' | 'differences';

export const COMPARISONS: readonly { readonly value: Comparison; readonly label: string }[] = [
  { value: 'widths', label: 'Widths' },
  { value: 'standing', label: 'Standing' },
  { value: 'differences', label: 'Differences' },
];

/** The third card of a race: the widths of the selected run, the standing, or what differs between the specs. */
export function CompareCard({ shown, widths }: { shown: Comparison; widths: LinesProps }) {
  const [weights, setWeights] = useState(FIRST_WEIGHTS);
  switch (shown) {
    case 'widths':
      return <Chart {...widths} />;
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
