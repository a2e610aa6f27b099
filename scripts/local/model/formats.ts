/** Formats an answer can come in, told from plain Markdown: which one is asked for, which one comes by chance. */
import { sentencesOf } from "./text.ts";

/** By chance, in these shares. */
const SHARES = { prose: 0.4, list: 0.25, table: 0.2, code: 0.15 };

export type Format = keyof typeof SHARES;

export const FORMATS = Object.keys(SHARES) as Format[];

/** What an instruction calls it; a system prompt that says so asks for it. */
export const NAMES: Record<Format, string> = {
  prose: "plain prose",
  list: "a bulleted list",
  table: "a markdown table",
  code: "a fenced code block",
};

/** A sentence of the system prompt that asks for a format, without forbidding it; of several the last. */
export function formatAsked(systemPrompt: string): Format | null {
  const asked = sentencesOf(systemPrompt).filter((sentence) => !FORBIDS.test(sentence)).flatMap((sentence) => {
    const [, named] = ASKS.exec(sentence) ?? [];
    return named ? [NAMED[named.toLowerCase()]] : [];
  });
  return asked.at(-1) ?? null;
}

export const FORBIDS = /\b(do not|don['’]t|never|no|without|avoid|skip)\b/iu;
const ASKS = /\b(?:answer|reply|respond)\b.{0,40}?\b(?:with|in|as)\b.{0,40}?\b(prose|list|table|code block)\b/iu;
const NAMED: Record<string, Format> = { prose: "prose", list: "list", table: "table", "code block": "code" };

/** The same message gets the same format, and one is as good as thrown by dice. */
export function formatByChance(message: string): Format {
  let left = shareOf(message);
  return FORMATS.find((format) => (left -= SHARES[format]) < 0) ?? "prose";
}

/** The points of an answer in a format, and in no other. */
export function inFormat(format: Format, points: string[]): string {
  const several = points.length > 1 ? points : [...points, "Then try it on one case whose outcome you know."];
  switch (format) {
    case "prose":
      return points.join(" ");
    case "list":
      return `Point by point:\n\n${several.map((point) => `- ${point}`).join("\n")}`;
    case "table":
      return `As a table:\n\n| no. | point |\n| --- | --- |\n${several.map(row).join("\n")}`;
    case "code":
      return `As code:\n\n\`\`\`text\n${several.map((point) => `# ${point}`).join("\n")}\n\`\`\``;
  }
}

function row(point: string, index: number): string {
  return `| ${index + 1} | ${point} |`;
}

/** From 0 up to 1: FNV-1a, its bits mixed once more. */
export function shareOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
