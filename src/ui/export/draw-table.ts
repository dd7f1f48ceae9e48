import { compactNumber, percent } from '../widgets/format.ts';
import type { Box, Pen } from './pen.ts';
import type { PicturedRun } from './picture.ts';

const HEAD = 34;
const ROW = 36;

const HEADINGS = ['Test accuracy', 'MACs', 'Parameters', 'Latency, 1 image'] as const;

/** Key figures of each run, beside its name and line. */
export function drawTable(pen: Pen, box: Box, runs: readonly PicturedRun[]): void {
  const { ink } = pen;
  const names = box.width * 0.36;
  const column = (box.width - names) / HEADINGS.length;
  const right = (index: number): number => box.x + names + (index + 1) * column;
  HEADINGS.forEach((heading, index) =>
    pen.text(heading, right(index), box.y + 18, { size: 17, colour: ink.muted, align: 'right' }),
  );
  pen.rule(box.x, box.y + HEAD - 4, box.x + box.width, box.y + HEAD - 4, ink.line);
  runs.forEach((run, row) => {
    const base = box.y + HEAD + row * ROW + 26;
    pen.swatch(run.lane.colour, box.x, base - 7);
    pen.text(run.lane.spec.name, box.x + 60, base, {
      size: 20,
      weight: 600,
      colour: ink.text,
      within: names - 70,
    });
    figuresOf(run).forEach((figure, index) =>
      pen.text(figure, right(index), base, { size: 20, colour: ink.text, align: 'right', within: column - 12 }),
    );
  });
}

/** Height of the table of so many runs. */
export const tableHeight = (runs: number): number => HEAD + runs * ROW;

/** What the headings name; a dash where nothing was measured. */
export function figuresOf({ view }: Pick<PicturedRun, 'view'>): readonly string[] {
  const { start, macs, parameters, finish } = view;
  const test = view.test.at(-1);
  const latency = finish?.latencyMs.find(({ batch }) => batch === 1);
  const sized = (value: number, dense: number | undefined): string =>
    dense ? `${compactNumber(value)}  (${percent(value / dense, 0)})` : '–';
  return [
    test ? percent(test.accuracy) : '–',
    sized(macs, start?.dense.macs),
    sized(parameters, start?.dense.parameters),
    latency ? `${latency.median.toFixed(2)} ms` : '–',
  ];
}
