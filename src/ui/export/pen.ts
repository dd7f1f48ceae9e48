import { PALETTES, type Palette } from '../canvas/cells.ts';
import { runStyle } from '../widgets/run-style.ts';

/** Colours of the page as it looks now, and of its canvases. */
export interface Ink {
  readonly text: string;
  readonly muted: string;
  readonly faint: string;
  readonly line: string;
  readonly surface: string;
  readonly cells: Palette;
  /** Colour and dash (in pixels) of a lane. */
  readonly lane: (colour: number) => { readonly colour: string; readonly dash: readonly number[] };
}

/** Reads the colours that the page has in its present theme. */
export function inkOf(page: HTMLElement): Ink {
  const style = getComputedStyle(page);
  const variable = (name: string): string => style.getPropertyValue(name).trim();
  return {
    text: variable('--text'),
    muted: variable('--muted'),
    faint: variable('--faint'),
    line: variable('--line'),
    surface: variable('--surface'),
    cells: PALETTES[page.dataset['mantineColorScheme'] === 'dark' ? 'dark' : 'light'],
    lane: (index) => {
      const { colour, dash } = runStyle(index);
      // Lines are twice as wide here as on the page, so dashes are twice as long.
      return {
        colour: variable(colour.replace(/^var\((.*)\)$/, '$1')),
        dash: (dash ?? '')
          .split(' ')
          .filter(Boolean)
          .map((length) => 2 * Number(length)),
      };
    },
  };
}

/** A rectangle of the picture. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const FONT = "'Inter Variable', system-ui, sans-serif";

export interface TextStyle {
  readonly size: number;
  readonly weight?: number;
  readonly colour: string;
  readonly align?: CanvasTextAlign;
  /** Longer texts end in an ellipsis. */
  readonly within?: number;
}

/** A canvas context with what pictures are made of: lines of text, swatches. */
export class Pen {
  constructor(
    readonly context: CanvasRenderingContext2D,
    readonly ink: Ink,
  ) {}

  /** Writes one line with its baseline at y; its width. */
  text(text: string, x: number, y: number, { size, weight = 400, colour, align = 'left', within }: TextStyle): number {
    const { context } = this;
    context.font = `${weight} ${size}px ${FONT}`;
    context.textAlign = align;
    context.textBaseline = 'alphabetic';
    context.fillStyle = colour;
    const shown = within === undefined ? text : shortened(text, within, (each) => context.measureText(each).width);
    context.fillText(shown, x, y);
    return context.measureText(shown).width;
  }

  /** A piece of a lane's line. */
  swatch(lane: number, x: number, y: number, width = 44): void {
    this.stroke(lane, 5, () => {
      this.context.moveTo(x, y);
      this.context.lineTo(x + width, y);
    });
  }

  /** Strokes a path in a lane's colour and dash. */
  stroke(lane: number, width: number, path: () => void): void {
    const { context } = this;
    const { colour, dash } = this.ink.lane(lane);
    context.save();
    context.beginPath();
    path();
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.lineJoin = 'round';
    context.setLineDash([...dash]);
    context.stroke();
    context.restore();
  }

  /** A straight thin line. */
  rule(x: number, y: number, toX: number, toY: number, colour: string, dash: readonly number[] = []): void {
    const { context } = this;
    context.save();
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(toX, toY);
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.setLineDash([...dash]);
    context.stroke();
    context.restore();
  }
}

/** The text, or as much of its beginning as fits before an ellipsis. */
export function shortened(text: string, within: number, widthOf: (text: string) => number): string {
  if (widthOf(text) <= within) return text;
  const characters = Array.from(text);
  while (characters.length > 0 && widthOf(`${characters.join('').trimEnd()}…`) > within) characters.pop();
  return `${characters.join('').trimEnd()}…`;
}
