import { useEffect } from 'react';
import { performKey } from '../commands/commands.ts';
import { AlertBar } from '../panels/AlertBar.tsx';
import { ChannelMap } from '../panels/ChannelMap.tsx';
import { LazyCharts } from '../charts/LazyCharts.tsx';
import { Figures } from '../panels/Figures.tsx';
import { Header } from '../panels/Header.tsx';
import { Runs } from '../panels/Runs.tsx';
import { SetUp } from '../panels/SetUp.tsx';
import { Timeline } from '../panels/Timeline.tsx';
import { Transport } from '../panels/Transport.tsx';
import { TapCard } from '../taps/TapCard.tsx';
import './app.css';
import { Dialogs } from './Dialogs.tsx';
import { useLab, useLabState, useSlowestStep } from './lab-context.tsx';
import { useDroppedFiles } from './use-dropped-files.ts';

export function App() {
  const lab = useLab();
  const runState = useLabState((state) => state.runState);
  const step = useSlowestStep();

  useDroppedFiles(lab);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (performKey(event, lab)) event.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [lab]);

  return (
    <div className="lab" data-run-state={runState} data-step={step}>
      <Header />
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
        <LazyCharts />
        <TapCard />
      </main>
      <Dialogs />
    </div>
  );
}
