import { openCifar10, httpSource } from '../data/cifar10.ts';
import { openEngine } from '../lab/engines.ts';
import { Session } from '../lab/session.ts';
import { Answering } from './asking.ts';
import type { Command, Report } from './messages.ts';
import { batchPosts } from './posting.ts';

let dataUrl = '';

const report = batchPosts((message: Report) => self.postMessage(message));

const session = new Session(
  {
    openEngine: (backend) => openEngine(backend ? { backend } : {}),
    openData: () => openCifar10(httpSource(dataUrl)),
  },
  {
    onState: (state) => report({ type: 'state', state }),
    onRunState: (run, state) => report({ type: 'state', state, run }),
    onEvent: (run, event) => report({ type: 'events', run, events: [event] }),
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

const answering = new Answering(session, report);

function handle(command: Command): void {
  switch (command.type) {
    case 'connect':
      ({ dataUrl } = command);
      return;
    case 'open':
      return void session.open(command.runs);
    case 'add':
      return void session.add(command);
    case 'remove':
      return void session.remove(command.run);
    case 'fork':
      return void session.fork(command);
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
      return session.setPace(command.hidden ? 'full' : 'smooth');
  }
}

self.addEventListener('message', (event: MessageEvent<Command>) => handle(event.data));
