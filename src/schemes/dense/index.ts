import type { Scheme } from '../../core/scheme/scheme.ts';

/** Prunes nothing: the network that every other scheme is compared with. */
export const dense: Scheme = {
  id: 'dense',
  title: 'Dense',
  paper: '',
  summary: 'Trains the whole network and prunes nothing: what the other schemes are compared with.',
  budgets: [],
  options: [],
  start: () => ({
    dueAt: () => false,
    decide: async (_, structure) => ({ structure, reasons: [] }),
    state: () => null,
    restore: () => undefined,
  }),
};
