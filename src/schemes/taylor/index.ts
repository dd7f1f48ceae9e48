import type { OptionField } from '../../core/spec/options.ts';
import { rankingScheme } from '../shared/ranked.ts';
import { taylorCriterion } from './criterion.ts';

const OPTIONS: readonly OptionField[] = [
  {
    key: 'batches',
    type: 'integer',
    label: 'Batches to average over',
    help: 'Mini-batches whose gradients a score averages: those of the latest training steps, seen again by the network as it is.',
    source: 'ours',
    min: 1,
    max: 1_000,
    step: 1,
    default: () => 10,
  },
  {
    key: 'memory',
    type: 'number',
    label: 'Momentum of scores',
    help: 'Share of a score that comes from the prunings before; it matters when there are several.',
    source: 'code',
    min: 0,
    max: 0.999,
    step: 0.1,
    default: () => 0.9,
  },
];

/** First-order Taylor expansion with gates (Molchanov et al., CVPR 2019; docs/schemes/baselines.md). */
export const taylor = rankingScheme({
  id: 'taylor',
  title: 'Taylor (first order)',
  paper: 'Molchanov et al., Importance Estimation for Neural Network Pruning, CVPR 2019',
  summary:
    'Prunes the channels whose removal changes the loss least, by a first-order estimate from the gradients of several ' +
    'mini-batches, ranked over all layers together.',
  defaults: { scope: { value: 'global', source: 'code' }, earliest: 1, at: 'half' },
  options: OPTIONS,
  criterion: taylorCriterion,
});
