import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Network,
  type Structure,
  ZOO,
  buildNetwork,
  checkStructure,
  convolutionsOf,
  countNetwork,
  countStructure,
  denseStructure,
  groupsOf,
  keptOf,
} from '../../core/network/index.ts';
import { SCHEMES } from '../index.ts';
import { keepAfter, pruningAt } from './schedule.ts';
import { STEPS, labOf, prunings, twoLayers } from './testing.ts';

const RANKING = ['uniform', 'random', 'magnitude', 'slimming', 'fpgm', 'taylor'];
const WIDTH = 0.25;

/** Groups that only convolutions write, and that are neither the image's nor the classes'. */
const prunedGroups = (network: Network) => {
  const convs = new Set(convolutionsOf(network).map(({ id }) => id));
  return groupsOf(network).filter(({ cuttable, producers }) => cuttable && producers.every((id) => convs.has(id)));
};
const total = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const widths = (network: Network, structure: Structure): number[] =>
  prunedGroups(network).map((group) => keptOf(structure, group).length);

/** Counts with some more channels of one group. */
const countWith = (network: Network, structure: Structure, id: string, more: number) => {
  const kept = [...(structure.channels[id] ?? []), more].sort((a, b) => a - b);
  return countStructure(network, { channels: { ...structure.channels, [id]: kept } });
};

test('the schemes under test are all that rank', () => {
  const others = ['chex', 'dense', 'precrop', 'pai-mask', 'structured-sparsity', 'manual'];
  expect(SCHEMES.map(({ id }) => id).filter((id) => !others.includes(id))).toEqual(RANKING);
});

describe.each(RANKING)('%s', (id) => {
  test('T1: a budget of everything changes nothing', async () => {
    for (const kind of ['channels', 'macs', 'parameters'] as const) {
      const lab = await labOf(id, buildNetwork('resnet20', WIDTH), { budget: { kind, keep: 1 } });
      const made = await prunings(lab);
      expect(made.length).toBe(1);
      expect(made[0]?.decision.structure).toEqual(denseStructure(lab.network));
      expect(made[0]?.decision.reasons.every(({ fate }) => fate === 'kept')).toBe(true);
      expect(made[0]?.decision.write).toBeUndefined();
    }
  });

  test('T3 and T6: whole groups, nested, within the budget, for any network, budget, ranking and schedule', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ZOO.map((network) => network.id)),
        fc.constantFrom<'channels' | 'macs' | 'parameters'>('channels', 'macs', 'parameters'),
        fc.double({ min: 0.5, max: 1, noNaN: true }),
        fc.constantFrom('local', 'global'),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 2 }),
        async (model, kind, keep, scope, iterations, minimum) => {
          const network = buildNetwork(model, model === 'mobilenetv2-cifar' ? 0.125 : 2 * WIDTH);
          const groups = prunedGroups(network);
          const options = { ...(id === 'uniform' ? {} : { scope }), iterations, minimum };
          const lab = await labOf(id, network, { budget: { kind, keep }, options });
          const made = await prunings(lab);
          expect(made.length).toBe(iterations);
          for (const { before, decision } of made) {
            checkStructure(network, decision.structure);
            for (const group of groups) {
              const [was, now] = [keptOf(before, group), keptOf(decision.structure, group)];
              expect(now.every((channel) => was.includes(channel))).toBe(true);
              expect(now.length).toBeGreaterThanOrEqual(Math.min(minimum, group.channels));
            }
          }
          const last = made.at(-1);
          const structure = last?.decision.structure ?? { channels: {} };
          if (kind === 'channels') {
            const channels = total(groups.map((group) => group.channels));
            expect(total(widths(network, structure))).toBe(Math.ceil(keep * channels - 1e-9));
            return;
          }
          const limit = keep * countNetwork(network)[kind];
          expect(countStructure(network, structure)[kind]).toBeLessThanOrEqual(limit);
          for (const group of groups) {
            const kept = keptOf(structure, group);
            const back = keptOf(last?.before ?? structure, group).find((channel) => !kept.includes(channel));
            if (back === undefined) continue;
            expect(countWith(network, structure, group.id, back)[kind]).toBeGreaterThan(limit);
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  test('reasons: one for each channel, with numbers that agree with what was done', async () => {
    for (const scope of id === 'uniform' ? [null] : ['local', 'global']) {
      const network = buildNetwork('resnet20', WIDTH);
      const options = { iterations: 2, ...(scope ? { scope } : {}) };
      const made = await prunings(await labOf(id, network, { options }));
      const groups = prunedGroups(network);
      for (const { before, decision } of made) {
        const all = groups.flatMap((group) => keptOf(before, group));
        expect(decision.reasons.length).toBe(total(groups.map(({ channels }) => channels)));
        for (const group of groups) {
          const [was, now] = [keptOf(before, group), keptOf(decision.structure, group)];
          const own = decision.reasons.filter(({ layer }) => layer === group.producers[0]);
          expect(own.map(({ channel }) => channel)).toEqual([...Array(group.channels).keys()]);
          for (const reason of own) {
            const { channel, fate, score = NaN, rank = NaN } = reason;
            expect(reason.tied ?? []).toEqual(group.producers.slice(1));
            expect(fate).toBe(now.includes(channel) ? 'kept' : was.includes(channel) ? 'pruned' : 'off');
            if (fate === 'off') continue;
            expect(reason.of).toBe(was.length);
            // The ranks of a layer are its scores in order: what is kept is ahead of what is pruned.
            expect(rank <= now.length).toBe(fate === 'kept');
            const ahead = own.filter((other) => other.fate !== 'off' && (other.score ?? NaN) > score).length;
            expect(ahead).toBeLessThan(rank);
            if (scope === 'global')
              expect([reason.globalOf, (reason.globalRank ?? NaN) >= rank]).toEqual([all.length, true]);
            else {
              expect(reason.globalRank).toBeUndefined();
              expect(score >= (reason.threshold ?? NaN)).toBe(fate === 'kept');
            }
            expect(reason.text).toMatch(fate === 'kept' ? /^Kept: .*rank \d/ : /^Pruned: .*rank \d/);
          }
        }
      }
    }
  });

  test('T5: the same seed decides the same; a resumed run goes on as the first one would have', async () => {
    const network = buildNetwork('plain5', WIDTH);
    const options = { iterations: 3 };
    const decide = async (resumeAfter: number | null) => {
      const lab = await labOf(id, network, { options });
      const made = await prunings(lab);
      if (resumeAfter === null) return made.map(({ decision }) => decision);
      // A second run restores the state that the first one had after so many prunings.
      const first = await labOf(id, network, { options });
      let structure = first.start.structure;
      for (let step = 1; step <= (made[resumeAfter - 1]?.step ?? 0); step++) {
        if (first.run.dueAt(step)) structure = (await first.run.decide(step, structure)).structure;
      }
      const second = await labOf(id, network, { options });
      second.run.restore(JSON.parse(JSON.stringify(first.run.state())));
      const next = made[resumeAfter]?.step ?? NaN;
      return [await first.run.decide(next, structure), await second.run.decide(next, structure)];
    };
    expect(await decide(null)).toEqual(await decide(null));
    const [unbroken, resumed] = await decide(2);
    expect(resumed).toEqual(unbroken);
  });

  test('a budget below the floors is refused before anything trains', async () => {
    const budget = { kind: 'channels', keep: 0.1 } as const;
    await expect(labOf(id, buildNetwork('convnet-micro'), { budget, options: { minimum: 8 } })).rejects.toThrow(
      /^scheme\.budget\.keep: 0\.1 of the channels cannot be met.*0\.445$/,
    );
  });
});

test('the seed decides what is random, and nothing else', async () => {
  const structureOf = async (id: string, seed: number) =>
    (await prunings(await labOf(id, buildNetwork('plain5', WIDTH), { seed })))[0]?.decision.structure;
  expect(await structureOf('random', 2)).not.toEqual(await structureOf('random', 1));
  expect(await structureOf('magnitude', 2)).toEqual(await structureOf('magnitude', 1));
});

describe('local ranking', () => {
  test('every layer loses the same share, within one channel', async () => {
    for (const keep of [0.3, 0.5, 0.77]) {
      for (const id of ['convnet-micro', 'resnet20', 'vgg-small']) {
        const network = buildNetwork(id);
        const [made] = await prunings(await labOf('uniform', network, { budget: { kind: 'channels', keep } }));
        for (const group of prunedGroups(network)) {
          const kept = keptOf(made?.decision.structure ?? { channels: {} }, group).length;
          expect(Math.abs(kept - keep * group.channels)).toBeLessThanOrEqual(1);
        }
      }
    }
  });

  test('uniform halves a network and keeps its first channels, before training', async () => {
    const { start, run } = await labOf('uniform', buildNetwork('convnet-micro'));
    const upTo = (count: number): number[] => [...Array(count).keys()];
    expect(start.structure.channels).toMatchObject({ conv1: upTo(4), conv2: upTo(8), conv3: upTo(8), conv4: upTo(16) });
    expect([...Array(STEPS + 1).keys()].some((step) => run.dueAt(step))).toBe(false);
  });
});

describe('iterative pruning', () => {
  test('five prunings to one half remove 0.1, 0.2, 0.3, 0.4 and 0.5', async () => {
    const removed = [1, 2, 3, 4, 5].map((pruning) => 1 - keepAfter(0.5, pruning, 5));
    removed.forEach((share, i) => expect(share).toBeCloseTo([0.1, 0.2, 0.3, 0.4, 0.5][i] ?? NaN, 12));
    const options = { iterations: 5, at: 10, every: 4 };
    for (const scope of ['local', 'global']) {
      const made = await prunings(await labOf('magnitude', twoLayers(20, 20), { options: { ...options, scope } }));
      expect(made.map(({ step }) => step)).toEqual([10, 14, 18, 22, 26]);
      expect(made.map(({ decision }) => total(widths(twoLayers(20, 20), decision.structure)))).toEqual([
        36, 32, 28, 24, 20,
      ]);
    }
  });

  test('prunings come at their steps only', () => {
    const at = (step: number) => pruningAt(step, { at: 3, iterations: 2, every: 5 });
    expect([0, 2, 3, 4, 8, 13].map(at)).toEqual([0, 0, 1, 0, 2, 0]);
  });

  test.each([
    [{ at: 61 }, /^scheme\.at: .*use at most 60$/],
    [{ at: 50, iterations: 5, every: 3 }, /^scheme\.every: .*use at most 2$/],
    [{ at: 58, iterations: 5 }, /^scheme\.iterations: .*use at most 3$/],
  ])('%j does not fit a run of 60 steps', async (options, message) => {
    await expect(labOf('magnitude', buildNetwork('convnet-micro'), { options })).rejects.toThrow(message);
  });

  test.each([
    { at: 60, iterations: 1 },
    { at: 52, iterations: 5, every: 2 },
    { at: 58, iterations: 3, every: 1 },
  ])('%j just fits', async (options) => {
    const made = await prunings(await labOf('magnitude', buildNetwork('convnet-micro'), { options }));
    expect(made.at(-1)?.step).toBe(60);
  });
});

test('scores that are not finite are refused in words', async () => {
  const lab = await labOf('magnitude', buildNetwork('convnet-micro'));
  lab.parameters.get('conv2/kernel')?.fill(NaN);
  await expect(prunings(lab)).rejects.toThrow(/conv2 is not a finite number: the run has diverged/);
});
