import { type PointerEvent, useEffect, useRef, useState } from 'react';
import { type CellLayout, cellAt } from '../canvas/cells.ts';
import { surfaceOf } from '../canvas/surface.ts';
import { useColours } from '../sparsity/colours.ts';
import { type Range, VIRIDIS_GRADIENT } from './colour-scale.ts';
import { drawMaps } from './draw-maps.ts';
import { cellByKey, layOutMaps } from './grid-keys.ts';
import { type LayerMaps, sharedRange } from './layer-maps.ts';

/** A layer's maps in both networks, on one colour scale and channel by channel in the same places. */
export function LayerRow({
  layer,
  a,
  b,
  columns,
  width,
}: {
  layer: string;
  a: LayerMaps | null;
  b: LayerMaps | null;
  /** Beside each other, or one below the other. */
  columns: 1 | 2;
  /** Of the maps of one side, in pixels. */
  width: number;
}) {
  const [pointed, setPointed] = useState<number | null>(null);
  const count = Math.max(a?.channels.length ?? 0, b?.channels.length ?? 0);
  const layout = layOutMaps(count, Math.max(a?.width ?? 0, b?.width ?? 0), width);
  const range = sharedRange([a, b]);
  const text = pointed === null || pointed >= count ? null : channelText(pointed, a, b);
  const any = a ?? b;
  return (
    <section className="layer" aria-label={layer}>
      <div className="layer-head">
        <h3>{layer}</h3>
        <p>
          {text ??
            `${any ? `${any.width}×${any.height} pixels. ` : ''}Kept: ${[keptText('A', a), keptText('B', b)].filter(Boolean).join(', ')}`}
        </p>
        <div className="scale">
          {number(range.least)}
          <span style={{ background: VIRIDIS_GRADIENT }} />
          {number(range.most)}
        </div>
      </div>
      <div
        className="layer-columns"
        data-columns={columns}
        role="slider"
        tabIndex={0}
        aria-label={`Channel of ${layer}`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, count - 1)}
        aria-valuenow={pointed ?? 0}
        aria-valuetext={text ?? `${count} channels`}
        onKeyDown={(event) => {
          if (event.ctrlKey || event.metaKey || event.altKey) return;
          const to = cellByKey(event.key, pointed, layout.perLine, count);
          if (to === null) return;
          event.preventDefault();
          setPointed(to);
        }}
        onBlur={() => setPointed(null)}
      >
        <Maps maps={a} layout={layout} range={range} pointed={pointed} onPoint={setPointed} />
        <Maps maps={b} layout={layout} range={range} pointed={pointed} onPoint={setPointed} />
      </div>
    </section>
  );
}

/** The maps of one network. */
function Maps({
  maps,
  layout,
  range,
  pointed,
  onPoint,
}: {
  maps: LayerMaps | null;
  layout: CellLayout;
  range: Range;
  pointed: number | null;
  onPoint: (channel: number | null) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { off } = useColours();
  const { size, perLine } = layout;
  const count = maps?.channels.length ?? 0;
  const [width, height] = [Math.min(perLine, count) * size, Math.ceil(count / perLine) * size];
  const { least, most } = range;
  useEffect(() => {
    const context = maps && canvas.current && surfaceOf(canvas.current, width, height);
    if (context) drawMaps(context, maps, { size, perLine, lines: 0 }, { least, most }, off);
  }, [maps, size, perLine, least, most, width, height, off]);
  if (!maps) return <p className="layer-none">Not in this network.</p>;
  const under = (event: PointerEvent<HTMLCanvasElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    onPoint(cellAt(layout, count, event.clientX - box.left, event.clientY - box.top));
  };
  return (
    <div className="layer-maps" style={{ width, height }}>
      <canvas
        ref={canvas}
        aria-hidden
        style={{ width, height }}
        onPointerMove={under}
        onPointerDown={under}
        onPointerLeave={({ pointerType }) => pointerType === 'mouse' && onPoint(null)}
      />
      {pointed !== null && pointed < count && (
        <span
          className="layer-mark"
          style={{
            left: (pointed % perLine) * size,
            top: Math.floor(pointed / perLine) * size,
            width: size - 2,
            height: size - 2,
          }}
        />
      )}
    </div>
  );
}

/** Three digits that tell apart what the colours tell apart. */
const number = (value: number): string => (value === 0 ? '0' : value.toPrecision(3));

const keptText = (name: string, maps: LayerMaps | null): string =>
  maps ? `${name} ${maps.kept} of ${maps.channels.length}` : '';

function channelText(channel: number, a: LayerMaps | null, b: LayerMaps | null): string {
  const side = (name: string, maps: LayerMaps | null): string => {
    const map = maps?.channels[channel];
    if (map === undefined) return `${name} has no such channel`;
    return map ? `${name}: mean ${number(map.mean)}, max ${number(map.most)}` : `${name}: pruned`;
  };
  return `Channel ${channel}. ${side('A', a)}; ${side('B', b)}`;
}
