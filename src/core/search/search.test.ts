import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { uniforms } from '../random/uniforms.ts';
import { type Operations, bestOfN, particleFilter } from './index.ts';

/** Sets of `kept` of `units` numbers, ascending. */
function subsets(units: number, kept: number, noise: number): Operations<readonly number[]> {
  const shuffled = (values: readonly number[], random: () => number): readonly number[] =>
    values
      .map((value) => ({ value, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ value }) => value);
  const all = [...Array(units).keys()];
  const ascending = (values: readonly number[]): readonly number[] => [...values].sort((a, b) => a - b);
  return {
    draw: (_, random) => ascending(shuffled(all, random).slice(0, kept)),
    perturb: (set, random) => {
      const swaps = Math.max(1, Math.round(noise * kept));
      const others = all.filter((unit) => !set.includes(unit));
      return ascending([...shuffled(set, random).slice(swaps), ...shuffled(others, random).slice(0, swaps)]);
    },
  };
}

/**
 * A synthetic accuracy in the manner of strided.md 5.2: 128 units with importances of their own and in pairs, through a
 * sigmoid; about 0.27 for a random 40 %.
 */
function problem(seed: number): (kept: readonly number[]) => number {
  const random = uniforms(seed, 'init', 0);
  const alone = Array.from({ length: 128 }, () => -Math.log(random()));
  const pairs = Array.from({ length: 256 }, () => {
    const [a, b] = [Math.floor(random() * 128), Math.floor(random() * 128)];
    return [a, b, random() - 0.3] as const;
  });
  const value = (kept: readonly number[]): number => {
    const set = new Set(kept);
    return (
      kept.reduce((sum, unit) => sum + (alone[unit] ?? 0), 0) +
      pairs.reduce((sum, [a, b, both]) => sum + (set.has(a) && set.has(b) ? both : 0), 0)
    );
  };
  const whole = value([...Array(128).keys()]);
  return (kept) => 1 / (1 + Math.exp(-10 * (value(kept) / whole - 0.46)));
}

const scorerOf =
  <C>(score: (candidate: C) => number) =>
  async (candidates: readonly C[]): Promise<readonly number[]> =>
    candidates.map(score);

describe('synthetic problems at 40 % kept (strided.md 5.2)', () => {
  const operations = subsets(128, 51, 0.05);
  const seeds = [...Array(30).keys()];
  const mean = async (run: (seed: number) => Promise<{ readonly score: number }>): Promise<number> => {
    const results = await Promise.all(seeds.map(run));
    return results.reduce((sum, { score }) => sum + score, 0) / seeds.length;
  };
  const filter = (particles: number, rounds: number, power: number): Promise<number> =>
    mean((seed) => particleFilter(operations, scorerOf(problem(seed)), { seed, particles, rounds, power }));
  const random = (candidates: number): Promise<number> =>
    mean((seed) => bestOfN(operations, scorerOf(problem(seed)), { seed, candidates }));

  test('the particle filter of power 8 beats best-of-N at equal evaluations, more so with 400 than with 100', async () => {
    const [few, many] = [
      (await filter(20, 5, 8)) - (await random(100)),
      (await filter(20, 20, 8)) - (await random(400)),
    ];
    expect(few).toBeGreaterThan(0.02);
    expect(many).toBeGreaterThan(few);
  });

  test('power 1 selects less than power 8', async () => {
    expect(await filter(20, 5, 1)).toBeLessThan((await filter(20, 5, 8)) - 0.02);
  });
});

/** A deterministic score without structure. */
const hashed = (set: readonly number[]): number =>
  (set.reduce((sum, unit) => (sum * 31 + unit * unit + 7) % 10_007, 1) % 1_000) / 1_000;
const settings = fc.record({
  seed: fc.nat(),
  particles: fc.integer({ min: 1, max: 8 }),
  rounds: fc.integer({ min: 1, max: 6 }),
  power: fc.constantFrom(1, 8, 50),
});

describe('any search', () => {
  test('the best score never falls, slot 0 holds it, the counts add up and the history is JSON (property 10)', async () => {
    await fc.assert(
      fc.asyncProperty(settings, async (options) => {
        const operations = subsets(12, 5, 0.2);
        const scored: number[] = [];
        const reported: unknown[] = [];
        const score = async (candidates: readonly (readonly number[])[]): Promise<readonly number[]> => {
          expect(candidates.every((set) => new Set(set).size === 5)).toBe(true);
          const scores = candidates.map(hashed);
          scored.push(...scores);
          return scores;
        };
        const result = await particleFilter(operations, score, {
          ...options,
          onRound: (round) => reported.push(round),
        });
        expect(result.score).toBe(Math.max(...scored));
        expect(hashed(result.best)).toBe(result.score);
        expect(result.evaluations).toBe(scored.length);
        expect(reported).toEqual(result.rounds);
        expect(JSON.parse(JSON.stringify(result.rounds))).toEqual(result.rounds);
        expect(result.rounds).toHaveLength(options.rounds);
        result.rounds.forEach(({ scores, parents, best }, t) => {
          const before = result.rounds[t - 1];
          expect(best).toBeGreaterThanOrEqual(before?.best ?? 0);
          expect(scores).toHaveLength(options.particles);
          if (!before) return;
          expect(scores[0]).toBe(before.best);
          expect(before.scores[parents[0]?.[0] ?? -1]).toBe(before.best);
        });
        expect(await particleFilter(operations, scorerOf(hashed), options)).toEqual(result);
      }),
      { numRuns: 60 },
    );
  });

  test('best-of-N: a larger N is never worse, batches change nothing, and the filter starts alike (property 12)', async () => {
    const size = fc.integer({ min: 1, max: 30 });
    await fc.assert(
      fc.asyncProperty(fc.nat(), size, size, async (seed, candidates, more) => {
        const operations = subsets(12, 5, 0.2);
        const run = (count: number, batch = count) =>
          bestOfN(operations, scorerOf(hashed), { seed, candidates: count, batch });
        const found = await run(candidates);
        expect((await run(candidates + more)).score).toBeGreaterThanOrEqual(found.score);
        const { best, score, rounds } = await run(candidates, more);
        expect([best, score]).toEqual([found.best, found.score]);
        expect(rounds.flatMap((round) => round.scores)).toEqual(found.rounds[0]?.scores);
        const options = { seed, particles: candidates, rounds: 1, power: 8 };
        expect((await particleFilter(operations, scorerOf(hashed), options)).best).toEqual(found.best);
      }),
      { numRuns: 60 },
    );
  });

  test('given candidates take the first places; a crossover has two parents', async () => {
    const operations: Operations<string> = {
      draw: (index) => `drawn ${index}`,
      perturb: (candidate) => candidate,
      crossover: (a, b) => `${a} x ${b}`,
    };
    const seen: string[] = [];
    const { rounds } = await particleFilter(
      operations,
      async (candidates) => {
        seen.push(...candidates);
        return candidates.map(() => 1);
      },
      { seed: 1, particles: 8, rounds: 2, power: 1, crossoverRate: 1, initial: ['magnitude'] },
    );
    expect(seen.slice(0, 2)).toEqual(['magnitude', 'drawn 1']);
    const pairs = rounds[1]?.parents.slice(1) ?? [];
    expect(pairs.some((parents) => parents.length === 2)).toBe(true);
    pairs.forEach((parents, i) => {
      expect(seen[8 + i]).toBe(parents.map((parent) => seen[parent]).join(' x '));
    });
  });

  test('no two candidates of a search get the same random numbers', async () => {
    const drawn: number[] = [];
    const take = (random: () => number): number => {
      drawn.push(random());
      return 0;
    };
    const operations: Operations<number> = { draw: (_, random) => take(random), perturb: (_, random) => take(random) };
    const score = async (candidates: readonly number[]) => candidates.map(() => 1);
    await particleFilter(operations, score, { seed: 3, particles: 20, rounds: 10, power: 8 });
    expect(new Set(drawn).size).toBe(20 + 9 * 19);
  });

  test('stops when aborted, and refuses scores that do not fit', async () => {
    const abort = new AbortController();
    const operations = subsets(12, 5, 0.2);
    const options = { seed: 1, particles: 4, rounds: 50, power: 8 };
    let rounds = 0;
    const onRound = (): void => {
      if (++rounds === 3) abort.abort(new Error('enough'));
    };
    const filtered = particleFilter(operations, scorerOf(hashed), { ...options, onRound, signal: abort.signal });
    await expect(filtered).rejects.toThrow('enough');
    expect(rounds).toBe(3);
    await expect(bestOfN(operations, async () => [0.5], { seed: 1, candidates: 2 })).rejects.toThrow(
      '2 candidates got 1 scores',
    );
    await expect(bestOfN(operations, async () => [Number.NaN], { seed: 1, candidates: 1 })).rejects.toThrow('not NaN');
    await expect(particleFilter(operations, scorerOf(hashed), { ...options, rounds: 0 })).rejects.toThrow('not 0');
  });
});
