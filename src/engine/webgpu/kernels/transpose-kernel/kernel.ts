import { type Grid, WORKGROUP, defineKernel } from '../../kernel.ts';
import { times } from '../conv/tile.ts';

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

const GROUP_WORDS = 2;

/** Work-groups of all jobs: each transposes blocks of four by four weights of one job, one a thread, from block `first` on. */
const sharesOf = (jobs: readonly Transposition[]): readonly { readonly job: number; readonly first: number }[] =>
  jobs.flatMap((job, index) =>
    Array.from({ length: Math.ceil(transposedSize(job) / 4 / WORKGROUP) }, (_, share) => ({
      job: index,
      first: share * WORKGROUP,
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
    weights: ['read', 'array<vec4f>'],
    jobs: ['read', 'array<u32>'],
    transposed: ['write', 'array<vec4f>'],
  },
  shape: ['jobs'],
  body: `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let job = jobs[group.x * ${GROUP_WORDS}u];
  let block = jobs[group.x * ${GROUP_WORDS}u + 1u] + thread;
  let taps = jobs[job + 2u];
  let inVectors = jobs[job + 3u];
  let outVectors = jobs[job + 4u];
  let row = block / inVectors;
  let c = block - row * inVectors;
  let tap = row / outVectors;
  let o = row - tap * outVectors;
  if (tap >= taps) { return; }
  let sourceTap = select(tap, taps - 1u - tap, jobs[job + 5u] != 0u);
  let source = jobs[job] + (sourceTap * inVectors + c) * 4u * outVectors + o;
  let result = jobs[job + 1u] + row * 4u * inVectors + c;
  let turned = transpose(mat4x4f(
    ${Array.from({ length: 4 }, (_, i) => `weights[source + ${i}u * outVectors]`).join(', ')}));
  ${times(4, (o) => `transposed[result + ${o}u * inVectors] = turned[${o}];`)}
}`,
});

export const transposeGrid = (jobs: readonly Transposition[]): Grid => [Math.max(1, sharesOf(jobs).length), 1, 1];
