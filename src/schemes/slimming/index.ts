import { parametersOf } from '../../core/network/index.ts';
import type { OptionField } from '../../core/spec/options.ts';
import type { MakeCriterion } from '../shared/criterion.ts';
import { meanOverProducers, normsOf } from '../shared/layers.ts';
import { rankingScheme } from '../shared/ranked.ts';

const TITLE = 'Network slimming';

const STRENGTH: OptionField = {
  key: 'strength',
  type: 'number',
  label: 'Penalty on BN scales',
  help: 'Strength s of the L1 penalty until the last pruning. The code has 1e-4 for VGG and 1e-5 for ResNet in 160 epochs; short runs need more.',
  source: 'ours',
  min: 0,
  max: 1,
  step: 1e-4,
  default: () => 1e-3,
};

/** |BN scale|, with a penalty that adds s sign(gamma) to the gradient of every BN scale of the network. */
const scales: MakeCriterion = ({ network, options }, layers) => {
  const norms = normsOf(network, layers, TITLE);
  const strength = Number(options['strength']);
  const gammas = parametersOf(network).filter(({ role }) => role === 'gamma');
  return {
    name: '|BN scale|',
    measure: async ({ read }) => {
      const tensors = await read(norms.map((norm) => `${norm}/gamma`));
      return (layer) =>
        meanOverProducers(layer, ({ norm }) => (tensors.get(`${norm}/gamma`) ?? new Float32Array()).map(Math.abs));
    },
    rules: new Map(gammas.map(({ name }) => [name, { penalty: { kind: 'l1', strength } }])),
  };
};

/** Network slimming (Liu et al., ICCV 2017; docs/schemes/baselines.md). */
export const slimming = rankingScheme({
  id: 'slimming',
  title: TITLE,
  paper: 'Liu et al., Learning Efficient Convolutional Networks through Network Slimming, ICCV 2017',
  summary:
    'Trains with an L1 penalty that pulls BN scales towards zero, then prunes the channels with the smallest ones, ' +
    'ranked over all layers together.',
  defaults: { scope: { value: 'global', source: 'paper' }, earliest: 1, at: 'half' },
  options: [STRENGTH],
  criterion: scales,
});
