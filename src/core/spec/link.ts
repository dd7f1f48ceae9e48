import { refusal } from './problems.ts';

/** A link longer than this is refused unread. */
const LONGEST = 65_536;

export type DecodedLink =
  /** `hidden`: what follows `&hidden=`, for `readHidden`; absent without. */
  | { readonly ok: true; readonly value: unknown; readonly hidden?: string }
  | { readonly ok: false; readonly message: string };

/**
 * The fragment `#spec=...` of a spec (or a list of them): percent-encoded JSON. `hidden`: places in the list, from 0, of the
 * runs that the sender hid; where there are any, `&hidden=2,3` follows, which counts the runs as a reader does, from 1.
 */
export const encodeLink = (spec: unknown, hidden: readonly number[] = []): string => {
  const places = hidden.map((place) => place + 1).join(',');
  return `#spec=${encodeURIComponent(JSON.stringify(spec))}${places && `&hidden=${places}`}`;
};

/**
 * Reads a fragment. Null when it carries no spec; otherwise the unparsed JSON, from percent-encoded JSON or from its
 * compact form (base64url), or a sentence that says what is wrong with the link.
 */
export function decodeLink(fragment: string): DecodedLink | null {
  const match = /^#?spec=(.*)$/s.exec(fragment);
  const link = match?.[1];
  if (link === undefined) return null;
  const refuse = (what: string): DecodedLink => ({
    ok: false,
    message: `spec: the link ${what}. Ask for a new link, or start from a preset.`,
  });
  if (link.length > LONGEST) return refuse(`is longer than ${LONGEST} characters`);
  const [text = '', ...more] = link.split('&hidden=');
  try {
    const json = /^[\w-]+={0,2}$/.test(text) ? fromBase64Url(text) : decodeURIComponent(text);
    const value: unknown = JSON.parse(json);
    return { ok: true, value, ...(more.length > 0 ? { hidden: more.join('&hidden=') } : {}) };
  } catch {
    return refuse('is damaged: it does not hold a spec in JSON');
  }
}

/** Places in the list, from 0, of the runs that a link hides, or why its `hidden` cannot be followed: a sentence. */
export type HiddenRuns =
  | { readonly ok: true; readonly places: readonly number[] }
  | { readonly ok: false; readonly message: string };

/** Reads what a link says after `&hidden=`: numbers of its `runs` runs, from 1, each once, such as `2,3`. */
export function readHidden(text: string, runs: number): HiddenRuns {
  const refuse = (sentence: string): HiddenRuns => ({ ok: false, message: `${sentence}. All runs are shown.` });
  if (runs === 1) return refuse('hidden: leave it out; a link to one run hides none');
  const numbers = text.replaceAll(/%2C/gi, ',').split(',');
  const sound = numbers.every((number) => /^[1-9]$/.test(number) && Number(number) <= runs);
  if (sound && new Set(numbers).size === numbers.length) {
    return { ok: true, places: numbers.map((number) => Number(number) - 1) };
  }
  const accepted = `numbers of runs from 1 to ${runs}, each once, with commas between them`;
  return refuse(refusal('hidden', text, accepted).message);
}

function fromBase64Url(text: string): string {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return new TextDecoder('utf-8', { fatal: true }).decode(
    Uint8Array.from(binary, (character) => character.charCodeAt(0)),
  );
}
