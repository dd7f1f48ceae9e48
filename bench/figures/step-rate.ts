import type { Figure, Job, Row, Surroundings } from '../job.ts';
import { matrixProduct } from '../matrix-product.ts';
import { networkOf } from '../networks.ts';
import { openEspalier } from '../peers/espalier.ts';
import { atLeast, median, ratiosOf, short, timesOf } from '../statistics.ts';

interface StepRateRow extends Row {
  readonly adapter: string;
  readonly batch: number;
  readonly imagesPerSecond: number;
  readonly gflops: number;
  readonly matrixProductGflops: number;
  /** To the product right before and after in the same turn, median of turns. */
  readonly ratio: number;
  readonly n: number;
}

/** Useful operations of a trained image: two for each multiply-add, in three passes (the first layer needs two). */
export const RESNET20_OPERATIONS = 244e6;
const TARGET = 2.2;

/** GFLOP/s of a whole step, batch norms and all, beside a plain matrix product in the same page. */
export const stepRate: Figure<StepRateRow> = {
  name: 'step-rate',

  jobs: () => [{ bench: 'step-rate', model: 'resnet20', engine: 'espalier', batch: 64, samples: 9 }],

  async measure(
    { bench, model = '', engine = 'espalier', batch = 64, samples = 9 }: Job,
    { images, gpu }: Surroundings,
  ) {
    const opened = await openEspalier({ network: networkOf(model), batch, images: await images(batch), gpu });
    const { device, software } = opened.engine.device;
    await opened.step();
    await opened.settled();
    const product = await matrixProduct(device, software);
    const [times, productTimes]: [number[], number[]] = [[], []];
    for (let i = 0; i < samples; i++) {
      const before = await product.timer();
      times.push(...(await timesOf(1, () => opened.step())));
      productTimes.push((before + (await product.timer())) / 2);
    }
    const matrixProductGflops = product.operations / median(productTimes) / 1e6;
    const imagesPerSecond = (batch * 1_000) / median(times);
    const gflops = (imagesPerSecond * RESNET20_OPERATIONS) / 1e9;
    const { adapter } = opened;
    const operations = batch * RESNET20_OPERATIONS;
    const ratio = (median(ratiosOf(productTimes, times)) * operations) / product.operations;
    return [
      { bench, model, engine, adapter, batch, imagesPerSecond, gflops, matrixProductGflops, ratio, n: times.length },
    ];
  },

  lines: (rows) =>
    rows.flatMap(({ model, batch, adapter, gflops, matrixProductGflops, ratio, imagesPerSecond, n }) => [
      `Whole step, ${model}, batch ${batch}, beside a plain fp32 matrix product, ${adapter}`,
      `  ${short(gflops)} GFLOP/s (${short(imagesPerSecond)} images/s, median of ${n}) beside ${short(matrixProductGflops)}: ${short(ratio)} times (${atLeast(ratio, TARGET)})`,
    ]),
};
