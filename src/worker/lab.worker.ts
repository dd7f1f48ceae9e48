import { openCifar10, httpSource } from '../data/cifar10.ts';
import { openEngine } from '../lab/engines.ts';
import { Session } from '../lab/session.ts';
import { IndexedDb } from '../persist/indexed-db.ts';
import { webLocks } from '../persist/locks.ts';
import { RunStore } from '../persist/store.ts';
import { SCHEMES } from '../schemes/index.ts';
import { Answering } from './asking.ts';
import { Keeper } from './keeper.ts';
import type { Command, Report } from './messages.ts';
import { batchPosts } from './posting.ts';
import { RunFiles } from './run-files.ts';

let dataUrl = '';

const report = batchPosts((message: Report) => self.postMessage(message));

const store = new RunStore(new IndexedDb(), { schemes: SCHEMES, locks: webLocks() });
const keeper = new Keeper(store, report);

const session = new Session(
  {
    openEngine: (backend) => openEngine(backend ? { backend } : {}),
    openData: () => openCifar10(httpSource(dataUrl)),
  },
  {
    onState: (state) => report({ type: 'state', state }),
    onRunState: (run, state) => {
      report({ type: 'state', state, run });
      keeper.onRunState(run, state);
    },
    onEvent: (run, event) => {
      report({ type: 'events', run, events: [event] });
      keeper.onEvent(run, event);
    },
    onCheckpoint: (run, checkpoint, events) => keeper.onCheckpoint(run, checkpoint, events),
    onClosed: (run) => keeper.onClosed(run),
    onSnapshots: (run, steps) => report({ type: 'snapshots', run, steps }),
    onSchemeProgress: (run, progress) => report({ type: 'schemeProgress', run, progress }),
    onData: (loadedImages, totalImages) => report({ type: 'data', loadedImages, totalImages }),
    onEngine: ({ engine, reason }) => {
      const { backend, adapter } = engine.info;
      report({ type: 'engine', backend, adapter: adapter.description, ...(reason === undefined ? {} : { reason }) });
    },
    onMemory: (bytes) => report({ type: 'memory', bytes }),
    onProblem: (message, problems, run) =>
      report({ type: 'problem', message, ...(problems ? { problems } : {}), ...(run === undefined ? {} : { run }) }),
  },
);

const files = new RunFiles(session, store, SCHEMES, () => void keeper.list());
const answering = new Answering(session, files, report);

function handle(command: Command): void {
  switch (command.type) {
    case 'connect':
      ({ dataUrl } = command);
      return void keeper.start();
    case 'open':
      return void session.open(command.runs);
    case 'add':
      return void session.add(command);
    case 'remove':
      return void session.remove(command.run);
    case 'fork':
      return void session.fork(command);
    case 'list':
      return void keeper.list();
    case 'resume': {
      const { run, id, spec } = command;
      return void session.resume({ run, spec, load: () => keeper.load(run, id) });
    }
    case 'delete':
      return void keeper.delete(command.ids);
    case 'rename':
      return keeper.rename(command.run, command.name);
    case 'change': {
      const { run, learningRate, weightDecay } = command;
      return session.change(run, {
        ...(learningRate === undefined ? {} : { learningRate }),
        ...(weightDecay === undefined ? {} : { weightDecay }),
      });
    }
    case 'run':
      return session.run();
    case 'pause':
      return session.pause();
    case 'advance':
      return session.advance(command.to);
    case 'ask':
      return void answering.ask(command);
    case 'leave':
      return answering.leave(command.ask);
    case 'visibility':
      if (command.hidden) keeper.onHidden();
      return session.setPace(command.hidden ? 'full' : 'smooth');
  }
}

self.addEventListener('message', (event: MessageEvent<Command>) => handle(event.data));
