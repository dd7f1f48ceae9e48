import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SCHEMES } from '../../schemes/index.ts';
import { differencesBetween } from './differences.ts';
import { parseSpec } from './parse.ts';
import type { Spec } from './spec.ts';

const specOf = (input: object): Spec => {
  const parsed = parseSpec({ version: 1, model: { id: 'convnet-micro' }, scheme: { id: 'dense' }, ...input }, SCHEMES);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('; '));
  return parsed.spec;
};
const budget = { kind: 'macs', keep: 0.5 };

test('names, versions and equal values are no difference', () => {
  expect(differencesBetween([specOf({ name: 'one' }), specOf({ name: 'two' })])).toEqual([]);
  expect(differencesBetween([specOf({})])).toEqual([]);
  expect(differencesBetween([])).toEqual([]);
});

test('a key is named with what each spec says of it, in the order of a spec, dashes where it says nothing', () => {
  const rows = differencesBetween([
    specOf({ seed: 1, train: { steps: 60, augment: [] } }),
    specOf({ seed: 1, train: { epochs: 2, augment: ['crop', 'flip'], nesterov: false } }),
    specOf({ seed: 3, train: { steps: 60, augment: ['flip'] }, scheme: { id: 'dense' } }),
  ]);
  expect(rows).toEqual([
    { path: 'seed', values: ['1', '1', '3'] },
    { path: 'train.nesterov', values: ['yes', 'no', 'yes'] },
    { path: 'train.augment', values: ['none', 'crop, flip', 'flip'] },
    { path: 'train.steps', values: ['60', '–', '60'] },
    { path: 'train.epochs', values: ['–', '2', '–'] },
    // A tenth of the run: 6 of 60 steps; 2 epochs of 49,000 images in batches of 64 are 1,530.
    { path: 'train.evaluateEvery', values: ['6', '153', '6'] },
  ]);
});

test('a scheme’s options and budget are keys like others', () => {
  const rows = differencesBetween([specOf({}), specOf({ train: { steps: 60 }, scheme: { id: 'chex', budget } })]);
  const byPath = new Map(rows.map(({ path, values }) => [path, values]));
  expect(byPath.get('scheme.id')).toEqual(['dense', 'chex']);
  expect(byPath.get('scheme.budget.kind')).toEqual(['–', 'macs']);
  expect(byPath.get('scheme.budget.keep')).toEqual(['–', '0.5']);
  expect(byPath.get('scheme.regrow')?.[0]).toBe('–');
});

test('the keys found are exactly those that were changed', () => {
  const changes = fc.record(
    {
      seed: fc.integer({ min: 2, max: 9 }),
      model: fc.constant({ id: 'plain5' }),
      train: fc.record(
        { batchSize: fc.integer({ min: 65, max: 99 }), momentum: fc.constant(0.5) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  );
  // With steps given, no other default depends on the batch.
  const steps = { steps: 10 };
  fc.assert(
    fc.property(changes, fc.nat(2), (change, place) => {
      const plain = specOf({ train: steps });
      const specs = [plain, plain];
      specs.splice(place, 0, specOf({ ...change, train: { ...steps, ...change.train } }));
      const expected = [
        ...(change.seed === undefined ? [] : ['seed']),
        ...(change.model === undefined ? [] : ['model.id']),
        ...(change.train?.batchSize === undefined ? [] : ['train.batchSize']),
        ...(change.train?.momentum === undefined ? [] : ['train.momentum']),
      ];
      expect(differencesBetween(specs).map(({ path }) => path)).toEqual(expected);
    }),
  );
});
