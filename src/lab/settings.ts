import type { SettingEvent } from '../core/events/events.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Hyper } from '../engine/engine.ts';

/** What a user may change while a run trains. */
export interface Setting {
  /** Peak learning rate; the schedule's shape stays. */
  readonly learningRate?: number;
  readonly weightDecay?: number;
}

/** A change and the updates made before it: update number `step` (counting from 0) is the first to use it. */
export type SettingChange = Setting & { readonly step: number };

/**
 * What was changed by hand in a run. A change takes effect, and is told, between two calls to the engine; where the run
 * goes back, it keeps its step and is told again there.
 */
export class Settings {
  #changes: readonly SettingChange[];
  /** Asked for, not in effect yet. */
  #requested: readonly Setting[] = [];
  /** To be told again at their steps. */
  #untold: readonly SettingChange[] = [];

  constructor(changes: readonly SettingChange[] = []) {
    this.#changes = changes;
  }

  /** All changes in effect, in order; part of a checkpoint. */
  get changes(): readonly SettingChange[] {
    return this.#changes;
  }

  request(setting: Setting): void {
    this.#requested = [...this.#requested, setting];
  }

  /** Puts into effect what was asked for, from the update after `step` on; returns what to tell. */
  apply({ train }: Pick<Spec, 'train'>, step: number): readonly SettingEvent[] {
    const events = this.#requested.map((setting) => {
      const event = eventOf(settingAt(train, this.#changes, step), { ...setting, step });
      this.#changes = [...this.#changes, { ...setting, step }];
      return event;
    });
    this.#requested = [];
    return events;
  }

  /** The run goes on from `step`: what was changed later is told again when it gets there. */
  goBack(step: number): void {
    this.#untold = this.#changes.filter((change) => change.step > step);
  }

  /** What is to be told again at a step. */
  toldAgain({ train }: Pick<Spec, 'train'>, step: number): readonly SettingEvent[] {
    const due = this.#untold.filter((change) => change.step === step);
    this.#untold = this.#untold.filter((change) => change.step > step);
    return due.map((change) => {
      const earlier = this.#changes.slice(0, this.#changes.indexOf(change));
      return eventOf(settingAt(train, earlier, step), change);
    });
  }

  /** What the optimiser uses in each step: as planned, but for the changes. */
  hyperOf({ train }: Pick<Spec, 'train'>, planned: (step: number) => Hyper): (step: number) => Hyper {
    const changes = this.#changes;
    if (changes.length === 0) return planned;
    return (step) => {
      const hyper = planned(step);
      const { learningRate, weightDecay } = settingAt(train, changes, step);
      return { ...hyper, learningRate: hyper.learningRate * (learningRate / train.learningRate), weightDecay };
    };
  }
}

function settingAt(
  { learningRate, weightDecay }: Required<Setting>,
  changes: readonly SettingChange[],
  step: number,
): Required<Setting> {
  const last = (key: keyof Setting): number | undefined =>
    changes.findLast((change) => change.step <= step && change[key] !== undefined)?.[key];
  return { learningRate: last('learningRate') ?? learningRate, weightDecay: last('weightDecay') ?? weightDecay };
}

function eventOf(from: Required<Setting>, { step, ...to }: SettingChange): SettingEvent {
  const parts = [
    to.learningRate === undefined ? '' : `learning rate ${from.learningRate} to ${to.learningRate}`,
    to.weightDecay === undefined ? '' : `weight decay ${from.weightDecay} to ${to.weightDecay}`,
  ].filter((part) => part !== '');
  return { kind: 'setting', step, ...to, from, message: `Changed by hand: ${parts.join(', ')}.` };
}
