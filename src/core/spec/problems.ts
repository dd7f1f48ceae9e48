import { nearest } from './nearest.ts';

/** One thing wrong with a spec. */
export interface SpecProblem {
  /** Path of the key, such as `train.batchSize`. */
  readonly path: string;
  /** A sentence that begins with the path and says what was found and what is accepted. */
  readonly message: string;
}

/** A value that is not accepted, or a key that is missing (`found` is undefined). */
export function refusal(path: string, found: unknown, accepted: string): SpecProblem {
  return found === undefined
    ? problem(path, `this key is missing; it must be ${accepted}`)
    : problem(path, `must be ${accepted}, not ${describe(found)}`);
}

/** A key of the object at `parent` (empty: the spec itself) that is not among the `known` ones. */
export function unknownKey(parent: string, key: string, known: readonly string[]): SpecProblem {
  const close = nearest(key, known);
  const hint = close ? `; did you mean ${close}?` : '.';
  return problem(pathOf(parent, key), `this key is not known${hint} Known here: ${known.join(', ')}.`);
}

/** A problem whose sentence names its key, whatever the key looks like. */
export function problem(path: string, sentence: string): SpecProblem {
  const shown = harmless(path);
  return { path: shown, message: `${shown}: ${sentence}` };
}

export const pathOf = (parent: string, key: string): string => (parent ? `${parent}.${key}` : key);

/** What was found, as short text. */
function describe(value: unknown): string {
  // JSON would turn NaN and Infinity into null.
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return harmless(JSON.stringify(value) ?? typeof value);
}

/** Text of others on its way to a page or a terminal: short, nothing that moves the cursor or turns the writing round. */
function harmless(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return short.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '\ufffd');
}
