import { httpSource } from '../src/data/cifar10.ts';
import { figureOf } from './figures/index.ts';
import { firstImages } from './images.ts';
import type { Job, Row } from './job.ts';

/** Makes one measurement in this page. */
async function bench(job: Job): Promise<readonly Row[]> {
  const source = httpSource(new URL('/data/', location.href).href);
  return figureOf(job.bench).measure(job, { gpu: undefined, images: (count) => firstImages(source, count) });
}

declare global {
  interface Window {
    bench: typeof bench;
  }
}
window.bench = bench;
