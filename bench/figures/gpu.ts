import { requestDevice } from '../../src/engine/webgpu/device.ts';
import type { Figure, Job, Row, Surroundings } from '../job.ts';
import { matrixProductRate } from '../matrix-product.ts';
import { networkOf } from '../networks.ts';
import { openEspalier } from '../peers/espalier.ts';
import { openPeer } from '../peers/peer.ts';
import { bestTime, recordStep, timerOf } from '../recorded.ts';
import { atLeast, groupBy, median, short, timesOf } from '../statistics.ts';
import { RESNET20_OPERATIONS } from './step-rate.ts';

interface GpuRow extends Row {
  readonly adapter: string;
  readonly batch: number;
  /** Whether there is no GPU here, so that nothing was measured. */
  readonly open: boolean;
  readonly imagesPerSecond?: number;
  readonly milliseconds?: number;
  readonly n?: number;
  /** Shares of what arithmetic, memory and dispatches alone would allow. */
  readonly arithmeticShare?: number;
  readonly memoryShare?: number;
  readonly dispatchShare?: number;
}

const TARGETS = { imagesPerSecond: 40_000, timesTfjs: 10 };
/** Bytes that a trained image of resnet20 moves at least: 186,000 activations, 16 passes (PERFORMANCE.md section 4). */
const RESNET20_TRAFFIC = 186_000 * 4 * 16;

/** resnet20 on a GPU, with what bounds it. Left open on software adapters. */
export const gpu: Figure<GpuRow> = {
  name: 'gpu',

  jobs: () =>
    (['espalier', 'tfjs-webgpu', 'espalier'] as const).map((engine) => ({
      bench: 'gpu',
      model: 'resnet20',
      engine,
      batch: 512,
      samples: engine === 'espalier' ? 20 : 10,
    })),

  async measure(job: Job, surroundings: Surroundings) {
    const { bench, model = '', engine = 'espalier', batch = 512, samples = 10 } = job;
    const found = await requestDevice(surroundings.gpu);
    const adapter = found.adapter.description;
    found.device.destroy();
    if (found.software) return [{ bench, model, engine, adapter, batch, open: true }];
    const task = { network: networkOf(model), batch, images: await surroundings.images(batch), gpu: surroundings.gpu };
    const own = engine === 'espalier' ? await openEspalier(task) : null;
    const peer = own ?? (await openPeer(engine, task));
    for (let i = 0; i < 3; i++) await peer.step();
    const times = await timesOf(samples, () => peer.step());
    const milliseconds = median(times);
    const imagesPerSecond = (batch * 1_000) / milliseconds;
    const row = { bench, model, engine, adapter, batch, open: false, imagesPerSecond, milliseconds, n: times.length };
    if (!own) return [row];
    const { device } = own.engine.device;
    const { work } = await recordStep(() => own.step());
    const arithmeticShare = (imagesPerSecond * RESNET20_OPERATIONS) / 1e9 / (await matrixProductRate(device, false));
    const memoryShare = (imagesPerSecond * RESNET20_TRAFFIC) / 1e9 / (await bandwidth(device));
    const dispatchShare = (work.dispatches.length * (await dispatchTime(device))) / milliseconds;
    return [{ ...row, arithmeticShare, memoryShare, dispatchShare }];
  },

  merge: (rows) =>
    groupBy(rows, ({ engine }) => engine).map((group) =>
      group.reduce((best, row) => ((row.imagesPerSecond ?? 0) > (best.imagesPerSecond ?? 0) ? row : best)),
    ),

  lines(rows) {
    const own = rows.find(({ engine }) => engine === 'espalier');
    const title = `resnet20, batch 512, on a GPU`;
    if (!own || own.open) return [title, `  open: there is no GPU here, only ${rows[0]?.adapter}`];
    const { imagesPerSecond = 0, arithmeticShare = 0, memoryShare = 0, dispatchShare = 0 } = own;
    const percent = (share: number): string => `${short(share * 100)} %`;
    return [
      `${title}, ${own.adapter}`,
      `  espalier ${short(imagesPerSecond)} images/s, median of ${own.n} (on a data-centre GPU ${atLeast(imagesPerSecond, TARGETS.imagesPerSecond)})`,
      `  ${percent(arithmeticShare)} of a plain fp32 matrix product's rate, ${percent(memoryShare)} of the bandwidth, ${percent(dispatchShare)} of the time are bare dispatches`,
      ...rows.flatMap((row) => {
        if (row === own || row.imagesPerSecond === undefined) return [];
        const ratio = imagesPerSecond / row.imagesPerSecond;
        return [
          `  ${row.engine} ${short(row.imagesPerSecond)} images/s: espalier is ${short(ratio)} times as fast (${atLeast(ratio, TARGETS.timesTfjs)})`,
        ];
      }),
    ];
  },
};

/** GB/s of a copy, reads and writes together. */
async function bandwidth(device: GPUDevice): Promise<number> {
  const size = Math.min(256 * 2 ** 20, device.limits.maxBufferSize);
  const [from, to] = [0, 1].map(() =>
    device.createBuffer({ size, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST }),
  );
  if (!from || !to) return NaN;
  const copies = 20;
  const copy = async (): Promise<void> => {
    const encoder = device.createCommandEncoder();
    for (let i = 0; i < copies; i++) encoder.copyBufferToBuffer(from, 0, to, 0, size);
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
  };
  await copy();
  const best = Math.min(...(await timesOf(5, copy)));
  from.destroy();
  to.destroy();
  return (2 * copies * size) / best / 1e6;
}

/** Milliseconds of a dispatch that does next to nothing, in a row of them that depend on each other. */
async function dispatchTime(device: GPUDevice): Promise<number> {
  const code = `@group(0) @binding(0) var<storage, read_write> x: array<u32>;
    @compute @workgroup_size(1) fn main() { x[0] += 1u; }`;
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main' },
  });
  const buffer = device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE });
  const layout = pipeline.getBindGroupLayout(0);
  const group = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] });
  const timer = await timerOf(device, (pass) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(1);
  });
  const milliseconds = await bestTime(timer);
  return milliseconds;
}
