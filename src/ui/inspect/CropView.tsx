import { Slider } from '@mantine/core';
import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from 'react';
import { type Crop, cropOf } from '../../core/own-image/index.ts';
import { surfaceOf } from '../canvas/surface.ts';
import { grabbed, held } from '../widgets/slider.ts';
import { cropByKey, resized } from './crop-moves.ts';
import { Cropper } from './cropper.ts';
import type { OwnFile } from './inspecting.ts';

/** Room of the original, in pixels. */
const [WIDEST, HIGHEST] = [330, 260];

/** The original with the square that networks see of it: to drag, to move by arrow keys, to resize. */
export function CropView({ own }: { own: OwnFile }) {
  const { id, file, name, image } = own;
  const { width, height } = image;
  const [crop, setCrop] = useState(image.crop);
  const scale = Math.min(WIDEST / width, HIGHEST / height, 8);
  const cropper = useMemo(() => new Cropper({ id, file, name }), [id, file, name]);
  const move = (wish: Crop): void => {
    const next = cropOf(width, height, wish);
    setCrop(next);
    cropper.crop(next);
  };

  const grip = useRef({ x: 0, y: 0 });
  const onPointerDown = (event: PointerEvent<HTMLElement>): void => {
    if (grabbed(event)) grip.current = { x: event.clientX / scale - crop.x, y: event.clientY / scale - crop.y };
  };
  const onPointerMove = (event: PointerEvent<HTMLElement>): void => {
    if (!held(event)) return;
    move({ ...crop, x: event.clientX / scale - grip.current.x, y: event.clientY / scale - grip.current.y });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = event.ctrlKey || event.metaKey || event.altKey ? null : cropByKey(event.key, crop, event.shiftKey);
    if (!next) return;
    event.preventDefault();
    move(next);
  };
  const largest = Math.min(width, height);
  const text = `${crop.size} by ${crop.size} pixels, from ${crop.x} across and ${crop.y} down`;
  return (
    <div className="crop">
      <div className="crop-image" style={{ width: width * scale, height: height * scale }}>
        <Original file={file} width={width * scale} height={height * scale} label={`${name}, ${width} by ${height}`} />
        <button
          type="button"
          className="crop-square"
          aria-label={`Square that is used: ${text}. Arrow keys move it`}
          style={{ left: crop.x * scale, top: crop.y * scale, width: crop.size * scale, height: crop.size * scale }}
          onPointerDown={onPointerDown}
          onPointerMove={onPointerMove}
          onKeyDown={onKeyDown}
        />
      </div>
      <p className="inspect-note">
        {width} × {height} pixels; used: {text}
      </p>
      {largest > 1 && (
        <div className="crop-size">
          <span aria-hidden>Size</span>
          <Slider
            size="sm"
            label={null}
            thumbLabel="Size of the square"
            min={Math.min(8, largest)}
            max={largest}
            value={crop.size}
            onChange={(size) => move(resized(crop, size))}
          />
        </div>
      )}
    </div>
  );
}

/** The image as it is. */
function Original({ file, width, height, label }: { file: Blob; width: number; height: number; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let gone = false;
    void createImageBitmap(file).then((bitmap) => {
      const context = !gone && canvas.current && surfaceOf(canvas.current, width, height);
      if (context) context.drawImage(bitmap, 0, 0, width, height);
      bitmap.close();
    });
    return () => void (gone = true);
  }, [file, width, height]);
  return <canvas ref={canvas} role="img" aria-label={label} style={{ width, height }} />;
}
