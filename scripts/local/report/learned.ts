/**
 * What people's reactions taught: each organisation's patterns, what they rest on, and what became of them.
 * The people are simulated, always.
 */
import type {
  DemoReport,
  LearningReport,
  OrganizationReport,
  PatternEvidence,
  PatternReport,
  TransitionReport,
} from "./data.ts";
import { type Html, markup, prose } from "./html.ts";
import { satisfactionChart, satisfactionTable } from "./satisfaction.ts";
import { change, count, percent, simulatedTag, sureness } from "./words.ts";

export function learnedSection({ learning }: DemoReport): Html | false {
  if (!learning) return false;
  return markup`<section aria-labelledby="learned">
<h2 id="learned">Learned patterns ${simulatedTag(true)}</h2>
<p class="lead">${lead(learning)}</p>
<ul class="hurried">${learning.hurried.map((sentence) => markup`<li>${sentence}</li>`)}</ul>
${learning.organizations.map((organization, place) => organizationPart(organization, place))}
<p class="checked">${checked(learning)}</p>
</section>`;
}

function lead({ days, organizations, seconds }: LearningReport): Html {
  const total = (of: "answers" | "reactions") => days.reduce((sum, day) => sum + day[of], 0);
  const people = organizations.reduce((sum, one) => sum + one.people, 0);
  return markup`${count(people, "person", "people")} of ${count(organizations.length, "organisation")} got
${count(total("answers"), "answer")} in ${count(days.length, "day")} (${seconds} s) and reacted ${
    count(total("reactions"), "time")
  }. Where answers of one kind were liked better, a small model put that into one instruction; then a coin decided for
each answer whether the instruction was shown, and only what held up in that trial is used. The prompt itself stays as it
is.`;
}

/** What the prompts that the model received say about keeping organisations apart. */
function checked({ checks, organizations }: LearningReport): Html {
  const { answers, prompts, instructed, foreign, unlike_stored } = checks;
  const looked = prompts < answers ? `only ${prompts} of ${answers}` : `all ${answers}`;
  return markup`<strong>Kept apart:</strong> of ${looked} prompts that the model received, ${instructed} held learned
instructions; ${foreign === 0 ? "none" : foreign} of them held one that another of the ${organizations.length}
organisations had taught, and ${unlike_stored === 0 ? "none" : unlike_stored} held other instructions than were stored
with the answer.`;
}

function organizationPart(organization: OrganizationReport, place: number): Html {
  const { name, people, patterns, runs, satisfaction } = organization;
  const message = runs.findLast((run) => run.message !== null)?.message;
  return markup`<article class="card organization"><header>
<h3>${prose(name)}</h3><p class="verdict"><strong>${countOf(patterns, "active")}</strong>
<span class="quiet">active of ${count(patterns.length, "pattern")}, ${
    count(people, "person", "people")
  }</span></p></header>
<p class="origin">${tastes(organization)}</p>
${message && markup`<p class="finding"><span class="quiet">The last learning run says:</span> ${prose(message)}</p>`}
${patterns.length > 0 && markup`<ul class="patterns">${patterns.map(pattern)}</ul>`}
${
    satisfaction.length > 0 && markup`${satisfactionChart(satisfaction, `satisfaction-${place}`)}
<details><summary>Satisfaction by day, in numbers</summary>${satisfactionTable(satisfaction, prose(name))}</details>`
  }
</article>`;
}

function countOf(patterns: PatternReport[], state: string): number {
  return patterns.filter((one) => one.state === state).length;
}

/** What nobody told Pawl, so that a reader can see whether it found out. */
function tastes({ tastes }: OrganizationReport): Html {
  const [minding, easy] = [tastes.filter(({ liked }) => liked !== null), tastes.filter(({ liked }) => liked === null)];
  const said = minding.map(({ question_type, liked }) => `${liked} for ${kind(question_type)} questions`);
  return markup`What its simulated people like, which Pawl is not told: ${
    prose(said.join(", ") || "nothing in particular")
  }${
    easy.length > 0 &&
    markup`; for ${prose(easy.map(({ question_type }) => kind(question_type)).join(" and "))} questions
they do not mind`
  }.`;
}

function kind(questionType: string): string {
  return questionType.replaceAll("_", "-");
}

/** In the order in which a pattern goes through them. */
const STATES: Record<string, string> = {
  candidate: "waits for its trial",
  trial: "being tried",
  active: "in use",
  warmdown: "being withdrawn, step by step",
  pruned: "given up",
  reverted: "taken back",
  withdrawn: "somebody it learned from was forgotten",
};

function pattern(one: PatternReport): Html {
  const { state, instruction, question_type, dimension, value, confidence, influence, model, evidence, life } = one;
  return markup`<li class="pattern"><p class="state"><span class="tag${state === "active" && markup` live`}">${
    prose(state)
  }</span> <span class="quiet">${STATES[state] ?? prose(state)}; ${prose(dimension)} ${prose(value)} for
${prose(kind(question_type))} questions</span></p>
${
    instruction === null
      ? markup`<p class="quiet">Its words are gone.</p>`
      : markup`<blockquote dir="auto"><p>${prose(instruction)}</p></blockquote>`
  }
<dl class="measures"><div><dt>confidence</dt><dd>${sureness(confidence)}</dd></div>
<div><dt>influence</dt><dd>${percent(influence)}</dd></div></dl>
<p class="finding">${evidenceInWords(evidence)}${
    model && markup` <span class="quiet">Worded by <code>${prose(model)}</code>.</span>`
  }</p>
${life.length > 0 && markup`<ol class="life" aria-label="What became of it">${life.map(step)}</ol>`}</li>`;
}

export function evidenceInWords(
  { people, shown, held_back, mean_shown, mean_held_back, log_e }: PatternEvidence,
): string {
  if (shown + held_back === 0) return "No answer has been held against it yet.";
  const mean = (value: number | null) => value === null ? "" : `, mean signal ${change(value)}`;
  const asked = `${count(shown + held_back, "answer")} to ${count(people, "person", "people")}`;
  const told = `shown for ${shown}${mean(mean_shown)}; held back from ${held_back}${mean(mean_held_back)}.`;
  return `Rests on ${asked}: ${told}${log_e === null ? "" : ` ${oddsInWords(log_e)}`}`;
}

/** An e-value of 1,000: a bettor who believes in it would have turned 1 into 1,000 at fair odds. */
function oddsInWords(logE: number): string {
  const times = Math.exp(logE);
  if (times < 1) return "A bet on it would have lost so far.";
  const shown = times >= 1e6
    ? "more than a million"
    : times < 10
    ? times.toFixed(1)
    : Math.round(times).toLocaleString("en");
  return `A fair bet on it, placed before each answer of its trial, would have multiplied its stake by ${shown}.`;
}

function step({ run, from_state, to_state, to_influence, confidence, reason }: TransitionReport): Html {
  const from = from_state !== null && from_state !== to_state && markup`<strong>${prose(from_state)}</strong>
<span aria-hidden="true">→</span><span class="sr-only"> to </span> `;
  const shown = to_influence > 0 && markup`, shown for ${percent(to_influence)}`;
  return markup`<li class="to-${KNOWN.has(to_state) ? to_state : "other"}"><p class="when">${
    run === null ? "later" : `run ${run}`
  }</p><div>${from}<strong>${prose(to_state)}</strong> <span class="quiet">confidence ${
    sureness(confidence)
  }${shown}</span>
<p dir="auto">${prose(reason)}</p></div></li>`;
}

const KNOWN = new Set(Object.keys(STATES));
