import { expect, test } from 'vitest';
import { decodeLink, encodeLink } from '../../core/spec/link.ts';
import { parseRace } from '../../core/spec/race.ts';
import { SCHEMES } from '../../schemes/index.ts';
import { sharedSpecs } from './shared-specs.ts';

const race = parseRace(
  ['A', 'B', 'C'].map((name) => ({ version: 1, name, model: { id: 'convnet-micro' }, scheme: { id: 'dense' } })),
  SCHEMES,
);
const [a, b, c] = race.ok ? race.specs : [];
if (!a || !b || !c) throw new Error('The specs were refused.');
const shown = (spec: typeof a) => ({ spec, hidden: false, recorded: false });
const hidden = (spec: typeof a) => ({ spec, hidden: true, recorded: false });

test('a race is shared as the list of its visible runs, under their names', () => {
  const shared = sharedSpecs({ lanes: [shown(a), hidden(b), shown({ ...c, name: 'Renamed' })], opened: b });
  expect(shared).toEqual([a, { ...c, name: 'Renamed' }]);
  const link = decodeLink(encodeLink(shared));
  expect(link?.ok && parseRace(link.value, SCHEMES)).toEqual({ ok: true, specs: shared });
});

test('one visible run is shared as its spec; where all are hidden, the selected one', () => {
  expect(sharedSpecs({ lanes: [hidden(a), shown(b)], opened: a })).toEqual(b);
  expect(sharedSpecs({ lanes: [hidden(a), hidden(b)], opened: a })).toEqual(a);
  expect(sharedSpecs({ lanes: [], opened: null })).toBeNull();
});

test('a recording is not shared as a run: opening the link would train it', () => {
  expect(sharedSpecs({ lanes: [shown(a), { ...shown(b), recorded: true }], opened: b })).toEqual(a);
});
