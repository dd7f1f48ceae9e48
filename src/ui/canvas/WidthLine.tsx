import { useEffect, useRef } from 'react';
import type { LayerView } from '../../core/events/view.ts';
import type { Palette } from './cells.ts';
import { surfaceOf } from './surface.ts';

/** A layer's width over the steps of the run, against its full width: a small step curve. */
export function WidthLine({
  layer,
  steps,
  step,
  palette,
  width,
  height,
}: {
  layer: LayerView;
  steps: number;
  step: number;
  palette: Palette;
  width: number;
  height: number;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current && surfaceOf(canvas.current, width, height);
    if (!context) return;
    const x = (at: number): number => (steps > 0 ? (at / steps) * (width - 2) + 1 : 1);
    const y = (channels: number): number => height - 1 - (channels / layer.total) * (height - 3);
    context.fillStyle = layer.prunable ? palette.kept : palette.fixed;
    context.globalAlpha = 0.3;
    context.beginPath();
    context.moveTo(x(0), height - 1);
    layer.widths.forEach((point, index) => {
      const end = layer.widths[index + 1]?.step ?? step;
      context.lineTo(x(point.step), y(point.width));
      context.lineTo(x(end), y(point.width));
    });
    context.lineTo(x(step), height - 1);
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = layer.prunable ? palette.kept : palette.fixed;
    context.lineWidth = 1.5;
    context.beginPath();
    layer.widths.forEach((point, index) => {
      const end = layer.widths[index + 1]?.step ?? step;
      if (index === 0) context.moveTo(x(point.step), y(point.width));
      context.lineTo(x(point.step), y(point.width));
      context.lineTo(x(end), y(point.width));
    });
    context.stroke();
  });
  return <canvas ref={canvas} aria-hidden style={{ width, height }} />;
}
