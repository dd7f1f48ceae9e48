import * as v from 'valibot';
import { ZOO } from '../network/index.ts';
import type { KeptChannels, OptionField, OptionValue } from './options.ts';
import { type SpecProblem, pathOf, refusal, unknownKey } from './problems.ts';
import type { BudgetKind } from './spec.ts';

/** Images of CIFAR-10, and the longest run, widest layer and longest name that are accepted. */
const TRAIN_IMAGES = 50_000;
const TEST_IMAGES = 10_000;
export const MOST_STEPS = 10_000_000;
export const WIDEST_LAYER = 1_280;
export const LONGEST_NAME = 80;

// Every message says what is accepted; a refusal is the path, the message and what was found.
const number = (from: number, to: number) => {
  const accepted = `a number from ${from} to ${to}`;
  return v.pipe(v.number(accepted), v.minValue(from, accepted), v.maxValue(to, accepted));
};
const integer = (from: number, to: number) => {
  const accepted = `a whole number from ${from} to ${to}`;
  return v.pipe(v.number(accepted), v.integer(accepted), v.minValue(from, accepted), v.maxValue(to, accepted));
};
const above = (zero: number, to: number) => {
  const accepted = `a number above ${zero}, at most ${to}`;
  return v.pipe(v.number(accepted), v.gtValue(zero, accepted), v.maxValue(to, accepted));
};
const upTo = (from: number, end: number) => {
  const accepted = `a number from ${from}, below ${end}`;
  return v.pipe(v.number(accepted), v.minValue(from, accepted), v.ltValue(end, accepted));
};
const oneOf = <const Choice extends string>(choices: readonly Choice[]) =>
  v.picklist(choices, `one of ${choices.join(', ')}`);

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * An object, never a list. A missing key counts as undefined, so that its own schema says what it accepts. Unknown keys
 * are found by `unknownKeys`: all of them, where valibot's strict object names the first.
 */
const object = <const Entries extends v.ObjectEntries>(entries: Entries, accepted = 'an object') => {
  const none = Object.fromEntries(Object.keys(entries).map((key) => [key, undefined]));
  return v.pipe(
    v.custom<Readonly<Record<string, unknown>>>(isRecord, accepted),
    v.transform((given) => ({ ...none, ...given })),
    v.object(entries),
  );
};

const someName = `a text of 1 to ${LONGEST_NAME} characters`;
const nameSchema = v.pipe(
  v.string(someName),
  v.trim(),
  v.minLength(1, someName),
  v.maxLength(LONGEST_NAME, someName),
  v.regex(/^[^\p{Cc}\p{Bidi_Control}]*$/u, 'a text without control characters'),
);
const modelEntries = {
  id: oneOf(ZOO.map(({ id }) => id)),
  width: v.optional(above(0, 8), 1),
};
const dataEntries = {
  train: v.optional(integer(2, TRAIN_IMAGES), TRAIN_IMAGES),
  test: v.optional(integer(1, TEST_IMAGES), TEST_IMAGES),
  holdOut: v.optional(integer(1, TRAIN_IMAGES)),
};
const trainEntries = {
  steps: v.optional(integer(1, MOST_STEPS)),
  epochs: v.optional(integer(1, 10_000)),
  batchSize: v.optional(integer(1, 512), 64),
  learningRate: v.optional(above(0, 100), 0.1),
  momentum: v.optional(upTo(0, 1), 0.9),
  nesterov: v.optional(v.boolean('true or false'), true),
  weightDecay: v.optional(number(0, 1), 5e-4),
  schedule: v.optional(oneOf(['cosine', 'constant']), 'cosine'),
  warmup: v.optional(number(0, 1), 0.05),
  labelSmoothing: v.optional(upTo(0, 1), 0),
  augment: v.optional(
    v.pipe(
      v.array(oneOf(['crop', 'flip']), 'a list of crop and flip'),
      v.check((list) => new Set(list).size === list.length, 'a list that names each augmentation once'),
    ),
    ['crop', 'flip'],
  ),
  storage: v.optional(oneOf(['f32', 'f16']), 'f32'),
  evaluateEvery: v.optional(integer(1, MOST_STEPS)),
};
const specEntries = {
  version: v.literal(1, '1'),
  name: v.optional(nameSchema),
  seed: v.optional(integer(0, 4_294_967_295), 1),
  model: object(modelEntries, 'an object with an id'),
  data: v.optional(object(dataEntries), {}),
  train: v.optional(object(trainEntries), {}),
  /** Read apart, since its keys depend on the scheme. */
  scheme: v.optional(v.unknown()),
};

/** Everything of a spec but its scheme, one key at a time. */
export const specSchema = object(specEntries);
export type SpecShape = v.InferOutput<typeof specSchema>;

export const budgetEntries = (kinds: readonly BudgetKind[]) => ({ kind: oneOf(kinds), keep: above(0, 1) });
export const budgetSchema = (kinds: readonly BudgetKind[]) =>
  object(budgetEntries(kinds), 'an object with kind and keep');

/** What one option of a scheme may be, but for the entries of an object (see `entryProblems`) and lists (see `readList`). */
export function fieldSchema(field: Exclude<OptionField, { type: 'list' }>): v.GenericSchema<unknown, OptionValue> {
  switch (field.type) {
    case 'number':
      return number(field.min, field.max);
    case 'integer':
      return integer(field.min, field.max);
    case 'choice':
      return oneOf(field.choices.map(({ value }) => value));
    case 'boolean':
      return v.boolean('true or false');
    case 'channels':
      return v.custom<KeptChannels>(isRecord, 'an object that gives layers a list of channels or a width');
  }
}

const channelSchema = integer(0, WIDEST_LAYER - 1);
const widthSchema = integer(1, WIDEST_LAYER);

/** What is wrong with the entries of an option that is an object, layer by layer; `path` is the option's. */
export function entryProblems(path: string, option: OptionValue): SpecProblem[] {
  if (!isRecord(option)) return [];
  return Object.entries(option).flatMap(([layer, entry]) => {
    const own = pathOf(path, layer);
    const schema = Array.isArray(entry) ? v.array(channelSchema) : widthSchema;
    const result = v.safeParse(schema, entry);
    if (result.success) return [];
    if (Array.isArray(entry) || typeof entry === 'number') return problemsOf(result.issues, own);
    return [refusal(own, entry, 'a list of channels or a width')];
  });
}

const NESTED: Readonly<Record<string, v.ObjectEntries>> = {
  '': specEntries,
  model: modelEntries,
  data: dataEntries,
  train: trainEntries,
  'scheme.budget': budgetEntries(['channels', 'parameters', 'macs']),
};

/** The keys that the object at `parent` (empty: the spec) has but should not have. */
export function unknownKeys(value: unknown, parent: string, entries = NESTED[parent]): SpecProblem[] {
  if (!isRecord(value) || !entries) return [];
  const known = Object.keys(entries);
  return Object.keys(value).flatMap((key) => {
    const path = pathOf(parent, key);
    return known.includes(key) ? unknownKeys(value[key], path) : [unknownKey(parent, key, known)];
  });
}

/** Problems of refused values below `parent`, one a path: a value can break several rules, and the first says enough. */
export function problemsOf(issues: readonly v.BaseIssue<unknown>[], parent = ''): SpecProblem[] {
  const first = new Map<string, SpecProblem>();
  for (const issue of issues) {
    const below = v.getDotPath(issue);
    const path = below ? pathOf(parent, below) : parent || 'spec';
    if (!first.has(path)) first.set(path, refusal(path, issue.input, issue.message));
  }
  return [...first.values()];
}
