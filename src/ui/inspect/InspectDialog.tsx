import { Modal, Tabs } from '@mantine/core';
import '@mantine/core/styles/Tabs.css';
import { Suspense, lazy } from 'react';

const ConfusionPanel = lazy(() => import('./ConfusionPanel.tsx'));
const ChangesPanel = lazy(() => import('./ChangesPanel.tsx'));

/** Stands in for the shell of help-I1. */
export default function InspectDialog({ onClose }: { onClose: () => void }) {
  return (
    <Modal
      opened
      onClose={onClose}
      title="Inspect"
      size={1_320}
      yOffset={20}
      xOffset={20}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Tabs keepMounted={false} defaultValue="confusion">
        <Tabs.List aria-label="What to inspect">
          <Tabs.Tab value="confusion">Confusion</Tabs.Tab>
          <Tabs.Tab value="changes">Changed images</Tabs.Tab>
        </Tabs.List>
        <Suspense>
          <Tabs.Panel value="confusion">
            <ConfusionPanel />
          </Tabs.Panel>
          <Tabs.Panel value="changes">
            <ChangesPanel />
          </Tabs.Panel>
        </Suspense>
      </Tabs>
    </Modal>
  );
}
