import { readFile } from 'node:fs/promises';
import { type Browser, type Page, chromium } from 'playwright';
import { type PreviewServer, preview } from 'vite';
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/steps/browser.mjs';
import type { RunResult } from '../../src/core/events/history.ts';

/** The built page in a real browser. */
export class BuiltPage {
  private constructor(
    readonly server: PreviewServer,
    readonly browser: Browser,
    readonly address: string,
  ) {}

  /** `base`: the path below which a server offers the site. */
  static async open(flags: readonly string[] = CHROMIUM_FLAGS, base = '/'): Promise<BuiltPage> {
    const server = await preview({ logLevel: 'error', base, preview: { port: 0 } });
    const address = new URL(base, server.resolvedUrls?.local[0] ?? '').href;
    const executablePath = await findChromium();
    const browser = await chromium.launch({ args: [...flags], ...(executablePath ? { executablePath } : {}) });
    return new BuiltPage(server, browser, address);
  }

  /** A fresh visit; errors of the page fail the test that asks for them. */
  async visit(fragment = ''): Promise<{ page: Page; errors: string[] }> {
    const page = await this.browser.newPage({ viewport: { width: 1_440, height: 900 } });
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    // Of the page and of its workers: whatever its own policy forbids, it must not try.
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) errors.push(message.text());
    });
    await page.goto(this.address + fragment);
    return { page, errors };
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.close();
  }
}

/** Address fragment of a spec. */
export const linkOf = (spec: unknown): string => `#spec=${encodeURIComponent(JSON.stringify(spec))}`;

export const waitForState = (page: Page, state: string, timeout = 120_000): Promise<unknown> =>
  page.waitForSelector(`[data-run-state="${state}"]`, { timeout });

export const waitForStep = (page: Page, step: number, timeout = 240_000): Promise<unknown> =>
  page.waitForFunction(
    (wanted) => Number(document.querySelector<HTMLElement>('[data-step]')?.dataset['step']) >= wanted,
    step,
    { timeout },
  );

export const press = (page: Page, name: string): Promise<void> =>
  page.getByRole('button', { name, exact: true }).click();

/** The file of an entry of the menu "Export": what it is called and holds. */
export async function downloaded(page: Page, item: string): Promise<{ name: string; bytes: Buffer }> {
  const download = page.waitForEvent('download');
  await press(page, 'Export');
  await page.getByRole('menuitem', { name: item, exact: true }).click();
  const file = await download;
  // The menu gives the focus back as it closes.
  await page.getByRole('menu').waitFor({ state: 'detached' });
  return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
}

/** The history of the selected run, as the page exports it (of a race all runs in sight). */
export async function exported(page: Page): Promise<RunResult> {
  const { bytes } = await downloaded(page, 'Results (JSON)');
  const results = [JSON.parse(bytes.toString('utf8')) as RunResult | RunResult[]].flat();
  const name = await page.locator('.header-run').textContent();
  const [result, ...others] = results.filter(({ spec }) => spec.name === name);
  if (!result || others.length > 0) throw new Error(`${1 + others.length} exported runs are called ${name}`);
  return result;
}

/** Kept and total channels by layer, read off the labels of the map's rows. */
export async function mapWidths(page: Page): Promise<Record<string, number>> {
  const labels = await page
    .locator('[aria-label$=" channels"]')
    .evaluateAll((rows) => rows.map((row) => row.ariaLabel ?? ''));
  return Object.fromEntries(
    labels.map((label) => {
      const [, layer = '', kept = ''] = /^(.+): (\d+) of \d+ channels$/.exec(label) ?? [];
      return [layer, Number(kept)];
    }),
  );
}
