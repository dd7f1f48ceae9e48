import { type DrawnLayer, layOutDrawing, streamBands } from './drawing.ts';

/** One network from its first convolution to its last: bars as high as the layers are wide. */
export function Drawing({
  layers,
  width,
  height,
  most,
  label,
}: {
  layers: readonly DrawnLayer[];
  width: number;
  height: number;
  /** Channels that fill the height: the widest layer of all drawings beside each other. */
  most: number;
  label: string;
}) {
  const bars = layOutDrawing(layers, { width, height, most });
  return (
    <svg className="drawing" width={width} height={height} role="img" aria-label={label}>
      {streamBands(bars).map(({ x, width: long, top, height: high }) => (
        <rect key={x} className="drawn-band" x={x} width={long} y={top} height={high} />
      ))}
      {bars.map(
        ({
          layer,
          x,
          thickness,
          top,
          height: high,
          originalTop,
          originalHeight,
          width: channels,
          original,
          stream,
        }) => (
          <g key={layer}>
            <title>{`${layer}: ${channels}${channels === original ? '' : ` of ${original}`} channels`}</title>
            <rect className="drawn-original" x={x} width={thickness} y={originalTop} height={originalHeight} />
            <rect className={stream ? 'drawn-stream' : 'drawn-inner'} x={x} width={thickness} y={top} height={high} />
          </g>
        ),
      )}
    </svg>
  );
}
