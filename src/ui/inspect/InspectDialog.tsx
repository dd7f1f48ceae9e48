import { Modal } from '@mantine/core';

/** To be filled before this is merged. */
export default function InspectDialog({ onClose }: { onClose: () => void }) {
  return <Modal opened onClose={onClose} title="Inspect" closeButtonProps={{ 'aria-label': 'Close' }} />;
}
