/** Conversations with their answers by version, side by side, and the judge's quotes marked in them. */
import type {
  ConversationReport,
  CriterionReport,
  CriterionScore,
  DemoReport,
  Evaluation,
  TurnReport,
} from "./data.ts";
import { type Html, markup, prose } from "./html.ts";
import { find, markQuotes, type Quote } from "./quotes.ts";
import { count, score, simulatedTag, title, versionName } from "./words.ts";

/** More would make the page slow to open; report.json has them all. */
const MOST_SHOWN = 40;

export function conversationsSection({ conversations, rubric, simulated }: DemoReport): Html {
  const groups = sameQuestions(conversations);
  const left = groups.length - MOST_SHOWN;
  return markup`<section aria-labelledby="conversations">
<h2 id="conversations">Conversations ${simulatedTag(simulated)}</h2>
<p class="lead">The same ${count(groups.length, "conversation")} were held in each round. <mark>Marked text</mark>
is what the judge quoted as evidence; the small number after it names the criterion it was quoted for. A score whose
quote does not stand in the exchange is void and counts nowhere.</p>
${groups.slice(0, MOST_SHOWN).map((group, index) => conversation(group, rubric, index === 0))}
${left > 0 && markup`<p class="quiet">${count(left, "more conversation")} in <code>report.json</code>.</p>`}
</section>`;
}

/** Conversations in which people wrote the very same, together; in the order in which they were held. */
function sameQuestions(conversations: ConversationReport[]): ConversationReport[][] {
  const questions = ({ turns }: ConversationReport) => JSON.stringify(turns.map(({ question }) => question));
  return [...Map.groupBy(conversations, questions).values()];
}

function conversation(held: ConversationReport[], rubric: CriterionReport[], open: boolean): Html {
  const [{ turns: asked }] = held;
  return markup`<details class="card conversation" ${open && markup`open`}>
<summary><span class="question" dir="auto">${prose(asked[0].question)}</span>
<span class="path">${held.map(step)}${
    asked.length > 1 && markup` <span class="quiet">· ${count(asked.length, "question")}</span>`
  }</span></summary>
${held.map(({ turns }) => heldWith(turns, rubric))}
</details>`;
}

/** What the conversation scored with one version, after the one before. */
function step({ turns }: ConversationReport, index: number): Html {
  const arrow = index > 0 && markup`<span aria-hidden="true"> → </span>`;
  return markup`${arrow}<span class="step"><span class="quiet">v${turns[0].version}</span> ${
    score(meanOf(turns))
  }</span>`;
}

function heldWith(turns: TurnReport[], rubric: CriterionReport[]): Html {
  const [{ version }] = turns;
  return markup`<section class="held"><h3>${versionName(version)}</h3>${
    turns.map((turn) => exchange(turn, rubric, version))
  }</section>`;
}

function meanOf(turns: TurnReport[]): number | null {
  const scores = turns.flatMap(({ evaluation }) => evaluation?.overall ?? []);
  return scores.length > 0 ? scores.reduce((sum, one) => sum + one, 0) / scores.length : null;
}

function exchange(turn: TurnReport, rubric: CriterionReport[], first: number): Html {
  const { question, answer, version, evaluation } = turn;
  const { inQuestion, inAnswer, missing } = quotesOf(turn, rubric);
  const by = version !== first && markup` (${versionName(version)})`;
  return markup`<div class="exchange">
<div class="said person"><p class="who">Person</p>${said(markQuotes(question, inQuestion))}</div>
<div class="said"><p class="who">Assistant${by}</p>${said(markQuotes(answer, inAnswer))}</div>
${evaluation ? judgement(evaluation, rubric, missing) : markup`<p class="quiet">Not judged.</p>`}
</div>`;
}

function said(text: Html): Html {
  return markup`<div class="text" dir="auto">${text}</div>`;
}

interface Quotes {
  inQuestion: Quote[];
  inAnswer: Quote[];
  /** Numbers of criteria whose valid quote was not found again. */
  missing: number[];
}

/** A quote that stands on both sides is marked in the answer, which is what was judged. */
function quotesOf({ question, answer, evaluation }: TurnReport, rubric: CriterionReport[]): Quotes {
  const quotes: Quotes = { inQuestion: [], inAnswer: [], missing: [] };
  for (const [index, { key }] of rubric.entries()) {
    const given = evaluation?.scores[key];
    if (!given?.valid) continue;
    const quote = { number: index + 1, name: title(key), text: given.evidence };
    if (find(given.evidence, answer)) quotes.inAnswer.push(quote);
    else if (find(given.evidence, question)) quotes.inQuestion.push(quote);
    else quotes.missing.push(index + 1);
  }
  return quotes;
}

function judgement({ overall, scores }: Evaluation, rubric: CriterionReport[], missing: number[]): Html {
  const verdict = overall === null
    ? markup`Judgement discarded: too little of it rests on quotes that stand in the exchange.`
    : markup`Overall <strong>${score(overall)}</strong>`;
  return markup`<div class="judgement"><p>${verdict}</p><ul class="scores">${
    rubric.map(({ key }, index) => criterionScore(key, index + 1, scores[key], missing.includes(index + 1)))
  }</ul></div>`;
}

function criterionScore(key: string, number: number, given: CriterionScore | undefined, isMissing: boolean): Html {
  const name = markup`<sup>${number}</sup> ${title(key)}`;
  if (!given) return markup`<li class="quiet">${name}: not scored</li>`;
  const quote = markup`“<bdi>${prose(given.evidence)}</bdi>”`;
  if (!given.valid) {
    return markup`<li class="void">${name} <s>${given.score}</s> <span class="tag">void</span>
<span class="quiet">quoted ${quote}, which is no evidence from this exchange</span></li>`;
  }
  return markup`<li>${name} <strong>${given.score}</strong>${
    isMissing && markup` <span class="quiet">quoted ${quote}</span>`
  }</li>`;
}
