import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ByteSource, type Cifar10, CLASSES, type ShardRecord, httpSource, openCifar10 } from './cifar10.ts';
import { fileSource } from './file-source.ts';
import { parseManifest } from './manifest.ts';

const source = fileSource(join(import.meta.dirname, '../../public/data'));
let cifar: Cifar10;
beforeAll(async () => {
  cifar = await openCifar10(source);
});

/** The source with one file's bytes changed. */
const altered = (change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): ByteSource => ({
  read: async (file) => (file === 'manifest.json' ? source.read(file) : change(await source.read(file))),
});
const firstShard = (): ShardRecord => {
  const [shard] = cifar.manifest.shards;
  if (!shard) throw new Error('no shard');
  return shard;
};

describe('CIFAR-10 as prepared', () => {
  test('has the published statistics, class counts and first test labels', async () => {
    const perClass = { train: Array.from({ length: 10 }, () => 0), test: Array.from({ length: 10 }, () => 0) };
    const sums = [0, 0, 0];
    const squares = [0, 0, 0];
    const testLabels: number[] = [];
    for (const shard of cifar.manifest.shards) {
      const { pixels, labels } = await cifar.load(shard);
      for (const label of labels) perClass[shard.split][label] = (perClass[shard.split][label] ?? 0) + 1;
      if (shard.split === 'test') testLabels.push(...labels.slice(0, 10));
      if (shard.split === 'test') continue;
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        let square = 0;
        for (let i = channel; i < pixels.length; i += 3) {
          const value = (pixels[i] ?? 0) / 255;
          sum += value;
          square += value * value;
        }
        sums[channel] = (sums[channel] ?? 0) + sum;
        squares[channel] = (squares[channel] ?? 0) + square;
      }
    }
    const count = 50_000 * 1_024;
    const means = sums.map((sum) => sum / count);
    const deviations = squares.map((square, c) => Math.sqrt(square / count - (means[c] ?? 0) ** 2));
    expect(means.map((value) => value.toFixed(4))).toEqual(['0.4914', '0.4822', '0.4465']);
    expect(deviations.map((value) => value.toFixed(4))).toEqual(['0.2470', '0.2435', '0.2616']);
    expect(perClass.train).toEqual(Array.from({ length: 10 }, () => 5_000));
    expect(perClass.test).toEqual(Array.from({ length: 10 }, () => 1_000));
    expect(testLabels.slice(0, 10)).toEqual([3, 8, 8, 0, 6, 6, 1, 6, 3, 1]);
    expect(CLASSES[3]).toBe('cat');
  }, 60_000);

  test('the first training image is the frog: its first pixel is (59, 62, 63)', async () => {
    // The first record of data_batch_1 as published begins 06 3b ..., planes at 3b, 3e, 3f.
    const { pixels, labels } = await cifar.load(firstShard());
    expect([labels[0], ...pixels.slice(0, 3)]).toEqual([6, 59, 62, 63]);
  });
});

describe('a damaged data set is refused with a sentence', () => {
  test.each([
    ['short', (bytes: Uint8Array<ArrayBuffer>) => bytes.slice(0, -5), /has 6145995 bytes instead of 6146000/],
    [
      'long',
      (bytes: Uint8Array<ArrayBuffer>) => new Uint8Array(Buffer.concat([bytes, Uint8Array.of(0)])),
      /bytes instead of/,
    ],
    ['altered', (bytes: Uint8Array<ArrayBuffer>) => bytes.with(4_000, (bytes[4_000] ?? 0) ^ 1), /was altered/],
  ])('%s', async (_, change, message) => {
    const damaged = await openCifar10(altered(change));
    await expect(damaged.load(firstShard())).rejects.toThrow(message);
    await expect(damaged.load(firstShard())).rejects.toThrow(/Run npm start again/);
  });

  test('missing', async () => {
    await expect(fileSource('/nowhere').read('train-00.bin')).rejects.toThrow(/train-00.bin is missing/);
  });

  test('with a label that is no class, though its sha256 fits', async () => {
    const bytes = new Uint8Array(3_073).fill(10, 0, 1);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const wrong = await openCifar10({ read: async (file) => (file === 'x.bin' ? bytes : source.read(file)) });
    const shard: ShardRecord = { file: 'x.bin', split: 'train', images: 1, bytes: 3_073, sha256 };
    await expect(wrong.load(shard)).rejects.toThrow(/x.bin has an image with label 10/);
  });

  test('a manifest that is no JSON, empty, or points outside its folder', async () => {
    const text = (content: string): ByteSource => ({ read: async () => new TextEncoder().encode(content) });
    await expect(openCifar10(text('<html>'))).rejects.toThrow(/not JSON/);
    const manifest = (...shards: readonly unknown[]): unknown => ({ format: 'cifar10-binary', shards });
    expect(parseManifest(manifest(firstShard())).shards).toEqual([firstShard()]);
    expect(() => parseManifest(manifest())).toThrow(/manifest is damaged/);
    expect(() => parseManifest({ shards: [firstShard()] })).toThrow(/damaged \(format/);
    for (const file of ['../secret', '/etc/passwd', 'https://elsewhere/x.bin', 'a/b.bin', '..']) {
      expect(() => parseManifest(manifest({ ...firstShard(), file }))).toThrow(/shards.0.file/);
    }
    expect(() => parseManifest(manifest({ ...firstShard(), images: 1_999 }))).toThrow(/bytes do not fit its images/);
  });
});

describe('data over http', () => {
  const server = createServer((request, response) => {
    if (request.url === '/lab/data/one.bin') response.end(Uint8Array.of(1, 2, 3));
    else if (request.url === '/lab/data/cut.bin') {
      response.writeHead(200, { 'content-length': 9 }).write('half', () => response.destroy());
    } else if (request.url !== '/lab/data/slow.bin') response.writeHead(404).end('<html>');
  });
  let base = '';
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/lab/data/`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test('files are read relative to the manifest', async () => {
    expect([...(await httpSource(base).read('one.bin'))]).toEqual([1, 2, 3]);
  });

  test('a missing file, a lost connection and a server that is gone are refused with a sentence', async () => {
    await expect(httpSource(base).read('cut.bin')).rejects.toThrow(/cut.bin could not be loaded\. Run/);
    await expect(httpSource(base).read('two.bin')).rejects.toThrow(
      /two.bin could not be loaded \(the server says 404\)/,
    );
    await expect(httpSource('http://127.0.0.1:1/').read('two.bin')).rejects.toThrow(
      /two.bin could not be loaded\. Run/,
    );
  });

  test('a load that is called off ends as such, not as a missing file', async () => {
    await expect(httpSource(base).read('slow.bin', AbortSignal.timeout(50))).rejects.toThrow(/aborted/);
  });
});
