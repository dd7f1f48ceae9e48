import { build } from 'vite';

/** Builds the page once before the end-to-end tests. */
export default async function setup(): Promise<void> {
  await build({ logLevel: 'warn' });
}
