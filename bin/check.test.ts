import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Engine, Gradients, Trainer } from '../src/engine/engine.ts';
import { EXIT } from './around.ts';
import type { Checked } from './commands/check.ts';
import { TINY, Workplace, realSurroundings } from './testing.ts';

let place: Workplace;
beforeEach(async () => {
  place = new Workplace();
  await place.write('spec.json', TINY);
});
afterEach(() => place.remove());

const CHECK = ['check', 'spec.json', '--steps', '2'];

/** Stock tfjs in the place of our engine, its gradients changed. */
function changed(change: (gradients: Gradients) => Gradients) {
  const { openEngine, openData } = realSurroundings();
  return {
    openData,
    async openEngine() {
      const { engine } = await openEngine();
      const open: Engine['open'] = async (...args) => {
        const trainer = await engine.open(...args);
        const gradients = trainer.gradients.bind(trainer);
        const own: Pick<Trainer, 'gradients'> = { gradients: async (request) => change(await gradients(request)) };
        return Object.assign(trainer, own);
      };
      return { engine: { ...engine, open } };
    },
  };
}

const scaled =
  (name: string, factor: number) =>
  ({ tensors, ...rest }: Gradients): Gradients => ({
    ...rest,
    tensors: new Map([...tensors, [name, (tensors.get(name) ?? new Float32Array()).map((value) => value * factor)]]),
  });

test('stock tfjs agrees with itself to the last bit', async () => {
  const { code, out, err } = await place.call([...CHECK, '--json'], {}, realSurroundings());
  expect([code, err]).toEqual([EXIT.done, []]);
  const { agrees, steps, spec } = JSON.parse(out) as Checked;
  expect([agrees, spec.seed, steps.map(({ step }) => step)]).toEqual([true, 1, [0, 1]]);
  for (const { loss, gradient, sided, apart, values } of steps) {
    expect([loss, gradient.difference, sided.difference, apart]).toEqual([0, 0, 0, 0]);
    expect(values).toBeGreaterThan(1_000);
  }
});

test('a tensor whose gradient is 2 % too long is found and named, and the exit code is 1', async () => {
  const { code, out } = await place.call([...CHECK, '--json'], {}, changed(scaled('conv2/kernel', 1.02)));
  expect(code).toBe(EXIT.failed);
  const { agrees, steps } = JSON.parse(out) as Checked;
  expect(agrees).toBe(false);
  for (const { gradient } of steps) {
    expect(gradient.tensor).toBe('conv2/kernel');
    expect(gradient.difference).toBeCloseTo(0.02, 5);
  }
  const told = await place.call(CHECK, {}, changed(scaled('conv2/kernel', 1.02)));
  expect(told.out).toMatch(/does not agree with stock.*\n.*gradient of a tensor 2\.0e-2 \(conv2\/kernel, step \d\)/);
});

test('so is a loss that is wrong, and a gradient that is missing', async () => {
  const wrong = await place.call(
    [...CHECK, '--json'],
    {},
    changed((own) => ({ ...own, loss: own.loss * 1.0001 })),
  );
  expect([wrong.code, (JSON.parse(wrong.out) as Checked).steps[0]?.loss]).toEqual([
    EXIT.failed,
    expect.closeTo(1e-4, 6),
  ]);
  const without = ({ tensors, ...rest }: Gradients): Gradients => ({
    ...rest,
    tensors: new Map([...tensors].filter(([name]) => name !== 'conv3/kernel')),
  });
  const missing = await place.call(CHECK, {}, changed(without));
  expect([missing.code, missing.out]).toEqual([EXIT.failed, expect.stringContaining('NaN (conv3/kernel, step 0)')]);
});

test.each([
  [['check'], /^check: the spec is missing/],
  [['check', 'spec.json', 'more'], /takes one spec; "more" is too much/],
  [['check', 'spec.json', '--steps', '0'], /^--steps: "0" is not accepted/],
  [['check', 'spec.json', '--steps', '1.5'], /^--steps: "1.5" is not accepted; use a whole number/],
])('%j is bad input', async (args, message) => {
  const { code, err } = await place.call(args);
  expect(code).toBe(EXIT.badInput);
  expect(err.join('\n')).toMatch(message);
});

test('without an adapter the exit code is 3', async () => {
  const openEngine = () => Promise.reject(new Error('WebGPU is not here.'));
  const { code, err } = await place.call(CHECK, {}, { openEngine });
  expect([code, err]).toEqual([EXIT.noAdapter, ['WebGPU is not here.']]);
});
