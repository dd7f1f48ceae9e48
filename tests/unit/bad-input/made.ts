import type { RunEvent } from '../../../src/core/events/events.ts';
import { parseSpec } from '../../../src/core/spec/parse.ts';
import type { Spec } from '../../../src/core/spec/spec.ts';
import { Run } from '../../../src/lab/run.ts';
import {
  type QuadraticEngine,
  type QuadraticOptions,
  madeUpCifar,
  quadraticEngine,
  smallTraining,
} from '../../../src/lab/testing.ts';
import { SCHEMES } from '../../../src/schemes/index.ts';

/** For tests: runs of every scheme through the real lab, on a quadratic in place of a network. */

export function specOf(scheme: object, changes: object = {}): Spec {
  const parsed = parseSpec(
    {
      version: 1,
      name: 'A run',
      seed: 5,
      model: { id: 'convnet-micro' },
      data: { train: 110, test: 30, holdOut: 10 },
      train: smallTraining({ weightDecay: 1e-4 }),
      scheme,
      ...changes,
    },
    SCHEMES,
  );
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message);
  return parsed.spec;
}

/** One that takes (and forgets) rules of the update, as schemes that mask weights give. */
export function tolerantEngine(options: QuadraticOptions = {}): QuadraticEngine {
  const engine = quadraticEngine(options);
  const open: QuadraticEngine['open'] = async (...given) => {
    const trainer = await engine.open(...given);
    trainer.setRules = async () => undefined;
    return trainer;
  };
  return Object.defineProperties(
    { ...engine, open },
    { bytes: Object.getOwnPropertyDescriptor(engine, 'bytes') ?? {} },
  );
}

export interface Made {
  readonly run: Run;
  readonly events: readonly RunEvent[];
}

/** Trains a spec to its end. `engines`: what it finds, one after the other, when devices are lost. */
export async function made(spec: Spec, engines: readonly QuadraticEngine[] = [tolerantEngine()]): Promise<Made> {
  const [first = tolerantEngine(), ...others] = engines;
  const events: RunEvent[] = [];
  const run = new Run(spec, { onEvent: (event) => events.push(event) });
  await run.open(first, madeUpCifar(), { reopen: async (engine) => others.shift() ?? engine });
  await run.run();
  return { run, events };
}
