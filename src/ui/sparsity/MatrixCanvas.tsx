import { type PointerEvent, useEffect, useRef } from 'react';
import { surfaceOf } from '../canvas/surface.ts';

/** A canvas that draws itself whenever it is rendered; `onPlace` tells where in it the pointer is. */
export function MatrixCanvas({
  width,
  height,
  draw,
  onPlace,
}: {
  width: number;
  height: number;
  draw: (context: CanvasRenderingContext2D, width: number, height: number) => void;
  onPlace: (place: { readonly x: number; readonly y: number } | null) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current && surfaceOf(canvas.current, width, height);
    if (context) draw(context, width, height);
  });
  const point = ({ clientX, clientY, currentTarget }: PointerEvent<HTMLCanvasElement>): void => {
    const box = currentTarget.getBoundingClientRect();
    onPlace({ x: clientX - box.left, y: clientY - box.top });
  };
  return (
    <canvas
      ref={canvas}
      aria-hidden
      style={{ width, height }}
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={(event) => event.pointerType === 'mouse' && onPlace(null)}
    />
  );
}
