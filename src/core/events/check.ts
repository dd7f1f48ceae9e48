import * as v from 'valibot';
import {
  type ChannelGroup,
  type Network,
  type Structure,
  type Widths,
  checkStructure,
  convolutionsOf,
  countNetwork,
  groupByNode,
  groupsOf,
  keptOf,
  shapesOf,
  widthsOf,
} from '../network/index.ts';
import { fitsBits } from '../sparsity/report.ts';
import type { ChannelReason, Scheme } from '../scheme/scheme.ts';
import { modelOf, networkFor } from '../spec/network.ts';
import { parseSpec } from '../spec/parse.ts';
import type { Spec } from '../spec/spec.ts';
import type { RunEvent, StageEvent, StartEvent } from './events.ts';
import { type CheckedEvent, eventSchema } from './schema.ts';
import { goesBack } from './undone.ts';

/** An event that is not one that a run tells; the message says which, and what is wrong with it. */
export class EventError extends Error {
  override name = 'EventError';
}

/**
 * The most work that folding a log may take, in channels, events and marks looked at. The longest runs take a hundredth
 * of it; a log made up to hang the page takes more.
 */
const MOST_WORK = 200_000_000;
/** Most stages and densities, and most things said to the reader. */
const MOST_STAGES = 100;
const MOST_NOTICES = 10_000;

/**
 * Checks the log of a run that comes from elsewhere, event by event: that it has the fields of its kind and no other, that
 * it fits the network of its spec, and that folding it takes a bounded time. What passes can be folded, rewound and drawn
 * like the log of a run of one's own; whether its numbers are true nobody can tell.
 */
export class EventCheck {
  readonly #schemes: readonly Scheme[];
  #start: StartEvent | null = null;
  #layout: Layout | null = null;
  #count = 0;
  #step = 0;
  #work = 0;
  /** Marks on the time line at most. */
  #marks = 0;
  #decisionStep = -1;
  #notices = 0;
  #stages = 0;

  constructor(schemes: readonly Scheme[]) {
    this.#schemes = schemes;
  }

  /** The next event, as checked: a copy. Throws an EventError. */
  add(value: unknown): RunEvent {
    const place = `events[${this.#count}]`;
    const result = v.safeParse(eventSchema, value, { abortEarly: true });
    if (!result.success) throw new EventError(describe(place, result.issues[0]));
    try {
      const event = this.#checked(result.output);
      this.#count++;
      return event;
    } catch (error) {
      if (error instanceof Refusal) throw new EventError(`${place}${error.message}`);
      throw error;
    }
  }

  /** The start of the log, which must not be empty. Throws an EventError. */
  end(): StartEvent {
    if (!this.#start) throw new EventError('the log holds no event');
    return this.#start;
  }

  #checked(event: CheckedEvent): RunEvent {
    if (event.kind === 'start') return this.#begin(event);
    const layout = this.#layout;
    if (!layout) throw new Refusal(': a log begins with its start');
    if (goesBack(event)) {
      if (event.step > this.#step) throw new Refusal(`.step: a run goes back, not from ${this.#step} to ${event.step}`);
      // The whole log is folded anew.
      this.#spend(this.#count + layout.channels);
    } else if (event.step < this.#step) {
      throw new Refusal(`.step: steps never go back, as here from ${this.#step} to ${event.step}`);
    }
    this.#step = event.step;
    this.#checkKind(event, layout);
    return event;
  }

  #begin(event: Extract<CheckedEvent, { kind: 'start' }>): RunEvent {
    if (this.#start) throw new Refusal(': a log has one start');
    const parsed = parseSpec(event.spec, this.#schemes);
    if (!parsed.ok) throw new Refusal(`.spec.${parsed.problems[0]?.message ?? 'is not valid'}`);
    const { spec } = parsed;
    const model = modelOf(spec);
    this.#layout = layoutOf(networkOf(spec, model, this.#schemes));
    sameWidths('.dense.widths', event.dense.widths, widthsOf(model));
    sameWidths('.widths', event.widths ?? event.dense.widths, this.#layout.widths);
    for (const layer of event.prunable) this.#layout.widthOf('.prunable', layer);
    const start: StartEvent = { ...event, spec };
    this.#start = start;
    return start;
  }

  #checkKind(event: Exclude<CheckedEvent, { kind: 'start' }>, layout: Layout): void {
    switch (event.kind) {
      case 'step':
        return;
      case 'evaluate':
      case 'finish':
        this.#marks++;
        return;
      case 'prune':
      case 'crop':
      case 'regrow':
        this.#decide(event.step, layout);
        checkReasons(event.reasons, layout);
        this.#spend(layout.switched(event.layer, event.channels, event.width));
        return;
      case 'structure':
        this.#decide(event.step, layout);
        // Looks through all marks for the last mask.
        this.#spend(this.#marks + layout.network.nodes.length);
        checkReasons(event.reasons, layout);
        checkStructureIn('.structure', event.structure, layout);
        sameWidths('.widths', event.widths, layout.widthsIn(event.structure));
        return;
      case 'densities':
        this.#limit(++this.#stages, MOST_STAGES, 'stages');
        this.#marks++;
        checkDensities(event.report, layout);
        return;
      case 'stage':
        this.#limit(++this.#stages, MOST_STAGES, 'stages');
        this.#spend(this.#marks);
        checkStage(event, layout);
        return;
      default:
        this.#marks++;
        this.#limit(++this.#notices, MOST_NOTICES, 'notices');
    }
  }

  /** A new decision looks at all channels. */
  #decide(step: number, layout: Layout): void {
    this.#marks++;
    if (step !== this.#decisionStep) this.#spend(layout.channels);
    this.#decisionStep = step;
  }

  #spend(work: number): void {
    this.#work += work;
    this.#limit(this.#work, MOST_WORK, 'changes of its channels');
  }

  #limit(value: number, most: number, what: string): void {
    if (value > most) throw new Refusal(`: the log has more ${what} than any run`);
  }
}

/** Checks a whole log. Throws an EventError. */
export function checkEvents(values: readonly unknown[], schemes: readonly Scheme[]): readonly RunEvent[] {
  const check = new EventCheck(schemes);
  const events = values.map((value) => check.add(value));
  check.end();
  return events;
}

/** What is wrong with an event, to follow its place. */
class Refusal extends Error {}

function describe(place: string, issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  const known = path !== null && /^[\w.]{1,100}$/.test(path) ? `.${path}` : '';
  return `${place}${known} is not as a run tells it`;
}

/** What of a network events are held against. */
interface Layout {
  readonly network: Network;
  readonly groups: readonly ChannelGroup[];
  /** Of every convolution. */
  readonly widths: Widths;
  /** Of all convolutions together. */
  readonly channels: number;
  /** Ids of all layers with weights. */
  readonly layers: ReadonlySet<string>;
  /** Channels of a convolution. */
  widthOf(path: string, layer: string): number;
  /** The convolutions' widths in a structure. */
  widthsIn(structure: Structure): Widths;
  /** Checks channels that were switched, and tells how much work it is to note when each was off. */
  switched(layer: string, channels: readonly number[], width: number): number;
}

function networkOf(spec: Spec, model: Network, schemes: readonly Scheme[]): Network {
  try {
    return networkFor(spec, schemes, model);
  } catch (error) {
    throw new Refusal(`.spec.${error instanceof Error ? error.message : String(error)}`);
  }
}

function layoutOf(network: Network): Layout {
  const groups = groupsOf(network);
  const groupOf = groupByNode(groups);
  const convolutions = convolutionsOf(network).map(({ id }) => id);
  const totals = new Map(Object.entries(widthsOf(network)));
  const times = new Map([...totals].map(([layer, total]) => [layer, new Uint32Array(total)]));
  const widthOf = (path: string, layer: string): number => {
    const total = totals.get(layer);
    if (total === undefined) throw new Refusal(`${path}: the network has no such convolution`);
    return total;
  };
  return {
    network,
    groups,
    widths: widthsOf(network),
    channels: [...totals.values()].reduce((sum, total) => sum + total, 0),
    layers: new Set(countNetwork(network).layers.map(({ layer }) => layer)),
    widthOf,
    widthsIn: (structure) =>
      Object.fromEntries(
        convolutions.map((id) => {
          const group = groupOf.get(id);
          return [id, group ? keptOf(structure, group).length : 0];
        }),
      ),
    switched(layer, channels, width) {
      const total = widthOf('.layer', layer);
      const before = times.get(layer) ?? new Uint32Array();
      if (width > total) throw new Refusal(`.width: the layer has ${total} channels`);
      if (channels.some((channel) => channel >= total) || new Set(channels).size < channels.length) {
        throw new Refusal(`.channels: must be channels of the layer, once each`);
      }
      return channels.reduce((sum, channel) => sum + (before[channel] = (before[channel] ?? 0) + 1), 0);
    },
  };
}

function sameWidths(path: string, told: Widths, real: Widths): void {
  const same =
    Object.keys(told).length === Object.keys(real).length &&
    Object.entries(real).every(([layer, width]) => Object.hasOwn(told, layer) && told[layer] === width);
  if (!same) throw new Refusal(`${path}: not the widths of the network`);
}

function checkStructureIn(path: string, structure: Structure, { network }: Layout): void {
  try {
    checkStructure(network, structure);
  } catch (error) {
    throw new Refusal(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function checkReasons(reasons: readonly ChannelReason[], layout: Layout): void {
  if (reasons.length > layout.channels) throw new Refusal('.reasons: more than there are channels');
  for (const { layer, channel, tied = [] } of reasons) {
    for (const one of [layer, ...tied]) {
      if (channel >= layout.widthOf('.reasons', one)) throw new Refusal('.reasons: the layer has no such channel');
    }
  }
}

function checkLayers(layers: readonly { readonly layer: string }[], layout: Layout): void {
  const names = new Set(layers.map(({ layer }) => layer));
  if (names.size < layers.length || [...names].some((name) => !layout.layers.has(name))) {
    throw new Refusal('.report.layers: must be layers of the network, once each');
  }
}

function checkDensities(report: Extract<CheckedEvent, { kind: 'densities' }>['report'], layout: Layout): void {
  checkLayers(report.layers, layout);
  if (report.passes?.some((pass) => pass.length !== report.layers.length)) {
    throw new Refusal('.report.passes: must have a density for each layer');
  }
}

function checkStage({ report }: StageEvent, layout: Layout): void {
  checkLayers(report.layers, layout);
  checkStructureIn('.report.structure', report.structure, layout);
  const shapes = shapesOf(layout.network);
  for (const { layer, kernels, free } of report.layers) {
    if (!kernels && !free) continue;
    const node = layout.network.nodes.find(({ id }) => id === layer);
    if (node?.op !== 'conv') throw new Refusal('.report.layers: only convolutions have masks of kernels');
    const size = (shapes.get(node.input)?.[2] ?? 0) * node.filters;
    if (kernels && !fitsBits(kernels, size)) {
      throw new Refusal('.report.layers.kernels: must have a bit for each kernel');
    }
    const fits = (stride: number): boolean => stride >= 1 && stride <= node.kernel ** 2;
    if (free && (free.offsets.length !== size || !fits(free.stride) || free.offsets.some((at) => at >= free.stride))) {
      throw new Refusal('.report.layers.free: must have an offset below the stride for each kernel');
    }
  }
  for (const { scores, weights, parents, bestIndex } of report.chosen?.rounds ?? []) {
    const candidates = scores.length;
    if (weights.length !== candidates || parents.length !== candidates || (bestIndex ?? -1) >= candidates) {
      throw new Refusal('.report.chosen.rounds: must have a weight and parents for each score');
    }
  }
}
