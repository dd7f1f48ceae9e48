import { useEffect, useRef } from 'react';
import { type CellState, type Palette, drawCell } from '../canvas/cells.ts';
import { surfaceOf } from '../canvas/surface.ts';

const ENTRIES: readonly (readonly [CellState, string])[] = [
  ['kept', 'kept'],
  ['off', 'pruned'],
  ['pruned', 'just pruned'],
  ['regrown', 'just regrown'],
  ['fixed', 'never pruned'],
  ['switchedOff', 'by hand'],
];

/** What the cells mean, drawn by the same code as the map. */
export const Legend = ({ palette }: { palette: Palette }) => (
  <ul className="legend" aria-label="Legend">
    {ENTRIES.map(([state, text]) => (
      <li key={state}>
        <Swatch state={state} palette={palette} /> {text}
      </li>
    ))}
  </ul>
);

const SIZE = 15;

function Swatch({ state, palette }: { state: CellState; palette: Palette }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current && surfaceOf(canvas.current, SIZE, SIZE);
    if (context) drawCell(context, state, 0, 0, SIZE, 1, palette);
  }, [state, palette]);
  return <canvas ref={canvas} aria-hidden style={{ width: SIZE, height: SIZE }} />;
}
