import { describe, expect, test } from 'vitest';
import {
  ImageError,
  LARGEST_FILE,
  MOST_PIXELS,
  SIDE,
  checkFileSize,
  cropOf,
  imageHeader,
  rowsOf,
  scaleRow,
} from './index.ts';
import { FIXTURES } from './testing.ts';

const bytesOf = (name: keyof typeof FIXTURES): Uint8Array => Uint8Array.from(Buffer.from(FIXTURES[name], 'base64'));
const ascii = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0));
/** Numbers of so many bytes each. */
const big = (bytes: number, ...values: number[]): number[] =>
  values.flatMap((value) => Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** (bytes - 1 - i)) % 256));
const little = (bytes: number, ...values: number[]): number[] => values.flatMap((value) => big(bytes, value).reverse());

const png = (width: number, height: number): Uint8Array =>
  Uint8Array.from([0x89, ...ascii('PNG\r\n\x1a\n'), ...big(4, 13), ...ascii('IHDR'), ...big(4, width, height)]);

describe('the header', () => {
  test.each([
    ['png', 'png'],
    ['jpeg', 'jpeg'],
    ['progressive', 'jpeg'],
    ['lossy', 'webp'],
    ['lossless', 'webp'],
    ['transparent', 'webp'],
    ['gif', 'gif'],
    ['avif', 'avif'],
    ['bmp', 'bmp'],
  ] as const)('%s: a real file says its size', (name, format) => {
    expect(imageHeader(bytesOf(name))).toEqual({ format, width: 7, height: 5 });
  });

  test('a JPEG says it behind a thumbnail of another size, filler and segments that look like a frame', () => {
    const segment = (marker: number, content: number[]): number[] => [
      0xff,
      marker,
      ...big(2, content.length + 2),
      ...content,
    ];
    const frame = (marker: number, width: number, height: number): number[] =>
      segment(marker, [8, ...big(2, height, width), 3]);
    const file = [
      0xff,
      0xd8,
      ...segment(0xe1, [...ascii('Exif'), 0xff, 0xd8, ...frame(0xc0, 160, 120)]),
      ...segment(0xc4, frame(0xc0, 9, 9)),
      0xff,
      0xff,
      ...frame(0xc2, 640, 480),
    ];
    expect(imageHeader(Uint8Array.from(file))).toEqual({ format: 'jpeg', width: 640, height: 480 });
  });

  test('a GIF is as large as its first frame makes it', () => {
    const frame = (x: number, y: number, width: number, height: number): Uint8Array =>
      Uint8Array.from([
        ...ascii('GIF89a'),
        ...little(2, 4, 4),
        0x80,
        0,
        0,
        ...Array<number>(6).fill(0),
        0x21,
        0xf9,
        4,
        ...little(4, 0),
        0,
        0x2c,
        ...little(2, x, y, width, height),
      ]);
    expect(imageHeader(frame(0, 0, 2, 2))).toEqual({ format: 'gif', width: 4, height: 4 });
    expect(imageHeader(frame(3, 0, 5_000, 4))).toEqual({ format: 'gif', width: 5_003, height: 4 });
    expect(() => imageHeader(frame(0, 0, 60_000, 60_000))).toThrow(/60000 x 60000 pixels/);
  });

  test('an AVIF is as large as the largest of its items', () => {
    const box = (type: string, content: number[]): number[] => [
      ...big(4, content.length + 8),
      ...ascii(type),
      ...content,
    ];
    const size = (width: number, height: number): number[] => box('ispe', [0, 0, 0, 0, ...big(4, width, height)]);
    const file = [
      ...box('ftyp', [...ascii('mif1'), ...big(4, 0), ...ascii('avif')]),
      ...box('free', [1, 2, 3]),
      ...box('meta', [
        0,
        0,
        0,
        0,
        ...box('iprp', box('ipco', [...size(160, 120), ...size(4_000, 3_000), ...size(512, 512)])),
      ]),
    ];
    expect(imageHeader(Uint8Array.from(file))).toEqual({ format: 'avif', width: 4_000, height: 3_000 });
  });

  test('as many pixels as are read, and one row more', () => {
    expect(imageHeader(png(10_000, MOST_PIXELS / 10_000))).toMatchObject({ width: 10_000, height: 5_000 });
    expect(() => imageHeader(png(10_000, 5_001))).toThrow(
      new ImageError('This image has 10000 x 5001 pixels; at most 50 million pixels are read. Choose a smaller one.'),
    );
    expect(() => imageHeader(png(2 ** 31, 2 ** 31))).toThrow(/at most 50 million/);
  });

  test('a file that is too large is refused by its length, and an empty one', () => {
    expect(() => checkFileSize(LARGEST_FILE)).not.toThrow();
    expect(() => checkFileSize(LARGEST_FILE + 1)).toThrow(
      'This file has 20.1 MB; at most 20 MB are read. Choose a smaller image.',
    );
    expect(() => imageHeader(new Uint8Array())).toThrow('This file is empty. Choose another image.');
  });

  test.each([
    ['text', ascii('Just text, long enough to be something.')],
    ['SVG', ascii('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')],
    ['PDF', ascii('%PDF-1.7')],
    ['HEIC', [...big(4, 24), ...ascii('ftypheic'), ...big(4, 0), ...ascii('mif1heic')]],
    ['zip', [...ascii('PK'), 3, 4]],
  ])('%s is no image that browsers read', (_, bytes) => {
    expect(() => imageHeader(Uint8Array.from(bytes))).toThrow(
      'This file is no image that browsers read. Choose a PNG, JPEG, WebP, GIF, BMP or AVIF image.',
    );
  });

  test.each(Object.keys(FIXTURES) as (keyof typeof FIXTURES)[])('%s: cut off before its size, it says so', (name) => {
    expect(() => imageHeader(bytesOf(name).subarray(0, 16))).toThrow(
      /^This \w+ image is damaged: it does not say its size\./,
    );
  });
});

describe('the square', () => {
  test('is the largest, centred, unless another is wished for', () => {
    expect(cropOf(100, 60)).toEqual({ x: 20, y: 0, size: 60 });
    expect(cropOf(5, 8)).toEqual({ x: 0, y: 1, size: 5 });
    expect(cropOf(100, 60, { x: 7.4, y: 3.5, size: 30 })).toEqual({ x: 7, y: 4, size: 30 });
  });

  test('lies in the image, whatever is wished for', () => {
    expect(cropOf(100, 60, { x: 90, y: -5, size: 20 })).toEqual({ x: 80, y: 0, size: 20 });
    expect(cropOf(100, 60, { x: 10, y: 10, size: 500 })).toEqual({ x: 10, y: 0, size: 60 });
    expect(cropOf(100, 60, { x: 10, y: 10, size: 0 })).toEqual({ x: 10, y: 10, size: 1 });
    expect(cropOf(100, 60, { x: NaN, y: 0, size: 9 })).toEqual({ x: 20, y: 0, size: 60 });
  });
});

describe('scaling', () => {
  /** A whole square, a row after the other. */
  function scaled(
    size: number,
    pixelAt: (x: number, y: number) => readonly [number, number, number, number],
  ): Uint8Array {
    const out = new Uint8Array(SIDE * SIDE * 3);
    for (let row = 0; row < SIDE; row++) {
      const { first, end } = rowsOf(row, size);
      const strip = new Uint8Array(4 * size * (end - first));
      for (let y = first; y < end; y++) {
        for (let x = 0; x < size; x++) strip.set(pixelAt(x, y), 4 * ((y - first) * size + x));
      }
      scaleRow(strip, row, size, out.subarray(3 * SIDE * row, 3 * SIDE * (row + 1)));
    }
    return out;
  }
  const at = (pixels: Uint8Array, x: number, y: number): number[] => [
    ...pixels.subarray(3 * (y * SIDE + x), 3 * (y * SIDE + x) + 3),
  ];

  test('32 pixels to a side stay as they are', () => {
    const pixel = (x: number, y: number): [number, number, number, number] => [x * 8, y * 8, (x * y) % 256, 255];
    const out = scaled(32, pixel);
    for (const [x, y] of [
      [0, 0],
      [31, 0],
      [0, 31],
      [13, 29],
    ] as const)
      expect(at(out, x, y)).toEqual(pixel(x, y).slice(0, 3));
  });

  test('of 64 to a side four make one, their mean rounded', () => {
    const out = scaled(64, (x, y) => [x % 2 === 0 ? 10 : 20, y % 2 === 0 ? 0 : 255, x + y < 2 ? 1 : 2, 255]);
    expect(at(out, 0, 0)).toEqual([15, 128, 1]);
    expect(at(out, 5, 9)).toEqual([15, 128, 2]);
  });

  test('of 48 to a side each makes one and a half: whole pixels count twice as much as halves', () => {
    // Column 0 covers source 0 and half of 1; column 1 the other half and 2.
    const out = scaled(48, (x, y) => [[30, 60, 90][x % 3] ?? 0, [30, 60, 90][y % 3] ?? 0, 0, 255]);
    expect(at(out, 0, 0)).toEqual([40, 40, 0]);
    expect(at(out, 1, 0)).toEqual([80, 40, 0]);
    expect(at(out, 30, 31)).toEqual([40, 80, 0]);
  });

  test('a single pixel fills everything, and 16 to a side are doubled', () => {
    expect(new Set(scaled(1, () => [7, 7, 7, 255]))).toEqual(new Set([7]));
    const doubled = scaled(16, (x, y) => [x * 16, y * 16, 0, 255]);
    expect([at(doubled, 2, 5), at(doubled, 3, 4)]).toEqual([
      [16, 32, 0],
      [16, 32, 0],
    ]);
  });

  test('what is transparent lies over white', () => {
    expect(
      at(
        scaled(32, () => [0, 100, 200, 0]),
        3,
        3,
      ),
    ).toEqual([255, 255, 255]);
    // 51 of 255: a fifth of the colour over four fifths of white.
    expect(
      at(
        scaled(32, () => [0, 100, 255, 51]),
        3,
        3,
      ),
    ).toEqual([204, 224, 255]);
  });

  test('the mean of all stays the mean, for every size', () => {
    for (const size of [2, 31, 33, 45, 100, 257]) {
      const value = (x: number, y: number): number => (x * 7 + y * 13) % 251;
      const out = scaled(size, (x, y) => [value(x, y), 0, 0, 255]);
      let [sum, source] = [0, 0];
      for (let i = 0; i < SIDE * SIDE; i++) sum += out[3 * i] ?? 0;
      for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) source += value(x, y);
      expect(Math.abs(sum / SIDE ** 2 - source / size ** 2)).toBeLessThan(0.5);
    }
  });
});
