import { random4, toUnit } from '../../core/random/random.ts';
import type { MakeCriterion } from '../shared/criterion.ts';
import { rankingScheme } from '../shared/ranked.ts';

/** Uniform random scores: a function of the seed, the step, the layer and the channel alone. */
const randomScores: MakeCriterion = ({ seed }, layers) => {
  const indexOf = new Map(layers.map(({ group }, index) => [group.id, index]));
  return {
    name: 'random score',
    measure:
      async ({ step }) =>
      ({ group }) =>
        Float64Array.from({ length: group.channels }, (_, channel) => {
          // Layers have fewer than 65,536 channels, so counters never meet.
          const [bits] = random4(seed, 'prune', step, (indexOf.get(group.id) ?? 0) * 65_536 + channel);
          return toUnit(bits);
        }),
  };
};

/** Channels drawn at random: an honest floor (docs/schemes/baselines.md). */
export const random = rankingScheme({
  id: 'random',
  title: 'Random',
  paper: '',
  summary:
    'Prunes channels drawn at random, half-way through training: what any score must beat. The seed decides the draw.',
  defaults: { scope: { value: 'local', source: 'ours' }, earliest: 0, at: 'half' },
  criterion: randomScores,
});
