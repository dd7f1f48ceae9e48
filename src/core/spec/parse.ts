import * as v from 'valibot';
import { ZOO, buildNetwork, convolutionsOf } from '../network/index.ts';
import type { Scheme } from '../scheme/scheme.ts';
import { nearest } from './nearest.ts';
import type { OptionField, OptionSetting, OptionValue } from './options.ts';
import { type Budget, type BudgetKind, type Spec, totalSteps, warmupSteps } from './spec.ts';

/** One thing wrong with a spec. */
export interface SpecProblem {
  /** Path of the key, such as `train.batchSize`. */
  readonly path: string;
  /** A sentence that names the key, what was found and what is accepted. */
  readonly message: string;
}

export type ParsedSpec =
  | { readonly ok: true; readonly spec: Spec }
  | { readonly ok: false; readonly problems: readonly SpecProblem[] };

const TRAIN_IMAGES = 50_000;
const TEST_IMAGES = 10_000;
const WIDEST_LAYER = 1_280;

/** A number between two bounds; the sentence about a refusal is made from them. */
const number = (from: number, to: number) =>
  v.pipe(
    v.number(`a number from ${from} to ${to}`),
    v.minValue(from, `a number from ${from} to ${to}`),
    v.maxValue(to, `a number from ${from} to ${to}`),
  );
const integer = (from: number, to: number) =>
  v.pipe(
    v.number(`a whole number from ${from} to ${to}`),
    v.integer(`a whole number from ${from} to ${to}`),
    v.minValue(from, `a whole number from ${from} to ${to}`),
    v.maxValue(to, `a whole number from ${from} to ${to}`),
  );
const oneOf = <const Choice extends string>(choices: readonly Choice[]) =>
  v.picklist(choices, `one of ${choices.join(', ')}`);
const above = (zero: number, to: number) =>
  v.pipe(number(zero, to), v.gtValue(zero, `a number above ${zero}, at most ${to}`));

const nameSchema = v.pipe(
  v.string('a text of 1 to 80 characters'),
  v.trim(),
  v.minLength(1, 'a text of 1 to 80 characters'),
  v.maxLength(80, 'a text of 1 to 80 characters'),
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  v.regex(/^[^\u0000-\u001f\u007f]*$/, 'a text without control characters'),
);

const modelSchema = v.strictObject({
  id: oneOf(ZOO.map(({ id }) => id)),
  width: v.optional(above(0, 8), 1),
});
const dataSchema = v.strictObject({
  train: v.optional(integer(2, TRAIN_IMAGES), TRAIN_IMAGES),
  test: v.optional(integer(1, TEST_IMAGES), TEST_IMAGES),
  holdOut: v.optional(integer(1, TRAIN_IMAGES)),
});
const trainSchema = v.strictObject({
  steps: v.optional(integer(1, 10_000_000)),
  epochs: v.optional(integer(1, 10_000)),
  batchSize: v.optional(integer(1, 512), 64),
  learningRate: v.optional(above(0, 100), 0.1),
  momentum: v.optional(v.pipe(number(0, 1), v.ltValue(1, 'a number from 0, below 1')), 0.9),
  nesterov: v.optional(v.boolean('true or false'), true),
  weightDecay: v.optional(number(0, 1), 5e-4),
  schedule: v.optional(oneOf(['cosine', 'constant']), 'cosine'),
  warmup: v.optional(number(0, 1), 0.05),
  labelSmoothing: v.optional(v.pipe(number(0, 1), v.ltValue(1, 'a number from 0, below 1')), 0),
  augment: v.optional(
    v.pipe(
      v.array(oneOf(['crop', 'flip']), 'a list of crop and flip'),
      v.check((list) => new Set(list).size === list.length, 'a list that names each augmentation once'),
    ),
    ['crop', 'flip'],
  ),
  evaluateEvery: v.optional(integer(1, 10_000_000)),
});

/** Keys of a scheme are checked with the scheme's own fields, later. */
const specSchema = v.strictObject({
  version: v.literal(1, '1'),
  name: v.optional(nameSchema),
  seed: v.optional(integer(0, 4_294_967_295), 1),
  model: modelSchema,
  data: v.optional(dataSchema, {}),
  train: v.optional(trainSchema, {}),
  scheme: v.looseObject({ id: v.string('the id of a scheme') }, 'an object with an id'),
});

const budgetSchema = (kinds: readonly BudgetKind[]) => v.strictObject({ kind: oneOf(kinds), keep: above(0, 1) });

/**
 * Reads a spec: refuses unknown keys and impossible values (all of them at once, each with its path and what is
 * accepted) and fills in every default. Parsing its own result gives the same again. `schemes` are those on offer.
 */
export function parseSpec(input: unknown, schemes: readonly Scheme[]): ParsedSpec {
  const own = ownCopy(input);
  const shape = v.safeParse(specSchema, own);
  const scheme = schemes.find(({ id }) => id === schemeIdOf(own));
  const problems = shape.success ? [] : firstOfEachPath(shape.issues.flatMap((issue) => problemOf(issue)));
  if (!scheme && !problems.some(({ path }) => path.startsWith('scheme'))) {
    const known = schemes.map(({ id }) => id);
    problems.push(refusal('scheme.id', schemeIdOf(own), `one of ${known.join(', ')}`));
  }
  if (!shape.success || !scheme) return { ok: false, problems };

  const settled = settle(shape.output);
  problems.push(...settled.problems);
  if (problems.length > 0) return { ok: false, problems };
  return withScheme(settled.spec, shape.output.scheme, scheme, shape.output.name);
}

/** A plain copy without prototype tricks: `__proto__` becomes a key like any other, and is refused as unknown. */
function ownCopy(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > 8) return value;
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => ownCopy(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, ownCopy(item, depth + 1)]));
}

function schemeIdOf(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || !('scheme' in input)) return undefined;
  const { scheme } = input;
  return typeof scheme === 'object' && scheme !== null && 'id' in scheme ? scheme.id : undefined;
}

type Shape = v.InferOutput<typeof specSchema>;
type Unschemed = Omit<Spec, 'scheme' | 'name'>;

/** Fills in the defaults that depend on other keys, and checks what one key alone cannot tell. */
function settle({ version, seed, model, data, train }: Shape): { spec: Unschemed; problems: SpecProblem[] } {
  const problems: SpecProblem[] = [];
  const holdOut = data.holdOut ?? Math.max(1, Math.min(1_000, Math.floor(data.train / 10)));
  if (holdOut >= data.train)
    problems.push(refusal('data.holdOut', holdOut, `a whole number below data.train (${data.train})`));
  const trainedOn = data.train - holdOut;
  if (trainedOn > 0 && train.batchSize > trainedOn) {
    const most = `at most the ${trainedOn} images trained on (data.train less data.holdOut)`;
    problems.push(refusal('train.batchSize', train.batchSize, most));
  }
  if (train.steps !== undefined && train.epochs !== undefined) {
    problems.push({ path: 'train.epochs', message: 'train.epochs: give either train.steps or train.epochs, not both' });
  }
  const widest = Math.max(...convolutionsOf(buildNetwork(model.id, model.width)).map(({ filters }) => filters));
  if (widest > WIDEST_LAYER) {
    problems.push(
      refusal(
        'model.width',
        model.width,
        `a width that makes no layer wider than ${WIDEST_LAYER} channels (this one: ${widest})`,
      ),
    );
  }
  const { steps, epochs, evaluateEvery, ...rest } = train;
  const length = steps === undefined ? { epochs: epochs ?? 10 } : { steps };
  const unevaluated = { seed, data: { ...data, holdOut }, train: { ...rest, ...length, evaluateEvery: 1 } };
  const every = evaluateEvery ?? Math.max(1, Math.round(totalSteps(unevaluated) / 10));
  return { spec: { version, ...unevaluated, model, train: { ...unevaluated.train, evaluateEvery: every } }, problems };
}

/** Checks budget and options against the scheme and completes the spec. */
function withScheme(spec: Unschemed, given: Shape['scheme'], scheme: Scheme, name: string | undefined): ParsedSpec {
  const problems: SpecProblem[] = [];
  const { id: _, budget: givenBudget, ...givenOptions } = given;
  const budget = budgetOf(givenBudget, scheme, problems);

  const known = scheme.options.map(({ key }) => key);
  for (const key of Object.keys(givenOptions)) {
    if (!known.includes(key))
      problems.push(unknownKey(`scheme.${key}`, key, ['id', ...(scheme.budgets.length ? ['budget'] : []), ...known]));
  }
  const steps = totalSteps(spec);
  const options: Record<string, OptionValue> = {};
  const setting: OptionSetting = {
    steps,
    warmupSteps: warmupSteps(spec),
    keep: budget?.keep ?? 1,
    options,
  };
  for (const field of scheme.options) {
    const value = givenOptions[field.key];
    const result = v.safeParse(fieldSchema(field), value === undefined ? field.default(setting) : value);
    if (result.success) options[field.key] = result.output;
    else problems.push(refusal(`scheme.${field.key}`, value, result.issues[0].message));
  }
  if (problems.length === 0) {
    const contradiction = scheme.check?.(setting);
    if (contradiction) problems.push({ path: contradiction.split(':')[0] ?? 'scheme', message: contradiction });
  }
  if (problems.length > 0) return { ok: false, problems };
  const title = budget
    ? `${scheme.title} at ${Math.round(budget.keep * 1_000) / 10} % of the ${budget.kind}`
    : scheme.title;
  return {
    ok: true,
    spec: {
      version: spec.version,
      name: name ?? `${title}, ${spec.model.id}`,
      seed: spec.seed,
      model: spec.model,
      data: spec.data,
      train: spec.train,
      scheme: { id: scheme.id, ...(budget ? { budget } : {}), ...options },
    },
  };
}

function budgetOf(given: unknown, scheme: Scheme, problems: SpecProblem[]): Budget | undefined {
  const [first] = scheme.budgets;
  if (!first) {
    if (given !== undefined)
      problems.push({
        path: 'scheme.budget',
        message: `scheme.budget: the scheme ${scheme.id} prunes nothing and takes no budget; leave it out`,
      });
    return undefined;
  }
  if (given === undefined) return { kind: first, keep: 0.5 };
  if (Array.isArray(given)) {
    problems.push({
      path: 'scheme.budget',
      message: `scheme.budget: the scheme ${scheme.id} takes one budget, not a list`,
    });
    return undefined;
  }
  const result = v.safeParse(budgetSchema(scheme.budgets), given);
  if (result.success) return result.output;
  problems.push(...result.issues.flatMap((issue) => problemOf(issue, 'scheme.budget')));
  return undefined;
}

function fieldSchema(field: OptionField): v.GenericSchema<unknown, OptionValue> {
  switch (field.type) {
    case 'number':
      return number(field.min, field.max);
    case 'integer':
      return integer(field.min, field.max);
    case 'choice':
      return oneOf(field.choices.map(({ value }) => value));
    case 'boolean':
      return v.boolean('true or false');
  }
}

function problemOf(issue: v.BaseIssue<unknown>, prefix = ''): SpecProblem[] {
  const path = [prefix, v.getDotPath(issue) ?? ''].filter(Boolean).join('.');
  // A strict object names a key that it does not know; a missing key has `undefined` as input.
  if (issue.type === 'strict_object') {
    const last = issue.path?.at(-1)?.key;
    const key = typeof last === 'string' ? last : path;
    if (issue.expected === 'never') return [unknownKey(path, key, KEYS[path.split('.').slice(0, -1).join('.')] ?? [])];
    const missing = issue.path?.at(-1)?.origin === 'key';
    if (missing) return [{ path, message: `${path}: this key is missing and has no default` }];
    return [refusal(path || 'spec', issue.input, 'an object')];
  }
  return [refusal(path || 'spec', issue.input, issue.message)];
}

/** A value can break several rules at once; the first says enough. */
const firstOfEachPath = (problems: readonly SpecProblem[]): SpecProblem[] =>
  [...new Map([...problems].reverse().map((problem) => [problem.path, problem])).values()].reverse();

/** Known keys of each object of a spec, for suggestions. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(specSchema.entries),
  model: Object.keys(modelSchema.entries),
  data: Object.keys(dataSchema.entries),
  train: Object.keys(trainSchema.entries),
  'scheme.budget': ['kind', 'keep'],
};

function unknownKey(path: string, key: string, known: readonly string[]): SpecProblem {
  const close = nearest(key, known);
  const hint = close ? `; did you mean ${close}?` : '.';
  return { path, message: `${shorten(path)}: this key is not known${hint} Known here: ${known.join(', ')}.` };
}

const refusal = (path: string, found: unknown, accepted: string): SpecProblem => ({
  path,
  message:
    found === undefined
      ? `${path}: this key is missing; it must be ${accepted}`
      : `${path}: must be ${accepted}, not ${describe(found)}`,
});

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text);

/** What was found, as short and harmless text. */
function describe(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return shorten(text);
}
