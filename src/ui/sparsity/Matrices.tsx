import { Slider } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useState } from 'react';
import type { LoweredSize } from '../../core/sparsity/index.ts';
import { MatrixCanvas } from './MatrixCanvas.tsx';
import { useColours } from './colours.ts';
import { drawKernelMatrix, drawMapMatrix, edgeOf, extracted, fitting, sourceUnder } from './draw-matrices.ts';
import type { LayerPicture } from './layer-picture.ts';
import { useClosing } from './use-closing.ts';

export interface MatricesProps {
  readonly picture: LayerPicture;
  /** By source map and tap, whether the product keeps the row. */
  readonly rows: readonly boolean[];
  readonly dense: LoweredSize;
  readonly now: LoweredSize;
  readonly closed: boolean;
  readonly pointed: number | null;
  onPoint(source: number | null): void;
}

/** Share of the width that the kernels take; the rest is the feature maps' and the sign between them. */
const KERNELS = 0.62;
const BETWEEN = 30;

/** Kernels D x K' and feature maps K' x P side by side: of as many source maps as can be told apart. */
export function Matrices({ picture, rows, dense, now, closed, pointed, onPoint }: MatricesProps) {
  const { ref, width, height } = useElementSize();
  const colours = useColours();
  const [from, setFrom] = useState(0);
  const shut = useClosing(closed);
  const { layer } = picture;
  const left = Math.floor((width - BETWEEN) * KERNELS);
  const right = Math.floor(width - BETWEEN - left);
  const count = fitting(layer, left, height);
  const first = Math.min(from, layer.inputs - count);
  const extract = { first, count };
  const drawing = { picture, extract, rows, closed: shut, pointed, colours };
  const stays = extracted(rows, extract, layer.taps);
  const under = (place: number | undefined, length: number): void =>
    onPoint(place === undefined ? null : sourceUnder(edgeOf(stays, length, shut), place, extract, layer.taps));
  const sizes = (a: number, b: number): string => `${a.toLocaleString('en')} × ${b.toLocaleString('en')}`;
  return (
    <>
      <div className="matrix-heads" style={{ gridTemplateColumns: `${left}px ${BETWEEN}px 1fr` }}>
        <p>
          Kernels <b>{sizes(now.outputs, now.rows)}</b> <span>D × K′, dense {sizes(dense.outputs, dense.rows)}</span>
        </p>
        <span />
        <p>
          Feature maps <b>{sizes(now.rows, now.positions)}</b> <span>K′ × P</span>
        </p>
      </div>
      <div ref={ref} className="matrix-area">
        {width > 0 && (
          <>
            <MatrixCanvas
              width={left}
              height={height}
              draw={(context, w, h) => drawKernelMatrix(context, drawing, w, h)}
              onPlace={(place) => under(place?.x, left)}
            />
            <span className="matrix-sign" aria-hidden>
              ×
            </span>
            <MatrixCanvas
              width={right}
              height={height}
              draw={(context, w, h) => drawMapMatrix(context, drawing, w, h)}
              onPlace={(place) => under(place?.y, height)}
            />
          </>
        )}
      </div>
      {count < layer.inputs && (
        <div className="matrix-part">
          <span>
            Drawn: source maps {first} to {first + count - 1} of {layer.inputs}
          </span>
          <Slider
            size="xs"
            thumbLabel="First source map drawn"
            min={0}
            max={layer.inputs - count}
            value={first}
            label={null}
            onChange={setFrom}
          />
        </div>
      )}
    </>
  );
}
