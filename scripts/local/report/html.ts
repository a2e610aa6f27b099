/** HTML in which no value is markup unless it was made here: what people and models wrote is escaped. */

/** Finished markup; nothing else than `markup` and `raw` makes it. */
export class Html {
  constructor(readonly text: string) {}
}

export type Value = Html | string | number | null | undefined | false | Value[];

/** A template whose values are escaped, lists joined, and absent ones left out. */
export function markup(parts: TemplateStringsArray, ...values: Value[]): Html {
  return new Html(parts.reduce((all, part, index) => all + markupOf(values[index - 1]) + part));
}

/** For text of the project's own, such as the style sheet. */
export function raw(text: string): Html {
  return new Html(text);
}

/**
 * Text of people and models. Characters that hide, or that turn the order of others round, are shown by their number
 * and kept to themselves, so that a prompt reads on the page as it reads to a model.
 */
export function prose(text: string): Html {
  return markup`${
    text.split(UNSEEN).map((piece, index) =>
      index % 2 === 0 ? piece : markup`<span class="unseen" data-code="${codeOf(piece)}">${piece}</span>`
    )
  }`;
}

/** Zero-width ones, overrides and isolates of direction, and the tags that spell text no font draws. */
const UNSEEN = /([\u{200B}\u{2060}\u{FEFF}\u{202A}-\u{202E}\u{2066}-\u{2069}\u{E0000}-\u{E007F}])/u;
// deno-lint-ignore no-control-regex -- they are what is looked for
const NOT_FOR_HTML = /[\u{0}-\u{8}\u{B}\u{C}\u{E}-\u{1F}\u{7F}-\u{9F}]/gu;
const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function markupOf(value: Value): string {
  if (value === null || value === undefined || value === false) return "";
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(markupOf).join("");
  return escape(String(value));
}

function escape(text: string): string {
  return text.toWellFormed().replace(NOT_FOR_HTML, "\u{FFFD}").replace(/[&<>"']/gu, (character) => ESCAPES[character]);
}

function codeOf(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}
