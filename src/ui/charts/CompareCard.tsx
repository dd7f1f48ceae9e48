import { SegmentedControl } from '@mantine/core';
import { useState } from 'react';
import { Differences } from '../panels/Differences.tsx';
import { FIRST_WEIGHTS, Standing } from '../panels/Standing.tsx';
import { Card, TableSwitch } from './Card.tsx';
import { Lines, type LinesProps } from './Chart.tsx';
import { Keys } from './Keys.tsx';

export type Comparison = 'widths' | 'standing' | 'differences';

const VIEWS: readonly { readonly value: Comparison; readonly label: string }[] = [
  { value: 'widths', label: 'Widths' },
  { value: 'standing', label: 'Standing' },
  { value: 'differences', label: 'Differences' },
];

interface CompareCardProps {
  readonly shown: Comparison;
  readonly onShow: (shown: Comparison) => void;
  readonly widths: LinesProps;
}

/** The third card of a race: the widths of the selected run, the standing, or what differs between the specs. */
export function CompareCard({ shown, onShow, widths }: CompareCardProps) {
  const [table, setTable] = useState(false);
  const [weights, setWeights] = useState(FIRST_WEIGHTS);
  return (
    <Card
      head={
        <>
          <SegmentedControl
            size="xs"
            aria-label="What to compare"
            data={[...VIEWS]}
            value={shown}
            onChange={(value) => onShow(value)}
          />
          {shown === 'widths' && (
            <>
              <Keys series={widths.series} />
              <TableSwitch title="Widths" table={table} onSwitch={setTable} />
            </>
          )}
        </>
      }
    >
      {shown === 'widths' && <Lines table={table} {...widths} />}
      {shown === 'standing' && <Standing weights={weights} onWeights={setWeights} />}
      {shown === 'differences' && <Differences />}
    </Card>
  );
}
