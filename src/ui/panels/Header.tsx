import { ActionIcon, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { Archive, Check, Keyboard, Link, Microscope, Moon, Sun } from 'lucide-react';
import type { ReactNode } from 'react';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { COPY_LINK, INSPECT, KEPT, KEYBOARD, type PageCommand } from '../commands/commands.ts';
import { Export } from '../export/Export.tsx';

export function Header() {
  const opened = useLabState((state) => state.opened);
  const link = useLabState((state) => state.link);
  const engine = useLabState((state) => state.engine);
  const memory = useLabState((state) => state.memory);
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const dark = useComputedColorScheme('light') === 'dark';

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
        <CommandIcon
          command={COPY_LINK}
          icon={link ? <Check size={18} /> : <Link size={18} />}
          told={link && (link === 'copied' ? 'Link copied' : 'The link is in the address bar')}
        />
        <span className="unseen" role="status">
          {link && (link === 'copied' ? 'Link copied' : 'The link is in the address bar')}
        </span>
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

function CommandIcon({
  command,
  icon,
  told = null,
}: {
  command: PageCommand;
  icon: ReactNode;
  /** What came of it. */
  told?: string | null;
}) {
  const lab = useLab();
  const enabled = useLabState((state) => command.enabled(state));
  return (
    <Tooltip label={told ?? `${command.help} (${command.shown})`}>
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
