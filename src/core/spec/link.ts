/** A link longer than this is refused unread. */
const LONGEST = 65_536;

export type DecodedLink =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

/** The fragment `#spec=...` of a spec (or a list of them): percent-encoded JSON. */
export const encodeLink = (spec: unknown): string => `#spec=${encodeURIComponent(JSON.stringify(spec))}`;

/**
 * Reads a fragment. Null when it carries no spec; otherwise the unparsed JSON, from percent-encoded JSON or from its
 * compact form (base64url), or a sentence that says what is wrong with the link.
 */
export function decodeLink(fragment: string): DecodedLink | null {
  const match = /^#?spec=(.*)$/s.exec(fragment);
  const text = match?.[1];
  if (text === undefined) return null;
  const refuse = (what: string): DecodedLink => ({
    ok: false,
    message: `spec: the link ${what}. Ask for a new link, or start from a preset.`,
  });
  if (text.length > LONGEST) return refuse(`is longer than ${LONGEST} characters`);
  try {
    const json = /^[\w-]+={0,2}$/.test(text) ? fromBase64Url(text) : decodeURIComponent(text);
    return { ok: true, value: JSON.parse(json) };
  } catch {
    return refuse('is damaged: it does not hold a spec in JSON');
  }
}

function fromBase64Url(text: string): string {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return new TextDecoder('utf-8', { fatal: true }).decode(
    Uint8Array.from(binary, (character) => character.charCodeAt(0)),
  );
}
