import { describe, expect, test } from 'vitest';
import {
  type Network,
  buildNetwork,
  compact,
  denseStructure,
  forEachKept,
  initialParameters,
  parametersOf,
} from '../core/network/index.ts';
import { MIXED, startOf } from '../engine/tfjs/testing.ts';
import { EXPORT_FORMATS, type ExportSource, exportOnnx, exportSafetensors, exportTfjs } from './index.ts';
import {
  applied,
  fileOf,
  imagesOf,
  memoryModel,
  openOnnx,
  quantisersOf,
  randomStructure,
  readSafetensors,
  tfjsLogits,
} from './testing.ts';

const network = buildNetwork('convnet-micro');
const source = (changes: Partial<ExportSource> = {}): ExportSource => ({
  network,
  structure: randomStructure(network, 3, true),
  tensors: startOf(network),
  ...changes,
});

describe('safetensors', () => {
  test('every kept value stands at its place, pruned taps are zero, and there is nothing else', () => {
    for (const net of [network, MIXED, buildNetwork('resnet20', 0.25)]) {
      const tensors = startOf(net);
      const run = { network: net, structure: randomStructure(net, 7, true), tensors };
      const full: ExportSource = { ...run, quantisers: quantisersOf(net, tensors) };
      const { tensors: read } = readSafetensors(fileOf(exportSafetensors(full), `${net.id}.safetensors`));
      const { gathers } = compact(net, full.structure);
      expect([...read.keys()]).toEqual(gathers.map((gather) => gather.compact.name));
      for (const gather of gathers) {
        const { name, shape } = gather.compact;
        const expected = new Float32Array(shape.reduce((a, b) => a * b, 1));
        forEachKept(gather, (small, large) => {
          expected[small] = applied(full, name, tensors.get(name)?.[large] ?? NaN);
        });
        expect(read.get(name)).toEqual({ dtype: 'F32', shape, values: expected });
      }
    }
  });

  test('the metadata describe the network, the original index of each channel and the normalisation', () => {
    const structure = { channels: { conv1: [1, 4, 6], conv2: [0, 15] }, taps: {} };
    const { metadata } = readSafetensors(fileOf(exportSafetensors(source({ structure })), 'convnet-micro.safetensors'));
    expect(JSON.parse(metadata['channels'] ?? '')).toMatchObject({
      conv1: [1, 4, 6],
      conv2: [0, 15],
      dense: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    });
    expect(JSON.parse(metadata['network'] ?? '').nodes[1]).toMatchObject({ id: 'conv1', filters: 3, kernel: 3 });
    expect(JSON.parse(metadata['normalisation'] ?? '')).toEqual({
      mean: [0.4914, 0.4822, 0.4465],
      deviation: [0.247, 0.2435, 0.2616],
    });
    expect(metadata['quantisers']).toBeUndefined();
  });
});

describe.each(EXPORT_FORMATS)('$title', ({ write }) => {
  test('is pure, and what was pruned leaves no trace', () => {
    const clean = source();
    const tensors = new Map([...clean.tensors].map(([name, values]) => [name, values.slice()]));
    const kept = new Map([...tensors].map(([name, values]) => [name, new Uint8Array(values.length)]));
    for (const gather of compact(network, clean.structure).gathers) {
      forEachKept(gather, (_, large) => kept.get(gather.full.name)?.fill(1, large, large + 1));
    }
    let pruned = 0;
    for (const [name, values] of tensors) {
      values.forEach((_, i) => {
        if (kept.get(name)?.[i] === 1) return;
        values[i] = NaN;
        pruned++;
      });
    }
    expect(pruned).toBeGreaterThan(1_000);
    expect(write({ ...clean, tensors })).toEqual(write(clean));
    expect(write(clean)).toEqual(write(clean));
    expect(clean.tensors).toEqual(startOf(network));
  });

  test('refuses with a sentence what does not fit', () => {
    const without = (name: string) => new Map([...startOf(network)].filter(([key]) => key !== name));
    const changed = (name: string, values: number[]) =>
      new Map([...startOf(network), [name, Float32Array.from(values)]]);
    const structure = denseStructure(network);
    const refused: [Partial<ExportSource>, RegExp][] = [
      [{ structure: { channels: { conv9: [0] } } }, /no channel group "conv9"/],
      [{ structure: { channels: { conv1: [0, 99] } } }, /must list channels 0 to 7/],
      [{ structure: { channels: {}, taps: { conv2: { stride: 2, offsets: [0] } } } }, /needs 8 tap offsets/],
      [{ tensors: without('conv2/kernel') }, /tensor "conv2\/kernel" is missing/],
      [{ tensors: changed('dense/bias', [1, 2]) }, /"dense\/bias" has 2 values, not 10/],
      [
        { structure, tensors: changed('dense/bias', [0, 0, 0, 0, NaN, 0, 0, 0, 0, 0]) },
        /"dense\/bias".*no finite number/,
      ],
      [{ structure, tensors: changed('conv1.bn/variance', [1, 1, 1, 1, -1, 1, 1, 1]) }, /variance below 0/],
      [{ quantisers: new Map([['conv1.bn/gamma', { step: 1, levels: 7 }]]) }, /"conv1.bn\/gamma", which is no kernel/],
      [{ quantisers: new Map([['conv1/kernel', { step: 0, levels: 7 }]]) }, /needs a step above 0/],
      [{ quantisers: new Map([['conv1/kernel', { step: 1, levels: 1.5 }]]) }, /whole number of levels/],
    ];
    for (const [changes, message] of refused) expect(() => write(source(changes))).toThrow(message);
  });

  test('refuses networks that no image of three channels goes through to logits', () => {
    const input = { id: 'input', op: 'input', shape: [32, 32, 3] } as const;
    const conv = { id: 'conv', op: 'conv', input: 'input', filters: 2, kernel: 1, stride: 32 } as const;
    const refused: [Network['nodes'], RegExp][] = [
      [[input, { ...conv, stride: 16 }], /"conv" gives 2x2 maps, not logits/],
      [[{ ...input, shape: [32, 32, 1] }, conv], /reads 1 channels/],
      [[input, { ...input, id: 'other' }, conv], /must have one input/],
      [[input, { ...conv, id: 'lost' }, conv], /nothing reads "lost"/],
    ];
    for (const [nodes, message] of refused) {
      const odd: Network = { id: 'odd', nodes };
      const tensors = initialParameters(odd, 1);
      expect(() => write({ network: odd, structure: denseStructure(odd), tensors })).toThrow(message);
    }
  });
});

describe('loaded models say what they are', () => {
  test('TF.js: layers carry the nodes’ ids, and every weight of the compact network is there', async () => {
    const tf = await import('@tensorflow/tfjs');
    await tf.setBackend('cpu');
    const run = source();
    const model = await tf.loadLayersModel(await memoryModel(exportTfjs(run)));
    const specs = parametersOf(compact(network, run.structure).network);
    expect(model.inputs.map(({ shape }) => shape)).toEqual([[null, 32, 32, 3]]);
    expect(model.outputs.map(({ shape }) => shape)).toEqual([[null, 10]]);
    for (const { id } of network.nodes) expect(model.getLayer(id).name).toBe(id);
    for (const { name, shape } of specs.filter(({ role }) => role === 'kernel' || role === 'gamma')) {
      const weight = model.weights.find((each) => each.originalName === name);
      expect([name, weight?.shape]).toEqual([name, [...shape]]);
    }
    // The normalisation's two statistics of three channels come on top.
    expect(model.countParams()).toBe(specs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 6));
    expect(model.getUserDefinedMetadata()).toMatchObject({ generator: 'Espalier' });
    model.dispose();
  });

  test('ONNX: a free batch of NHWC images in, logits out', async () => {
    const session = await openOnnx(exportOnnx(source()));
    expect(session.inputMetadata).toMatchObject([{ name: 'images', type: 'float32', shape: ['batch', 32, 32, 3] }]);
    expect(session.outputMetadata).toMatchObject([{ name: 'logits', type: 'float32', shape: ['batch', 10] }]);
    await session.release();
  });

  test('an odd id makes a plain file name', () => {
    const odd = source({ network: { ...network, id: '../a b/"c"' } });
    expect(exportOnnx(odd).files[0]?.name).toBe('a-b-c.onnx');
    expect(exportSafetensors(odd).files[0]?.name).toBe('a-b-c.safetensors');
  });

  test('under a name of one’s own, what loads them finds them by it', () => {
    const tfjs = exportTfjs(source(), 'Half: "mine"');
    expect(tfjs.files.map(({ name }) => name)).toEqual(['Half-mine.model.json', 'Half-mine.weights.bin']);
    const json = JSON.parse(new TextDecoder().decode(fileOf(tfjs, 'Half-mine.model.json')));
    expect(json.weightsManifest[0].paths).toEqual(['Half-mine.weights.bin']);
    expect(tfjs.snippet.code).toContain("tf.loadLayersModel('Half-mine.model.json')");
    expect(exportOnnx(source(), 'Half: "mine"').snippet.code).toContain('("Half-mine.onnx")');
    expect(exportSafetensors(source(), 'Half: "mine"').snippet.code).toContain('("Half-mine.safetensors"');
  });
});

describe('the code that loads an export', () => {
  test('TF.js: runs as it stands and gives the logits and the class', async () => {
    const tf = await import('@tensorflow/tfjs');
    const exported = exportTfjs(source());
    const model = await memoryModel(exported);
    const { code } = exported.snippet;
    expect(code.startsWith("import * as tf from '@tensorflow/tfjs';\n")).toBe(true);
    const printed: unknown[] = [];
    const body = code.slice(code.indexOf('\n')).replace('new Uint8Array(32 * 32 * 3)', 'given');
    const loadLayersModel = (path: string) => {
      expect(path).toBe('model.json');
      return tf.loadLayersModel(model);
    };
    // oxlint-disable-next-line typescript/no-implied-eval -- the code under test is text
    const run = new Function('tf', 'given', 'console', `return (async () => {${body}})()`);
    await run({ ...tf, loadLayersModel }, imagesOf(1), { log: (...values: unknown[]) => printed.push(...values) });
    const logits = await tfjsLogits(exported, imagesOf(1));
    expect(printed).toEqual([logits, Int32Array.of(logits.indexOf(Math.max(...logits)))]);
  });

  test('Python: names the file, its input and output, and a tensor with its shape', () => {
    const onnx = exportOnnx(source());
    for (const part of ['"convnet-micro.onnx"', '["logits"]', '{"images": ', '(1, 32, 32, 3)']) {
      expect(onnx.snippet.code).toContain(part);
    }
    const structure = { channels: { conv1: [1, 4, 6] } };
    const { code } = exportSafetensors(source({ structure })).snippet;
    for (const part of ['"convnet-micro.safetensors"', 'tensors["conv1/kernel"].shape)  # (3, 3, 3, 3)']) {
      expect(code).toContain(part);
    }
  });
});
