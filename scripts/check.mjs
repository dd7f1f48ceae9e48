// npm run check: types, lint (with import directions) and format.
import { spawnSync } from 'node:child_process';
import { ROOT, install } from './steps/install.mjs';
import { say } from './steps/say.mjs';

const CHECKS = [
  ['Types', 'tsc', '-p', '.'],
  ['Lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['Format', 'oxfmt', '--check'],
];

/** Runs every check; returns how many failed. */
export function check() {
  return CHECKS.filter(([title, command, ...args]) => {
    say(`${title} ...`);
    const options = { cwd: ROOT, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' };
    return spawnSync('npx', ['--no-install', command, ...args], options).status !== 0;
  }).length;
}

if (process.argv[1] === import.meta.filename) {
  install();
  process.exit(check() > 0 ? 1 : 0);
}
