import { type Grid, WORKGROUP, defineKernel, groupsFor } from '../../kernel.ts';

/**
 * A block of weights, [taps, in, out] with padded channels, that the input gradient needs as [taps, out, in].
 * `from` is its first vec4 among the parameters, `to` its place in the result.
 */
export interface Transposition {
  readonly from: number;
  readonly to: number;
  readonly taps: number;
  readonly inVectors: number;
  readonly outVectors: number;
  /** Reverse both spatial axes: what the input gradient of a stride 1 convolution convolves with. */
  readonly flip: boolean;
}

const WORDS = 6;

/** Jobs as the kernel reads them. */
export const transpositionTable = (jobs: readonly Transposition[]): Uint32Array =>
  Uint32Array.from(
    jobs.flatMap((job) => [job.from, job.to, job.taps, job.inVectors, job.outVectors, Number(job.flip)]),
  );

/** Vec4s of a job's result. */
export const transposedSize = ({
  taps,
  inVectors,
  outVectors,
}: Pick<Transposition, 'taps' | 'inVectors' | 'outVectors'>): number => taps * outVectors * 4 * inVectors;

/** All layers' transpositions in one dispatch: a job for each y, one thread a vec4 of the result. */
export const transposeKernels = defineKernel({
  label: 'transpose-kernels',
  buffers: {
    weights: ['read', 'array<f32>'],
    jobs: ['read', 'array<u32>'],
    transposed: ['write', 'array<vec4f>'],
  },
  shape: ['jobs'],
  body: `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let job = group.y * ${WORDS}u;
  let source = jobs[job] * 4u;
  let result = jobs[job + 1u];
  let taps = jobs[job + 2u];
  let inVectors = jobs[job + 3u];
  let inputs = inVectors * 4u;
  let outputs = jobs[job + 4u] * 4u;
  let flip = jobs[job + 5u] != 0u;
  var i = id.x;
  if (i < taps * outputs * inVectors) { loop {
    let row = i / inVectors;
    let c = i - row * inVectors;
    let tap = row / outputs;
    let o = row - tap * outputs;
    let at = source + (select(tap, taps - 1u - tap, flip) * inputs + c * 4u) * outputs + o;
    transposed[result + i] = vec4f(weights[at], weights[at + outputs], weights[at + 2u * outputs], weights[at + 3u * outputs]);
    continuing { i += groups.x * ${WORKGROUP}u; break if i >= taps * outputs * inVectors; }
  } }
}`,
});

/** Work-groups a job: small jobs leave most of a larger number idle, and the kernel loops over large ones. */
const MOST_GROUPS = 128;

export const transposeGrid = (jobs: readonly Transposition[]): Grid => [
  Math.min(MOST_GROUPS, groupsFor(Math.max(...jobs.map(transposedSize), 1))),
  jobs.length,
  1,
];
