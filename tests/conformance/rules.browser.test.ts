import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Network,
  type Node,
  type Tensors,
  buildNetwork,
  denseStructure,
  inputsOf,
  parametersOf,
  sizeOf,
} from '../../src/core/network/index.ts';
import { random4, toUnit } from '../../src/core/random/random.ts';
import type { Checkpoint, Engine, Hyper, Trainer, UpdateRule } from '../../src/engine/engine.ts';
import type { Rules } from '../../src/engine/rules.ts';
import { ParameterStore } from '../../src/engine/store.ts';
import { type Tfjs, loadTfjs } from '../../src/engine/tfjs/backend.ts';
import { openTfjsEngine } from '../../src/engine/tfjs/index.ts';
import { updateTensor } from '../../src/engine/tfjs/optimiser.ts';
import { RunningRules } from '../../src/engine/tfjs/rules.ts';
import { type WebGpuEngine, openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import {
  HYPER,
  type Images,
  differing,
  distance,
  hyperAt,
  openTrainer,
  randomStructure,
  realImages,
} from './harness.ts';

/**
 * Every step starts from equal parameters. Fed with our own gradients stock tfjs makes the same update of every tensor
 * within rounding. With its own gradients it makes nearly the same step, all tensors taken together: gradients of two
 * float32 programs differ a little, and in four images through a mobilenet a tenth of its width single values on
 * different sides of a ReLU6's bend change small tensors by a tenth.
 */
const ARITHMETIC_TOLERANCE = 1e-5;
const STEP_TOLERANCE = 0.03;
const BATCH = 4;

let webgpu: WebGpuEngine;
let tfjs: Engine;
let tf: Tfjs;
let images: Images;
beforeAll(async () => {
  webgpu = await openWebGpuEngine();
  tfjs = await openTfjsEngine({ backend: 'cpu' });
  tf = await loadTfjs('cpu');
  images = await realImages(32);
});
afterAll(() => webgpu.dispose());

const noise = (seed: number, index: number): number => toUnit(random4(seed, 'init', 99, index)[0]);
const sizes = (network: Network): ReadonlyMap<string, number> =>
  new Map(parametersOf(network).map(({ name, shape }) => [name, sizeOf(shape)]));
const fill = (network: Network, name: string, value: (index: number) => number): Float32Array =>
  Float32Array.from({ length: sizes(network).get(name) ?? 0 }, (_, i) => value(i));
/** Zeros for about a third of a tensor's entries, ones elsewhere. */
const maskOf = (network: Network, name: string): Float32Array => fill(network, name, (i) => Number(noise(5, i) > 0.35));
const quantiser = { step: 0.05, levels: 3 };

/** |a - b| / |b - start| over all tensors of `b`. */
function apart(a: Tensors, b: Tensors, start?: Tensors): number {
  let [difference, step] = [0, 0];
  for (const [name, values] of b) {
    values.forEach((value, i) => {
      difference += ((a.get(name)?.[i] ?? NaN) - value) ** 2;
      step += (value - (start?.get(name)?.[i] ?? 0)) ** 2;
    });
  }
  return Math.sqrt(difference / step);
}

/** A network with a gate behind every batch norm. */
function gated(network: Network): Network {
  const gateOf = (id: string): string =>
    network.nodes.some((node) => node.id === id && node.op === 'batchNorm') ? `${id}.gate` : id;
  const nodes = network.nodes.flatMap((node): Node[] => {
    if (node.op === 'batchNorm') return [node, { id: `${node.id}.gate`, op: 'gate', input: node.id }];
    if (node.op === 'add') return [{ ...node, inputs: [gateOf(node.inputs[0]), gateOf(node.inputs[1])] }];
    return node.op === 'input' ? [node] : [{ ...node, input: gateOf(inputsOf(node)[0] ?? '') }];
  });
  return { id: `gated-${network.id}`, nodes };
}

/** Tensors of every kind that the network has, from its start, middle and end. */
function ruled(network: Network): readonly string[] {
  const specs = parametersOf(network);
  const named = (role: string): string[] => specs.filter((spec) => spec.role === role).map(({ name }) => name);
  const kernels = named('kernel');
  const depthwise = specs.find(({ shape }) => shape.length === 4 && shape[3] === 1)?.name;
  const chosen = [
    kernels[0],
    kernels[Math.floor(kernels.length / 2)],
    depthwise,
    kernels.at(-1),
    named('gamma')[1],
    named('beta')[0],
    named('gate')[0],
    named('bias').at(-1),
  ];
  return [...new Set(chosen.filter((name) => name !== undefined))];
}

type RuleOf = (network: Network, name: string) => UpdateRule;
const RULES: Readonly<Record<string, RuleOf>> = {
  mask: (network, name) => ({ mask: maskOf(network, name) }),
  'gradient mask': (network, name) => ({ gradientMask: fill(network, name, (i) => noise(6, i)) }),
  L1: () => ({ penalty: { kind: 'l1', strength: 0.02 } }),
  'group lasso': () => ({ penalty: { kind: 'groupLasso', strength: 0.02 } }),
  'own gradient': (network, name) => ({
    penalty: { kind: 'gradient', values: fill(network, name, (i) => 0.1 * (noise(7, i) - 0.5)) },
  }),
  proximal: () => ({ proximal: 0.2 }),
  quantiser: () => ({ quantiser }),
  'learning rate, momentum and weight decay': () => ({ learningRateScale: 0.3, momentum: 0.4, weightDecay: 0.02 }),
  'all at once': (network, name) => ({
    mask: maskOf(network, name),
    gradientMask: fill(network, name, (i) => noise(8, i)),
    penalty: { kind: 'groupLasso', strength: 0.02 },
    proximal: 0.05,
    quantiser,
    learningRateScale: 1.5,
    momentum: 0.7,
    weightDecay: 0.01,
  }),
  'a different one for each tensor': (network, name) => {
    const kinds = [RULES['mask'], RULES['L1'], RULES['quantiser'], RULES['group lasso'], RULES['proximal']];
    return kinds[ruled(network).indexOf(name) % kinds.length]?.(network, name) ?? {};
  },
};

const rulesFor = (network: Network, rule: RuleOf): Rules =>
  new Map(ruled(network).map((name) => [name, rule(network, name)]));

/** The update of stock tfjs from a checkpoint, on given gradients. */
async function stockUpdate(
  network: Network,
  start: Checkpoint,
  gradients: Tensors,
  rules: Rules,
  hyper: Hyper,
): Promise<{ parameters: Tensors; momentum: Tensors }> {
  const running = new RunningRules(tf, ParameterStore.restored(network, start), rules);
  const [parameters, momentum] = [new Map<string, Float32Array>(), new Map<string, Float32Array>()];
  for (const spec of parametersOf(network)) {
    const gradient = gradients.get(spec.name);
    if (!gradient) continue;
    const shape = [...spec.shape];
    const tensor = {
      spec,
      values: tf.variable(tf.tensor(start.parameters.get(spec.name) ?? [], shape)),
      momentum: tf.variable(tf.tensor(start.momentum.get(spec.name) ?? [], shape)),
    };
    updateTensor(tf, tensor, tf.tensor(gradient, shape), hyper, running.of(spec.name));
    parameters.set(spec.name, Float32Array.from(await tensor.values.data()));
    momentum.set(spec.name, Float32Array.from(await tensor.momentum.data()));
    tf.dispose([tensor.values, tensor.momentum]);
  }
  running.dispose();
  return { parameters, momentum };
}

/** Trains steps under rules; each must be the one that stock tfjs makes from the same state. */
async function compareSteps(network: Network, ours: Trainer, theirs: Trainer, rules: Rules): Promise<void> {
  await ours.setRules(rules);
  await theirs.setRules(rules);
  for (let turn = 0; turn < 3; turn++) {
    const hyper = { ...HYPER, nesterov: turn !== 1 };
    const start = await ours.checkpoint();
    await theirs.restore(start);
    const { tensors } = await ours.gradients({ inputs: { step: start.step } });
    const expected = await stockUpdate(network, start, tensors, rules, hyper);
    await ours.train(1, () => hyper);
    await theirs.train(1, () => hyper);
    const [mine, stock] = [await ours.checkpoint(), await theirs.checkpoint()];
    for (const [name, values] of expected.parameters) {
      const where = `${name} after turn ${turn}`;
      expect(distance(mine.parameters.get(name), values), where).toBeLessThan(ARITHMETIC_TOLERANCE);
      expect(distance(mine.momentum.get(name), expected.momentum.get(name)), `momentum of ${where}`).toBeLessThan(
        ARITHMETIC_TOLERANCE,
      );
    }
    expectNear(start, mine, stock);
  }
}

/** Expects a step of ours to be nearly the one that stock tfjs makes on gradients of its own. */
function expectNear(start: Checkpoint, mine: Checkpoint, stock: Checkpoint): void {
  const difference = apart(mine.parameters, stock.parameters, start.parameters);
  expect(difference, `parameters after step ${start.step}`).toBeLessThan(STEP_TOLERANCE);
  expect(apart(mine.momentum, stock.momentum), `momentum after step ${start.step}`).toBeLessThan(STEP_TOLERANCE);
}

const MICRO = buildNetwork('convnet-micro', 0.5);
/** Deep networks, where stock tfjs takes seconds a step, meet the rules in company. */
const TOGETHER = ['all at once', 'a different one for each tensor'];
const NETWORKS: readonly (readonly [network: Network, rules: readonly string[]])[] = [
  [MICRO, Object.keys(RULES)],
  [gated(MICRO), Object.keys(RULES)],
  [buildNetwork('mobilenetv2-cifar', 0.1), TOGETHER],
  [gated(buildNetwork('resnet20', 0.25)), TOGETHER],
];

describe.each(NETWORKS.map(([network, names]) => [network.id, network, names] as const))('%s', (_, network, names) => {
  let ours: Trainer;
  let theirs: Trainer;
  beforeAll(async () => {
    ours = await openTrainer(webgpu, network, images, { batchSize: BATCH });
    theirs = await openTrainer(tfjs, network, images, { batchSize: BATCH });
    await ours.train(1, hyperAt);
  });
  afterAll(() => {
    for (const trainer of [ours, theirs]) trainer.dispose();
  });

  test.each(names)('three updates equal stock tfjs: %s', async (name) => {
    const rule = RULES[name];
    if (!rule) throw new Error(`no rule is called "${name}"`);
    await compareSteps(network, ours, theirs, rulesFor(network, rule));
  });
});

describe.each([MICRO, buildNetwork('resnet20', 0.25)].map((network) => [gated(network).id, gated(network)] as const))(
  '%s',
  (_, network) => {
    test('trains; losses and gradients, those of gates among them, equal stock tfjs', async () => {
      const ours = await openTrainer(webgpu, network, images, { batchSize: BATCH });
      const theirs = await openTrainer(tfjs, network, images, { batchSize: BATCH });
      const gates = parametersOf(network).filter(({ role }) => role === 'gate');
      for (let step = 0; step < 3; step++) {
        await theirs.restore(await ours.checkpoint());
        const request = { inputs: { step } };
        const [mine, stock] = [await ours.gradients(request), await theirs.gradients(request)];
        expect(Math.abs(mine.loss - stock.loss) / stock.loss).toBeLessThan(1e-4);
        for (const { name } of gates) {
          expect(distance(mine.tensors.get(name), stock.tensors.get(name)), `${name} in step ${step}`).toBeLessThan(
            0.02,
          );
        }
        await ours.train(1, hyperAt);
      }
      const after = await ours.read();
      expect(gates.every(({ name }) => after.get(name)?.some((value) => value !== 1))).toBe(true);
    });
  },
);

describe('on convnet-micro', () => {
  const network = MICRO;
  const kernel = ruled(network)[1] ?? '';
  const open = (options: Partial<Parameters<typeof openTrainer>[3]> = {}): Promise<Trainer> =>
    openTrainer(webgpu, network, images, { batchSize: BATCH, ...options });

  test('rules that change nothing, and rules taken back, leave training as it was, bit for bit', async () => {
    const [plain, empty, taken] = [await open(), await open(), await open()];
    const { bytes } = plain;
    await empty.setRules(new Map([[kernel, {}]]));
    await taken.setRules(rulesFor(network, RULES['all at once'] ?? (() => ({}))));
    expect(taken.bytes).toBeGreaterThan(bytes);
    await taken.setRules(new Map());
    expect(taken.bytes).toBe(bytes);
    await taken.restore(await plain.checkpoint());
    for (const trainer of [plain, empty, taken]) await trainer.train(3, hyperAt);
    const expected = await plain.checkpoint();
    for (const trainer of [empty, taken]) {
      const { parameters, momentum } = await trainer.checkpoint();
      expect(differing(expected.parameters, parameters)).toEqual([]);
      expect(differing(expected.momentum, momentum)).toEqual([]);
    }
  });

  test('a rule of one tensor does not touch the update of the others', async () => {
    const [plain, withRule] = [await open(), await open()];
    await withRule.setRules(new Map([[kernel, { penalty: { kind: 'l1', strength: 0.1 } }]]));
    for (const trainer of [plain, withRule]) await trainer.train(1, hyperAt);
    expect(differing(await plain.read(), await withRule.read())).toEqual([kernel]);
  });

  test('a frozen tensor stays bit-identical', async () => {
    const trainer = await open();
    const before = await trainer.read();
    const frozen: UpdateRule = { gradientMask: fill(network, kernel, () => 0), weightDecay: 0 };
    await trainer.setRules(new Map([[kernel, frozen]]));
    await trainer.train(3, hyperAt);
    const after = await trainer.read();
    expect(differing(before, after)).not.toContain(kernel);
    expect(differing(before, after).length).toBeGreaterThan(5);
  });

  describe('masks', () => {
    const mask = maskOf(network, kernel);
    const masked = (tensor: Float32Array | undefined): number[] => [...(tensor ?? [])].filter((_, i) => mask[i] === 0);
    const zeros = masked(mask);
    const check = async (trainer: Trainer): Promise<void> => {
      const { parameters, momentum } = await trainer.checkpoint();
      expect(masked(parameters.get(kernel))).toEqual(zeros);
      expect(masked(momentum.get(kernel))).toEqual(zeros);
    };

    test('act at once, channels that are off included, and hold through whatever follows', async () => {
      const trainer = await open();
      await trainer.train(2, hyperAt);
      await trainer.restructure(randomStructure(network, 0.5, 7));
      const start = await trainer.checkpoint();
      await trainer.setRules(new Map([[kernel, { mask }]]));
      expect(zeros.length).toBeGreaterThan(10);
      await check(trainer);
      const kept = (values: Float32Array | undefined): Float32Array | undefined =>
        values?.filter((_, i) => mask[i] !== 0);
      expect(kept((await trainer.read()).get(kernel))).toEqual(kept(start.parameters.get(kernel)));
      await trainer.train(2, hyperAt);
      await check(trainer);
      await trainer.restructure(denseStructure(network));
      await trainer.train(1, hyperAt);
      await check(trainer);
      await trainer.write(new Map([[kernel, mask.map(() => 1)]]));
      await check(trainer);
      expect(kept((await trainer.read()).get(kernel))?.every((value) => value === 1)).toBe(true);
      await trainer.restore(start);
      await check(trainer);
    });
  });

  describe('quantised weights', () => {
    const quantised = (w: number): number =>
      Math.sign(w) * quantiser.step * Math.min(Math.floor(Math.abs(w) / quantiser.step + 0.5), quantiser.levels);
    const names = ruled(network);

    test('are what the network computes with, while read and checkpoints show full precision', async () => {
      const [trainer, exact, plain] = [await open(), await open(), await open()];
      const before = await trainer.read();
      const rounded = names.map((name) => [name, before.get(name)?.map(quantised) ?? new Float32Array()] as const);
      await exact.write(new Map(rounded));
      const rules = new Map(names.map((name) => [name, { quantiser }]));
      await trainer.setRules(rules);
      expect(differing(before, await trainer.read())).toEqual([]);
      const logits = await plain.predict(images.pixels);
      const [mine, expected] = [await trainer.predict(images.pixels), await exact.predict(images.pixels)];
      expect(distance(mine, expected)).toBeLessThan(1e-5);
      expect(distance(mine, logits)).toBeGreaterThan(1e-2);
      // Taken back, the network computes with full precision again.
      await trainer.setRules(new Map());
      expect(await trainer.predict(images.pixels)).toEqual(logits);
      await trainer.setRules(rules);
      await trainer.write(new Map([[kernel, before.get(kernel) ?? new Float32Array()]]));
      expect(await trainer.predict(images.pixels)).toEqual(mine);
    });

    test('resume bit-identically from a checkpoint', async () => {
      const [undisturbed, resumed] = [await open(), await open()];
      const rules = new Map(names.map((name) => [name, { quantiser }]));
      for (const trainer of [undisturbed, resumed]) await trainer.setRules(rules);
      await undisturbed.train(2, hyperAt);
      const checkpoint = await undisturbed.checkpoint();
      await undisturbed.train(2, hyperAt);
      await resumed.restore(checkpoint);
      await resumed.train(2, hyperAt);
      expect(differing(await undisturbed.read(), await resumed.read())).toEqual([]);
    });

    test('round halves away from zero and stop at the last level', async () => {
      const bias = Float32Array.of(0.25, -0.25, 0.2, -0.7, 0.75, -5, 5, 1.2, 0, -0.24);
      const name = names.find((candidate) => candidate.endsWith('/bias')) ?? '';
      const trainer = await open();
      await trainer.write(new Map([[name, bias]]));
      const logits = await trainer.predict(images.pixels.subarray(0, 3_072));
      await trainer.setRules(new Map([[name, { quantiser: { step: 0.5, levels: 2 } }]]));
      const rounded = await trainer.predict(images.pixels.subarray(0, 3_072));
      const shift = rounded.map((value, i) => value - (logits[i] ?? NaN) + (bias[i] ?? NaN));
      expect(distance(shift, Float32Array.of(0.5, -0.5, 0, -0.5, 1, -1, 1, 1, 0, 0))).toBeLessThan(1e-5);
    });
  });

  test('rules follow the structure, pruned and regrown, as in stock tfjs', async () => {
    const rules = rulesFor(network, RULES['all at once'] ?? (() => ({})));
    const structure = randomStructure(network, 0.6, 3);
    const inputs = parametersOf(network).find(({ name }) => name === kernel)?.shape[2] ?? 0;
    const mask = maskOf(network, kernel);
    const ours = await open();
    const theirs = await openTrainer(tfjs, network, images, { batchSize: BATCH });
    for (const trainer of [ours, theirs]) await trainer.setRules(rules);
    const taps = { [kernel.replace('/kernel', '')]: { stride: 2, offsets: Array.from(mask.subarray(0, inputs)) } };
    for (const next of [structure, { ...structure, taps }, denseStructure(network)]) {
      await ours.restructure(next);
      for (let turn = 0; turn < 2; turn++) {
        const start = await ours.checkpoint();
        await theirs.restore(start);
        for (const trainer of [ours, theirs]) await trainer.train(1, hyperAt);
        expectNear(start, await ours.checkpoint(), await theirs.checkpoint());
      }
    }
  });

  test('masked execution equals compact execution under rules', async () => {
    const structure = randomStructure(network, 0.6, 3);
    const [compact, masked] = [await open({ structure }), await open({ structure, execution: 'masked' })];
    const rules = rulesFor(network, RULES['all at once'] ?? (() => ({})));
    for (const trainer of [compact, masked]) await trainer.setRules(rules);
    for (let turn = 0; turn < 3; turn++) {
      const start = await compact.checkpoint();
      await masked.restore(start);
      for (const trainer of [compact, masked]) await trainer.train(1, hyperAt);
      expectNear(start, await compact.checkpoint(), await masked.checkpoint());
    }
  });

  test('two identical runs are bit-identical, however they are cut into calls', async () => {
    const rules = rulesFor(network, RULES['all at once'] ?? (() => ({})));
    const [once, again] = [await open(), await open()];
    again.setPace('smooth');
    for (const trainer of [once, again]) await trainer.setRules(rules);
    await once.train(4, hyperAt);
    for (const steps of [1, 3]) await again.train(steps, hyperAt);
    expect(differing(await once.read(), await again.read())).toEqual([]);
  });

  test('rules that do not fit are refused with a sentence and change nothing', async () => {
    const trainer = await open();
    const before = await trainer.checkpoint();
    const refused = async (name: string, rule: UpdateRule, message: RegExp): Promise<void> =>
      expect(trainer.setRules(new Map([[name, rule]]))).rejects.toThrow(message);
    const mean = parametersOf(network).find(({ role }) => role === 'mean')?.name ?? '';
    await refused('nothing/kernel', {}, /has no trained tensor "nothing\/kernel"/);
    await refused(mean, {}, /has no trained tensor/);
    await refused(kernel, { mask: new Float32Array(3) }, /the mask of .* must have \d+ values, not 3/);
    await refused(kernel, { quantiser: { step: 0, levels: 3 } }, /needs a step above 0/);
    expect(await trainer.checkpoint()).toEqual(before);
  });
});
