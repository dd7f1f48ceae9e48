import { expect, test } from 'vitest';
import { decodeLink, encodeLink, readHidden } from './link.ts';

const SPECS = [{ name: 'A & B' }, { name: '100 % of C' }, { name: 'D' }];

test('hidden runs follow the specs, counted from 1, and are read back as places from 0', () => {
  const link = encodeLink(SPECS, [1, 2]);
  expect(link.endsWith('&hidden=2,3')).toBe(true);
  expect(decodeLink(link)).toEqual({ ok: true, value: SPECS, hidden: '2,3' });
  expect(readHidden('2,3', 3)).toEqual({ ok: true, places: [1, 2] });
  // As messengers write commas.
  expect(readHidden('3%2c1', 3)).toEqual({ ok: true, places: [2, 0] });
});

test('a link without hidden runs is the one that older versions made, and theirs are read', () => {
  expect(encodeLink(SPECS)).toBe(`#spec=${encodeURIComponent(JSON.stringify(SPECS))}`);
  expect(decodeLink(encodeLink(SPECS))).toEqual({ ok: true, value: SPECS });
  // Not encoded, as written by hand.
  expect(decodeLink('#spec={"name":"A & B"}')).toEqual({ ok: true, value: { name: 'A & B' } });
});

test('the compact form hides runs too', () => {
  const compact = Buffer.from(JSON.stringify(SPECS)).toString('base64url');
  expect(decodeLink(`#spec=${compact}&hidden=1`)).toEqual({ ok: true, value: SPECS, hidden: '1' });
});

test.each([
  '',
  '0',
  '4',
  '2,2',
  '2,',
  ',',
  '1;2',
  '-1',
  '1.5',
  '01',
  ' 1',
  'all',
  '1&hidden=2',
  '<b>',
  '9'.repeat(9_999),
])('hidden=%s of three runs is refused with a sentence that names it', (text) => {
  const link = decodeLink(`${encodeLink(SPECS)}&hidden=${text}`);
  expect(link).toEqual({ ok: true, value: SPECS, hidden: text });
  const read = readHidden(text, 3);
  expect(read.ok ? '' : read.message).toMatch(
    /^hidden: must be numbers of runs from 1 to 3, each once, with commas between them, not ".{0,60}\. All runs are shown\.$/s,
  );
});

test('one run cannot be hidden', () => {
  expect(readHidden('1', 1)).toEqual({ ok: false, message: expect.stringMatching(/^hidden: leave it out; .*\.$/) });
});
