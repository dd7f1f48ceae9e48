import type { RunView } from '../../core/events/view.ts';
import { type Criterion, type Entry, type Place, type Weights, standing } from '../../core/race/standing.ts';
import type { Lane } from '../../state/lanes.ts';
import { reasonOf } from './run-words.ts';

/** Why a run that is judged has no score, where it told no reason. */
const UNTOLD = 'It stopped before its end.';

/** A run as the standing judges it: as it stands now, whatever step is looked at. */
function entryOf(lane: Lane, live: RunView): Entry {
  const latency = live.finish?.latencyMs.find(({ batch }) => batch === 1);
  return {
    id: lane.run,
    accuracy: live.test.at(-1)?.accuracy ?? 0,
    macs: live.macs,
    latencyMs: latency?.median ?? null,
    finished: live.finish !== null,
    stopped: lane.state === 'error' ? (reasonOf(lane, live) ?? UNTOLD) : null,
  };
}

/** A row of the standing's table: a place, and what was measured of its run. */
export interface StandingRow {
  readonly lane: Lane;
  readonly place: Place;
  readonly live: RunView;
  readonly entry: Entry;
}

export type Standing =
  | { readonly decided: true; readonly rows: readonly StandingRow[] }
  /** How many runs have ended, and the others. */
  | { readonly decided: false; readonly ended: number; readonly pending: readonly Lane[] };

/** The standing of lanes, or what is still to come. */
export function standingOf(lanes: readonly Lane[], liveOf: (run: number) => RunView, weights: Weights): Standing {
  const judged = lanes.map((lane) => {
    const live = liveOf(lane.run);
    return { lane, live, entry: entryOf(lane, live) };
  });
  const places = standing(
    judged.map(({ entry }) => entry),
    weights,
  );
  if (!places) {
    const pending = judged.filter(({ entry }) => !entry.finished && entry.stopped === null).map(({ lane }) => lane);
    return { decided: false, ended: judged.length - pending.length, pending };
  }
  const rows = places.flatMap((place) => {
    const run = judged.find(({ lane }) => lane.run === place.id);
    return run ? [{ ...run, place }] : [];
  });
  return { decided: true, rows };
}

/** A score and its parts as shares of the most that one can get: from 0 to 1. */
export function sharesOf({ score, parts }: Place): {
  readonly score: number;
  readonly parts: readonly { readonly criterion: Criterion; readonly share: number }[];
} {
  const most = parts.reduce((sum, { weight }) => sum + weight, 0);
  const share = (points: number): number => (most > 0 ? points / most : 0);
  return {
    score: share(score ?? 0),
    parts: parts.map(({ criterion, value, weight }) => ({ criterion, share: share(value * weight) })),
  };
}
