import type { Crop } from '../../core/own-image/index.ts';

/** Where a key takes the square: a sixteenth of its side, with Shift one pixel; null for any other key. May lie outside. */
export function cropByKey(key: string, crop: Crop, fine: boolean): Crop | null {
  const by = fine ? 1 : Math.max(1, Math.round(crop.size / 16));
  switch (key) {
    case 'ArrowLeft':
      return { ...crop, x: crop.x - by };
    case 'ArrowRight':
      return { ...crop, x: crop.x + by };
    case 'ArrowUp':
      return { ...crop, y: crop.y - by };
    case 'ArrowDown':
      return { ...crop, y: crop.y + by };
    default:
      return null;
  }
}

/** The square at another size around the same centre. May lie outside. */
export const resized = ({ x, y, size }: Crop, to: number): Crop => ({
  x: Math.round(x + (size - to) / 2),
  y: Math.round(y + (size - to) / 2),
  size: to,
});
