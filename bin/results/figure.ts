import { html } from '../report/html.ts';
import { accuracyOf, byAccuracy } from './claims.ts';
import type { Method } from './data.ts';

const [WIDTH, ROW, LEFT, RIGHT, TOP, BOTTOM] = [760, 30, 270, 40, 16, 44];

/** Test accuracy of every run, a row a method, its mean as a line: an SVG that stands alone, in light and dark. */
export function figure(methods: readonly Method[]): string {
  const all = methods.flatMap(({ runs }) => runs.map(({ testAccuracy }) => 100 * testAccuracy));
  const [low, high] = [Math.floor(Math.min(...all) - 0.2), Math.ceil(Math.max(...all) + 0.2)];
  const x = (percent: number): number =>
    Math.round((LEFT + ((percent - low) / (high - low)) * (WIDTH - LEFT - RIGHT)) * 10) / 10;
  const every = Math.max(1, Math.ceil((high - low) / 8));
  const ticks = Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) => low + i * every);
  const bottom = TOP + ROW * methods.length;
  const height = bottom + BOTTOM;
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
    <title>Test accuracy of every run, by method</title>
    <style>
      svg {
        background: #fff;
        font:
          13px system-ui,
          sans-serif;
      }
      text {
        fill: #14201b;
      }
      .axis {
        fill: #55635d;
      }
      .grid {
        stroke: #dfe5e2;
      }
      .run {
        fill: #0b6b4e;
        fill-opacity: 0.55;
      }
      .mean {
        stroke: #14201b;
        stroke-width: 2;
      }
      @media (prefers-color-scheme: dark) {
        svg {
          background: #0f1513;
        }
        text {
          fill: #e8efec;
        }
        .axis {
          fill: #a3b1ab;
        }
        .grid {
          stroke: #2a3530;
        }
        .run {
          fill: #4ccb9a;
        }
        .mean {
          stroke: #e8efec;
        }
      }
    </style>
    ${ticks.map(
      (tick) =>
        html`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP}" y2="${bottom}" /><text
            class="axis"
            x="${x(tick)}"
            y="${bottom + 18}"
            text-anchor="middle"
            >${tick} %</text
          > `,
    )}
    <text class="axis" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 37}" text-anchor="middle">
      test accuracy: a dot a seed, a line at the mean
    </text>
    ${byAccuracy(methods).map((method, row) => {
      const y = TOP + ROW * (row + 0.5);
      const mean = x(100 * accuracyOf(method).mean);
      return html`<text x="${LEFT - 14}" y="${y + 4}" text-anchor="end">${method.name}</text>${method.runs.map(
          ({ testAccuracy }) => html`<circle class="run" cx="${x(100 * testAccuracy)}" cy="${y}" r="5" />`,
        )}<line class="mean" x1="${mean}" x2="${mean}" y1="${y - 9}" y2="${y + 9}" /> `;
    })}
  </svg> `.text;
}
