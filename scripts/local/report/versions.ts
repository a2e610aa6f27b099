/** Each prompt version: where it came from, why, what changed in its text, and how its answers were scored. */
import { diffWordsWithSpace } from "diff";
import type { DemoReport, VersionReport } from "./data.ts";
import { type Html, markup, prose } from "./html.ts";
import { change, count, score, simulatedTag, time, title, versionName } from "./words.ts";

export function versionsSection(report: DemoReport): Html {
  return markup`<section aria-labelledby="versions">
<h2 id="versions">Prompt versions ${simulatedTag(report.simulated)}</h2>
<p class="lead">What each version changed in the one it was made from, and the reason that was given for it.
<ins>Added text</ins> is underlined, <del>removed text</del> is struck through.</p>
${report.versions.map((version) => card(version, report))}
</section>`;
}

/** Beyond this many words' difference two texts have so little in common that one is shown whole after the other. */
const MOST_EDITS = 3_000;
/** Unchanged text is shown this far around what changed. */
const CONTEXT = 160;

/** The text with what went out and what came in. */
export function promptDiff(before: string, after: string): Html {
  const parts = diffWordsWithSpace(before, after, { maxEditLength: MOST_EDITS }) ??
    [{ value: before, removed: true, added: false }, { value: `\n${after}`, removed: false, added: true }];
  return markup`<div class="prompt diff" dir="auto">${
    parts.map(({ value, added, removed }, index) => {
      if (added) return markup`<ins>${prose(value)}</ins>`;
      if (removed) return markup`<del>${prose(value)}</del>`;
      return markup`<span class="kept">${shortened(value, index === 0, index === parts.length - 1)}</span>`;
    })
  }</div>`;
}

function shortened(text: string, isFirst: boolean, isLast: boolean): Html {
  const head = isFirst ? "" : text.slice(0, CONTEXT).replace(/\S*$/u, "");
  const tail = isLast ? "" : text.slice(-CONTEXT).replace(/^\S*/u, "");
  const left = text.length - head.length - tail.length;
  if (left < 3 * CONTEXT || (isFirst && isLast)) return prose(text);
  return markup`${prose(head)}<span class="elided"> … ${count(left, "unchanged character")} … </span>${prose(tail)}`;
}

function card(version: VersionReport, { versions }: DemoReport): Html {
  const { is_live, change_reason, content } = version;
  const previous = versions.find((other) => other.version === version.previous_version);
  const length = markup`<span class="quiet">, ${count(content.length, "character")}</span>`;
  return markup`<article class="card"><header>
<h3>${versionName(version.version)} ${is_live ? markup`<span class="tag live">live</span>` : ended(version)}</h3>
<p class="verdict">${verdict(version, previous)}</p></header>
<p class="origin">${origin(version)}</p>
${change_reason && markup`<blockquote dir="auto"><p>${prose(change_reason)}</p></blockquote>`}
${previous ? promptDiff(previous.content, content) : fullText(version)}
${previous && markup`<details><summary>The whole prompt${length}</summary>${fullText(version)}</details>`}
</article>`;
}

/** What became of one that is not live, where that is no matter of course. */
function ended({ state }: VersionReport): Html | false {
  const told = !["retired", "active"].includes(state);
  return told && markup`<span class="tag">${prose(state.replaceAll("_", " "))}</span>`;
}

function fullText({ content }: VersionReport): Html {
  return markup`<div class="prompt" dir="auto">${prose(content)}</div>`;
}

function verdict({ mean_overall, answers }: VersionReport, previous: VersionReport | undefined): Html {
  if (mean_overall === null) return markup`<span class="quiet">not judged</span>`;
  const before = previous?.mean_overall ?? null;
  const delta = before !== null && markup`<span class="delta">${change(mean_overall - before)}</span> `;
  return markup`<strong>${score(mean_overall)}</strong> <span class="quiet">of 5</span> ${delta}<span
class="quiet">from ${count(answers, "judged answer")}</span>`;
}

function origin({ created_by, model, previous_version, activated_at, is_live }: VersionReport): Html {
  const maker = created_by === "human" ? "Written by a person" : "Written by the loop";
  const from = previous_version !== null && markup` from version ${previous_version}`;
  const live = activated_at ? markup`; made live at ${time(activated_at)}` : neverActivated(previous_version, is_live);
  return markup`${maker}${model && markup` with <code>${model}</code>`}${from}${live}`;
}

function neverActivated(previous: number | null, isLive: boolean): string {
  if (previous === null) return "; live from the start";
  return isLive ? "" : "; never live";
}

/** The scores of the versions as a table: what the charts show, in numbers. */
export function versionTable({ versions, rubric, simulated }: DemoReport): Html {
  const row = (version: VersionReport) => {
    const { mean_overall, error_overall, mean_by_criterion, error_by_criterion } = version;
    return markup`<tr><th scope="row">${versionName(version.version)}</th><td>${version.answers}</td>
<td class="overall">${withError(mean_overall, error_overall)}</td>
${rubric.map(({ key }) => markup`<td>${withError(mean_by_criterion[key], error_by_criterion[key])}</td>`)}</tr>`;
  };
  return markup`<div class="scroll" role="region" aria-labelledby="version-table" tabindex="0"><table>
<caption id="version-table">Mean score by version, 1 to 5, ± its standard error ${simulatedTag(simulated)}</caption>
<thead><tr><th scope="col">Version</th><th scope="col">Answers</th><th scope="col">Overall</th>
${rubric.map(({ key }) => markup`<th scope="col">${title(key)}</th>`)}</tr></thead>
<tbody>${versions.map(row)}</tbody></table></div>`;
}

export function withError(mean: number | null | undefined, error: number | null | undefined): Html {
  if (mean === null || mean === undefined) return markup`–`;
  const deviation = error !== null && error !== undefined && markup` <span class="quiet">±${error.toFixed(2)}</span>`;
  return markup`${score(mean)}${deviation}`;
}
