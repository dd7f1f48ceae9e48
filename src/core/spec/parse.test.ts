import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SCHEMES } from '../../schemes/index.ts';
import { decodeLink, encodeLink } from './link.ts';
import { nearest } from './nearest.ts';
import { type ParsedSpec, parseSpec } from './parse.ts';
import { PRESETS } from './presets.ts';
import { stepsPerEpoch, totalSteps } from './spec.ts';

const EXAMPLE = {
  version: 1,
  name: 'CHEX at half the channels',
  seed: 1,
  model: { id: 'convnet-micro', width: 1 },
  data: { train: 2000, test: 500, holdOut: 200 },
  train: {
    steps: 60,
    batchSize: 50,
    learningRate: 0.1,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 5e-4,
    schedule: 'cosine',
    warmup: 0.05,
    labelSmoothing: 0,
    augment: ['crop', 'flip'],
    evaluateEvery: 20,
  },
  scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 }, regrow: 0.2, every: 10, until: 40 },
};
const MINIMAL = { version: 1, model: { id: 'resnet20' }, scheme: { id: 'chex' } };
const KNOWN = SCHEMES.map(({ id }) => id).join(', ');

const specOf = (parsed: ParsedSpec) => {
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('; '));
  return parsed.spec;
};
const messagesOf = (input: unknown): string[] => {
  const parsed = parseSpec(input, SCHEMES);
  return parsed.ok ? [] : parsed.problems.map(({ message }) => message);
};
/** The example with one key set; `path` as in messages. */
function changed(path: string, value: unknown): unknown {
  const copy = structuredClone(EXAMPLE) as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const target = keys.reduce<Record<string, unknown>>((object, key) => object[key] as Record<string, unknown>, copy);
  target[last] = value;
  return copy;
}

describe('accepted specs', () => {
  test('the documented example keeps every value and gets CHEX’s other options', () => {
    const spec = specOf(parseSpec(EXAMPLE, SCHEMES));
    expect(spec).toMatchObject(EXAMPLE);
    expect(spec.scheme).toMatchObject({
      minimum: 1,
      rule: 'paper',
      residual: 'squared',
      values: 'mru',
      decay: 'cosine',
    });
    expect(stepsPerEpoch(spec)).toBe(36);
  });

  test('everything but version, model.id and scheme.id has a default', () => {
    const spec = specOf(parseSpec(MINIMAL, SCHEMES));
    expect(spec.data).toEqual({ train: 50_000, test: 10_000, holdOut: 1_000 });
    expect(spec.scheme.budget).toEqual({ kind: 'channels', keep: 0.5 });
    expect(totalSteps(spec)).toBe(10 * Math.floor(49_000 / 64));
    expect(spec.scheme['until']).toBe(Math.round(0.7 * totalSteps(spec)));
    expect(spec.scheme['every']).toBe(Math.round(Number(spec.scheme['until']) / 10));
    expect(spec.scheme['regrow']).toBe(0.2);
    expect(specOf(parseSpec({ ...MINIMAL, data: { train: 500, test: 10 } }, SCHEMES)).data.holdOut).toBe(50);
  });

  test('parsing a parsed spec gives itself; every preset parses', () => {
    for (const input of [EXAMPLE, MINIMAL, ...PRESETS.map(({ spec }) => spec)]) {
      const spec = specOf(parseSpec(input, SCHEMES));
      expect(specOf(parseSpec(spec, SCHEMES))).toEqual(spec);
      expect(specOf(parseSpec(JSON.parse(JSON.stringify(spec)), SCHEMES))).toEqual(spec);
    }
  });
});

describe('refused specs name the key and what is accepted', () => {
  test.each([
    ['train.batchSize', 0, /^train.batchSize: must be a whole number from 1 to 512, not 0$/],
    ['train.batchSize', 513, /^train.batchSize: must be a whole number from 1 to 512, not 513$/],
    ['train.batchSize', '64', /^train.batchSize: .* not "64"/],
    ['train.batchsize', 64, /^train.batchsize: this key is not known; did you mean batchSize\?/],
    ['train.learningRate', Number.NaN, /^train.learningRate: .*not NaN/],
    ['train.learningRate', Infinity, /^train.learningRate: must be a number/],
    ['train.learningRate', -1, /^train.learningRate/],
    ['train.momentum', 1, /^train.momentum: .*below 1/],
    ['train.storage', 'f8', /^train.storage: must be one of f32, f16, not "f8"/],
    ['train.schedule', 'linear', /^train.schedule: must be one of cosine, constant, not "linear"/],
    ['train.augment', ['crop', 'mixup'], /^train.augment.1: must be one of crop, flip/],
    ['train.augment', ['crop', 'crop'], /^train.augment: .*once/],
    ['train.epochs', 3, /^train.epochs: give either/],
    ['train.steps', 2.5, /^train.steps: must be a whole number/],
    ['data.train', 60_000, /^data.train: must be a whole number from 2 to 50000/],
    ['data.holdOut', 2_000, /^data.holdOut: .*below data.train/],
    ['data.holdOut', 1_980, /^train.batchSize: .*at most the 20 images/],
    [
      'model.id',
      'vgg16',
      /^model.id: must be one of convnet-micro, plain5, vgg-small, cnn-small, resnet20, resnet56, mobilenetv2-cifar, not "vgg16"/,
    ],
    ['model.width', 8.5, /^model.width/],
    ['scheme.id', 'lasso', /^scheme.id: must be one of chex, dense, uniform, .* manual, not "lasso"/],
    [
      'scheme.budget',
      { kind: 'flops', keep: 0.5 },
      /^scheme.budget.kind: must be one of channels, macs, parameters, not "flops"/,
    ],
    ['scheme.budget', { kind: 'macs', keep: 0 }, /^scheme.budget.keep: must be a number above 0/],
    [
      'scheme.budget',
      { kind: 'macs', keep: 0.5, keeep: 1 },
      /^scheme.budget.keeep: this key is not known; did you mean keep\?/,
    ],
    ['scheme.budget', [{ kind: 'macs', keep: 0.5 }], /^scheme.budget: .*not a list/],
    ['scheme.regrown', 0.2, /^scheme.regrown: this key is not known; did you mean regrow\?/],
    ['scheme.rule', 'theirs', /^scheme.rule: must be one of paper, code/],
    ['scheme.until', 61, /^scheme.until: .*after the run's end/],
    ['seed', -1, /^seed: must be a whole number from 0 to 4294967295/],
    ['name', '', /^name: must be a text of 1 to 80 characters/],
    ['name', 'bell \u0007', /^name: .*control characters/],
    ['version', 2, /^version: must be 1, not 2/],
    ['extra', {}, /^extra: this key is not known/],
  ])('%s = %j', (path, value, message) => {
    expect(
      messagesOf(changed(path, value)).some((text) => message.test(text)),
      messagesOf(changed(path, value)).join('\n'),
    ).toBe(true);
  });

  test('a layer of 1,280 channels is accepted, one of 1,281 is not', () => {
    const widest = (width: number): unknown => ({ ...MINIMAL, model: { id: 'mobilenetv2-cifar', width } });
    expect(parseSpec(widest(1), SCHEMES).ok).toBe(true);
    expect(messagesOf(widest(1_281 / 1_280))).toEqual([
      'model.width: must be a width that makes no layer wider than 1280 channels (this one: 1281), not 1.00078125',
    ]);
  });

  test('missing keys say what they must be', () => {
    expect(messagesOf({ version: 1, scheme: { id: 'dense' } })).toEqual([
      'model: this key is missing; it must be an object with an id',
    ]);
    expect(messagesOf({ version: 1, model: {}, scheme: {} })).toEqual([
      'model.id: this key is missing; it must be one of convnet-micro, plain5, vgg-small, cnn-small, resnet20, resnet56, mobilenetv2-cifar',
      `scheme.id: this key is missing; it must be one of ${KNOWN}`,
    ]);
    expect(messagesOf({ version: 1, model: { id: 'plain5' } })).toEqual([
      `scheme: this key is missing; it must be an object with an id, one of ${KNOWN}`,
    ]);
    expect(messagesOf({ ...MINIMAL, scheme: { id: 'chex', budget: { kind: 'macs' } } })).toEqual([
      'scheme.budget.keep: this key is missing; it must be a number above 0, at most 1',
    ]);
  });

  test('something else than an object: lists are none', () => {
    for (const junk of [null, undefined, 3, 'spec', [], [EXAMPLE]]) expect(messagesOf(junk).length).toBeGreaterThan(0);
    expect(messagesOf([])).toEqual(['spec: must be an object, not []']);
    for (const key of ['model', 'data', 'train', 'scheme', 'scheme.budget']) {
      for (const junk of [[], 'x', 7, null]) {
        expect(messagesOf(changed(key, junk))).toEqual([expect.stringMatching(new RegExp(`^${key}: `))]);
      }
    }
  });

  test.each(['', 'model', 'data', 'train', 'scheme', 'scheme.budget'])(
    'prototype keys of an object: "%s"',
    (parent) => {
      for (const key of ['__proto__', 'constructor', 'prototype', 'toString']) {
        const path = parent ? `${parent}.${key}` : key;
        const text = JSON.stringify(changed(parent ? `${parent}.HERE` : 'HERE', { seed: 5 })).replace('HERE', key);
        expect(messagesOf(JSON.parse(text))).toEqual([expect.stringMatching(`^${path}: this key is not known`)]);
      }
      expect(({} as Record<string, unknown>)['seed']).toBeUndefined();
    },
  );

  test('junk of others is shown short and without control characters', () => {
    const key = `\u001b[31m\u202e${'k'.repeat(5_000)}`;
    for (const message of messagesOf({ ...MINIMAL, [key]: 1, seed: `\u001b${'z'.repeat(5_000)}` })) {
      expect(message).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
      expect(message.length).toBeLessThan(250);
    }
    expect(messagesOf({ ...MINIMAL, name: 'left \u202e right' })).toEqual([
      expect.stringMatching(/control characters/),
    ]);
  });

  test('JSON nested as deeply as a link can carry', () => {
    const nested = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    const link = decodeLink(`#spec={"version":1,"model":{"id":"plain5"},"scheme":{"id":"dense"},"seed":${nested}}`);
    if (!link?.ok) throw new Error('the link was not read');
    expect(messagesOf(link.value)).toEqual([expect.stringMatching(/^seed: must be a whole number/)]);
  });

  test('a run longer than any is about its epochs', () => {
    // 49,000 images in batches of 1: 204 epochs are 9,996,000 steps.
    expect(messagesOf({ ...MINIMAL, train: { epochs: 205, batchSize: 1 } })).toEqual([
      expect.stringMatching(/^train.epochs: must be at most 204, .*, not 205$/),
    ]);
    expect(messagesOf({ ...MINIMAL, train: { epochs: 204, batchSize: 1 } })).toEqual([]);
  });

  test('all problems at once', () => {
    const input = {
      ...EXAMPLE,
      seed: 'one',
      seeds: 2,
      extra: 3,
      train: { ...EXAMPLE.train, batchSize: 0, momentum: 2, rate: 1 },
      scheme: { id: 'chex', regrown: 0.2, rule: 'theirs', budget: { kind: 'flops', keep: 2, kep: 1 } },
    };
    expect(messagesOf(input).map((text) => text.split(':')[0])).toEqual([
      'train.rate',
      'seeds',
      'extra',
      'seed',
      'train.batchSize',
      'train.momentum',
      'scheme.regrown',
      'scheme.budget.kep',
      'scheme.budget.kind',
      'scheme.budget.keep',
      'scheme.rule',
    ]);
    const across = { ...EXAMPLE, train: { epochs: 2, steps: 9, batchSize: 512 }, data: { train: 100, test: 5 } };
    expect(messagesOf(across).map((text) => text.split(':')[0])).toEqual(['train.batchSize', 'train.epochs']);
  });

  test('a budget or options for the dense scheme', () => {
    expect(messagesOf({ ...MINIMAL, scheme: { id: 'dense', budget: { kind: 'macs', keep: 1 } } })[0]).toMatch(
      /^scheme.budget: .*takes no budget/,
    );
    expect(messagesOf({ ...MINIMAL, scheme: { id: 'dense', until: 3 } })[0]).toMatch(
      /^scheme.until: this key is not known/,
    );
  });

  test('whatever JSON comes: a spec or sentences with a path, never an exception', () => {
    const junk = fc.oneof(fc.jsonValue(), fc.double(), fc.constant('__proto__'));
    const paths = [
      'version',
      'name',
      'seed',
      'model',
      'model.id',
      'model.width',
      'data',
      'data.train',
      'train',
      'train.steps',
      'train.augment',
      'scheme',
      'scheme.id',
      'scheme.budget',
      'scheme.every',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...paths), junk, (path, value) => {
        const parsed = parseSpec(changed(path, value), SCHEMES);
        if (parsed.ok) expect(specOf(parseSpec(parsed.spec, SCHEMES))).toEqual(parsed.spec);
        else for (const problem of parsed.problems) expect(problem.message.startsWith(problem.path)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('links', () => {
  test('specs survive, in any script; the compact form is read too', () => {
    expect(decodeLink(encodeLink(EXAMPLE))).toEqual({ ok: true, value: EXAMPLE });
    for (const name of ['x', 'xx', 'xxx', 'Größe ½ → 剪枝']) {
      const spec = { ...MINIMAL, name };
      expect(decodeLink(encodeLink([spec, spec]))).toEqual({ ok: true, value: [spec, spec] });
      const padded = Buffer.from(JSON.stringify(spec)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
      for (const compact of [padded, padded.replaceAll('=', '')]) {
        expect(decodeLink(`#spec=${compact}`)).toEqual({ ok: true, value: spec });
      }
    }
  });

  test('no spec, damaged and endless links', () => {
    expect(decodeLink('#about')).toBeNull();
    expect(decodeLink('')).toBeNull();
    for (const bad of ['#spec=', '#spec=%7B', '#spec=%E0%A4%A', '#spec=abc', `#spec=${'a'.repeat(70_000)}`]) {
      expect(decodeLink(bad)).toMatchObject({ ok: false, message: expect.stringMatching(/^spec: the link/) });
    }
  });
});

test('the nearest known word', () => {
  expect(nearest('widht', ['width', 'id'])).toBe('width');
  expect(nearest('elephant', ['width', 'id'])).toBeUndefined();
});
