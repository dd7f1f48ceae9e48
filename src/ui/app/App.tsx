import { useDisclosure } from '@mantine/hooks';
import { useEffect } from 'react';
import { performKey } from '../commands/commands.ts';
import { KeyboardSheet } from '../commands/KeyboardSheet.tsx';
import { AlertBar } from '../panels/AlertBar.tsx';
import { ChannelMap } from '../panels/ChannelMap.tsx';
import { Charts } from '../charts/Charts.tsx';
import { Figures } from '../panels/Figures.tsx';
import { Header } from '../panels/Header.tsx';
import { Runs } from '../panels/Runs.tsx';
import { SetUp } from '../panels/SetUp.tsx';
import { Timeline } from '../panels/Timeline.tsx';
import { Transport } from '../panels/Transport.tsx';
import { TapCard } from '../taps/TapCard.tsx';
import './app.css';
import { useLab, useLabState, useSlowestStep } from './lab-context.tsx';

export function App() {
  const lab = useLab();
  const runState = useLabState((state) => state.runState);
  const step = useSlowestStep();
  const [sheet, { open, close }] = useDisclosure(false);

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === '?' && !(event.target instanceof HTMLInputElement)) open();
      else if (performKey(event, lab)) event.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [lab, open]);

  return (
    <div className="lab" data-run-state={runState} data-step={step}>
      <Header onHelp={open} />
      <aside className="lab-setup" aria-label="Set-up">
        <Runs />
        <SetUp />
      </aside>
      <main className="lab-main">
        <AlertBar />
        <Transport />
        <Timeline />
        <Figures />
        <ChannelMap />
        <Charts />
        <TapCard />
      </main>
      <KeyboardSheet opened={sheet} onClose={close} />
    </div>
  );
}
