import { type Grid, MAIN, WORKGROUP, defineKernel, gridNext, gridStride, groupsFor } from '../../kernel.ts';

/** Threads of a work-group that share one sum in the wide form. */
const SHARERS = 8;
const ITEMS = WORKGROUP / SHARERS;

/**
 * Sums the parts in a fixed order: partials [parts, size] to sums [size]. One thread a vec4; in the `wide` form (GPUs,
 * where parts are many) eight threads share one through work-group memory.
 */
export const sumParts = (wide: boolean) =>
  defineKernel({
    label: `sum-parts${wide ? ' wide' : ''}`,
    buffers: { partials: ['read', 'array<vec4f>'], sums: ['write', 'array<vec4f>'] },
    shape: ['size', 'parts'],
    body: wide
      ? `var<workgroup> shares: array<vec4f, ${WORKGROUP}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let item = thread % ${ITEMS}u;
  let i = (group.y * groups.x + group.x) * ${ITEMS}u + item;
  var sum = vec4f(0);
  if (i < shape.size) {
    for (var part = thread / ${ITEMS}u; part < shape.parts; part += ${SHARERS}u) {
      sum += partials[part * shape.size + i];
    }
  }
  shares[thread] = sum;
  workgroupBarrier();
  if (thread < ${ITEMS}u && i < shape.size) {
    for (var sharer = 1u; sharer < ${SHARERS}u; sharer++) { sum += shares[item + sharer * ${ITEMS}u]; }
    sums[i] = sum;
  }
}`
      : `${MAIN} {
  ${gridStride('i', 'shape.size')} {
    var sum = vec4f(0);
    for (var part = 0u; part < shape.parts; part++) {
      sum += partials[part * shape.size + i];
    }
    sums[i] = sum;
    ${gridNext('i', 'shape.size')}
  }
}`,
  });

export function sumGrid(wide: boolean, size: number): Grid {
  if (!wide) return [groupsFor(size), 1, 1];
  const groups = Math.ceil(size / ITEMS);
  const rows = Math.ceil(groups / 65_535);
  return [Math.ceil(groups / rows), rows, 1];
}
