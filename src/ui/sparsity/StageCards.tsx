import { useState } from 'react';
import { KernelCard } from './KernelCard.tsx';
import { MatricesCard } from './MatricesCard.tsx';
import { MomentsCard } from './MomentsCard.tsx';
import { SavingsCard } from './SavingsCard.tsx';
import { SearchCard } from './SearchCard.tsx';
import type { StageCardName } from './cards.ts';
import { FIRST_PLACE } from './use-stages.ts';

/** One of the cards; the layer that is looked at stays the same from one to the other. */
export default function StageCards({ shown }: { shown: StageCardName }) {
  const [place, setPlace] = useState(FIRST_PLACE);
  switch (shown) {
    case 'kernels':
      return <KernelCard place={place} onPlace={setPlace} />;
    case 'matrices':
      return <MatricesCard place={place} onPlace={setPlace} />;
    case 'search':
      return <SearchCard />;
    case 'stages':
      return <MomentsCard />;
    case 'savings':
      return <SavingsCard />;
  }
}
