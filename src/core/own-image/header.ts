/** The largest file that is read, in bytes, and the most pixels that are decoded: at 4 bytes each they take 200 MB. */
export const LARGEST_FILE = 20_000_000;
export const MOST_PIXELS = 50_000_000;

const FORMATS = ['png', 'jpeg', 'webp', 'gif', 'bmp', 'avif'] as const;
export type ImageFormat = (typeof FORMATS)[number];

export interface ImageHeader {
  readonly format: ImageFormat;
  /** Pixels, as stored: a browser may turn the image, as its EXIF data says. */
  readonly width: number;
  readonly height: number;
}

/** An image of the user's that is not taken; the message says why, and what to do. */
export class ImageError extends Error {
  override name = 'ImageError';
}

/** Refuses a file by its length alone, so that it need not be read. */
export function checkFileSize(bytes: number): void {
  if (bytes === 0) throw new ImageError('This file is empty. Choose another image.');
  if (bytes <= LARGEST_FILE) return;
  throw new ImageError(
    `This file has ${megabytes(bytes)} MB; at most ${megabytes(LARGEST_FILE)} MB are read. Choose a smaller image.`,
  );
}

/**
 * What an image file says of itself in its first bytes, before anything of it is decoded. Throws an ImageError when it is
 * of no format that browsers read, cut off, or larger than `LARGEST_FILE` or `MOST_PIXELS`.
 */
export function imageHeader(bytes: Uint8Array): ImageHeader {
  checkFileSize(bytes.length);
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = FORMATS.find((candidate) => READERS[candidate].is(data));
  if (!format) {
    throw new ImageError('This file is no image that browsers read. Choose a PNG, JPEG, WebP, GIF, BMP or AVIF image.');
  }
  const size = sizeOf(format, data);
  if (!size || !(size.width > 0 && size.height > 0)) {
    throw new ImageError(
      `This ${format.toUpperCase()} image is damaged: it does not say its size. Choose another image.`,
    );
  }
  const { width, height } = size;
  if (width * height > MOST_PIXELS) {
    const most = `at most ${MOST_PIXELS / 1e6} million pixels are read`;
    throw new ImageError(`This image has ${width} x ${height} pixels; ${most}. Choose a smaller one.`);
  }
  return { format, width, height };
}

/** Rounded up, so that what is too large never reads as what is just small enough. */
const megabytes = (bytes: number): string => (Math.ceil(bytes / 1e5) / 10).toString();

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Null when the file ends before it says its size. */
function sizeOf(format: ImageFormat, data: DataView): Size | null {
  try {
    return READERS[format].size(data);
  } catch (error) {
    // A DataView throws nothing else.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

interface Reader {
  is(data: DataView): boolean;
  /** May read past the end, which throws a RangeError. */
  size(data: DataView): Size | null;
}

const READERS: Readonly<Record<ImageFormat, Reader>> = {
  png: {
    is: (data) => textAt(data, 0, 8) === '\x89PNG\r\n\x1a\n',
    size: (data) => (textAt(data, 12, 4) === 'IHDR' ? { width: data.getUint32(16), height: data.getUint32(20) } : null),
  },
  jpeg: { is: (data) => textAt(data, 0, 3) === '\xff\xd8\xff', size: jpegSize },
  webp: { is: (data) => textAt(data, 0, 4) === 'RIFF' && textAt(data, 8, 4) === 'WEBP', size: webpSize },
  gif: { is: (data) => /^GIF8[79]a$/.test(textAt(data, 0, 6)), size: gifSize },
  bmp: { is: (data) => textAt(data, 0, 2) === 'BM', size: bmpSize },
  avif: { is: (data) => textAt(data, 4, 4) === 'ftyp' && avifBrand(data), size: avifSize },
};

/** Bytes as Latin-1; fewer at the end of the file. */
function textAt(data: DataView, at: number, length: number): string {
  const end = Math.min(at + length, data.byteLength);
  let text = '';
  for (let i = at; i < end; i++) text += String.fromCharCode(data.getUint8(i));
  return text;
}

/** The first frame header (SOF0 to SOF15 but for three other segments of that range), behind any others (ITU-T T.81, B.2). */
function jpegSize(data: DataView): Size | null {
  for (let at = 2; ;) {
    if (data.getUint8(at) !== 0xff) return null;
    const marker = data.getUint8(at + 1);
    // A filler byte.
    if (marker === 0xff) {
      at++;
      continue;
    }
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame) return { width: data.getUint16(at + 7), height: data.getUint16(at + 5) };
    // The scan or the end came before any frame.
    if (marker === 0xda || marker === 0xd9) return null;
    // TEM and RST have no length.
    const bare = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
    at += bare ? 2 : 2 + Math.max(2, data.getUint16(at + 2));
  }
}

/** The first chunk: the canvas (VP8X), or the only frame, lossy or lossless (RFC 9649, section 2). */
function webpSize(data: DataView): Size | null {
  const uint24 = (at: number): number => data.getUint16(at, true) + (data.getUint8(at + 2) << 16);
  switch (textAt(data, 12, 4)) {
    case 'VP8X':
      return { width: uint24(24) + 1, height: uint24(27) + 1 };
    case 'VP8L': {
      if (data.getUint8(20) !== 0x2f) return null;
      const bits = data.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8 ':
      if (textAt(data, 23, 3) !== '\x9d\x01\x2a') return null;
      return { width: data.getUint16(26, true) & 0x3fff, height: data.getUint16(28, true) & 0x3fff };
    default:
      return null;
  }
}

/** The logical screen, made as large as the first frame needs, as browsers do (GIF89a specification, sections 18 and 20). */
function gifSize(data: DataView): Size | null {
  let width = data.getUint16(6, true);
  let height = data.getUint16(8, true);
  const flags = data.getUint8(10);
  let at = 13 + (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  while (data.getUint8(at) === 0x21) {
    at += 2;
    for (let length = data.getUint8(at); length > 0; length = data.getUint8(at)) at += length + 1;
    at++;
  }
  if (data.getUint8(at) !== 0x2c) return null;
  width = Math.max(width, data.getUint16(at + 1, true) + data.getUint16(at + 5, true));
  height = Math.max(height, data.getUint16(at + 3, true) + data.getUint16(at + 7, true));
  return { width, height };
}

/** The information header; rows from the top down have a negative height. */
function bmpSize(data: DataView): Size | null {
  const header = data.getUint32(14, true);
  if (header === 12) return { width: data.getUint16(18, true), height: data.getUint16(20, true) };
  if (header < 16) return null;
  return { width: data.getInt32(18, true), height: Math.abs(data.getInt32(22, true)) };
}

function avifBrand(data: DataView): boolean {
  const end = Math.min(data.getUint32(0), data.byteLength, 512);
  for (let at = 8; at + 4 <= end; at += 4) {
    // Between the brand and the compatible ones stands a version.
    if (at !== 12 && /^avi[fs]$/.test(textAt(data, at, 4))) return true;
  }
  return false;
}

/** The largest of the sizes (`ispe`) among the properties of the items (ISO/IEC 23008-12, 6.5.3). */
function avifSize(data: DataView): Size | null {
  const [meta] = boxes(data, 'meta', 0, data.byteLength);
  // A version and flags come before its boxes.
  const [iprp] = meta ? boxes(data, 'iprp', meta.from + 4, meta.end) : [];
  const [ipco] = iprp ? boxes(data, 'ipco', iprp.from, iprp.end) : [];
  const sizes = (ipco ? boxes(data, 'ispe', ipco.from, ipco.end) : []).map(({ from }) => ({
    width: data.getUint32(from + 4),
    height: data.getUint32(from + 8),
  }));
  return sizes.reduce<Size | null>(
    (most, size) => (most && most.width * most.height >= size.width * size.height ? most : size),
    null,
  );
}

/** Where the content of each box of a type lies, of those between two places (ISO/IEC 14496-12, 4.2). */
function boxes(data: DataView, type: string, start: number, end: number): { from: number; end: number }[] {
  const found: { from: number; end: number }[] = [];
  for (let at = start; at + 8 <= end;) {
    const short = data.getUint32(at);
    const long = short === 1 ? Number(data.getBigUint64(at + 8)) : short;
    const length = short === 0 ? end - at : long;
    const header = short === 1 ? 16 : 8;
    if (length < header || at + length > end) break;
    if (textAt(data, at + 4, 4) === type) found.push({ from: at + header, end: at + length });
    at += length;
  }
  return found;
}
