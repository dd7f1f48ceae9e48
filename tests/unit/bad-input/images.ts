import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ImageError, LARGEST_FILE, MOST_PIXELS, cropOf, imageHeader } from '../../../src/core/own-image/index.ts';
import { FIXTURES } from '../../../src/core/own-image/testing.ts';
import { type Effort, asserted, expectUnharmed, guarded } from './nasty.ts';

const files = Object.values(FIXTURES).map((text) => Uint8Array.from(Buffer.from(text, 'base64')));

/** Reads a header: what it says is within the limits, or it is refused. */
const read = (bytes: Uint8Array): Promise<void | null> =>
  guarded(
    () => {
      const { width, height } = imageHeader(bytes);
      expect(Number.isInteger(width) && Number.isInteger(height)).toBe(true);
      expect(width * height).toBeGreaterThan(0);
      expect(width * height).toBeLessThanOrEqual(MOST_PIXELS);
    },
    (error) => error instanceof ImageError,
  );

export function images(effort: Effort): void {
  describe('images', () => {
    test('cut off, or with any bytes changed', () =>
      asserted(
        effort,
        1_200,
        [fc.constantFrom(...files.keys()), fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 })],
        async (which, end, changes) => {
          const bytes = (files[which] ?? new Uint8Array()).slice();
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          await read(changes.length > 0 ? bytes : bytes.subarray(0, end % (bytes.length + 1)));
        },
      ));

    test('any bytes behind any beginning', () =>
      asserted(
        effort,
        600,
        [fc.constantFrom(...files.keys()), fc.nat(40), fc.uint8Array({ maxLength: 200 })],
        async (which, length, bytes) => {
          await read(Uint8Array.of(...(files[which] ?? []).slice(0, length), ...bytes));
        },
      ));

    test('files that would keep a reader busy: endless markers, blocks and boxes', async () => {
      const large = new Uint8Array(LARGEST_FILE / 5).fill(0xff);
      await read(large);
      large.set([0xff, 0xd8, 0xff]);
      await read(large);
      // GIF: extensions of no length.
      large.fill(0x21);
      large.set(Buffer.from('GIF89a'));
      large.fill(0, 6, 13);
      for (let at = 13; at + 3 <= large.length; at += 3) large.set([0x21, 0xf9, 0], at);
      await read(large);
      // AVIF: boxes of eight bytes.
      for (let at = 0; at < large.length; at += 8) large.set([0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65], at);
      large.set(Buffer.from([0, 0, 0, 16, ...Buffer.from('ftypavif'), 0, 0, 0, 0]));
      await read(large);
      await read(new Uint8Array(LARGEST_FILE + 1));
      expectUnharmed();
    });

    test('a square is whole pixels inside the image, whatever is wished for', () =>
      asserted(
        effort,
        300,
        [
          fc.integer({ min: 1, max: 70_000 }),
          fc.integer({ min: 1, max: 70_000 }),
          fc.double(),
          fc.double(),
          fc.double(),
        ],
        (width, height, x, y, size) => {
          const crop = cropOf(width, height, { x, y, size });
          expect([crop.x, crop.y, crop.size].every(Number.isInteger)).toBe(true);
          expect(crop.size).toBeGreaterThanOrEqual(1);
          expect(Math.min(crop.x, crop.y)).toBeGreaterThanOrEqual(0);
          expect(crop.x + crop.size).toBeLessThanOrEqual(width);
          expect(crop.y + crop.size).toBeLessThanOrEqual(height);
        },
      ));
  });
}
