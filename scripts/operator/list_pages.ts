/** Versions and suggestions, as operators read them. */
import type { Suggestion, Version, VersionText } from "./answers.ts";
import { lengthOf, type Paper, score, wrap } from "./paper.ts";
import { stateOf } from "./proof_words.ts";
import { ago, stamp } from "./times.ts";

const LEAST_REASON = 30;

export function versionsPage(versions: Version[], { width, ink }: Paper): string {
  const header = ["version", "state", "score", "judged", "made", "by"];
  const rows = versions.map((one) => [
    String(one.version),
    [stateOf(one.state), ...one.placebo ? ["placebo"] : [], ...one.locked ? ["locked"] : []].join(", "),
    score(one.score),
    String(one.judged),
    stamp(one.created_at),
    one.created_by === "system" ? "loop" : "person",
  ]);
  const widths = header.map((name, column) =>
    Math.max(...[[...header], ...rows].map((row) => row[column].length), name.length)
  );
  const numbers = new Set([0, 2, 3]);
  const cells = (row: string[]) =>
    row.map((cell, column) => numbers.has(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])).join(
      "  ",
    );
  const left = lengthOf(cells(header)) + 2;
  const beside = width - left >= LEAST_REASON;
  const indent = beside ? left : widths[0] + 2;
  const lines = rows.flatMap((row, index) => {
    const { state, reason } = versions[index];
    const pen = state === "active" ? ink.bold : (text: string) => text;
    const why = reason ? wrap(reason, width - indent) : [];
    const first = beside && why.length > 0 ? `${cells(row)}  ${why.shift()}` : cells(row).trimEnd();
    return [pen(first), ...why.map((line) => " ".repeat(indent) + line)];
  });
  return [ink.dim((cells(header) + (beside ? "  why" : "")).trimEnd()), ...lines].join("\n");
}

/** On a terminal with a title and fit to be shown there; elsewhere the text, to the letter. */
export function versionPage({ content, ...version }: VersionText, { terminal, width, ink }: Paper): string {
  if (!terminal) return content;
  const title = `version ${version.version}, ${stateOf(version.state)}${version.locked ? ", locked" : ""}`;
  return [ink.bold(title), "", ...wrap(content, width)].join("\n");
}

export function suggestionsPage(suggestions: Suggestion[], all: boolean, paper: Paper): string {
  if (suggestions.length === 0) {
    return all ? "There has been no suggestion." : "No suggestion waits for you.";
  }
  const short = shortIds(suggestions.map((one) => one.suggestion_id));
  return suggestions.map((one, index) => section(one, short[index], paper))
    .join("\n\n");
}

function section(one: Suggestion, id: string, paper: Paper): string {
  const { width, ink, now } = paper;
  const facts = [
    one.type.replace("_", " "),
    `${one.priority} priority`,
    ago(one.at, now),
    ...(one.status === "pending" ? [] : [one.status]),
    ...about(one),
  ];
  const [first, ...more] = wrap(facts.join(" · "), width - id.length - 2);
  const indented = (text: string, pen = (line: string) => line) =>
    wrap(text, width - 2).map((line) => `  ${pen(line)}`);
  const lines = [
    `${ink.bold(id)}  ${ink.dim(first)}`,
    ...more.map((line) => `${" ".repeat(id.length + 2)}${ink.dim(line)}`),
    ...indented(one.title, one.status === "pending" ? ink.alert : undefined),
    ...(one.description === one.title ? [] : indented(one.description)),
    ...(one.proposed_change && one.version === null ? indented(`Proposed: ${one.proposed_change}`) : []),
    ...(one.review_notes ? indented(`Reviewed: ${one.review_notes}`, ink.dim) : []),
  ];
  return [...lines, ...nextSteps(one, id, paper).map((step) => `  ${ink.dim(`→ ${step}`)}`)].join("\n");
}

function about({ superseded, version, about_version, score: mean, implemented_in_version }: Suggestion): string[] {
  const judged = mean === null ? "" : `, which scored ${score(mean)}`;
  if (implemented_in_version !== null) {
    return [`live as version ${implemented_in_version}`];
  }
  if (superseded) return [`about version ${about_version}, which is no longer live`];
  if (version !== null) {
    return [`version ${version} in place of ${about_version}${judged}`];
  }
  return about_version === null ? [] : [`about version ${about_version}${judged}`];
}

function nextSteps(
  { status, superseded, version, about_version }: Suggestion,
  id: string,
  { command }: Paper,
): string[] {
  if (status !== "pending") return [];
  if (superseded) return [command(`reject ${id}`), ...(version === null ? [] : [command(`test ${version}`)])];
  const compare = version === null || about_version === null ? [] : [command(`diff ${about_version} ${version}`)];
  return [...compare, command(`approve ${id}`), command(`reject ${id}`)];
}

/** As much of each id as tells them apart; eight characters or more. */
export function shortIds(ids: string[]): string[] {
  return ids.map((id) => {
    const others = ids.filter((other) => other !== id);
    let length = 8;
    while (length < id.length && others.some((other) => other.startsWith(id.slice(0, length)))) length++;
    return id.slice(0, length);
  });
}
