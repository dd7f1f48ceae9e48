import { Modal, Tabs } from '@mantine/core';
import '@mantine/core/styles/Tabs.css';
import { useMediaQuery } from '@mantine/hooks';
import { type ComponentType, Suspense, lazy } from 'react';
import { ActivationsPanel } from './ActivationsPanel.tsx';
import { FiltersPanel } from './FiltersPanel.tsx';
import { OwnImagePanel } from './OwnImagePanel.tsx';
import { type InspectTab, inspecting, useInspecting } from './inspecting.ts';
import './inspect.css';

const TABS: readonly { readonly value: InspectTab; readonly label: string; readonly panel: ComponentType }[] = [
  { value: 'filters', label: 'Filters', panel: FiltersPanel },
  { value: 'activations', label: 'Activations', panel: ActivationsPanel },
  { value: 'confusion', label: 'Confusion', panel: lazy(() => import('./ConfusionPanel.tsx')) },
  { value: 'changes', label: 'Changed images', panel: lazy(() => import('./ChangesPanel.tsx')) },
  { value: 'image', label: 'Your image', panel: OwnImagePanel },
];

/** A look into the networks of the page's runs. Only the tab in sight asks anything. */
export default function InspectDialog({ onClose }: { onClose: () => void }) {
  const tab = useInspecting((state) => state.tab);
  const phone = useMediaQuery('(max-width: 900px)', false, { getInitialValueInEffect: false });
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
      <Tabs
        className="inspect-tabs"
        keepMounted={false}
        value={tab}
        onChange={(value) => value && inspecting.setState({ tab: value as InspectTab })}
      >
        <Tabs.List aria-label="What to inspect">
          {TABS.map(({ value, label }) => (
            <Tabs.Tab key={value} value={value} {...(value === tab ? { 'data-autofocus': true } : {})}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map(({ value, panel: Panel }) => (
          <Tabs.Panel key={value} value={value} className="inspect-tab">
            <Suspense fallback={<p className="inspect-empty">Loading ...</p>}>
              <Panel />
            </Suspense>
          </Tabs.Panel>
        ))}
      </Tabs>
    </Modal>
  );
}
