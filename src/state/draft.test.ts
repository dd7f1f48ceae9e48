import { expect, test } from 'vitest';
import { withKey, withoutSteps } from './draft.ts';

const draft = { seed: 1, scheme: { id: 'x', stages: [{ at: 1 }, { at: 2, keep: 0.5 }] } };

test('a key at a path is set in a copy, and left out when it is given nothing', () => {
  expect(withKey(draft, 'seed', 2)).toEqual({ ...draft, seed: 2 });
  expect(withKey(draft, 'seed', undefined)).toEqual({ scheme: draft.scheme });
  expect(withKey(draft, 'train.steps', 5)).toEqual({ ...draft, train: { steps: 5 } });
  expect(withKey({ train: 3 }, 'train.steps', 5)).toEqual({ train: { steps: 5 } });
  expect(draft.seed).toBe(1);
});

test('a list stays a list: its entries go by their place', () => {
  const stages = (path: string, value: unknown): unknown =>
    (withKey(draft, `scheme.stages.${path}`, value)['scheme'] as { stages: unknown }).stages;
  expect(stages('1.at', 9)).toEqual([{ at: 1 }, { at: 9, keep: 0.5 }]);
  expect(stages('1.keep', undefined)).toEqual([{ at: 1 }, { at: 2 }]);
  expect(stages('0', undefined)).toEqual([{ at: 2, keep: 0.5 }]);
  expect(stages('2.at', 3)).toEqual([{ at: 1 }, { at: 2, keep: 0.5 }, { at: 3 }]);
  // Neither a hole nor a key that a list does not have.
  expect(stages('7.at', 3)).toEqual(draft.scheme.stages);
  expect(stages('length', 0)).toEqual(draft.scheme.stages);
  expect(draft.scheme.stages).toHaveLength(2);
});

test('another length gives the steps of a scheme and of its entries back their defaults, and nothing else', () => {
  expect(
    withoutSteps({
      id: 'x',
      at: 3,
      until: 9,
      every: 2,
      bitsAt: 5,
      stages: [{ at: 1, keep: 0.5 }, { stride: 3 }],
      bits: '4',
    }),
  ).toEqual({ id: 'x', at: 3, stages: [{ keep: 0.5 }, { stride: 3 }], bits: '4' });
  expect(withoutSteps({ id: 'x', budget: [{ kind: 'macs', keep: 0.5 }], keep: { conv1: [0, 1] } })).toEqual({
    id: 'x',
    budget: [{ kind: 'macs', keep: 0.5 }],
    keep: { conv1: [0, 1] },
  });
  expect(withoutSteps(undefined)).toBeUndefined();
});
