import type { StorageType } from '../engine.ts';

/**
 * What a kernel is here: WGSL with named storage buffers and a uniform of named 32-bit shape fields. Shapes stand in
 * uniforms and never in the code, so a structure change compiles nothing.
 */
export interface Kernel<Buffer extends string = string, Field extends string = string> {
  readonly label: string;
  /** Storage buffers of bind group 0 in binding order; the shape uniform follows them. */
  readonly buffers: Readonly<Record<Buffer, BufferUse>>;
  /** Fields of the shape uniform, each a u32. */
  readonly shape: readonly Field[];
  /** Whether it reads the step uniform (bind group 1, dynamic offset). */
  readonly step: boolean;
  readonly wgsl: string;
  /** The same kernel with activations stored as f16; null for one that touches none. */
  readonly half: Kernel<Buffer, Field> | null;
}

/**
 * `read` or `write` (also reads), and the WGSL type of the buffer. Buffers of activations and of their gradients hold
 * `Stored` (a vec4) or `StoredScalar`; kernels convert what they load to f32 (`vec4f(values[i])`) and what they store
 * back (`output[i] = Stored(sum)`), which says nothing where these are f32 already.
 */
export type BufferUse = readonly ['read' | 'write', string];

/** Threads in a work-group of every kernel; one-dimensional, so that the lanes of a quad are neighbours along x. */
export const WORKGROUP = 64;

/** Pads a count to vec4s. */
export const vec4s = (channels: number): number => Math.ceil(channels / 4);

/**
 * Every activation buffer starts with this many vec4 of zeros that nobody writes: a padded tap reads from index 0 there
 * instead of branching. It bounds the width of a layer to 1,280 channels.
 */
export const ZERO_VEC4S = 320;

/** What changes from step to step: bind group 1. Offsets are chosen at encode time, so several steps fit a submit. */
const STEP_WGSL = /* wgsl */ `
struct Step {
  seed: u32, step: u32, slot: u32, count: u32,
  learningRate: f32, momentum: f32, nesterov: f32, weightDecay: f32,
  labelSmoothing: f32, runningKeep: f32, crop: u32, flip: u32,
  logitScale: f32, sumOfLogits: u32, lossScale: f32, inverseLossScale: f32,
}
@group(1) @binding(0) var<uniform> step: Step;
`;
export const STEP_BYTES = 64;

/** What buffers of activations hold, and what a kernel must enable for that. */
const STORED_WGSL: Readonly<Record<StorageType, { readonly enable: string; readonly aliases: string }>> = {
  f32: { enable: '', aliases: 'alias Stored = vec4f; alias StoredScalar = f32;' },
  f16: { enable: 'enable f16;', aliases: 'alias Stored = vec4h; alias StoredScalar = f16;' },
};

/** Bytes of a vec4 of an activation. */
export const storedBytes = (storage: StorageType): number => (storage === 'f16' ? 8 : 16);

/** The kernel for activations that are stored so. */
export const storing = (kernel: Kernel, storage: StorageType): Kernel =>
  (storage === 'f16' ? kernel.half : null) ?? kernel;

/** Makes a kernel: declarations are written from the lists, `body` is the rest of the WGSL. */
export function defineKernel<Buffer extends string, Field extends string>(spec: {
  label: string;
  buffers: Readonly<Record<Buffer, BufferUse>>;
  shape: readonly Field[];
  step?: boolean;
  subgroups?: boolean;
  body: string;
}): Kernel<Buffer, Field> {
  const entries = Object.entries<BufferUse>(spec.buffers);
  const declarations = entries.map(([name, [use, type]], index) => {
    const access = use === 'read' ? 'read' : 'read_write';
    return `@group(0) @binding(${index}) var<storage, ${access}> ${name}: ${type};`;
  });
  const { label, buffers, shape, step = false } = spec;
  const stores = entries.some(([, [, type]]) => type.includes('Stored'));
  const wgsl = ({ enable, aliases }: (typeof STORED_WGSL)['f32']): string =>
    [
      spec.subgroups ? 'enable subgroups;' : '',
      stores ? `${enable} ${aliases}` : '',
      `struct Shape { ${shape.map((field) => `${field}: u32,`).join(' ')} }`,
      ...declarations,
      `@group(0) @binding(${entries.length}) var<uniform> shape: Shape;`,
      step ? STEP_WGSL : '',
      spec.body,
    ].join('\n');
  const kernel = { label, buffers, shape, step, wgsl: wgsl(STORED_WGSL.f32), half: null };
  return stores ? { ...kernel, half: { ...kernel, label: `${label} f16`, wgsl: wgsl(STORED_WGSL.f16) } } : kernel;
}

/**
 * Head of a loop over `count` items with any number of work-groups, and what ends its body:
 *
 *     ${gridStride('i', 'shape.count')} {
 *       ...
 *       ${gridNext('i', 'shape.count')}
 *     }
 *
 * It tests at its end: software adapters run a turn before they ask whether any lane wants it, so a `for` costs them one
 * more than it makes. (Not worth it where a loop carries sums: carried values cost more in this form.) Threads without an
 * item return, so nothing may follow the loop.
 */
export const gridStride = (variable: string, count: string): string =>
  `var ${variable} = id.x; if (${variable} >= ${count}) { return; } loop`;
export const gridNext = (variable: string, count: string): string =>
  `continuing { ${variable} += groups.x * ${WORKGROUP}u; break if ${variable} >= ${count}; }`;

/** Head of a one-dimensional kernel that uses `gridStride`. */
export const MAIN = `@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u)`;

export type Grid = readonly [x: number, y: number, z: number];

/** Work-groups for `threads` threads, capped at the limit every adapter has (kernels then loop). */
export const groupsFor = (threads: number): number => Math.min(65_535, Math.max(1, Math.ceil(threads / WORKGROUP)));

/** Grid of an elementwise kernel: four vec4 a thread (faster than one on every adapter measured). */
export const elementwiseGrid = (vec4Count: number): Grid => [groupsFor(vec4Count / 4), 1, 1];
