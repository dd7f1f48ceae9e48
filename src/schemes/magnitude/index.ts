import { denseStructure } from '../../core/network/index.ts';
import type { OptionField } from '../../core/spec/options.ts';
import type { MakeCriterion } from '../shared/criterion.ts';
import { kernelsOf, l1Norms } from '../shared/l1-norm.ts';
import { rankingScheme } from '../shared/ranked.ts';

const INPUTS: OptionField = {
  key: 'inputs',
  type: 'choice',
  label: 'Kernels that count',
  help: 'Greedy: those of input channels that are still there. Independent: those of all input channels, as they were when last used.',
  source: 'ours',
  choices: [
    { value: 'greedy', label: 'Greedy (paper)' },
    { value: 'independent', label: 'Independent (paper)' },
  ],
  default: () => 'greedy',
};

const filterNorms: MakeCriterion = ({ network, options }, layers) => ({
  name: 'L1 norm',
  measure: async ({ read }) => {
    const tensors = await read(kernelsOf(layers));
    const dense = denseStructure(network);
    return (layer, structure) => l1Norms(layer, tensors, options['inputs'] === 'independent' ? dense : structure);
  },
});

/** L1-norm filter pruning (Li et al., ICLR 2017; docs/schemes/baselines.md). */
export const magnitude = rankingScheme({
  id: 'magnitude',
  title: 'L1 norm',
  paper: 'Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017',
  summary: 'Prunes the filters whose weights are smallest in sum of absolute values, the same share in every layer.',
  defaults: { scope: { value: 'local', source: 'paper' }, earliest: 0, at: 'half' },
  options: [INPUTS],
  criterion: filterNorms,
});
