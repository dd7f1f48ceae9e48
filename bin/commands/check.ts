import type { Spec } from '../../src/core/spec/spec.ts';
import {
  AGREEMENT,
  type StepAgreement,
  type WorstTensor,
  agreementWithStock,
  agrees,
  worst,
} from '../../src/lab/agreement.ts';
import { type Command, numberOf, together } from '../arguments.ts';
import { EXIT, InputError, counted } from '../around.ts';
import { withDevice } from '../device.ts';
import { duration } from '../progress.ts';
import { readSpec } from '../specs.ts';

const STEPS = 50;
/** Milliseconds between two lines of progress. */
const TELL_EVERY = 5_000;

/** What `check --json` prints. */
export interface Checked {
  readonly spec: Spec;
  readonly adapter: string;
  readonly agrees: boolean;
  readonly steps: readonly StepAgreement[];
}

export const check: Command = {
  name: 'check',
  usage: 'spec.json',
  summary: 'compare training steps on this adapter with stock TensorFlow.js on the processor',
  details: `Trains the spec's network, whole, on WebGPU and has TensorFlow.js, on its CPU backend and with its own gradients, compute every step again
from the same parameters and images. Loss and the gradient of each tensor must agree: relative differences of at most ${AGREEMENT.loss}
and ${AGREEMENT.gradient}. The scheme plays no part.

Which side of a ReLU's bend a value stands on, and so whether it has a gradient, is up to rounding where it is close; the result says
how many values are on different sides and compares the gradients with those values on one side too, which is what must agree.

The processor is slow: a batch of 4 is plenty.`,
  options: {
    steps: { value: 'n', help: `how many steps to compare; default: ${STEPS}` },
    json: { help: 'print every step as JSON: { "spec", "adapter", "agrees", "steps" }' },
  },
  examples: [['check spec.json', 'the exit code is 0 when all steps agree, else 1']],

  async run(given, around) {
    const [file, ...rest] = given.positionals;
    together(
      () => {
        if (file === undefined) throw new InputError(['check: the spec is missing, as in: check spec.json.']);
      },
      () => {
        if (rest.length > 0) throw new InputError([`check takes one spec; "${rest.join(' ')}" is too much.`]);
      },
      () => stepsOf(numberOf(given, 'steps', 1, STEPS)),
    );
    const count = stepsOf(numberOf(given, 'steps', 1, STEPS));
    const spec = await readSpec(around.folder, file ?? '');
    return withDevice(around, 'webgpu', async (device) => {
      const [{ engine }, cifar] = await Promise.all([device.engine(), device.data()]);
      const steps: StepAgreement[] = [];
      const began = performance.now();
      let told = began;
      for await (const step of agreementWithStock(spec, count, { engine, cifar })) {
        steps.push(step);
        if (around.stop.aborted) return EXIT.interrupted;
        const now = performance.now();
        if (now - told < TELL_EVERY) continue;
        told = now;
        const left = ((now - began) / steps.length) * (count - steps.length);
        around.stderr(`step ${steps.length} of ${count} compared, ${duration(left)} left\n`);
      }
      const { description } = engine.info.adapter;
      const checked: Checked = { spec, adapter: description, agrees: steps.every(agrees), steps };
      around.stdout(given.flag('json') ? `${JSON.stringify(checked)}\n` : summaryOf(checked));
      return checked.agrees ? EXIT.done : EXIT.failed;
    });
  },
};

function stepsOf(steps: number): number {
  if (Number.isInteger(steps)) return steps;
  throw new InputError([`--steps: "${steps}" is not accepted; use a whole number from 1.`]);
}

function summaryOf({ adapter, agrees: all, steps }: Checked): string {
  const loss = worst(steps, (step) => step.loss);
  const plain = worst(steps, ({ gradient }) => gradient.difference);
  const sided = worst(steps, (step) => step.sided.difference);
  const apart = steps.filter((step) => step.apart > 0);
  const values = apart.reduce((sum, step) => sum + step.apart, 0);
  const where = ({ tensor }: WorstTensor, { step }: StepAgreement): string => `(${tensor}, step ${step})`;
  const lines = [
    `${adapter} ${all ? 'agrees' : 'does not agree'} with stock TensorFlow.js on the processor: ${counted(steps.length, 'step')}, each from equal parameters.`,
    `Largest relative differences: loss ${short(loss.loss)} (step ${loss.step}), gradient of a tensor ${short(plain.gradient.difference)} ${where(plain.gradient, plain)}.`,
    values === 0
      ? 'No value stood on different sides of a bend.'
      : `${counted(values, 'value')} in ${counted(apart.length, 'step')} stood on different sides of a bend; on one side, gradients differ by at most ${short(sided.sided.difference)} ${where(sided.sided, sided)}.`,
  ];
  return `${lines.join('\n')}\n`;
}

const short = (value: number): string => value.toExponential(1);
