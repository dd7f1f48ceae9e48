export * from './crop.ts';
export * from './infeasible.ts';
export * from './layers.ts';
export { type CropRequest, problemOf } from './problem.ts';
export * from './ratios.ts';
export * from './report.ts';
export * from './water-fill.ts';
