import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildNetwork, checkStructure } from '../network/index.ts';
import { uniforms } from '../random/uniforms.ts';
import { cleanUp, kernelLayers, keptUnits, layerSizes, maskOperations, unitCount } from './index.ts';

const network = buildNetwork('convnet-micro');
const whole = { channels: {} };
const ones = (count: number): Uint8Array => new Uint8Array(count).fill(1);

test('nothing goes while every map is written and read', () => {
  const kernels = new Map([['conv2', ones(128).map((_, unit) => Number(unit % 16 === 0 || unit < 16))]]);
  const { structure, kernels: left } = cleanUp(network, whole, kernels);
  expect(structure.channels['conv2']).toHaveLength(16);
  expect(left).toEqual(kernels);
});

test('a map that no kernel writes goes, with the kernels that read it', () => {
  const kernels = new Map([
    ['conv2', ones(128).map((_, unit) => Number(unit % 16 !== 5))],
    ['conv3', ones(256)],
  ]);
  const { structure, kernels: left } = cleanUp(network, whole, kernels);
  expect(structure.channels['conv2']).toEqual([...Array(16).keys()].filter((map) => map !== 5));
  expect([...(left.get('conv3') ?? [])].map((bit, unit) => bit === Number(Math.floor(unit / 16) !== 5))).not.toContain(
    false,
  );
});

test('a map that no kernel reads goes, with the kernels that write it', () => {
  const kernels = new Map([['conv3', ones(256).map((_, unit) => Number(Math.floor(unit / 16) !== 7))]]);
  const { structure } = cleanUp(network, whole, kernels);
  expect(structure.channels['conv2']).not.toContain(7);
  expect(structure.channels['conv1']).toHaveLength(8);
});

test('one map may take the next with it', () => {
  const kernels = new Map([
    // Map 3 of conv2 is written by nothing; map 4 of conv3 by map 3 alone, and map 9 of conv4 by that one alone.
    ['conv2', ones(128).map((_, unit) => Number(unit % 16 !== 3))],
    ['conv3', ones(256).map((_, unit) => Number(unit % 16 !== 4 || Math.floor(unit / 16) === 3))],
    ['conv4', ones(512).map((_, unit) => Number(unit % 32 !== 9 || Math.floor(unit / 32) === 4))],
  ]);
  const { channels } = cleanUp(network, whole, kernels).structure;
  expect([channels['conv2'], channels['conv3'], channels['conv4']].map((kept) => kept?.length)).toEqual([15, 15, 31]);
  expect(channels['conv4']).not.toContain(9);
});

test('a group keeps its lowest map when no kernel is left', () => {
  const { channels } = cleanUp(network, whole, new Map([['conv2', new Uint8Array(128)]])).structure;
  expect([channels['conv1'], channels['conv2']]).toEqual([[0], [0]]);
});

test('a residual stream loses a map only when nothing writes it any more', () => {
  const resnet = buildNetwork('resnet20', 0.25);
  const kernels = new Map(
    kernelLayers(resnet).map(({ id, inputs, outputs }) => {
      const last = id.startsWith('block1.') ? id === 'block1.conv2' : id.endsWith('conv2') || id.endsWith('shortcut');
      return [id, ones(inputs * outputs).map((_, unit) => Number(!last || unit % outputs !== 1))] as const;
    }),
  );
  const { channels } = cleanUp(resnet, whole, kernels).structure;
  // The stem, which is never masked, still writes the first stream.
  expect(channels['stem']).toContain(1);
  expect(channels['block4.conv2']).not.toContain(1);
  expect(channels['block9.conv1']).toContain(1);
});

test('a residual stream loses a map only when nothing reads it any more', () => {
  const resnet = buildNetwork('resnet20', 0.25);
  const unread = (readers: readonly string[]) => {
    const layers = kernelLayers(resnet).filter(({ id }) => readers.includes(id));
    const kernels = new Map(
      layers.map(({ id, inputs, outputs }) => [
        id,
        ones(inputs * outputs).map((_, unit) => Number(Math.floor(unit / outputs) !== 2)),
      ]),
    );
    return cleanUp(resnet, whole, kernels).structure.channels['stem'];
  };
  const readers = ['block1.conv1', 'block2.conv1', 'block3.conv1', 'block4.conv1', 'block4.shortcut'];
  expect(unread(readers.slice(1))).toEqual([0, 1, 2, 3]);
  expect(unread(readers)).toEqual([0, 1, 3]);
});

describe('any masks', () => {
  test('every map that is left is written and read, no kernel is left beside, and cleaning again changes nothing', () => {
    const layers = kernelLayers(network);
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0.01, max: 0.3, noNaN: true }), (seed, keep) => {
        const counts = layers.map(({ id, inputs, outputs }) => unitCount(id, inputs * outputs, keep));
        const masks = maskOperations(counts, 0).draw(0, uniforms(seed, 'search', 0));
        const { structure, kernels } = cleanUp(network, whole, masks);
        checkStructure(network, structure);
        layers.forEach(({ id, inputs, outputs }, i) => {
          const units = keptUnits(kernels.get(id) ?? []);
          expect(units.every((unit) => masks.get(id)?.[unit] === 1)).toBe(true);
          const [read, written] = [
            new Set(units.map((unit) => Math.floor(unit / outputs))),
            new Set(units.map((unit) => unit % outputs)),
          ];
          const [before, own] = [structure.channels[`conv${i + 1}`] ?? [], structure.channels[id] ?? []];
          expect([...read].every((c) => before.includes(c)) && [...written].every((d) => own.includes(d))).toBe(true);
          expect(before.length === 1 || before.every((c) => c < inputs && read.has(c))).toBe(true);
          expect(own.length === 1 || own.every((d) => written.has(d))).toBe(true);
        });
        expect(cleanUp(network, structure, kernels)).toEqual({ structure, kernels });
        const weights = (sizes: ReturnType<typeof layerSizes>) => sizes.slice(1, 4).map((size) => size.weights);
        expect(weights(layerSizes(network, structure, kernels))).toEqual(weights(layerSizes(network, whole, kernels)));
      }),
      { numRuns: 60 },
    );
  });
});
