import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Network,
  type Structure,
  type Tensors,
  buildNetwork,
  countNetwork,
  countStructure,
  denseStructure,
  groupsOf,
  initialParameters,
  keptOf,
} from '../../core/network/index.ts';
import type { Decision, SchemeContext } from '../../core/scheme/scheme.ts';
import type { OptionValue } from '../../core/spec/options.ts';
import type { Budget } from '../../core/spec/spec.ts';
import { chex } from './index.ts';
import { prunableLayers } from './layers.ts';
import { checkChex, chexOptions } from './options.ts';
import { regrowChannels, softmax } from './regrow.ts';
import { regrowFactor, updateDue } from './schedule.ts';

const STEPS = 60;
const SETTING = { steps: STEPS, warmupSteps: 3, keep: 0.5 };

function optionsFor(given: Record<string, OptionValue>, setting = SETTING): Record<string, OptionValue> {
  const options: Record<string, OptionValue> = {};
  for (const field of chexOptions) options[field.key] = given[field.key] ?? field.default({ ...setting, options });
  return options;
}

/** A CHEX run over parameters that the test changes by hand in place of training. */
function exploration(network: Network, budget: Budget, given: Record<string, OptionValue> = {}, seed = 1) {
  const parameters = new Map(initialParameters(network, seed));
  const context: SchemeContext = {
    network,
    groups: groupsOf(network),
    budget,
    options: optionsFor(given, { ...SETTING, keep: budget.keep }),
    seed,
    steps: STEPS,
    warmupSteps: 3,
    read: async (names) => new Map(names.map((name) => [name, parameters.get(name)?.slice() ?? new Float32Array()])),
    evaluate: async () => ({ loss: 0, accuracy: 0 }),
    gradients: async () => ({ tensors: new Map() }),
  };
  const run = chex.start(context);
  for (const [name, values] of run.initialise?.(parameters) ?? []) parameters.set(name, values);
  return { run, parameters, context };
}

const initOf = async ({ run, parameters }: ReturnType<typeof exploration>): Promise<Decision> => {
  const decision = await run.atInit?.(parameters);
  if (!decision) throw new Error('CHEX starts from a sub-model');
  return decision;
};

/** Changes all tensors a little, as training would. */
function disturb(parameters: Map<string, Float32Array>, amount: number, seed: number): void {
  for (const [name, values] of parameters) {
    if (!/kernel|gamma/.test(name)) continue;
    parameters.set(name, values.map((value, i) => value * (1 + amount * Math.sin(i * 12.9898 + seed * 78.233))));
  }
}

const widthsOf = (network: Network, structure: Structure): number[] =>
  prunableLayers(network).map(({ group }) => keptOf(structure, group).length);

describe('what may be pruned', () => {
  test('all convolutions of a plain network', () => {
    expect(prunableLayers(buildNetwork('convnet-micro')).map(({ conv }) => conv)).toEqual(['conv1', 'conv2', 'conv3', 'conv4']);
  });

  test('only inner widths of a ResNet: 336 channels in ResNet-20 (worked example C)', () => {
    const layers = prunableLayers(buildNetwork('resnet20'));
    expect(layers.every(({ conv }) => conv.endsWith('.conv1'))).toBe(true);
    expect(layers.reduce((sum, { group }) => sum + group.channels, 0)).toBe(336);
  });

  test('worked example C: half of the inner widths leaves 20,759,168 MACs', () => {
    const network = buildNetwork('resnet20');
    const half = prunableLayers(network).map(({ group }) => [group.id, Array.from({ length: group.channels / 2 }, (_, i) => i)]);
    expect(countStructure(network, { channels: Object.fromEntries(half) }).macs).toBe(20_759_168);
  });
});

describe('schedule', () => {
  test('the published cosine, delta_0 = 0.3, T_max = 18, every 2', () => {
    const factors = [2, 4, 6, 8, 10, 12, 14, 16, 18].map((t) => regrowFactor(0.3, t, 18, 'cosine'));
    const expected = [0.291, 0.2649, 0.225, 0.176, 0.124, 0.075, 0.0351, 0.009, 0];
    factors.forEach((factor, i) => expect(factor).toBeCloseTo(expected[i] ?? NaN, 4));
    expect(factors.at(-1)).toBe(0);
  });

  test('linear and constant decay', () => {
    expect(regrowFactor(0.4, 5, 20, 'linear')).toBeCloseTo(0.3, 12);
    expect(regrowFactor(0.4, 19, 20, 'constant')).toBe(0.4);
    expect(regrowFactor(0.4, 20, 20, 'constant')).toBe(0);
  });

  test('updates every so many steps, at the end of exploring, never before the warm-up and never after', () => {
    const due = (every: number, until: number, warmupSteps: number): number[] =>
      Array.from({ length: 60 }, (_, step) => step).filter((step) => updateDue(step, { every, until, warmupSteps }));
    expect(due(10, 40, 3)).toEqual([10, 20, 30, 40]);
    expect(due(15, 40, 3)).toEqual([15, 30, 40]);
    expect(due(5, 22, 12)).toEqual([15, 20, 22]);
  });

  test('a run too short for an update, or options that contradict it, are refused by key', () => {
    const refusal = (given: Record<string, OptionValue>, setting = SETTING): string | null =>
      checkChex({ ...setting, options: optionsFor(given, setting) });
    expect(refusal({})).toBeNull();
    expect(refusal({ until: 70 })).toMatch(/^scheme.until: .*after the run's end/);
    expect(refusal({ every: 50, until: 40 })).toMatch(/^scheme.every/);
    expect(refusal({ regrow: 0.6 })).toMatch(/^scheme.regrow/);
    expect(refusal({ until: 2 })).toMatch(/^scheme.until: .*warm-up/);
    expect(refusal({}, { ...SETTING, steps: 1, warmupSteps: 0 })).toMatch(/too short/);
  });
});

describe('regrowing', () => {
  test('worked example A: probabilities 0.731059 and 0.268941', () => {
    const [first, second] = softmax([1, 0]);
    expect(first).toBeCloseTo(0.731059, 6);
    expect(second).toBeCloseTo(0.268941, 6);
    expect(softmax([1e4, 0])).toEqual([1, 0]);
  });

  test('the digest’s residual norms give the probabilities of the code’s rule', () => {
    const at = (scale: number): number[] => softmax([1.27, 1.14, 1.15, 0.96].map((norm) => norm * scale));
    [0.286, 0.251, 0.254, 0.21].forEach((p, i) => expect(at(1)[i]).toBeCloseTo(p, 3));
    [0.261, 0.251, 0.251, 0.237].forEach((p, i) => expect(at(0.3)[i]).toBeCloseTo(p, 2));
  });

  test('draws follow the probabilities', () => {
    const network = buildNetwork('convnet-micro', 0.5);
    const [layer] = prunableLayers(network);
    if (!layer) throw new Error('no layer');
    // Worked example A, laid into conv1 (4 channels, fan-in 27): channel 2 orthogonal, channel 3 in the span.
    const kernel = new Float32Array(27 * 4);
    [[0, 0, 3], [1, 1, 2], [2, 2, 1], [0, 3, 0.5], [1, 3, 0.5]].forEach(([k = 0, c = 0, value = 0]) => (kernel[k * 4 + c] = value));
    const tensors: Tensors = new Map([[layer.kernel, kernel]]);
    const draws = Array.from({ length: 4_000 }, (_, step) =>
      regrowChannels(layer, [0, 1], 1, 'squared', tensors, denseStructure(network), { seed: 5, step, layer: 0 }),
    );
    expect(draws[0]?.candidates.get(2)?.residual).toBeCloseTo(1, 6);
    expect(draws[0]?.candidates.get(3)?.residual).toBe(0);
    const share = draws.filter(({ regrown }) => regrown[0] === 2).length / draws.length;
    // Standard deviation of the share is 0.007.
    expect(Math.abs(share - 0.731059)).toBeLessThan(0.028);
  });
});

describe('a whole exploration', () => {
  test.each(['convnet-micro', 'plain5', 'vgg-small', 'resnet20'])('%s: counts, sets and reasons of every update', async (id) => {
    const network = buildNetwork(id, id === 'vgg-small' ? 0.5 : 1);
    const layers = prunableLayers(network);
    const total = layers.reduce((sum, { group }) => sum + group.channels, 0);
    const run = exploration(network, { kind: 'channels', keep: 0.5 });
    let { structure } = await initOf(run);
    layers.forEach(({ group }) => {
      // S - delta_0 = 0.3 of each layer is off at the start, rounded down to whole kept channels.
      expect(keptOf(structure, group).length).toBe(Math.floor(group.channels * 0.7 + 1e-9));
    });
    const until = Number(run.context.options['until']);
    for (let step = 1; step <= STEPS; step++) {
      if (!run.run.dueAt(step)) continue;
      disturb(run.parameters, 0.3, step);
      const before = structure;
      const decision = await run.run.decide(step, structure);
      structure = decision.structure;
      const factor = regrowFactor(Number(run.context.options['regrow']), step, until, 'cosine');
      let pruneStage = 0;
      for (const { group, conv } of layers) {
        const reasons = decision.reasons.filter(({ layer }) => layer === conv);
        expect(reasons.map(({ channel }) => channel)).toEqual(Array.from({ length: group.channels }, (_, i) => i));
        const was = new Set(keptOf(before, group));
        const now = keptOf(structure, group);
        expect(new Set(now).size).toBe(now.length);
        const lostButRegrown = reasons.filter(({ fate, probability }) => fate === 'kept' && probability !== undefined).length;
        const regrown = reasons.filter(({ fate }) => fate === 'regrown').length + lostButRegrown;
        expect(now.length).toBeLessThanOrEqual(group.channels);
        // The paper's rule: every layer regrows the same share of its full width, as far as there is room.
        const kept = now.length - regrown;
        expect(regrown).toBe(Math.min(Math.max(0, Math.ceil(factor * group.channels - 1e-9)), group.channels - kept));
        pruneStage += kept;
        for (const { channel, fate } of reasons) {
          expect(fate === 'kept' || fate === 'pruned').toBe(was.has(channel));
          expect(fate === 'kept' || fate === 'regrown').toBe(now.includes(channel));
        }
      }
      expect(pruneStage).toBe(Math.ceil(0.5 * total));
    }
    expect(widthsOf(network, structure).reduce((a, b) => a + b, 0)).toBe(Math.ceil(0.5 * total));
    expect(run.run.dueAt(until + 1)).toBe(false);
  });

  test('a MAC budget ends within the budget, and one channel more anywhere would exceed it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('convnet-micro', 'plain5', 'resnet20'),
        fc.constantFrom<'macs' | 'parameters'>('macs', 'parameters'),
        fc.double({ min: 0.3, max: 0.95, noNaN: true }),
        fc.nat(1_000),
        async (id, kind, keep, seed) => {
          // ResNet-20 cannot go below the part of its stream that is never pruned.
          const budget = { kind, keep } as const;
          const network = buildNetwork(id);
          const run = exploration(network, budget, {}, seed);
          let { structure } = await initOf(run);
          const limit = keep * countNetwork(network)[kind];
          expect(countStructure(network, structure)[kind]).toBeGreaterThanOrEqual(limit * 0.999);
          const until = Number(run.context.options['until']);
          for (const step of [Math.floor(until / 2), until]) {
            disturb(run.parameters, 0.5, step + seed);
            ({ structure } = await run.run.decide(step, structure));
          }
          expect(countStructure(network, structure)[kind]).toBeLessThanOrEqual(limit);
          for (const { group } of prunableLayers(network)) {
            const kept = keptOf(structure, group);
            const more = Array.from({ length: group.channels }, (_, c) => c).find((c) => !kept.includes(c));
            if (more === undefined) continue;
            const wider = { channels: { ...structure.channels, [group.id]: [...kept, more].sort((a, b) => a - b) } };
            expect(countStructure(network, wider)[kind]).toBeGreaterThan(limit);
          }
        },
      ),
      { numRuns: 12 },
    );
  });

  test('channel budgets are exact for every share', async () => {
    for (const keep of [0.05, 0.1, 0.3, 0.55, 0.9, 1]) {
      const network = buildNetwork('convnet-micro');
      const run = exploration(network, { kind: 'channels', keep }, { regrow: 0 });
      let { structure } = await initOf(run);
      disturb(run.parameters, 0.5, 1);
      ({ structure } = await run.run.decide(Number(run.context.options['until']), structure));
      expect(widthsOf(network, structure).reduce((a, b) => a + b, 0)).toBe(Math.max(4, Math.ceil(keep * 72 - 1e-9)));
    }
  });

  test('a budget below the minima is refused with the smallest feasible share', () => {
    const network = buildNetwork('resnet20');
    expect(() => exploration(network, { kind: 'channels', keep: 0.01 })).toThrow(/smallest possible share is 0.027/);
    expect(() => exploration(network, { kind: 'macs', keep: 0.01 })).toThrow(/scheme.budget.keep: 0.01 of the macs/);
  });

  test('the same seed decides the same; another seed regrows others', async () => {
    const decideOnce = async (seed: number): Promise<Structure> => {
      const network = buildNetwork('plain5');
      const run = exploration(network, { kind: 'channels', keep: 0.5 }, {}, 1);
      const seeded = chex.start({ ...run.context, seed });
      const { structure } = await initOf(run);
      return (await seeded.decide(8, structure)).structure;
    };
    expect(await decideOnce(1)).toEqual(await decideOnce(1));
    expect(await decideOnce(2)).not.toEqual(await decideOnce(1));
  });

  test('under the code’s rule no layer ever gets wider; under the paper’s some do', async () => {
    const widened = async (rule: string): Promise<boolean> => {
      const network = buildNetwork('plain5');
      const run = exploration(network, { kind: 'channels', keep: 0.5 }, { rule });
      let { structure } = await initOf(run);
      let wider = false;
      for (let step = 1; step <= STEPS; step++) {
        if (!run.run.dueAt(step)) continue;
        disturb(run.parameters, 0.8, step);
        const before = widthsOf(network, structure);
        ({ structure } = await run.run.decide(step, structure));
        wider ||= widthsOf(network, structure).some((width, i) => width > (before[i] ?? 0));
      }
      return wider;
    };
    expect(await widened('code')).toBe(false);
    expect(await widened('paper')).toBe(true);
  });
});

describe('values of regrown channels', () => {
  test.each(['zero', 'random'] as const)('%s: only entries of channels that come back are written', async (values) => {
    const network = buildNetwork('convnet-micro');
    const run = exploration(network, { kind: 'channels', keep: 0.5 }, { values });
    const { structure } = await initOf(run);
    const decision = await run.run.decide(4, structure);
    const back = decision.reasons.filter(({ fate, layer }) => fate === 'regrown' && layer === 'conv2').map(({ channel }) => channel);
    expect(back.length).toBeGreaterThan(0);
    const before = run.parameters.get('conv3/kernel') ?? new Float32Array();
    const after = decision.write?.get('conv3/kernel') ?? new Float32Array();
    const conv3Back = new Set(decision.reasons.filter(({ fate, layer }) => fate === 'regrown' && layer === 'conv3').map(({ channel }) => channel));
    for (let i = 0; i < before.length; i++) {
      const input = Math.floor(i / 16) % 16;
      if (back.includes(input)) {
        if (values === 'zero') expect(after[i]).toBe(0);
        else expect(after[i]).not.toBe(before[i]);
      } else if (values === 'zero' || !conv3Back.has(i % 16)) {
        expect(after[i]).toBe(before[i]);
      }
    }
    expect(decision.write?.has('conv2.bn/gamma')).toBe(values === 'random');
  });

  test('most recently used: nothing is written, the stores keep them', async () => {
    const run = exploration(buildNetwork('convnet-micro'), { kind: 'channels', keep: 0.5 });
    const { structure } = await initOf(run);
    expect((await run.run.decide(4, structure)).write).toBeUndefined();
  });
});
