/** What was decided and by whom: reflections and the audit log, in one line of time. */
import type { ChangeReport, Decision, DemoReport, ReflectionReport } from "./data.ts";
import { type Html, markup, prose } from "./html.ts";
import { count, score, simulatedTag, time, title, versionName } from "./words.ts";

export function decisionsSection({ decisions, settings, simulated }: DemoReport): Html {
  const reflections = decisions.filter(({ kind }) => kind === "reflection").length;
  const entries = count(decisions.length - reflections, "entry", "entries");
  return markup`<section aria-labelledby="decisions">
<h2 id="decisions">Decisions ${simulatedTag(simulated)}</h2>
<p class="lead">${count(decisions.length, "decision")}: ${count(reflections, "reflection")}, in which answers are judged
and the loop decides, and ${entries} of the audit log, which records every change of what is live. ${rule(settings)}</p>
<ol class="timeline">${
    decisions.map((decision) =>
      markup`<li class="${decision.kind}"><p class="when">${time(decision.at)}</p><div>${entry(decision)}</div></li>`
    )
  }</ol>
</section>`;
}

/** The ladder a score is held against. */
function rule({ auto_update_threshold, suggestion_threshold, acceptable_threshold }: DemoReport["settings"]): Html {
  const [update, suggestion, acceptable] = [auto_update_threshold, suggestion_threshold, acceptable_threshold].map(
    Number,
  );
  return markup`An overall score below ${score(update)} calls for a new prompt${
    suggestion > update && markup`, below ${score(suggestion)} for a suggestion to people`
  }${acceptable > suggestion && markup`, below ${score(acceptable)} for a note in the log`}.`;
}

function entry(decision: Decision): Html {
  return decision.kind === "reflection" ? reflection(decision) : changeEntry(decision);
}

const ACTIONS: Record<string, string> = {
  none: "nothing to change",
  log_only: "noted, nothing changed",
  suggestion: "a suggestion for people",
  prompt_update: "a new prompt is called for",
};

function reflection(one: ReflectionReport): Html {
  const scored = one.mean_overall === null ? "no valid score" : `${score(one.mean_overall)} of 5`;
  return markup`<h3>Judged ${count(one.answers, "answer")} of version ${one.version}: ${scored}</h3>
<p>Decision: <strong>${ACTIONS[one.action] ?? title(one.action)}</strong>${outcome(one)}.${
    one.discarded > 0 && markup` ${count(one.discarded, "judgement")} discarded for want of valid evidence.`
  }</p>
${list("Weak", one.weaknesses)}${list("Strong", one.strengths)}
${
    one.suggestion && markup`<blockquote dir="auto">
        <p><strong>${prose(one.suggestion.title)}</strong><br>${prose(one.suggestion.description)}</p>
      </blockquote>`
  }`;
}

function outcome({ action, outcome, new_version }: ReflectionReport): Html | false {
  if (outcome === "submitted") return markup`; version ${new_version} was written, and has to prove itself`;
  if (outcome === "refused") return markup`; none passed the guards, so a person was told`;
  return action === "prompt_update" && markup`; not written in this run`;
}

function list(name: string, findings: string[]): Html | false {
  return findings.length > 0 &&
    markup`<p class="finding"><span class="quiet">${name}:</span> ${
      findings.map((finding, index) => markup`${index > 0 && " "}<span dir="auto">${prose(finding)}</span>`)
    }</p>`;
}

/** An action that is not here is named by its own word. */
const CHANGES: Record<string, string> = {
  submit: "Put to the test",
  promote: "Promoted: it has proved itself",
  force: "Made live without proof",
  test: "Put to the test",
  close: "Test ended",
  rollback: "Rolled back",
  write: "Written",
  activate: "Made live",
  approve: "Approved",
  reject: "Rejected",
  lock: "Locked",
  unlock: "Unlocked",
  protect: "Clauses protected",
  pause: "Updates paused",
  resume: "Updates resumed",
  require_approval: "Approval required",
  waive_approval: "Approval waived",
  revert_pattern: "Learned pattern taken back",
  forget: "Somebody forgotten",
};
const ACTORS: Record<string, string> = { loop: "the loop", person: "a person", service: "a backend" };

/** Any action of the audit log, known here or not: who did it, what went from what to what, why. */
function changeEntry({ actor, action, detail, reason }: ChangeReport): Html {
  const { changed, other } = readDetail(detail);
  return markup`<h3>${CHANGES[action] ?? prose(title(action))}
<span class="by">by ${ACTORS[actor] ?? prose(actor)}</span></h3>
${changed.length > 0 && markup`<ul class="changed">${changed.map(fromTo)}</ul>`}
${reason && markup`<blockquote dir="auto"><p>${prose(reason)}</p></blockquote>`}
${other.length > 0 && markup`<p class="ids">${other.map(named)}</p>`}`;
}

function fromTo({ name, from, to }: Change): Html {
  return markup`<li><span class="quiet">${prose(title(name))}</span> ${shown(name, from)}
<span aria-hidden="true">→</span><span class="sr-only"> to </span> ${shown(name, to)}</li>
`;
}

function named([name, value]: [string, unknown]): Html {
  return markup`<span>${prose(title(name))} <code>${prose(plain(value))}</code></span> `;
}

interface Change {
  name: string;
  from: unknown;
  to: unknown;
}

/** What changed stands in `changed`, each thing with `from` and `to`; older entries name two versions instead. */
export function readDetail(detail: Record<string, unknown>): { changed: Change[]; other: [string, unknown][] } {
  const { changed: named, new_version, previous_version, ...rest } = detail;
  const changed: Change[] = [];
  const other: [string, unknown][] = [];
  for (const [name, value] of Object.entries(isObject(named) ? named : {})) {
    if (isObject(value) && ("from" in value || "to" in value)) {
      changed.push({ name, from: value.from, to: value.to });
    } else other.push([name, value]);
  }
  if (new_version !== undefined || previous_version !== undefined) {
    changed.push({ name: "version", from: previous_version, to: new_version });
  }
  if (named !== undefined && !isObject(named)) other.push(["changed", named]);
  return { changed, other: [...other, ...Object.entries(rest)] };
}

function shown(name: string, value: unknown): Html {
  if (Number.isInteger(value) && name.endsWith("version") && Number(value) > 0) return versionName(Number(value));
  return markup`<strong dir="auto">${prose(plain(value))}</strong>`;
}

function plain(value: unknown): string {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
