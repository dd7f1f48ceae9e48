import type { RunView } from '../../core/events/view.ts';

/** The scheme whose runs have stages. */
const SCHEME = 'structured-sparsity';
export const hasStages = (scheme: string, live: Pick<RunView, 'stages'>): boolean =>
  scheme === SCHEME || live.stages.length > 0;

/** The cards of a run with stages, in the order in which they are offered. */
export const STAGE_CARDS = ['kernels', 'matrices', 'search', 'stages', 'savings'] as const;
export type StageCardName = (typeof STAGE_CARDS)[number];

export const isStageCard = (name: string): name is StageCardName => STAGE_CARDS.some((card) => card === name);
