import { useElementSize } from '@mantine/hooks';
import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef } from 'react';
import { surfaceOf } from '../canvas/surface.ts';
import { useColours } from './colours.ts';
import { type GridLayout, drawKernels, gridLayout, sourceAt } from './draw-kernels.ts';
import type { LayerPicture } from './layer-picture.ts';
import { layerSummary, sourceMapText } from './layer-words.ts';

/** Room for a scroll bar, so that one that appears does not change the layout. */
const BAR = 14;

export interface KernelGridProps {
  readonly picture: LayerPicture;
  /** The source map whose column is marked. */
  readonly pointed: number | null;
  onPoint(source: number | null): void;
}

/** The grid scrolls where it does not fit; the canvas is as large as what is in sight. */
export function KernelGrid({ picture, pointed, onPoint }: KernelGridProps) {
  const { ref, width, height } = useElementSize();
  const layout = useMemo(() => gridLayout(picture.layer, width - BAR, height - BAR), [picture.layer, width, height]);
  return (
    <div ref={ref} className="kernel-area">
      {width > 0 && <Scroller picture={picture} layout={layout} pointed={pointed} onPoint={onPoint} />}
    </div>
  );
}

function Scroller({ picture, layout, pointed, onPoint }: KernelGridProps & { layout: GridLayout }) {
  const colours = useColours();
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { layer } = picture;

  const draw = (): void => {
    const [box, element] = [scroller.current, canvas.current];
    if (!box || !element) return;
    const { scrollLeft: x, scrollTop: y, clientWidth, clientHeight } = box;
    const [width, height] = [Math.min(clientWidth, layout.width), Math.min(clientHeight, layout.height)];
    element.style.width = `${width}px`;
    element.style.height = `${height}px`;
    const context = surfaceOf(element, width, height);
    if (context) drawKernels(context, picture, layout, { x, y, width, height }, pointed, colours);
  };
  useEffect(draw);

  const under = ({ clientX, currentTarget }: PointerEvent<HTMLCanvasElement>): number | null =>
    sourceAt(
      layout,
      layer.inputs,
      clientX - currentTarget.getBoundingClientRect().left + (scroller.current?.scrollLeft ?? 0),
    );
  const onKey = (event: KeyboardEvent): void => {
    const last = layer.inputs - 1;
    const moves: Readonly<Record<string, number>> = {
      ArrowRight: Math.min(last, (pointed ?? -1) + 1),
      ArrowLeft: Math.max(0, (pointed ?? last + 1) - 1),
      Home: 0,
      End: last,
    };
    const to = moves[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    onPoint(to);
    const box = scroller.current;
    if (!box) return;
    const x = layout.left + to * layout.cell;
    if (x - layout.left < box.scrollLeft) box.scrollLeft = x - layout.left;
    if (x + layout.cell > box.scrollLeft + box.clientWidth) box.scrollLeft = x + layout.cell - box.clientWidth;
  };
  return (
    <div
      ref={scroller}
      className="kernel-scroll"
      role="slider"
      tabIndex={0}
      aria-label={`Source map of ${layer.id}`}
      aria-valuemin={0}
      aria-valuemax={layer.inputs - 1}
      aria-valuenow={pointed ?? 0}
      aria-valuetext={pointed === null ? layerSummary(picture) : sourceMapText(picture, pointed)}
      onKeyDown={onKey}
      onScroll={draw}
    >
      <div style={{ width: layout.width, height: layout.height }}>
        <canvas
          ref={canvas}
          aria-hidden
          onPointerMove={(event) => onPoint(under(event))}
          onPointerDown={(event) => onPoint(under(event))}
          onPointerLeave={(event) => event.pointerType === 'mouse' && onPoint(null)}
        />
      </div>
    </div>
  );
}
