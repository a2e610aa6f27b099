/** What pages are written on: a width, and ink that is coloured on a terminal and nothing elsewhere. */

export interface Paper {
  width: number;
  ink: Ink;
  /** A terminal shows it, not a file or a program. */
  terminal: boolean;
  now: Date;
  /** A command to type next, about the same assistant. */
  command: (words: string, scope?: { assistant: string; organization: string }) => string;
}

export type Ink = Record<
  "bold" | "dim" | "good" | "alert" | "gone" | "come" | "strong",
  (text: string) => string
>;

export function inkOf(coloured: boolean): Ink {
  const pen = (on: number, off: number) => (text: string) =>
    coloured && text !== "" ? `\x1b[${on}m${text}\x1b[${off}m` : text;
  return {
    bold: pen(1, 22),
    dim: pen(2, 22),
    good: pen(32, 39),
    alert: pen(33, 39),
    gone: pen(31, 39),
    come: pen(32, 39),
    strong: pen(7, 27),
  };
}

/**
 * Text of models and people as a terminal may have it: what would move the cursor, change colours or turn the reading
 * direction is shown as a mark.
 */
export function clean(text: string): string {
  return text.replace(/\r\n/gu, "\n").replace(/\t/gu, "  ").replace(
    /(?!\n)[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    "\ufffd",
  );
}

/** Lines of at most `width` characters; a word that is longer has a line of its own. Line breaks stay. */
export function wrap(text: string, width: number): string[] {
  return clean(text).split("\n").flatMap((paragraph) => wrapLine(paragraph, width));
}

function wrapLine(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/u).filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && lengthOf(last) + 1 + lengthOf(word) <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines.length > 0 ? lines : [""];
}

/** Characters that a terminal shows: without colours. */
export function lengthOf(text: string): number {
  // deno-lint-ignore no-control-regex -- colours begin with one
  return [...text.replace(/\x1b\[\d+m/gu, "")].length;
}

export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - lengthOf(text)));
}

/** "1 answer", "2 answers". */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** "99.7 %": down to tenths, and never up to certainty. */
export function percent(share: number): string {
  return `${Math.floor(share * 1000 + 1e-6) / 10} %`;
}

export function score(value: number | null): string {
  return value === null ? "–" : value.toFixed(2);
}

/** Labels on the left, what they say on the right. Lines of a value keep their colours and their breaks. */
export function labelled(rows: [label: string, lines: string[]][], { ink }: Paper): string[] {
  const width = Math.max(...rows.map(([label]) => label.length)) + 2;
  return rows.flatMap(([label, lines]) =>
    lines.map((line, index) => `  ${ink.dim((index === 0 ? label : "").padEnd(width))}${line}`)
  );
}

/** How many characters `labelled` leaves for what its labels say. */
export function besideLabels(labels: string[], { width }: Paper): number {
  return Math.max(20, width - 4 - Math.max(...labels.map((label) => label.length)));
}
