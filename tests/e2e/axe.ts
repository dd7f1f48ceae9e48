import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright';

/** Switches the theme and waits until the page has. */
export async function useTheme(page: Page, colorScheme: 'light' | 'dark'): Promise<void> {
  await page.emulateMedia({ colorScheme });
  await page.waitForSelector(`[data-mantine-color-scheme="${colorScheme}"]`);
}

/** What axe finds in a part of the page as it stands (a selector; default: all of it): each with the elements. */
export async function axeFindings(page: Page, within = 'html'): Promise<readonly string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) {
    await page.evaluate(await readFile('node_modules/axe-core/axe.min.js', 'utf8'));
  }
  // Contrast is that of the colours that a change of theme fades to.
  await page.waitForFunction(() => document.getAnimations().every(({ playState }) => playState !== 'running'));
  return page.evaluate(async (where) => {
    const { axe } = globalThis as unknown as {
      axe: { run(within: string): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run(where);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  }, within);
}

/** The same in both themes. */
export async function axeFindingsInBothThemes(page: Page, within?: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const colorScheme of ['dark', 'light'] as const) {
    await useTheme(page, colorScheme);
    found.push(...(await axeFindings(page, within)).map((finding) => `${colorScheme} ${finding}`));
  }
  return found;
}
