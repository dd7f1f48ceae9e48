import { expect, test } from 'vitest';
import { type RunCheckpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import { Run } from './run.ts';
import { madeUpCifar, quadraticEngine, smallSpec } from './testing.ts';

async function taken(): Promise<RunCheckpoint> {
  const run = new Run(smallSpec(), { onEvent: () => undefined });
  await run.open(quadraticEngine(), madeUpCifar());
  await run.advance('decision');
  return run.checkpoint();
}

test('what was written is read back, bit for bit, from any place in memory', async () => {
  const checkpoint = await taken();
  const odd = checkpoint.trainer.parameters.get('dense/bias');
  odd?.set([NaN, -0, Infinity, 1e-45]);
  const bytes = await encodeCheckpoint(checkpoint);
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  const back = await decodeCheckpoint(shifted.subarray(3));
  expect(back).toEqual(checkpoint);
  expect(Object.is(back.trainer.parameters.get('dense/bias')?.[1], -0)).toBe(true);
  expect(back.trainer.step).toBe(4);
  const again = await encodeCheckpoint(back);
  expect(await encodeCheckpoint(await decodeCheckpoint(again))).toEqual(again);
});

test('keeps the kept taps, with the channels', async () => {
  const checkpoint = await taken();
  const structure = {
    ...checkpoint.trainer.structure,
    taps: { conv2: { stride: 2, offsets: [0, 1, 0, 1, 1, 0, 0, 1] }, conv3: { stride: 9, offsets: Array(16).fill(8) } },
  };
  const strided = { ...checkpoint, trainer: { ...checkpoint.trainer, structure } };
  const bytes = await encodeCheckpoint(strided);
  expect(await decodeCheckpoint(bytes)).toEqual(strided);
  const changed = reheaded(bytes, (header) => header.replace('"stride":9', '"stride":-9'));
  await expect(decodeCheckpoint(await changed)).rejects.toThrow(/cannot be used: structure\.taps\.conv3\.stride/);
});

test('keeps the kernel variants that trained it; older files have none', async () => {
  const checkpoint = await taken();
  const older = await decodeCheckpoint(await encodeCheckpoint(checkpoint));
  expect('variants' in older.trainer).toBe(false);
  const variants = '{"lines":{"long":"8x8c1q"}}';
  const trained = { ...checkpoint, trainer: { ...checkpoint.trainer, variants } };
  expect(await decodeCheckpoint(await encodeCheckpoint(trained))).toEqual(trained);
});

test('refuses what is no checkpoint, cut off, or changed in any single byte', async () => {
  const bytes = await encodeCheckpoint(await taken());
  await expect(decodeCheckpoint(new Uint8Array(10))).rejects.toThrow(/not an Espalier checkpoint/);
  await expect(decodeCheckpoint(new TextEncoder().encode('{"spec":1}'.repeat(20)))).rejects.toThrow(/not an Espalier/);
  await expect(decodeCheckpoint(bytes.slice(0, -4))).rejects.toThrow(/damaged/);
  for (const at of [8, 20, 2_000, bytes.length - 50, bytes.length - 1]) {
    const altered = bytes.slice();
    altered[at] = (altered[at] ?? 0) ^ 4;
    await expect(decodeCheckpoint(altered)).rejects.toThrow(/damaged/);
  }
});

/** Rewrites the header of a checkpoint and signs it anew. */
async function reheaded(bytes: Uint8Array<ArrayBuffer>, change: (header: string) => string) {
  const length = new DataView(bytes.buffer).getUint32(8, true);
  const changed = change(new TextDecoder().decode(bytes.slice(12, 12 + length)).trimEnd());
  const header = new TextEncoder().encode(changed.padEnd(Math.ceil(changed.length / 4) * 4));
  const body = [...bytes.slice(0, 8), 0, 0, 0, 0, ...header, ...bytes.slice(12 + length, -32)];
  const out = new Uint8Array([...body, ...new Uint8Array(32)]);
  new DataView(out.buffer).setUint32(8, header.length, true);
  out.set(new Uint8Array(await crypto.subtle.digest('SHA-256', out.slice(0, -32))), out.length - 32);
  return out;
}

test('refuses another format version, a header that lies, and an impossible spec, each with a sentence', async () => {
  const bytes = await encodeCheckpoint(await taken());
  const changed = (from: string, to: string) => reheaded(bytes, (header) => header.replace(from, to));
  await expect(decodeCheckpoint(await changed('"format":1', '"format":2'))).rejects.toThrow(/format 2.*reads format 1/);
  await expect(decodeCheckpoint(await changed('"step":4', '"step":-4'))).rejects.toThrow(/cannot be used: step/);
  await expect(decodeCheckpoint(await changed('"batchSize":10', '"batchSize":0'))).rejects.toThrow(/train\.batchSize/);
  await expect(decodeCheckpoint(await changed('"length":10', '"length":11'))).rejects.toThrow(/longer than the file/);
  await expect(decodeCheckpoint(await changed('"length":10', '"length":9'))).rejects.toThrow(/belong to no tensor/);
});
