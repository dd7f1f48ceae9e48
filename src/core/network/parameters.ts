import { type Network, nodeOf, shapesOf } from './network.ts';

/** What a tensor is for: decides weight decay, whether it is trained, and how it starts. */
export type ParameterRole = 'kernel' | 'bias' | 'gamma' | 'beta' | 'mean' | 'variance' | 'gate';

/**
 * One tensor of a network. `axes` says which node's output channels each axis counts, so that channel groups can cut it
 * (behind a flatten an axis is the group's channels once for every pixel).
 */
export interface ParameterSpec {
  /** `<node>/kernel`, `<node>/bias`, `<node>/gamma`, `<node>/beta`, `<node>/mean`, `<node>/variance` or `<node>/gate`. */
  readonly name: string;
  readonly node: string;
  readonly role: ParameterRole;
  readonly shape: readonly number[];
  /** For each axis the node whose output channels it counts, or null for an axis that is never cut. */
  readonly axes: readonly (string | null)[];
}

/** Named float32 tensors, row-major in the shape of their `ParameterSpec`. */
export type Tensors = ReadonlyMap<string, Float32Array>;

export const trained = (role: ParameterRole): boolean => role !== 'mean' && role !== 'variance';
/** Weight decay applies to convolution and dense kernels only (chex.md 3.6: none on BN), depthwise kernels included; not to gates. */
export const decayed = (role: ParameterRole): boolean => role === 'kernel';

/** Every tensor of a network, in network order. */
export function parametersOf(network: Network): readonly ParameterSpec[] {
  const shapes = shapesOf(network);
  const channels = (id: string): number => shapes.get(id)?.[2] ?? 0;
  return network.nodes.flatMap((node): ParameterSpec[] => {
    const parameter = (role: ParameterRole, shape: number[], axes: (string | null)[]): ParameterSpec => ({
      name: `${node.id}/${role}`,
      node: node.id,
      role,
      shape,
      axes,
    });
    switch (node.op) {
      case 'conv': {
        const shape = [node.kernel, node.kernel, channels(node.input), node.filters];
        return [parameter('kernel', shape, [null, null, node.input, node.id])];
      }
      case 'depthwiseConv': {
        const shape = [node.kernel, node.kernel, channels(node.id), 1];
        return [parameter('kernel', shape, [null, null, node.id, null])];
      }
      case 'gate':
        return [parameter('gate', [channels(node.id)], [node.id])];
      case 'dense':
        return [
          parameter('kernel', [channels(node.input), node.units], [node.input, node.id]),
          parameter('bias', [node.units], [node.id]),
        ];
      case 'batchNorm': {
        const roles = ['gamma', 'beta', 'mean', 'variance'] as const;
        return roles.map((role) => parameter(role, [channels(node.id)], [node.id]));
      }
      default:
        return [];
    }
  });
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Name of the kernel of a convolution (depthwise ones too) or dense layer; throws for other nodes. */
export function kernelOf(network: Network, layer: string): string {
  const node = network.nodes.find((candidate) => candidate.id === layer);
  if (node?.op !== 'conv' && node?.op !== 'depthwiseConv' && node?.op !== 'dense') nodeOf(network, layer, 'conv');
  return `${layer}/kernel`;
}
