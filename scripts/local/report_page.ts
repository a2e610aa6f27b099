/** The demo's report as one HTML page that loads nothing and runs nothing: data in, text out. */
import { createHash } from "node:crypto";
import { criteriaCharts, scoresChart } from "./report/charts.ts";
import { conversationsSection } from "./report/conversations.ts";
import type { DemoReport, RoundReport, VersionReport } from "./report/data.ts";
import { decisionsSection } from "./report/decisions.ts";
import { type Html, markup, raw } from "./report/html.ts";
import { learnedSection } from "./report/learned.ts";
import { proofSection } from "./report/proof.ts";
import { driftOf, gainOf, LEAST_GAIN } from "./report/scores.ts";
import { STYLE } from "./report/style.ts";
import { versionsSection, versionTable, withError } from "./report/versions.ts";
import { change, count, date, score, simulatedTag, versionName } from "./report/words.ts";

export function renderReport(report: DemoReport): string {
  return markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${headline(report)}${report.simulated && " (simulated)"} · Pawl demo</title>
<style>${raw(STYLE)}</style>
</head>
<body>
${opening(report)}
<main>
${scoresSection(report)}
${versionsSection(report)}
${decisionsSection(report)}
${proofSection(report)}
${learnedSection(report)}
${conversationsSection(report)}
</main>
${closing(report)}
</body>
</html>
`.text;
}

/** Nothing but this very style sheet: text that got through as markup could neither load nor restyle anything. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

function opening(report: DemoReport): Html {
  const { decisions, simulated } = report;
  const day = decisions.length > 0 && markup` · ${date(decisions[0].at)}`;
  return markup`<header>
<p class="eyebrow">Pawl demo${day} ${simulatedTag(simulated)}</p>
<h1>${headline(report)}</h1>
<p class="intro">${summary(report)}</p>
${simulated && SIMULATED}
<dl class="facts">${
    facts(report).map(([name, value]) => markup`<div><dt>${name}</dt><dd class="figure">${value}</dd></div>`)
  }</dl>
<nav aria-label="On this page"><ul>
<li><a href="#scores">Scores</a></li><li><a href="#versions">Prompt versions</a></li>
<li><a href="#decisions">Decisions</a></li><li><a href="#tests">Tests</a></li>${
    report.learning && markup`<li><a href="#learned">Learned patterns</a></li>`
  }<li><a href="#conversations">Conversations</a></li>
</ul></nav>
</header>`;
}

const SIMULATED =
  markup`<div class="notice"><p><strong>Simulated.</strong> No language model was called. Answers, scores
and prompts on this page are made by documented rules (<code>scripts/local/model/README.md</code>). It shows the loop at
work, not how well a model does or how much your prompt would gain.</p></div>`;

function facts(report: DemoReport): [name: string, value: string][] {
  const { versions, decisions, messages } = report;
  const judged = judgedVersions(report);
  const [first, last] = [judged[0], judged.at(-1)];
  const answers = judged.reduce((sum, version) => sum + version.answers, 0);
  return [
    first === last ? ["mean score of 5", score(first?.mean_overall)] : [
      `mean score of 5, version ${first.version} and version ${last!.version}`,
      `${score(first.mean_overall)} → ${score(last!.mean_overall)}`,
    ],
    [`answers, ${answers} of them judged`, String(messages)],
    [versions.length === 1 ? "prompt version" : "prompt versions", String(versions.length)],
    ["decisions, all recorded", String(decisions.length)],
  ];
}

function judgedVersions({ versions }: DemoReport): VersionReport[] {
  return versions.filter(({ mean_overall }) => mean_overall !== null);
}

function headline(report: DemoReport): string {
  const judged = judgedVersions(report);
  const gain = gainOf(report);
  if (judged.length === 0) return "No answer was judged";
  const from = score(judged[0].mean_overall);
  const to = score(judged.at(-1)!.mean_overall);
  if (gain === null) return `One prompt version, judged ${from} of 5`;
  if (Math.abs(gain) < LEAST_GAIN) return `The judge’s score hardly moved: from ${from} to ${to} of 5`;
  return `The judge’s score ${gain > 0 ? "rose" : "fell"} from ${from} to ${to} of 5`;
}

function summary(report: DemoReport): Html {
  const judged = judgedVersions(report);
  const gain = gainOf(report);
  if (judged.length === 0) return markup`Nothing can be said of how good the prompts are. ${controlNote(report)}`;
  if (gain === null) {
    return markup`The prompt did not change over ${count(report.rounds.length, "round")} of the same conversations; from
the first to the last of them the mean score changed by ${change(driftOf(report))}. ${controlNote(report)}`;
  }
  const by = `${Math.abs(gain).toFixed(2)} points ${gain < 0 ? "below" : "above"}`;
  const written = report.versions.filter(({ created_by }) => created_by === "system");
  const live = written.filter(({ activated_at }) => activated_at !== null).length;
  return markup`Answers given with version ${judged.at(-1)!.version} of the prompt were scored ${by} those given with
version ${judged[0].version}, by the same judge${whatWasJudged(report)}. The loop judged the answers, named what
they lacked, and wrote ${count(written.length, "new version")} by itself, of which ${live} proved ${
    live === 1 ? "itself" : "themselves"
  } and went live, in ${report.seconds} seconds.
${controlNote(report)}`;
}

/** A reflection takes a limited number of answers, and the rest are not judged when a new version goes live at once. */
function whatWasJudged(report: DemoReport): string {
  const all = judgedVersions(report).reduce((sum, { answers }) => sum + answers, 0) === report.messages;
  return all ? " and in the same conversations" : "; the conversations were the same, but not every answer was judged";
}

const CONTROLS = {
  paused: "automatic updates were paused",
  "useless rewriter": "the rewriter wrote prompts that change no answer",
};

function controlNote({ control }: DemoReport): Html | null {
  return control && markup`<strong>This run is a control:</strong> ${CONTROLS[control]}, so the score should stay where
it is.`;
}

function scoresSection(report: DemoReport): Html {
  const { rounds, rubric, simulated } = report;
  if (judgedVersions(report).length === 0) return markup``;
  return markup`<section aria-labelledby="scores">
<h2 id="scores">Scores over time ${simulatedTag(simulated)}</h2>
<p class="lead">A judge scores every answer from 1 to 5 by ${count(rubric.length, "criterion", "criteria")} and has to
quote the exchange as evidence; the overall score is their weighted mean.</p>
${scoresChart(report)}
${criteriaCharts(report)}
${versionTable(report)}
<details><summary>Scores by round</summary>${roundTable(rounds)}</details>
</section>`;
}

function roundTable(rounds: RoundReport[]): Html {
  const row = ({ round, version, answers, mean_overall, error_overall }: RoundReport) =>
    markup`<tr><th scope="row">${round}</th><td>${versionName(version)}</td><td>${answers}</td>
<td>${withError(mean_overall, error_overall)}</td></tr>`;
  return markup`<div class="scroll" role="region" aria-label="Mean score by round" tabindex="0"><table>
<thead><tr><th scope="col">Round</th><th scope="col">Version</th><th scope="col">Answers</th>
<th scope="col">Overall</th></tr></thead>
<tbody>${rounds.map(row)}</tbody></table></div>`;
}

const LEARNED = markup`<p>Learned patterns do rest on a draw: for each answer that a pattern applies to, a coin decides
whether it is shown. One is adopted when that alone speaks for it, at a level at which, of the patterns adopted in a
year, on average at most 1 in 20 is no improvement.</p>`;

function closing(report: DemoReport): Html {
  const { simulated, settings, reflections, seconds } = report;
  const set = Object.entries(settings).map(([name, value], index) =>
    markup`${index > 0 && ", "}<code>${name} = ${String(value ?? "none")}</code>`
  );
  return markup`<footer>
<h2>How to read this</h2>
<p>The demo shows that the loop closes: answers are judged, a prompt is rewritten for a stated reason, proves itself, and
what it does is judged in turn. The scores over time do not prove statistically that a version is better: the versions
answered the same few conversations one after another instead of being drawn by lot, and the run ends when there is nothing
left to improve. What put a version live is its test, on other answers than the rewrite was made from. A test rests on its
judge, and a judge can be mistaken; so people’s votes are watched after it.</p>
${report.learning && LEARNED}
<p>The loop ran with ${set}; some of these are changed for the demo, so that days pass in seconds.
${count(reflections, "reflection")}, ${seconds} s${simulated && ", simulated model"}. The same data, with every
conversation, is in <code>report.json</code> beside this file.</p>
</footer>`;
}
