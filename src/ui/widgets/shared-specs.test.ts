import { expect, test } from 'vitest';
import { encodeLink } from '../../core/spec/link.ts';
import { parseRace } from '../../core/spec/race.ts';
import { SCHEMES } from '../../schemes/index.ts';
import { startOf } from '../../state/start.ts';
import { sharedSpecs } from './shared-specs.ts';

const race = parseRace(
  ['A', 'B', 'C'].map((name) => ({ version: 1, name, model: { id: 'convnet-micro' }, scheme: { id: 'dense' } })),
  SCHEMES,
);
const [a, b, c] = race.ok ? race.specs : [];
if (!a || !b || !c) throw new Error('The specs were refused.');
const shown = (spec: typeof a) => ({ spec, hidden: false, recorded: false });
const hidden = (spec: typeof a) => ({ spec, hidden: true, recorded: false });

test('a race is shared as the list of its runs, under their names, with those that are hidden', () => {
  const shared = sharedSpecs({ lanes: [shown(a), hidden(b), shown({ ...c, name: 'Renamed' })], opened: b });
  expect(shared).toEqual({ spec: [a, b, { ...c, name: 'Renamed' }], hidden: [1] });
  const fragment = encodeLink(shared.spec, shared.hidden);
  expect(fragment).toMatch(/&hidden=2$/);
  expect(startOf(fragment, SCHEMES)).toMatchObject({ specs: shared.spec, hidden: [1], alert: null, linked: true });
});

test('where nothing is hidden, the link says nothing of it', () => {
  const { spec, hidden: none } = sharedSpecs({ lanes: [shown(a), shown(b)], opened: a });
  expect(encodeLink(spec, none)).toBe(encodeLink([a, b]));
  expect(encodeLink(spec, none)).not.toContain('hidden');
});

test('one run is shared as its spec, and never hidden', () => {
  expect(sharedSpecs({ lanes: [shown(b)], opened: a })).toEqual({ spec: b, hidden: [] });
  expect(sharedSpecs({ lanes: [hidden(a)], opened: a })).toEqual({ spec: a, hidden: [] });
  expect(sharedSpecs({ lanes: [], opened: null })).toEqual({ spec: null, hidden: [] });
});

test('a recording is not shared as a run: opening the link would train it; places are counted without it', () => {
  const recorded = { ...shown(b), recorded: true };
  expect(sharedSpecs({ lanes: [shown(a), recorded, hidden(c)], opened: b })).toEqual({ spec: [a, c], hidden: [1] });
  expect(sharedSpecs({ lanes: [recorded], opened: b })).toEqual({ spec: b, hidden: [] });
});
