import { describe, expect, test } from 'vitest';
import { buildNetwork, checkStructure, denseStructure } from '../../core/network/index.ts';
import { parseSpec } from '../../core/spec/parse.ts';
import { SCHEMES } from '../index.ts';
import { labOf, prunings } from '../shared/testing.ts';

const specWith = (keep: unknown, model = 'convnet-micro', scheme = {}) => ({
  version: 1,
  model: { id: model },
  train: { steps: 20 },
  scheme: { id: 'manual', keep, ...scheme },
});
const messages = (spec: unknown): string[] => {
  const parsed = parseSpec(spec, SCHEMES);
  return parsed.ok ? [] : parsed.problems.map(({ message }) => message);
};

describe('in a spec', () => {
  test.each([
    [{}, 'convnet-micro'],
    [{ conv1: [0, 1, 2], conv2: 12 }, 'convnet-micro'],
    [{ conv4: [31, 5, 7] }, 'convnet-micro'],
    [{ 'block1.conv1': 3, stem: [0, 1], 'block2.conv2': [1, 0] }, 'resnet20'],
    [{ 'block2.expand': 4 }, 'mobilenetv2-cifar'],
  ])('%j on %s: parsing the parsed spec gives itself, also through JSON', (keep, model) => {
    const parsed = parseSpec(specWith(keep, model), SCHEMES);
    if (!parsed.ok) throw new Error(parsed.problems[0]?.message);
    expect(parsed.spec.scheme).toEqual({ id: 'manual', at: 0, keep });
    expect(parseSpec(parsed.spec, SCHEMES)).toEqual(parsed);
    expect(parseSpec(JSON.parse(JSON.stringify(parsed.spec)), SCHEMES)).toEqual(parsed);
  });

  test('a list of every channel of the widest layers is read whole', () => {
    const head = Array.from({ length: 1_280 }, (_, channel) => channel);
    expect(messages(specWith({ head }, 'mobilenetv2-cifar'))).toEqual([]);
    expect(messages(specWith({ head: [...head, 0] }, 'mobilenetv2-cifar'))[0]).toMatch(
      /head: .*once; 0 is there twice/,
    );
  });

  test.each([
    [{ conv9: 2 }, 'convnet-micro', /^scheme\.keep\.conv9: this key is not known; did you mean conv1\?/],
    [{ ['__proto__']: 2 }, 'convnet-micro', /^scheme\.keep\.__proto__: this key is not known/],
    [{ constructor: 2 }, 'convnet-micro', /^scheme\.keep\.constructor: this key is not known/],
    [{ dense: [0, 1] }, 'convnet-micro', /^scheme\.keep\.dense: the channels of this layer cannot be cut/],
    [{ fc: 10 }, 'cnn-small', /^scheme\.keep\.fc: the channels of this layer cannot be cut/],
    [
      { 'block2.depthwise': 4 },
      'mobilenetv2-cifar',
      /^scheme\.keep\.block2\.depthwise: a depthwise convolution passes on/,
    ],
    [{ conv1: [0, 8] }, 'convnet-micro', /^scheme\.keep\.conv1: must list channels from 0 to 7, not 8/],
    [{ conv1: [0, -1] }, 'convnet-micro', /^scheme\.keep\.conv1\.1: must be a whole number from 0 to 1279, not -1/],
    [{ conv1: [0.5] }, 'convnet-micro', /^scheme\.keep\.conv1\.0: must be a whole number/],
    [{ conv1: ['0'] }, 'convnet-micro', /^scheme\.keep\.conv1\.0: must be a whole number .* not "0"/],
    [{ conv1: [] }, 'convnet-micro', /^scheme\.keep\.conv1: must list at least one channel/],
    [{ conv1: [3, 3] }, 'convnet-micro', /^scheme\.keep\.conv1: must list each channel once; 3 is there twice/],
    [{ conv1: 9 }, 'convnet-micro', /^scheme\.keep\.conv1: must be a width of at most 8, the layer's channels, not 9/],
    [{ conv1: 0 }, 'convnet-micro', /^scheme\.keep\.conv1: must be a whole number from 1 to 1280, not 0/],
    [{ conv1: 'all' }, 'convnet-micro', /^scheme\.keep\.conv1: must be a list of channels or a width, not "all"/],
    [{ conv1: { 0: 1 } }, 'convnet-micro', /^scheme\.keep\.conv1: must be a list of channels or a width/],
    [[0, 1], 'convnet-micro', /^scheme\.keep: must be an object/],
    [3, 'convnet-micro', /^scheme\.keep: must be an object .* not 3/],
    [
      { stem: [0, 1], 'block1.conv2': [0, 2] },
      'resnet20',
      /^scheme\.keep\.block1\.conv2: contradicts scheme\.keep\.stem: additions tie the two layers/,
    ],
    [{ stem: 1, 'block1.conv2': [1] }, 'resnet20', /^scheme\.keep\.block1\.conv2: contradicts scheme\.keep\.stem/],
  ])('%j on %s is refused', (keep: unknown, model, message) => {
    expect(messages(specWith(keep, model)).join('\n')).toMatch(message);
  });

  test('a budget, an unknown option and a step after the end are refused', () => {
    expect(messages(specWith({}, 'convnet-micro', { budget: { kind: 'macs', keep: 0.5 } }))[0]).toMatch(
      /^scheme\.budget: the scheme manual takes no budget/,
    );
    expect(messages(specWith({}, 'convnet-micro', { keeep: {} }))[0]).toMatch(/^scheme\.keeep: .*did you mean keep/);
    expect(messages(specWith({}, 'convnet-micro', { at: 21 }))[0]).toMatch(/^scheme\.at: .*use at most 20$/);
  });
});

describe('a run', () => {
  test('keeps exactly the channels listed, and all of the layers that are not named', async () => {
    const network = buildNetwork('convnet-micro');
    const { start, run } = await labOf('manual', network, { options: { keep: { conv1: [6, 0, 2] } } });
    checkStructure(network, start.structure);
    expect(start.structure.channels).toEqual({ ...denseStructure(network).channels, conv1: [0, 2, 6] });
    expect(run.prunable).toEqual(['conv1']);
    expect(start.reasons.filter(({ fate }) => fate === 'pruned').map(({ channel }) => channel)).toEqual([
      1, 3, 4, 5, 7,
    ]);
    expect(start.reasons[1]?.text).toBe('Pruned: not listed in scheme.keep.conv1.');
  });

  test('a width keeps the filters with the largest L1 norms at that step; ties go to the lower channel', async () => {
    const lab = await labOf('manual', buildNetwork('convnet-micro'), { options: { at: 20, keep: { conv1: 3 } } });
    expect(lab.start.reasons).toEqual([]);
    const norms = [1, 5, 2, 5, 5, 5, 0, 3];
    lab.parameters.set(
      'conv1/kernel',
      Float32Array.from({ length: 216 }, (_, i) => -(norms[i % 8] ?? 0) / 27),
    );
    const { structure, reasons } = await lab.run.decide(20, lab.start.structure);
    expect(structure.channels['conv1']).toEqual([1, 3, 4]);
    expect(reasons.find(({ channel }) => channel === 7)?.text).toMatch(
      /^Pruned: L1 norm 3.*rank 5 of 8 .*keeps 3 of 8/,
    );
    expect([10, 19, 20, 21].filter((step) => lab.run.dueAt(step))).toEqual([20]);
  });

  test('a layer tied by additions is cut with what it is tied to', async () => {
    const network = buildNetwork('resnet20');
    const { start, run } = await labOf('manual', network, { options: { keep: { 'block2.conv2': [0, 5] } } });
    checkStructure(network, start.structure);
    expect(start.structure.channels['stem']).toEqual([0, 5]);
    expect(run.prunable).toEqual(['stem', 'block1.conv2', 'block2.conv2', 'block3.conv2']);
    expect(start.reasons[0]).toMatchObject({ layer: 'stem', tied: ['block1.conv2', 'block2.conv2', 'block3.conv2'] });
  });

  test('naming nothing prunes nothing', async () => {
    const lab = await labOf('manual', buildNetwork('convnet-micro'));
    expect(lab.start.structure).toEqual(denseStructure(lab.network));
    expect(await prunings(lab)).toEqual([]);
  });
});
