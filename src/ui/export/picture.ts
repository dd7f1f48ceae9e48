import type { RunView } from '../../core/events/view.ts';
import type { Lane } from '../../state/lanes.ts';
import { type Written, fileName, nameOfRuns } from '../../state/export.ts';
import { drawCurves } from './draw-curves.ts';
import { drawMap } from './draw-map.ts';
import { drawTable, tableHeight } from './draw-table.ts';
import type { ExportChoice } from './items.ts';
import { FONT, type Ink, Pen, inkOf } from './pen.ts';

/** A slide's size in pixels. */
const WIDTH = 1_600;
const HEIGHT = 900;
const MARGIN = 64;

/** A run as the picture shows it. */
export interface PicturedRun {
  readonly lane: Lane;
  /** As it stands at the step that is looked at. */
  readonly view: RunView;
}

/** What a picture shows. */
export interface PictureContents {
  readonly runs: readonly PicturedRun[];
  /** The run whose channels are drawn. */
  readonly selected: PicturedRun;
  readonly date: Date;
}

/** The runs in sight as a slide: curves, the selected run's channels, key figures, adapter and date. In the page's theme. */
export async function writePicture({ lab, lane, runs }: ExportChoice): Promise<Written> {
  const pictured = (each: Lane): PicturedRun => ({ lane: each, view: lab.view(each.run) });
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser gave no canvas to draw the picture on.');
  // Without this a weight of the font that the page has not shown yet would be drawn in another font.
  await Promise.all([400, 600, 700].map((weight) => document.fonts.load(`${weight} 20px ${FONT}`)));
  const told = runs.map(pictured);
  const selected = told.find((each) => each.lane.run === lane.run) ?? told[0];
  if (!selected) throw new Error('No run in sight has a history yet.');
  drawPicture(context, inkOf(document.documentElement), { runs: told, selected, date: new Date() });
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!blob) throw new Error('This browser could not write the picture as PNG.');
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return { files: [{ name: fileName(nameOfRuns(runs), 'png'), bytes }] };
}

/** Draws the picture on a context of 1600 x 900 pixels. */
export function drawPicture(context: CanvasRenderingContext2D, ink: Ink, contents: PictureContents): void {
  const { runs, selected, date } = contents;
  const pen = new Pen(context, ink);
  context.fillStyle = ink.surface;
  context.fillRect(0, 0, WIDTH, HEIGHT);

  const [first] = runs;
  const title =
    runs.length === 1 && first ? first.lane.spec.name : runs.map(({ lane }) => lane.spec.name).join('  ·  ');
  const inner = WIDTH - 2 * MARGIN;
  const big = runs.length === 1 ? 44 : 36;
  pen.text(title, MARGIN, 88, { size: big, weight: 700, colour: ink.text, within: inner });
  pen.text(setUpOf(runs), MARGIN, 124, { size: 21, colour: ink.muted, within: inner });

  // The more runs the table tells of, the less room is left for what stands above it.
  const table = tableHeight(runs.length);
  const top = 164;
  const height = HEIGHT - 86 - table - 36 - top;
  drawCurves(pen, { x: MARGIN, y: top, width: 800, height }, runs, selected);
  drawMap(pen, { x: MARGIN + 872, y: top, width: inner - 872, height }, selected, runs.length > 1);
  drawTable(pen, { x: MARGIN, y: HEIGHT - 86 - table, width: inner, height: table }, runs);

  const adapters = [...new Set(runs.flatMap(({ view }) => (view.start ? [view.start.adapter.description] : [])))];
  const day = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' });
  pen.text(adapters.join(', '), MARGIN, HEIGHT - 32, { size: 17, colour: ink.muted, within: inner - 320 });
  pen.text(`Espalier · ${day}`, WIDTH - MARGIN, HEIGHT - 32, { size: 17, colour: ink.muted, align: 'right' });
}

/** What the runs have in common: model, images, batch and steps, as far as they agree. */
export function setUpOf(runs: readonly PicturedRun[]): string {
  const shared = <Value>(of: (run: PicturedRun) => Value): Value | null => {
    const [first, ...others] = new Set(runs.map(of));
    return first !== undefined && others.length === 0 ? first : null;
  };
  const model = shared(
    ({ lane: { spec } }) => `${spec.model.id}${spec.model.width === 1 ? '' : ` x ${spec.model.width}`}`,
  );
  const images = shared(({ lane: { spec } }) => spec.data.train - spec.data.holdOut);
  const test = shared(({ lane: { spec } }) => spec.data.test);
  const batch = shared(({ view }) => view.batchSize);
  const steps = shared(({ view }) => `step ${count(view.step)} of ${count(view.start?.steps ?? 0)}`);
  return [
    model === null ? 'CIFAR-10' : `${model} on CIFAR-10`,
    images === null ? null : `${count(images)} training images`,
    test === null ? null : `${count(test)} test images`,
    batch === null ? null : `batch ${count(batch)}`,
    steps,
  ]
    .filter((part) => part !== null)
    .join('  ·  ');
}

const count = (value: number): string => value.toLocaleString('en');
