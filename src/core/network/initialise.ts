import { normal2 } from '../random/random.ts';
import type { Network } from './network.ts';
import { type ParameterSpec, type Tensors, parametersOf, sizeOf } from './parameters.ts';

/**
 * Initial parameters of the full-size network: convolution kernels Kaiming-normal by fan-out (He et al. 2015, for ReLU;
 * the mode of the official CHEX code; a depthwise kernel [k, k, channels, 1] has fan-out k*k), dense kernels normal with
 * deviation 1/sqrt(fan-in), biases and shifts 0, BN scales and gates 1, running mean 0, running variance 1. A tensor's values depend on the seed, its name and the entry alone.
 */
export function initialParameters(network: Network, seed: number): Tensors {
  return new Map(parametersOf(network).map((spec) => [spec.name, initialTensor(spec, seed)]));
}

/** Initial values of one tensor; by fan-in, convolution kernels have variance 2 / fan-in (a depthwise one's is k*k). */
export function initialTensor(spec: ParameterSpec, seed: number, fan: 'in' | 'out' = 'out'): Float32Array {
  const values = new Float32Array(sizeOf(spec.shape));
  if (spec.role === 'gamma' || spec.role === 'variance' || spec.role === 'gate') return values.fill(1);
  if (spec.role !== 'kernel') return values;
  const [height = 1, width = 1, inputs = 1, outputs = 1] = spec.shape;
  // The third axis of a depthwise kernel counts channels of which each output reads one; its last axis is 1.
  const depthwise = spec.axes[2] === spec.node;
  const connected = fan === 'out' ? outputs : depthwise ? 1 : inputs;
  const deviation = spec.shape.length === 4 ? Math.sqrt(2 / (height * width * connected)) : 1 / Math.sqrt(height);
  const stream = hashName(spec.name);
  for (let i = 0; i < values.length; i += 2) {
    const [first, second] = normal2(seed, 'init', stream, i >>> 1);
    values[i] = first * deviation;
    if (i + 1 < values.length) values[i + 1] = second * deviation;
  }
  return values;
}

/** 32-bit FNV-1a hash of a tensor's name, so that tensors of equal shape start differently. */
function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
