import { describe, expect, test } from 'vitest';
import {
  type Network,
  type Structure,
  buildNetwork,
  checkStructure,
  compact,
  countStructure,
  denseStructure,
  forEachKept,
} from '../../core/network/index.ts';
import { fitQuantiser } from '../../core/quantise/index.ts';
import type { Decision } from '../../core/scheme/scheme.ts';
import { kernelLayers, unpackBits } from '../../core/sparsity/index.ts';
import { type Given, SMALL, decideAll, filled, kernel, labOf, map, one, stageOf, stride, train } from './testing.ts';

const micro = buildNetwork('convnet-micro');
const resnet = buildNetwork('resnet20', 0.25);

describe('a decision that is interrupted', () => {
  const stages = [kernel(30, 0.7), map(40, 0.5, 'particles')];
  const given = { stages, particles: 4, rounds: 3 };
  const begun = async (rejectsAt?: number) => {
    const lab = labOf(micro, given, rejectsAt ? { rejectsAt } : {});
    const [first] = await decideAll(lab, [30]);
    return { ...lab, structure: first?.structure ?? denseStructure(micro) };
  };

  test.each([2, 3, 5])('changes nothing, and gives the same when it is due again (call %i)', async (call) => {
    const undisturbed = await begun();
    const expected = await undisturbed.run.decide(40, undisturbed.structure);
    const { run, structure } = await begun(call);
    const [state, rules] = [JSON.stringify(run.state()), run.rules?.()];
    await expect(run.decide(40, structure)).rejects.toThrow('paused');
    expect([JSON.stringify(run.state()), run.rules?.()]).toEqual([state, rules]);
    expect(await run.decide(40, structure)).toEqual(expected);
    expect([run.state(), run.rules?.()]).toEqual([undisturbed.run.state(), undisturbed.run.rules?.()]);
  });
});

test('a run that is restored goes on as the unbroken one, through plain JSON', async () => {
  const stages = [kernel(10, 0.6), stride(20, 2, 'random'), map(30, 0.5, 'random')];
  const given = { stages, constraint: false, bits: '4', bitsAt: 40 };
  const steps = [10, 20, 30, 40];
  const whole = labOf(micro, given);
  const decisions = await decideAll(whole, steps);
  for (let done = 1; done < steps.length; done++) {
    const before = labOf(micro, given);
    const made = await decideAll(before, steps.slice(0, done));
    const after = labOf(micro, given, { parameters: before.parameters });
    after.run.restore(JSON.parse(JSON.stringify(before.run.state())));
    expect(after.run.rules?.()).toEqual(before.run.rules?.());
    let structure: Structure = made.at(-1)?.structure ?? denseStructure(micro);
    const rest: Decision[] = [];
    for (const step of steps.slice(done)) {
      train(after.parameters, step, after.run);
      const decision = await after.run.decide(step, structure);
      ({ structure } = decision);
      rest.push(decision);
    }
    expect([...made, ...rest]).toEqual(decisions);
    expect(after.run.state()).toEqual(whole.run.state());
  }
});

describe('stages multiply', () => {
  test('maps, then kernels, then taps of what is left', async () => {
    const network = buildNetwork('cnn-small', 0.25);
    const lab = labOf(network, { stages: [map(40, 0.7), kernel(60, 0.5), stride(80, 3)] });
    const [maps, kernels, taps] = (await decideAll(lab, [40, 60, 80])).map(stageOf);
    // Widths 32 and 64: 22 and 45 maps; the first convolution keeps its 32.
    const whole = [32 * 32, 32 * 32, 32 * 32, 32 * 64, 64 * 64];
    const thin = [32 * 22, 22 * 22, 22 * 22, 22 * 45, 45 * 45];
    const halves = thin.map((count) => Math.round(count / 2));
    const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
    expect(maps?.units).toEqual({ units: 3 * 32 + 2 * 64, pruned: 3 * 10 + 2 * 19 });
    expect(kernels?.units).toEqual({ units: sum(whole), pruned: sum(thin) - sum(halves) });
    expect(taps?.units).toEqual({ units: 9 * sum(whole), pruned: 6 * sum(halves) });
    expect(maps?.shares.weights).toBeCloseTo(1 - sum(thin) / sum(whole), 12);
    expect(kernels?.shares.weights).toBeCloseTo(1 - sum(halves) / sum(whole), 12);
    expect(taps?.shares.weights).toBeCloseTo(1 - (3 * sum(halves)) / (9 * sum(whole)), 12);
    const [first] = taps?.layers ?? [];
    expect(first).toMatchObject({ layer: 'conv1', eligible: false, weights: { dense: 864, kept: 864 } });
    // Three weights a kernel; a bit for each kernel between kept maps; a stride of 1 to 9, an offset below 3 a source map.
    const bits = (inputs: number, outputs: number) =>
      32 * 3 * Math.round((inputs * outputs) / 2) + inputs * outputs + 4 + 2 * inputs;
    const convs = bits(32, 22) + bits(22, 22) + bits(22, 22) + bits(22, 45) + bits(45, 45);
    const dense = 32 * (864 + 8 * 8 * 45 * 64 + 64 * 10);
    expect(taps?.storage).toEqual({
      dense: 32 * countStructure(network, { channels: {} }).parameters,
      compact: convs + dense,
      quantised: null,
    });
  });

  test('the masks of kernels and of free taps hold together, from then on', async () => {
    const lab = labOf(micro, { stages: [kernel(20, 0.5), stride(40, 2), map(60, 0.5)], constraint: false });
    const [, taps] = await decideAll(lab, [20, 40]);
    if (!taps) throw new Error('nothing was decided');
    const masks = new Map(kernelLayers(micro).map(({ id }) => [id, lab.run.rules?.().get(`${id}/kernel`)?.mask]));
    for (const { layer, kernels, free, weights } of stageOf(taps).layers.filter(({ eligible }) => eligible)) {
      const bits = kernels ? unpackBits(kernels) : [];
      const expected = Array.from({ length: weights.dense }, (_, i) => {
        const [k, tap] = [i % bits.length, Math.floor(i / bits.length)];
        return Number(bits[k] === 1 && tap % 2 === free?.offsets[k]);
      });
      expect(Array.from(masks.get(layer) ?? []), layer).toEqual(expected);
      expect(weights.kept).toBe(filled(expected));
      expect(filled(bits)).toBe(weights.dense / 9 / 2);
    }
    // Kernels that go with their maps are all that is added.
    await lab.run.decide(60, taps.structure);
    for (const [id, before] of masks) {
      const after = lab.run.rules?.().get(`${id}/kernel`)?.mask ?? new Float32Array();
      expect(after.some((bit, i) => bit > (before?.[i] ?? 0))).toBe(false);
    }
  });

  test('a later map stage keeps the taps, and weighs surviving weights only', async () => {
    const parameters = new Map(labOf(SMALL, { stages: [map(9)] }).parameters);
    // Map 0 is large at tap 1, which stride 2 with offset 0 prunes; map 1 is larger at the taps that stay.
    const weights = new Float32Array(36);
    for (let tap = 0; tap < 9; tap++) {
      for (const c of [0, 1]) {
        weights[(tap * 2 + c) * 2] = tap === 1 ? 10 : 1;
        weights[(tap * 2 + c) * 2 + 1] = tap % 2 === 0 ? 3 : 0;
      }
    }
    parameters.set('b/kernel', weights);
    const before = labOf(SMALL, { stages: [map(40)] }, { parameters });
    expect((await before.run.decide(40, denseStructure(SMALL))).structure.channels['b']).toEqual([0]);
    const lab = labOf(SMALL, { stages: [map(40)] }, { parameters });
    const structure = { ...denseStructure(SMALL), taps: { b: { stride: 2, offsets: [0, 0] } } };
    const decision = await lab.run.decide(40, structure);
    expect(decision.structure).toEqual({ ...structure, channels: { ...structure.channels, b: [1] } });
  });

  test('strided taps after maps choose offsets for the source maps that are left', async () => {
    const lab = labOf(micro, { stages: [map(40, 0.5), stride(60, 2, 'random')] });
    const [maps, taps] = await decideAll(lab, [40, 60]);
    const kept = maps?.structure.channels['conv2'] ?? [];
    const offsets = kept.map((map_) => taps?.structure.taps?.['conv3']?.offsets[map_]);
    expect(offsets.filter((offset) => offset === 0)).toHaveLength(4);
    expect(offsets.filter((offset) => offset === 1)).toHaveLength(4);
    expect(taps?.structure.taps?.['conv3']?.offsets).toHaveLength(16);
    expect(taps?.structure.channels).toEqual(maps?.structure.channels);
  });
});

describe('kernels', () => {
  test('maps whose kernels all went leave the network, and say so', async () => {
    const parameters = new Map(labOf(micro, {}).parameters);
    const tiny = (name: string, kept: (index: number) => boolean) =>
      parameters.set(
        name,
        (parameters.get(name) ?? new Float32Array()).map((value, i) => (kept(i) ? value : 1e-9 * value)),
      );
    // Of conv3's 16x16 kernels nothing large writes map 5, nothing large reads map 7 of conv2.
    tiny('conv3/kernel', (i) => i % 16 !== 5 && Math.floor(i / 16) % 16 !== 7);
    const { run, decision, report } = await one(micro, kernel(40, 225 / 256), {}, { parameters });
    expect(decision.structure.channels['conv3']).toEqual([...Array(16).keys()].filter((c) => c !== 5));
    expect(decision.structure.channels['conv2']).toEqual([...Array(16).keys()].filter((c) => c !== 7));
    expect(decision.reasons.map(({ layer, channel, fate }) => [layer, channel, fate])).toEqual([
      ['conv2', 7, 'pruned'],
      ['conv3', 5, 'pruned'],
    ]);
    expect(run.prunable).toEqual(['conv1', 'conv2', 'conv3', 'conv4']);
    expect(report.layers.find(({ layer }) => layer === 'conv3')).toMatchObject({ weights: { kept: 225 * 9 } });
  });

  test('save weights, but no rows of the matrix product', async () => {
    const { report, decision } = await one(micro, kernel(40, 0.5, 'random'));
    expect(decision.structure).toEqual(denseStructure(micro));
    for (const { layer, lowered, weights } of report.layers) {
      expect(lowered?.kept.rows).toBe(lowered?.dense.rows);
      if (/conv[234]/.test(layer)) expect(weights.kept).toBe(weights.dense / 2);
    }
    expect(report.shares.macs).toBeGreaterThan(0.2);
  });
});

describe('reasons', () => {
  test('every map that was weighed gets one sentence; magnitude tells scores and ranks', async () => {
    for (const choose of ['magnitude', 'random', 'particles']) {
      const { decision } = await one(micro, map(40, 0.75, choose));
      expect(decision.reasons).toHaveLength(16 + 16 + 32);
      for (const { layer, channel, fate, text, score } of decision.reasons) {
        expect(fate).toBe(decision.structure.channels[layer]?.includes(channel) ? 'kept' : 'pruned');
        expect(text).toMatch(/^(Kept|Pruned): .*\.$/);
        expect(score === undefined).toBe(choose !== 'magnitude');
      }
    }
    const { decision, report } = await one(micro, map(40, 0.75, 'particles'));
    expect(decision.reasons[0]?.text).toContain(
      `${((report.chosen?.accuracy ?? 0) * 100).toFixed(1)} % on 200 held-out images`,
    );
  });
});

describe('fixed point', () => {
  test('quantises every kernel, from the weights that survive, and leaves the pattern as it is', async () => {
    const network = buildNetwork('mobilenetv2-cifar', 0.25);
    const lab = labOf(network, { stages: [map(40, 0.5), kernel(50, 0.5, 'random')], bits: '4', bitsAt: 60 });
    const [, pruned] = await decideAll(lab, [40, 50]);
    const structure = pruned?.structure ?? { channels: {} };
    const before = lab.run.rules?.() ?? new Map();
    train(lab.parameters, 60, lab.run);
    // Weights of maps that went are still there, and must not stretch a step.
    const surviving = new Map<string, number[]>();
    for (const gather of compact(network, structure).gathers) {
      const { name } = gather.full;
      const values = lab.parameters.get(name) ?? new Float32Array();
      const junk = values.map(() => 1e6);
      const own: number[] = [];
      forEachKept(gather, (_, index) => {
        junk[index] = values[index] ?? 0;
        if (before.get(name)?.mask?.[index] !== 0) own.push(values[index] ?? 0);
        else junk[index] = 1e6;
      });
      surviving.set(name, own);
      lab.parameters.set(name, junk);
    }
    const decision = await lab.run.decide(60, structure);
    expect(decision.structure).toEqual(structure);
    expect(decision.reasons).toEqual([]);
    const report = stageOf(decision);
    expect(report).toMatchObject({ index: 2, granularity: 'bits', chosen: null, units: null });
    const rules = lab.run.rules?.() ?? new Map();
    expect([...rules.keys()].toSorted((a, b) => a.localeCompare(b))).toEqual(
      [...lab.parameters.keys()].filter((name) => name.endsWith('/kernel')).toSorted((a, b) => a.localeCompare(b)),
    );
    for (const [name, { mask, quantiser }] of rules) {
      expect(mask).toEqual(before.get(name)?.mask);
      const { step, levels } = fitQuantiser(surviving.get(name) ?? [], 4);
      expect(quantiser, name).toEqual({ step, levels });
    }
    for (const { layer, quantiser } of report.layers) {
      expect(quantiser).toEqual({ bits: 4, step: rules.get(`${layer}/kernel`)?.quantiser?.step });
    }
    // The same bits but for the weights' own: 4 for 32 each, and a step of 32 bits a layer.
    const weights = report.layers.reduce((sum, layer) => sum + layer.weights.kept, 0);
    expect(report.storage.quantised).toBe(report.storage.compact - 28 * weights + 32 * report.layers.length);
  });

  test('is not due without bits; recalibration can be switched off', async () => {
    const off = labOf(micro, { stages: [map(40)], bitsAt: 60 });
    expect([39, 40, 41, 60].map((step) => off.run.dueAt(step))).toEqual([false, true, false, false]);
    const on = labOf(micro, { stages: [map(40)], bits: '8', bitsAt: 60, recalibrate: 0 });
    expect(on.run.dueAt(60)).toBe(true);
    const dense = denseStructure(micro);
    expect((await off.run.decide(40, dense)).recalibrate).toBe(4);
    expect('recalibrate' in (await on.run.decide(40, dense))).toBe(false);
    expect('recalibrate' in (await on.run.decide(60, dense))).toBe(false);
  });
});

describe('networks', () => {
  test('prunable are the maps that the stages may take', () => {
    const prunable = (network: Network, stages: Given['stages']) =>
      labOf(network, { stages: stages ?? [] }).run.prunable;
    expect(prunable(micro, [map(40)])).toEqual(['conv2', 'conv3', 'conv4']);
    expect(prunable(micro, [stride(40)])).toEqual([]);
    expect(prunable(resnet, [map(40)])).toEqual([...Array(9).keys()].map((i) => `block${i + 1}.conv1`));
    // Residual streams lose a map where no kernel writes it any more.
    expect(prunable(resnet, [kernel(40)])).toContain('block1.conv2');
  });

  test('MobileNetV2 loses expanded maps with their depthwise kernels, whose taps and kernels are not eligible', async () => {
    const network = buildNetwork('mobilenetv2-cifar', 0.25);
    const { report, decision } = await one(network, map(40, 0.5));
    checkStructure(network, decision.structure);
    const depthwise = report.layers.find(({ layer }) => layer === 'block3.depthwise');
    expect(depthwise).toMatchObject({ eligible: false, lowered: null });
    expect(depthwise?.weights.kept).toBe((depthwise?.weights.dense ?? 0) / 2);
    expect(report.shares.weights).toBeGreaterThan(0.3);
  });
});
