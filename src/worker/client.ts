import type { Command, Report } from './messages.ts';

export interface Lab {
  send(command: Command): void;
  /** Ends the worker and all it holds. */
  dispose(): void;
}

/** Starts the lab in a worker of its own. A worker that cannot start or fails is reported as a `problem`. */
export function connectLab(onReport: (report: Report) => void): Lab {
  const worker = new Worker(new URL('./lab.worker.ts', import.meta.url), { type: 'module' });
  worker.addEventListener('message', (event: MessageEvent<Report>) => onReport(event.data));
  worker.addEventListener('error', (event) => {
    const why = event.message ? ` (${event.message})` : '';
    onReport({ type: 'problem', message: `The lab's worker failed${why}. Reload the page to start it again.` });
    onReport({ type: 'state', state: 'error' });
  });
  const send = (command: Command): void => worker.postMessage(command);
  // Relative to the page, so that the site works from any sub-path.
  send({ type: 'connect', dataUrl: new URL('data/', document.baseURI).href });
  return { send, dispose: () => worker.terminate() };
}
