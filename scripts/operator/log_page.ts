/** What happened, as operators read it. */
import type { ChangeEvent, Event } from "./answers.ts";
import { inWords } from "./change_page.ts";
import { count, type Paper, wrap } from "./paper.ts";
import { reasonOf } from "./proof_words.ts";
import { finding } from "./status_page.ts";
import { stamp } from "./times.ts";

export function logPage(events: Event[], paper: Paper): string {
  if (events.length === 0) return "Nothing has happened.";
  const numbers = events.map((one) => one.kind === "change" ? `#${one.audit_id}` : "");
  const wide = Math.max(...numbers.map((one) => one.length));
  return events.map((event, index) => entry(event, numbers[index].padStart(wide), paper)).join("\n");
}

/** The longest: require approval. */
const ACTION = 17;

function entry(event: Event, number: string, { width, ink }: Paper): string {
  const what = event.kind === "change" ? event.action.replaceAll("_", " ") : "reflection";
  const indent = 16 + 2 + number.length + (number ? 2 : 0);
  const left = `${ink.dim(stamp(event.at))}  ${number}${number ? "  " : ""}`;
  const room = width - indent - ACTION;
  const told = event.kind === "change" ? facts(event) : [finding(event), ...event.weaknesses.map((one) => `– ${one}`)];
  const [first, ...rest] = told.flatMap((line, index) => {
    const pen = index === 0 ? (text: string) => text : ink.dim;
    return wrap(line, room).map(pen);
  });
  const name = event.kind === "change" ? ink.bold(what) + " ".repeat(ACTION - what.length) : what.padEnd(ACTION);
  return [left + name + first, ...rest.map((line) => " ".repeat(indent + ACTION) + line)].join("\n");
}

function facts(event: ChangeEvent): string[] {
  const told = [...happened(event), `by ${actor(event)}`].join(", ");
  return [told, ...(event.reason ? [`“${event.reason}”`] : [])];
}

function happened({ action, about, changed }: ChangeEvent): string[] {
  if (action === "forget") {
    const { user_id, patterns_withdrawn: withdrawn, patterns_recomputed: recomputed } = about;
    return [
      `person ${short(user_id)}`,
      `${count(Number(withdrawn), "pattern")} withdrawn, ${recomputed} measured anew`,
    ];
  }
  const inTest = ["submit", "promote", "force", "test", "close", "approve", "reject", "rollback"].includes(action);
  const changes = Object.entries(changed ?? {})
    // Of a version in test the action says it.
    .filter(([what]) => !(inTest && what === "state"))
    .map(([what, { from, to }]) => inWords(what, from, to));
  if (action === "revert_pattern") return [`pattern ${short(about.pattern_id)}`, ...changes];
  if (inTest) return [...tested(action, about, changes), ...receipted(about)];
  return ["lock", "unlock"].includes(action) ? [`version ${about.version}`, ...changes] : changes;
}

/** Of a test: which version, what came of it, why. */
function tested(action: string, about: Record<string, unknown>, changes: string[]): string[] {
  const placebo = about.placebo ? ", a placebo," : "";
  const version = typeof about.version === "number" ? `version ${about.version}${placebo}` : null;
  const why = typeof about.why === "string" ? [reasonOf(about.why)] : [];
  const said: Record<string, string> = {
    submit: `${version} has to prove itself`,
    test: `${version} has to prove itself`,
    promote: about.placebo ? `${version} passed by mistake` : `${version} has proved itself`,
    force: `${version} live without proof`,
    close: `the test of ${version} ended`,
    approve: `${version} may go live when it has proved itself`,
    reject: `${version} rejected`,
  };
  return [...version !== null && said[action] ? [said[action]] : [], ...why, ...changes];
}

function receipted({ receipt_id }: Record<string, unknown>): string[] {
  return receipt_id ? [`receipt ${short(receipt_id)}`] : [];
}

function short(id: unknown): string {
  return String(id).slice(0, 8);
}

export function actor({ actor, actor_id }: { actor: string; actor_id: string | null }): string {
  const person = actor_id ? `person ${short(actor_id)}` : "";
  const named: Record<string, string> = { loop: "the loop", person };
  const instead = actor === "operator" ? "SQL" : "the secret key";
  return named[actor] ?? (person ? `${instead}, for ${person}` : instead);
}
