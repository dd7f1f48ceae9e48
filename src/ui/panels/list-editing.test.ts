import fc from 'fast-check';
import { expect, test } from 'vitest';
import { settingOf } from '../../core/spec/network.ts';
import type { OptionList } from '../../core/spec/options.ts';
import { parseSpec } from '../../core/spec/parse.ts';
import { PARTS, listed } from '../../core/spec/testing.ts';
import { fieldsOf, shownEntries, swappedAt, withOneMore, withValue, without } from './list-editing.ts';

const input = (parts?: unknown): object => ({
  version: 1,
  model: { id: 'convnet-micro' },
  train: { steps: 40 },
  scheme: { id: 'listed', ...(parts === undefined ? {} : { parts }) },
});
const parsed = parseSpec(input(), [listed]);
if (!parsed.ok) throw new Error('the made-up scheme parses');
const place = { field: PARTS, path: 'scheme.parts', setting: settingOf(parsed.spec) };
const share = (at: number, keep: number) => ({ kind: 'share', at, keep, fast: false });
const taps = (at: number, stride: number) => ({ kind: 'taps', at, stride, fast: false });

test('a form shows what parsing makes of a list, also of one that the draft does not have', () => {
  for (const parts of [undefined, [{}], [{ at: 7 }, { kind: 'share' }, { kind: 'taps', stride: 2 }]]) {
    const spec = parseSpec(input(parts), [listed]);
    expect(shownEntries(parts, place)).toEqual(spec.ok && spec.spec.scheme['parts']);
  }
});

test('another kind drops the keys that it does not take and brings its own with their defaults', () => {
  const list = [share(3, 0.25), taps(9, 4)];
  expect(withValue(list, 0, 'kind', 'taps', place)).toEqual([taps(3, 3), taps(9, 4)]);
  expect(withValue(list, 1, 'kind', 'share', place)).toEqual([share(3, 0.25), share(9, 0.5)]);
  expect(fieldsOf(taps(1, 2), PARTS).map(({ key }) => key)).toEqual(['kind', 'at', 'stride', 'fast']);
});

test('a key that is emptied has its default again; one that is wrong stays as it is, to be corrected', () => {
  expect(withValue([share(3, 0.25)], 0, 'keep', undefined, place)).toEqual([share(3, 0.5)]);
  expect(withValue([share(3, 0.25)], 0, 'at', '1e', place)).toEqual([{ ...share(3, 0.25), at: '1e' }]);
});

test('an entry more has the defaults of its place; the others stay as they are', () => {
  expect(withOneMore([share(3, 0.25)], place)).toEqual([share(3, 0.25), taps(20, 3)]);
  expect(withOneMore([], place)).toEqual([share(10, 0.5)]);
  expect(without([share(1, 1), taps(2, 2), share(3, 1)], 1)).toEqual([share(1, 1), share(3, 1)]);
});

test('entries that change places keep what they say, but for the steps, which stay in order', () => {
  const list = shownEntries([{}, {}, {}], place);
  expect(list).toEqual([share(10, 0.5), taps(20, 3), taps(30, 3)]);
  expect(swappedAt(list, 0, PARTS)).toEqual([taps(10, 3), share(20, 0.5), taps(30, 3)]);
  expect(shownEntries(swappedAt(list, 0, PARTS), place)).toEqual(swappedAt(list, 0, PARTS));
  expect(swappedAt(list, 2, PARTS)).toBe(list);
  expect(swappedAt(list, -1, PARTS)).toBe(list);
});

test('whatever is done in turn, the list parses to itself', () => {
  const deed = fc.tuple(fc.constantFrom('kind', 'add', 'remove', 'swap', 'empty'), fc.nat(2));
  const done = (list: OptionList, [what, at]: [string, number]): OptionList => {
    if (what === 'add') return list.length < PARTS.most ? withOneMore(list, place) : list;
    if (what === 'remove') return list.length > PARTS.least ? without(list, at) : list;
    if (what === 'swap') return swappedAt(list, at, PARTS);
    if (what === 'empty') return withValue(list, at, 'at', undefined, place);
    return withValue(list, at, 'kind', list[at]?.['kind'] === 'taps' ? 'share' : 'taps', place);
  };
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 8 }), (deeds) => {
      let list = shownEntries(undefined, place);
      for (const one of deeds) list = done(list, one);
      const spec = parseSpec(input(list), [listed]);
      expect(spec.ok && spec.spec.scheme['parts']).toEqual(list);
    }),
    { numRuns: 200 },
  );
});
