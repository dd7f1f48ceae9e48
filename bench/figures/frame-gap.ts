import type { Figure, Job, Row } from '../job.ts';
import { atMost, short } from '../statistics.ts';

/** Made by bench/lab-page.mjs, which drives the built page. */
interface FrameGapRow extends Row {
  readonly adapter: string;
  /** Runs that race, on identical batches. */
  readonly runs: number;
  /** Milliseconds between two frames, over `n` of them. */
  readonly median: number;
  readonly p95: number;
  readonly longest: number;
  readonly n: number;
}

/** Most milliseconds, on a software adapter; a GPU keeps 50 frames a second. */
const SOFTWARE_TARGET = 60;
const GPU_TARGET = 20;

/** Gaps between the frames of the page while it trains in smooth mode: one run, and a race of six. */
export const frameGap: Figure<FrameGapRow> = {
  name: 'frame-gap',

  jobs: () => [1, 6].map((runs): Job => ({ bench: 'frame-gap', model: 'convnet-micro', engine: 'espalier', runs })),

  measure: () => Promise.reject(new Error('frames are those of the built page in Chromium')),

  lines: (rows) => [
    `Gaps between frames while training, ${rows[0]?.model}, ${rows[0]?.adapter}`,
    ...rows.map(({ runs, median, p95, longest, n, adapter }) => {
      const target = /swiftshader|llvmpipe|lavapipe/i.test(adapter) ? SOFTWARE_TARGET : GPU_TARGET;
      return `  ${runs} ${runs === 1 ? 'run ' : 'runs'}  ${short(p95)} ms at p95 of ${n} (${atMost(p95, target, ' ms')}), median ${short(median)} ms, longest ${short(longest)} ms`;
    }),
  ],
};
