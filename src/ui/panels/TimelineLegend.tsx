import { useEffect, useRef } from 'react';
import type { Palette } from '../canvas/cells.ts';
import { type Mark, drawMark, stripColours } from '../canvas/draw-strip.ts';
import type { StripLane } from '../canvas/strip.ts';
import { surfaceOf } from '../canvas/surface.ts';

const TEXTS: Readonly<Record<Mark, string>> = {
  prune: 'prune',
  regrow: 'regrow',
  crop: 'crop',
  mask: 'mask',
  setting: 'setting',
  fork: 'fork',
  recovered: 'recovered',
  batchHalved: 'batch halved',
  diverged: 'diverged',
  error: 'stopped',
  finish: 'finish',
  checkpoint: 'checkpoint',
};

/** What the marks on the time line mean: those that it has, drawn by the same code. */
export function TimelineLegend({ lanes, palette }: { lanes: readonly StripLane[]; palette: Palette }) {
  const present = new Set(lanes.flatMap(({ ticks }) => ticks.map(({ kind }) => kind as string)));
  if (lanes.some(({ checkpoints }) => checkpoints.length > 0)) present.add('checkpoint');
  const marks = (Object.keys(TEXTS) as Mark[]).filter((mark) => present.has(mark));
  return (
    <ul className="timeline-legend" aria-label="Marks">
      {marks.map((mark) => (
        <li key={mark}>
          <Swatch mark={mark} palette={palette} /> {TEXTS[mark]}
        </li>
      ))}
    </ul>
  );
}

const WIDTH = 14;
const HEIGHT = 16;

function Swatch({ mark, palette }: { mark: Mark; palette: Palette }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current && surfaceOf(canvas.current, WIDTH, HEIGHT);
    if (!context || !canvas.current) return;
    const colours = stripColours(canvas.current, palette);
    context.fillStyle = colours.muted;
    context.fillRect(0, HEIGHT / 2 - 2, WIDTH, 4);
    drawMark(context, mark, WIDTH / 2, HEIGHT / 2, HEIGHT, colours.muted, colours);
  }, [mark, palette]);
  return <canvas ref={canvas} aria-hidden style={{ width: WIDTH, height: HEIGHT }} />;
}
