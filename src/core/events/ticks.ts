import type { ChannelEvent, DensitiesEvent, RunEvent, StageEvent, StructureEvent } from './events.ts';
import { stageSentence } from './stage.ts';
import { goesBack } from './undone.ts';

export type TickKind =
  | ChannelEvent['kind']
  | 'mask'
  | 'setting'
  | 'fork'
  | 'diverged'
  | 'error'
  | 'recovered'
  | 'batchHalved'
  | 'evaluate'
  | 'finish';

/** A mark on the time line: that something of a kind happened after `step` updates, and what, in a sentence. */
export interface Tick {
  readonly step: number;
  readonly kind: TickKind;
  readonly label: string;
}

/** The nearest step after (direction 1) or before (-1) `step` at which something but an evaluation happened, or null. */
export function nextTick(ticks: readonly Tick[], step: number, direction: 1 | -1): number | null {
  const wanted = (tick: Tick): boolean => tick.kind !== 'evaluate' && (tick.step - step) * direction > 0;
  return (direction === 1 ? ticks.find(wanted) : ticks.findLast(wanted))?.step ?? null;
}

/** What a tick's label is made of. */
interface Entry {
  readonly step: number;
  readonly kind: TickKind;
  /** Channels that changed, summed over layers, and those of them that the user changed. */
  channels: number;
  byHand: number;
  readonly sentences: string[];
  /** The kept taps, in a mask. */
  taps: string;
}

/** The ticks of a run that is still telling. */
export class Ticks {
  #entries: Entry[] = [];
  #list: readonly Tick[] | null = [];
  /** Channels changed since the last structure: whose decision it was is told with the next. */
  #undecided: { readonly entry: Entry; readonly channels: number }[] = [];

  /** All ticks so far; the same array until one changes. */
  get list(): readonly Tick[] {
    this.#list ??= this.#entries.map((entry) => ({ step: entry.step, kind: entry.kind, label: labelOf(entry) }));
    return this.#list;
  }

  /** Appends events as the run tells them. */
  add(events: readonly RunEvent[]): void {
    for (const event of events) this.#apply(event);
  }

  #apply(event: RunEvent): void {
    if (goesBack(event)) {
      this.#entries = this.#entries.filter(({ step, kind }) => step <= event.step || isNotice(kind));
      this.#undecided = [];
    }
    switch (event.kind) {
      case 'prune':
      case 'regrow':
      case 'crop':
        return this.#addChannels(event);
      case 'structure':
        return this.#addStructure(event);
      case 'stage':
        return this.#addStage(event);
      case 'setting':
      case 'fork':
      case 'recovered':
      case 'batchHalved':
      case 'diverged':
      case 'error':
        this.#entry(event.step, event.kind).sentences.push(event.message);
        return;
      case 'evaluate': {
        const percent = (event.testAccuracy * 100).toFixed(1);
        // A step evaluated twice has one accuracy.
        this.#entry(event.step, 'evaluate').sentences.splice(0, 1, `Test accuracy ${percent} %.`);
        return;
      }
      case 'finish':
        this.#entry(event.step, 'finish').sentences.splice(0, 1, 'The run finished.');
        return;
      case 'densities':
        return this.#addDensities(event);
      case 'start':
      case 'step':
      case 'note':
        return;
    }
  }

  #addChannels({ step, kind, channels }: ChannelEvent): void {
    const entry = this.#entry(step, kind);
    entry.channels += channels.length;
    this.#undecided.push({ entry, channels: channels.length });
  }

  /** Masks of single weights; a crop is told by its channels. */
  #addDensities({ step, report: { removes, layers } }: DensitiesEvent): void {
    if (removes !== 'weights') return;
    const sum = (of: 'kept' | 'weights'): number => layers.reduce((total, layer) => total + layer[of], 0);
    const percent = ((100 * sum('kept')) / sum('weights')).toFixed(1);
    this.#entry(step, 'mask').sentences.push(`Weights masked: ${percent} % of them stay.`);
  }

  #addStructure({ step, structure, by }: StructureEvent): void {
    if (by === 'hand') {
      for (const { entry, channels } of this.#undecided) entry.byHand += channels;
      this.#list = null;
    }
    this.#undecided = [];
    const taps = structure.taps ? JSON.stringify(structure.taps) : '';
    if (taps === this.#taps) return;
    const mask = this.#entry(step, 'mask');
    const layers = Object.keys(structure.taps ?? {}).length;
    mask.taps = taps;
    const sentence = layers > 0 ? `Kernel taps masked in ${counted(layers, 'layer')}.` : 'No kernel taps masked.';
    mask.sentences.splice(0, 1, sentence);
  }

  /** The kept taps that were told last. */
  get #taps(): string {
    return this.#entries.findLast(({ kind }) => kind === 'mask')?.taps ?? '';
  }

  /** In place of what its structure and its channels were told as: a stage says more. */
  #addStage({ step, report }: StageEvent): void {
    const taps = this.#taps;
    const mask = this.#entry(step, 'mask');
    mask.taps = taps;
    mask.sentences.splice(0, mask.sentences.length, stageSentence(report));
    if (report.granularity !== 'map') return;
    this.#entries = this.#entries.filter((entry) => entry.step !== step || entry.kind !== 'prune');
  }

  /** The entry of a step and kind, new where there is none. */
  #entry(step: number, kind: TickKind): Entry {
    this.#list = null;
    // Notices of steps that the run went back over may stand at later steps.
    const before = this.#entries.findLastIndex((entry) => entry.step <= step);
    for (let i = before; i >= 0 && this.#entries[i]?.step === step; i--) {
      const entry = this.#entries[i];
      if (entry?.kind === kind) return entry;
    }
    const entry: Entry = { step, kind, channels: 0, byHand: 0, sentences: [], taps: '' };
    this.#entries.splice(before + 1, 0, entry);
    return entry;
  }
}

/** That a run went back stays true after it has. */
const isNotice = (kind: TickKind): boolean => kind === 'recovered' || kind === 'batchHalved';

const CHANGES: Partial<Record<TickKind, string>> = { prune: 'pruned', regrow: 'regrown', crop: 'cropped' };

function labelOf({ step, kind, channels, byHand, sentences }: Entry): string {
  const change = CHANGES[kind];
  if (!change) return sentences.join(' ');
  const done = step === 0 && kind === 'prune' ? 'off from the start' : change;
  const hand = byHand === 0 ? '' : byHand === channels ? ' by hand' : `, ${byHand} of them by hand`;
  return `${counted(channels, 'channel')} ${done}${hand}.`;
}

const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;
