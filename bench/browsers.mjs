import { chromium } from 'playwright';
import { CHROMIUM_FLAGS, findChromium } from '../scripts/steps/browser.mjs';
import { say } from '../scripts/steps/say.mjs';
import { frameGaps } from './lab-page.mjs';

/**
 * Chromium, in which each measurement gets a page of its own: a peer's memory and compiled kernels must not weigh on the
 * next. ESPALIER_GPU=1 lets it use the machine's GPU.
 */
export async function openBrowsers(server) {
  const address = new URL('bench/bench.html', server.resolvedUrls.local[0]).href;
  const executablePath = await findChromium();
  const onGpu = process.env['ESPALIER_GPU'] === '1';
  const args = CHROMIUM_FLAGS.filter((flag) => !(onGpu && flag.includes('swiftshader')));
  if (onGpu) args.push('--enable-features=Vulkan', '--ignore-gpu-blocklist');
  const launch = () => chromium.launch({ executablePath, args });
  let browser = await launch();

  const measure = async (job) => {
    const page = await browser.newPage();
    try {
      page.on('pageerror', (error) => say(`page: ${error.message}`));
      await page.goto(address);
      await page.waitForFunction('window.bench', null, { timeout: 120_000 });
      return await page.evaluate((given) => window.bench(given), job);
    } finally {
      await page.close().catch(() => undefined);
    }
  };
  return {
    async run(job) {
      // A peer may have taken the browser down with it.
      if (job.fresh || !browser.isConnected()) {
        await browser.close();
        browser = await launch();
      }
      return job.runs ? frameGaps(browser, job) : measure(job);
    },
    close: () => browser.close(),
  };
}
