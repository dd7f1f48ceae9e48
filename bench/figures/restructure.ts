import type { Figure, Job, Row, Surroundings } from '../job.ts';
import { cropOf, networkOf } from '../networks.ts';
import { openEspalier } from '../peers/espalier.ts';
import { atMost, median, short, timesOf } from '../statistics.ts';

interface RestructureRow extends Row {
  readonly adapter: string;
  readonly batch: number;
  readonly milliseconds: number;
  readonly slowest: number;
  readonly compilations: number;
  readonly n: number;
}

const TARGET = 100;
/** Shares of the channels that take turns. */
const SHARES = [0.5, 0.75];

/** A change of structure: scatter, gather, new plan, without the next step; and what it compiles. */
export const restructure: Figure<RestructureRow> = {
  name: 'restructure',

  jobs: () => [{ bench: 'restructure', model: 'resnet20', engine: 'espalier', batch: 16, samples: 10 }],

  async measure({ bench, model = '', engine = 'espalier', batch = 16, samples = 10 }: Job, surroundings: Surroundings) {
    const network = networkOf(model);
    const images = await surroundings.images(batch);
    let compilations = 0;
    const opened = await openEspalier({ network, batch, images, gpu: surroundings.gpu }, ({ device: { device } }) => {
      const compile = device.createComputePipelineAsync.bind(device);
      device.createComputePipelineAsync = (descriptor) => {
        compilations++;
        return compile(descriptor);
      };
    });
    const { trainer } = opened;
    const { queue } = opened.engine.device.device;
    const structures = SHARES.map((share) => cropOf(network, share));
    const [times, during]: [number[], number[]] = [[], []];
    for (let i = 0; i < samples; i++) {
      // A step first: only then is there something to bring back.
      await opened.step();
      const before = compilations;
      const structure = structures[i % structures.length] ?? trainer.structure;
      times.push(
        ...(await timesOf(1, async () => {
          await trainer.restructure(structure);
          await queue.onSubmittedWorkDone();
        })),
      );
      during.push(compilations - before);
    }
    const { adapter } = opened;
    const [milliseconds, slowest] = [median(times), Math.max(...times)];
    const compiled = during.reduce((sum, count) => sum + count, 0);
    return [{ bench, model, engine, adapter, batch, milliseconds, slowest, compilations: compiled, n: times.length }];
  },

  lines: (rows) =>
    rows.flatMap(({ model, batch, adapter, milliseconds, slowest, compilations, n }) => [
      `Change of structure, ${model}, batch ${batch}, ${adapter}`,
      `  ${short(milliseconds)} ms, median of ${n}, slowest ${short(slowest)} ms (${atMost(milliseconds, TARGET, ' ms')})`,
      `  ${compilations} pipelines compiled in all of them (${atMost(compilations, 0)})`,
    ]),
};
