import type { Criterion } from '../shared/criterion.ts';
import { rankingScheme } from '../shared/ranked.ts';

/** Scores that fall from the first channel of a layer to the last, so that the first ones stay. */
const firstChannels = (): Criterion => ({
  name: 'place from the last channel',
  measure:
    async () =>
    ({ group }) =>
      Array.from({ length: group.channels }, (_, channel) => group.channels - channel),
});

/** The same share of every layer, from the start: a narrower network (docs/schemes/baselines.md). */
export const uniform = rankingScheme({
  id: 'uniform',
  title: 'Uniform width',
  paper: '',
  summary:
    'Makes every layer narrower by the same share before training, as a width multiplier does: the baseline for every ' +
    'scheme that chooses widths. It keeps the first channels of each layer.',
  defaults: { earliest: 0, at: 'start' },
  criterion: firstChannels,
});
