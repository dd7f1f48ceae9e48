import { countNetwork, countStructure } from '../../src/core/network/index.ts';
import type { Figure, Job, Row, Surroundings } from '../job.ts';
import { cropTo, networkOf } from '../networks.ts';
import { openEspalier } from '../peers/espalier.ts';
import { atMost, groupBy, median, short, timesOf } from '../statistics.ts';

interface CompactRow extends Row {
  readonly adapter: string;
  readonly batch: number;
  readonly share: number;
  readonly macShare: number;
  readonly milliseconds: number;
  readonly n: number;
  readonly times: readonly number[];
}

/** Dense first and last, so that a noisy machine weighs on all alike. */
const SHARES = [1, 0.75, 0.5, 0.25, 1];
/** Most time, as a share of the dense step's, by share of the MACs. */
const TARGETS = new Map([
  [0.5, 0.6],
  [0.25, 0.38],
]);

/** The training step of compact networks, cut uniformly. */
export const compact: Figure<CompactRow> = {
  name: 'compact',

  jobs: () =>
    SHARES.map((share) => ({ bench: 'compact', model: 'vgg-small', engine: 'espalier', batch: 16, share, samples: 5 })),

  async measure(job: Job, { images, gpu }: Surroundings) {
    const { bench, model = '', engine = 'espalier', batch = 16, share = 1, samples = 5 } = job;
    const network = networkOf(model);
    const structure = cropTo(network, share);
    const opened = await openEspalier({ network, structure, batch, images: await images(batch), gpu });
    await opened.step();
    await opened.step();
    const times = await timesOf(samples, () => opened.step());
    const macShare = countStructure(network, structure).macs / countNetwork(network).macs;
    const { adapter } = opened;
    return [
      { bench, model, engine, adapter, batch, share, macShare, milliseconds: median(times), n: times.length, times },
    ];
  },

  merge: (rows) =>
    groupBy(rows, ({ share }) => share).flatMap((group) => {
      const times = group.flatMap((row) => row.times);
      return group.slice(0, 1).map((row) => ({ ...row, times, milliseconds: median(times), n: times.length }));
    }),

  lines: (rows) => {
    const dense = rows.find(({ share }) => share === 1)?.milliseconds ?? NaN;
    return [
      `Training step of the compact network, ${rows[0]?.model}, batch ${rows[0]?.batch}, uniform crop, ${rows[0]?.adapter}`,
      ...rows.map(({ share, macShare, milliseconds, n }) => {
        const [percent, target] = [(100 * milliseconds) / dense, TARGETS.get(share)];
        const verdict = target === undefined ? '' : ` (${atMost(percent, target * 100, ' %')})`;
        return `  ${(macShare * 100).toFixed(0).padStart(3)} % of the MACs  ${short(milliseconds).padStart(6)} ms a step, median of ${n}: ${short(percent)} % of the dense step${verdict}`;
      }),
    ];
  },
};
