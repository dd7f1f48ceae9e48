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
}

/** `read` or `write` (also reads), and the WGSL type of the buffer. */
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
export const STEP_WGSL = /* wgsl */ `
struct Step {
  seed: u32, step: u32, slot: u32, count: u32,
  learningRate: f32, momentum: f32, nesterov: f32, weightDecay: f32,
  labelSmoothing: f32, runningKeep: f32, crop: u32, flip: u32,
  logitScale: f32, sumOfLogits: u32, unused0: u32, unused1: u32,
}
@group(1) @binding(0) var<uniform> step: Step;
`;
export const STEP_BYTES = 64;

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
  const wgsl = [
    spec.subgroups ? 'enable subgroups;' : '',
    `struct Shape { ${spec.shape.map((field) => `${field}: u32,`).join(' ')} }`,
    ...declarations,
    `@group(0) @binding(${entries.length}) var<uniform> shape: Shape;`,
    spec.step ? STEP_WGSL : '',
    spec.body,
  ].join('\n');
  return { label: spec.label, buffers: spec.buffers, shape: spec.shape, step: spec.step ?? false, wgsl };
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
