import { leverageScores } from '../../core/linalg/gram.ts';
import { type Structure, type Tensors, keptOf } from '../../core/network/index.ts';
import { columnsOf, l1Norm } from '../shared/columns.ts';
import { largest } from '../shared/ranking.ts';
import { type ChexLayer, fanIn } from './layers.ts';

export interface LayerChoice {
  /** Channels kept by column subset selection, ascending. */
  readonly kept: readonly number[];
  /** Score of every channel: leverage, or the L1 norm in wide layers; 0 where the channel was off. */
  readonly scores: ArrayLike<number>;
  readonly score: 'leverage' | 'L1 norm';
}

/**
 * Column subset selection (CHEX, Algorithm 2): the `count` channels with the largest leverage in the layer's masked
 * weights. Channels that are off have zero weights there and lose to every active one. Wide layers (fan-in smaller than
 * the width) use the L1 norm, as the released code does.
 */
export function selectChannels(layer: ChexLayer, count: number, tensors: Tensors, structure: Structure): LayerChoice {
  const columns = columnsOf(layer, tensors, structure);
  const active = keptOf(structure, layer.group);
  const activeColumns = active.map((channel) => columns[channel] ?? []);
  const wide = fanIn(layer) < layer.group.channels;
  const activeScores = wide ? activeColumns.map(l1Norm) : leverageScores(activeColumns, count);
  const scores = new Float64Array(layer.group.channels);
  // Below every active channel, so that one that is off is taken only when all active ones are.
  const order = new Float64Array(layer.group.channels).fill(-1);
  active.forEach((channel, k) => {
    scores[channel] = activeScores[k] ?? 0;
    order[channel] = activeScores[k] ?? 0;
  });
  return { kept: largest(order, count), scores, score: wide ? 'L1 norm' : 'leverage' };
}
