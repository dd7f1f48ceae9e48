import type { ExportSource } from '../src/export/index.ts';
import type { RunCheckpoint } from '../src/lab/checkpoint.ts';
import { type SchemeAccess, planRun } from '../src/lab/plan.ts';

const refuse = (): never => {
  throw new Error('A checkpoint alone cannot be measured.');
};

/** For a scheme that is only asked for its rules, which measures nothing. */
const NO_ACCESS: SchemeAccess = {
  read: refuse,
  evaluate: refuse,
  gradients: refuse,
  explore: { images: 0, accuracies: refuse, progress: refuse },
};

/** The network of a checkpoint, with the quantisers that its scheme has in force. */
export function modelOfCheckpoint({ spec, scheme, trainer }: RunCheckpoint): ExportSource {
  const plan = planRun(spec, NO_ACCESS);
  if (scheme !== undefined) plan.scheme.restore(structuredClone(scheme));
  const rules = [...(plan.scheme.rules?.() ?? [])];
  const quantisers = new Map(rules.flatMap(([name, { quantiser }]) => (quantiser ? [[name, quantiser] as const] : [])));
  const { structure, parameters: tensors } = trainer;
  return { network: plan.network, structure, tensors, quantisers };
}
