import { Suspense, lazy } from 'react';
import { Card } from '../charts/Card.tsx';
import type { MeasuredCardName } from './cards.ts';

const Note = ({ text }: { text: string }) => (
  <Card head={<h2>Measured</h2>}>
    <p className="chart-empty">{text}</p>
  </Card>
);

const Failed = () => <Note text="This card could not be loaded. Reload the page." />;

/** In a script of their own: the page is to begin soon, and these are asked for once something was trained. */
const MeasuredCards = lazy(() => import('./MeasuredCards.tsx').catch(() => ({ default: Failed })));

export const LazyMeasuredCards = ({ shown }: { shown: MeasuredCardName }) => (
  <Suspense fallback={<Note text="Loading" />}>
    <MeasuredCards shown={shown} />
  </Suspense>
);
