import { Suspense, lazy } from 'react';
import { Card } from './Card.tsx';
import './charts.css';

/** As much room as the charts will take. */
const Waiting = ({ text = '' }: { text?: string }) => (
  <section className="charts-row" aria-label="Charts">
    <div className="charts-bar charts-bar-waiting" />
    <div className="charts">
      {TITLES.map((title) => (
        <Card key={title} head={<h2>{title}</h2>}>
          <p className="chart-empty">{text}</p>
        </Card>
      ))}
    </div>
  </section>
);
const TITLES = ['Loss', 'Accuracy', 'Widths'];

const Failed = () => <Waiting text="The charts could not be loaded. Reload the page." />;

/** In a script of their own, the largest of all: training need not wait for it. */
const Charts = lazy(() =>
  import('./Charts.tsx').then(
    (module) => ({ default: module.Charts }),
    () => ({ default: Failed }),
  ),
);

export const LazyCharts = () => (
  <Suspense fallback={<Waiting />}>
    <Charts />
  </Suspense>
);
