import { describe, expect, test } from 'vitest';
import { buildNetwork } from '../../core/network/index.ts';
import { checkChex } from './options.ts';
import { type Options, optionsFor } from './testing.ts';

const network = buildNetwork('convnet-micro');
const refusal = (given: Options, { keep = 0.5, steps = 60, warmupSteps = 3 } = {}): string | null =>
  checkChex({ network, steps, warmupSteps, keep, options: optionsFor(given, keep, steps, warmupSteps) });

test('defaults follow the run and the budget', () => {
  expect(optionsFor({}, 0.5, 1_000)).toMatchObject({ regrow: 0.2, until: 700, every: 70, minimum: 1 });
  expect(optionsFor({}, 0.9, 10)).toMatchObject({ regrow: 0.04, until: 7, every: 1 });
  expect(optionsFor({ until: 300 }, 0.3, 1_000)).toMatchObject({ regrow: 0.28, until: 300, every: 30 });
});

describe('contradictions', () => {
  test('defaults are fine for every run of two steps or more and every budget', () => {
    for (const steps of [2, 3, 10, 61]) {
      for (const keep of [0.01, 0.5, 0.999, 1]) expect(refusal({}, { steps, keep, warmupSteps: 0 })).toBeNull();
    }
  });

  test('are refused by key', () => {
    expect(refusal({ until: 70 })).toMatch(/^scheme\.until: .*after the run's end \(step 60\)/);
    expect(refusal({ every: 50, until: 40 })).toMatch(/^scheme\.every: .*use at most 40/);
    expect(refusal({ regrow: 0.6 })).toMatch(/^scheme\.regrow: .*use at most 0.5/);
    expect(refusal({ until: 2 })).toMatch(/^scheme\.until: .*warm-up of 3 steps/);
    expect(refusal({}, { steps: 1, warmupSteps: 0 })).toMatch(/^scheme\.until: .*too short/);
  });

  test('the bounds themselves are allowed', () => {
    expect(refusal({ until: 60, every: 60, regrow: 0.5 })).toBeNull();
    expect(refusal({ until: 3, every: 1 })).toBeNull();
    // 1 - 0.9 is a little less than 0.1 in floating point.
    expect(refusal({ regrow: 0.1 }, { keep: 0.9 })).toBeNull();
  });
});
