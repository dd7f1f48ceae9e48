import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fail, say } from './say.mjs';
import { runTool } from './tools.mjs';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
];

/** Flags under which headless Chromium offers WebGPU without a GPU (SwiftShader), and stays off the network. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Path of a Chromium: CHROMIUM_PATH, the usual places, Playwright's own; undefined when there is none. */
export async function findChromium() {
  const installed = [process.env['CHROMIUM_PATH'], ...PLACES].find((path) => path && existsSync(path));
  if (installed) return installed;
  const { chromium } = await import('playwright');
  return existsSync(chromium.executablePath()) ? chromium.executablePath() : undefined;
}

/** Installs a Chromium for the tests where none is found: Debian's as root, else Playwright's. */
export async function ensureChromium() {
  if (await findChromium()) return;
  say('Installing Chromium for the tests (once) ...');
  const root = process.getuid?.() === 0;
  if (root && existsSync('/usr/bin/apt-get') && aptGet('update', '-qq')) {
    aptGet('install', '-y', '-qq', '--no-install-recommends', 'chromium');
  }
  if (!(await findChromium())) runTool('playwright', ['install', ...(root ? ['--with-deps'] : []), 'chromium']);
  if (!(await findChromium())) {
    fail('No Chromium was found and none could be installed. Install Chromium or Chrome, or set CHROMIUM_PATH to one.');
  }
}

function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', args, { stdio: ['ignore', 2, 2], env }).status === 0;
}
