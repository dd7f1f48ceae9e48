// npm test: sets everything up, then types, lint, format, and every test. Arguments go to vitest.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from './check.mjs';
import { prepareData } from './steps/data.mjs';
import { ROOT, install } from './steps/install.mjs';
import { say } from './steps/say.mjs';

const started = Date.now();
const stage = (title) => say(`\n== ${title} (${Math.round((Date.now() - started) / 1000)} s)`);

stage('Set-up');
install();
await prepareData();
const { ensureChromium } = await import('./steps/browser.mjs');
await ensureChromium();

stage('Types, lint, format');
const failedChecks = check();

stage('Tests');
const report = join(tmpdir(), `espalier-tests-${process.pid}.json`);
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const { status } = spawnSync('npx', ['--no-install', 'vitest', 'run', ...reporters, ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: ['ignore', 'inherit', 'inherit'],
  shell: process.platform === 'win32',
});
const counts = countsOf(report);
rmSync(report, { force: true });
stage('Done');
const failed = counts.failed + failedChecks;
console.log(`${counts.passed} passed, ${failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`);
process.exit(status === 0 && failed === 0 ? 0 : 1);

/** Tests by outcome; a run that wrote no report counts as one failure. */
function countsOf(file) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(file, 'utf8'));
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
