import { Menu } from '@mantine/core';
import { Suspense, lazy, useCallback, useId, useRef, useState } from 'react';
import type { Written } from '../../state/export.ts';
import { useLab, useLabState, useRunView } from '../app/lab-context.tsx';
import { download } from '../widgets/download.ts';
import { ExportButton } from './ExportButton.tsx';
import { EXPORTS, type ExportChoice, type ExportItem } from './items.ts';
import { runsInSight } from './runs.ts';
import './export.css';

const WrittenDialog = lazy(() => import('./WrittenDialog.tsx'));

/** What became of an export. */
export type Outcome = { readonly written: Written } | { readonly refused: string };

/** The button "Export" with its menu, which is loaded when it is first opened. */
export default function ExportMenu() {
  const { actions } = useLab();
  const wanted = useLabState(({ dialog }) => dialog === 'export');
  const [ready, setReady] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [writing, setWriting] = useState(false);

  /** The button takes the place of one that may have had the focus, to which the menu gives it back. */
  const takeOver = useCallback((element: HTMLButtonElement | null): void => {
    button.current = element;
    element?.focus();
    setReady(element !== null);
  }, []);

  const perform = async (item: ExportItem, choice: ExportChoice): Promise<void> => {
    setWriting(true);
    try {
      const written = await item.write(choice);
      for (const { name, bytes } of written.files) download(name, bytes);
      setOutcome({ written });
    } catch (error) {
      setOutcome({ refused: error instanceof Error ? error.message : String(error) });
    } finally {
      setWriting(false);
    }
  };

  const close = (): void => {
    setOutcome(null);
    button.current?.focus();
  };

  return (
    <>
      <Menu
        opened={wanted && ready}
        onChange={(open) => actions.openDialog(open ? 'export' : null)}
        position="bottom-end"
        shadow="md"
        width={300}
        withinPortal={false}
        withInitialFocusPlaceholder={false}
      >
        <Menu.Target>
          <ExportButton ref={takeOver} data-writing={writing || undefined} />
        </Menu.Target>
        <Menu.Dropdown>{wanted && <Items onChoose={(item, choice) => void perform(item, choice)} />}</Menu.Dropdown>
      </Menu>
      <span className="unseen" role="status">
        {writing ? 'Writing the export …' : outcome && 'written' in outcome ? saidOf(outcome.written) : ''}
      </span>
      <Suspense>
        {outcome && ('refused' in outcome || outcome.written.network) && (
          <WrittenDialog outcome={outcome} onClose={close} />
        )}
      </Suspense>
    </>
  );
}

const saidOf = ({ files }: Written): string => `Downloaded ${files.map(({ name }) => name).join(' and ')}`;

/** The entries, by section. */
function Items({ onChoose }: { onChoose: (item: ExportItem, choice: ExportChoice) => void }) {
  const lab = useLab();
  const id = useId();
  const view = useRunView();
  const lanes = useLabState((state) => state.lanes);
  const selected = useLabState((state) => state.selected);
  const cursor = useLabState((state) => state.cursor);
  const lane = lanes.find(({ run }) => run === selected);
  if (!lane) return null;
  const runs = runsInSight(lanes, selected, (run) => lab.live(run).start !== null);
  const choice: ExportChoice = { lab, lane, view, cursor, runs };
  const at = cursor === null ? '' : `, step ${view.step.toLocaleString('en')}`;
  const sections = [
    { section: 'network', label: 'Compact network of', of: `${lane.spec.name}${at}` },
    { section: 'run', label: 'All of', of: lane.spec.name },
    { section: 'results', label: 'Results of', of: runs.length > 1 ? `${runs.length} runs` : runs[0]?.spec.name },
  ] as const;
  return sections.map(({ section, label, of }) => (
    <div key={section} role="group" aria-labelledby={`${id}-${section}`} className="export-section">
      <Menu.Label id={`${id}-${section}`}>
        {label} <strong title={of}>{of}</strong>
      </Menu.Label>
      {EXPORTS.map((item, index) => {
        if (item.section !== section) return null;
        const why = item.why(choice);
        return (
          // The summary lies over the item, not in it: an item is called by its title alone.
          <div key={item.title} className="export-item">
            <Menu.Item
              aria-describedby={`${id}-${index}`}
              disabled={why !== null}
              onClick={() => onChoose(item, choice)}
            >
              {item.title}
            </Menu.Item>
            <span id={`${id}-${index}`} className="export-summary">
              {why ?? item.summary}
            </span>
          </div>
        );
      })}
    </div>
  ));
}
