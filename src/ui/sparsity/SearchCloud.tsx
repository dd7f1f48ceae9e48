import { useElementSize } from '@mantine/hooks';
import { percent } from '../widgets/format.ts';
import type { SearchRound } from '../../core/search/index.ts';
import { AccuracyAxis, type PlotBox, heightAt } from './AccuracyAxis.tsx';
import { type Cloud, type Mark, accuracyRange, accuracyTicks, apart, radiusOf } from './cloud.ts';

const [LEFT, TOP, RIGHT] = [44, 8, 118];

export interface SearchCloudProps {
  readonly cloud: Cloud;
  readonly rounds: readonly SearchRound[];
  readonly marks: readonly Mark[];
  /** Candidates drawn independently: no weights, so no effective sample size. */
  readonly drawn: boolean;
}

/** Rounds from left to right, held-out accuracy upwards, a dot a mask; other choices as lines across. */
export function SearchCloud({ cloud, rounds, marks, drawn }: SearchCloudProps) {
  const { ref, width, height } = useElementSize();
  const best = cloud.stairs.at(-1)?.best ?? 0;
  const scores = cloud.particles.map(({ score }) => score);
  const range = accuracyRange([...scores, ...marks.map(({ accuracy }) => accuracy)]);
  const bottom = drawn ? 20 : 34;
  const box: PlotBox = {
    left: LEFT,
    top: TOP,
    width: Math.max(40, width - LEFT - RIGHT),
    height: Math.max(30, height - TOP - bottom),
    range,
  };
  const xOf = (x: number): number => box.left + (x / Math.max(1, cloud.rounds)) * box.width;
  const yOf = (score: number): number => heightAt(box, score);
  const size = drawn ? 2.6 : Math.min(4.5, Math.max(2.2, box.width / cloud.rounds / 22));
  const labels = [{ key: 'best' as const, label: 'best so far', accuracy: best }, ...marks];
  const heights = apart(
    labels.map(({ accuracy }) => yOf(accuracy)),
    27,
    box.top + 8,
    box.top + box.height - 14,
  );
  return (
    <div ref={ref} className="search-area">
      {width > 0 && (
        <svg className="search-plot" width={width} height={height} aria-hidden>
          <AccuracyAxis box={box} ticks={accuracyTicks(range)} />
          {rounds.map(({ round, effectiveSampleSize, scores: { length } }) => (
            <g key={round} className="search-round">
              {round > 0 && <line x1={xOf(round)} x2={xOf(round)} y1={box.top} y2={box.top + box.height} />}
              <text x={xOf(round + 0.5)} y={box.top + box.height + 14} textAnchor="middle">
                {drawn ? `${length} masks drawn` : `${cloud.rounds > 4 ? '' : 'round '}${round + 1}`}
              </text>
              {!drawn && (
                <text className="search-ess" x={xOf(round + 0.5)} y={box.top + box.height + 29} textAnchor="middle">
                  {effectiveSampleSize.toFixed(1)}
                </text>
              )}
            </g>
          ))}
          {!drawn && (
            <>
              {cloud.rounds > 4 && (
                <text x={4} y={box.top + box.height + 14}>
                  round
                </text>
              )}
              <text x={box.left + box.width + 14} y={box.top + box.height + 14}>
                effective sample
              </text>
              <text x={box.left + box.width + 14} y={box.top + box.height + 29}>
                size, of {rounds[0]?.scores.length}
              </text>
            </>
          )}
          <g className="search-lines">
            {cloud.lines.map(({ from, to }) => (
              <line
                key={`${to.round} ${to.index} ${from.index}`}
                x1={xOf(from.x)}
                y1={yOf(from.score)}
                x2={xOf(to.x)}
                y2={yOf(to.score)}
              />
            ))}
          </g>
          {marks.map(({ key, accuracy }) => (
            <line
              key={key}
              className="search-mark"
              data-mark={key}
              x1={box.left}
              x2={box.left + box.width}
              y1={yOf(accuracy)}
              y2={yOf(accuracy)}
            />
          ))}
          <path className="search-best" d={stairPath(cloud, xOf, yOf)} />
          <g className="search-dots">
            {cloud.particles.map((particle) => (
              <circle
                key={`${particle.round} ${particle.index}`}
                cx={xOf(particle.x)}
                cy={yOf(particle.score)}
                r={radiusOf(particle, size)}
                data-best={particle.best || undefined}
              />
            ))}
          </g>
          {labels.map(({ key, label, accuracy }, i) => (
            <g key={key} className="search-label" data-mark={key}>
              <path d={`M${box.left + box.width} ${yOf(accuracy)}L${box.left + box.width + 10} ${heights[i] ?? 0}`} />
              <text x={box.left + box.width + 14} y={(heights[i] ?? 0) - 1}>
                {percent(accuracy)}
              </text>
              <text x={box.left + box.width + 14} y={(heights[i] ?? 0) + 11}>
                {label}
              </text>
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

/** Along each stair to where the next one begins, then up. */
function stairPath({ stairs, rounds }: Cloud, xOf: (x: number) => number, yOf: (score: number) => number): string {
  return stairs
    .map(({ x, best }, i) => {
      const start = i === 0 ? `M${xOf(x)} ${yOf(best)}` : `V${yOf(best)}`;
      return `${start}H${xOf(stairs[i + 1]?.x ?? rounds)}`;
    })
    .join('');
}
