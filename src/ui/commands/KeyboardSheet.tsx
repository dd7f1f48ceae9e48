import { Modal } from '@mantine/core';
import { COMMANDS } from './commands.ts';

/** The list of keys, from the same registry as the buttons. */
export function KeyboardSheet({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Keyboard" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <table className="sheet">
        <tbody>
          {COMMANDS.map(({ id, shown, help }) => (
            <tr key={id}>
              <th scope="row">
                <kbd>{shown}</kbd>
              </th>
              <td>{help}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">
              <kbd>← → ↑ ↓</kbd>
            </th>
            <td>
              In the channel map: move from channel to channel, and read why each is on or off. On the time line: one
              step. Among strided taps: ← → to another source map, ↑ ↓ to another offset
            </td>
          </tr>
          <tr>
            <th scope="row">
              <kbd>Enter</kbd>
            </th>
            <td>In the channel map: pin what is said of the channel; Esc lets go</td>
          </tr>
          <tr>
            <th scope="row">
              <kbd>X</kbd>
            </th>
            <td>In the channel map: switch the channel off or on by hand</td>
          </tr>
        </tbody>
      </table>
    </Modal>
  );
}
