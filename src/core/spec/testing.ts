import type { Scheme } from '../scheme/scheme.ts';
import type { ItemField } from './options.ts';
import type { ListField } from './list.ts';

const pruned = {
  when: 'for kind "share" only',
  taken: ({ kind }: Readonly<Record<string, unknown>>) => kind === 'share',
};
const strided = {
  when: 'for kind "taps" only',
  taken: ({ kind }: Readonly<Record<string, unknown>>) => kind === 'taps',
};
const plain = { help: '', source: 'ours' } as const;

const ITEM: readonly ItemField[] = [
  {
    ...plain,
    key: 'kind',
    type: 'choice',
    label: 'Kind',
    choices: [
      { value: 'share', label: 'Share' },
      { value: 'taps', label: 'Taps' },
    ],
    default: (_, index) => (index === 0 ? 'share' : 'taps'),
  },
  {
    ...plain,
    key: 'at',
    type: 'integer',
    label: 'At step',
    min: 0,
    max: 1_000,
    step: 1,
    ofPlace: true,
    default: ({ steps }, index = 0) => Math.round((steps * (index + 1)) / 4),
  },
  {
    ...plain,
    key: 'keep',
    type: 'number',
    label: 'Keep',
    min: 0.01,
    max: 1,
    step: 0.01,
    only: pruned,
    default: () => 0.5,
  },
  {
    ...plain,
    key: 'stride',
    type: 'integer',
    label: 'Stride',
    min: 2,
    max: 9,
    step: 1,
    only: strided,
    default: () => 3,
  },
  { ...plain, key: 'fast', type: 'boolean', label: 'Fast', default: () => false },
];

/** A list of one to three objects, whose kind says what else they take. */
export const PARTS: ListField = {
  ...plain,
  key: 'parts',
  type: 'list',
  label: 'Parts',
  entry: 'Part',
  item: ITEM,
  least: 1,
  most: 3,
  default: () => [{}, { stride: 4 }],
};

/** A scheme that has a list among its options, and never runs. */
export const listed: Scheme = {
  id: 'listed',
  title: 'Listed',
  paper: '',
  summary: '',
  budgets: [],
  options: [PARTS, { ...plain, key: 'twice', type: 'boolean', label: 'Twice', default: () => true }],
  check: ({ steps, options }) => {
    const parts = options['parts'] as readonly { readonly at: number }[];
    const late = parts.findIndex(({ at }) => at > steps);
    return late < 0 ? null : `scheme.parts.${late}.at: comes after the run's end (step ${steps})`;
  },
  start: () => {
    throw new Error('This scheme is only parsed.');
  },
};
