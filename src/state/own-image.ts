import {
  type Crop,
  ImageError,
  SIDE,
  checkFileSize,
  cropOf,
  imageHeader,
  rowsOf,
  scaleRow,
} from '../core/own-image/index.ts';

/** An image of the user's as networks see it. */
export interface OwnImage {
  /** 3,072 bytes: 32x32 rows of RGB. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** Size of the whole image, as it is shown. */
  readonly width: number;
  readonly height: number;
  /** The square of it that was scaled to 32x32. */
  readonly crop: Crop;
}

/**
 * Reads an image file: PNG, JPEG, WebP, GIF, BMP or AVIF (of animations the first picture), turned as its EXIF data says.
 * `crop`: the square to scale to 32x32 (moved into the image where it lies outside); default the largest one, centred.
 * Nothing leaves the browser. Rejects with an ImageError, a sentence, when the file is none or too large.
 */
export async function ownImage(file: Blob, crop?: { x: number; y: number; size: number }): Promise<OwnImage> {
  checkFileSize(file.size);
  const bytes = await file.arrayBuffer().catch((cause: unknown) => {
    throw new ImageError('This file could not be read. Choose it again.', { cause });
  });
  const { format } = imageHeader(new Uint8Array(bytes));
  // By what it is, whatever its name says.
  const bitmap = await createImageBitmap(new Blob([bytes], { type: `image/${format}` })).catch((cause: unknown) => {
    throw new ImageError(
      `This ${format.toUpperCase()} image cannot be decoded: it is damaged, or of a kind that this browser does not know. Choose another image.`,
      { cause },
    );
  });
  try {
    const { width, height } = bitmap;
    const square = cropOf(width, height, crop);
    return { pixels: scaled(bitmap, square), width, height, crop: square };
  } finally {
    bitmap.close();
  }
}

/** The square of a bitmap, 32x32: a strip at a time, so that a large image takes little memory once more. */
function scaled(bitmap: ImageBitmap, { x, y, size }: Crop): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(SIDE * SIDE * 3);
  const most = Math.max(...Array.from({ length: SIDE }, (_, row) => rowsOf(row, size).end - rowsOf(row, size).first));
  const context = new OffscreenCanvas(size, most).getContext('2d', { willReadFrequently: true });
  if (!context)
    throw new ImageError('This browser has no canvas to scale the image with. Reload the page and try again.');
  for (let row = 0; row < SIDE; row++) {
    const { first, end } = rowsOf(row, size);
    context.clearRect(0, 0, size, most);
    context.drawImage(bitmap, x, y + first, size, end - first, 0, 0, size, end - first);
    const { data } = context.getImageData(0, 0, size, end - first);
    scaleRow(data, row, size, pixels.subarray(3 * SIDE * row, 3 * SIDE * (row + 1)));
  }
  return pixels;
}
