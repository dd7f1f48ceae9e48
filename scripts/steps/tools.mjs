import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './install.mjs';

/**
 * Runs the command line of an installed package with this Node, without npx (slow, and a shell on Windows).
 * `stdout` is a file descriptor or 'inherit'; standard error is passed on. Returns the exit code.
 */
export function runTool(name, args, { stdout = 2, env = process.env } = {}) {
  const folder = join(ROOT, 'node_modules', name);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = typeof bin === 'string' ? bin : Object.values(bin)[0];
  const options = { cwd: ROOT, env, stdio: ['ignore', stdout, 'inherit'] };
  return spawnSync(process.execPath, [join(folder, file), ...args], options).status ?? 1;
}
