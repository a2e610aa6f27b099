/** The state of assistants, as operators read it. */
import type { Reflection, Status, Version, WentLive } from "./answers.ts";
import { actor } from "./log_page.ts";
import { besideLabels, clean, count, labelled, type Paper, score, wrap } from "./paper.ts";
import type { RunningTest } from "./proof_answers.ts";
import { heldBy, stageOf } from "./proof_words.ts";
import { ago, span, stamp } from "./times.ts";

export function statusPage(assistants: Status[], paper: Paper): string {
  if (assistants.length === 0) return "There is no assistant here.";
  return assistants.map((status) => section(status, assistants.length > 1, paper)).join("\n\n");
}

const LABELS = [
  "live",
  "score",
  "updates",
  "in test",
  "approval",
  "waiting",
  "reflection",
  "owed",
  "suggestions",
];

function section(status: Status, several: boolean, paper: Paper): string {
  const { ink } = paper;
  const width = besideLabels(LABELS, paper);
  const next = (words: string) => {
    const scope = { assistant: status.assistant, organization: status.organization };
    return ink.dim(`→ ${paper.command(words, several ? scope : undefined)}`);
  };
  const rows: [string, string[]][] = [
    ["live", live(status.live, width, paper)],
    ["score", [scoreOf(status.live)]],
    ["updates", updates(status, width, next, paper)],
    ...status.test ? [["in test", inTest(status.test, width, next, paper)] as [string, string[]]] : [],
    ["approval", wrap(approval(status), width)],
    ["waiting", wrap(waiting(status), width)],
    ["reflection", wrap(reflection(status.last_reflection, paper.now), width)],
  ];
  if (status.updates.owed) {
    rows.push(["owed", wrap(owed(status), width).map(ink.alert)]);
  }
  const pending = status.pending_suggestions;
  rows.push([
    "suggestions",
    pending
      ? [
        ink.alert(`${pending} ${pending === 1 ? "waits" : "wait"} for you`),
        next("suggestions"),
      ]
      : ["none"],
  ]);
  const title = `${ink.bold(status.assistant)}  ${clean(status.name)} ${
    ink.dim(`· organisation ${status.organization}`)
  }`;
  return [title, ...labelled(rows, paper)].join("\n");
}

function live(version: Status["live"], width: number, { ink, now }: Paper): string[] {
  if (!version) return [ink.alert("no version is live")];
  const since = version.activated_at ?? version.created_at;
  const by = version.created_by === "system" ? "the loop" : "a person";
  const facts = `version ${version.version}, by ${by}, live since ${stamp(since)} (${ago(since, now)})`;
  return [
    ...wrap(facts, width).map((line, index) => index === 0 ? line.replace(/^version \d+/u, ink.bold) : line),
    ...(version.reason ? wrap(version.reason, width).map(ink.dim) : []),
    ...wrap(lastSwitch(version.went_live), width).filter(Boolean).map(ink.dim),
  ];
}

/** Why it is live, where that is another story than why it was written. */
function lastSwitch(why: WentLive | null): string {
  if (!why || why.action === "write") return "";
  return `${why.action} by ${actor(why)}${why.reason ? `: “${clean(why.reason)}”` : ""}`;
}

function scoreOf(version: Version | null): string {
  if (!version || version.score === null) {
    return "none: no answer of this version has been judged yet";
  }
  return `${score(version.score)} of 5, over ${count(version.judged, "judged answer")}`;
}

function updates(status: Status, width: number, next: (words: string) => string, { ink, now }: Paper): string[] {
  const { blocked_by, paused_until, cooldown_until, today, a_day } = status.updates;
  if (blocked_by === null) {
    return [`${ink.good("may go on")}, ${today} of ${a_day} in 24 h`];
  }
  const left = paused_until ? new Date(paused_until).getTime() - now.getTime() : 0;
  const why: Record<string, [text: string, next?: string]> = {
    paused: [left > 0 ? `paused until ${stamp(paused_until!)} (for ${span(left)})` : "paused", "resume"],
    locked: [`version ${status.live?.version} is locked`, "unlock"],
    in_proof: ["a version is in test"],
    yearly_budget: ["the year's 60 tests are used up"],
    cooldown: [`the cooldown since the last change runs until ${cooldown_until ? stamp(cooldown_until) : "later"}`],
    daily_limit: [`the daily limit is reached: ${today} of ${a_day} in 24 h`],
  };
  const [text, command] = why[blocked_by] ?? [blocked_by];
  return [...wrap(`held: ${text}`, width).map(ink.alert), ...(command ? [next(command)] : [])];
}

function inTest(test: RunningTest, width: number, next: (words: string) => string, { ink, now }: Paper): string[] {
  const { version, placebo, started_at, held, plan } = test;
  const what = `version ${version}${placebo ? ", a placebo" : ""}: ${stageOf(test)}; in test since ${
    stamp(started_at)
  }`;
  return [
    ...wrap(`${what} (${ago(started_at, now)})`, width),
    ...plan ? wrap(plan, width).map(ink.dim) : [],
    ...held ? wrap(`held: ${heldBy(held)}`, width).map(ink.alert) : [],
    next("queue"),
  ];
}

function approval({ updates: { approval_required, protected_clauses } }: Status): string {
  const mode = approval_required
    ? "on: what the loop writes waits for a person"
    : "off: what proves itself goes live by itself";
  return protected_clauses ? `${mode}; ${count(protected_clauses, "protected clause")}` : mode;
}

function waiting({ waiting }: Status): string {
  if (!waiting || waiting.answers === 0) return "no answer waits to be judged";
  const { answers, conversations, conversations_needed } = waiting;
  const many = answers >= 1000 ? "1000 answers or more" : count(answers, "answer");
  const enough = conversations >= conversations_needed ? "enough to judge" : `judged from ${conversations_needed} on`;
  return `${many} from ${count(conversations, "conversation")}, ${enough}`;
}

function owed({ updates: { blocked_by } }: Status): string {
  return blocked_by === null
    ? "a better prompt: the next reflection writes it"
    : "a better prompt: written at the first reflection that nothing holds up";
}

export function reflection(last: Reflection | null, now: Date): string {
  if (!last) return "none yet";
  return `${stamp(last.at)} (${ago(last.at, now)}): ${finding(last)}`;
}

/** "version 1 scored 1.60 over 5 answers: a better prompt, live as version 2" */
export function finding(
  {
    version,
    judged,
    discarded,
    score: mean,
    action,
    update_outcome,
    new_version,
  }: Reflection,
): string {
  const over = `over ${count(judged, "answer")}${discarded ? `, ${discarded} discarded` : ""}`;
  const outcomes: Record<string, string> = {
    submitted: `version ${new_version} was written, and has to prove itself`,
    refused: "a better prompt was called for, and none was let through",
  };
  const actions: Record<string, string> = {
    none: "good as it is",
    log_only: "noted, nothing to do",
    suggestion: "a suggestion for people",
    prompt_update: outcomes[update_outcome ?? ""] ?? "a better prompt is owed",
  };
  return `version ${version} scored ${score(mean)} ${over}: ${actions[action] ?? action}`;
}
