import { Markup, html } from './html.ts';

export interface Axis {
  readonly title: string;
  readonly format: (value: number) => string;
}

export interface Extent {
  readonly at: number;
  readonly min: number;
  readonly max: number;
}

/** A line with a band, or a single point with bars; known by its number, its colour, and its dash or shape. */
export interface Series {
  /** From 1. */
  readonly number: number;
  readonly name: string;
  readonly points: readonly { readonly x: Extent; readonly y: Extent }[];
}

export interface ChartOptions {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly kind: 'lines' | 'points';
  readonly series: readonly Series[];
}

const COLOURS = 6;
const DASHES = ['', '7 3', '2 3', '9 3 2 3', '4 2', '12 3'];
const [WIDTH, HEIGHT] = [520, 320];
const PLOT = { left: 58, right: WIDTH - 26, top: 14, bottom: HEIGHT - 46 };

/** A chart as inline SVG; null where there is nothing to draw. Hovering a mark shows its figures. */
export function chart({ title, x, y, kind, series }: ChartOptions): Markup | null {
  const drawn = series.filter(({ points }) => points.length > 0);
  const points = drawn.flatMap((one) => one.points);
  if (points.length === 0) return null;
  const across = scaleOf(
    points.map((point) => point.x),
    PLOT.left,
    PLOT.right,
    kind === 'points',
  );
  const up = scaleOf(
    points.map((point) => point.y),
    PLOT.bottom,
    PLOT.top,
    true,
  );
  const draw = kind === 'lines' ? line : mark;
  return html`<figure>
    <figcaption>${title}</figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}; the figures are in the tables">
      ${across.ticks.map(
        (tick) =>
          html`<line
              class="grid"
              x1="${n(across.to(tick))}"
              x2="${n(across.to(tick))}"
              y1="${PLOT.top}"
              y2="${PLOT.bottom}"
            /><text class="tick" x="${n(across.to(tick))}" y="${PLOT.bottom + 16}" text-anchor="middle"
              >${x.format(tick)}</text
            > `,
      )}${up.ticks.map(
        (tick) =>
          html`<line
              class="grid"
              x1="${PLOT.left}"
              x2="${PLOT.right}"
              y1="${n(up.to(tick))}"
              y2="${n(up.to(tick))}"
            /><text class="tick" x="${PLOT.left - 8}" y="${n(up.to(tick) + 4)}" text-anchor="end"
              >${y.format(tick)}</text
            > `,
      )}
      <text class="axis" x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${x.title}</text>
      <text class="axis" transform="translate(14 ${(PLOT.top + PLOT.bottom) / 2}) rotate(-90)" text-anchor="middle">
        ${y.title}
      </text>
      ${drawn.map((one) => draw(one, { across, up, x, y }))}
    </svg>
  </figure> `;
}

interface Frame {
  readonly across: Scale;
  readonly up: Scale;
  readonly x: Axis;
  readonly y: Axis;
}

function line({ number, name, points }: Series, { across, up, x, y }: Frame): Markup {
  const path = (pick: (extent: Extent) => number): string[] =>
    points.map((point) => `${n(across.to(point.x.at))},${n(up.to(pick(point.y)))}`);
  const band = [...path((extent) => extent.max), ...path((extent) => extent.min).toReversed()].join(' ');
  const last = points.at(-1);
  const dash = DASHES[dashOf(number)] ?? '';
  const end = last ? `${x.format(last.x.at)}: ${spelled(last.y, y)}` : '';
  return html`<g class="s${colourOf(number)}"
    ><title>${number}. ${name}, at ${end}</title><polygon class="band" points="${band}" /><polyline
      class="curve"
      stroke-dasharray="${dash}"
      points="${path((extent) => extent.at).join(' ')}"
    />${last ? html`<text class="label" x="${n(across.to(last.x.at) + 5)}" y="${n(up.to(last.y.at) + 4)}">${number}</text>` : null}</g
  > `;
}

function mark({ number, name, points }: Series, { across, up, x, y }: Frame): Markup {
  return html`<g class="s${colourOf(number)}"
    >${points.map((point) => {
      const [px, py] = [across.to(point.x.at), up.to(point.y.at)];
      return html`<g
        ><title>${number}. ${name}: ${spelled(point.x, x)}, ${spelled(point.y, y)}</title
        ><path
          class="bar"
          d="M${n(px)} ${n(up.to(point.y.min))}V${n(up.to(point.y.max))}M${n(across.to(point.x.min))} ${n(py)}H${n(across.to(point.x.max))}"
        />${swatch(number, px, py)}<text class="label" x="${n(px + 9)}" y="${n(py - 6)}">${number}</text></g
      >`;
    })}</g
  > `;
}

/** The shape of a series around a place. */
export function swatch(number: number, x: number, y: number): Markup {
  const at = (dx: number, dy: number): string => `${n(x + dx)} ${n(y + dy)}`;
  const shapes = [
    `M${at(-5, 0)}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0Z`,
    `M${at(-4.5, -4.5)}h9v9h-9Z`,
    `M${at(0, -6)}l5.5 10h-11Z`,
    `M${at(0, -6)}l6 6l-6 6l-6 -6Z`,
    `M${at(0, 6)}l5.5 -10h-11Z`,
    `M${at(-6, -2)}h4v-4h4v4h4v4h-4v4h-4v-4h-4Z`,
  ];
  return html`<path class="mark" d="${shapes[dashOf(number)] ?? ''}" />`;
}

/** Colour of a series, from 1; there are six, and with the shapes and dashes 36 pairs before one comes again. */
export const colourOf = (number: number): number => ((number - 1) % COLOURS) + 1;

const dashOf = (number: number): number => (number - 1 + Math.floor((number - 1) / COLOURS)) % DASHES.length;

const spelled = ({ at, min, max }: Extent, { format }: Axis): string =>
  min === max ? format(at) : `${format(at)} (${format(min)} to ${format(max)})`;

interface Scale {
  readonly ticks: readonly number[];
  to(value: number): number;
}

/** `padded`: leaves room at both ends. */
function scaleOf(extents: readonly Extent[], from: number, to: number, padded: boolean): Scale {
  const [least, most] = [Math.min(...extents.map(({ min }) => min)), Math.max(...extents.map(({ max }) => max))];
  const range = most - least || Math.abs(most) || 1;
  const margin = padded ? 0.08 * range : 0;
  const lone = most === least ? range / 2 : 0;
  const [low, high] = [Math.max(least >= 0 ? 0 : -Infinity, least - margin - lone), most + margin + lone];
  const step = niceStep((high - low) / 5);
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) ticks.push(i * step);
  return { ticks, to: (value) => from + ((value - low) / (high - low)) * (to - from) };
}

/** The next of 1, 2, 5 times a power of ten. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10);
}

const n = (value: number): string => String(Math.round(100 * value) / 100);
