import { kernelLayers, mapGroups, stridedLayers } from '../../core/sparsity/index.ts';
import type { ItemField, OptionField, OptionItem, OptionSetting } from '../../core/spec/options.ts';
import { stagesOf } from './stages.ts';

const LONGEST = 10_000_000;

/** Shares of the run's steps after which the stages come by default, and the fixed-point stage. */
const STAGES_AT = [0.4, 0.65, 0.85, 0.9, 0.94, 0.97];
const BITS_AT = 0.85;
const KEEP = 0.7;
const STRIDE = 2;

/** The step of a share of the run, with room for an update before and after it where there is any. */
const stepAt = (share: number, { steps }: OptionSetting): number =>
  Math.max(1, Math.min(Math.round(share * steps), steps - 1));

/** Maps, then strided taps: each where the network has any, and where the run is long enough for both. */
function defaultStages(setting: OptionSetting): readonly OptionItem[] {
  const { network, steps } = setting;
  const maps = mapGroups(network).length > 0;
  const taps = stridedLayers(network).length > 0;
  const first = stepAt(0.4, setting);
  const second = Math.max(first + 1, stepAt(0.65, setting));
  const map = { granularity: 'map', at: first, keep: KEEP, choose: 'particles' };
  const stride = (at: number) => ({ granularity: 'stride', at, stride: STRIDE, choose: 'particles' });
  if (!maps && taps) return [stride(first)];
  return taps && second < steps ? [map, stride(second)] : [map];
}

/** The keys of a stage. */
const STAGE: readonly ItemField[] = [
  {
    key: 'granularity',
    type: 'choice',
    label: 'Prune',
    help: 'Whole feature maps, whole kernels, or all taps inside kernels but those at a fixed stride; what has left stays away, so stages multiply.',
    source: 'paper',
    choices: [
      { value: 'map', label: 'Feature maps' },
      { value: 'kernel', label: 'Kernels' },
      { value: 'stride', label: 'Taps, strided' },
    ],
    default: ({ options }, index = 0) =>
      index === 0 ? 'map' : stagesOf(options).some(({ granularity }) => granularity === 'stride') ? 'kernel' : 'stride',
  },
  {
    key: 'at',
    type: 'integer',
    label: 'At step',
    ofPlace: true,
    help: 'Training steps before this stage; the network retrains from there.',
    source: 'ours',
    min: 1,
    max: LONGEST,
    step: 1,
    default: (setting, index = 0) => stepAt(STAGES_AT[index] ?? 1, setting),
  },
  {
    key: 'keep',
    type: 'number',
    label: 'Keep',
    help: 'Share of the units still there that stays, the same in every layer.',
    source: 'ours',
    min: 0.01,
    max: 1,
    step: 0.01,
    default: () => KEEP,
    only: { when: 'for granularity "map" and "kernel" only', taken: ({ granularity }) => granularity !== 'stride' },
  },
  {
    key: 'stride',
    type: 'integer',
    label: 'Stride',
    help: 'A kernel keeps one tap in so many, counted row by row: of the nine taps of a 3x3 kernel five or four at 2, three at 3.',
    source: 'ours',
    min: 2,
    max: 9,
    step: 1,
    default: () => STRIDE,
    only: { when: 'for granularity "stride" only', taken: ({ granularity }) => granularity === 'stride' },
  },
  {
    key: 'choose',
    type: 'choice',
    label: 'Choose by',
    help: 'How a mask of all layers is found: drawn at random, the best of N random ones, the largest weights, or a particle filter; masks are scored by accuracy on held-out training images.',
    source: 'paper',
    choices: [
      { value: 'random', label: 'Random' },
      { value: 'best', label: 'Best of N' },
      { value: 'magnitude', label: 'Magnitude' },
      { value: 'particles', label: 'Particle filter' },
    ],
    default: () => 'particles',
  },
];

export const OPTIONS: readonly OptionField[] = [
  {
    key: 'stages',
    type: 'list',
    label: 'Stages',
    help: 'What is pruned when, one stage after the other, with training in between.',
    source: 'ours',
    entry: 'Stage',
    least: 1,
    most: 6,
    item: STAGE,
    default: defaultStages,
  },
  {
    key: 'constraint',
    type: 'boolean',
    label: 'Same taps for a source map',
    help: 'All kernels that leave one source map keep the same taps, so that both matrices of the product shrink; without it every kernel has its own, and neither does.',
    source: 'paper',
    default: () => true,
  },
  {
    key: 'candidates',
    type: 'integer',
    label: 'Candidates (N)',
    help: 'Random masks that best of N scores; the follow-up paper found 100 enough up to about 40 % of the kernels.',
    source: 'ours',
    min: 1,
    max: 10_000,
    step: 1,
    default: () => 100,
  },
  {
    key: 'particles',
    type: 'integer',
    label: 'Particles',
    help: 'Masks in a round of the particle filter.',
    source: 'ours',
    min: 1,
    max: 1_000,
    step: 1,
    default: () => 16,
  },
  {
    key: 'rounds',
    type: 'integer',
    label: 'Rounds',
    help: 'Times that the particle filter scores its masks; from the second on they are resampled by their weights and changed a little.',
    source: 'ours',
    min: 1,
    max: 1_000,
    step: 1,
    default: () => 6,
  },
  {
    key: 'power',
    type: 'number',
    label: 'Power',
    help: 'A particle’s weight is its accuracy to this power; 1 is the plain reading and hardly selects.',
    source: 'ours',
    min: 0,
    max: 100,
    step: 1,
    default: () => 8,
  },
  {
    key: 'noise',
    type: 'number',
    label: 'Noise',
    help: 'Share of the kept units that a round swaps with pruned ones inside a layer; of strided taps, the chance that an offset moves by one.',
    source: 'ours',
    min: 0,
    max: 1,
    step: 0.01,
    default: () => 0.1,
  },
  {
    key: 'crossover',
    type: 'number',
    label: 'Crossover',
    help: 'Chance that a particle takes each layer’s mask from one of two parents.',
    source: 'ours',
    min: 0,
    max: 1,
    step: 0.01,
    default: () => 0,
  },
  {
    key: 'images',
    type: 'integer',
    label: 'Scoring images',
    help: 'Held-out training images that score a mask, at most; never test images.',
    source: 'ours',
    min: 1,
    max: 50_000,
    step: 1,
    default: () => 1_000,
  },
  {
    key: 'compare',
    type: 'boolean',
    label: 'Compare with best of N',
    help: 'Where particles choose, also score as many random masks, to see what the filter gains; this nearly doubles the time of a search.',
    source: 'ours',
    default: () => true,
  },
  {
    key: 'recalibrate',
    type: 'integer',
    label: 'Recalibrate',
    help: 'Training batches over which batch norms’ running statistics are computed anew right after a stage; 0 leaves them.',
    source: 'ours',
    min: 0,
    max: 1_000,
    step: 1,
    default: () => 4,
  },
  {
    key: 'bits',
    type: 'choice',
    label: 'Fixed point',
    help: 'Bits of a weight of all convolutions and dense layers after the last stage; training goes on in full precision behind them.',
    source: 'ours',
    choices: [
      { value: 'off', label: 'Off' },
      ...['8', '6', '5', '4', '3', '2'].map((value) => ({ value, label: `${value} bits` })),
    ],
    default: () => 'off',
  },
  {
    key: 'bitsAt',
    type: 'integer',
    label: 'Fixed point at step',
    help: 'Training steps before the weights are quantised, where they are; after the last stage.',
    source: 'ours',
    min: 1,
    max: LONGEST,
    step: 1,
    default: (setting) => {
      const last = stagesOf(setting.options).at(-1)?.at ?? 0;
      return Math.max(1, Math.min(Math.max(stepAt(BITS_AT, setting), last + 1), setting.steps - 1));
    },
  },
];

/** Stages that contradict each other, the run or the network: a sentence that starts with the key's path, or null. */
export function check(setting: OptionSetting): string | null {
  const { steps, options } = setting;
  const stages = stagesOf(options);
  for (const [index, stage] of stages.entries()) {
    const path = `scheme.stages.${index}`;
    const before = stages[index - 1];
    if (steps < 2) return `${path}.at: a run of ${steps} step is too short for a stage; use at least 2 steps`;
    if (stage.at > steps - 1) {
      return `${path}.at: step ${stage.at} leaves no step for retraining before the run's end (step ${steps}); use at most ${steps - 1}`;
    }
    if (before && stage.at <= before.at) {
      return `${path}.at: step ${stage.at} does not come after the stage before it (step ${before.at}); use at least ${before.at + 1}`;
    }
    const problem = granularityProblem(setting, index);
    if (problem) return `${path}.${problem}`;
  }
  return options['bits'] === 'off' ? null : fixedPointProblem(setting);
}

function granularityProblem({ network, options }: OptionSetting, index: number): string | null {
  const stages = stagesOf(options);
  const stage = stages[index];
  if (stage?.granularity === 'map') {
    if (mapGroups(network).length > 0) return null;
    return `granularity: ${network.id} has no feature maps to prune: those of the first convolution and of residual streams stay`;
  }
  if (stage?.granularity === 'kernel') {
    return kernelLayers(network).length > 0 ? null : `granularity: ${network.id} has no convolution behind its first`;
  }
  if (stage?.granularity !== 'stride') return null;
  const layers = stridedLayers(network);
  if (layers.length === 0) {
    return `granularity: ${network.id} has no kernel of more than one tap behind its first convolution and outside depthwise ones`;
  }
  const earlier = stages.findIndex(({ granularity }) => granularity === 'stride');
  if (earlier < index) {
    return `granularity: taps are strided by scheme.stages.${earlier} already, and another stride would bring pruned ones back`;
  }
  const small = layers.find(({ taps }) => taps < stage.stride);
  if (!small) return null;
  return `stride: ${stage.stride} is more than the ${small.taps} taps of a kernel of ${small.id}; use at most ${small.taps}`;
}

function fixedPointProblem({ steps, options }: OptionSetting): string | null {
  const at = Number(options['bitsAt']);
  const last = stagesOf(options).at(-1)?.at ?? 0;
  if (at > steps - 1) {
    return `scheme.bitsAt: step ${at} leaves no step for retraining before the run's end (step ${steps}); use at most ${steps - 1}`;
  }
  if (at > last) return null;
  return `scheme.bitsAt: step ${at} does not come after the last stage (step ${last}); use at least ${last + 1}`;
}
