/** What a decision changed, and how to undo it. */
import type { Change } from "./answers.ts";
import { besideLabels, labelled, type Paper, percent, wrap } from "./paper.ts";
import { stamp } from "./times.ts";

export function changePage(change: Change, paper: Paper): string {
  const { ink } = paper;
  const changes = Object.entries(change.changed);
  const width = besideLabels(["changed"], paper);
  const notes = notesOf(change).flatMap((note) => wrap(note, paper.width - 2))
    .map((line) => `  ${ink.alert(line)}`);
  if (changes.length === 0) {
    return ["Nothing had to change: it was so already.", ...notes].join("\n");
  }
  const rows: [string, string[]][] = changes.map(([what, { from, to }], index) => [
    index === 0 ? "changed" : "",
    wrap(inWords(what, from, to), width),
  ]);
  rows.push(["record", [`#${change.audit_id}`]]);
  const undo = undoOf(change);
  if (undo) rows.push(["undo", [ink.dim(`→ ${paper.command(undo)}`)]]);
  const done = `Done: ${change.action.replaceAll("_", " ")} ${ink.dim(`· assistant ${change.assistant}`)}`;
  return [ink.good(done), ...labelled(rows, paper), ...notes].join("\n");
}

/** "live version 3 → 2" */
export function inWords(what: string, from: unknown, to: unknown): string {
  return `${what.replaceAll("_", " ")} ${value(what, from)} → ${value(what, to)}`;
}

function value(what: string, told: unknown): string {
  if (told === null || told === undefined) return "none";
  if (typeof told === "boolean") return told ? "yes" : "no";
  if (what === "paused_until") return stamp(String(told));
  if (what === "influence") return percent(Number(told));
  if (Array.isArray(told)) {
    return told.length === 0 ? "none" : told.map((one) => `“${one}”`).join(", ");
  }
  return String(told);
}

/** The command that takes it back, where there is one. */
function undoOf({ action, about, changed }: Change): string | null {
  const before = changed.live_version?.from;
  if (typeof before === "number") return `activate ${before}`;
  const undone: Record<string, string> = {
    // Over another pause, what was there before is not all that it takes.
    pause: changed.paused_until?.from ? `pause --until ${changed.paused_until.from}` : "resume",
    lock: `unlock ${about.version}`,
    unlock: `lock ${about.version}`,
    require_approval: "approval off",
    waive_approval: "approval on",
  };
  if (action === "resume") {
    const until = changed.paused_until?.from;
    if (typeof until !== "string") return "pause";
    return new Date(until) > new Date() ? `pause --until ${until}` : null;
  }
  if (action === "approve" && about.owed) {
    return `reject ${about.suggestion_id}`;
  }
  // Of a version in test; `v` keeps a large number from being taken for an id.
  const version = typeof about.version === "number" ? about.version : null;
  if (version !== null && ["approve", "test"].includes(action)) return `reject ${version > 999 ? "v" : ""}${version}`;
  if (version !== null && action === "reject") return `test ${version}`;
  if (action === "protect" && (changed.protected_clauses?.from as unknown[])?.length === 0) return "protect --clear";
  return undone[action] ?? null;
}

/** What a person should know besides. */
function notesOf({ action, about, changed }: Change): string[] {
  const notes: string[] = [];
  const list = (numbers: unknown) => Array.isArray(numbers) && numbers.length > 0 ? numbers.join(", ") : null;
  const lacking = list(about.missing) ?? list(about.missing_clauses);
  if (lacking) {
    notes.push(`The live version does not hold these protected clauses (by their number): ${lacking}.`);
  }
  if (about.owed) {
    const when = about.blocked_by
      ? `as soon as nothing holds it up (now: ${about.blocked_by})`
      : "at the next reflection";
    notes.push(`The loop writes a version ${when}.`);
  }
  if (action === "revert_pattern" && changed.state) {
    notes.push("No answer is shown it from now on. The same is not tried again for 90 days.");
  }
  if (action === "write" && !changed.live_version) {
    const { version } = about;
    notes.push(
      `Version ${version} is not live: look at it with diff live ${version}; then activate ${version}, or test ${version}` +
        " to have it prove itself.",
    );
  }
  if (action === "approve" && typeof about.version === "number" && !changed.live_version) {
    notes.push(`Version ${about.version} goes live when it has proved itself: see queue.`);
  }
  if (action === "force" && changed.live_version) notes.push("It has not proved itself, and the record says so.");
  if (action === "test") notes.push("The schedule carries the test on; queue shows how far it is.");
  return notes;
}
