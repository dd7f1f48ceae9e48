/** Markup: text that has been escaped, or was written here. */
export class Markup {
  constructor(readonly text: string) {}
}

type Part = Markup | string | number | null | readonly (Markup | string | number | null)[];

/** A template in which whatever is not markup itself is escaped. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Markup =>
  new Markup(strings.reduce((text, string, i) => text + markupOf(parts[i - 1] ?? null) + string));

function markupOf(part: Part): string {
  if (part === null) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(markupOf).join('');
  return escaped(String(part));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it stands in an element or a quoted attribute; characters that HTML does not allow are replaced. */
const escaped = (text: string): string =>
  text
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
    // eslint-disable-next-line no-control-regex -- these are what must go
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\p{Bidi_Control}]/gu, '\ufffd');
