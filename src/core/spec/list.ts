import * as v from 'valibot';
import type { ItemField, OptionField, OptionItem, OptionList, OptionSetting, PlainValue } from './options.ts';
import { type SpecProblem, pathOf, problem, refusal, unknownKey } from './problems.ts';
import { fieldSchema, isRecord, problemsOf } from './schema.ts';

export type ListField = OptionField & { readonly type: 'list' };

/**
 * Reads a list of objects, the value of the option at `path`: each key alone. Adds what is wrong to `problems`; what it
 * returns of such an entry is of no use. Of a list that is too long the first entries are read.
 */
export function readList(own: unknown, path: string, field: ListField, problems: SpecProblem[]): OptionList {
  const { least, most, item } = field;
  if (!Array.isArray(own) || own.length < least || own.length > most) {
    problems.push(refusal(path, own, `a list of ${least} to ${most} objects`));
    if (!Array.isArray(own)) return [];
  }
  const keys = item.map(({ key }) => key);
  return own.slice(0, most).map((entry: unknown, index): OptionItem => {
    const place = pathOf(path, String(index));
    if (!isRecord(entry)) {
      problems.push(refusal(place, entry, `an object with ${keys.join(', ')}`));
      return {};
    }
    for (const key of Object.keys(entry)) if (!keys.includes(key)) problems.push(unknownKey(place, key, keys));
    return Object.fromEntries(
      item.flatMap((of): [string, PlainValue][] => {
        const value = entry[of.key];
        if (value === undefined) return [];
        const result = v.safeParse(fieldSchema(of), value);
        if (!result.success) problems.push(...problemsOf(result.issues, pathOf(place, of.key)));
        return [[of.key, value as PlainValue]];
      }),
    );
  });
}

/**
 * Fills in the keys that entries leave out and take, in the order of the fields. Adds to `problems` what an entry gives
 * but does not take; of entries that have problems already that cannot be said.
 */
export function completeList(
  given: OptionList,
  path: string,
  field: ListField,
  setting: OptionSetting,
  problems: SpecProblem[] = [],
): OptionList {
  return given.map((entry, index) => {
    const place = pathOf(path, String(index));
    const sound = !problems.some((known) => known.path === place || known.path.startsWith(`${place}.`));
    const whole: Record<string, PlainValue> = {};
    for (const of of field.item) {
      const value = entry[of.key];
      if (takes(of, whole)) whole[of.key] = value ?? of.default(setting, index);
      else if (value !== undefined && sound) {
        problems.push(problem(pathOf(place, of.key), `leave this key out: it is ${of.only?.when}`));
      }
    }
    return whole;
  });
}

/** Whether an entry takes a key, by the values of the fields before it. */
export const takes = (field: ItemField, entry: OptionItem): boolean => field.only?.taken(entry) ?? true;
