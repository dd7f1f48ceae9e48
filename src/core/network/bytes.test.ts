import { expect, test } from 'vitest';
import { exportSafetensors } from '../../export/safetensors.ts';
import { bytesOf } from './bytes.ts';
import { initialParameters } from './initialise.ts';
import { type Structure, denseStructure, structureKey } from './structure.ts';
import { buildNetwork } from './zoo.ts';

test('bytes are those of the tensors in a saved file', () => {
  const network = buildNetwork('convnet-micro');
  const tensors = initialParameters(network, 1);
  const structures: Structure[] = [
    denseStructure(network),
    { channels: { conv2: [0, 3, 5], conv4: [1] } },
    { channels: { conv1: [0, 1, 2, 3] }, taps: { conv3: { stride: 2, offsets: Array.from({ length: 16 }, () => 0) } } },
  ];
  const sizes = structures.map((structure) => {
    const bytes = exportSafetensors({ network, structure, tensors }).files[0]?.bytes ?? new Uint8Array(8);
    const header = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    expect(bytesOf(network, structure)).toBe(bytes.length - 8 - header);
    return bytesOf(network, structure);
  });
  expect(new Set(sizes).size).toBe(3);
});

test('equal structures have one key, whatever the order of their groups; others another', () => {
  const taps = { conv3: { stride: 2, offsets: [0, 1] } };
  const keys = [
    { channels: { a: [0, 1], b: [2] } },
    { channels: { b: [2], a: [0, 1] }, taps: {} },
    { channels: { a: [0], b: [2] } },
    { channels: { a: [0, 1], b: [2] }, taps },
    { channels: { b: [2], a: [0, 1] }, taps: { conv3: { offsets: [0, 1], stride: 2 } } },
  ].map(structureKey);
  expect(keys[1]).toBe(keys[0]);
  expect(keys[4]).toBe(keys[3]);
  expect(new Set(keys).size).toBe(3);
});
