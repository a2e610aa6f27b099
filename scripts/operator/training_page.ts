/** Models, drift and what feedback says, as operators read them. */
import { clean, count, type Paper, percent, score, wrap } from "./paper.ts";
import { reasonOf } from "./proof_words.ts";
import { ago, stamp } from "./times.ts";
import type { Analysis, DriftMetric, Model, Retrained, Worked } from "./training_answers.ts";

const STATUSES: Record<string, string> = {
  curating: "its dataset is being made",
  pending: "its trainer is to be told",
  training: "in training",
  trained: "trained, waits for its test",
  testing: "in its test",
  deployed: "live",
  retired: "was live, and was replaced",
  rolled_back: "rolled back",
};

/** Why one was begun. */
const WHY: Record<string, string> = {
  drift: "because of a drift",
  schedule: "because its time had come",
  forced: "because somebody wanted it",
};

/** What more can be wrong with a model than with a version of a prompt. */
const REASONS: Record<string, string> = {
  too_few_rows: "too few examples were left for its dataset",
  webhook_given_up: "its trainer never took the webhook",
  trainer_failed: "its trainer failed",
};

export function modelsPage(models: Model[], paper: Paper): string {
  if (models.length === 0) return "No model has been tuned yet.";
  return models.map((one) => section(one, paper)).join("\n\n");
}

function section(one: Model, { width, ink, now, command }: Paper): string {
  const pens: Record<string, (text: string) => string> = {
    deployed: ink.good,
    failed: ink.alert,
    rejected: ink.alert,
    rolled_back: ink.alert,
  };
  const why = one.reason ? `: ${REASONS[one.reason] ?? reasonOf(one.reason)}` : "";
  const status = `${STATUSES[one.status] ?? one.status}${why}`;
  const [first, ...more] = wrap(status, width - one.version.length - 2).map(pens[one.status] ?? ((text) => text));
  const begun = WHY[one.why?.reason ?? ""];
  const facts = [
    `begun ${stamp(one.created_at)} (${ago(one.created_at, now)})${begun ? ` ${begun}` : ""}`,
    `${one.model ?? "a model"}, tuned from ${one.base_model}`,
    ...one.samples === null ? [] : [`on ${count(one.samples, "example")}`],
    ...one.prompt_version === null ? [] : [`prompt version ${one.prompt_version}`],
    ...one.deployed_at ? [`went live ${stamp(one.deployed_at)}`] : [],
  ];
  const metrics = Object.entries(one.metrics).map(([name, value]) => `${name} ${value}`);
  const indented = (text: string, pen = (line: string) => line) =>
    wrap(text, width - 2).map((line) => `  ${pen(line)}`);
  return [
    `${ink.bold(one.version)}  ${first}`,
    ...more.map((line) => `${" ".repeat(one.version.length + 2)}${line}`),
    ...indented(facts.join(" · "), ink.dim),
    ...metrics.length > 0 ? indented(`its trainer says: ${metrics.join(", ")}`) : [],
    ...delivery(one.delivery).flatMap((line) => indented(line, ink.alert)),
    ...nextSteps(one).map((step) => `  ${ink.dim(`→ ${command(step)}`)}`),
  ].join("\n");
}

/** Only what is not as it should be. */
function delivery(told: Model["delivery"]): string[] {
  if (!told || told.state === "delivered" || told.attempts === 0) return [];
  const tries = `told ${count(told.attempts, "time")}, the last answer was ${told.last_status ?? "none"}`;
  if (told.state === "given_up") return [`the trainer did not take it: ${tries}`];
  const again = told.next_at === null ? "" : `; the next from ${stamp(told.next_at)} on`;
  return [`the trainer has not taken it yet: ${tries}${again}`];
}

function nextSteps({ version, status, samples, prompt_version }: Model): string[] {
  const steps: Record<string, string[]> = {
    curating: ["retrain"],
    pending: ["retrain"],
    trained: ["retrain"],
    testing: ["queue"],
    rejected: prompt_version === null ? [] : [`test ${prompt_version}`],
    rolled_back: prompt_version === null ? [] : [`test ${prompt_version}`],
  };
  return [...steps[status] ?? [], ...samples === null ? [] : [`dataset verify ${version}`]];
}

const MEASURES: Record<string, string> = { feedback_score: "reactions (0 to 1)", judge_score: "the judge (1 to 5)" };

export function driftPage(metrics: DriftMetric[], paper: Paper): string {
  if (metrics.length === 0) {
    return wrap("Nothing was measured yet: it takes 50 answers with feedback of late, and 50 before.", paper.width)
      .join("\n");
  }
  return metrics.map((one) => measured(one, paper)).join("\n");
}

function measured(one: DriftMetric, { width, ink }: Paper): string {
  const { n_baseline, n_current, people_baseline, people_current, p_value, tested, wasserstein } = one.details;
  const drifted = one.drift_score === null ? "no drift measured" : `drift ${one.drift_score.toFixed(2)}`;
  const facts = [
    `${MEASURES[one.metric_type] ?? one.metric_type}: ${score(one.baseline_value)} → ${score(one.current_value)}`,
    one.alert ? `${drifted}, an ALERT` : drifted,
    ...p_value === undefined ? [] : [`chance ${chance(p_value)}${tested ? `, by ${tested}` : ""}`],
  ];
  const rest = [
    ...n_baseline === undefined ? [] : [`${n_baseline} answers before, ${n_current} of late`],
    ...people_baseline === undefined ? [] : [`of ${people_baseline} and ${people_current} people`],
    ...wasserstein === undefined ? [] : [`moved by ${score(wasserstein)}`],
  ];
  const pen = one.alert ? ink.alert : (text: string) => text;
  const lines = [
    ...wrap(facts.join(" · "), width - INDENT).map(pen),
    ...rest.length > 0 ? wrap(rest.join(" · "), width - INDENT).map(ink.dim) : [],
  ];
  return [`${ink.dim(stamp(one.created_at))}  ${lines[0]}`, ...lines.slice(1).map((line) => " ".repeat(INDENT) + line)]
    .join("\n");
}

/** A time, and two blanks. */
const INDENT = 18;

/** "0.34 %": never down to nothing. */
function chance(p: number): string {
  return p < 1e-4 ? "under 0.01 %" : `${Number((p * 100).toPrecision(2))} %`;
}

const BAR = 40;

export function analysisPage(analysis: Analysis, { width, ink }: Paper): string {
  const { total_samples, average_score, score_distribution, low_score_patterns, window } = analysis;
  const span = `${stamp(window.from)} to ${stamp(window.to)}`;
  if (total_samples === 0) return wrap(`No feedback was collected from ${span}.`, width).join("\n");
  const most = Math.max(...Object.values(score_distribution), 1);
  const wide = String(most).length;
  const bars = Object.entries(score_distribution).sort().map(([tenth, n]) =>
    `  ${tenth}  ${String(n).padStart(wide)}  ${ink.dim("█".repeat(Math.ceil(n / most * BAR)))}`.trimEnd()
  );
  const head = `${count(total_samples, "example")}, ${span}: ${score(average_score)} on average, 0 to 1`;
  const low = low_score_patterns.map((one) =>
    `${one.question_type}: ${one.count} under 0.5 (${percent(one.share)} of those with feedback), ${
      score(one.average_score)
    } on average, ${count(one.exposures, "answer")}`
  );
  return [
    ...wrap(head, width).map(ink.bold),
    ...bars,
    ...low.length > 0 ? ["", "Most disliked, those first that stand out most:"] : [],
    ...low.flatMap((line) => wrap(line, width - 4).map((one, index) => `  ${index === 0 ? "– " : "  "}${one}`)),
  ].join("\n");
}

export function retrainedPage({ results, more }: Retrained, paper: Paper): string {
  const { ink, width, command } = paper;
  if (results.length === 0) return "There is no assistant here.";
  return [
    ...results.map((one) => worked(one, paper)),
    ...more ? [...wrap("There is more to do at once:", width), `  ${ink.dim(`→ ${command("retrain")}`)}`] : [],
  ].join("\n");
}

function worked(one: Worked, { ink, width }: Paper): string {
  const outcome = one.triggered ? `the trainer was told of ${one.version ?? "a model"}` : one.reason ?? "nothing to do";
  const facts = [
    `${count(one.collected, "answer")} looked at, ${count(one.stored, "example")} stored`,
    ...one.drift
      ? [
        `drift ${one.drift.drift_score.toFixed(2)}, chance ${chance(one.drift.p_value)}${
          one.drift.alert ? ": an ALERT" : ""
        }`,
      ]
      : [],
    ...one.dataset
      ? [
        `dataset: ${count(one.dataset.rows, "row")} in ${count(one.dataset.parts, "part")}${
          one.dataset.done ? "" : " so far"
        }`,
      ]
      : [],
  ];
  const pen = one.triggered ? ink.good : (text: string) => text;
  const indented = (text: string, pen: (line: string) => string) =>
    wrap(text, width - 2).map((line) => `  ${pen(line)}`);
  return [ink.bold(clean(one.assistant)), ...indented(outcome, pen), ...indented(facts.join(" · "), ink.dim)].join(
    "\n",
  );
}

export function sameDatasetPage(name: string, parts: number, { width, ink }: Paper): string {
  const told = `The dataset of ${name} comes out the same, byte for byte: ${count(parts, "file")}.`;
  return wrap(told, width).map(ink.good).join("\n");
}
