import { isRecord } from './schema.ts';
import type { Spec } from './spec.ts';

/** A key in which specs differ, and what each of them says of it. */
export interface Difference {
  /** Dotted, such as `scheme.budget.keep`. */
  readonly path: string;
  /** In the order of the specs, for people; a dash where a spec has no such key. */
  readonly values: readonly string[];
}

const LACKING = '–';
/** A name says nothing of what is run, and there is one version. */
const IGNORED = ['version', 'name'];

/** The keys in which at least two specs differ, in a spec's order. */
export function differencesBetween(specs: readonly Spec[]): readonly Difference[] {
  const flat = specs.map((spec) => new Map(leavesOf(spec, '')));
  return orderOf(flat.map((leaves) => [...leaves.keys()]))
    .filter((path) => !IGNORED.includes(path))
    .map((path) => ({ path, values: flat.map((leaves) => leaves.get(path) ?? LACKING) }))
    .filter(({ values }) => new Set(values).size > 1);
}

/** Every key below `value` with its printed value; lists of plain values are one value. */
function leavesOf(value: unknown, path: string): [path: string, printed: string][] {
  if (value === undefined) return [];
  const nested = isRecord(value) || (Array.isArray(value) && value.some(isRecord));
  if (!nested) return [[path, printed(value)]];
  return Object.entries(value).flatMap(([key, item]) => leavesOf(item, path ? `${path}.${key}` : key));
}

function printed(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length > 0 ? value.map(printed).join(', ') : 'none';
  return String(value);
}

/** The keys of all lists once each: those that a list adds stand before the key that follows them there, else last. */
function orderOf(lists: readonly (readonly string[])[]): readonly string[] {
  const order: string[] = [];
  for (const list of lists) {
    let place = order.length;
    for (const key of list.toReversed()) {
      const found = order.indexOf(key);
      if (found < 0) order.splice(place, 0, key);
      else place = found;
    }
  }
  return order;
}
