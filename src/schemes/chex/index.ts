import type { Scheme } from '../../core/scheme/scheme.ts';
import { checkChex, chexOptions } from './options.ts';
import { ChexRun } from './run.ts';

/** Channel exploration (Hou et al., CVPR 2022), as docs/schemes/chex.md describes it. */
export const chex: Scheme = {
  id: 'chex',
  title: 'CHEX',
  paper: 'Hou et al., CHEX: CHannel EXploration for CNN Model Compression, CVPR 2022',
  summary:
    'Prunes and regrows channels while the network trains from scratch: BN scales say how many each layer deserves, ' +
    'leverage scores which, and what the kept ones do not span may come back.',
  budgets: ['channels', 'macs', 'parameters'],
  options: chexOptions,
  check: checkChex,
  start: (context) => new ChexRun(context),
};
