/** How the demo's report looks on a terminal. */
import { sentencesOf } from "./model/text.ts";
import type {
  DemoReport,
  LearningReport,
  PatternReport,
  ProofReport,
  TestReport,
  VersionReport,
} from "./report/data.ts";
import { evidenceInWords } from "./report/learned.ts";
import { budgetInWords, placebosInWords, reasonInWords } from "./report/proof.ts";
import { percent, sureness } from "./report/words.ts";

export type VersionRow = Pick<
  VersionReport,
  "version" | "answers" | "mean_overall" | "mean_by_criterion" | "change_reason"
>;

/** The table of versions, no line wider than `width` characters. */
export function versionTable(versions: VersionRow[], width: number): string {
  const criteria = [...new Set(versions.flatMap((version) => Object.keys(version.mean_by_criterion)))];
  const header = ["version", "answers", "overall", ...criteria.map(shortName)];
  const rows = versions.map((version) => [
    String(version.version),
    String(version.answers),
    score(version.mean_overall),
    ...criteria.map((key) => score(version.mean_by_criterion[key])),
  ]);
  const numbers = (cells: string[]) => cells.map((cell, index) => cell.padStart(header[index].length)).join("  ");
  const left = numbers(header).length + 2;
  const beside = width - left >= MIN_REASON_WIDTH;
  const indent = beside ? left : 4;
  const lines = rows.flatMap((row, index) => {
    const [first = "", ...rest] = wrap(versions[index].change_reason ?? "", width - indent);
    const more = rest.map((line) => " ".repeat(indent) + line);
    return beside ? [`${numbers(row)}  ${first}`, ...more] : [numbers(row), " ".repeat(indent) + first, ...more];
  });
  return [numbers(header) + (beside ? "  change reason" : ""), ...lines].map((line) => line.trimEnd()).join("\n");
}

/** What came into the prompt and what went out of it, sentence by sentence. */
export function promptDifference({ first, last }: DemoReport["prompts"], width: number): string {
  const [before, after] = [sentencesOf(first), sentencesOf(last)];
  const removed = before.filter((sentence) => !after.includes(sentence)).map((sentence) => `- ${sentence}`);
  const added = after.filter((sentence) => !before.includes(sentence)).map((sentence) => `+ ${sentence}`);
  const kept = before.length - removed.length;
  const lines = [`  (${kept} of ${before.length} sentences kept)`, ...removed, ...added].map((line) =>
    cut(line, width)
  );
  const more = lines.length - MAX_DIFFERENCE_LINES;
  return [...lines.slice(0, MAX_DIFFERENCE_LINES), ...(more > 0 ? [`  … ${more} lines more`] : [])].join("\n");
}

/** Each organisation's patterns, no line wider than `width` characters. */
export function learnedLines({ organizations }: Pick<LearningReport, "organizations">, width: number): string {
  return organizations.flatMap(({ name, patterns }) => [
    `${name}: ${patterns.length === 0 ? "nothing" : ""}`.trimEnd(),
    ...patterns.flatMap((pattern) => patternLines(pattern, width)),
  ]).join("\n");
}

function patternLines({ state, instruction, confidence, influence, evidence }: PatternReport, width: number): string[] {
  const numbers = `confidence ${sureness(confidence)}, influence ${percent(influence)}`;
  const said = [instruction ?? "(its words are gone)", `${numbers}. ${evidenceInWords(evidence)}`];
  const [first, ...rest] = said.flatMap((text) => wrap(text, width - STATE_WIDTH - 2));
  const indent = " ".repeat(STATE_WIDTH + 2);
  return [`  ${state.padEnd(STATE_WIDTH)}${first}`, ...rest.map((line) => indent + line)];
}

/** Each test in a few lines, under its assistant, and below them what the year may be wrong by. */
export function testLines({ assistants }: Pick<ProofReport, "assistants">, width: number): string {
  return assistants.flatMap(({ name, tests, budget, placebos }) => [
    ...wrap(`${name}: ${tests.length === 0 ? "no tests" : ""}`.trimEnd(), width),
    ...tests.flatMap((test) => linesOf(test, width)),
    ...wrap(`${budgetInWords(budget)} ${placebosInWords(placebos)}`, width - 2).map((line) => `  ${line}`),
  ]).join("\n");
}

function linesOf(test: TestReport, width: number): string[] {
  const { verdict, version, baseline_version, placebo, words, reason, stage, receipt } = test;
  const against = verdict === "rolled_back" ? "back to" : "against";
  const what = `version ${version}${placebo ? " (a placebo)" : ""} ${against} ${baseline_version}, ${stage}: `;
  const checked = receipt && ` Receipt ${receipt.id.slice(0, 8)} ${receipt.verified ? "verified" : "does NOT match"}.`;
  const [first, ...rest] = wrap(
    `${what}${reasonInWords(reason)}.${words ? ` ${words}` : ""}${checked ?? ""}`,
    width - VERDICT_WIDTH - 2,
  );
  const indent = " ".repeat(VERDICT_WIDTH + 2);
  return [`  ${verdict.replace("_", " ").padEnd(VERDICT_WIDTH)}${first}`, ...rest.map((line) => indent + line)];
}

const VERDICT_WIDTH = 13;
const STATE_WIDTH = 11;
const MIN_REASON_WIDTH = 24;
const MAX_DIFFERENCE_LINES = 14;

/** `missed_opportunities` → `missed`, `completeness` → `complete`. */
function shortName(key: string): string {
  return key.split("_")[0].slice(0, 8);
}

function score(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : value.toFixed(2);
}

function wrap(text: string, width: number): string[] {
  return text.split(/\s+/u).reduce<string[]>((lines, word) => {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length === 0 || longer.length > width) return [...lines, cut(word, width)];
    return [...lines.slice(0, -1), longer];
  }, []);
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
