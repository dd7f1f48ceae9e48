/** JSON has no word for some numbers (a loss can be NaN); as these objects they survive. */
const WORDS = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

/** As JSON.stringify, but numbers that JSON has no word for become `{ "$number": "NaN" }`. */
export const stringify = (value: unknown): string =>
  JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? { $number: String(item) } : item,
  );

/** Reads `stringify`. Throws as JSON.parse does. */
export const parse = (json: string): unknown =>
  // Asked of few texts only: a log has millions of values.
  json.includes('"$number"') ? JSON.parse(json, (_key, item: unknown) => numberOf(item)) : JSON.parse(json);

function numberOf(item: unknown): unknown {
  if (typeof item !== 'object' || item === null || !('$number' in item)) return item;
  const { $number: word, ...rest } = item;
  return (typeof word === 'string' && Object.keys(rest).length === 0 ? WORDS.get(word) : undefined) ?? item;
}
