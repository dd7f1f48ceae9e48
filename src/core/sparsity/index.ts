export * from './clean-up.ts';
export * from './layers.ts';
export * from './magnitude.ts';
export * from './masks.ts';
export * from './offsets.ts';
export * from './patterns.ts';
export * from './sizes.ts';
export * from './weight-masks.ts';
