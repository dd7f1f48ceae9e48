import type { OptionField } from '../../core/spec/options.ts';
import type { Scheme } from '../../core/scheme/scheme.ts';
import { SCORE_SOURCES, type ScoreSource } from '../shared/scores/index.ts';
import { PATTERNS, type Pattern } from './patterns.ts';
import { MaskRun } from './run.ts';

const SCORE_LABELS: Readonly<Record<ScoreSource, string>> = {
  synflow: 'SynFlow (no data)',
  snip: 'SNIP (gradient of the loss)',
  grasp: 'GraSP (gradient flow)',
  magnitude: 'Magnitude of the weights',
  random: 'Random',
};
const PATTERN_LABELS: Readonly<Record<Pattern, string>> = {
  scored: 'As scored',
  shuffled: 'Shuffled in each layer',
  fresh: 'Shuffled, with fresh weights',
  filters: 'Whole filters at random',
};

const OPTIONS: readonly OptionField[] = [
  {
    key: 'score',
    type: 'choice',
    label: 'Score',
    help: 'What ranks the weights of all layers together before the first step; the highest stay. It decides how many each layer keeps.',
    source: 'ours',
    choices: SCORE_SOURCES.map((value) => ({ value, label: SCORE_LABELS[value] })),
    default: () => 'synflow',
  },
  {
    key: 'pattern',
    type: 'choice',
    label: 'Pattern',
    help: 'Which weights of a layer stay, as many as its score says: those it ranks highest, others at random (with the same or with fresh weights), or whole filters at random.',
    source: 'ours',
    choices: PATTERNS.map((value) => ({ value, label: PATTERN_LABELS[value] })),
    default: () => 'scored',
  },
  {
    key: 'passes',
    type: 'integer',
    label: 'SynFlow passes',
    help: 'Times that SynFlow scores and prunes, a little each time; with one pass whole layers may vanish. Other scores take one.',
    source: 'ours',
    min: 1,
    max: 1_000,
    step: 1,
    default: () => 30,
  },
];

/** Weight masks at initialisation, and the same densities in other patterns (docs/schemes/pai-mask.md). */
export const paiMask: Scheme = {
  id: 'pai-mask',
  title: 'Weight mask at start',
  paper:
    'Tanaka et al., Pruning neural networks without any data by iteratively conserving synaptic flow, NeurIPS 2020; ' +
    'Lee et al., SNIP, ICLR 2019; Wang et al., GraSP, ICLR 2020',
  summary:
    'Scores single weights before the first step, sets the lowest to zero for good and trains the rest. No channel ' +
    'leaves: the network stays as large, and every step costs the full time and MACs. Shuffled and filter patterns test ' +
    'whether it matters which weights of a layer stay.',
  budgets: ['parameters'],
  options: OPTIONS,
  start: (context) => new MaskRun(context),
};
