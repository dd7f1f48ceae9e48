import { type Structure, countNetwork, countStructure } from '../../src/core/network/index.ts';
import type { Figure, Job, Row, Surroundings } from '../job.ts';
import { cropTo, networkOf } from '../networks.ts';
import { type Espalier, openEspalier } from '../peers/espalier.ts';
import { atMost, median, short, timesOf } from '../statistics.ts';

interface CompactRow extends Row {
  readonly adapter: string;
  readonly batch: number;
  readonly share: number;
  readonly macShare: number;
  readonly milliseconds: number;
  readonly n: number;
}

const SHARES = [1, 0.75, 0.5, 0.25];
/** Most time, as a share of the dense step's, by share of the MACs. */
const TARGETS = new Map([
  [0.5, 0.6],
  [0.25, 0.38],
]);

/** The training step of compact networks, cut uniformly. */
export const compact: Figure<CompactRow> = {
  name: 'compact',

  jobs: () => [{ bench: 'compact', model: 'vgg-small', engine: 'espalier', batch: 16, samples: 7 }],

  /** All in one page, a step each in turns, so that a noisy machine weighs on all alike. */
  async measure(job: Job, { images, gpu }: Surroundings) {
    const { bench, model = '', engine = 'espalier', batch = 16, samples = 7 } = job;
    const network = networkOf(model);
    const runs: { share: number; structure: Structure; opened: Espalier; times: number[] }[] = [];
    for (const share of SHARES) {
      const structure = cropTo(network, share);
      const opened = await openEspalier({ network, structure, batch, images: await images(batch), gpu });
      await opened.step();
      await opened.step();
      runs.push({ share, structure, opened, times: [] });
    }
    for (let i = 0; i < samples; i++) {
      for (const { opened, times } of runs) times.push(...(await timesOf(1, () => opened.step())));
    }
    return runs.map(({ share, structure, opened: { adapter }, times }) => {
      const macShare = countStructure(network, structure).macs / countNetwork(network).macs;
      return { bench, model, engine, adapter, batch, share, macShare, milliseconds: median(times), n: times.length };
    });
  },

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
