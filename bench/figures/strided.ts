import { type Structure, convolutionsOf, denseStructure, shapesOf } from '../../src/core/network/index.ts';
import { stepsInTurns } from '../in-turns.ts';
import type { Figure, Job, Row, Surroundings } from '../job.ts';
import { networkOf } from '../networks.ts';
import { atMost, short } from '../statistics.ts';

interface StridedRow extends Row {
  readonly adapter: string;
  readonly batch: number;
  /** Every how many taps one is kept; 1 is dense. */
  readonly stride: number;
  readonly milliseconds: number;
  readonly n: number;
  readonly ofFirst: number;
}

const STRIDES = [1, 3];
/** Most time at stride 3, in percent of the dense step's. */
const TARGET = 50;

/** The training step with strided sparsity in all convolutions but the first. */
export const strided: Figure<StridedRow> = {
  name: 'strided',

  jobs: () => [{ bench: 'strided', model: 'cnn-small', engine: 'espalier', batch: 16, samples: 9 }],

  async measure({ bench, model = '', engine = 'espalier', batch = 16, samples = 9 }: Job, surroundings: Surroundings) {
    const network = networkOf(model);
    const shapes = shapesOf(network);
    const structures = STRIDES.map((stride): Structure => {
      const taps = convolutionsOf(network)
        .slice(1)
        .map(({ id, input }) => {
          const channels = shapes.get(input)?.[2] ?? 0;
          return [id, { stride, offsets: Array.from({ length: channels }, (_, channel) => channel % stride) }] as const;
        });
      return { ...denseStructure(network), ...(stride > 1 ? { taps: Object.fromEntries(taps) } : {}) };
    });
    const times = await stepsInTurns(network, structures, { batch, samples }, surroundings);
    return times.map((time, index) => ({ bench, model, engine, batch, stride: STRIDES[index] ?? 1, ...time }));
  },

  lines: (rows) => [
    `Training step with strided sparsity, ${rows[0]?.model}, batch ${rows[0]?.batch}, all but the first layer, ${rows[0]?.adapter}`,
    ...rows.map(({ stride, milliseconds, n, ofFirst }) => {
      const percent = 100 * ofFirst;
      const verdict = stride === 1 ? '' : ` (${atMost(percent, TARGET, ' %')})`;
      return `  stride ${stride}  ${short(milliseconds).padStart(6)} ms a step, median of ${n}: ${short(percent)} % of the dense step${verdict}`;
    }),
  ],
};
