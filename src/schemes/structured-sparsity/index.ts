import type { Scheme } from '../../core/scheme/scheme.ts';
import { OPTIONS, check } from './options.ts';
import { StructuredSparsityRun } from './run.ts';

/** Maps, kernels and strided taps, searched for as whole masks (docs/schemes/structured-sparsity.md). */
export const structuredSparsity: Scheme = {
  id: 'structured-sparsity',
  title: 'Structured sparsity',
  paper:
    'Anwar, Hwang, Sung, "Structured Pruning of Deep Convolutional Neural Networks", ACM JETC 13(3), 2017 (arXiv 1512.08571)',
  summary:
    'Prunes at three scales, coarse to fine: feature maps, kernels, and strided taps inside kernels. A particle filter ' +
    'tries whole masks on held-out images; then the network retrains. At last weights may be quantised.',
  budgets: [],
  options: OPTIONS,
  check,
  start: (context) => new StructuredSparsityRun(context),
};
