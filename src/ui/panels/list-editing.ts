import { type ListField, completeList } from '../../core/spec/list.ts';
import type { ItemField, OptionItem, OptionList, OptionSetting, PlainValue } from '../../core/spec/options.ts';

/** What a list option's defaults may look at, and where it stands in the spec. */
export interface ListPlace {
  readonly field: ListField;
  readonly path: string;
  readonly setting: OptionSetting;
}

/**
 * The entries that a form shows for what a draft says of a list (nothing: the default): with the defaults of keys that
 * are left out, without keys that an entry does not take. What is wrong in other ways stays, to be corrected.
 */
export function shownEntries(given: unknown, { field, path, setting }: ListPlace): OptionList {
  const list = Array.isArray(given) ? given.filter(isItem) : field.default(setting);
  return completeList(list, path, field, setting);
}

/** The list with a key of an entry set (undefined: its default); keys that the entry then takes or not follow. */
export function withValue(
  list: OptionList,
  index: number,
  key: string,
  value: PlainValue | undefined,
  place: ListPlace,
): OptionList {
  const changed = list.map((entry, i): OptionItem => {
    if (i !== index) return entry;
    const { [key]: _, ...others } = entry;
    return value === undefined ? others : { ...others, [key]: value };
  });
  return shownEntries(changed, place);
}

/** The list with one entry more, of defaults. */
export const withOneMore = (list: OptionList, place: ListPlace): OptionList => shownEntries([...list, {}], place);

/** The list without an entry. */
export const without = (list: OptionList, index: number): OptionList => list.toSpliced(index, 1);

/** The list with two neighbours in each other's place, but for what belongs to the place: `index` and the one after it. */
export function swappedAt(list: OptionList, index: number, { item }: ListField): OptionList {
  const [first, second] = list.slice(index, index + 2);
  if (!first || !second) return list;
  const stay = item.filter(({ key, ofPlace }) => ofPlace && key in first && key in second);
  const placed = (entry: OptionItem): OptionItem =>
    Object.fromEntries(stay.map(({ key }) => [key, entry[key]]).filter(isGiven));
  return list.toSpliced(index, 2, { ...second, ...placed(first) }, { ...first, ...placed(second) });
}

const isGiven = (pair: readonly unknown[]): pair is [string, PlainValue] => pair[1] !== undefined;

/** The fields that an entry of these values takes, in order. */
export const fieldsOf = (entry: OptionItem, { item }: ListField): readonly ItemField[] =>
  item.filter(({ key }) => key in entry);

const isItem = (entry: unknown): entry is OptionItem =>
  typeof entry === 'object' && entry !== null && !Array.isArray(entry);
