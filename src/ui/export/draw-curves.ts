import { roundTicks } from '../charts/clock-text.ts';
import { accuracySeries } from '../charts/series.ts';
import type { Box, Pen } from './pen.ts';
import type { PicturedRun } from './picture.ts';

const LEFT = 62;
const BOTTOM = 58;
const HEAD = 44;

/** Test accuracy over the training steps, a line a run; of a single run the training accuracy too, thin. */
export function drawCurves(pen: Pen, box: Box, runs: readonly PicturedRun[], selected: PicturedRun): void {
  const { ink, context } = pen;
  const alone = runs.length === 1;
  const heading = { size: 22, weight: 600, colour: ink.text };
  const after = box.x + pen.text('Test accuracy', box.x, box.y + 18, heading);
  if (alone) pen.text('thin: of each training batch', after + 16, box.y + 18, { size: 17, colour: ink.muted });

  const training = alone ? accuracySeries(selected.view).points : [];
  const tested = runs.flatMap(({ view }) => view.test.map(({ accuracy }) => accuracy * 100));
  const most = Math.max(10, ...tested, ...training.map(({ train = 0 }) => train));
  const each = most > 50 ? 20 : most > 20 ? 10 : 5;
  const top = Math.min(100, Math.ceil(most / each) * each);
  const end = Math.max(1, ...runs.map(({ view }) => view.step));
  const plot = { x: box.x + LEFT, y: box.y + HEAD, width: box.width - LEFT - 12, height: box.height - HEAD - BOTTOM };
  const at = (step: number): number => plot.x + (step / end) * plot.width;
  const up = (percent: number): number => plot.y + plot.height * (1 - percent / top);

  for (let percent = 0; percent <= top; percent += each) {
    pen.rule(plot.x, up(percent), plot.x + plot.width, up(percent), percent === 0 ? ink.faint : ink.line);
    pen.text(`${percent} %`, plot.x - 12, up(percent) + 6, { size: 17, colour: ink.muted, align: 'right' });
  }
  for (const step of roundTicks('step', end)) {
    pen.text(step.toLocaleString('en'), at(step), plot.y + plot.height + 26, {
      size: 17,
      colour: ink.muted,
      align: 'center',
    });
  }
  pen.text('training step', plot.x + plot.width / 2, plot.y + plot.height + 50, {
    size: 17,
    colour: ink.muted,
    align: 'center',
  });

  context.save();
  context.globalAlpha = 0.4;
  pen.stroke(selected.lane.colour, 1.5, () => {
    for (const { x, train } of training) if (train !== undefined) context.lineTo(at(x), up(train));
  });
  context.restore();
  // The selected run lies on top.
  for (const { lane, view } of [...runs].sort((a, b) => Number(a === selected) - Number(b === selected))) {
    pen.stroke(lane.colour, lane.run === selected.lane.run ? 5 : 3.5, () => {
      for (const { step, accuracy } of view.test) context.lineTo(at(step), up(accuracy * 100));
    });
    context.fillStyle = ink.lane(lane.colour).colour;
    for (const { step, accuracy } of view.test) {
      context.beginPath();
      context.arc(at(step), up(accuracy * 100), 6, 0, 2 * Math.PI);
      context.fill();
    }
  }
  if (tested.length === 0) {
    pen.text('not evaluated yet', plot.x + plot.width / 2, plot.y + plot.height / 2, {
      size: 20,
      colour: ink.muted,
      align: 'center',
    });
  }
}
