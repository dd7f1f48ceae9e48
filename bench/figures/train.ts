import type { Figure, Job, Row, Surroundings } from '../job.ts';
import { PLAIN5_WITHOUT_NORM, networkOf } from '../networks.ts';
import { type EngineName, openPeer } from '../peers/peer.ts';
import { atLeast, groupBy, median, short, timesOf } from '../statistics.ts';

interface TrainRow extends Row {
  readonly model: string;
  readonly engine: EngineName;
  readonly adapter: string;
  readonly batch: number;
  readonly imagesPerSecond: number;
  readonly milliseconds: number;
  readonly n: number;
  /** How many times as fast as this peer we are, by our steps right before and after its own; once all is merged. */
  readonly ratio?: number;
  /** Every step's milliseconds, and the losses of the first steps. */
  readonly times: readonly number[];
  readonly losses: readonly number[];
}

interface Plan {
  readonly model: string;
  readonly batch: number;
  /** Peers with the samples taken of each; batches are smaller where a peer needs half a minute a step. */
  readonly peers: Partial<Record<EngineName, number>>;
}

const PLANS: readonly Plan[] = [
  { model: 'plain5', batch: 64, peers: { 'tfjs-webgpu': 3, 'tfjs-webgl': 3, 'jax-js-webgpu': 5 } },
  { model: PLAIN5_WITHOUT_NORM, batch: 64, peers: { convnetjs: 3 } },
  { model: 'resnet20', batch: 16, peers: { 'tfjs-webgpu': 3, 'jax-js-webgpu': 3 } },
  { model: 'vgg-small', batch: 16, peers: { 'tfjs-webgpu': 1, 'jax-js-webgpu': 3 } },
];

/** How many times as fast as each peer we must be. */
const TARGETS: Readonly<Record<string, Partial<Record<EngineName, number>>>> = {
  plain5: { 'tfjs-webgpu': 30, 'tfjs-webgl': 12, 'jax-js-webgpu': 8 },
  resnet20: { 'tfjs-webgpu': 35, 'jax-js-webgpu': 7 },
};
const LAVAPIPE_TARGETS: typeof TARGETS = { plain5: { 'tfjs-webgpu': 15, 'jax-js-webgpu': 6 } };

/** Ours take a second where a peer's take half a minute, and the machine's speed changes from second to second. */
const OWN_SAMPLES = 20;
/** Milliseconds of steps at least, by whatever engine: where they are short, the machine's speed changes between few. */
const LEAST_MEASURED = 8_000;
/** Losses of the first steps, which must agree within a share. */
const LOSSES = 3;
const TOLERANCE = 0.01;

export const train: Figure<TrainRow> = {
  name: 'train',

  /** Ours between all peers, so that a noisy machine weighs on all alike. */
  jobs: () =>
    PLANS.flatMap(({ model, batch, peers }) => {
      const job = (engine: EngineName, samples: number): Job => ({ bench: 'train', model, engine, batch, samples });
      const own = job('espalier', OWN_SAMPLES);
      const others = Object.entries<number | undefined>(peers) as [EngineName, number][];
      return [own, ...others.flatMap(([engine, samples]) => [job(engine, samples), { ...own, again: true }])];
    }),

  async measure({ bench, model = '', engine = 'espalier', batch = 1, samples = 1 }: Job, surroundings: Surroundings) {
    const images = await surroundings.images(batch);
    const peer = await openPeer(engine, { network: networkOf(model), batch, images, gpu: surroundings.gpu });
    const losses: number[] = [];
    const step = async (): Promise<void> => void losses.push(await peer.step());
    await step();
    if (engine === 'espalier') await step();
    // What is measured is training, not the compiling that follows the first steps.
    await peer.settled?.();
    const times = await timesOf(samples, step);
    while (times.reduce((sum, time) => sum + time, 0) < LEAST_MEASURED) times.push(...(await timesOf(1, step)));
    const shown = losses.slice(0, LOSSES);
    return [rowOf({ bench, model, engine, adapter: peer.adapter, batch, times, losses: shown })];
  },

  merge(rows) {
    return groupBy(rows, ({ model, engine }) => `${model} ${engine}`).flatMap((group) => {
      const [first] = group;
      if (!first) return [];
      const row = rowOf({ ...first, times: group.flatMap(({ times }) => times) });
      const beside = first.engine === 'espalier' ? [] : ownTimesBeside(rows, first);
      return [beside.length > 0 ? { ...row, ratio: row.milliseconds / median(beside) } : row];
    });
  },

  lines: (rows) =>
    groupBy(rows, ({ model }) => model).flatMap((group) => {
      const own = group.find(({ engine }) => engine === 'espalier');
      const [first] = own ? [own] : group;
      if (!first) return [];
      const { model, batch, adapter } = first;
      const notes = model === PLAIN5_WITHOUT_NORM ? ' (plain5 without batch norm, which ConvNetJS lacks)' : '';
      return [`Training, ${model}${notes}, batch ${batch}, ${adapter}`, ...group.flatMap((row) => linesOf(row, own))];
    }),
};

/** Our steps measured right before and right after a peer's: the machine's speed changes within minutes. */
function ownTimesBeside(rows: readonly TrainRow[], peer: TrainRow): readonly number[] {
  const at = rows.indexOf(peer);
  const isOwn = ({ model, engine }: TrainRow): boolean => model === peer.model && engine === 'espalier';
  const [before, after] = [rows.slice(0, at).findLast(isOwn), rows.slice(at).find(isOwn)];
  return [...(before?.times ?? []), ...(after?.times ?? [])];
}

function rowOf(row: Omit<TrainRow, 'imagesPerSecond' | 'milliseconds' | 'n' | 'ratio'>): TrainRow {
  const milliseconds = median(row.times);
  return { ...row, imagesPerSecond: (row.batch * 1_000) / milliseconds, milliseconds, n: row.times.length };
}

function linesOf(row: TrainRow, own: TrainRow | undefined): string[] {
  const { model, engine, imagesPerSecond, milliseconds, n, ratio } = row;
  const rate = `${short(imagesPerSecond).padStart(8)} images/s  (${short(milliseconds)} ms a step, median of ${n})`;
  const line = `  ${engine.padEnd(13)} ${rate}`;
  if (!own || ratio === undefined) return [line];
  const target = (/llvmpipe|lavapipe/i.test(own.adapter) ? LAVAPIPE_TARGETS : TARGETS)[model]?.[engine];
  const verdict = target === undefined ? '' : ` (${atLeast(ratio, target)})`;
  return [`${line}, espalier is ${short(ratio)} times as fast${verdict}`, ...disagreement(row, own)];
}

/** A warning when a peer's first losses are not ours: then it does not train the same network. */
function disagreement({ losses }: TrainRow, own: TrainRow): string[] {
  const worst = Math.max(...losses.map((loss, i) => Math.abs(loss / (own.losses[i] ?? NaN) - 1)));
  if (worst <= TOLERANCE) return [];
  const list = (values: readonly number[]): string => values.map((loss) => loss.toFixed(4)).join(', ');
  return [
    `    warning: its first losses (${list(losses)}) are not ours (${list(own.losses)}): ${short(worst * 100)} % apart`,
  ];
}
