/** What a user may write: any JSON; `parseSpec` says whether it is a spec. */
export type SpecInput = Readonly<Record<string, unknown>>;

export interface Preset {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  readonly spec: SpecInput;
}

/** Starting points. The first is what a first visit opens on: prunes and regrows within seconds on any adapter. */
export const PRESETS: readonly Preset[] = [
  {
    id: 'first-look',
    title: 'First look: CHEX on a micro network',
    summary: 'Half of the channels of a four-layer network, explored within a minute even without a GPU.',
    spec: {
      version: 1,
      name: 'CHEX at half the channels',
      seed: 1,
      model: { id: 'convnet-micro' },
      data: { train: 4_000, test: 500 },
      train: { steps: 300, batchSize: 50, learningRate: 0.1, augment: ['flip'], evaluateEvery: 50 },
      scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 } },
    },
  },
  {
    id: 'micro-dense',
    title: 'The same network, dense',
    summary: 'Nothing is pruned: what CHEX is compared with.',
    spec: {
      version: 1,
      name: 'Dense micro network',
      seed: 1,
      model: { id: 'convnet-micro' },
      data: { train: 4_000, test: 500 },
      train: { steps: 300, batchSize: 50, learningRate: 0.1, augment: ['flip'], evaluateEvery: 50 },
      scheme: { id: 'dense' },
    },
  },
  {
    id: 'structured-micro',
    title: 'Structured sparsity: maps, then strided taps',
    summary: 'Whole masks found by a particle filter, live; the micro network loses three quarters of its weights.',
    spec: {
      version: 1,
      name: 'Maps, then strides',
      seed: 1,
      model: { id: 'convnet-micro' },
      data: { train: 4_000, test: 500 },
      train: { steps: 300, batchSize: 50, learningRate: 0.1, augment: ['flip'], evaluateEvery: 50 },
      scheme: { id: 'structured-sparsity', images: 200 },
    },
  },
  {
    id: 'vgg-half',
    title: 'VGG small at half the channels',
    summary: 'Ten epochs on all images; for a GPU.',
    spec: {
      version: 1,
      name: 'CHEX, VGG small, half the channels',
      model: { id: 'vgg-small' },
      train: { epochs: 10, batchSize: 128 },
      scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 } },
    },
  },
  {
    id: 'resnet20-macs',
    title: 'ResNet-20 at half the MACs',
    summary: 'Thirty epochs on all images; for a GPU.',
    spec: {
      version: 1,
      name: 'CHEX, ResNet-20, half the MACs',
      model: { id: 'resnet20' },
      train: { epochs: 30, batchSize: 128 },
      scheme: { id: 'chex', budget: { kind: 'macs', keep: 0.5 } },
    },
  },
  {
    id: 'precrop-resnet20',
    title: 'PreCrop on ResNet-20 at half the parameters',
    summary: 'Widths from a convex problem before anything is trained; drag the level to solve it again. For a GPU.',
    spec: {
      version: 1,
      name: 'PreCrop, ResNet-20, half the parameters',
      model: { id: 'resnet20' },
      train: { epochs: 30, batchSize: 128 },
      scheme: { id: 'precrop', budget: { kind: 'parameters', keep: 0.5 } },
    },
  },
  {
    id: 'structured-cnn-small',
    title: 'Structured sparsity on cnn-small',
    summary:
      'The six-convolution network of the follow-up paper, thinned, then strided, at last 5-bit weights. For a GPU.',
    spec: {
      version: 1,
      name: 'Structured sparsity, cnn-small',
      model: { id: 'cnn-small' },
      train: { epochs: 20, batchSize: 128 },
      scheme: { id: 'structured-sparsity', bits: '5' },
    },
  },
];

export interface RacePreset {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  /** The runs of the race, on the same batches. */
  readonly specs: readonly SpecInput[];
}

/** The same setting for each: what it shares, and its own name and scheme. */
const raceOf = (shared: SpecInput, runs: readonly SpecInput[]): readonly SpecInput[] =>
  runs.map((own) => ({ version: 1, seed: 1, ...shared, ...own }));

const HALF_THE_MACS = { kind: 'macs', keep: 0.5 };
const HALF_THE_MACS_RUNS: readonly SpecInput[] = [
  { name: 'CHEX', scheme: { id: 'chex', budget: HALF_THE_MACS } },
  { name: 'Magnitude', scheme: { id: 'magnitude', budget: HALF_THE_MACS } },
  { name: 'Uniform', scheme: { id: 'uniform', budget: HALF_THE_MACS } },
  { name: 'Dense', scheme: { id: 'dense' } },
];

const QUARTER_OF_THE_WEIGHTS = { kind: 'parameters', keep: 0.25 };
const mask = (name: string, pattern: string): SpecInput => ({
  name,
  scheme: { id: 'pai-mask', budget: QUARTER_OF_THE_WEIGHTS, score: 'synflow', pattern },
});

/** One stage in the middle of the run, chosen by magnitude: what is compared is the scale, not the search. */
const scale = (name: string, stage: SpecInput, more: SpecInput = {}): SpecInput => ({
  name,
  scheme: { id: 'structured-sparsity', stages: [{ ...stage, at: 75, choose: 'magnitude' }], ...more },
});

const HALF_THE_WEIGHTS = { kind: 'parameters', keep: 0.5 };

/** Races to start from. */
export const RACES: readonly RacePreset[] = [
  {
    id: 'micro-race',
    title: 'CHEX, magnitude, uniform and dense at half the MACs',
    summary: 'Four runs of the micro network on the same batches, and what the MACs that were left out cost.',
    specs: raceOf(
      {
        model: { id: 'convnet-micro' },
        data: { train: 4_000, test: 500 },
        train: { steps: 300, batchSize: 50, learningRate: 0.1, augment: ['flip'], evaluateEvery: 50 },
      },
      HALF_THE_MACS_RUNS,
    ),
  },
  {
    id: 'resnet20-race',
    title: 'The same race on ResNet-20',
    summary: 'Thirty epochs on all images; for a GPU.',
    specs: raceOf({ model: { id: 'resnet20' }, train: { epochs: 30, batchSize: 128 } }, HALF_THE_MACS_RUNS),
  },
  {
    id: 'which-weights-stay',
    title: 'Which weights stay?',
    summary:
      'A quarter of the weights by SynFlow: its mask, the same count shuffled in each layer, with fresh weights, as ' +
      'whole filters, and as a narrower network.',
    specs: raceOf(
      {
        model: { id: 'convnet-micro' },
        data: { train: 4_000, test: 1_000 },
        train: { steps: 150, batchSize: 32, learningRate: 0.1, augment: ['flip'], evaluateEvery: 50 },
      },
      [
        mask('Scored', 'scored'),
        mask('Shuffled', 'shuffled'),
        mask('Fresh', 'fresh'),
        mask('Filters', 'filters'),
        {
          name: 'Cropped',
          scheme: { id: 'precrop', budget: QUARTER_OF_THE_WEIGHTS, densities: 'synflow' },
        },
      ],
    ),
  },
  {
    id: 'three-scales',
    title: 'Maps, kernels, strides: what saves time?',
    summary:
      'About half of the weights of five convolutions at three scales, and strides without their constraint: all save ' +
      'weights, not all save time.',
    specs: raceOf(
      {
        model: { id: 'plain5' },
        data: { train: 4_000, test: 500 },
        train: { steps: 150, batchSize: 32, learningRate: 0.1, augment: ['flip'], evaluateEvery: 50 },
      },
      [
        scale('Maps', { granularity: 'map', keep: 0.7 }),
        scale('Kernels', { granularity: 'kernel', keep: 0.5 }),
        scale('Strides', { granularity: 'stride', stride: 2 }),
        scale('Free strides', { granularity: 'stride', stride: 2 }, { constraint: false }),
        { name: 'Dense', scheme: { id: 'dense' } },
      ],
    ),
  },
  {
    id: 'precrop-race',
    title: 'PreCrop, uniform, CHEX and dense at half the parameters',
    summary:
      'Widths from the convex problem, before anything is trained, against widths that are found while training.',
    specs: raceOf(
      {
        model: { id: 'convnet-micro' },
        data: { train: 4_000, test: 500 },
        train: { steps: 300, batchSize: 50, learningRate: 0.1, augment: ['flip'], evaluateEvery: 50 },
      },
      [
        { name: 'PreCrop', scheme: { id: 'precrop', budget: HALF_THE_WEIGHTS } },
        { name: 'Uniform', scheme: { id: 'uniform', budget: HALF_THE_WEIGHTS } },
        { name: 'CHEX', scheme: { id: 'chex', budget: HALF_THE_WEIGHTS } },
        { name: 'Dense', scheme: { id: 'dense' } },
      ],
    ),
  },
];
