import { useEffect, useRef } from 'react';

/** A small picture whose pixels are drawn as squares. Without a label it is decoration. */
export function Tile({
  rgba,
  width,
  height = width,
  label,
}: {
  /** RGBA, `width` x `height` pixels. */
  rgba: Uint8ClampedArray<ArrayBuffer>;
  width: number;
  height?: number;
  label?: string | undefined;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    canvas.current?.getContext('2d')?.putImageData(new ImageData(rgba, width, height), 0, 0);
  }, [rgba, width, height]);
  return (
    <canvas
      ref={canvas}
      className="tile"
      width={width}
      height={height}
      {...(label === undefined ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label })}
    />
  );
}
