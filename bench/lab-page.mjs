import { preview } from 'vite';
import { buildPage } from '../scripts/steps/build.mjs';
import { ROOT } from '../scripts/steps/install.mjs';

/** Frames that are looked at, from this step on: what a step needs is compiled by then. */
const FRAMES = 1_000;
const FROM_STEP = 20;
const HALF = { kind: 'macs', keep: 0.5 };
const SCHEMES = [
  { id: 'chex', budget: HALF },
  { id: 'dense' },
  { id: 'magnitude', budget: HALF },
  { id: 'uniform', budget: HALF },
  { id: 'fpgm', budget: HALF },
  { id: 'random', budget: HALF },
];

/** Gaps between the frames of the built page while it trains `job.runs` runs of `job.model`. */
export async function frameGaps(browser, { bench, model, engine, runs }) {
  await buildPage();
  const server = await preview({ root: ROOT, logLevel: 'error', preview: { port: 0 } });
  const page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
  try {
    const specs = SCHEMES.slice(0, runs).map((scheme) => ({
      version: 1,
      name: scheme.id,
      model: { id: model },
      train: { steps: 100_000, batchSize: 50 },
      scheme,
    }));
    const link = encodeURIComponent(JSON.stringify(specs.length === 1 ? specs[0] : specs));
    await page.goto(`${server.resolvedUrls.local[0]}#spec=${link}`);
    await page.waitForSelector('[data-run-state="idle"]', { timeout: 60_000 });
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.waitForFunction(
      (step) => Number(document.querySelector('[data-step]')?.dataset.step) >= step,
      FROM_STEP,
      { timeout: 240_000 },
    );
    const gaps = await page.evaluate(
      (count) =>
        new Promise((resolve) => {
          const found = [];
          let last = performance.now();
          const frame = (now) => {
            found.push(now - last);
            last = now;
            if (found.length < count) requestAnimationFrame(frame);
            else resolve(found.sort((a, b) => a - b));
          };
          requestAnimationFrame(frame);
        }),
      FRAMES,
    );
    const adapter = (await page.locator('.chip[data-backend]').textContent()).replace(/^WebGPU · | · \d+ MB$/g, '');
    const at = (share) => gaps[Math.ceil(share * gaps.length) - 1];
    return [{ bench, model, engine, runs, adapter, median: at(0.5), p95: at(0.95), longest: at(1), n: gaps.length }];
  } finally {
    await page.close();
    await server.close();
  }
}
