import { Modal } from '@mantine/core';

/** To be filled before this is merged. */
export default function KeptDialog({ onClose }: { onClose: () => void }) {
  return <Modal opened onClose={onClose} title="Kept" closeButtonProps={{ 'aria-label': 'Close' }} />;
}
