import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail, say } from './say.mjs';

// Not import.meta.dirname: a Node too old for Espalier must get as far as the sentence that says so.
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MARKER = join(ROOT, 'node_modules/.espalier-installed');

/** The oldest Node 20 that Vite runs on. */
const OLDEST = [20, 19];

/** Installs the packages of package-lock.json; does nothing when they are installed already. */
export function install() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    fail(`Node ${process.versions.node} is too old: install the newest Node 20 (${OLDEST.join('.')} or later) or 22.`);
  }
  const lock = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  if (existsSync(MARKER) && readFileSync(MARKER, 'utf8') === lock) return;
  say('Installing packages (once; CIFAR-10 is 139 MB of it) ...');
  // The build tools are development packages: they are wanted whatever NODE_ENV says.
  const options = ['--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', ['ci', ...options], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    fail('npm could not install the packages, for the reason above. Once that is mended, run the command again.');
  }
  writeFileSync(MARKER, lock);
}
