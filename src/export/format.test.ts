import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fileName } from './format.ts';

describe('names of files', () => {
  test.each([
    ['CHEX at half the channels', 'CHEX-at-half-the-channels.csv'],
    ['Maps, kernels, strides (2)', 'Maps-kernels-strides-2.csv'],
    ['../../etc/passwd', 'etc-passwd.csv'],
    ['C:\\Users\\me', 'C-Users-me.csv'],
    ['.hidden', 'hidden.csv'],
    ['width 0.5', 'width-0.5.csv'],
    ['ends in a dot. ', 'ends-in-a-dot.csv'],
    ['a..b', 'a.b.csv'],
    ['élagage à ½', 'élagage-à-1-2.csv'],
    ['剪枝', '剪枝.csv'],
    ['gpj\u202Eexe', 'gpj-exe.csv'],
    ['<b>"\'`$(rm)\n', 'b-rm.csv'],
    ['con', 'run-con.csv'],
    ['COM1.part', 'run-COM1.part.csv'],
    ['🌱', 'run.csv'],
    ['', 'run.csv'],
  ])('%j is called %s', (name, expected) => {
    expect(fileName(name, 'csv')).toBe(expected);
  });

  test('whatever a run is called, the name is one that Linux, macOS and Windows take', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
        const file = fileName(name, 'safetensors');
        expect(new TextEncoder().encode(file).length).toBeLessThanOrEqual(255);
        expect(file).toMatch(/^[^./\\:*?"<>|\p{C}\s-][^/\\:*?"<>|\p{Cc}\p{Cf}\s]*\.safetensors$/u);
        expect(file).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d)\./i);
        expect(file).not.toContain('..');
      }),
      { numRuns: 500 },
    );
  });
});
