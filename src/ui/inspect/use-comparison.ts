import { useEffect, useReducer, useRef } from 'react';
import { useStore } from 'zustand';
import { type StoreApi, createStore } from 'zustand/vanilla';
import type { Lane } from '../../state/lanes.ts';
import { PictureStore } from '../../state/predictions-pictures.ts';
import { type Known, PredictionStore } from '../../state/predictions.ts';
import type { Lab } from '../../state/store.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import type { Letter } from './change-words.ts';
import { type Chosen, askable, firstRun, firstSides } from './sides.ts';

interface Pair {
  readonly a: Chosen;
  readonly b: Chosen;
  /** The run that was selected when it was chosen, and whether the user chose. */
  readonly selected: number;
  readonly byHand: boolean;
}

interface Shared {
  readonly predictions: PredictionStore;
  readonly pictures: PictureStore;
  /** What is compared; null before a panel was open. */
  readonly chosen: StoreApi<Pair | null>;
}

/** What both panels share of a page, and find again when the dialog is opened again. */
const shared = new WeakMap<Lab, Shared>();

function sharedOf(lab: Lab): Shared {
  const known = shared.get(lab);
  if (known) return known;
  const made: Shared = {
    predictions: new PredictionStore((run, question, asking) => lab.ask<'predictions'>(run, question, asking)),
    pictures: new PictureStore((run, question, asking) => lab.ask<'testImages'>(run, question, asking)),
    chosen: createStore(() => null),
  };
  shared.set(lab, made);
  return made;
}

/** The test images of the page, by their index. */
export function usePictures(): PictureStore {
  const { pictures } = sharedOf(useLab());
  const [, redraw] = useReducer((version: number) => version + 1, 0);
  useEffect(() => pictures.subscribe(redraw), [pictures]);
  return pictures;
}

/** One of the two states that are compared, and what is known of it. */
export interface Side {
  readonly letter: Letter;
  readonly chosen: Chosen;
  readonly lane: Lane;
  readonly known: Known;
  /** The step that the run is at now. */
  readonly step: number;
  /** Whether the run has moved on from what is known. */
  readonly outdated: boolean;
  choose(chosen: Chosen): void;
  /** Asks again. */
  refresh(): void;
}

export interface Comparison {
  readonly a: Side;
  readonly b: Side;
  /** Why they cannot be compared: a sentence; null where they can. */
  readonly incomparable: string | null;
}

/**
 * The two states that are compared, with what is known of them; what is not known is asked for while the panel is open.
 * Null where no run can be asked. `live`: they follow their runs also while these train, every few seconds.
 */
export function useComparison(live: boolean): Comparison | null {
  const lab = useLab();
  const { predictions, chosen } = sharedOf(lab);
  const lanes = useLabState((state) => state.lanes);
  useLabState((state) => state.published);
  const [, redraw] = useReducer((version: number) => version + 1, 0);
  useEffect(() => predictions.subscribe(redraw), [predictions]);
  // Chosen when a panel opens and then kept: a default that followed every decision would ask again at each.
  useEffect(() => {
    const pair = chosen.getState();
    if (!pair?.byHand || pair.selected !== lab.store.getState().selected) chosen.setState(first(lab), true);
  }, [lab, chosen]);
  useEffect(() => {
    const pair = chosen.getState();
    const stands = pair && [pair.a, pair.b].every((one) => canShow(one, lanes, predictions));
    if (!stands || (!pair.byHand && same(pair))) chosen.setState(first(lab), true);
  }, [lab, chosen, predictions, lanes]);
  const pair = useStore(chosen);

  const sideOf = (letter: Letter, of: Chosen | undefined): Side | null => {
    const lane = lanes.find(({ run }) => run === of?.run);
    if (!of || !lane) return null;
    const { step } = lab.live(of.run);
    return {
      letter,
      chosen: of,
      lane,
      known: predictions.known(of),
      step,
      outdated: predictions.outdated(of, step),
      choose(next) {
        const { selected } = lab.store.getState();
        const chose = letter === 'A' ? { a: next } : { b: next };
        if (pair) chosen.setState({ ...pair, ...chose, selected, byHand: true }, true);
      },
      refresh: () => void predictions.ask(of),
    };
  };
  const [a, b] = [sideOf('A', pair?.a), sideOf('B', pair?.b)];

  // A panel that does not follow its runs still begins with how they stand.
  const begun = useRef(false);
  useEffect(() => {
    if (!a || !b) return;
    for (const { chosen: of, lane, step } of [a, b]) {
      if (lane.state === 'loading') continue;
      predictions.want(of, { step, training: lane.state === 'running', live: live || !begun.current });
    }
    begun.current = true;
  });
  useEffect(() => {
    if (pair) predictions.leave([pair.a, pair.b]);
  }, [predictions, pair]);
  useEffect(() => () => predictions.leave(), [predictions]);

  return a && b ? { a, b, incomparable: whyNot(a, b) } : null;
}

/** Whether a state is there: its run, and its checkpoint or what that answered before it was given up. */
function canShow(chosen: Chosen, lanes: readonly Lane[], predictions: PredictionStore): boolean {
  const lane = askable(lanes).find(({ run }) => run === chosen.run);
  if (!lane) return false;
  return (
    chosen.at === undefined || lane.snapshots.includes(chosen.at) || predictions.known(chosen).predictions !== null
  );
}

/** What is compared at first: among the runs with as many test images, since only these can be compared. */
function first(lab: Lab): Pair | null {
  const { lanes, selected } = lab.store.getState();
  const run = firstRun(lanes, selected);
  const own = lanes.find((lane) => lane.run === run);
  if (!own) return null;
  const alike = lanes.filter(({ spec }) => spec.data.test === own.spec.data.test);
  const sides = firstSides(alike, own.run, lab.live);
  return sides && { ...sides, selected, byHand: false };
}

const same = ({ a, b }: Pick<Pair, 'a' | 'b'>): boolean => a.run === b.run && a.at === b.at;

function whyNot(a: Side, b: Side): string | null {
  const [inA, inB] = [a.lane.spec.data.test, b.lane.spec.data.test];
  if (inA !== inB) {
    const count = (images: number): string => images.toLocaleString('en');
    return `A was tested on ${count(inA)} images and B on ${count(inB)}. Only runs with the same test images can be compared.`;
  }
  if (same({ a: a.chosen, b: b.chosen })) {
    return 'A and B are the same network. Choose another run, or another step.';
  }
  return null;
}
