import { say } from './say.mjs';
import { runTool } from './tools.mjs';

const CHECKS = [
  ['Types', 'typescript', '-p', '.'],
  ['Lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['Format', 'oxfmt', '--check'],
];

/** Checks types, lint and format; returns how many of the three failed. (Import directions are a unit test.) */
export function check() {
  return CHECKS.filter(([title, tool, ...args]) => {
    say(`${title} ...`);
    return runTool(tool, args) !== 0;
  }).length;
}
