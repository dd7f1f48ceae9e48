import type { MeasuredCardName } from './cards.ts';
import { MeasuredCard } from './MeasuredCard.tsx';
import { ParetoCard } from './ParetoCard.tsx';
import './measured.css';

export default function MeasuredCards({ shown }: { shown: MeasuredCardName }) {
  return shown === 'measured' ? <MeasuredCard /> : <ParetoCard />;
}
