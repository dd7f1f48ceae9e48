import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Entry, type Weights, standing } from './standing.ts';

const entry = (id: string, accuracy: number, macs: number, latencyMs: number | null = 1): Entry => ({
  id,
  accuracy,
  macs,
  latencyMs,
  finished: true,
  stopped: null,
});
const ALL: Weights = { accuracy: 1, macs: 1, latency: 1 };
const ONLY_ACCURACY: Weights = { accuracy: 1, macs: 0, latency: 0 };
const ranks = (entries: readonly Entry[], weights: Weights) =>
  standing(entries, weights)?.map(({ id, rank }) => [id, rank]);

describe('the standing of a race', () => {
  test('there is none before the stop rule: every run has finished or stopped for good', () => {
    const running = { ...entry('b', 0.5, 10), finished: false };
    expect(standing([entry('a', 0.6, 10), running], ALL)).toBeNull();
    expect(standing([entry('a', 0.6, 10), { ...running, stopped: 'It diverged.' }], ALL)).toHaveLength(2);
  });

  test('each criterion counts from the worst to the best of the race, times its weight', () => {
    const entries = [entry('dense', 0.8, 100, 4), entry('chex', 0.76, 50, 3), entry('uniform', 0.6, 50, 2)];
    const places = standing(entries, { accuracy: 2, macs: 1, latency: 1 });
    expect(places?.map(({ id, rank, score }) => [id, rank, score])).toEqual([
      ['chex', 1, 2 * 0.8 + 1 + 0.5],
      ['dense', 2, 2],
      ['uniform', 2, 2],
    ]);
    const [chex] = places ?? [];
    expect(chex?.parts.map(({ criterion, weight }) => [criterion, weight])).toEqual([
      ['accuracy', 2],
      ['macs', 1],
      ['latency', 1],
    ]);
    expect(chex?.parts.map(({ value }) => value.toFixed(6))).toEqual(['0.800000', '1.000000', '0.500000']);
  });

  test('one that stopped is last, says why, and sets no scale for the others', () => {
    const message = 'Training diverged at step 9.';
    const stopped = { ...entry('broken', 0.99, 1), finished: false, stopped: message };
    const places = standing([stopped, entry('a', 0.5, 10), entry('b', 0.6, 10), { ...stopped, id: 'too' }], ALL);
    expect(places?.map(({ id, rank, score, stopped: why }) => [id, rank, score, why])).toEqual([
      ['b', 1, 3, null],
      ['a', 2, 2, null],
      ['broken', 3, null, message],
      ['too', 3, null, message],
    ]);
    expect(ranks([stopped], ALL)).toEqual([['broken', 1]]);
  });

  test('a latency that one of them lacks counts for none', () => {
    const entries = [entry('a', 0.5, 10, 1), entry('b', 0.6, 10, null)];
    const places = standing(entries, { accuracy: 1, macs: 0, latency: 100 });
    expect(places?.map(({ id, score }) => [id, score])).toEqual([
      ['b', 1],
      ['a', 0],
    ]);
    expect(places?.flatMap(({ parts }) => parts.map(({ criterion }) => criterion))).not.toContain('latency');
  });

  test('ties share a rank: the more accurate first, then in the order given', () => {
    const entries = [entry('a', 0.5, 10), entry('b', 0.6, 20), entry('c', 0.6, 20), entry('d', 0.1, 20)];
    expect(ranks(entries, { accuracy: 0, macs: 0, latency: 0 })).toEqual([
      ['b', 1],
      ['c', 1],
      ['a', 1],
      ['d', 1],
    ]);
    expect(ranks(entries, ONLY_ACCURACY)).toEqual([
      ['b', 1],
      ['c', 1],
      ['a', 3],
      ['d', 4],
    ]);
  });

  test('an empty race has an empty standing; weights that are none are refused', () => {
    expect(standing([], ALL)).toEqual([]);
    expect(() => standing([], { ...ALL, macs: -1 })).toThrow(/weight of macs must be a number from 0, not -1/);
    expect(() => standing([], { ...ALL, latency: Number.NaN })).toThrow(/latency/);
  });

  test('of any race: one weight alone orders by its criterion, one that is better in everything stands first', () => {
    const races = fc.array(
      fc.record({
        accuracy: fc.integer({ min: 0, max: 20 }),
        macs: fc.integer({ min: 1, max: 20 }),
        latencyMs: fc.integer({ min: 1, max: 20 }),
      }),
      { minLength: 1, maxLength: 6 },
    );
    const weight = fc.integer({ min: 1, max: 5 });
    const anyWeights = fc.record({ accuracy: weight, macs: weight, latency: weight });
    fc.assert(
      fc.property(races, anyWeights, fc.nat(5), (race, weights, place) => {
        const entries = race.map((measured, index): Entry => {
          return { id: index, ...measured, finished: true, stopped: null };
        });
        const accuracies = (ranked: ReturnType<typeof standing>) =>
          ranked?.map(({ id }) => entries.find((candidate) => candidate.id === id)?.accuracy);
        const sorted = race.map(({ accuracy }) => accuracy).sort((a, b) => b - a);
        expect(accuracies(standing(entries, ONLY_ACCURACY))).toEqual(sorted);

        const best: Entry = { ...entry('best', 21, 0, 0) };
        const withBest = [...entries];
        withBest.splice(place, 0, best);
        const places = standing(withBest, weights);
        expect(places?.[0]).toMatchObject({ id: 'best', rank: 1 });
        expect(places?.[1]?.rank).toBe(2);
        // Ranks follow scores, and each score lies between nothing and all of the weights.
        const most = weights.accuracy + weights.macs + weights.latency;
        expect(places?.[0]?.score).toBe(most);
        for (const { rank, score } of places ?? []) {
          const better = places?.filter((other) => (other.score ?? 0) > (score ?? 0)).length ?? 0;
          expect(rank).toBe(better + 1);
          expect(score).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
