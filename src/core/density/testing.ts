import type { Network, Node } from '../network/index.ts';
import type { Budget } from '../spec/spec.ts';

/** For tests. */
export const parameters = (keep: number): Budget => ({ kind: 'parameters', keep });
export const macs = (keep: number): Budget => ({ kind: 'macs', keep });

/** Convolutions 3x3 with batch norms, the first at stride 1 and the others at stride 2, and a classifier of 10 classes. */
export function chainOf(widths: readonly number[], size = 32): Network {
  const nodes: Node[] = [{ id: 'input', op: 'input', shape: [size, size, 3] }];
  let input = 'input';
  widths.forEach((filters, i) => {
    const id = `conv${i + 1}`;
    nodes.push({ id, op: 'conv', input, filters, kernel: 3, stride: i === 0 ? 1 : 2 });
    nodes.push({ id: `${id}.bn`, op: 'batchNorm', input: id });
    input = `${id}.bn`;
  });
  nodes.push({ id: 'pool', op: 'globalAvgPool', input }, { id: 'dense', op: 'dense', input: 'pool', units: 10 });
  return { id: 'chain', nodes };
}

/** Weights of that chain, counted from its widths alone. */
export const chainWeights = (widths: readonly number[]): number =>
  widths.reduce((sum, width, i) => sum + 9 * width * (widths[i - 1] ?? 3), 10 * (widths.at(-1) ?? 0));
