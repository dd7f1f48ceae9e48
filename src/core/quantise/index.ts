export * from './quantiser.ts';
export * from './storage.ts';
