import { type Timer, bestTime, timerOf } from './recorded.ts';

/** Rows and columns of the product that one thread makes. */
const TILE = 8;
/** Threads of a work group, each way. */
const GROUP = 8;

const rows = Array.from({ length: TILE }, (_, row) => row);
const each = (write: (row: number) => string): string => rows.map(write).join('\n');

/**
 * A plain fp32 matrix product: 8x8 accumulators a thread, each a name of its own (two vec4 a row), no work-group memory.
 * What our convolutions are held against.
 */
const WGSL = /* wgsl */ `
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(3) var<uniform> quarter: vec4u;

@compute @workgroup_size(${GROUP}, ${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let vectors = quarter.x;
  let row = id.y * ${TILE}u;
  let column = id.x * ${TILE / 4}u;
  ${each((i) => `var low${i} = vec4f(); var high${i} = vec4f();`)}
  for (var k = 0u; k < vectors; k++) {
    ${each((i) => `let a${i} = a[(row + ${i}u) * vectors + k];`)}
    ${[0, 1, 2, 3]
      .map(
        (lane) => `
    {
      let at = (k * 4u + ${lane}u) * vectors + column;
      let left = b[at];
      let right = b[at + 1u];
      ${each((i) => `low${i} = fma(vec4f(a${i}[${lane}]), left, low${i}); high${i} = fma(vec4f(a${i}[${lane}]), right, high${i});`)}
    }`,
      )
      .join('')}
  }
  ${each((i) => `c[(row + ${i}u) * vectors + column] = low${i}; c[(row + ${i}u) * vectors + column + 1u] = high${i};`)}
}`;

/** A square matrix product that can be timed beside other work: 1024 rows, half of that on a software adapter. */
export async function matrixProduct(
  device: GPUDevice,
  software: boolean,
): Promise<{ readonly timer: Timer; readonly operations: number }> {
  const size = software ? 512 : 1_024;
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code: WGSL }), entryPoint: 'main' },
  });
  const matrix = (): GPUBuffer => {
    const buffer = device.createBuffer({
      size: size * size * 4,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    });
    const values = Float32Array.from({ length: size * size }, (_, i) => ((i * 7) % 13) / 13 - 0.5);
    device.queue.writeBuffer(buffer, 0, values);
    return buffer;
  };
  const quarter = device.createBuffer({ size: 16, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(quarter, 0, new Uint32Array([size / 4, 0, 0, 0]));
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [matrix(), matrix(), matrix(), quarter].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const groups = size / (TILE * GROUP);
  const timer = await timerOf(device, (pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(groups, groups);
  });
  return { timer, operations: 2 * size ** 3 };
}

/** GFLOP/s of the matrix product alone. */
export async function matrixProductRate(device: GPUDevice, software: boolean): Promise<number> {
  const { timer, operations } = await matrixProduct(device, software);
  const milliseconds = await bestTime(timer);
  return operations / milliseconds / 1e6;
}
