import { type Grid, WORKGROUP, defineKernel } from '../../kernel.ts';

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

/** Vec4s of the result that a work-group makes, a few by each thread. */
const SHARE = 4 * WORKGROUP;
const GROUP_WORDS = 2;

/** Work-groups of all jobs: each has a share of one job, from vec4 `first` of its result on. */
const sharesOf = (jobs: readonly Transposition[]): readonly { readonly job: number; readonly first: number }[] =>
  jobs.flatMap((job, index) =>
    Array.from({ length: Math.ceil(transposedSize(job) / SHARE) }, (_, share) => ({
      job: index,
      first: share * SHARE,
    })),
  );

/** What each work-group does, then the jobs, as the kernel reads them. */
export function transpositionTable(jobs: readonly Transposition[]): Uint32Array {
  const shares = sharesOf(jobs);
  const words = jobs.map((job) => [job.from, job.to, job.taps, job.inVectors, job.outVectors, Number(job.flip)]);
  const jobAt = (index: number): number => shares.length * GROUP_WORDS + index * (words[0]?.length ?? 0);
  return Uint32Array.from([...shares.flatMap(({ job, first }) => [jobAt(job), first]), ...words.flat()]);
}

/** Vec4s of a job's result. */
export const transposedSize = ({
  taps,
  inVectors,
  outVectors,
}: Pick<Transposition, 'taps' | 'inVectors' | 'outVectors'>): number => taps * outVectors * 4 * inVectors;

/** All layers' transpositions in one dispatch. */
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
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let job = jobs[group.x * ${GROUP_WORDS}u];
  let first = jobs[group.x * ${GROUP_WORDS}u + 1u] + thread;
  let source = jobs[job] * 4u;
  let result = jobs[job + 1u];
  let taps = jobs[job + 2u];
  let inVectors = jobs[job + 3u];
  let inputs = inVectors * 4u;
  let outputs = jobs[job + 4u] * 4u;
  let flip = jobs[job + 5u] != 0u;
  let end = min(taps * outputs * inVectors, first - thread + ${SHARE}u);
  for (var i = first; i < end; i += ${WORKGROUP}u) {
    let row = i / inVectors;
    let c = i - row * inVectors;
    let tap = row / outputs;
    let o = row - tap * outputs;
    let at = source + (select(tap, taps - 1u - tap, flip) * inputs + c * 4u) * outputs + o;
    transposed[result + i] = vec4f(weights[at], weights[at + outputs], weights[at + 2u * outputs], weights[at + 3u * outputs]);
  }
}`,
});

export const transposeGrid = (jobs: readonly Transposition[]): Grid => [Math.max(1, sharesOf(jobs).length), 1, 1];
