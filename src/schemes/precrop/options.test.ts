import { describe, expect, test } from 'vitest';
import { forkProblems } from '../../core/spec/fork.ts';
import { networkFor } from '../../core/spec/network.ts';
import { parseSpec } from '../../core/spec/parse.ts';
import type { Spec } from '../../core/spec/spec.ts';
import { widthsOf } from '../../core/network/index.ts';
import { SCHEMES } from '../index.ts';

const specWith = (scheme: object, model = 'resnet20') => ({
  version: 1,
  model: { id: model },
  train: { steps: 20 },
  scheme: { id: 'precrop', ...scheme },
});
const both = [
  { kind: 'parameters', keep: 1 },
  { kind: 'macs', keep: 1 },
];

function parsed(scheme: object, model?: string): Spec {
  const result = parseSpec(specWith(scheme, model), SCHEMES);
  if (!result.ok) throw new Error(result.problems[0]?.message);
  return result.spec;
}

test('the defaults: half of the parameters, SynExp', () => {
  const { scheme, name } = parsed({});
  expect(scheme).toEqual({
    id: 'precrop',
    budget: { kind: 'parameters', keep: 0.5 },
    densities: 'synexp',
    passes: 30,
    minimum: 2,
    multipleOf: 1,
    preConfig: false,
  });
  expect(name).toBe('PreCrop at 50 % of the parameters, resnet20');
});

test.each([[both], [[...both].reverse()], [[{ kind: 'macs', keep: 0.3 }]]])(
  'a list of budgets %j is kept as it is; parsing the parsed spec gives itself',
  (budget) => {
    const spec = parsed({ budget });
    expect(spec.scheme.budget).toEqual(budget);
    expect(parseSpec(JSON.parse(JSON.stringify(spec)), SCHEMES)).toEqual({ ok: true, spec });
  },
);

test('a run of two budgets is named after both', () => {
  expect(parsed({ budget: both }).name).toBe('PreCrop at 100 % of the parameters and 100 % of the MACs, resnet20');
});

test.each([
  [{ budget: { kind: 'channels', keep: 0.5 } }, /^scheme\.budget\.kind: must be one of parameters, macs/],
  [{ budget: [] }, /^scheme\.budget: must be a budget, or a list with one each of parameters, macs/],
  [{ budget: [both[0], both[0]] }, /^scheme\.budget: must be a budget, or a list with one each/],
  [{ budget: [both[0], { kind: 'macs', keep: 2 }] }, /^scheme\.budget\.1\.keep: must be a number above 0, at most 1/],
  [{ budget: [both[0], { kind: 'macs', kep: 1, keep: 1 }] }, /^scheme\.budget\.1\.kep: .*did you mean keep\?/],
  [{ budget: [0.5] }, /^scheme\.budget\.0: must be an object with kind and keep/],
  [{ budget: { kind: 'parameters', keep: 0.03 } }, /^scheme\.budget\.keep: 0.03 of the parameters .* share is 0\.0/],
  [
    { budget: [both[0], { kind: 'macs', keep: 0.01 }] },
    /^scheme\.budget\.1\.keep: 0.01 of the MACs cannot be met, .* smallest possible share is 0\.0/,
  ],
  [{ preConfig: true }, /^scheme\.preConfig: needs both budgets/],
  [{ preConfig: true, budget: both, densities: 'erk' }, /^scheme\.preConfig: .*choose synexp/],
  [{ densities: 'magnitude' }, /^scheme\.densities: must be one of synexp, synflow, snip, grasp, erk, uniform/],
  [{ minimum: 0 }, /^scheme\.minimum: must be a whole number from 1/],
])('%j is refused', (scheme, message) => {
  const result = parseSpec(specWith(scheme), SCHEMES);
  expect(result.ok ? '' : result.problems.map((one) => one.message).join('\n')).toMatch(message);
});

test('a budget that cannot be met can with the share that the refusal names', () => {
  const result = parseSpec(specWith({ budget: { kind: 'parameters', keep: 0.03 } }), SCHEMES);
  const smallest = /share is ([\d.]+)$/.exec(result.ok ? '' : (result.problems[0]?.message ?? ''))?.[1];
  expect(parsed({ budget: { kind: 'parameters', keep: Number(smallest) } }).scheme.id).toBe('precrop');
});

describe('the network that is run', () => {
  const preConfig = parsed({ budget: both, preConfig: true });
  test('is the model without PreConfig, and one of the widths of section 5 with it', () => {
    expect(networkFor(parsed({}), SCHEMES)).toEqual(networkFor(parsed({ budget: both }), SCHEMES));
    const widths = widthsOf(networkFor(preConfig, SCHEMES));
    const inner = Object.entries(widths).flatMap(([layer, width]) => (layer.endsWith('.conv1') ? [width] : []));
    expect(inner.join(' ')).toBe('16 16 15 41 30 30 78 58 58');
    expect(widths['block9.conv2']).toBe(64);
  });
  test('a fork cannot change it', () => {
    const message = /^scheme: a fork goes on with the widths of its parent/;
    expect(forkProblems(parsed({}), preConfig, 5, SCHEMES)[0]?.message).toMatch(message);
    expect(forkProblems(preConfig, parsed({}), 5, SCHEMES)[0]?.message).toMatch(message);
    expect(forkProblems(preConfig, { ...preConfig, name: 'other' }, 5, SCHEMES)).toEqual([]);
    expect(forkProblems(parsed({}), parsed({ minimum: 4 }), 5, SCHEMES)).toEqual([]);
  });
});
