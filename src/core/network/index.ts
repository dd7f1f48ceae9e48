export * from './compact.ts';
export * from './counts.ts';
export * from './groups.ts';
export * from './initialise.ts';
export * from './network.ts';
export * from './parameters.ts';
export * from './structure.ts';
export * from './zoo.ts';
