import { keptOf } from '../../core/network/index.ts';
import type { MakeCriterion } from '../shared/criterion.ts';
import { columnsOf } from '../shared/columns.ts';
import { kernelsOf } from '../shared/l1-norm.ts';
import { meanOverProducers } from '../shared/layers.ts';
import { rankingScheme } from '../shared/ranked.ts';
import { distanceSums } from './distance.ts';

const distances: MakeCriterion = (_, layers) => ({
  name: 'distance to the other filters',
  measure: async ({ read, structure: running }) => {
    const tensors = await read(kernelsOf(layers));
    return (layer) =>
      meanOverProducers(layer, (producer) =>
        distanceSums(columnsOf(producer, tensors, running), keptOf(running, layer.group)),
      );
  },
});

/** Filter pruning via geometric median (He et al., CVPR 2019; docs/schemes/baselines.md). */
export const fpgm = rankingScheme({
  id: 'fpgm',
  title: 'Geometric median (FPGM)',
  paper:
    'He et al., Filter Pruning via Geometric Median for Deep Convolutional Neural Networks Acceleration, CVPR 2019',
  summary:
    'Prunes the filters closest to all the others of their layer: what the others can stand in for, not what is small.',
  defaults: { scope: { value: 'local', source: 'paper' }, earliest: 0, at: 'half' },
  criterion: distances,
});
