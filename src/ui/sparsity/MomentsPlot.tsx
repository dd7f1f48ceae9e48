import { useElementSize } from '@mantine/hooks';
import { percent } from '../widgets/format.ts';
import { AccuracyAxis, type PlotBox, heightAt } from './AccuracyAxis.tsx';
import { accuracyRange, accuracyTicks } from './cloud.ts';
import type { StageMoments } from './stages.ts';

const [LEFT, TOP, BOTTOM] = [44, 26, 50];
/** Narrower stages would run their numbers together: then the plot scrolls. */
const NARROWEST = 150;
const WIDEST = 240;
/** What a retrained network may lose, as the papers count it. */
const POINT = 0.01;

const PARTS = ['before', 'masked', 'recalibrated', 'retrained'] as const;

/** A group of four marks a stage, joined in order, with the line one point below where it began. */
export function MomentsPlot({ stages }: { stages: readonly StageMoments[] }) {
  const { ref, width, height } = useElementSize();
  const values = stages.flatMap(({ before, masked, recalibrated, retrained }) => [
    before,
    before - POINT,
    masked,
    ...(recalibrated === null ? [] : [recalibrated]),
    ...(retrained ? [retrained.accuracy] : []),
  ]);
  const [low, high] = accuracyRange(values);
  // Room for the numbers below the lowest marks.
  const range = [Math.max(0, low - 0.1 * (high - low)), high] as const;
  const pitch = Math.min(WIDEST, Math.max(NARROWEST, (width - LEFT - 10) / stages.length));
  const box: PlotBox = {
    left: LEFT,
    top: TOP,
    width: pitch * stages.length,
    height: Math.max(30, height - TOP - BOTTOM),
    range,
  };
  return (
    <div ref={ref} className="moments-area" tabIndex={box.width + LEFT + 10 > width ? 0 : undefined}>
      {width > 0 && (
        <svg className="moments-plot" width={LEFT + box.width + 8} height={height - 2} aria-hidden>
          <AccuracyAxis box={box} ticks={accuracyTicks(range)} />
          <text x={6} y={11}>
            Test accuracy
          </text>
          {stages.map((stage, index) => (
            <Stage key={stage.name} stage={stage} box={box} x={LEFT + index * pitch} width={pitch} />
          ))}
        </svg>
      )}
    </div>
  );
}

function Stage({ stage, box, x, width }: { stage: StageMoments; box: PlotBox; x: number; width: number }) {
  const { name, step, before, retrained } = stage;
  const bottom = box.top + box.height;
  const centres = PARTS.map((_, i) => x + ((i + 0.5) / PARTS.length) * (width - 16) + 8);
  const known = PARTS.map((part) => {
    const value = stage[part];
    return typeof value === 'number' ? value : (value?.accuracy ?? null);
  });
  const points = known.flatMap((value, i) => (value === null ? [] : [{ value, x: centres[i] ?? 0, part: PARTS[i] }]));
  const allowed = heightAt(box, before - POINT);
  return (
    <g>
      {x > LEFT && <line className="stage-edge" x1={x} x2={x} y1={box.top - 12} y2={bottom + 46} />}
      <line className="point-line" x1={x + 10} x2={x + width - 10} y1={allowed} y2={allowed} />
      <polyline className="moment-path" points={points.map((p) => `${p.x},${heightAt(box, p.value)}`).join(' ')} />
      {points.map(({ value, x: at, part }, i) => {
        const y = heightAt(box, value);
        // Above its mark, but below where the line comes from above.
        const falls = i > 0 && value < (points[i - 1]?.value ?? 0);
        const below = falls && y + 18 < bottom;
        return (
          <g key={part} className="moment" data-mark={part}>
            <Shape part={part ?? 'before'} x={at} y={y} />
            <text x={at} y={below ? y + 18 : y - 9} textAnchor="middle">
              {(value * 100).toFixed(1)}
            </text>
          </g>
        );
      })}
      <text className="stage-name" x={x + width / 2} y={bottom + 16} textAnchor="middle">
        {name}
      </text>
      <text x={x + width / 2} y={bottom + 31} textAnchor="middle">
        step {step.toLocaleString('en')}
      </text>
      <text x={x + width / 2} y={bottom + 45} textAnchor="middle">
        {retrained ? `retrained: ${difference(retrained.accuracy - before)}` : 'not retrained yet'}
      </text>
    </g>
  );
}

/** What retraining left of the loss, or gained. */
const difference = (change: number): string =>
  `${change < 0 ? '−' : '+'}${percent(Math.abs(change)).replace(' %', ' points')}`;

/** Each moment has a shape of its own. */
function Shape({ part, x, y }: { part: (typeof PARTS)[number]; x: number; y: number }) {
  switch (part) {
    case 'before':
      return <circle cx={x} cy={y} r={4.5} />;
    case 'masked':
      return <path d={`M${x - 5.5} ${y - 4.5}h11l-5.5 9.5z`} />;
    case 'recalibrated':
      return <path d={`M${x} ${y - 6}l6 6-6 6-6-6z`} />;
    case 'retrained':
      return <rect x={x - 4.5} y={y - 4.5} width={9} height={9} rx={1.5} />;
  }
}
