import { parseSpec } from '../src/core/spec/parse.ts';
import { LONGEST_NAME, isRecord } from '../src/core/spec/schema.ts';
import type { Spec } from '../src/core/spec/spec.ts';
import type { Scheme } from '../src/core/scheme/scheme.ts';
import { InputError, counted } from './around.ts';
import { folderNames } from './specs.ts';

/** More runs than this are a slip. */
const MOST_MEMBERS = 10_000;
/** Levels below which nothing is looked at; specs have fewer. */
const DEEPEST = 8;

/** What a member of a sweep has at a key that the sweep varies. */
export interface Choice {
  readonly path: string;
  readonly label: string;
}

export interface SweepMember {
  readonly spec: Spec;
  /** Name of its folder, made from its choices alone: it stays when the sweep grows. */
  readonly directory: string;
  /** By key, as short as it can be without being another's, in the order of the sweep's file. */
  readonly varied: Readonly<Record<string, string>>;
}

/** A value without lists to try, and what was chosen for it. */
interface Branch {
  readonly value: unknown;
  readonly choices: readonly Choice[];
}

/** What to do with a list at a path: it is the value, its entries may hold lists to try, or it lists values to try. */
type ListRule = (path: string) => 'value' | 'entries' | 'sweep';

/**
 * The runs of a sweep: every combination of the values listed, those of later keys changing fastest. A list stands for
 * values to try wherever the key takes no list itself; `{ "sweep": [...] }` does so everywhere. Throws an InputError with a
 * sentence for each problem.
 */
export function sweepMembers(input: unknown, schemes: readonly Scheme[]): readonly SweepMember[] {
  if (!isRecord(input))
    throw new InputError(['A sweep is one spec, an object, in which lists stand for values to try.']);
  const branches = expand(input, '', (path) => (path === 'train.augment' ? 'value' : 'sweep'), schemes);
  const keys = shortKeys(branches.flatMap(({ choices }) => choices.map(({ path }) => path)));
  const varied = branches.map(({ choices }) =>
    choices.map(({ path, label }) => [keys.get(path) ?? path, label] as const),
  );
  const twice = repeated(varied.map((pairs) => pairs.map(([key, label]) => `${key} ${label}`).join(', ')));
  if (twice !== undefined) throw new InputError([`The sweep lists a value twice: ${twice}.`]);
  const parsed = branches.map(({ value }, i) => {
    const base = isRecord(value) ? value['name'] : undefined;
    const read = parseSpec(value, schemes);
    if (!read.ok) return read;
    return { ok: true as const, spec: { ...read.spec, name: nameOf(base ?? read.spec.name, varied[i] ?? [], i) } };
  });
  const problems = new Map<string, string>();
  parsed.forEach((read, i) => {
    if (read.ok) return;
    for (const { message } of read.problems) if (!problems.has(message)) problems.set(message, about(varied[i] ?? []));
  });
  if (problems.size > 0) throw new InputError([...problems].map(([message, where]) => message + where));
  const specs = parsed.flatMap((read) => (read.ok ? [read.spec] : []));
  const directories = folderNames(
    varied.map((pairs, i) =>
      pairs.length > 0
        ? seedLast(pairs)
            .map((pair) => pair.join('='))
            .join('_')
        : (specs[i]?.name ?? ''),
    ),
  );
  return specs.map((spec, i) => ({
    spec,
    directory: directories[i] ?? '',
    varied: Object.fromEntries(varied[i] ?? []),
  }));
}

function expand(value: unknown, path: string, rule: ListRule, schemes: readonly Scheme[]): readonly Branch[] {
  if (typeof value !== 'object' || value === null || path.split('.').length > DEEPEST) return [{ value, choices: [] }];
  const listed = valuesToTry(value, path, rule);
  if (listed) {
    const labels = labelsOf(listed);
    return bounded(
      listed.flatMap((one, i) =>
        expand(one, path, Array.isArray(one) ? () => 'value' : rule, schemes).map((branch) => ({
          value: branch.value,
          choices: [{ path, label: labels[i] ?? '' }, ...branch.choices],
        })),
      ),
    );
  }
  if (Array.isArray(value)) {
    if (rule(path) === 'value') return [{ value, choices: [] }];
    return product(
      Object.entries(value).map(([key, one]) => [
        key,
        (): readonly Branch[] => expand(one, `${path}.${key}`, rule, schemes),
      ]),
      (entries) => entries.map(([, one]) => one),
    );
  }
  const entries = Object.entries(value);
  const below = (key: string): string => (path ? `${path}.${key}` : key);
  if (path !== 'scheme') {
    return product(
      entries.map(([key, one]) => [key, () => expand(one, below(key), rule, schemes)]),
      Object.fromEntries,
    );
  }
  // Which of a scheme's keys take lists depends on the scheme.
  const { id, ...options } = value as Readonly<Record<string, unknown>>;
  return bounded(
    expand(id, 'scheme.id', rule, schemes).flatMap((chosen) =>
      product(
        Object.entries(options).map(([key, one]) => [
          key,
          () => expand(one, below(key), ruleOf(schemes.find((scheme) => scheme.id === chosen.value)), schemes),
        ]),
        (rest) => ({ id: chosen.value, ...Object.fromEntries(rest) }),
      ).map((branch) => ({ value: branch.value, choices: [...chosen.choices, ...branch.choices] })),
    ),
  );
}

/** Which options of a scheme take lists. */
function ruleOf(scheme: Scheme | undefined): ListRule {
  return (path) => {
    const [, key] = path.split('.');
    if (key === 'budget') return scheme?.severalBudgets && path === 'scheme.budget' ? 'entries' : 'sweep';
    const type = scheme?.options.find((option) => option.key === key)?.type;
    if (type === 'channels') return 'value';
    return type === 'list' && path === `scheme.${key}` ? 'entries' : 'sweep';
  };
}

function valuesToTry(value: object, path: string, rule: ListRule): readonly unknown[] | null {
  const marked = isRecord(value) && Object.keys(value).join() === 'sweep' ? value['sweep'] : undefined;
  const listed = marked ?? (Array.isArray(value) && rule(path) === 'sweep' ? value : undefined);
  if (listed === undefined) return null;
  if (!Array.isArray(listed) || listed.length === 0) {
    throw new InputError([`${path || 'sweep'}: the values to try must be a list of at least one.`]);
  }
  return listed;
}

/** All combinations of the branches of several keys. */
function product(
  keys: readonly (readonly [key: string, branches: () => readonly Branch[]])[],
  join: (entries: readonly (readonly [string, unknown])[]) => unknown,
): readonly Branch[] {
  let rows: readonly {
    readonly entries: readonly (readonly [string, unknown])[];
    readonly choices: readonly Choice[];
  }[] = [{ entries: [], choices: [] }];
  for (const [key, branches] of keys) {
    const own = branches();
    if (rows.length * own.length > MOST_MEMBERS) throw tooMany();
    rows = rows.flatMap((row) =>
      own.map(({ value, choices }) => ({
        entries: [...row.entries, [key, value] as const],
        choices: [...row.choices, ...choices],
      })),
    );
  }
  return rows.map(({ entries, choices }) => ({ value: join(entries), choices }));
}

function bounded(branches: readonly Branch[]): readonly Branch[] {
  if (branches.length > MOST_MEMBERS) throw tooMany();
  return branches;
}

const tooMany = (): Error =>
  new InputError([`The lists combine to more than ${counted(MOST_MEMBERS, 'run')}; split the sweep.`]);

/** What tells values apart: themselves, the ids of objects, or the values in which objects differ. */
function labelsOf(values: readonly unknown[]): readonly string[] {
  const plain = values.map(printed);
  if (!values.every(isRecord)) return plain;
  const ids = values.map((value) => printed(value['id']));
  if (values.every((value) => typeof value['id'] === 'string') && repeated(ids) === undefined) return ids;
  const leaves = values.map((value) => new Map(leavesOf(value, '')));
  const paths = [...new Set(leaves.flatMap((own) => [...own.keys()]))].filter(
    (path) => new Set(leaves.map((own) => own.get(path))).size > 1,
  );
  const labels = leaves.map((own) => paths.flatMap((path) => own.get(path) ?? []).join('-'));
  return repeated(labels) === undefined ? labels : values.map((_, i) => String(i + 1));
}

function leavesOf(value: unknown, path: string): readonly (readonly [string, string])[] {
  if (!isRecord(value)) return [[path, printed(value)]];
  return Object.entries(value).flatMap(([key, one]) => leavesOf(one, `${path}.${key}`));
}

function printed(value: unknown): string {
  if (Array.isArray(value)) return value.length > 0 ? value.map(printed).join('+') : 'none';
  return typeof value === 'object' && value !== null ? Object.values(value).map(printed).join('-') : String(value);
}

/** The last part of each path, or as many as tell it from the others. */
function shortKeys(paths: readonly string[]): ReadonlyMap<string, string> {
  const all = [...new Set(paths)];
  return new Map(
    all.map((path) => {
      const parts = path.split('.');
      const ends = parts.map((_, i) => parts.slice(parts.length - 1 - i).join('.'));
      const own = ends.find((end) => !all.some((other) => other !== path && `.${other}`.endsWith(`.${end}`)));
      return [path, own !== undefined && /^\d/.test(own) ? path : (own ?? path)] as const;
    }),
  );
}

/** The seed at the end: names of runs that differ by their seeds alone then begin alike. */
const seedLast = <Pair extends readonly [string, string]>(pairs: readonly Pair[]): readonly Pair[] => [
  ...pairs.filter(([key]) => key !== 'seed'),
  ...pairs.filter(([key]) => key === 'seed'),
];

function nameOf(base: unknown, varied: readonly (readonly [string, string])[], index: number): string {
  const parts = seedLast(varied)
    .filter(([key]) => key !== 'name')
    .map(([key, label]) => `, ${key} ${label}`);
  const name = `${String(base)}${parts.join('')}`;
  if (name.length <= LONGEST_NAME) return name;
  const number = ` (${index + 1})`;
  return name.slice(0, LONGEST_NAME - number.length).replace(/[\uD800-\uDBFF]$/, '') + number;
}

const about = (varied: readonly (readonly [string, string])[]): string =>
  varied.length > 0 ? ` (with ${varied.map((pair) => pair.join(' ')).join(', ')})` : '';

function repeated(values: readonly string[]): string | undefined {
  return values.find((value, i) => values.indexOf(value) < i);
}
