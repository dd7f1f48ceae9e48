import { useEffect, useRef } from 'react';
import type { RawPixels } from '../../core/questions/questions.ts';

const SIDE = 32;

/** A 32x32 image, its pixels drawn as squares; blank until they have come. Its text alternative stands beside it. */
export function PixelImage({ pixels, size }: { pixels: RawPixels | undefined; size: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context) return;
    if (!pixels) return context.clearRect(0, 0, SIDE, SIDE);
    const image = context.createImageData(SIDE, SIDE);
    for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
      for (let channel = 0; channel < 3; channel++) {
        image.data[pixel * 4 + channel] = pixels[pixel * 3 + channel] ?? 0;
      }
      image.data[pixel * 4 + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }, [pixels]);
  return (
    <canvas
      ref={canvas}
      className="pixel-image"
      width={SIDE}
      height={SIDE}
      style={{ width: size, height: size }}
      aria-hidden
    />
  );
}
