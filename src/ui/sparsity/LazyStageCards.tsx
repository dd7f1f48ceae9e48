import { Suspense, lazy } from 'react';
import { Card } from '../charts/Card.tsx';
import type { StageCardName } from './cards.ts';

const Note = ({ text }: { text: string }) => (
  <Card head={<h2>Stages</h2>}>
    <p className="chart-empty">{text}</p>
  </Card>
);

const Failed = () => <Note text="This card could not be loaded. Reload the page." />;

/** In a script of their own: most runs have no stages, and the page is to begin soon. */
const StageCards = lazy(() => import('./StageCards.tsx').catch(() => ({ default: Failed })));

export const LazyStageCards = ({ shown }: { shown: StageCardName }) => (
  <Suspense fallback={<Note text="Loading" />}>
    <StageCards shown={shown} />
  </Suspense>
);
