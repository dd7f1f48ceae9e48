import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { say } from './say.mjs';

export const ROOT = join(import.meta.dirname, '../..');
const MARKER = join(ROOT, 'node_modules/.espalier-installed');

/** Installs the packages of package-lock.json; does nothing when they are installed already. */
export function install() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) fail(`Node ${process.versions.node} is too old: Espalier needs Node 20 or newer.`);
  const lock = createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
  if (existsSync(MARKER) && readFileSync(MARKER, 'utf8') === lock) return;
  say('Installing packages (once; CIFAR-10 is 139 MB of it) ...');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel', 'error'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0)
    fail('npm could not install the packages. Check the network connection, then run the command again.');
  writeFileSync(MARKER, lock);
}

/** Prints a sentence and ends the process. */
export function fail(message, code = 1) {
  say(message);
  process.exit(code);
}
