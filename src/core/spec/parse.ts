import * as v from 'valibot';
import { buildNetwork, convolutionsOf } from '../network/index.ts';
import type { Scheme } from '../scheme/scheme.ts';
import { completeList, readList } from './list.ts';
import type { OptionList, OptionSetting, OptionValue } from './options.ts';
import { type SpecProblem, problem, refusal, unknownKey } from './problems.ts';
import {
  MOST_STEPS,
  type SpecShape,
  WIDEST_LAYER,
  budgetEntries,
  budgetSchema,
  entryProblems,
  fieldSchema,
  isRecord,
  problemsOf,
  specSchema,
  unknownKeys,
} from './schema.ts';
import { type Budget, type Spec, budgetsOf, stepsPerEpoch, totalSteps, warmupSteps } from './spec.ts';

export type { SpecProblem } from './problems.ts';

export type ParsedSpec =
  | { readonly ok: true; readonly spec: Spec }
  | { readonly ok: false; readonly problems: readonly SpecProblem[] };

/** A spec but for its scheme; the name may follow from the scheme. */
type Frame = Omit<Spec, 'scheme' | 'name'> & { readonly name: string | undefined };

/** A scheme with what the spec gives of its options. */
interface Choice {
  readonly scheme: Scheme;
  readonly budget: Spec['scheme']['budget'];
  readonly given: Readonly<Record<string, OptionValue>>;
}

/**
 * Reads a spec from JSON: refuses unknown keys and impossible values (all of them at once, each with its path and what
 * is accepted) and fills in every default. Parsing its own result gives the same again. `schemes` are those on offer.
 */
export function parseSpec(input: unknown, schemes: readonly Scheme[]): ParsedSpec {
  const own = ownCopy(input);
  const problems = unknownKeys(own, '');
  const frame = readFrame(own, problems);
  const choice = isRecord(own) ? readChoice(own['scheme'], schemes, problems) : null;
  return frame && choice ? complete(frame, choice, problems) : { ok: false, problems };
}

/** Levels of a spec: itself, its scheme, a list, an entry of it, a value. Nothing below is looked at. */
const DEEPEST = 5;
/** The longest list: one entry more than a layer's channels, so that one that is too long is found out. */
const LONGEST_LIST = WIDEST_LAYER + 1;

/** A plain copy without prototype tricks: `__proto__` becomes a key like any other, and is refused as unknown. */
function ownCopy(value: unknown, depth = 0): unknown {
  // JSON has no -0.
  if (value === 0) return 0;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEEPEST) return '...';
  if (Array.isArray(value)) return value.slice(0, LONGEST_LIST).map((item) => ownCopy(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, ownCopy(item, depth + 1)]));
}

/** Reads everything but the scheme, one key at a time, then together. Null when a key alone is wrong. */
function readFrame(own: unknown, problems: SpecProblem[]): Frame | null {
  const shape = v.safeParse(specSchema, own);
  if (!shape.success) {
    problems.push(...problemsOf(shape.issues));
    return null;
  }
  const frame = settle(shape.output);
  problems.push(...contradictions(shape.output, frame));
  return frame;
}

/** Fills in the defaults that depend on other keys. */
function settle({ version, name, seed, model, data: givenData, train: givenTrain }: SpecShape): Frame {
  const { steps, epochs, evaluateEvery, ...optimiser } = givenTrain;
  const { train, test } = givenData;
  const holdOut = givenData.holdOut ?? Math.max(1, Math.min(1_000, Math.floor(train / 10)));
  const data = { train, test, holdOut };
  const length = steps === undefined ? { epochs: epochs ?? 10 } : { steps };
  const run = totalSteps({ data, train: { ...optimiser, ...length, evaluateEvery: 1 } });
  const every = evaluateEvery ?? Math.max(1, Math.round(run / 10));
  return { version, name, seed, model, data, train: { ...optimiser, ...length, evaluateEvery: every } };
}

/** What one key alone cannot tell. */
function contradictions(given: SpecShape, { model, data, train }: Frame): SpecProblem[] {
  const problems: SpecProblem[] = [];
  const trainedOn = data.train - data.holdOut;
  if (trainedOn <= 0) {
    problems.push(refusal('data.holdOut', data.holdOut, `a whole number below data.train (${data.train})`));
  } else if (train.batchSize > trainedOn) {
    const most = `at most the ${trainedOn} images trained on (data.train less data.holdOut)`;
    problems.push(refusal('train.batchSize', train.batchSize, most));
  }
  if (given.train.steps !== undefined && given.train.epochs !== undefined) {
    problems.push(problem('train.epochs', 'give either train.steps or train.epochs, not both'));
  }
  if (totalSteps({ data, train }) > MOST_STEPS) {
    const most = Math.floor(MOST_STEPS / stepsPerEpoch({ data, train }));
    problems.push(
      refusal('train.epochs', train.epochs, `at most ${most}, so that the run has no more than ${MOST_STEPS} steps`),
    );
  }
  const widest = Math.max(...convolutionsOf(buildNetwork(model.id, model.width)).map(({ filters }) => filters));
  if (widest > WIDEST_LAYER) {
    const narrower = `a width that makes no layer wider than ${WIDEST_LAYER} channels (this one: ${widest})`;
    problems.push(refusal('model.width', model.width, narrower));
  }
  return problems;
}

/** Reads the scheme with those of its options that are given. Null when there is no such scheme. */
function readChoice(own: unknown, schemes: readonly Scheme[], problems: SpecProblem[]): Choice | null {
  const known = `one of ${schemes.map(({ id }) => id).join(', ')}`;
  if (!isRecord(own)) {
    problems.push(refusal('scheme', own, `an object with an id, ${known}`));
    return null;
  }
  const scheme = schemes.find(({ id }) => id === own['id']);
  if (!scheme) {
    problems.push(refusal('scheme.id', own['id'], known));
    return null;
  }
  const keys = ['id', ...(scheme.budgets.length > 0 ? ['budget'] : []), ...scheme.options.map(({ key }) => key)];
  for (const key of Object.keys(own)) {
    // A budget where none is taken gets a sentence of its own.
    if (key !== 'budget' && !keys.includes(key)) problems.push(unknownKey('scheme', key, keys));
  }
  const budget = readBudget(own['budget'], scheme, problems);
  const given: Record<string, OptionValue> = {};
  for (const field of scheme.options) {
    const value = own[field.key];
    if (value === undefined) continue;
    const path = `scheme.${field.key}`;
    if (field.type === 'list') {
      given[field.key] = readList(value, path, field, problems);
      continue;
    }
    const result = v.safeParse(fieldSchema(field), value);
    if (!result.success) problems.push(...problemsOf(result.issues, path));
    else {
      given[field.key] = result.output;
      problems.push(...entryProblems(path, result.output));
    }
  }
  return { scheme, budget, given };
}

function readBudget(own: unknown, scheme: Scheme, problems: SpecProblem[]): Choice['budget'] {
  const [first] = scheme.budgets;
  if (!first) {
    const sentence = `the scheme ${scheme.id} takes no budget; leave it out`;
    if (own !== undefined) problems.push(problem('scheme.budget', sentence));
    return undefined;
  }
  if (own === undefined) return { kind: first, keep: 0.5 };
  if (!Array.isArray(own)) return readOneBudget(own, 'scheme.budget', scheme, problems);
  if (!scheme.severalBudgets) {
    problems.push(problem('scheme.budget', `the scheme ${scheme.id} takes one budget, not a list`));
    return undefined;
  }
  const list = own.flatMap((one, i) => readOneBudget(one, `scheme.budget.${i}`, scheme, problems) ?? []);
  if (own.length === 0 || new Set(list.map(({ kind }) => kind)).size < list.length) {
    problems.push(
      problem('scheme.budget', `must be a budget, or a list with one each of ${scheme.budgets.join(', ')}`),
    );
    return undefined;
  }
  return list;
}

function readOneBudget(own: unknown, path: string, scheme: Scheme, problems: SpecProblem[]): Budget | undefined {
  problems.push(...unknownKeys(own, path, budgetEntries(scheme.budgets)));
  const result = v.safeParse(budgetSchema(scheme.budgets), own);
  if (result.success) return result.output;
  problems.push(...problemsOf(result.issues, path));
  return undefined;
}

/**
 * Fills in the scheme's defaults, in the order of its options, and lets the scheme look at the whole. `problems` are those
 * found so far.
 */
function complete({ name, ...frame }: Frame, { scheme, budget, given }: Choice, problems: SpecProblem[]): ParsedSpec {
  const options: Record<string, OptionValue> = {};
  const setting: OptionSetting = {
    network: buildNetwork(frame.model.id, frame.model.width),
    steps: totalSteps(frame),
    warmupSteps: warmupSteps(frame),
    keep: Math.min(1, ...budgetsOf(budget).map(({ keep }) => keep)),
    budget,
    options,
  };
  for (const field of scheme.options) {
    const value = given[field.key] ?? field.default(setting);
    // What entries of a list do not take follows from their other keys, defaults among them.
    options[field.key] =
      field.type === 'list'
        ? completeList(value as OptionList, `scheme.${field.key}`, field, setting, problems)
        : value;
  }
  if (problems.length > 0) return { ok: false, problems };
  const contradiction = scheme.check?.(setting);
  if (contradiction) {
    return { ok: false, problems: [{ path: contradiction.split(':')[0] ?? 'scheme', message: contradiction }] };
  }
  const { version, ...rest } = frame;
  return {
    ok: true,
    spec: {
      version,
      name: name ?? nameOf(frame, scheme, budget),
      ...rest,
      scheme: { id: scheme.id, ...(budget ? { budget } : {}), ...options },
    },
  };
}

/** The name of a run that was given none. */
function nameOf({ model }: Pick<Frame, 'model'>, scheme: Scheme, budget: Choice['budget']): string {
  const shares = budgetsOf(budget).map(
    ({ kind, keep }) => `${Math.round(keep * 1_000) / 10} % of the ${kind === 'macs' ? 'MACs' : kind}`,
  );
  return `${scheme.title}${shares.length > 0 ? ` at ${shares.join(' and ')}` : ''}, ${model.id}`;
}
