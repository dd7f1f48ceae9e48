import { Button } from '@mantine/core';
import type { ReactNode } from 'react';

/** A card of the charts row: a line of headings, and a body of fixed height. */
export const Card = ({ head, children }: { head: ReactNode; children: ReactNode }) => (
  <figure className="chart card">
    <figcaption className="card-head">{head}</figcaption>
    <div className="chart-body">{children}</div>
  </figure>
);

/** Switches a chart to its table and back. */
export const TableSwitch = ({
  title,
  table,
  onSwitch,
}: {
  title: string;
  table: boolean;
  onSwitch: (table: boolean) => void;
}) => (
  <Button
    size="compact-xs"
    variant="subtle"
    onClick={() => onSwitch(!table)}
    aria-label={`${title}: ${table ? 'show as chart' : 'show as table'}`}
  >
    {table ? 'Chart' : 'Table'}
  </Button>
);
