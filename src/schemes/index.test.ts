import { describe, expect, test } from 'vitest';
import { buildNetwork, denseStructure, groupsOf } from '../core/network/index.ts';
import type { OptionValue } from '../core/spec/options.ts';
import { SCHEMES, schemeById } from './index.ts';
import { UNEXPLORED } from './shared/testing.ts';

test('schemes are found by id; an unknown one is refused with the known ids', () => {
  for (const scheme of SCHEMES) expect(schemeById(scheme.id)).toBe(scheme);
  expect(new Set(SCHEMES.map(({ id }) => id)).size).toBe(SCHEMES.length);
  expect(() => schemeById('cheks')).toThrow(
    'scheme.id: "cheks" is not known; known: chex, dense, uniform, random, magnitude, slimming, fpgm, taylor, precrop, pai-mask, structured-sparsity, manual',
  );
});

describe.each(SCHEMES)('$id', ({ options, check }) => {
  test('every default is a value that its own field allows, for any run length and budget', () => {
    for (const steps of [2, 60, 100_000]) {
      for (const keep of [0.01, 0.5, 1]) {
        const settled: Record<string, OptionValue> = {};
        const setting = { network: buildNetwork('convnet-micro'), steps, warmupSteps: 0, keep, options: settled };
        for (const field of options) {
          const value = field.default(setting);
          settled[field.key] = value;
          if (field.type === 'choice') expect(field.choices.map((choice) => choice.value)).toContain(value);
          if (field.type !== 'number' && field.type !== 'integer') continue;
          expect(value).toBeGreaterThanOrEqual(field.min);
          expect(value).toBeLessThanOrEqual(field.max);
          if (field.type === 'integer') expect(Number.isInteger(value)).toBe(true);
        }
        expect(check?.(setting) ?? null).toBeNull();
      }
    }
  });
});

test('dense never decides and changes nothing when asked', async () => {
  const network = buildNetwork('convnet-micro');
  const refuse = (): Promise<never> => Promise.reject(new Error('dense measures nothing'));
  const run = schemeById('dense').start({
    network,
    groups: groupsOf(network),
    budget: undefined,
    options: {},
    seed: 1,
    steps: 10,
    warmupSteps: 0,
    read: refuse,
    evaluate: refuse,
    gradients: refuse,
    explore: UNEXPLORED,
  });
  expect([...Array(11).keys()].some((step) => run.dueAt(step))).toBe(false);
  expect(run.atInit).toBeUndefined();
  const structure = denseStructure(network);
  expect(await run.decide(1, structure)).toEqual({ structure, reasons: [] });
});
