/** What was decided by proof, and whether it can be decided again. */
import { shortIds } from "./list_pages.ts";
import { besideLabels, clean, count, labelled, type Paper, wrap } from "./paper.ts";
import type { Fingerprint, Receipt, ReceiptSummary, Ruling, Verification } from "./proof_answers.ts";
import { agreement, evidence, levelOf, odds, reasonOf } from "./proof_words.ts";
import { ago, stamp } from "./times.ts";

const DONE: Record<string, string> = { promote: "promoted", reject: "rejected", rollback: "rolled back" };

export function receiptsPage(receipts: ReceiptSummary[], paper: Paper): string {
  if (receipts.length === 0) return "Nothing has been decided by proof yet.";
  const short = shortIds(receipts.map((one) => one.receipt_id));
  return [
    ...receipts.map((one, index) => entry(one, short[index], paper)),
    paper.ink.dim(`→ ${paper.command(`receipt verify ${short[0]}`)}`),
  ].join("\n");
}

/** The longest: rolled back. */
const DECISION = 13;

function entry(one: ReceiptSummary, id: string, { width, ink }: Paper): string {
  const pens: Record<string, (text: string) => string> = { promote: ink.good, rollback: ink.alert };
  const done = DONE[one.decision] ?? one.decision;
  const indent = id.length + 2 + 16 + 2 + DECISION;
  const facts = [
    `version ${one.version}${one.decision === "rollback" ? ", back to" : " against"} ${one.baseline_version}`,
    ...one.placebo ? ["a placebo"] : [],
    reasonOf(one.reason),
    ...one.method ? [one.method] : [],
    count(one.observations, "observation"),
    // Screening and votes bet on nothing.
    ...one.log_e ? [`evidence ${odds(one.log_e)}`] : [],
  ];
  const [first, ...rest] = wrap(facts.join(" · "), width - indent);
  const pen = pens[one.decision] ?? ((text: string) => text);
  const left = `${ink.bold(id)}  ${ink.dim(stamp(one.at))}  ${pen(done)}${" ".repeat(DECISION - done.length)}`;
  return [left + first, ...rest.map((line) => " ".repeat(indent) + line)].join("\n");
}

const LABELS = ["decided", "evidence", "judge", "answers", "level", "candidate", "baseline", "kept"];

export function receiptPage(receipt: Receipt, paper: Paper): string {
  const { ink, now } = paper;
  const { document, observations, digest_matches, prompts_match } = receipt;
  const { ruling, judge, chat_model, level, ledger, candidate, baseline, method } = document;
  const width = besideLabels(LABELS, paper);
  const told = (...lines: string[]) => lines.flatMap((line) => wrap(line, width));
  const done = `${DONE[receipt.decision] ?? receipt.decision}: ${reasonOf(receipt.reason)}`;
  const whole = digest_matches && prompts_match;
  const kept = whole
    ? `${count(observations.length, "observation")} and both prompts are what it was written over`
    : `${digest_matches ? "the prompts" : "the observations"} are NOT what it was written over`;
  const rows: [string, string[]][] = [
    ["decided", told(`${done} · ${stamp(receipt.at)} (${ago(receipt.at, now)})${method ? ` · ${method}` : ""}`)],
    ["evidence", told(...evidence(ruling, receipt.decision === "rollback" ? null : level))],
    ...judge
      ? [["judge", told(`${judge.model}, revision ${judge.revision}; ${agreement(ruling.kappa, ruling.rated)}`)] as [
        string,
        string[],
      ]]
      : [],
    ...chat_model ? [["answers", told(chat_model)] as [string, string[]]] : [],
    ...level === null ? [] : [["level", told(levelOf(level) + place(ledger))] as [string, string[]]],
    ["candidate", told(hashed(candidate))],
    ["baseline", told(hashed(baseline))],
    ["kept", told(kept).map(whole ? (line) => line : ink.alert)],
  ];
  const title = ink.bold(`receipt ${receipt.receipt_id}`) + (receipt.placebo ? ink.dim(" · of a placebo") : "");
  const next = `  ${ink.dim(`→ ${paper.command(`receipt verify ${receipt.receipt_id.slice(0, 8)}`)}`)}`;
  return [title, ...labelled(rows, paper), next].join("\n");
}

/** The beginning tells texts apart; --json has the whole. */
function hashed({ version, sha256, model, host }: Fingerprint): string {
  const by = model ? `, answered by ${model}${host ? ` at ${host}` : ""}` : "";
  return `version ${version}, sha256 ${sha256.slice(0, 16)}…${by}`;
}

function place(ledger: Receipt["document"]["ledger"]): string {
  return ledger?.position ? `, test ${ledger.position} of 60 in ${ledger.year}` : "";
}

/** Of one that matches: what does not is a failure, and its differences are told with it. */
export function verifiedPage({ receipt_id, recomputed }: Verification, { width, ink }: Paper): string {
  const told = [
    `Recomputed from ${count(recomputed.n, "observation")}: ${outcome(recomputed)}.`,
    ...recomputed.words ? [clean(recomputed.words)] : [],
  ];
  return [
    ...wrap(`Receipt ${receipt_id.slice(0, 8)} matches: the same decision comes of the same observations.`, width)
      .map(ink.good),
    ...told.flatMap((line) => wrap(line, width - 2).map((one) => `  ${one}`)),
  ].join("\n");
}

function outcome({ decision, reason, at, log_e }: Ruling): string {
  const when = at === null ? "" : ` at observation ${at}`;
  return `${DONE[decision] ?? decision.replaceAll("_", " ")}, ${reasonOf(reason)}${when}${
    log_e === null ? "" : `, evidence ${odds(log_e)}`
  }`;
}
