/** How versions proved themselves or did not: verdicts, evidence, receipts, and what the year may be wrong by. */
import type { BudgetReport, DemoReport, PlacebosReport, ProvenReport, TestReport } from "./data.ts";
import { evidenceChart } from "./evidence_chart.ts";
import { type Html, markup, prose } from "./html.ts";
import { count, percent, simulatedTag, time, versionName } from "./words.ts";

export function proofSection({ proof, simulated }: DemoReport): Html {
  return markup`<section aria-labelledby="tests">
<h2 id="tests">Tests ${simulatedTag(simulated)}</h2>
<p class="lead">Nothing that was written goes live at once. At screening both versions answer questions that were asked
before, and the judge compares them blindly; then comes proof, in a canary or by more such pairs. Each decision leaves a
receipt, from which it was decided once more for this page.</p>
${
    proof.staged.length > 0 &&
    markup`<ul class="hurried">${proof.staged.map((sentence) => markup`<li>${sentence}</li>`)}</ul>`
  }
${proof.assistants.map((one, place) => assistantPart(one, place, simulated))}
</section>`;
}

function assistantPart({ name, tests, budget, placebos }: ProvenReport, place: number, simulated: boolean): Html {
  return markup`<div class="tested"><h3>${prose(name)}</h3>
${
    tests.length === 0
      ? markup`<p class="quiet">No version was put to the test.</p>`
      : tests.map((test, index) => card(test, `test-${place}-${index}`, simulated))
  }
<p class="finding budget">${budgetInWords(budget)} ${placebosInWords(placebos)}</p></div>`;
}

const VERDICTS: Record<string, string> = {
  promoted: "promoted",
  rejected: "rejected",
  rolled_back: "rolled back",
  closed: "ended without a verdict",
};

const STAGES: Record<string, string> = {
  screening: "at screening",
  canary: "in a canary",
  replay: "by replay proof",
  watch: "by people’s votes",
};

/** A reason that is not here is told by its own word. */
const REASONS: Record<string, string> = {
  better: "it is better",
  worse: "it is worse",
  undecided: "undecided to the end",
  not_more_wins: "it did not win more often than it lost",
  question_type_worse: "it is worse for one type of questions",
  people_like_it_less: "people like it less",
  not_borne_out: "people's reactions did not bear it out",
  judge_disagrees: "the judge disagrees with people",
  fell: "the share of thumbs up fell",
  judge_changed: "the judge was changed",
  baseline_changed: "another version went live",
  judge_not_trusted: "the judge did not pass its trial",
  forced: "it was made live unproved",
  by_hand: "a person decided",
  yearly_budget: "the year’s tests are used up",
};

export function reasonInWords(reason: string): string {
  return REASONS[reason] ?? reason.replaceAll("_", " ");
}

function card(test: TestReport, id: string, simulated: boolean): Html {
  const { version, baseline_version, verdict, stage, reason, placebo, words, plan, change_reason, at } = test;
  const chart = evidenceChart(test, id, simulated);
  return markup`<article class="card test"><header>
<h3>${versionName(version)} <span class="quiet">${
    verdict === "rolled_back" ? "back to" : "against"
  } version ${baseline_version}</span>
<span class="tag${verdict === "promoted" && " live"}">${VERDICTS[verdict]}</span>${
    placebo && markup` <span class="tag">placebo</span>`
  }</h3>
<p class="verdict">${STAGES[stage] ?? prose(stage)}: <strong>${prose(reasonInWords(reason))}</strong></p></header>
${change_reason && markup`<blockquote dir="auto"><p>${prose(change_reason)}</p></blockquote>`}
<div class="${chart ? "beside" : "alone"}">${chart}<div>
${words && markup`<p>${prose(words)}</p>`}
${plan && markup`<p><span class="quiet">Said when its proof began:</span> ${prose(plan)}</p>`}
<dl class="measures counts">${
    numbers(test).map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)
  }</dl>
${receiptLine(test)}
<p class="ids">${time(at)}</p></div></div>
</article>`;
}

function numbers(
  { wins, losses, ties, candidate_n, baseline_n, kappa, rated, level, log_e }: TestReport,
): [string, string][] {
  const told: [string, string | false][] = [
    ["won", wins !== null && String(wins)],
    ["lost", losses !== null && String(losses)],
    ["tied", ties !== null && String(ties)],
    ["with it", candidate_n !== null && String(candidate_n)],
    ["without", baseline_n !== null && String(baseline_n)],
    ["bet at", log_e !== null && level !== null && amount(log_e)],
    ["it takes", level !== null && amount(-Math.log(level))],
    ["agreement with people", kappa !== null && `${kappa.toFixed(2)} (${rated ?? 0})`],
  ];
  return told.filter((one): one is [string, string] => one[1] !== false);
}

function receiptLine({ receipt, verdict }: TestReport): Html | false {
  if (!receipt) return verdict === "closed" && markup`<p class="quiet">No receipt: nothing was decided by proof.</p>`;
  const { id, verified, differences } = receipt;
  return markup`<p class="receipt"><span class="quiet">Receipt</span> <code>${id}</code> ${
    verified
      ? markup`<span class="tag live">verified</span>`
      : markup`<span class="tag mismatch">does NOT match</span> ${prose(differences.join("; "))}`
  }</p>`;
}

export function amount(log: number): string {
  if (log >= Math.log(1e6)) return "over a million";
  // Down, as core's words do; a threshold is whole but for its last digits.
  const value = Math.exp(log) + 1e-6;
  return value < 10 ? value.toFixed(1) : Math.floor(value).toLocaleString("en");
}

export function budgetInWords({ year, tests, promoted, level_now, on }: BudgetReport): string {
  if (!on) return `The yearly budget is off; ${count(tests, "test")} in ${year}, ${promoted} promoted.`;
  const next = level_now === null ? "none is left" : `the next has to reach a bet of ${amount(-Math.log(level_now))}`;
  return `Of the 60 tests of ${year}, ${tests} reached proof and ${promoted} ended in a promotion; ${next}.`;
}

export function placebosInWords({ tests, screened_out, promoted, rate }: PlacebosReport): string {
  if (tests === 0) return "No placebo was tested.";
  const share = rate === null ? "" : ` (${percent(rate)})`;
  return `${
    count(tests, "placebo")
  } tested: ${screened_out} ended at screening, ${promoted} would have gone live${share}.`;
}
