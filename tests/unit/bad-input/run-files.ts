import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { unzipSync, zipSync } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeCheckpoint } from '../../../src/lab/checkpoint.ts';
import { sha256Of } from '../../../src/persist/digest.ts';
import { RunFileError } from '../../../src/persist/errors.ts';
import { type RunFile, readRunFile, writeRunFile } from '../../../src/persist/run-file.ts';
import { SCHEMES } from '../../../src/schemes/index.ts';
import { lookedAt } from './logs.ts';
import { made, specOf } from './made.ts';
import { type Effort, type Change, asserted, change, changed, guarded } from './nasty.ts';

type Bytes = Uint8Array<ArrayBuffer>;
type Files = Record<string, Bytes>;

const known = (error: Error): boolean => error instanceof RunFileError;

/** Opens a file as the page does; null where it was refused. */
const opened = (bytes: Bytes): Promise<RunFile | null> =>
  guarded(async () => {
    const file = await readRunFile(bytes, SCHEMES);
    lookedAt(file.events);
    return file;
  }, known);

const encode = (text: string): Bytes => new TextEncoder().encode(text);
const decode = (bytes: Bytes | undefined): string => new TextDecoder().decode(bytes);

/** All of a run file as text, which is quicker to compare. */
const textOf = ({ checkpoint, ...file }: RunFile): string =>
  JSON.stringify([file, checkpoint && { ...checkpoint, bytes: Buffer.from(checkpoint.bytes).toString('base64') }]);

/** The files with a change, zipped again under digests that are right. */
async function rezipped(files: Files, edit: (files: Files) => void): Promise<Bytes> {
  const own = { ...files };
  edit(own);
  if (own['manifest.json'] === files['manifest.json']) {
    const manifest = JSON.parse(decode(own['manifest.json'])) as { files: { name: string }[] };
    manifest.files = await Promise.all(
      manifest.files.map(async (file) => {
        const bytes = own[file.name] ?? new Uint8Array();
        return { ...file, bytes: bytes.length, sha256: await sha256Of(bytes) };
      }),
    );
    own['manifest.json'] = encode(JSON.stringify(manifest));
  }
  return zipSync(own, { level: 1 }) as Bytes;
}

/** Where a file's record in the directory at the end begins. */
function centralOf(bytes: Bytes, name: string): number {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = bytes.length - 4; at >= 0; at--) {
    if (data.getUint32(at, true) !== 0x02014b50) continue;
    if (decode(bytes.subarray(at + 46, at + 46 + data.getUint16(at + 28, true))) === name) return at;
  }
  throw new Error(`no ${name}`);
}

export function runFiles(effort: Effort): void {
  describe('run files', () => {
    let file: RunFile;
    let intact: Bytes = new Uint8Array();
    let files: Files = {};
    beforeAll(async () => {
      const { run, events } = await made(specOf({ id: 'chex' }, { model: { id: 'convnet-micro', width: 0.25 } }));
      const bytes = await encodeCheckpoint(await run.checkpoint());
      file = {
        spec: run.spec,
        state: 'done',
        events,
        checkpoint: { step: run.step, events: events.length, bytes },
      };
      intact = await writeRunFile(file);
      files = unzipSync(intact) as Files;
    }, 120_000);

    test('the file itself is opened, and zipped again by another program too', async () => {
      expect(await opened(intact)).toEqual(file);
      expect(await opened(await rezipped(files, () => undefined))).toEqual(file);
    });

    test('cut off anywhere', async () => {
      const ends = [...Array(60).keys(), intact.length - 1, intact.length - 21, intact.length - 22];
      for (const end of ends) expect(await opened(intact.slice(0, end))).toBeNull();
      await asserted(effort, 150, [fc.nat(intact.length - 1)], async (end) => {
        expect(await opened(intact.slice(0, end))).toBeNull();
      });
    });

    test('any bit flipped, any bytes written over: refused, or the same run', () =>
      asserted(
        effort,
        400,
        [fc.nat(intact.length - 1), fc.nat(7), fc.constantFrom('bit', 'zeros', 'ones'), fc.boolean()],
        async (place, bit, how, late) => {
          // The directory at the end is small, and where it matters most.
          const at = late ? intact.length - 1 - (place % 420) : place;
          const altered = intact.slice();
          if (how === 'bit') altered[at] = (altered[at] ?? 0) ^ (1 << bit);
          else altered.fill(how === 'zeros' ? 0 : 255, at, at + 1 + bit);
          const read = await opened(altered);
          if (read) expect(textOf(read)).toBe(textOf(file));
        },
      ));

    test('anything changed inside, under digests that are right', () =>
      asserted(
        effort,
        300,
        [fc.constantFrom('spec.json', 'manifest.json', 'events.jsonl', 'events.jsonl'), fc.nat(), change],
        async (name, line, one) => {
          await opened(await rezipped(files, (own) => void (own[name] = edited(name, files[name], line, one))));
        },
      ));

    test('text in place of JSON: cut off, of other characters, nothing, or no UTF-8', async () => {
      const texts = ['', '{', 'null', '[]', '['.repeat(100_000), '\ufeff{}', '{"format":1}', '{"format":2}', '\n\n'];
      for (const name of ['spec.json', 'events.jsonl', 'manifest.json']) {
        for (const bytes of [
          ...texts.map(encode),
          Uint8Array.of(0xff, 0xfe),
          files[name]?.slice(0, -9) ?? encode(''),
        ]) {
          const own = { ...files, [name]: bytes };
          expect(await opened(zipSync(own) as Bytes)).toBeNull();
          if (name !== 'manifest.json')
            expect(await opened(await rezipped(files, (o) => void (o[name] = bytes)))).toBeNull();
        }
      }
    });

    test('other versions say so, and which one is read', async () => {
      const next = await rezipped(files, (own) => {
        own['manifest.json'] = encode(decode(own['manifest.json']).replace('"format": 1', '"format": 2'));
      });
      await expect(readRunFile(next, SCHEMES)).rejects.toThrow(/its format is 2, and this version reads format 1/);
    });

    test('files added, left out, renamed or given twice', async () => {
      const names = [
        '../manifest.json',
        '/manifest.json',
        'a\\b',
        'manifest.json\0',
        'Manifest.json',
        '',
        'spec.json/',
      ];
      for (const name of names) {
        expect(await opened(zipSync({ ...files, [name]: encode('x') }) as Bytes)).toBeNull();
        const { 'spec.json': spec = encode(''), ...others } = files;
        expect(await opened(zipSync({ ...others, [name]: spec }) as Bytes)).toBeNull();
      }
      for (const name of ['manifest.json', 'spec.json', 'events.jsonl', 'checkpoint.bin']) {
        const { [name]: _, ...others } = files;
        expect(await opened(zipSync(others) as Bytes)).toBeNull();
      }
      // What tells a reader what it is may be missing.
      const { 'README.txt': _, ...bare } = files;
      expect(await opened(zipSync(bare) as Bytes)).toEqual(file);
      // Two of one name: the second renamed in the directory and before its bytes.
      const twice = (zipSync({ ...bare, 'spec.jsom': encode('{}') }) as Bytes).slice();
      for (let at = 0; at < twice.length - 9; at++) {
        if (decode(twice.subarray(at, at + 9)) === 'spec.jsom') twice[at + 8] = 'n'.charCodeAt(0);
      }
      await expect(readRunFile(twice, SCHEMES)).rejects.toThrow(/holds (spec\.json twice|6 files)/);
      const many = Object.fromEntries(Array.from({ length: 2_000 }, (_unused, i) => [`f${i}`, encode('')]));
      expect(await opened(zipSync(many, { level: 0 }) as Bytes)).toBeNull();
    });

    test('bombs: small files that inflate to large ones, with sizes that are true, or lie either way', async () => {
      // A log may be long, so it is inflated, up to its own limit; the others are given up long before their end.
      const bombs = [
        { name: 'manifest.json', inflated: 300_000_000 },
        { name: 'checkpoint.bin', inflated: 300_000_000 },
        { name: 'events.jsonl', inflated: 10_000_000 },
      ];
      for (const { name, inflated } of bombs) {
        const zeros = deflateRawSync(new Uint8Array(inflated), { level: 1 });
        for (const size of [10, 900_000, inflated, 0xffffffff]) {
          const bomb = zipSync({ ...files, [name]: zeros }, { level: 0 }) as Bytes;
          const data = new DataView(bomb.buffer, bomb.byteOffset);
          const central = centralOf(bomb, name);
          // As deflated, of this size.
          data.setUint16(central + 10, 8, true);
          data.setUint32(central + 24, size, true);
          const before = process.memoryUsage().arrayBuffers;
          expect(await opened(bomb)).toBeNull();
          expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(150_000_000);
        }
      }
    });

    test('what is no zip at all', () =>
      asserted(effort, 100, [fc.uint8Array({ maxLength: 300 }), fc.boolean()], async (bytes, signed) => {
        const own = Uint8Array.from(signed ? [0x50, 0x4b, 3, 4, ...bytes] : bytes);
        expect(await opened(own)).toBeNull();
      }));
  });
}

function edited(name: string, bytes: Bytes | undefined, line: number, one: Change): Bytes {
  const write = (value: unknown): string => JSON.stringify(value) ?? '';
  if (name !== 'events.jsonl') return encode(write(changed(JSON.parse(decode(bytes)), one)));
  const lines = decode(bytes).trimEnd().split('\n');
  const at = line % lines.length;
  return encode(lines.map((text, i) => (i === at ? write(changed(JSON.parse(text), one)) : text)).join('\n'));
}
