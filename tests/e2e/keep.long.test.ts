import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type Page, chromium } from 'playwright';
import { type PreviewServer, preview } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/steps/browser.mjs';
import { keptIn } from './kept.ts';
import { BuiltPage, linkOf, press, waitForState, waitForStep } from './page.ts';

/** Two megabytes a checkpoint, so that a save takes its time; many more steps than are made. */
const SPEC = {
  version: 1,
  name: 'To be killed',
  seed: 3,
  model: { id: 'resnet20' },
  data: { train: 400, test: 20, holdOut: 20 },
  train: { steps: 20_000, batchSize: 1, evaluateEvery: 20_000 },
  scheme: { id: 'dense' },
};

const KILLS = 20;

let server: PreviewServer;
let address: string;
let profile: string;
beforeAll(async () => {
  server = await preview({ logLevel: 'error', preview: { port: 0 } });
  address = server.resolvedUrls?.local[0] ?? '';
  profile = await mkdtemp(join(tmpdir(), 'espalier-killed-'));
});
afterAll(async () => {
  await server.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
});

/** A browser with a profile that outlives it, in a process group that can be killed as a whole. */
async function launch(): Promise<{ process: ChildProcess; browser: Browser }> {
  const flags = [...CHROMIUM_FLAGS, '--headless=new', `--user-data-dir=${profile}`, '--remote-debugging-port=0'];
  const child = spawn((await findChromium()) ?? chromium.executablePath(), [...flags, 'about:blank'], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const endpoint = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (part: Buffer) => {
      said += String(part);
      const [, url] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
      if (url) resolve(url);
    });
    child.once('exit', () => reject(new Error(`Chromium did not start: ${said}`)));
  });
  return { process: child, browser: await chromium.connectOverCDP(endpoint) };
}

function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  return gone;
}

/** Calls back with every step that the page says is kept, at once, and when a second checkpoint lies beside one: a save is under way. */
async function listen(page: Page, onSaved: (step: number) => void, onSaving: () => void): Promise<void> {
  await page.exposeFunction('told', (what: 'saved' | 'saving', text: string) =>
    what === 'saved' ? onSaved(Number(text.replaceAll(/\D/g, ''))) : onSaving(),
  );
  await page.addInitScript(() => {
    const { told } = window as unknown as { told(what: string, text: string): void };
    let last = '';
    new MutationObserver(() => {
      const text = document.querySelector('.saved-at')?.textContent ?? '';
      if (text !== '' && text !== last) told('saved', (last = text));
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
}

/** Looks into the page's storage, over and over, until a checkpoint lies beside another, of which it tells. */
const watch = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const { told } = window as unknown as { told(what: string, text: string): void };
    const opening = indexedDB.open('espalier');
    const look = (): void => {
      const keys = opening.result.transaction('checkpoints').objectStore('checkpoints').getAllKeys();
      keys.onsuccess = () => (keys.result.length > 1 ? told('saving', '') : look());
    };
    opening.onsuccess = look;
  });

const stepOf = async (page: Page): Promise<number> =>
  Number(await page.locator('[data-step]').getAttribute('data-step'));

test(
  `the browser process is killed ${KILLS} times while it saves: no torn and no acknowledged checkpoint is lost`,
  { timeout: 3_600_000 },
  async () => {
    let acknowledged = 0;
    let cutOff = 0;
    const began = Date.now();
    for (let round = 0; round <= KILLS; round++) {
      const { process: child, browser } = await launch();
      const [context] = browser.contexts();
      if (!context) throw new Error('no context');
      const page = await context.newPage();
      // At once, and later by and by: the save is cut through in all its parts.
      const after = 4 * round;
      let onKilled = (): void => undefined;
      const killed = new Promise<void>((resolve) => (onKilled = resolve));
      await listen(
        page,
        (step) => (acknowledged = Math.max(acknowledged, step)),
        () => setTimeout(() => void kill(child).then(onKilled), after),
      );
      const before = acknowledged;
      await page.goto(address + (round === 0 ? linkOf(SPEC) : ''));
      await waitForState(page, 'idle');
      if (round === 0) await press(page, 'Run');
      else {
        const [kept, ...others] = await keptIn(page);
        expect(others).toEqual([]);
        const step = kept?.record.checkpoint?.step ?? 0;
        expect(kept?.checkpoint?.trainer.step).toBe(step);
        expect(step).toBeGreaterThanOrEqual(before);
        if (kept && kept.unnamed > 0) cutOff++;
        await page.getByRole('note').getByRole('button', { name: 'Resume' }).click();
        await waitForState(page, 'running');
        await waitForStep(page, Math.max(1, step));
      }
      // The first save clears away what was left over.
      await waitForStep(page, (await stepOf(page)) + 1);
      await press(page, 'Pause');
      await waitForState(page, 'paused');
      await expect.poll(async () => (await keptIn(page)).map(({ unnamed }) => unnamed)).toEqual([0]);
      await expect.poll(() => acknowledged).toBeGreaterThan(before);
      if (round === KILLS) {
        await kill(child);
        break;
      }
      await watch(page);
      // Until it is caught saving; then the page is gone.
      const saves = async (): Promise<never> => {
        for (;;) {
          await press(page, 'Run');
          await waitForStep(page, (await stepOf(page)) + 1);
          await press(page, 'Pause');
          await waitForState(page, 'paused');
        }
      };
      await Promise.race([killed, saves().catch(() => killed)]);
    }
    const seconds = Math.round((Date.now() - began) / 1_000);
    console.log(`${KILLS} kills, ${cutOff} of them left a save half done; step ${acknowledged}; ${seconds} s`);
    // Else nothing was proven.
    expect(cutOff).toBeGreaterThan(2);
  },
);

test(
  'at every quota of a sweep training goes on, says so where it is not kept, and the acknowledged checkpoint stays',
  { timeout: 1_800_000 },
  async () => {
    const built = await BuiltPage.open();
    const context = await built.browser.newContext();
    const page = await context.newPage();
    await page.goto(built.address + linkOf({ ...SPEC, name: 'Squeezed' }));
    await waitForState(page, 'idle');
    const devtools = await context.newCDPSession(page);
    const { origin } = new URL(built.address);
    const saved = async (): Promise<number> =>
      Number(((await page.locator('.saved-at').textContent({ timeout: 1_000 })) ?? '').replaceAll(/\D/g, ''));
    const full = page.getByRole('alert').filter({ hasText: 'storage of this browser is full' });
    const someSteps = async (): Promise<number> => {
      await press(page, 'Run');
      await waitForStep(page, (await stepOf(page)) + 2);
      await press(page, 'Pause');
      await waitForState(page, 'paused');
      return stepOf(page);
    };
    let step = await someSteps();
    await expect.poll(saved).toBe(step);
    const [first] = await keptIn(page);
    const size = first?.record.checkpoint?.bytes ?? 0;
    expect(size).toBeGreaterThan(2e6);
    const usage = await page.evaluate(async () => (await navigator.storage.estimate()).usage ?? 0);

    const outcomes: string[] = [];
    const sizes = [0, 1, 1_000, ...Array.from({ length: 20 }, (_, i) => Math.round(usage - 2 * size + (i * size) / 3))];
    for (const quotaSize of sizes.filter((one) => one >= 0)) {
      const before = step;
      const acknowledged = (await keptIn(page))[0]?.record.checkpoint?.step ?? 0;
      await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize });
      step = await someSteps();
      expect(step).toBeGreaterThan(before);
      // Either it is kept, or the page says that it is not.
      await expect.poll(async () => (await saved()) === step || (await full.count()) > 0).toBe(true);
      const [kept] = await keptIn(page);
      const isKept = (await full.count()) === 0;
      expect(kept?.checkpoint?.trainer.step).toBe(isKept ? step : acknowledged);
      outcomes.push(`${(quotaSize / 1e6).toFixed(1)} MB ${isKept ? 'kept' : 'full'}`);
    }
    console.log(`usage ${usage}, checkpoint ${size}: ${outcomes.join(', ')}`);
    expect(outcomes.some((outcome) => outcome.endsWith('full'))).toBe(true);
    await devtools.send('Storage.overrideQuotaForOrigin', { origin });
    step = await someSteps();
    await expect.poll(saved).toBe(step);
    expect(await full.count()).toBe(0);
    expect((await keptIn(page))[0]?.checkpoint?.trainer.step).toBe(step);
    await built.close();
  },
);
