export * from './best-of-n.ts';
export * from './particle-filter.ts';
export * from './resampling.ts';
export type { Operations, Scorer, SearchOptions, SearchResult, SearchRound } from './search.ts';
