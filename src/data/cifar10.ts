import { CLASSES } from '../core/network/images.ts';
import { type Manifest, RECORD_BYTES, type ShardRecord, parseManifest } from './manifest.ts';

export { CLASSES };

const PIXELS = 1_024;

/** Where the files of the data set come from. `read` throws a sentence when a file cannot be had. */
export interface ByteSource {
  read(file: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
}

/** Files below a URL, which must end in a slash. */
export function httpSource(baseUrl: string): ByteSource {
  return {
    async read(file, signal) {
      const refuse = (why: string, cause?: unknown): Error =>
        new Error(
          `The data file ${file} could not be loaded${why}. Run npm start again to rebuild the data, or check the connection to the server.`,
          { cause },
        );
      let response: Response;
      try {
        response = await fetch(new URL(file, baseUrl), { signal: signal ?? null });
        if (response.ok) return new Uint8Array(await response.arrayBuffer());
      } catch (error) {
        throw signal?.aborted ? error : refuse('', error);
      }
      throw refuse(` (the server says ${response.status})`);
    },
  };
}

/** Images of one shard: `pixels` 3,072 bytes an image, rows of RGB (HWC); `labels` 0 to 9. */
export interface DecodedShard {
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly labels: Uint8Array<ArrayBuffer>;
}

export interface Cifar10 {
  readonly manifest: Manifest;
  /** Reads, checks and decodes a shard. Throws a sentence when it is missing, short, long or altered. */
  load(shard: ShardRecord, signal?: AbortSignal): Promise<DecodedShard>;
}

/** Opens the data set of a source by its manifest. */
export async function openCifar10(source: ByteSource): Promise<Cifar10> {
  const bytes = await source.read('manifest.json');
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new Error('The data manifest is not JSON. Run npm start again to rebuild the data.', { cause: error });
  }
  return {
    manifest: parseManifest(json),
    load: async (shard, signal) => decodeShard(shard, await source.read(shard.file, signal)),
  };
}

/** Checks length, sha256 and labels before anything is used, then turns planes into pixels. */
async function decodeShard(shard: ShardRecord, bytes: Uint8Array<ArrayBuffer>): Promise<DecodedShard> {
  const refuse = (what: string): Error =>
    new Error(`The data file ${shard.file} ${what}; it is not used. Run npm start again to rebuild the data.`);
  if (bytes.length !== shard.bytes) {
    throw refuse(`has ${bytes.length} bytes instead of ${shard.bytes}`);
  }
  if (globalThis.isSecureContext === false) {
    throw new Error('Browsers check data in secure pages only. Open this page over https or at http://localhost.');
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (sha256 !== shard.sha256) throw refuse('was altered (its sha256 differs from the manifest)');

  const pixels = new Uint8Array(shard.images * 3 * PIXELS);
  const labels = new Uint8Array(shard.images);
  for (let image = 0; image < shard.images; image++) {
    const record = bytes.subarray(image * RECORD_BYTES, (image + 1) * RECORD_BYTES);
    const label = record[0] ?? 255;
    if (label >= CLASSES.length) throw refuse(`has an image with label ${label}`);
    labels[image] = label;
    for (let channel = 0; channel < 3; channel++) {
      for (let pixel = 0; pixel < PIXELS; pixel++) {
        pixels[(image * PIXELS + pixel) * 3 + channel] = record[1 + channel * PIXELS + pixel] ?? 0;
      }
    }
  }
  return { pixels, labels };
}

export type { Manifest, ShardRecord };
