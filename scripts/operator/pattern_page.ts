/** What was learned, as operators read it. */
import type { LearningRun, Pattern, Transition } from "./answers.ts";
import { shortIds } from "./list_pages.ts";
import { type Paper, percent, wrap } from "./paper.ts";
import { ago, stamp } from "./times.ts";

/** From what is shown, or may be, to what has ended. */
export const STATES = ["candidate", "trial", "active", "warmdown", "pruned", "reverted", "withdrawn"];

/** True of one that can be taken back. */
export function lives({ state }: Pick<Pattern, "state">): boolean {
  return STATES.indexOf(state) < STATES.indexOf("pruned");
}

export function patternsPage(
  patterns: Pattern[],
  run: LearningRun | null,
  state: string | undefined,
  paper: Paper,
): string {
  const head = runLines(run, paper).join("\n");
  if (patterns.length === 0) {
    return `${head}\n\n${state ? `No pattern is ${state}.` : "No pattern has been found yet."}`;
  }
  const short = shortIds(patterns.map((one) => one.pattern_id));
  return [head, ...patterns.map((one, index) => section(one, short[index], paper))].join("\n\n");
}

function runLines(run: LearningRun | null, { width, ink, now }: Paper): string[] {
  if (!run) return ["No learning run has come to its end yet."];
  const pen = run.crash ? ink.alert : (text: string) => text;
  return [
    ink.dim(`Last learning run: ${stamp(run.at)} (${ago(run.at, now)})`),
    ...wrap(run.message ?? "", width - 2).map((line) => `  ${pen(line)}`.trimEnd()),
  ];
}

function section(one: Pattern, id: string, paper: Paper): string {
  const { width, ink, command } = paper;
  const pens: Record<string, (text: string) => string> = { active: ink.good, warmdown: ink.alert };
  const facts = [
    one.state,
    ...(lives(one) ? [`influence ${percent(one.influence)}`] : []),
    `confidence ${percent(one.confidence)}`,
    `${one.question_type} questions${one.data_source ? ` about ${one.data_source}` : ""}`,
    `${one.dimension} ${one.value}`,
  ];
  const indented = (text: string, pen: (line: string) => string = (line) => line) =>
    wrap(text, width - 2).map((line) => `  ${pen(line)}`);
  const [first, ...more] = wrap(facts.join(" · "), width - id.length - 2);
  const [last] = one.transitions;
  return [
    `${ink.bold(id)}  ${ink.dim(first)}`,
    ...more.map((line) => `${" ".repeat(id.length + 2)}${ink.dim(line)}`),
    ...indented(one.instruction ?? "Its text was deleted.", pens[one.state]),
    ...indented(one.evidence),
    ...(last ? indented(step(last), ink.dim) : []),
    ...(lives(one) ? [`  ${ink.dim(`→ ${command(`revert-pattern ${id}`)}`)}`] : []),
  ].join("\n");
}

/** "2026-11-20 10:30 trial → active: …" */
function step({ at, from, to, influence, reason }: Transition): string {
  const what = from === null ? "found" : from === to ? `influence ${percent(influence)}` : `${from} → ${to}`;
  return `${stamp(at)} ${what}: ${reason}`;
}
