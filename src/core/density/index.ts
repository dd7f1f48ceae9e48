export * from './crop.ts';
export * from './infeasible.ts';
export * from './layers.ts';
export * from './ratios.ts';
export * from './report.ts';
export * from './water-fill.ts';
