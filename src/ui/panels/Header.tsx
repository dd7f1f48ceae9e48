import { ActionIcon, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { Archive, Check, Keyboard, Link, Microscope, Moon, Sun } from 'lucide-react';
import type { ReactNode } from 'react';
import { encodeLink } from '../../core/spec/link.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { INSPECT, KEPT, KEYBOARD, type PageCommand } from '../commands/commands.ts';
import { Export } from '../export/Export.tsx';
import { sharedSpecs } from '../widgets/shared-specs.ts';

export function Header() {
  const lab = useLab();
  const opened = useLabState((state) => state.opened);
  const racing = useLabState((state) => state.lanes.length > 1);
  const engine = useLabState((state) => state.engine);
  const memory = useLabState((state) => state.memory);
  const clipboard = useClipboard({ timeout: 1_500 });
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const dark = useComputedColorScheme('light') === 'dark';

  const copyLink = (): void => {
    const { spec, hidden } = sharedSpecs(lab.store.getState());
    history.replaceState(null, '', encodeLink(spec, hidden));
    clipboard.copy(location.href);
  };

  return (
    <header className="header">
      <img src="./icons/espalier.svg" alt="" width={28} height={28} />
      <h1>Espalier</h1>
      <p className="header-purpose">See channels being pruned and regrown while a network trains</p>
      <p className="header-run" title={opened?.name}>
        {opened?.name ?? ''}
      </p>
      {engine && (
        <Tooltip
          label={engine.reason ?? `Trains with ${engine.backend === 'webgpu' ? 'WebGPU' : 'TensorFlow.js'}`}
          multiline
          maw={320}
        >
          <span className="chip" data-backend={engine.backend}>
            {engine.backend === 'webgpu' ? 'WebGPU' : 'TensorFlow.js'} · {engine.adapter}
            {memory ? ` · ${Math.ceil(memory / 1e6).toLocaleString('en')} MB` : ''}
          </span>
        </Tooltip>
      )}
      <div className="header-actions">
        <Tooltip
          label={
            clipboard.copied
              ? 'Link copied'
              : racing
                ? 'Copy a link to this race: the specs of its runs, and which are hidden'
                : 'Copy a link to this run’s spec'
          }
        >
          <ActionIcon variant="subtle" size="lg" aria-label="Copy link" onClick={copyLink} disabled={!opened}>
            {clipboard.copied ? <Check size={18} /> : <Link size={18} />}
          </ActionIcon>
        </Tooltip>
        <Export />
        <CommandIcon command={INSPECT} icon={<Microscope size={18} />} />
        <CommandIcon command={KEPT} icon={<Archive size={18} />} />
        <CommandIcon command={KEYBOARD} icon={<Keyboard size={18} />} />
        <Tooltip label={dark ? 'Light' : 'Dark'}>
          <ActionIcon
            variant="subtle"
            size="lg"
            aria-label={dark ? 'Light theme' : 'Dark theme'}
            onClick={() => setColorScheme(dark ? 'light' : 'dark')}
          >
            {dark ? <Sun size={18} /> : <Moon size={18} />}
          </ActionIcon>
        </Tooltip>
      </div>
    </header>
  );
}

function CommandIcon({ command, icon }: { command: PageCommand; icon: ReactNode }) {
  const lab = useLab();
  const enabled = useLabState((state) => command.enabled(state));
  return (
    <Tooltip label={`${command.help} (${command.shown})`}>
      <ActionIcon
        variant="subtle"
        size="lg"
        aria-label={command.label}
        disabled={!enabled}
        onClick={() => command.perform(lab)}
      >
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}
