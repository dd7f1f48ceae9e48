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

/** What the optimiser uses in each step, given what was changed on the way. */
export function hyperWith(
  spec: Pick<Spec, 'train'>,
  planned: (step: number) => Hyper,
  changes: readonly SettingChange[],
): (step: number) => Hyper {
  if (changes.length === 0) return planned;
  return (step) => {
    const hyper = planned(step);
    const { learningRate, weightDecay } = settingAt(spec, changes, step);
    return { ...hyper, learningRate: hyper.learningRate * (learningRate / spec.train.learningRate), weightDecay };
  };
}

/** The settings in force at a step. */
export function settingAt(
  { train }: Pick<Spec, 'train'>,
  changes: readonly SettingChange[],
  step: number,
): Required<Setting> {
  const { learningRate, weightDecay } = train;
  return changes
    .filter((change) => change.step <= step)
    .reduce<Required<Setting>>(
      (settings, change) => ({
        learningRate: change.learningRate ?? settings.learningRate,
        weightDecay: change.weightDecay ?? settings.weightDecay,
      }),
      { learningRate, weightDecay },
    );
}

/** What is told of a change. */
export function settingMessage(from: Required<Setting>, to: Setting): string {
  const parts = [
    to.learningRate === undefined ? '' : `learning rate ${from.learningRate} to ${to.learningRate}`,
    to.weightDecay === undefined ? '' : `weight decay ${from.weightDecay} to ${to.weightDecay}`,
  ].filter((part) => part !== '');
  return `Changed by hand: ${parts.join(', ')}.`;
}
