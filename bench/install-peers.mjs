import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../scripts/steps/install.mjs';
import { say } from '../scripts/steps/say.mjs';

const FOLDER = join(ROOT, 'bench');
const MARKER = join(FOLDER, 'node_modules/.espalier-installed');

/** Installs the peers of bench/package.json once; returns the names of those that are not there all the same. */
export function installPeers() {
  const lock = createHash('sha256')
    .update(readFileSync(join(FOLDER, 'package-lock.json')))
    .digest('hex');
  if (!existsSync(MARKER) || readFileSync(MARKER, 'utf8') !== lock) {
    say('Installing the peers of the benchmark (once) ...');
    const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: FOLDER,
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    });
    if (status === 0) writeFileSync(MARKER, lock);
    else say('The peers could not be installed, for the reason above: the benchmark leaves them out.');
  }
  const { dependencies } = JSON.parse(readFileSync(join(FOLDER, 'package.json'), 'utf8'));
  return Object.keys(dependencies).filter((name) => !existsSync(join(FOLDER, 'node_modules', name)));
}
