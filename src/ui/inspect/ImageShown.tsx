import { useMemo } from 'react';
import { CLASSES } from '../../core/network/images.ts';
import { Tile } from './Tile.tsx';
import { pixelsShown, useInspecting } from './inspecting.ts';
import { opaque } from './kernel-tiles.ts';

/** The image that the networks are shown, as they see it, and what it is. */
export function ImageShown() {
  const pixels = useInspecting(pixelsShown);
  const source = useInspecting((state) => state.source);
  const test = useInspecting((state) => state.test);
  const own = useInspecting((state) => state.own);
  const rgba = useMemo(() => pixels && opaque(pixels), [pixels]);
  if (!rgba) return null;
  const name = source === 'own' && own ? own.name : test ? `Test image ${test.index}: ${CLASSES[test.label]}` : '';
  return (
    <figure className="image-shown">
      <Tile rgba={rgba} width={32} label={`${name}, 32 by 32 pixels`} />
      <figcaption>{name}</figcaption>
    </figure>
  );
}
