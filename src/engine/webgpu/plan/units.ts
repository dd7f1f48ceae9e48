import { type Network, type Node, type NodeOf, inputsOf } from '../../../core/network/index.ts';

export type ActivationFunction = 'none' | 'relu' | 'relu6';

/** What stands behind a layer or on its own: a batch norm or a gate, an addition, an activation; each may be absent. */
export interface Norm {
  readonly batchNorm: string | null;
  readonly gate: string | null;
  /** What is added after scaling. */
  readonly added: string | null;
  readonly activation: ActivationFunction;
}

/**
 * A network as the steps that a plan fuses. `output` is the node whose activation the unit makes; `input` the node whose
 * activation it reads. A flatten is no step: activations lie in its order already, so its reader reads what it flattens.
 */
export type Unit =
  | { readonly kind: 'input'; readonly output: string; readonly node: NodeOf<'input'> }
  | {
      readonly kind: 'layer';
      readonly output: string;
      readonly input: string;
      readonly node: NodeOf<'conv'> | NodeOf<'dense'> | NodeOf<'depthwiseConv'>;
      /** The norm that evaluation folds into the layer. */
      readonly folded: Norm | null;
    }
  | {
      readonly kind: 'pool';
      readonly output: string;
      readonly input: string;
      readonly node: NodeOf<'maxPool'> | NodeOf<'avgPool'> | NodeOf<'globalAvgPool'>;
    }
  | ({
      readonly kind: 'norm';
      readonly output: string;
      /** What is normalised (or passed on as it is). */
      readonly input: string;
    } & Norm);

export type LayerUnit = Extract<Unit, { kind: 'layer' }>;
export type PoolUnit = Extract<Unit, { kind: 'pool' }>;
export type NormUnit = Extract<Unit, { kind: 'norm' }>;

export interface UnitOptions {
  /** Evaluation: a norm whose values nobody else reads becomes part of the layer before it. */
  readonly fold?: boolean;
  /** Nodes whose own outputs must exist, so that they can be read. */
  readonly keep?: ReadonlySet<string>;
}

export function unitsOf(network: Network, { fold = false, keep = new Set() }: UnitOptions = {}): readonly Unit[] {
  const units = fuseNorms(network, keep);
  return fold ? foldNorms(units, keep) : units;
}

/** Ids of the nodes that each node's readers see, with flattens resolved. */
function fuseNorms(network: Network, keep: ReadonlySet<string>): readonly Unit[] {
  const flattened = new Map<string, string>();
  const resolve = (id: string): string => flattened.get(id) ?? id;
  const readers = new Map<string, Node[]>();
  for (const node of network.nodes) {
    for (const id of inputsOf(node)) readers.set(id, [...(readers.get(id) ?? []), node]);
  }
  const soleReader = (id: string): Node | undefined => {
    const all = readers.get(id) ?? [];
    return all.length === 1 && !keep.has(id) ? all[0] : undefined;
  };
  const position = new Map(network.nodes.map((node, index) => [node.id, index]));
  const taken = new Set<string>();

  const units: Unit[] = [];
  const norm = (first: Node, input: string, start: Partial<Norm>): void => {
    let output = first.id;
    let added = start.added ?? null;
    let activation = start.activation ?? 'none';
    taken.add(first.id);
    const sum = soleReader(output);
    if (activation === 'none' && added === null && sum?.op === 'add' && !taken.has(sum.id)) {
      const other = sum.inputs[0] === output ? sum.inputs[1] : sum.inputs[0];
      // The fused unit stands where its first node stands, so the other summand must be made before it. It must not be
      // what is normalised either: on the way back a unit writes the gradients of both, each into a buffer of its own.
      if (other !== output && other !== input && (position.get(other) ?? 0) < (position.get(first.id) ?? 0)) {
        added = other;
        output = sum.id;
        taken.add(sum.id);
      }
    }
    const next = soleReader(output);
    if (activation === 'none' && (next?.op === 'relu' || next?.op === 'relu6')) {
      activation = next.op;
      output = next.id;
      taken.add(next.id);
    }
    const { batchNorm = null, gate = null } = start;
    units.push({ kind: 'norm', output, input, batchNorm, gate, added, activation });
  };

  for (const node of network.nodes) {
    if (taken.has(node.id)) continue;
    switch (node.op) {
      case 'input':
        units.push({ kind: 'input', output: node.id, node });
        break;
      case 'conv':
      case 'depthwiseConv':
      case 'dense':
        units.push({ kind: 'layer', output: node.id, input: resolve(node.input), node, folded: null });
        break;
      case 'maxPool':
      case 'avgPool':
      case 'globalAvgPool':
        units.push({ kind: 'pool', output: node.id, input: node.input, node });
        break;
      case 'flatten': {
        const other = (readers.get(node.id) ?? []).find((reader) => reader.op !== 'dense');
        if (other) throw new Error(`"${node.id}": this engine flattens for dense layers only, not for "${other.id}"`);
        flattened.set(node.id, resolve(node.input));
        break;
      }
      case 'batchNorm':
        norm(node, node.input, { batchNorm: node.id });
        break;
      case 'gate':
        norm(node, node.input, { gate: node.id });
        break;
      case 'add':
        norm(node, node.inputs[0], { added: node.inputs[1] });
        break;
      case 'relu':
      case 'relu6':
        norm(node, node.input, { activation: node.op });
        break;
    }
  }
  return units;
}

/** Makes a norm part of the layer right before it when it is the only reader of the layer's output. */
function foldNorms(units: readonly Unit[], keep: ReadonlySet<string>): readonly Unit[] {
  const folded: Unit[] = [];
  for (const unit of units) {
    const before = folded.at(-1);
    const readers = units.filter((reader) => before && readsOf(reader).includes(before.output));
    const fits =
      unit.kind === 'norm' &&
      unit.batchNorm !== null &&
      before?.kind === 'layer' &&
      before.node.op !== 'dense' &&
      before.output === unit.input &&
      readers.length === 1 &&
      !keep.has(before.output) &&
      !(before.node.op === 'depthwiseConv' && unit.added !== null);
    if (!fits) {
      folded.push(unit);
      continue;
    }
    const { batchNorm, gate, added, activation } = unit;
    folded.splice(-1, 1, { ...before, output: unit.output, folded: { batchNorm, gate, added, activation } });
  }
  return folded;
}

/** Nodes that a unit reads. */
export function readsOf(unit: Unit): readonly string[] {
  switch (unit.kind) {
    case 'input':
      return [];
    case 'norm':
      return unit.added === null ? [unit.input] : [unit.input, unit.added];
    case 'layer':
      return unit.folded?.added ? [unit.input, unit.folded.added] : [unit.input];
    case 'pool':
      return [unit.input];
  }
}

/** Code of an activation function in the kernels' shape fields. */
export const activationCode = (activation: ActivationFunction): number => ({ none: 0, relu: 1, relu6: 2 })[activation];
