/** What the functions did, as operators read it. */
import { clean, count, type Paper, wrap } from "./paper.ts";
import { stamp } from "./times.ts";
import type { Run } from "./training_answers.ts";

export function runsPage(runs: Run[], paper: Paper): string {
  if (runs.length === 0) return "No call of a function is on record.";
  return runs.map((one) => entry(one, paper)).join("\n");
}

/** The longest: feedback-collector. */
const NAME = 20;
const INDENT = 18 + NAME;

function entry(one: Run, { width, ink }: Paper): string {
  const pens: Record<string, (text: string) => string> = { failed: ink.alert, lost: ink.alert };
  const tokens = Object.values(one.token_usage).filter(Number.isFinite).reduce((sum, n) => sum + n, 0);
  const facts = [
    [one.status, ...one.error ? [one.error] : []].join(": "),
    ...one.action ? [one.action] : [],
    ...one.duration_ms === null ? [] : [time(one.duration_ms)],
    ...tokens > 0 ? [count(tokens, "token")] : [],
  ];
  const room = width - INDENT;
  const lines = [
    ...wrap(facts.join(" · "), room).map(pens[one.status] ?? ((text) => text)),
    ...steps(one).flatMap((line) => wrap(line, room).map(ink.dim)),
  ];
  const [first, ...rest] = lines;
  const name = clean(one.function);
  return [
    `${ink.dim(stamp(one.at))}  ${ink.bold(name)}${" ".repeat(Math.max(1, NAME - name.length))}${first}`,
    ...rest.map((line) => " ".repeat(INDENT) + line),
  ].join("\n");
}

/** How many there were, the slowest, and each that failed. */
function steps({ spans, spans_in_all }: Run): string[] {
  const timed = spans.filter((one) => one.duration_ms !== null);
  const slowest = timed.toSorted((a, b) => b.duration_ms! - a.duration_ms!)[0];
  const named = (one: Run["spans"][number]) => `${one.name}${one.model ? ` (${one.model})` : ""}`;
  const failed = spans.filter((one) => one.error !== null).map((one) => `${named(one)} failed: ${one.error}`);
  if (!slowest) return failed;
  return [`${count(spans_in_all, "step")}, most of it ${named(slowest)} ${time(slowest.duration_ms!)}`, ...failed];
}

function time(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}
