import { describe, expect, test } from 'vitest';
import { residuals } from '../../core/linalg/gram.ts';
import { type Structure, buildNetwork, countNetwork, countStructure, keptOf } from '../../core/network/index.ts';
import type { Decision } from '../../core/scheme/scheme.ts';
import { prunableLayers } from './layers.ts';
import { regrowFactor } from './schedule.ts';
import { STEPS, UNTIL, disturb, explore, sum, widthsOf } from './testing.ts';

const HALF = { kind: 'channels', keep: 0.5 } as const;

describe('start', () => {
  test('BN scales start at 0.5; each layer with the floor of its share of channels, those of largest L1 norm', async () => {
    const network = buildNetwork('convnet-micro');
    const { parameters, start } = await explore(network, HALF);
    for (const [name, values] of parameters) {
      if (name.endsWith('/gamma')) expect(new Set(values)).toEqual(new Set([0.5]));
    }
    // S - delta_0 = 0.5 - 0.2 off: floor(0.7 * (8, 16, 16, 32)).
    expect(widthsOf(network, start.structure)).toEqual([5, 11, 11, 22]);
    const kernel = parameters.get('conv1/kernel') ?? new Float32Array();
    const norms = Array.from({ length: 8 }, (_, c) =>
      kernel.reduce((total, value, i) => total + (i % 8 === c ? Math.abs(value) : 0), 0),
    );
    const best = [...norms.keys()].sort((a, b) => (norms[b] ?? 0) - (norms[a] ?? 0)).slice(0, 5);
    expect(new Set(start.structure.channels['conv1'])).toEqual(new Set(best));
    expect(start.reasons.length).toBe(72);
  });

  test('a start rounded down below the budget is filled up, lower layers first', async () => {
    const network = buildNetwork('convnet-micro');
    const { start } = await explore(network, { kind: 'channels', keep: 0.55 }, { regrow: 0 });
    // floor(0.55 * (8, 16, 16, 32)) = 4, 8, 8, 17 are 37 of the 40 that the run ends with.
    expect(widthsOf(network, start.structure)).toEqual([7, 8, 8, 17]);
  });

  test.each(['macs', 'parameters'] as const)(
    '%s: the smallest uniform network that covers keep and delta_0',
    async (kind) => {
      const full = ['convnet-micro', 'plain5', 'vgg-small', 'resnet20'].map((id) => buildNetwork(id));
      for (const network of [...full, buildNetwork('mobilenetv2-cifar', 0.125), buildNetwork('cnn-small', 0.125)]) {
        const { start } = await explore(network, { kind, keep: 0.4 }, { regrow: 0.2 });
        const wanted = 0.6 * countNetwork(network)[kind];
        expect(countStructure(network, start.structure)[kind]).toBeGreaterThanOrEqual(wanted);
        const shares = prunableLayers(network).map(
          ({ group }) => keptOf(start.structure, group).length / group.channels,
        );
        const widest = Math.max(...prunableLayers(network).map(({ group }) => group.channels));
        const narrower = prunableLayers(network).map(({ group: { id: group, channels } }) => {
          const count = Math.floor(channels * (Math.max(...shares) - 1 / widest) + 1e-9);
          return [group, Array.from({ length: Math.max(1, count) }, (_, c) => c)];
        });
        expect(countStructure(network, { channels: Object.fromEntries(narrower) })[kind]).toBeLessThan(wanted);
      }
    },
  );

  test('a budget below the minima is refused with the smallest feasible share', async () => {
    const network = buildNetwork('resnet20');
    await expect(explore(network, { kind: 'channels', keep: 0.01 })).rejects.toThrow(
      /^scheme\.budget\.keep: 0\.01 of the channels .*smallest possible share is 0\.027$/,
    );
    await expect(explore(network, { kind: 'macs', keep: 0.01 })).rejects.toThrow(
      /^scheme\.budget\.keep: 0\.01 of the macs/,
    );
    await expect(explore(network, { kind: 'channels', keep: 0.1 }, { minimum: 8 })).rejects.toThrow(/share is 0\.215/);
    // Nine layers of one channel each are 0.0268 of 336: the named share itself works.
    expect((await explore(network, { kind: 'channels', keep: 0.027 })).start.reasons.length).toBe(336);
  });
});

/** Runs every update of an exploration, with weights that change between them. */
async function decisions(
  id: string,
  given = {},
  budget: Parameters<typeof explore>[1] = HALF,
  amount = 0.3,
  network = buildNetwork(id),
) {
  const { run, parameters, start } = await explore(network, budget, given);
  const made: { step: number; before: Structure; decision: Decision }[] = [];
  let before = start.structure;
  for (let step = 1; step <= STEPS; step++) {
    if (!run.dueAt(step)) continue;
    disturb(parameters, amount, step);
    const decision = await run.decide(step, before);
    made.push({ step, before, decision });
    before = decision.structure;
  }
  return { network, made };
}

describe('updates', () => {
  test.each([
    ['convnet-micro', 1],
    ['plain5', 1],
    ['vgg-small', 1],
    ['cnn-small', 0.125],
    ['resnet20', 1],
    ['mobilenetv2-cifar', 0.125],
  ])('%s at width %d: sets, counts and reasons', async (id, width) => {
    const { network, made } = await decisions(id, {}, HALF, 0.3, buildNetwork(id, width));
    const layers = prunableLayers(network);
    const total = sum(layers.map(({ group }) => group.channels));
    expect(made.map(({ step }) => step)).toEqual([4, 8, 12, 16, 20, 24, 28, 32, 36, 40, UNTIL]);
    for (const { step, before, decision } of made) {
      const factor = regrowFactor(0.2, step, UNTIL, 'cosine');
      let survivors = 0;
      for (const { group, conv } of layers) {
        const reasons = decision.reasons.filter(({ layer }) => layer === conv);
        expect(reasons.map(({ channel }) => channel)).toEqual([...Array(group.channels).keys()]);
        const was = new Set(keptOf(before, group));
        const now = keptOf(decision.structure, group);
        expect([...new Set(now)].sort((a, b) => a - b)).toEqual(now);
        for (const { channel, fate } of reasons) {
          expect(fate === 'kept' || fate === 'pruned').toBe(was.has(channel));
          expect(fate === 'kept' || fate === 'regrown').toBe(now.includes(channel));
        }
        // The threshold is the score of the last survivor.
        for (const { score, threshold, channel, probability } of reasons) {
          const survived = now.includes(channel) && probability === undefined;
          if (score !== undefined) expect(score >= (threshold ?? NaN) || !survived).toBe(true);
        }
        const survivor = reasons.some(({ score, threshold }) => score !== undefined && score === threshold);
        expect(survivor).toBe(true);
        // Drawn channels carry a probability; the others that are on survived the prune stage, all of them active.
        const drawn = reasons.filter(({ channel, probability }) => now.includes(channel) && probability !== undefined);
        const kept = reasons.filter(({ channel, probability }) => now.includes(channel) && probability === undefined);
        expect(kept.every(({ channel }) => was.has(channel))).toBe(true);
        // The paper's rule: every layer regrows the same share of its full width, as far as there is room.
        const share = Math.max(0, Math.ceil(factor * group.channels - 1e-9));
        expect(drawn.length).toBe(Math.min(share, group.channels - kept.length));
        const chances = reasons.map(({ probability = 0 }) => probability);
        if (drawn.length > 0) expect(sum(chances)).toBeCloseTo(1, 9);
        survivors += kept.length;
      }
      expect(survivors).toBe(total / 2);
    }
    expect(sum(widthsOf(network, made.at(-1)?.decision.structure ?? { channels: {} }))).toBe(total / 2);
    expect(made.at(-1)?.decision.reasons.some(({ fate }) => fate === 'regrown')).toBe(false);
  });

  test('follow the BN scales: the layer whose scales grow keeps more', async () => {
    const network = buildNetwork('convnet-micro');
    const { run, parameters, start } = await explore(network, HALF);
    disturb(parameters, 0.01, 1);
    parameters.set('conv1.bn/gamma', new Float32Array(8).fill(-2));
    const { structure, reasons } = await run.decide(UNTIL, start.structure);
    // All five active channels of conv1 stay (the sign does not matter), and the budget is still met exactly.
    expect(structure.channels['conv1']).toEqual(start.structure.channels['conv1']);
    expect(sum(widthsOf(network, structure))).toBe(36);
    const text = reasons.find(({ layer, fate }) => layer === 'conv1' && fate === 'kept')?.text;
    expect(text).toMatch(/^Kept: leverage [01]\.\d+, rank \d of 5 active \(BN scale 2\.000\); .* keeps 5 of 8\.$/);
  });

  test('candidates are weighed with all most recently used values, those of input channels that are off too', async () => {
    const network = buildNetwork('convnet-micro');
    const { run, parameters, start } = await explore(network, HALF);
    disturb(parameters, 0.3, 4);
    const { reasons } = await run.decide(4, start.structure);
    // conv2 reads 8 channels, of which 5 are on: all 72 weights of each of its 16 channels count.
    const kernel = parameters.get('conv2/kernel') ?? new Float32Array();
    const columns = Array.from({ length: 16 }, (_, c) => kernel.filter((_value, i) => i % 16 === c));
    const own = reasons.filter(({ layer }) => layer === 'conv2');
    const kept = own.flatMap(({ channel, probability }) => (probability === undefined ? [channel] : []));
    const distances = residuals(columns, kept);
    const weight = (channel: number): number => Math.exp(distances[channel] ?? NaN);
    const candidates = own.filter(({ probability }) => probability !== undefined);
    const all = sum(candidates.map(({ channel }) => weight(channel)));
    expect(candidates.some(({ fate }) => fate === 'off' || fate === 'regrown')).toBe(true);
    for (const { channel, probability } of candidates) expect(probability).toBeCloseTo(weight(channel) / all, 9);
  });

  test('the same seed decides the same; another seed regrows others', async () => {
    const decide = async (seed: number): Promise<Structure> => {
      const { run, start } = await explore(buildNetwork('plain5'), HALF, {}, seed);
      return (await run.decide(8, start.structure)).structure;
    };
    expect(await decide(1)).toEqual(await decide(1));
    expect(await decide(2)).not.toEqual(await decide(1));
  });

  test('a restored run decides what the first one would have', async () => {
    const network = buildNetwork('plain5');
    const first = await explore(network, HALF);
    const { structure } = await first.run.decide(4, first.start.structure);
    disturb(first.parameters, 0.3, 4);
    const second = await explore(network, HALF, {}, 1, new Map(first.parameters));
    second.run.restore(JSON.parse(JSON.stringify(first.run.state())));
    for (const [name, values] of first.parameters) second.parameters.set(name, values);
    expect(await second.run.decide(8, structure)).toEqual(await first.run.decide(8, structure));
  });

  test('under the code’s rule no layer ever gets wider; under the paper’s some do', async () => {
    const widened = async (rule: string): Promise<boolean> => {
      const { network, made } = await decisions('plain5', { rule }, HALF, 0.8);
      return made.some(({ before, decision }) => {
        const widths = widthsOf(network, before);
        return widthsOf(network, decision.structure).some((width, i) => width > (widths[i] ?? 0));
      });
    };
    expect(await widened('code')).toBe(false);
    expect(await widened('paper')).toBe(true);
  });

  test('a regrow share of 0 switches nothing on', async () => {
    const { made } = await decisions('convnet-micro', { regrow: 0 });
    expect(made.flatMap(({ decision }) => decision.reasons).some(({ fate }) => fate === 'regrown')).toBe(false);
  });

  test('equal BN scales, as before any training, go to the lower layers and still meet the budget', async () => {
    const network = buildNetwork('convnet-micro');
    const { run, start } = await explore(network, HALF);
    const { structure } = await run.decide(UNTIL, start.structure);
    expect(widthsOf(network, start.structure)).toEqual([5, 11, 11, 22]);
    expect(widthsOf(network, structure)).toEqual([5, 11, 11, 9]);
  });

  test('a layer whose scales have faded keeps the minimum', async () => {
    for (const minimum of [1, 3]) {
      const network = buildNetwork('convnet-micro');
      const { run, parameters, start } = await explore(network, { kind: 'channels', keep: 0.3 }, { minimum });
      parameters.set('conv4.bn/gamma', new Float32Array(32).fill(1e-4));
      const { structure } = await run.decide(UNTIL, start.structure);
      expect(widthsOf(network, structure)[3]).toBe(minimum);
      expect(sum(widthsOf(network, structure))).toBe(22);
    }
  });

  test('weights that are not finite are refused in words', async () => {
    const { run, parameters, start } = await explore(buildNetwork('convnet-micro'), HALF);
    parameters.get('conv2/kernel')?.fill(NaN);
    await expect(run.decide(4, start.structure)).rejects.toThrow(/the run has diverged/);
  });

  test.each(['macs', 'parameters'] as const)(
    '%s: ends within the budget, and one more channel would exceed it',
    async (kind) => {
      for (const [id, keep] of [
        ['convnet-micro', 0.5],
        ['plain5', 0.33],
        ['vgg-small', 0.25],
        ['resnet20', 0.9],
      ] as const) {
        const { network, made } = await decisions(id, { every: 20 }, { kind, keep }, 0.5);
        const structure = made.at(-1)?.decision.structure ?? { channels: {} };
        const limit = keep * countNetwork(network)[kind];
        expect(countStructure(network, structure)[kind]).toBeLessThanOrEqual(limit);
        for (const { group } of prunableLayers(network)) {
          const kept = keptOf(structure, group);
          const more = [...Array(group.channels).keys()].find((channel) => !kept.includes(channel));
          if (more === undefined) continue;
          const wider = { channels: { ...structure.channels, [group.id]: [...kept, more].sort((a, b) => a - b) } };
          expect(countStructure(network, wider)[kind]).toBeGreaterThan(limit);
        }
      }
    },
  );
});
