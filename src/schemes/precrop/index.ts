import { crop } from '../../core/density/index.ts';
import { withWidths } from '../../core/network/index.ts';
import type { Scheme } from '../../core/scheme/scheme.ts';
import { OPTIONS, check, requestOf } from './options.ts';
import { PreCropRun } from './run.ts';

/** Structured pruning at initialisation (docs/schemes/precrop.md). */
export const precrop: Scheme = {
  id: 'precrop',
  title: 'PreCrop',
  paper: 'Cai et al., "Structured Pruning is All You Need for Pruning CNNs at Initialization", 2022 (arXiv 2203.02549)',
  summary:
    'Works out how many weights each layer should keep before anything is trained, without data or weights, and trains ' +
    'the narrower network from fresh weights.',
  budgets: ['parameters', 'macs'],
  severalBudgets: true,
  options: OPTIONS,
  check,
  network({ network, budget, options }) {
    if (options['preConfig'] !== true) return network;
    // Groups that are cropped have one convolution each, after which they are called.
    return withWidths(network, Object.fromEntries(crop(requestOf(network, budget, options)).widths));
  },
  start: (context) => new PreCropRun(context),
};
