// npm test: sets everything up, then checks types, lint and format, and runs the tests. Arguments go to vitest.
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureChromium } from './steps/browser.mjs';
import { check } from './steps/check.mjs';
import { prepareData } from './steps/data.mjs';
import { install } from './steps/install.mjs';
import { say } from './steps/say.mjs';
import { runTool } from './steps/tools.mjs';

const started = Date.now();
const stage = (title) => say(`\n== ${title} (${Math.round((Date.now() - started) / 1000)} s)`);

stage('Set-up');
install();
await prepareData();
await ensureChromium();

stage('Types, lint, format');
const failedChecks = check();

stage('Tests');
const report = join(tmpdir(), `espalier-tests-${process.pid}.json`);
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const status = runTool('vitest', ['run', ...reporters, ...process.argv.slice(2)], { stdout: 'inherit' });
const counts = countsOf(report);
rmSync(report, { force: true });

stage('Done');
// What fails outside any test (a file that does not load, an error nobody caught) fails the run and counts as one.
const failedTests = counts.failed === 0 && status !== 0 ? 1 : counts.failed;
const failed = failedTests + failedChecks;
console.log(`${counts.passed} passed, ${failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`);
process.exit(failed === 0 ? 0 : 1);

/** Tests by outcome, of all projects; zeros when vitest ended without a report. */
function countsOf(file) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(file, 'utf8'));
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}
