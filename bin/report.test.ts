import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { type Browser, type Page, chromium } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM_FLAGS, findChromium } from '../scripts/steps/browser.mjs';
import { quadraticEngine, smallSpec, smallTraining } from '../src/lab/testing.ts';
import type { WrittenResult } from './run-folder.ts';
import { EXIT } from './around.ts';
import { Workplace } from './testing.ts';

/** A name that would do harm in a page that took it for markup. */
const NASTY = `<script>alert(1)</script>"'><img src=x onerror=alert(2)> & co`;

const place = new Workplace();
let browser: Browser;
let page: Page;
let text: string;
const requested: string[] = [];

/** Changes a result as another machine would have written it. */
async function changed(from: string, to: string, change: (result: WrittenResult) => WrittenResult): Promise<void> {
  await place.write(`${to}/result.json`, JSON.stringify(change(await place.result(from))));
}

beforeAll(async () => {
  // Accuracies that follow from what was trained, so that seeds differ.
  const accuracy = (parameters: ReadonlyMap<string, Float32Array>): number => {
    const sum = [...parameters.values()].reduce((all, values) => all + (values[0] ?? 0), 0);
    return 0.5 + 0.4 * Math.sin(sum);
  };
  const scheme = smallSpec().scheme;
  const sweep = {
    ...smallSpec(),
    name: 'half',
    seed: [1, 2, 3],
    scheme: [{ id: 'dense' }, { ...scheme, budget: { kind: 'macs', keep: [0.75, 0.5] } }],
  };
  await place.write('sweep.json', sweep);
  expect((await place.call(['sweep', 'sweep.json', '--out', 'sweep'], { accuracy })).code).toBe(EXIT.done);
  await place.write('nasty.json', smallSpec({ name: NASTY.slice(0, 80) }));
  await place.call(['run', 'nasty.json', '--out', 'single']);
  await place.write('wild.json', smallSpec({ name: 'wild', train: smallTraining({ learningRate: 90, warmup: 0 }) }));
  await place.call(
    ['run', 'wild.json', '--out', 'wild'],
    {},
    { openEngine: async () => ({ engine: quadraticEngine() }) },
  );
  const adapter = { backend: 'webgpu', vendor: 'acme', architecture: 'one', description: 'ACME One' } as const;
  await changed('sweep/scheme=dense_seed=1', 'elsewhere/dense', (result) => ({ ...result, adapter }));
  await place.write('sweep/broken/result.json', '{"spec":');

  const { code, err } = await place.call([
    'report',
    'sweep',
    'single',
    'wild',
    'elsewhere',
    '--out',
    'pages/report.html',
    '--title',
    'R & D <1>',
  ]);
  expect([code, err]).toEqual([EXIT.done, ['sweep/broken/result.json is damaged or no result; it is left out.']]);
  text = await place.read('pages/report.html');
  const executablePath = await findChromium();
  browser = await chromium.launch({ args: [...CHROMIUM_FLAGS], ...(executablePath ? { executablePath } : {}) });
  page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
  page.on('request', (request) => requested.push(request.url()));
  await page.goto(pathToFileURL(place.path('pages/report.html')).href);
}, 120_000);
afterAll(async () => {
  await browser.close();
  await place.remove();
});

/** The cells of a table, as a browser reads them, by the headings of its columns. */
const tableOf = (id: string): Promise<readonly Record<string, string>[]> =>
  page.$eval(`#${id}`, (table) => {
    const cells = (row: Element): string[] => [...row.children].map((cell) => (cell.textContent ?? '').trim());
    const heads = [...table.querySelectorAll('thead tr')].flatMap(cells);
    const rows = [...table.querySelectorAll('tbody tr')].map(cells);
    return rows.map((row) =>
      Object.fromEntries(row.map((cell, i) => [`${heads.indexOf(heads[i] ?? '') === i ? '' : '2 '}${heads[i]}`, cell])),
    );
  });

const percent = (share: number): string => `${Number((100 * share).toFixed(2))} %`;

describe('a report, read by a browser', () => {
  test('has a row for every run with the numbers of its result.json', async () => {
    const rows = await tableOf('runs');
    expect(rows.length).toBe(9 + 1 + 1 + 1);
    for (const row of rows) {
      const { spec, final, history, adapter } = await place.result(row['Folder'] ?? '');
      expect(row).toMatchObject({
        Run: spec.name,
        Seed: String(spec.seed),
        Steps: String(history.length),
        'Test accuracy': final.testAccuracy === undefined ? '–' : percent(final.testAccuracy),
        MACs: final.macs.toLocaleString('en'),
        Parameters: final.parameters.toLocaleString('en'),
        Adapter: `${adapter.description} (${adapter.backend})`,
      });
      expect(row['State']).toMatch(row['Folder'] === 'wild' ? /^diverged: .*half the learning rate/ : /^done$/);
    }
  });

  test('puts runs that differ by seed alone in one row: mean, least and most', async () => {
    const rows = await tableOf('results');
    expect(rows.map((row) => row['Spec'])).toEqual([
      '1. half, scheme chex, keep 0.5',
      '2. half, scheme chex, keep 0.75',
      '3. half, scheme dense',
      `4. ${NASTY.slice(0, 80)}`,
      '5. wild',
      '6. half, scheme dense, seed 1',
    ]);
    const results = await Promise.all([1, 2, 3].map((seed) => place.result(`sweep/scheme=chex_keep=0.5_seed=${seed}`)));
    const accuracies = results.map(({ final }) => final.testAccuracy ?? NaN);
    expect(new Set(accuracies).size).toBe(3);
    const mean = accuracies.reduce((a, b) => a + b) / 3;
    const macs = results.map(({ final }) => final.macs);
    expect(rows[0]).toMatchObject({
      Scheme: 'chex',
      Budget: '50 % of MACs',
      Seeds: '1, 2, 3',
      'Test accuracy': `${percent(mean)} (${percent(Math.min(...accuracies))} to ${percent(Math.max(...accuracies))})`,
    });
    expect(rows[0]?.['MACs']).toContain(Math.round(macs.reduce((a, b) => a + b) / 3).toLocaleString('en'));
    expect(rows[2]).toMatchObject({ Scheme: 'dense', Budget: '–', Share: '100 %', '2 Share': '100 %' });
    // A diverged run has no end to speak of.
    expect(rows[4]).toMatchObject({ Seeds: '5 (0 of 1 finished)', 'Test accuracy': '–', MACs: '–' });
  });

  test('keeps adapters apart and says so', async () => {
    expect(await page.locator('.notice').textContent()).toMatch(/come from 2 adapters/);
    const rows = await tableOf('results');
    expect(rows.map((row) => row['Adapter'])).toEqual([
      ...Array.from({ length: 5 }, () => 'a quadratic (tfjs)'),
      'ACME One (webgpu)',
    ]);
  });

  test('draws the curve of every spec and a mark for each at its means', async () => {
    const titles = await page.locator('figcaption').allTextContents();
    expect(titles).toEqual([
      'Accuracy against MACs',
      'Accuracy against parameters',
      'Accuracy against latency',
      'Accuracy over steps',
    ]);
    const marks = page.locator('figure').first().locator('.mark');
    expect(await marks.count()).toBe(5);
    // Fewer MACs stand further left.
    const centre = async (index: number): Promise<number> => {
      const box = await marks.nth(index).boundingBox();
      return (box?.x ?? NaN) + (box?.width ?? NaN) / 2;
    };
    expect(await centre(0)).toBeLessThan(await centre(1));
    expect(await centre(1)).toBeLessThan(await centre(2));
    const curves = page.locator('figure').last().locator('.curve');
    expect(await curves.count()).toBe(5);
    // Evaluations on steps 7, 14, 21 and 23.
    expect(((await curves.first().getAttribute('points')) ?? '').split(' ').length).toBe(4);
  });

  test('shows each spec whole, and in what they differ', async () => {
    const shown = await page.locator('details pre').allTextContents();
    const { spec } = await place.result('sweep/scheme=chex_keep=0.5_seed=1');
    expect(JSON.parse(shown[0] ?? '')).toEqual(spec);
    const differences = await tableOf('differences');
    expect(differences.map((row) => row['Key'])).toContain('scheme.budget.keep');
    expect(differences.map((row) => row['Key'])).not.toContain('seed');
  });

  test('is one file without script, and takes nothing from anywhere', async () => {
    expect(text).not.toMatch(/<script|<img|<link|\son\w+=["']|javascript:|url\(|@import|https?:/i);
    const elements = await page.evaluate(() => [
      ...new Set([...document.querySelectorAll('*')].map(({ localName }) => localName)),
    ]);
    for (const element of ['script', 'img', 'link', 'iframe', 'object']) expect(elements).not.toContain(element);
    expect(requested).toEqual([page.url()]);
    expect(await page.title()).toBe('R & D <1>');
    expect(await page.locator('h1').textContent()).toBe('R & D <1>');
  });

  test.each(['light', 'dark'] as const)('axe finds nothing in the %s theme', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    const axe = await readFile(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
    const found = await page.evaluate(
      `${axe}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))`,
    );
    expect(found).toEqual([]);
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(background).toBe(colorScheme === 'light' ? 'rgb(244, 246, 245)' : 'rgb(15, 21, 19)');
  });
});

test.each([
  [['report', '--out', 'x.html'], /^report: the folders are missing/],
  [['report', 'sweep'], /^--out: the HTML file is missing/],
  [['report', 'none', '--out', 'x.html'], /^none: there is no such folder/],
  [['report', 'pages', '--out', 'x.html'], /^pages: there is no result\.json/],
])('bad input: %j', async (argv, sentence) => {
  expect(await place.call(argv)).toEqual({ code: EXIT.badInput, out: '', err: [expect.stringMatching(sentence)] });
});
