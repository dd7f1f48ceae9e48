import { type Network, type Node, type NodeOf, inputsOf } from '../../../core/network/index.ts';

/**
 * A network as the steps that a plan fuses: a convolution or dense layer, a pooling, or a normalisation unit: batch
 * norm (absent for a bare addition or ReLU) with the addition and the ReLU behind it, when nobody else reads between.
 * `output` is the node whose activation the unit makes.
 */
export type Unit =
  | { readonly kind: 'input'; readonly output: string; readonly node: NodeOf<'input'> }
  | { readonly kind: 'layer'; readonly output: string; readonly node: NodeOf<'conv'> | NodeOf<'dense'> }
  | { readonly kind: 'pool'; readonly output: string; readonly node: NodeOf<'maxPool'> | NodeOf<'globalAvgPool'> }
  | {
      readonly kind: 'norm';
      readonly output: string;
      readonly batchNorm: string | null;
      /** What is normalised (or passed on as it is). */
      readonly values: string;
      /** What is added after normalising. */
      readonly added: string | null;
      readonly relu: boolean;
    };

export function unitsOf(network: Network): readonly Unit[] {
  const readers = new Map<string, Node[]>();
  for (const node of network.nodes) {
    for (const id of inputsOf(node)) readers.set(id, [...(readers.get(id) ?? []), node]);
  }
  const soleReader = (id: string): Node | undefined => {
    const all = readers.get(id) ?? [];
    return all.length === 1 ? all[0] : undefined;
  };
  const position = new Map(network.nodes.map((node, index) => [node.id, index]));
  const taken = new Set<string>();

  const units: Unit[] = [];
  const norm = (first: Node, batchNorm: string | null, values: string, start: string | null): void => {
    let output = first.id;
    let added = start;
    let relu = first.op === 'relu';
    taken.add(first.id);
    const sum = soleReader(output);
    if (batchNorm && sum?.op === 'add' && !taken.has(sum.id)) {
      const other = sum.inputs[0] === output ? sum.inputs[1] : sum.inputs[0];
      // The fused unit stands where the batch norm stands, so the other summand must be made before it.
      if (other !== output && (position.get(other) ?? 0) < (position.get(first.id) ?? 0)) {
        added = other;
        output = sum.id;
        taken.add(sum.id);
      }
    }
    const activation = soleReader(output);
    if (!relu && activation?.op === 'relu') {
      relu = true;
      output = activation.id;
      taken.add(activation.id);
    }
    units.push({ kind: 'norm', output, batchNorm, values, added, relu });
  };

  for (const node of network.nodes) {
    if (taken.has(node.id)) continue;
    switch (node.op) {
      case 'input':
        units.push({ kind: 'input', output: node.id, node });
        break;
      case 'conv':
      case 'dense':
        units.push({ kind: 'layer', output: node.id, node });
        break;
      case 'maxPool':
      case 'globalAvgPool':
        units.push({ kind: 'pool', output: node.id, node });
        break;
      case 'batchNorm':
        norm(node, node.id, node.input, null);
        break;
      case 'add':
        norm(node, null, node.inputs[0], node.inputs[1]);
        break;
      case 'relu':
        norm(node, null, node.input, null);
        break;
    }
  }
  return units;
}
