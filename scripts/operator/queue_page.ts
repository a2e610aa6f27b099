/** Versions that have to prove themselves, a section each, and what the year may still cost. */
import { differencePage, pieces } from "./difference.ts";
import { besideLabels, clean, count, labelled, type Paper, percent, wrap } from "./paper.ts";
import type { Budget, Placebos, Queue, QueueEntry } from "./proof_answers.ts";
import { agreement, evidence, heldBy, levelOf, odds, stageOf } from "./proof_words.ts";
import { ago, stamp } from "./times.ts";

export function queuePage({ queue, budget, placebos }: Queue, paper: Paper): string {
  const sections = queue.length === 0
    ? ["No version is in test, and none waits."]
    : queue.map((entry) => section(entry, paper));
  const foot = [budgetLine(budget), placeboLine(placebos)].flatMap((line) => wrap(line, paper.width));
  return [...sections, foot.map(paper.ink.dim).join("\n")].join("\n\n");
}

const LABELS = ["why", "stage", "expected", "evidence", "held", "approval", "judge"];

function section(entry: QueueEntry, paper: Paper): string {
  const { ink } = paper;
  const width = besideLabels(LABELS, paper);
  const told = (lines: string[], pen = (line: string) => line) =>
    lines.flatMap((line) => wrap(line, width).map((one) => pen(one)));
  const found = evidence(entry.progress, entry.level);
  const rows: [string, string[]][] = [
    ["why", told([entry.change_reason ?? "no reason was given"])],
    ["stage", told([stage(entry, paper.now)])],
    ["expected", told(expected(entry))],
    ["evidence", told(found.length > 0 ? found : ["nothing has been looked at yet"])],
    ...entry.held ? [["held", told([heldBy(entry.held)], ink.alert)] as [string, string[]]] : [],
    ["approval", told([approval(entry)], entry.approval_required && !entry.approved ? ink.alert : undefined)],
    ["judge", told([judge(entry.judge)], entry.judge.passed === false ? ink.alert : undefined)],
  ];
  const title = ink.bold(`version ${entry.version}`) +
    ink.dim(` · in place of version ${entry.baseline_version}${entry.placebo ? " · a placebo" : ""}`);
  return [title, ...labelled(rows, paper), "", difference(entry, paper), "", ...nextSteps(entry, paper)].join("\n");
}

function stage(entry: QueueEntry, now: Date): string {
  const since = entry.proof_started_at ?? entry.started_at;
  const before = entry.proof_started_at ? "; it has passed screening" : "";
  return `${stageOf(entry)} since ${stamp(since)} (${ago(since, now)})${before}`;
}

function expected({ plan, expected_days: days, state, placebo }: QueueEntry): string[] {
  if (plan) return [clean(plan)];
  if (days !== null) return [`a decision about ${count(Math.ceil(days), "day")} after its proof began`];
  if (placebo && state === "screening") return ["said when its proof begins; a placebo hardly ever gets there"];
  return ["said when its proof begins: how it is done, and how long that takes at today's traffic"];
}

function approval({ approved, approval_required }: QueueEntry): string {
  if (approved) return "given: it goes live when it has proved itself";
  return approval_required
    ? "wanted: nobody is shown it, and it does not go live, without"
    : "not needed: it goes live when it has proved itself";
}

function judge({ model, passed, kappa, rated }: QueueEntry["judge"]): string {
  const trial = passed === null ? "trial still to come" : passed ? "passed its trial" : "did NOT pass its trial";
  return `${clean(model)}: ${trial}; ${agreement(kappa, rated)}`;
}

function difference(entry: QueueEntry, paper: Paper): string {
  if (entry.content === entry.baseline_content) return "  The very text that is live.";
  const named = (version: number, state: string) => ({ version, state });
  const [from, to] = [named(entry.baseline_version, "active"), named(entry.version, entry.state)];
  return differencePage(from, to, pieces(entry.baseline_content, entry.content), paper);
}

function nextSteps({ version, approval_required, approved, placebo }: QueueEntry, { ink, command }: Paper): string[] {
  const steps = [
    ...approval_required && !approved && !placebo ? [`approve ${version}`] : [],
    `reject ${version}`,
    ...placebo ? [] : [`force ${version} --reason TEXT`],
  ];
  return steps.map((step) => `  ${ink.dim(`→ ${command(step)}`)}`);
}

export function budgetLine({ year, tests, promoted, level_now, on }: Budget): string {
  if (!on) {
    return `${year}: the yearly budget is off; ${count(tests, "test")}, ${promoted} promoted` +
      `${level_now === null ? "" : `, each at a level of ${levelOf(level_now)}`}.`;
  }
  const spent = `${year}: ${tests} of at most 60 tests, ${promoted} promoted`;
  if (level_now === null) return `${spent}; none is left.`;
  return `${spent}; the next is at a level of ${levelOf(level_now)}: a bet on it has to reach ${
    odds(-Math.log(level_now))
  }.`;
}

export function placeboLine({ tests, screened_out, promoted, rate }: Placebos): string {
  if (tests === 0) return "Placebos: none yet.";
  const share = rate === null ? "" : ` (${percent(rate)})`;
  return `Placebos: ${tests}, of which ${screened_out} ended at screening and ${promoted} would have gone live${share}.`;
}
