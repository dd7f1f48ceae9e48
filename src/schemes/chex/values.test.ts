import type { Tensor, Tensor4D } from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type Network,
  type Structure,
  type Tensors,
  buildNetwork,
  groupByNode,
  groupsOf,
  initialParameters,
  keptOf,
  parametersOf,
  sizeOf,
} from '../../core/network/index.ts';
import { ParameterStore } from '../../engine/store.ts';
import { type Tfjs, loadTfjs } from '../../engine/tfjs/backend.ts';
import { forward } from '../../engine/tfjs/forward.ts';
import { prunableLayers } from './layers.ts';
import { STEPS, disturb, explore } from './testing.ts';
import { freshValues } from './values.ts';

const HALF = { kind: 'channels', keep: 0.5 } as const;

/** Every full-size entry that belongs to a channel: its row, the readers' column, BN scale, shift and statistics. */
function entriesOf(network: Network, tensors: Tensors, group: string, channel: number): number[] {
  const groupOf = groupByNode(groupsOf(network));
  return parametersOf(network).flatMap(({ name, shape, axes }) => {
    const values = [...(tensors.get(name) ?? [])];
    const own = axes.map((node) => node !== null && groupOf.get(node)?.id === group);
    const channels = groupOf.get(group)?.channels ?? 1;
    if (!own.includes(true)) return [];
    return values.filter((_, index) => {
      let rest = index;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const size = shape[axis] ?? 1;
        // Behind a flatten the channels come once a pixel.
        if (own[axis] && (rest % size) % channels === channel) return true;
        rest = Math.floor(rest / size);
      }
      return false;
    });
  });
}

/** Trains in the stores' terms: only the compact tensors change, all of their values. */
function train(store: ParameterStore, seed: number): void {
  const running = store.gather(store.parameters);
  for (const [name, values] of running)
    running.set(
      name,
      values.map((value, i) => value + 0.1 * Math.sin(seed + i * 7.7)),
    );
  store.scatter(running, store.parameters);
}

let tf: Tfjs;
beforeAll(async () => {
  tf = await loadTfjs('cpu');
});

/** Logits on two noise images by stock tfjs, with the batch's statistics: compact, or full-size with zeros. */
function logitsOf(
  network: Network,
  structure: Structure,
  tensors: Tensors,
  execution: 'compact' | 'masked' = 'compact',
): number[] {
  const store = new ParameterStore(network, structure, tensors, execution);
  const running = store.gather(tensors);
  const shapes = new Map(parametersOf(store.running).map(({ name, shape }) => [name, [...shape]]));
  return tf.tidy(() => {
    const parameter = (name: string): Tensor => tf.tensor(running.get(name) ?? [], shapes.get(name));
    const images = tf.randomUniform([2, 32, 32, 3], -1, 1, 'float32', 7) as Tensor4D;
    return [...forward(tf, store.running, parameter, images, true).logits.dataSync()];
  });
}

describe('most recently used values', () => {
  test('a channel pruned at one update and regrown at a later one comes back bit for bit', async () => {
    const network = buildNetwork('convnet-micro');
    const parameters = new Map(initialParameters(network, 1));
    const { run, start } = await explore(network, HALF, {}, 1, parameters);
    const store = new ParameterStore(network, start.structure, parameters);
    // The run reads what the store holds: the same map.
    for (const [name, values] of store.parameters) parameters.set(name, values);
    const whenPruned = new Map<string, number[]>();
    let structure: Structure = start.structure;
    let compared = 0;
    for (let step = 1; step <= STEPS; step++) {
      train(store, step);
      if (!run.dueAt(step)) continue;
      const before = new Map([...store.parameters].map(([name, values]) => [name, values.slice()]));
      const decision = await run.decide(step, structure);
      expect(decision.write).toBeUndefined();
      store.restructure(decision.structure);
      for (const { group } of prunableLayers(network)) {
        const was = keptOf(structure, group);
        const now = keptOf(decision.structure, group);
        for (let channel = 0; channel < group.channels; channel++) {
          const key = `${group.id}/${channel}`;
          if (was.includes(channel) && !now.includes(channel)) {
            whenPruned.set(key, entriesOf(network, before, group.id, channel));
          }
          const saved = whenPruned.get(key);
          if (was.includes(channel) || !now.includes(channel) || !saved) continue;
          expect(entriesOf(network, store.parameters, group.id, channel)).toEqual(saved);
          expect(saved.length).toBeGreaterThan(9);
          compared++;
        }
      }
      ({ structure } = decision);
    }
    expect(compared).toBeGreaterThan(5);
  });
});

test('after an update masked and compact execution give the same outputs, masked entries are 0', async () => {
  for (const [id, width] of [
    ['convnet-micro', 0.5],
    ['resnet20', 0.5],
    ['cnn-small', 0.05],
    ['mobilenetv2-cifar', 0.1],
  ] as const) {
    const network = buildNetwork(id, width);
    const { run, parameters, start } = await explore(network, HALF, {}, 1, new Map(initialParameters(network, 1)));
    disturb(parameters, 0.3, 1);
    const { structure } = await run.decide(4, start.structure);
    const masked = new ParameterStore(network, structure, parameters, 'masked').gather(parameters);
    for (const { group } of prunableLayers(network)) {
      const off = Array.from({ length: group.channels }, (_, c) => c).filter(
        (c) => !keptOf(structure, group).includes(c),
      );
      for (const channel of off) expect(new Set(entriesOf(network, masked, group.id, channel))).toEqual(new Set([0]));
    }
    const compact = logitsOf(network, structure, parameters);
    logitsOf(network, structure, parameters, 'masked').forEach((logit, i) =>
      expect(logit).toBeCloseTo(compact[i] ?? NaN, 4),
    );
  }
});

describe('other values', () => {
  async function regrowWith(values: 'zero' | 'random') {
    const network = buildNetwork('convnet-micro');
    const { run, parameters, start } = await explore(network, HALF, { values });
    disturb(parameters, 0.3, 2);
    const decision = await run.decide(4, start.structure);
    const after: Tensors = new Map([...parameters, ...(decision.write ?? [])]);
    const back = (layer: string): number[] =>
      decision.reasons.flatMap((reason) =>
        reason.fate === 'regrown' && reason.layer === layer ? [reason.channel] : [],
      );
    return { network, parameters, start, decision, after, back };
  }

  test('zero: regrowing leaves the network’s function as it is, whatever the channels compute', async () => {
    const { network, parameters, start, decision, after, back } = await regrowWith('zero');
    const newly = prunableLayers(network).flatMap(({ conv }) => back(conv));
    expect(newly.length).toBeGreaterThan(3);
    // The new structure without the channels that came back, and with them.
    const without = Object.fromEntries(
      Object.entries(decision.structure.channels).map(([id, kept]) => {
        const was = start.structure.channels[id] ?? [];
        return [id, kept.filter((channel) => was.includes(channel))];
      }),
    );
    const expected = logitsOf(network, { channels: without }, parameters);
    const silent = logitsOf(network, decision.structure, after);
    silent.forEach((logit, i) => expect(logit).toBeCloseTo(expected[i] ?? NaN, 5));
    // With their most recently used values they would change it.
    const loud = logitsOf(network, decision.structure, parameters);
    expect(Math.max(...loud.map((logit, i) => Math.abs(logit - (expected[i] ?? NaN))))).toBeGreaterThan(1e-3);
    // Their own weights are untouched, so that they have something to say and their outgoing weights get a gradient.
    expect([...(decision.write?.keys() ?? [])].every((name) => /^(conv[234]|dense)\/kernel$/.test(name))).toBe(true);
    const kernel = (tensors: Tensors): number[] => [...(tensors.get('conv1/kernel') ?? [])];
    expect(kernel(after)).toEqual(kernel(parameters));
  });

  test('random: everything of the channel starts anew, nothing else changes', async () => {
    const { parameters, after, back } = await regrowWith('random');
    const regrown = back('conv2');
    expect(regrown.length).toBeGreaterThan(0);
    for (const [role, start] of [
      ['gamma', 0.5],
      ['beta', 0],
      ['mean', 0],
      ['variance', 1],
    ] as const) {
      const name = `conv2.bn/${role}`;
      after.get(name)?.forEach((value, channel) => {
        expect(value).toBe(regrown.includes(channel) ? start : parameters.get(name)?.[channel]);
      });
    }
    // conv3 [3, 3, 16, 16]: columns of regrown inputs and rows of regrown outputs are new, the others are not.
    const outputs = back('conv3');
    const before = parameters.get('conv3/kernel') ?? new Float32Array();
    after.get('conv3/kernel')?.forEach((value, i) => {
      const fresh = regrown.includes(Math.floor(i / 16) % 16) || outputs.includes(i % 16);
      expect(value !== before[i]).toBe(fresh);
    });
    const kernel = after.get('conv2/kernel') ?? new Float32Array();
    const own = [...kernel].filter((_, i) => regrown.includes(i % 16));
    const deviation = Math.sqrt(own.reduce((total, value) => total + value ** 2, 0) / own.length);
    // Kaiming-normal by fan-out: sqrt(2 / (9 * 16)) = 0.118.
    expect(deviation).toBeGreaterThan(0.09);
    expect(deviation).toBeLessThan(0.15);
  });

  test('reach every pixel behind a flatten and the kernel of a depthwise convolution', () => {
    const network: Network = {
      id: 'flat',
      nodes: [
        { id: 'input', op: 'input', shape: [2, 2, 1] },
        { id: 'a', op: 'conv', input: 'input', filters: 3, kernel: 1, stride: 1 },
        { id: 'a.bn', op: 'batchNorm', input: 'a' },
        { id: 'each', op: 'depthwiseConv', input: 'a.bn', kernel: 1, stride: 1 },
        { id: 'each.bn', op: 'batchNorm', input: 'each' },
        { id: 'flatten', op: 'flatten', input: 'each.bn' },
        { id: 'dense', op: 'dense', input: 'flatten', units: 2 },
      ],
    };
    const ones = new Map(
      parametersOf(network).map(({ name, shape }) => [name, new Float32Array(sizeOf(shape)).fill(7)]),
    );
    const back = new Map([['a', [1]]]);
    const zero = freshValues(network, back, 'zero', ones, { seed: 1, step: 4 });
    expect([...zero.keys()]).toEqual(['dense/kernel']);
    // Rows 1, 4, 7 and 10 of two columns: channel 1 of each of the four pixels.
    const rows = [7, 0, 7, 7, 0, 7, 7, 0, 7, 7, 0, 7];
    expect([...(zero.get('dense/kernel') ?? [])]).toEqual(rows.flatMap((value) => [value, value]));
    const random = freshValues(network, back, 'random', ones, { seed: 1, step: 4 });
    const changed = (name: string): number[] =>
      [...(random.get(name) ?? [])].flatMap((value, i) => (value === 7 ? [] : [i]));
    expect(changed('each/kernel')).toEqual([1]);
    expect(random.get('each.bn/gamma')).toEqual(Float32Array.of(7, 0.5, 7));
    expect(changed('dense/kernel')).toEqual([2, 3, 8, 9, 14, 15, 20, 21]);
  });

  test('random values differ from step to step and repeat with the seed', async () => {
    const kernelAt = async (step: number, seed: number): Promise<number[]> => {
      const { run, start } = await explore(buildNetwork('convnet-micro'), HALF, { values: 'random' }, seed);
      const { write, structure } = await run.decide(step, start.structure);
      const column = structure.channels['conv2']?.find(
        (channel) => !start.structure.channels['conv2']?.includes(channel),
      );
      return [...(write?.get('conv2/kernel') ?? [])].filter((_, i) => i % 16 === column);
    };
    expect(await kernelAt(4, 1)).toEqual(await kernelAt(4, 1));
    expect(await kernelAt(8, 1)).not.toEqual(await kernelAt(4, 1));
  });
});
