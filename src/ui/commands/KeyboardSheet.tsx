import { Modal } from '@mantine/core';
import { COMMANDS, LOCAL_KEYS } from './commands.ts';

const PLACES = [...new Set(LOCAL_KEYS.map(({ where }) => where))];

/** The list of keys, from the same registry as the buttons. */
export function KeyboardSheet({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Keyboard"
      size="lg"
      centered
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <table className="sheet">
        <tbody>
          {COMMANDS.map(({ id, shown, help }) => (
            <Line key={id} shown={shown} help={help} />
          ))}
        </tbody>
        {PLACES.map((place) => (
          <tbody key={place}>
            <tr>
              <th scope="rowgroup" colSpan={2} className="sheet-place">
                {place}
              </th>
            </tr>
            {LOCAL_KEYS.filter(({ where }) => where === place).map(({ shown, help }) => (
              <Line key={shown} shown={shown} help={help} />
            ))}
          </tbody>
        ))}
      </table>
    </Modal>
  );
}

const Line = ({ shown, help }: { shown: string; help: string }) => (
  <tr>
    <th scope="row">
      <kbd>{shown}</kbd>
    </th>
    <td>{help}</td>
  </tr>
);
