import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type WidthProblem, solveWidths, used } from './widths.ts';

/** Convolutions 3x3 one after the other, with a classifier of 10; `costs` scales each layer. */
function chain(channels: readonly number[], keep: number, areas: readonly number[] = []): WidthProblem {
  const layers = [[0], ...channels.slice(1).map((_, i) => [i, i + 1]), [channels.length - 1]];
  const each = layers.map((_, l) => (l === 0 ? 27 : l === channels.length ? 10 : 9) * (areas[l] ?? 1));
  const total = layers.reduce(
    (sum, groups, l) => sum + groups.reduce((size, g) => size * (channels[g] ?? 1), each[l] ?? 0),
    0,
  );
  return {
    groups: channels.map((highest) => ({ reward: 2, lowest: 1e-6, highest })),
    layers,
    costs: [each.map((cost) => cost / (keep * total))],
  };
}

describe('worked example C', () => {
  const channels = [16, 32, 64];
  test.each([
    [0.5, [], [1, 0.4767, 1]],
    [0.25, [], [1, 0.2151, 1]],
    // Multiply-adds at 32x32, 16x16 and 8x8 outputs.
    [0.5, [1_024, 256, 64, 1], [1, 0.4061, 1]],
  ])('keep %f, areas %j', (keep, areas, expected) => {
    const shares = solveWidths(chain(channels, keep, areas)).map((width, g) => width / (channels[g] ?? 1));
    expect(shares.map((share) => share.toFixed(4))).toEqual(expected.map((share) => share.toFixed(4)));
  });
});

test('a budget of at least 1 leaves everything whole', () => {
  expect(solveWidths(chain([4, 9, 7], 1))).toEqual([4, 9, 7]);
  expect(solveWidths(chain([4, 9, 7], 1.5))).toEqual([4, 9, 7]);
});

test('a group that is input and output of a layer counts twice: closed form', () => {
  // 3 w + 2 w^2 = 100, whatever the reward.
  const problem = { groups: [{ reward: 3, lowest: 0.1, highest: 50 }], layers: [[0], [0, 0]], costs: [[0.03, 0.02]] };
  expect(solveWidths(problem)[0]).toBeCloseTo((-3 + Math.sqrt(9 + 800)) / 4, 9);
});

describe('ResNet-20 with its streams free or not (section 3.5)', () => {
  const inner = [16, 16, 16, 32, 32, 32, 64, 64, 64];
  const entry = [0, 0, 0, 0, 1, 1, 1, 2, 2];
  const exit = [0, 0, 0, 1, 1, 1, 2, 2, 2];
  const channels = [16, 32, 64, ...inner];
  const blocks = inner.flatMap((_, b) => [
    [entry[b] ?? 0, 3 + b],
    [3 + b, exit[b] ?? 0],
  ]);
  const layers = [[0], ...blocks, [2], [0, 1], [1, 2]];
  const each = [27, ...blocks.map(() => 9), 10, 1, 1];
  const full = (groups: readonly number[]) => groups.reduce((product, g) => product * (channels[g] ?? 1), 1);
  const total = layers.reduce((sum, groups, l) => sum + (each[l] ?? 0) * full(groups), 0);

  function solved(keep: number, free: boolean) {
    const counted = layers.slice(0, -2);
    const widths = solveWidths({
      groups: channels.map((highest, g) => ({
        reward: counted.flat().filter((one) => one === g).length,
        lowest: g < 3 && !free ? highest : 0.01,
        highest,
      })),
      layers,
      costs: [each.map((cost) => cost / (keep * total))],
    });
    const density = (groups: readonly number[]) =>
      groups.reduce((product, g) => (product * (widths[g] ?? 0)) / (channels[g] ?? 1), 1);
    const objective = counted.reduce((sum, groups) => sum + Math.log(density(groups)), 0);
    return { objective, streams: widths.slice(0, 3).map((width) => width.toFixed(1)) };
  }

  test('270,896 weights', () => expect(total).toBe(270_896));
  test.each([
    // Objectives: the text; streams: a general solver (SciPy's SLSQP) to one digit, since the objective is flat there.
    [0.5, -6.563, 3, -6.563, ['16.0', '32.0', '64.0']],
    [0.25, -16.63, 2, -16.5, ['16.0', '20.6', '64.0']],
    [0.1, -34.06, 2, -33.07, ['16.0', '13.9', '34.3']],
  ])('keep %f', (keep, fixed, digits, free, streams) => {
    expect(solved(keep, false).objective.toFixed(digits)).toBe(fixed.toFixed(digits));
    expect(solved(keep, true).objective.toFixed(digits)).toBe(free.toFixed(digits));
    expect(solved(keep, true).streams).toEqual(streams);
  });
});

test('for any chain and budgets: used up, and every free group has the same kept weights for its reward', () => {
  const widths = fc.array(fc.integer({ min: 4, max: 128 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(widths, fc.double({ min: 0.05, max: 0.95, noNaN: true }), (channels, keep) => {
      const problem = chain(channels, keep);
      const costs = problem.costs[0] ?? [];
      const found = solveWidths(problem);
      expect(used(problem, costs, found)).toBeCloseTo(1, 6);
      const sizes = problem.layers.map((groups, l) => groups.reduce((p, g) => p * (found[g] ?? 0), costs[l] ?? 0));
      const prices = channels.flatMap((highest, g) => {
        const kept = problem.layers.reduce((sum, groups, l) => sum + (groups.includes(g) ? (sizes[l] ?? 0) : 0), 0);
        return (found[g] ?? 0) < highest * (1 - 1e-9) ? [kept / 2] : [];
      });
      for (const price of prices) expect(price / (prices[0] ?? 1)).toBeCloseTo(1, 6);
      // What is whole would be worth more than its price.
      channels.forEach((highest, g) => {
        const kept = problem.layers.reduce((sum, groups, l) => sum + (groups.includes(g) ? (sizes[l] ?? 0) : 0), 0);
        if ((found[g] ?? 0) >= highest) expect(kept / 2).toBeLessThanOrEqual((prices[0] ?? Infinity) * (1 + 1e-6));
      });
    }),
    { numRuns: 60 },
  );
});
