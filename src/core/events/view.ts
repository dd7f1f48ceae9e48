import type { DensityReport } from '../density/report.ts';
import { groupsOf } from '../network/index.ts';
import type { ChannelReason } from '../scheme/scheme.ts';
import type {
  ChannelEvent,
  FinishEvent,
  ParentRecord,
  RunEvent,
  SettingEvent,
  Settings,
  StageEvent,
  StartEvent,
  StepEvent,
  StopEvent,
  StructureEvent,
} from './events.ts';
import { networkOf } from './network.ts';
import { goesBack, heldAt } from './undone.ts';

/** One channel as the map shows it. `pruned` and `regrown` mean: by the latest decision. */
export interface ChannelView {
  fate: 'kept' | 'pruned' | 'regrown' | 'off';
  /** Step of its last change. */
  since: number;
  /** How often it has been switched off. */
  timesOff: number;
  /** When it was off: from a step to the one that switched it on again, null while it is off. Replaced, never changed. */
  offs: readonly { readonly from: number; readonly to: number | null }[];
  /** What the latest decision said of it. */
  reason: ChannelReason | undefined;
}

export interface LayerView {
  readonly layer: string;
  readonly total: number;
  kept: number;
  /** Whether the scheme may cut it. */
  readonly prunable: boolean;
  readonly channels: ChannelView[];
  /** Width from each step on, where it changed. */
  readonly widths: { readonly step: number; readonly width: number }[];
}

export interface DecisionView {
  readonly step: number;
  pruned: number;
  regrown: number;
  /** Kept channels of all prunable layers after it. */
  kept: number;
}

/** Columns over training steps; entry i belongs to step `step[i]`. */
export interface TrainSeries {
  readonly step: number[];
  readonly loss: number[];
  readonly accuracy: number[];
  /** Wall time of the training steps up to and with this one. */
  readonly seconds: number[];
  /** Multiply-adds of the forward passes up to and with this one: the network's MACs for every image trained on. */
  readonly macs: number[];
}

/** A change of settings during the run; it holds from its step on. */
export interface SettingView extends Settings {
  readonly step: number;
  readonly message: string;
}

/** Everything the page shows of a run: a fold over its events. */
export interface RunView {
  /** Changes with every fold that changed something: what a subscriber compares. */
  version: number;
  /** The events behind all this, without what the run went back over. */
  log: RunEvent[];
  /** `steps` and `stepsPerEpoch` are those of the batch in use. */
  start: StartEvent | null;
  /** What a fork left, and where; null for a run that began by itself. */
  parent: ParentRecord | null;
  /** Images in a batch: the spec's, or half of them where memory ran out. */
  batchSize: number;
  step: number;
  epoch: number;
  learningRate: number;
  macs: number;
  parameters: number;
  readonly layers: LayerView[];
  /** The densities that the start follows from; null where it follows from none. */
  densities: DensityReport | null;
  readonly train: TrainSeries;
  readonly test: { readonly step: number; readonly loss: number; readonly accuracy: number }[];
  readonly decisions: DecisionView[];
  /** Stages of structured sparsity so far. */
  readonly stages: StageEvent[];
  /** What was changed during the run, in order. */
  readonly settings: SettingView[];
  /** Multiply-adds of all forward passes so far, for one image a step; dense training would have `denseMacsSpent`. */
  macsSpent: number;
  denseMacsSpent: number;
  /** Training images a second, over the latest steps together. */
  imagesPerSecond: number;
  /** Milliseconds of those steps. */
  readonly latestMilliseconds: number[];
  readonly notes: string[];
  stop: StopEvent | null;
  finish: FinishEvent | null;
}

export function emptyView(): RunView {
  return {
    version: 0,
    log: [],
    start: null,
    parent: null,
    batchSize: 0,
    step: 0,
    epoch: 0,
    learningRate: 0,
    macs: 0,
    parameters: 0,
    layers: [],
    densities: null,
    train: { step: [], loss: [], accuracy: [], seconds: [], macs: [] },
    test: [],
    decisions: [],
    stages: [],
    settings: [],
    macsSpent: 0,
    denseMacsSpent: 0,
    imagesPerSecond: 0,
    latestMilliseconds: [],
    notes: [],
    stop: null,
    finish: null,
  };
}

/**
 * Adds events to a view and returns it. The view is changed in place (a run has up to a hundred thousand steps), so
 * `version` is what tells that it changed.
 */
export function fold(view: RunView, events: readonly RunEvent[]): RunView {
  for (const event of events) {
    if (goesBack(event)) goBack(view, event.step);
    foldHeld(view, [event]);
  }
  if (events.length > 0) view.version++;
  return view;
}

/** Adds events that all hold (as in a view's `log`): none takes back another. Leaves `version` to the caller. */
export function foldHeld(view: RunView, events: readonly RunEvent[]): void {
  for (const event of events) {
    view.log.push(event);
    apply(view, event);
  }
}

/** Rare and at most a log long, so the view is folded anew instead of undone. */
function goBack(view: RunView, step: number): void {
  const { version, log } = view;
  const held = heldAt(log, step);
  Object.assign(view, emptyView(), { version });
  foldHeld(view, held);
}

function apply(view: RunView, event: RunEvent): void {
  // A note of a step that the run went back over is still shown, and is no step.
  if (event.kind !== 'note' && !goesBack(event)) view.step = Math.max(view.step, event.step);
  switch (event.kind) {
    case 'start':
      return applyStart(view, event);
    case 'step':
      return applyStep(view, event);
    case 'prune':
    case 'crop':
    case 'regrow':
      return applyChannels(view, event);
    case 'structure':
      return applyStructure(view, event);
    case 'stage':
      view.stages.push(event);
      return;
    case 'evaluate':
      view.test.push({ step: event.step, loss: event.testLoss, accuracy: event.testAccuracy });
      return;
    case 'densities':
      view.densities = event.report;
      return;
    case 'note':
    case 'recovered':
      view.notes.push(event.message);
      return;
    case 'fork':
      return;
    case 'setting':
      view.settings.push(settingOf(event));
      return;
    case 'batchHalved':
      view.notes.push(event.message);
      view.batchSize = event.to;
      if (view.start) view.start = { ...view.start, steps: event.steps, stepsPerEpoch: event.stepsPerEpoch };
      return;
    case 'diverged':
    case 'error':
      view.stop = event;
      return;
    case 'finish':
      view.finish = event;
      return;
  }
}

function applyStart(view: RunView, event: StartEvent): void {
  view.start = event;
  view.parent = event.parent ?? null;
  view.batchSize = event.spec.train.batchSize;
  view.macs = event.dense.macs;
  view.parameters = event.dense.parameters;
  const prunable = new Set(event.prunable);
  for (const [layer, total] of Object.entries(event.widths ?? event.dense.widths)) {
    const channels = Array.from({ length: total }, (): ChannelView => ({
      fate: 'kept',
      since: 0,
      timesOff: 0,
      offs: [],
      reason: undefined,
    }));
    view.layers.push({
      layer,
      total,
      kept: total,
      prunable: prunable.has(layer),
      channels,
      widths: [{ step: 0, width: total }],
    });
  }
}

const settingOf = ({ step, learningRate, weightDecay, message }: SettingEvent): SettingView => ({
  step,
  ...(learningRate === undefined ? {} : { learningRate }),
  ...(weightDecay === undefined ? {} : { weightDecay }),
  message,
});

/** Steps over which speed is averaged: single ones vary while images load. */
const SPEED_STEPS = 20;

function applyStep(view: RunView, event: StepEvent): void {
  view.epoch = event.epoch;
  view.learningRate = event.learningRate;
  view.train.step.push(event.step);
  view.train.loss.push(event.trainLoss);
  view.train.accuracy.push(event.trainAccuracy);
  view.train.seconds.push((view.train.seconds.at(-1) ?? 0) + event.milliseconds / 1_000);
  view.train.macs.push((view.train.macs.at(-1) ?? 0) + view.macs * view.batchSize);
  view.macsSpent += view.macs;
  view.denseMacsSpent += view.start?.dense.macs ?? 0;
  const latest = view.latestMilliseconds;
  latest.push(event.milliseconds);
  if (latest.length > SPEED_STEPS) latest.shift();
  const spent = latest.reduce((sum, milliseconds) => sum + milliseconds, 0);
  const images = view.batchSize * latest.length;
  view.imagesPerSecond = spent > 0 ? (images * 1_000) / spent : 0;
}

/** The decision of a step, which begins with its first channel event (or with its structure). */
function decisionAt(view: RunView, step: number): DecisionView {
  const last = view.decisions.at(-1);
  if (last?.step === step) return last;
  // What was new is old once the next decision begins.
  for (const { channels } of view.layers) {
    for (const channel of channels) {
      if (channel.fate === 'pruned') channel.fate = 'off';
      if (channel.fate === 'regrown') channel.fate = 'kept';
    }
  }
  const decision = { step, pruned: 0, regrown: 0, kept: 0 };
  view.decisions.push(decision);
  return decision;
}

function applyChannels(view: RunView, event: ChannelEvent): void {
  const decision = decisionAt(view, event.step);
  const layer = view.layers.find((candidate) => candidate.layer === event.layer);
  if (!layer) return;
  const off = event.kind !== 'regrow';
  for (const index of event.channels) {
    const channel = layer.channels[index];
    if (!channel) continue;
    // A sub-model at the start is where the run begins, not news.
    if (off) channel.fate = event.step === 0 ? 'off' : 'pruned';
    else channel.fate = 'regrown';
    channel.since = event.step;
    if (off) channel.timesOff++;
    channel.offs = off
      ? [...channel.offs, { from: event.step, to: null }]
      : channel.offs.map((span) => (span.to === null ? { ...span, to: event.step } : span));
  }
  for (const reason of event.reasons) {
    const channel = layer.channels[reason.channel];
    if (channel) channel.reason = reason;
  }
  if (off) decision.pruned += event.channels.length;
  else decision.regrown += event.channels.length;
  layer.kept = event.width;
  const last = layer.widths.at(-1);
  if (last?.step === event.step) layer.widths.pop();
  layer.widths.push({ step: event.step, width: event.width });
}

function applyStructure(view: RunView, event: StructureEvent): void {
  // A run that starts dense tells its structure too; that is no decision.
  const changed = event.step > 0 || view.decisions.length > 0;
  const decision = changed ? decisionAt(view, event.step) : null;
  view.macs = event.macs;
  view.parameters = event.parameters;
  const layers = new Map(view.layers.map((layer) => [layer.layer, layer]));
  for (const reason of event.reasons) {
    for (const layer of [reason.layer, ...(reason.tied ?? [])]) {
      const channel = layers.get(layer)?.channels[reason.channel];
      if (channel) channel.reason = reason;
    }
  }
  if (decision) decision.kept = keptChannels(view);
}

/** Kept channels of the prunable layers. */
export const keptChannels = (view: RunView): number =>
  view.layers.reduce((sum, layer) => sum + (layer.prunable ? layer.kept : 0), 0);

/** Channels that the scheme may cut, in all. */
export const prunableChannels = (view: RunView): number =>
  view.layers.reduce((sum, layer) => sum + (layer.prunable ? layer.total : 0), 0);

/** Channels that a channel budget is a share of: those of layers that additions tie together count once. */
export function budgetChannels(start: StartEvent): number {
  const groups = groupsOf(networkOf(start));
  const counted = groups.filter(({ producers }) => producers.some((layer) => start.prunable.includes(layer)));
  return counted.reduce((sum, { channels }) => sum + channels, 0);
}

/** Channels of the present network that were off at some time: what pruning without regrowing would have lost. */
export const returnedChannels = (view: RunView): number =>
  view.layers.reduce(
    (sum, { channels }) =>
      sum + channels.filter(({ fate, timesOff }) => timesOff > 0 && (fate === 'kept' || fate === 'regrown')).length,
    0,
  );
