export * from './crop.ts';
export * from './header.ts';
