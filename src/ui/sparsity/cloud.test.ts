import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SearchRound, bestOfN, effectiveSampleSize, particleFilter } from '../../core/search/index.ts';
import { maskOperations, unitCount } from '../../core/sparsity/index.ts';
import { accuracyRange, accuracyTicks, apart, cloudOf, marksOf, radiusOf } from './cloud.ts';

const operations = maskOperations([unitCount('a', 24, 0.5)], 0.1);
/** An accuracy that grows with the kept units' numbers. */
const score = async (candidates: readonly ReadonlyMap<string, Uint8Array>[]) =>
  candidates.map((masks) =>
    (masks.get('a') ?? new Uint8Array()).reduce((sum, bit, unit) => sum + (bit * unit) / 276, 0),
  );
const options = { seed: 3, particles: 8, rounds: 4, power: 8, crossoverRate: 0.5 };

describe('the particle cloud', () => {
  test('has every scored mask at its round, joined to its parents, under a staircase of the best so far', async () => {
    const { rounds } = await particleFilter(operations, score, options);
    const cloud = cloudOf(rounds, false);
    expect(cloud.particles.length).toBe(32);
    for (const { round, index, x, score: value, weight } of cloud.particles) {
      expect(Math.floor(x)).toBe(round);
      expect(value).toBe(rounds[round]?.scores[index]);
      expect(weight).toBe(rounds[round]?.weights[index]);
    }
    const edges = cloud.lines.map(({ from, to }) => [to.round, to.index, from.round, from.index]);
    const told = rounds.flatMap(({ parents }, round) =>
      parents.flatMap((of, index) => of.map((parent) => [round, index, round - 1, parent])),
    );
    expect(edges).toEqual(told);
    expect(edges.length).toBeGreaterThanOrEqual(24);
    cloud.stairs.forEach(({ x, best }) => {
      const seen = cloud.particles.filter(({ round }) => round <= x).map((particle) => particle.score);
      expect(best).toBe(Math.max(...seen));
    });
    expect(cloud.stairs.length).toBe(4);
  });

  test('shows an effective sample size that is that of its dots’ weights', async () => {
    const { rounds } = await particleFilter(operations, score, options);
    for (const round of rounds) {
      const weights = cloudOf(rounds, false)
        .particles.filter((particle) => particle.round === round.round)
        .map(({ weight }) => weight);
      expect(round.effectiveSampleSize).toBeCloseTo(effectiveSampleSize(weights), 12);
    }
  });

  test('of a search that goes on is the one of its end, as far as it has come', async () => {
    const seen: SearchRound[] = [];
    const clouds: number[] = [];
    const { rounds } = await particleFilter(operations, score, {
      ...options,
      onRound: (round) => {
        seen.push(round);
        clouds.push(cloudOf(seen, false).particles.length);
      },
    });
    expect(clouds).toEqual([8, 16, 24, 32]);
    expect(cloudOf(seen, false)).toEqual(cloudOf(rounds, false));
  });

  test('of best of N improves candidate by candidate, in one round or in batches', async () => {
    for (const batch of [40, 10]) {
      const { rounds, score: best } = await bestOfN(operations, score, { seed: 5, candidates: 40, batch });
      const cloud = cloudOf(rounds, true);
      const order = cloud.particles.map(({ x }) => x);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(cloud.stairs.at(-1)?.best).toBe(best);
      expect(cloud.lines).toEqual([]);
      for (const [i, { x, best: step }] of cloud.stairs.entries()) {
        const before = cloud.particles.filter((particle) => particle.x < x).map((particle) => particle.score);
        expect(step).toBeGreaterThan(Math.max(-1, ...before));
        expect(cloud.stairs[i + 1]?.best ?? Infinity).toBeGreaterThan(step);
      }
    }
  });

  test('draws areas in proportion to weights, within bounds', () => {
    expect(radiusOf({ weight: 1 / 16, of: 16 }, 4)).toBeCloseTo(4);
    expect(radiusOf({ weight: 4 / 16, of: 16 }, 4)).toBeCloseTo(8);
    expect(radiusOf({ weight: 1, of: 100 }, 4)).toBe(14);
    expect(radiusOf({ weight: 0, of: 100 }, 4)).toBe(1.2);
  });
});

test('a choice is compared with magnitude and with best of N, never with itself', () => {
  const chosen = { images: 1_000, accuracy: 0.5, evaluations: 96, rounds: null, magnitude: 0.4, bestOfN: null };
  expect(marksOf({ ...chosen, choose: 'magnitude' })).toEqual([]);
  expect(marksOf({ ...chosen, choose: 'random' }).map(({ key }) => key)).toEqual(['magnitude']);
  const particles = { ...chosen, choose: 'particles' as const, bestOfN: { accuracy: 0.45, evaluations: 91 } };
  expect(marksOf(particles)).toEqual([
    { key: 'magnitude', label: 'magnitude', accuracy: 0.4 },
    { key: 'bestOfN', label: 'best of 91', accuracy: 0.45 },
  ]);
});

test('an axis of accuracies holds what it shows, with round ticks inside', () => {
  const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(values, (accuracies) => {
      const [low, high] = accuracyRange(accuracies);
      expect(high - low).toBeGreaterThan(0.0099);
      expect(low).toBeLessThanOrEqual(Math.min(...accuracies));
      expect(high).toBeGreaterThanOrEqual(Math.max(...accuracies));
      const ticks = accuracyTicks([low, high]);
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      expect(ticks.length).toBeLessThanOrEqual(6);
      for (const tick of ticks) {
        expect(tick).toBeGreaterThanOrEqual(low - 1e-9);
        expect(tick).toBeLessThanOrEqual(high + 1e-9);
      }
    }),
  );
});

test('labels are moved apart no further than they must be', () => {
  expect(apart([50, 10], 12, 0, 100)).toEqual([50, 10]);
  expect(apart([50, 52, 51], 12, 0, 100)).toEqual([50, 74, 62]);
  expect(apart([97, 99], 12, 0, 100)).toEqual([88, 100]);
});
