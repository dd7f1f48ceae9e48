import type { Figure, Job, Row, Surroundings } from '../job.ts';
import { matrixProduct } from '../matrix-product.ts';
import { convolutionPair } from '../networks.ts';
import { openEspalier } from '../peers/espalier.ts';
import { convolutionPasses, encode, recordStep, timerOf, timesInTurns } from '../recorded.ts';
import { atLeast, median, ratiosOf, short } from '../statistics.ts';

interface KernelRow extends Row {
  readonly layer: string;
  readonly pass: string;
  readonly adapter: string;
  readonly batch: number;
  readonly kernel: string;
  readonly gflops: number;
  readonly matrixProductGflops: number;
  /** To the product in the same turn, median of turns. */
  readonly ratio: number;
  readonly n: number;
}

/** Height and width, channels. */
const LAYERS: readonly (readonly [size: number, channels: number])[] = [
  [32, 16],
  [16, 32],
  [8, 64],
];
const NAMES = { forward: 'forward', inputGradient: 'input gradient', kernelGradient: 'kernel gradient' };
const TARGET = 2;
const TURNS = 15;

/** GFLOP/s of a 3x3 convolution's three passes, beside a plain matrix product in the same page. */
export const kernels: Figure<KernelRow> = {
  name: 'kernels',

  jobs: () =>
    LAYERS.map(([size, channels]) => ({
      bench: 'kernels',
      engine: 'espalier',
      batch: 64,
      layer: `${size}x${size}x${channels}`,
    })),

  async measure({ bench, batch = 64, layer = '' }: Job, { images, gpu }: Surroundings) {
    const [size = 0, , channels = 0] = layer.split('x').map(Number);
    const network = convolutionPair(size, channels);
    const opened = await openEspalier({ network, batch, images: await images(batch), gpu });
    const { device, software } = opened.engine.device;
    const recorded = await recordStep(() => opened.step());
    await opened.settled();
    const passes = convolutionPasses(recorded.work.dispatches);
    const operations = 2 * 9 * channels * channels * size * size * batch;
    const product = await matrixProduct(device, software);
    const names = ['forward', 'inputGradient', 'kernelGradient'] as const;
    const timers = [product.timer];
    for (const pass of names) timers.push(await timerOf(device, encode(recorded, passes[pass])));
    const [productTimes = [], ...times] = await timesInTurns(timers, TURNS);
    const matrixProductGflops = product.operations / median(productTimes) / 1e6;
    const { adapter } = opened;
    return names.map((pass, index) => {
      const own = times[index] ?? [];
      const gflops = operations / median(own) / 1e6;
      const kernel = passes[pass].map(({ label }) => label).join(' + ');
      const ratio = (median(ratiosOf(productTimes, own)) * operations) / product.operations;
      const n = own.length;
      return { bench, layer, pass: NAMES[pass], adapter, batch, kernel, gflops, matrixProductGflops, ratio, n };
    });
  },

  lines: (rows) => [
    `3x3 convolutions, batch ${rows[0]?.batch}, GFLOP/s beside a plain fp32 matrix product, medians of ${rows[0]?.n} turns, ${rows[0]?.adapter}`,
    ...rows.map(
      ({ layer, pass, gflops, matrixProductGflops, ratio, kernel }) =>
        `  ${layer.padEnd(9)} ${pass.padEnd(15)} ${short(gflops).padStart(6)} beside ${short(matrixProductGflops)}: ${short(ratio)} times (${atLeast(ratio, TARGET)})  ${kernel}`,
    ),
  ],
};
