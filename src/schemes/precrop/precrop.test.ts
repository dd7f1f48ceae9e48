import { describe, expect, test } from 'vitest';
import {
  type Network,
  buildNetwork,
  countNetwork,
  countStructure,
  denseStructure,
  groupsOf,
  initialParameters,
  keptOf,
} from '../../core/network/index.ts';
import type { Preparation, SchemeContext } from '../../core/scheme/scheme.ts';
import type { OptionValue } from '../../core/spec/options.ts';
import { parseSpec } from '../../core/spec/parse.ts';
import { networkFor, optionsOf } from '../../core/spec/network.ts';
import { SCHEMES } from '../index.ts';
import { UNEXPLORED, UNPREPARED } from '../shared/testing.ts';
import { precrop } from './index.ts';

const refuse = (): Promise<never> => Promise.reject(new Error('PreCrop measures nothing'));

/** A run as the lab would start it. */
function started(scheme: object, model = 'resnet20') {
  const parsed = parseSpec(
    { version: 1, model: { id: model }, train: { steps: 20 }, scheme: { id: 'precrop', ...scheme } },
    SCHEMES,
  );
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message);
  const named = buildNetwork(model);
  const network = networkFor(parsed.spec, SCHEMES, named);
  const context: SchemeContext = {
    network,
    model: named,
    groups: groupsOf(network),
    budget: parsed.spec.scheme.budget,
    options: optionsOf(parsed.spec),
    seed: 1,
    steps: 20,
    warmupSteps: 1,
    read: refuse,
    evaluate: refuse,
    gradients: refuse,
    explore: UNEXPLORED,
  };
  return { network, model: named, run: precrop.start(context), parameters: initialParameters(network, 1) };
}

async function decided(scheme: object, model?: string, preparation = UNPREPARED) {
  const lab = started(scheme, model);
  const decision = await lab.run.atInit?.(lab.parameters, preparation);
  if (!decision?.densities) throw new Error('PreCrop tells its densities');
  return { ...lab, decision, report: decision.densities };
}

const innerWidths = (network: Network, structure: Parameters<typeof keptOf>[0]): string =>
  groupsOf(network)
    .filter(({ id }) => id.endsWith('.conv1'))
    .map((group) => keptOf(structure, group).length)
    .join(' ');

describe('ResNet-20 at a tenth of the weights', async () => {
  const { network, run, decision, report } = await decided({ budget: { kind: 'parameters', keep: 0.1 } });

  test('keeps the first channels, as many as the table of section 5 says, and ends within its budget', () => {
    expect(innerWidths(network, decision.structure)).toBe('9 9 9 6 5 5 3 2 2');
    expect(decision.structure.channels['block7.conv1']).toEqual([0, 1, 2]);
    expect(countStructure(network, decision.structure).parameters).toBeLessThanOrEqual(27_089.6);
  });

  test('may cut inner widths only, once: before the first step', async () => {
    expect(run.prunable).toEqual(Array.from({ length: 9 }, (_, i) => `block${i + 1}.conv1`));
    expect([...Array(21).keys()].some((step) => run.dueAt(step))).toBe(false);
    expect(await run.decide(3, decision.structure)).toEqual({ structure: decision.structure, reasons: [] });
    expect(run.state()).toBeNull();
  });

  test('gives every channel of every layer it may cut a reason with the numbers', () => {
    expect(decision.reasons).toHaveLength(3 * (16 + 32 + 64));
    const of = (channel: number) =>
      decision.reasons.find((reason) => reason.layer === 'block8.conv1' && reason.channel === channel);
    expect(of(1)).toMatchObject({ fate: 'kept' });
    // 1342.4 of 36,864; 9 * 64 * 2 weights are left.
    expect(of(1)?.text).toBe(
      'Kept: block8.conv1 gets 2 of 64 channels, the first ones (density 0.036 at a level of 1,342 weights, 1,152 of 36,864 weights kept).',
    );
    expect(of(2)).toMatchObject({ fate: 'pruned' });
    expect(of(2)?.text).toMatch(/^Pruned: block8\.conv1 gets 2 of 64/);
  });

  test('reports every layer, with what it keeps in the network that is trained', () => {
    expect(report).toMatchObject({ source: 'synexp', removes: 'channels' });
    const counts = countStructure(network, decision.structure).layers;
    expect(report.layers.map(({ layer, kept }) => [layer, kept])).toEqual(
      counts.map(({ layer, parameters }) => [layer, parameters]),
    );
    expect(report.layers.map(({ layer, weights, macs }) => [layer, weights, macs])).toEqual(
      countNetwork(network).layers.map(({ layer, parameters, macs }) => [layer, parameters, macs]),
    );
  });

  test('writes every tensor', () => {
    expect(decision.write?.size).toBe(initialParameters(network, 1).size);
  });
});

test('with a budget of multiply-adds the level counts these', async () => {
  const { decision } = await decided({ budget: { kind: 'macs', keep: 0.5 } });
  expect(decision.reasons[0]?.text).toMatch(/at a level of [\d,]+ multiply-adds/);
  expect(countStructure(buildNetwork('resnet20'), decision.structure).macs).toBeLessThanOrEqual(40_813_184 / 2);
});

test.each([
  ['erk', '5 4 4 5 4 4 4 4 4'],
  ['uniform', '2 2 2 3 3 3 6 5 5'],
])('densities of %s need no gradients', async (densities, widths) => {
  const { network, decision, report } = await decided({ densities, budget: { kind: 'parameters', keep: 0.1 } });
  expect(innerWidths(network, decision.structure)).toBe(widths);
  expect(report.source).toBe(densities);
  expect(decision.reasons[0]?.text).not.toMatch('level');
});

test('PreConfig runs a widened network in which nothing is pruned', async () => {
  const budget = [
    { kind: 'parameters', keep: 1 },
    { kind: 'macs', keep: 1 },
  ];
  const { network, decision, report } = await decided({ budget, preConfig: true });
  expect(decision.structure).toEqual(denseStructure(network));
  expect(countNetwork(network).parameters).toBeLessThanOrEqual(270_896);
  expect(countNetwork(network).macs).toBeLessThanOrEqual(40_813_184);
  expect(decision.reasons.every(({ fate }) => fate === 'kept')).toBe(true);
  expect(decision.reasons.find(({ layer }) => layer === 'block4.conv1')?.text).toMatch(
    /^Kept: block4\.conv1 is widened from 32 to 41 channels \(density 1\.\d+, 5,904 weights for 4,608\)/,
  );
  // Shares of the model's layers, not of the widened ones.
  expect(report.layers.find(({ layer }) => layer === 'block4.conv1')).toMatchObject({ weights: 4_608, kept: 5_904 });
});

test('SynFlow densities come from the gradients, and both are reported with the passes', async () => {
  const asked: string[] = [];
  // Gradients of 1 everywhere: a weight's score is its size.
  const preparation: Preparation = {
    gradients: async (parameters, { inputs }) => {
      asked.push(JSON.stringify(inputs));
      return {
        loss: 1,
        tensors: new Map([...parameters].map(([name, values]) => [name, values.map(() => 1)])),
        log2Scale: 0,
      };
    },
    progress: () => undefined,
  };
  const { network, decision, report } = await decided(
    { densities: 'synflow', passes: 3, budget: { kind: 'macs', keep: 0.5 } },
    'convnet-micro',
    preparation,
  );
  expect(asked).toEqual(Array(3).fill('"ones"'));
  expect(report.source).toBe('synflow');
  expect(report.passes).toHaveLength(3);
  const kept = report.layers.reduce((sum, { weights, density }) => sum + weights * density, 0);
  expect(kept / countNetwork(network).parameters).toBeCloseTo(0.5, 2);
  expect(countStructure(network, decision.structure).macs).toBeLessThanOrEqual(countNetwork(network).macs / 2);
});

test('a budget that no widths meet, and a network without a width to crop, are refused at the start', () => {
  const network: Network = buildNetwork('resnet20');
  const options: Record<string, OptionValue> = { densities: 'synexp', minimum: 2, multipleOf: 1, preConfig: false };
  const context = {
    network,
    groups: groupsOf(network),
    options,
    seed: 1,
    steps: 1,
    warmupSteps: 0,
    read: refuse,
    evaluate: refuse,
    gradients: refuse,
    explore: UNEXPLORED,
  };
  expect(() => precrop.start({ ...context, budget: { kind: 'macs', keep: 0.01 } })).toThrow(
    /of the MACs cannot be met/,
  );
  expect(() => precrop.start({ ...context, budget: undefined })).toThrow(/^scheme\.budget: PreCrop needs a budget/);
});
