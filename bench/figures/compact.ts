import { countNetwork, countStructure } from '../../src/core/network/index.ts';
import { stepsInTurns } from '../in-turns.ts';
import type { Figure, Job, Row, Surroundings } from '../job.ts';
import { cropTo, networkOf } from '../networks.ts';
import { atMost, short } from '../statistics.ts';

interface CompactRow extends Row {
  readonly adapter: string;
  readonly batch: number;
  readonly share: number;
  readonly macShare: number;
  readonly milliseconds: number;
  readonly n: number;
  readonly ofFirst: number;
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

  jobs: () => [{ bench: 'compact', model: 'vgg-small', engine: 'espalier', batch: 16, samples: 11 }],

  async measure({ bench, model = '', engine = 'espalier', batch = 16, samples = 11 }: Job, surroundings: Surroundings) {
    const network = networkOf(model);
    const structures = SHARES.map((share) => cropTo(network, share));
    const times = await stepsInTurns(network, structures, { batch, samples }, surroundings);
    return SHARES.flatMap((share, index) => {
      const [structure, time] = [structures[index], times[index]];
      if (!structure || !time) return [];
      const macShare = countStructure(network, structure).macs / countNetwork(network).macs;
      return [{ bench, model, engine, batch, share, macShare, ...time }];
    });
  },

  lines: (rows) => [
    `Training step of the compact network, ${rows[0]?.model}, batch ${rows[0]?.batch}, uniform crop, ${rows[0]?.adapter}`,
    ...rows.map(({ share, macShare, milliseconds, n, ofFirst }) => {
      const [percent, target] = [100 * ofFirst, TARGETS.get(share)];
      const verdict = target === undefined ? '' : ` (${atMost(percent, target * 100, ' %')})`;
      return `  ${(macShare * 100).toFixed(0).padStart(3)} % of the MACs  ${short(milliseconds).padStart(6)} ms a step, median of ${n}: ${short(percent)} % of the dense step${verdict}`;
    }),
  ],
};
