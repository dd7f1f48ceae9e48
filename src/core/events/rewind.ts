import type { RunEvent } from './events.ts';
import { goesBack, holdsAt } from './undone.ts';
import { type ChannelView, type LayerView, type RunView, emptyView, fold, foldHeld } from './view.ts';

/** Events from one keyframe to the next, at least; the next waits for a step to be complete. */
const KEYFRAME_EVERY = 1_000;

/**
 * A run's log that can be looked at as of any step. Seeking folds from the nearest keyframe: at most about a thousand
 * events, however long the run is.
 */
export class Rewind {
  readonly #every: number;
  readonly #head = emptyView();
  /** For each event of the head's log the step after which it was told; ascending. */
  readonly #told: number[] = [];
  #keyframes: Keyframe[] = [];

  constructor(every = KEYFRAME_EVERY) {
    this.#every = every;
  }

  /** The view after everything told so far. Changes in place, and only through `add`. */
  get live(): RunView {
    return this.#head;
  }

  /** Appends events as the run tells them. */
  add(events: readonly RunEvent[]): void {
    for (const event of events) {
      if (goesBack(event)) this.#goBack(event.step);
      const last = this.#told.at(-1) ?? event.step;
      const told = Math.max(last, event.step);
      if (told > last) this.#keep(last);
      this.#told.push(told);
      fold(this.#head, [event]);
    }
  }

  /**
   * The view after everything that happened up to and with `step`, without what the run went back over: its own copy,
   * which shares nothing that changes. Its `version` counts the events behind it.
   */
  viewAt(step: number): RunView {
    const events = this.#told.findLastIndex((told) => told <= step) + 1;
    const keyframe = this.#keyframes.findLast((candidate) => candidate.events <= events);
    const view = keyframe ? restored(keyframe, this.#head) : emptyView();
    foldHeld(view, this.#head.log.slice(view.log.length, events));
    view.version = events;
    return view;
  }

  /** Keeps a keyframe of the head, whose last step, `step`, is complete, when the last one is far enough behind. */
  #keep(step: number): void {
    const previous = this.#keyframes.at(-1);
    const events = this.#head.log.length;
    if (events - (previous?.events ?? 0) >= this.#every) this.#keyframes.push(keyframeOf(this.#head, step, previous));
  }

  /** What is told of `step` from now on belongs to it, so a keyframe of it is no longer complete. */
  #goBack(step: number): void {
    this.#keyframes = this.#keyframes.filter((keyframe) => keyframe.step < step);
    const held = this.#told.filter((_, index) => {
      const event = this.#head.log[index];
      return event !== undefined && holdsAt(event, step);
    });
    // What was said to the reader at later steps is now said before the run goes on from this one.
    held.forEach((told, index) => (this.#told[index] = Math.min(told, step)));
    this.#told.length = held.length;
  }
}

type Columns =
  | 'log'
  | 'layers'
  | 'train'
  | 'test'
  | 'decisions'
  | 'stages'
  | 'settings'
  | 'notes'
  | 'latestMilliseconds';

/**
 * A view at the end of a step, made small: what only grows is kept as its length, since entries of complete steps never
 * change and the head holds them; the rest is copied, channels only where they changed since the keyframe before.
 */
interface Keyframe {
  /** The step it completes. */
  readonly step: number;
  /** Events behind it. */
  readonly events: number;
  readonly state: Omit<RunView, Columns>;
  readonly layers: readonly LayerFrame[];
  readonly latestMilliseconds: readonly number[];
  readonly lengths: Readonly<Record<'train' | 'test' | 'decisions' | 'stages' | 'settings' | 'notes', number>>;
}

interface LayerFrame {
  readonly kept: number;
  readonly widths: number;
  readonly channels: readonly Readonly<ChannelView>[];
}

function keyframeOf(head: RunView, step: number, previous: Keyframe | undefined): Keyframe {
  const { log, layers, train, test, decisions, stages, settings, notes, latestMilliseconds, ...state } = head;
  return {
    step,
    events: log.length,
    state,
    layers: layers.map((layer, index) => frameOf(layer, previous?.layers[index])),
    latestMilliseconds: [...latestMilliseconds],
    lengths: {
      train: train.step.length,
      test: test.length,
      decisions: decisions.length,
      stages: stages.length,
      settings: settings.length,
      notes: notes.length,
    },
  };
}

function frameOf({ kept, widths, channels }: LayerView, previous: LayerFrame | undefined): LayerFrame {
  const frames = channels.map((channel, index) => {
    const before = previous?.channels[index];
    return before && same(before, channel) ? before : { ...channel };
  });
  const unchanged = previous && frames.every((frame, index) => frame === previous.channels[index]);
  return { kept, widths: widths.length, channels: unchanged ? previous.channels : frames };
}

const same = (a: Readonly<ChannelView>, b: Readonly<ChannelView>): boolean =>
  a.fate === b.fate && a.since === b.since && a.offs === b.offs && a.timesOff === b.timesOff && a.reason === b.reason;

/** A keyframe's view, with what it keeps as lengths taken from the head. */
function restored({ events, state, layers, latestMilliseconds, lengths }: Keyframe, head: RunView): RunView {
  const { step, loss, accuracy, seconds, macs } = head.train;
  const steps = lengths.train;
  return {
    ...state,
    log: head.log.slice(0, events),
    layers: head.layers.flatMap((layer, index): LayerView[] => {
      const frame = layers[index];
      if (!frame) return [];
      const channels = frame.channels.map((channel) => ({ ...channel }));
      return [{ ...layer, kept: frame.kept, channels, widths: layer.widths.slice(0, frame.widths) }];
    }),
    train: {
      step: step.slice(0, steps),
      loss: loss.slice(0, steps),
      accuracy: accuracy.slice(0, steps),
      seconds: seconds.slice(0, steps),
      macs: macs.slice(0, steps),
    },
    test: head.test.slice(0, lengths.test),
    // Decisions are counted up in place, so that each view needs its own.
    decisions: head.decisions.slice(0, lengths.decisions).map((decision) => ({ ...decision })),
    stages: head.stages.slice(0, lengths.stages),
    settings: head.settings.slice(0, lengths.settings),
    notes: head.notes.slice(0, lengths.notes),
    latestMilliseconds: [...latestMilliseconds],
  };
}
