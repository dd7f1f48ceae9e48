import type { Figure, Job, Row, Surroundings } from '../job.ts';
import { networkOf } from '../networks.ts';
import { openEspalier } from '../peers/espalier.ts';
import { atMost, median, short } from '../statistics.ts';

interface ColdStartRow extends Row {
  readonly adapter: string;
  readonly batch: number;
  readonly seconds: number;
  readonly n: number;
}

const TARGET = 4;

/** From asking for the adapter to the end of the first step, in a browser that has compiled nothing yet. */
export const coldStart: Figure<ColdStartRow> = {
  name: 'cold-start',

  jobs: () =>
    Array.from({ length: 3 }, () => ({
      bench: 'cold-start',
      model: 'resnet20',
      engine: 'espalier',
      batch: 16,
      fresh: true,
    })),

  async measure({ bench, model = '', engine = 'espalier', batch = 16 }: Job, { images, gpu }: Surroundings) {
    const task = { network: networkOf(model), batch, images: await images(batch), gpu };
    const started = performance.now();
    const { adapter, step } = await openEspalier(task);
    await step();
    return [{ bench, model, engine, adapter, batch, seconds: (performance.now() - started) / 1_000, n: 1 }];
  },

  merge: (rows) =>
    rows.slice(0, 1).map((row) => ({ ...row, seconds: median(rows.map(({ seconds }) => seconds)), n: rows.length })),

  lines: (rows) =>
    rows.flatMap(({ model, batch, adapter, seconds, n }) => [
      `Cold start to the end of the first step, ${model}, batch ${batch}, ${adapter}`,
      `  ${short(seconds)} s, median of ${n} fresh browsers (${atMost(seconds, TARGET, ' s')})`,
    ]),
};
