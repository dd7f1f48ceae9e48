import { keptTaps } from '../../core/network/taps.ts';

/** A tap's side, and the gap between two, in the units of the picture. */
const SIDE = 8;
const PITCH = 10;

/** The kernels that leave a source map, as one small picture: kept taps are filled. */
export function TapPicture({ side, stride, offset }: { side: number; stride: number; offset: number }) {
  const kept = keptTaps(stride, offset, side ** 2);
  const all = Array.from({ length: side ** 2 }, (_, tap) => tap);
  const extent = side * PITCH;
  return (
    <svg className="tap-picture" viewBox={`-1 -1 ${extent} ${extent}`} aria-hidden>
      <path
        className="tap-pruned"
        d={squares(
          all.filter((tap) => !kept.includes(tap)),
          side,
        )}
      />
      <path className="tap-kept" d={squares(kept, side)} />
    </svg>
  );
}

const squares = (taps: readonly number[], side: number): string =>
  taps.map((tap) => `M${(tap % side) * PITCH} ${Math.floor(tap / side) * PITCH}h${SIDE}v${SIDE}h${-SIDE}z`).join('');
