import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import { withoutUndone } from '../core/events/undone.ts';
import { decodeEvents, encodeEvents } from './records.ts';
import { resumedLog } from './resumed.ts';
import { note, stepEvent } from './testing.ts';

const adapter = { backend: 'webgpu', vendor: '', architecture: '', description: '' } as const;
const recovered = (step: number, from: number): RunEvent => ({
  kind: 'recovered',
  step,
  from,
  adapter,
  message: 'lost',
});
const halved = (step: number): RunEvent => ({
  kind: 'batchHalved',
  step,
  from: 10,
  to: 5,
  steps: 12,
  stepsPerEpoch: 6,
  message: 'halved',
});
const evaluate = (step: number): RunEvent => ({ kind: 'evaluate', step, testLoss: 1, testAccuracy: 0.5, images: 10 });

test('what was due at the step of the checkpoint and done after it is done again, so its events go', () => {
  const log = [stepEvent(1), stepEvent(2), evaluate(2), stepEvent(3)];
  expect(resumedLog(log, { step: 2, events: 2 })).toEqual(log.slice(0, 2));
  expect(resumedLog(log, { step: 2, events: 3 })).toEqual(log.slice(0, 3));
});

test('a device lost after the checkpoint takes nothing back that was told before it; a batch halved later is forgotten', () => {
  const before = [stepEvent(1), stepEvent(2), stepEvent(3)];
  // The run went back to step 1, further than to the checkpoint kept on the disk.
  const log = [...before, stepEvent(4), recovered(1, 4), stepEvent(2), halved(2), stepEvent(3), note(5, 'slow')];
  const resumed = resumedLog(log, { step: 3, events: 3 });
  expect(resumed).toEqual([...before, note(3, 'lost'), note(3, 'slow')]);
  expect(withoutUndone([...resumed, stepEvent(4)])).toEqual([...resumed, stepEvent(4)]);
});

const told = fc.array(fc.constantFrom<'step' | 'evaluate' | 'note'>('step', 'evaluate', 'note'), { maxLength: 30 });

test('it is the log of a run that went back to the checkpoint: what `withoutUndone` leaves of it', () => {
  fc.assert(
    fc.property(told, told, (earlier, later) => {
      let step = 0;
      const tell = (kinds: readonly string[]): RunEvent[] =>
        kinds.map((kind) => {
          if (kind === 'note') return note(step, 'said');
          return kind === 'step' ? stepEvent(++step) : evaluate(step);
        });
      const before = tell(earlier);
      const at = step;
      // After a checkpoint with nothing due there comes a step.
      const after = tell(['step', ...later]);
      const wentBack = withoutUndone([...before, ...after, recovered(at, step)]).slice(0, -1);
      const clamped = wentBack.map((event) => ({ ...event, step: Math.min(event.step, at) }));
      expect(resumedLog([...before, ...after], { step: at, events: before.length })).toEqual(clamped);
    }),
  );
});

test('events come back as they were stored, numbers that JSON has no word for included', () => {
  const numbers = fc.double().map((value) => (Object.is(value, -0) ? 0 : value));
  fc.assert(
    fc.property(fc.array(fc.record({ step: fc.nat(), loss: numbers, text: fc.string() })), (given) => {
      const events = given.flatMap(({ step, loss, text }) => [stepEvent(step, loss), note(step, text)]);
      expect(decodeEvents(encodeEvents(events))).toEqual(events);
    }),
  );
  expect(decodeEvents(new TextEncoder().encode('[{"kind":"step"}]'))).toBeNull();
  expect(decodeEvents(new TextEncoder().encode('{"a":'))).toBeNull();
});
