// npm run bench: training images a second of our engine and of named peers, same adapter, same data, same run.
// Options: --json (one object a line), --model plain5,resnet20, --engine espalier,tfjs-webgpu
import { chromium } from 'playwright';
import { createServer } from 'vite';
import { CHROMIUM_FLAGS, findChromium } from '../scripts/steps/browser.mjs';
import { ROOT } from '../scripts/steps/install.mjs';
import { say } from '../scripts/steps/say.mjs';

/** What is measured: smaller batches and fewer samples where a peer needs half a minute a step. */
const PLAN = [
  { model: 'plain5', batch: 64, engines: ['espalier', 'tfjs-webgpu', 'tfjs-webgl'], samples: 3 },
  { model: 'vgg-small', batch: 16, engines: ['espalier', 'tfjs-webgpu'], samples: 2 },
  { model: 'resnet20', batch: 16, engines: ['espalier', 'tfjs-webgpu'], samples: 1 },
];
/** Shares of the MACs at which the compact network is timed against the dense one. */
const SHARES = [1, 0.75, 0.5, 0.25];

export async function bench(argv) {
  const json = argv.includes('--json');
  const wanted = (name) => {
    const at = argv.indexOf(`--${name}`);
    return at < 0 ? null : (argv[at + 1] ?? '').split(',');
  };
  const [models, engines] = [wanted('model'), wanted('engine')];
  const server = await createServer({ root: ROOT, logLevel: 'error', server: { port: 0, strictPort: false } });
  await server.listen();
  const address = new URL('bench/bench.html', server.resolvedUrls.local[0]).href;
  const executablePath = await findChromium();
  const flags =
    process.env['ESPALIER_GPU'] === '1'
      ? CHROMIUM_FLAGS.filter((flag) => !flag.includes('swiftshader'))
      : CHROMIUM_FLAGS;
  const browser = await chromium.launch({ executablePath, args: flags });

  /** Each measurement gets a page of its own: a peer's memory and compiled kernels must not weigh on the next. */
  const inPage = async (job) => {
    const page = await browser.newPage();
    page.on('pageerror', (error) => say(`page: ${error.message}`));
    await page.goto(address);
    await page.waitForFunction('window.bench', null, { timeout: 120_000 });
    const result = await page.evaluate((given) => window.bench(given), job);
    await page.close();
    if (json) console.log(JSON.stringify(result));
    return result;
  };

  for (const { model, batch, engines: planned, samples } of PLAN) {
    if (models && !models.includes(model)) continue;
    const results = [];
    for (const engine of planned) {
      if (engines && !engines.includes(engine)) continue;
      say(`${model}, batch ${batch}: ${engine} ...`);
      results.push(await inPage({ bench: 'train', model, engine, batch, samples }));
    }
    if (!json) table(`Training, ${model}, batch ${batch}, ${results[0]?.adapter ?? ''}`, results);
  }
  if ((!models || models.includes('vgg-small')) && (!engines || engines.includes('espalier'))) {
    const results = [];
    for (const share of SHARES)
      results.push(
        await inPage({ bench: 'compact', model: 'vgg-small', engine: 'espalier', batch: 16, share, samples: 5 }),
      );
    if (!json) compactTable(results);
  }
  await browser.close();
  await server.close();
}

function table(title, results) {
  const ours = results.find(({ engine }) => engine === 'espalier');
  console.log(`\n${title}`);
  for (const { engine, imagesPerSecond, n, milliseconds } of results) {
    const ratio =
      ours && engine !== 'espalier'
        ? `, espalier is ${(ours.imagesPerSecond / imagesPerSecond).toFixed(1)} times as fast`
        : '';
    console.log(
      `  ${engine.padEnd(12)} ${imagesPerSecond.toFixed(2).padStart(9)} images/s  (${milliseconds.toFixed(0)} ms a step, median of ${n})${ratio}`,
    );
  }
}

function compactTable(results) {
  const dense = results[0]?.milliseconds ?? 1;
  console.log(`\nTraining step of the compact network, vgg-small, batch 16 (uniform crop)`);
  for (const { macShare, milliseconds, n } of results) {
    console.log(
      `  ${(macShare * 100).toFixed(0).padStart(3)} % of the MACs  ${milliseconds.toFixed(0).padStart(6)} ms a step, ${((100 * milliseconds) / dense).toFixed(0)} % of the dense step (median of ${n})`,
    );
  }
}
