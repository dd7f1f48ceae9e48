import { Modal, SegmentedControl } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { type ComponentType, Suspense, lazy } from 'react';
import { ActivationsPanel } from './ActivationsPanel.tsx';
import { FiltersPanel } from './FiltersPanel.tsx';
import { OwnImagePanel } from './OwnImagePanel.tsx';
import { type InspectTab, inspecting, useInspecting } from './inspecting.ts';
import './inspect.css';

const PANELS: Readonly<Record<InspectTab, ComponentType>> = {
  filters: FiltersPanel,
  activations: ActivationsPanel,
  confusion: lazy(() => import('./ConfusionPanel.tsx')),
  changes: lazy(() => import('./ChangesPanel.tsx')),
  image: OwnImagePanel,
};
const TABS: readonly { readonly value: InspectTab; readonly label: string }[] = [
  { value: 'filters', label: 'Filters' },
  { value: 'activations', label: 'Activations' },
  { value: 'confusion', label: 'Confusion' },
  { value: 'changes', label: 'Changed images' },
  { value: 'image', label: 'Your image' },
];

/** A look into the networks of the page's runs. Only the panel in sight asks anything. */
export default function InspectDialog({ onClose }: { onClose: () => void }) {
  const tab = useInspecting((state) => state.tab);
  const phone = useMediaQuery('(max-width: 900px)', false, { getInitialValueInEffect: false });
  const Panel = PANELS[tab];
  return (
    <Modal
      opened
      onClose={onClose}
      title="Inspect"
      fullScreen={phone}
      yOffset={20}
      xOffset={20}
      size={1_320}
      className="inspect"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <div className="inspect-choice">
        <SegmentedControl
          size={phone ? 'xs' : 'sm'}
          aria-label="What to inspect"
          data={[...TABS]}
          value={tab}
          onChange={(value) => inspecting.setState({ tab: value as InspectTab })}
        />
      </div>
      <section className="inspect-tab" aria-label={TABS.find(({ value }) => value === tab)?.label}>
        <Suspense fallback={<p className="inspect-empty">Loading ...</p>}>
          <Panel />
        </Suspense>
      </section>
    </Modal>
  );
}
