import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Network, buildNetwork, compact, costOf, countNetwork, denseStructure } from '../network/index.ts';
import type { Budget } from '../spec/spec.ts';
import { type Crop, crop } from './crop.ts';
import { InfeasibleBudgetError } from './infeasible.ts';
import { croppableGroups } from './layers.ts';
import type { CropRequest } from './problem.ts';
import { erk, uniform } from './ratios.ts';
import { chainOf, chainWeights, macs, parameters } from './testing.ts';

const resnet20 = buildNetwork('resnet20');
const row = ({ widths }: Crop): string => [...widths.values()].join(' ');
const cropped = (budgets: readonly Budget[], request: Partial<CropRequest> = {}): Crop =>
  crop({ network: resnet20, budgets, ...request });

describe('inner widths of ResNet-20 (section 5)', () => {
  test.each([
    [0.5, '16 16 16 32 32 32 27 19 19', 32.1, '16 16 16 28 24 24 29 23 23', 30.0],
    [0.2, '16 16 16 15 11 11 7 5 5', 20.9, '10 10 9 11 9 9 10 8 8', 14.9],
    [0.1, '9 9 9 6 5 5 3 2 2', 11.3, '5 4 4 5 4 4 4 4 4', 7.1],
  ])('at %f of the weights: SynExp and ERK, with their multiply-adds', (keep, synexp, synexpMacs, fromErk, erkMacs) => {
    const optimal = cropped([parameters(keep)]);
    expect(row(optimal)).toBe(synexp);
    expect(optimal.macs / 1e6).toBeCloseTo(synexpMacs, 1);
    const rule = cropped([parameters(keep)], { densities: erk(resnet20, keep) });
    expect(row(rule)).toBe(fromErk);
    expect(rule.macs / 1e6).toBeCloseTo(erkMacs, 1);
  });

  test.each([
    [0.5, '7 7 7 15 15 15 31 31 31'],
    [0.2, '3 3 3 6 6 6 12 12 12'],
    [0.1, '1 1 1 2 2 2 5 5 5'],
  ])('the uniform share at %f, which the table rounds down only', (keep, expected) => {
    const { shares } = cropped([parameters(keep)], { densities: uniform(resnet20, keep), minimum: 1 });
    const full = new Map(croppableGroups(resnet20).map(({ id, channels }) => [id, channels]));
    expect([...shares].map(([id, share]) => Math.floor(share * (full.get(id) ?? 0))).join(' ')).toBe(expected);
  });

  test('half the multiply-adds, half of both, and PreConfig under both original budgets', () => {
    expect(row(cropped([macs(0.5)]))).toBe('7 7 7 20 15 15 40 32 31');
    expect(row(cropped([parameters(0.5), macs(0.5)]))).toBe('7 8 8 19 15 15 38 29 29');
    expect(row(cropped([macs(0.5), parameters(0.5)]))).toBe('7 8 8 19 15 15 38 29 29');
    expect(row(cropped([parameters(1), macs(1)], { preConfig: true }))).toBe('16 16 15 41 30 30 78 58 58');
  });

  test.each([0.5, 0.2, 0.1])('at %f the optimal densities, fitted, give the widths that are solved for', (keep) => {
    const { densities } = cropped([parameters(keep)]);
    expect(row(cropped([parameters(keep)], { densities }))).toBe(row(cropped([parameters(keep)])));
  });

  test('densities and the level are those of section 3.4; both budgets have no level', () => {
    const { densities, level } = cropped([parameters(0.1)]);
    expect(level).toBeCloseTo(1_342.4, 1);
    expect((densities.get('block9.conv1') ?? 0) * 36_864).toBeCloseTo(1_342.4, 1);
    expect(cropped([parameters(0.5), macs(0.5)]).level).toBeNull();
    expect(cropped([parameters(1)]).level).toBeNull();
  });
});

describe('chains against exhaustive search', () => {
  /** Best widths of three, by trying all. */
  function best(channels: readonly number[], budget: number): number {
    const [a = 0, b = 0, c = 0] = channels;
    let value = -Infinity;
    for (let x = 2; x <= a; x++) {
      for (let y = 2; y <= b; y++) {
        for (let z = 2; z <= c; z++) {
          if (chainWeights([x, y, z]) > budget) break;
          value = Math.max(value, 2 * Math.log((x / a) * (y / b) * (z / c)));
        }
      }
    }
    return value;
  }

  test.each([
    [0.5, 'conv1 16 conv2 15 conv3 64', 11_872, -1.5154],
    [0.25, 'conv1 16 conv2 7 conv3 62', 5_966, -3.1031],
  ])('worked example C at %f', (keep, expected, weights, objective) => {
    const found = crop({ network: chainOf([16, 32, 64]), budgets: [parameters(keep)] });
    expect([...found.widths].flat().join(' ')).toBe(expected);
    expect(found.weights).toBe(weights);
    expect(found.objective).toBeCloseTo(objective, 4);
    expect(best([16, 32, 64], keep * 24_112)).toBeCloseTo(objective, 4);
  });

  test('of a hundred other chains nearly all get the best whole widths, and none gets better ones', () => {
    const width = fc.integer({ min: 6, max: 20 });
    const chains = fc.sample(fc.tuple(fc.tuple(width, width, width), fc.double({ min: 0.2, max: 0.95, noNaN: true })), {
      numRuns: 100,
      seed: 7,
    });
    const gaps = chains.map(([channels, keep]) => {
      const found = crop({ network: chainOf(channels), budgets: [parameters(keep)] });
      return best(channels, keep * chainWeights(channels)) - found.objective;
    });
    expect(Math.min(...gaps)).toBeGreaterThan(-1e-9);
    // Exchanges between two groups do not find every optimum.
    expect(gaps.filter((gap) => gap < 1e-9).length).toBeGreaterThanOrEqual(95);
  });
});

describe('any network, budgets and densities', () => {
  const networks: readonly Network[] = [
    chainOf([8, 12]),
    chainOf([16, 32, 64]),
    buildNetwork('convnet-micro'),
    buildNetwork('cnn-small', 0.1),
    buildNetwork('resnet20', 0.5),
    buildNetwork('mobilenetv2-cifar', 0.25),
  ];
  const keep = fc.double({ min: 0.05, max: 1, noNaN: true });
  const budgets = fc.oneof(
    keep.map((share) => [parameters(share)]),
    keep.map((share) => [macs(share)]),
    fc.tuple(keep, keep).map(([first, second]) => [parameters(first), macs(second)]),
  );
  const request = fc.record({
    network: fc.constantFrom(...networks),
    budgets,
    source: fc.constantFrom('synexp', 'erk', 'uniform'),
    minimum: fc.constantFrom(1, 2, 3),
    multipleOf: fc.constantFrom(1, 1, 4),
  });

  test('the rounded network is within the budgets by its own count, and none of its widths could be a step wider', () => {
    fc.assert(
      fc.property(request, ({ source, ...given }) => {
        const { network, minimum, multipleOf } = given;
        const rule = source === 'erk' ? erk : uniform;
        const densities = source === 'synexp' ? {} : { densities: rule(network, given.budgets[0]?.keep ?? 1) };
        let found: Crop;
        try {
          found = crop({ ...given, ...densities });
        } catch (error) {
          if (!(error instanceof InfeasibleBudgetError)) throw error;
          // What it says can be met can be met, and it is more than was asked.
          expect(error.smallestKeep).toBeGreaterThan(error.keep);
          const kind = error.kind === 'macs' ? macs : parameters;
          expect(() => crop({ ...given, budgets: [kind(error.smallestKeep)] })).not.toThrow();
          return;
        }
        const structure = {
          channels: {
            ...denseStructure(network).channels,
            ...Object.fromEntries([...found.widths].map(([id, width]) => [id, [...Array(width).keys()]])),
          },
        };
        const counts = countNetwork(compact(network, structure).network);
        expect([found.weights, found.macs]).toEqual([counts.parameters, counts.macs]);
        const limits = given.budgets.map((budget) => {
          const kind = budget.kind === 'macs' ? 'macs' : 'parameters';
          return { cost: costOf(network, kind), limit: budget.keep * countNetwork(network)[kind] * (1 + 1e-9) };
        });
        expect(limits.every(({ cost, limit }) => cost(found.widths) <= limit)).toBe(true);
        for (const { id, channels } of croppableGroups(network)) {
          const width = found.widths.get(id) ?? 0;
          expect(width).toBeGreaterThanOrEqual(Math.min(channels, minimum));
          expect(width).toBeLessThanOrEqual(channels);
          expect(width === channels || width % multipleOf === 0).toBe(true);
          if (width === channels) continue;
          const next = Math.min(channels, (Math.floor(width / multipleOf) + 1) * multipleOf);
          const wider = new Map(found.widths).set(id, next);
          expect(limits.some(({ cost, limit }) => cost(wider) > limit * (1 - 1e-8))).toBe(true);
        }
      }),
      { numRuns: 80 },
    );
  });

  test('everything stays where the budget is the whole network', () => {
    for (const network of networks) {
      const { widths, shares, objective } = crop({ network, budgets: [parameters(1), macs(1)] });
      expect(objective).toBe(0);
      expect([...shares.values()].every((share) => share === 1)).toBe(true);
      for (const { id, channels } of croppableGroups(network)) expect(widths.get(id)).toBe(channels);
    }
  });
});

test('MobileNetV2: expanded widths that are cut keep the same weights', () => {
  const network = buildNetwork('mobilenetv2-cifar');
  const { shares } = crop({ network, budgets: [parameters(0.5)] });
  // The blocks of the stage of 160 channels, six times as wide inside as their inputs; each scales three layers.
  const kept = [
    ['block15.expand', 960 * 160 * 2 + 9 * 960],
    ['block16.expand', 960 * 160 * 2 + 9 * 960],
    ['block14.expand', 576 * (96 + 160) + 9 * 576],
  ].map(([id, weights]) => (shares.get(String(id)) ?? 0) * Number(weights));
  expect((kept[0] ?? 0) / (kept[1] ?? 1)).toBeCloseTo(1, 6);
  expect((kept[0] ?? 0) / (kept[2] ?? 1)).toBeCloseTo(1, 6);
});

test('PreConfig stays within a quarter and four times, and within both budgets', () => {
  for (const id of ['convnet-micro', 'plain5', 'mobilenetv2-cifar']) {
    const network = buildNetwork(id);
    const found = crop({ network, budgets: [parameters(1), macs(1)], preConfig: true });
    const whole = countNetwork(network);
    expect(found.weights).toBeLessThanOrEqual(whole.parameters);
    expect(found.macs).toBeLessThanOrEqual(whole.macs);
    // The model itself is among what it may choose.
    expect(found.objective).toBeGreaterThanOrEqual(0);
    for (const { id: group, channels } of croppableGroups(network)) {
      expect(found.widths.get(group)).toBeGreaterThanOrEqual(channels / 4);
      expect(found.widths.get(group)).toBeLessThanOrEqual(channels * 4);
    }
  }
});

describe('what cannot be', () => {
  test('a budget below what stays names the smallest share', () => {
    // Stem, shortcuts and classifier, and two channels in each block.
    const smallest = (432 + 512 + 2_048 + 640 + 2 * 9 * (3 * 32 + 48 + 2 * 64 + 96 + 2 * 128)) / 270_896;
    expect(() => cropped([parameters(0.03)])).toThrow(
      `0.03 of the parameters cannot be met, because what stays whole and the smallest widths need more; the smallest possible share is ${(Math.ceil(smallest * 1e4) / 1e4).toString()}`,
    );
    expect(() => cropped([parameters(Math.ceil(smallest * 1e4) / 1e4)])).not.toThrow();
  });

  test('requests that contradict themselves', () => {
    expect(() => cropped([])).toThrow('a crop takes a budget of parameters, one of macs, or one of each');
    expect(() => cropped([{ kind: 'channels', keep: 0.5 }])).toThrow('a crop takes a budget of parameters');
    expect(() => cropped([macs(0.5), macs(0.6)])).toThrow('one of each');
    expect(() => cropped([macs(1)], { preConfig: true })).toThrow('PreConfig needs both budgets');
    const densities = uniform(resnet20, 0.5);
    expect(() => cropped([macs(1), parameters(1)], { preConfig: true, densities })).toThrow('finds its own densities');
  });
});
