/** What differs between two prompts: by sentence, and within sentences by word. */
import { diffArrays, diffWordsWithSpace } from "diff";
import { stateOf } from "./proof_words.ts";
import { count, lengthOf, type Paper, wrap } from "./paper.ts";

export interface Piece {
  kind: "same" | "removed" | "added";
  /** Sentences, or lines where a line holds none. */
  sentences: string[];
}

export function pieces(from: string, to: string): Piece[] {
  return diffArrays(sentencesOf(from), sentencesOf(to)).map(({ value, added, removed }) => ({
    kind: added ? "added" : removed ? "removed" : "same",
    sentences: value,
  }));
}

/** Which version, and what it is. */
type Named = { version: number; state: string };

export function differencePage(from: Named, to: Named, difference: Piece[], paper: Paper): string {
  const { ink } = paper;
  const of = (kind: Piece["kind"]) => difference.filter((one) => one.kind === kind).flatMap((one) => one.sentences);
  const [removed, added] = [of("removed").length, of("added").length];
  const named = ({ version, state }: Named) => `version ${version}${state === "retired" ? "" : ` (${stateOf(state)})`}`;
  const [what, counts] = [
    `${named(from)} → ${named(to)}`,
    `${of("same").length} the same, ${removed} removed, ${added} added`,
  ];
  const beside = lengthOf(what) + 3 + lengthOf(counts) <= paper.width ? "   " : "\n";
  const title = ink.bold(what) + beside + ink.dim(counts);
  if (removed + added === 0) {
    return [title, "", "  No sentence differs; spaces and line breaks may."]
      .join("\n");
  }
  return [title, "", ...difference.flatMap((piece, index) => lines(difference, piece, index, paper))].join("\n");
}

/** How many sentences that stayed are shown beside those that changed. */
const BESIDE = 1;

function lines(difference: Piece[], piece: Piece, index: number, paper: Paper): string[] {
  if (piece.kind !== "same") {
    const others = counterpart(difference, index)?.sentences ?? [];
    return piece.sentences.flatMap((sentence) => changed(piece.kind, sentence, likest(sentence, others), paper));
  }
  const first = index === 0 ? 0 : BESIDE;
  const last = index === difference.length - 1 ? 0 : BESIDE;
  const hidden = piece.sentences.length - first - last;
  const shown = (sentences: string[]) => sentences.flatMap((one) => marked("  ", one, paper).map(paper.ink.dim));
  if (hidden < 2) return shown(piece.sentences);
  const gap = paper.ink.dim(`  … ${count(hidden, "sentence")} the same`);
  return [...shown(piece.sentences.slice(0, first)), gap, ...shown(piece.sentences.slice(first + hidden))];
}

/** What was removed stands before what came in its place. */
function counterpart(difference: Piece[], index: number): Piece | undefined {
  const other = difference[index].kind === "removed" ? difference[index + 1] : difference[index - 1];
  return other && other.kind !== "same" ? other : undefined;
}

/** The sentence that has most words in common with this one: at least half of the longer one's. */
function likest(sentence: string, others: string[]): string | undefined {
  const words = new Set(sentence.split(" "));
  const shared = others.map((other) => {
    const its = new Set(other.split(" "));
    return {
      other,
      share: words.intersection(its).size / Math.max(words.size, its.size),
    };
  });
  return shared.filter(({ share }) => share >= 0.5).sort((a, b) => b.share - a.share)[0]?.other;
}

/** The words that another sentence does not have are marked, where there are colours. */
function changed(kind: Piece["kind"], sentence: string, other: string | undefined, paper: Paper): string[] {
  const { ink } = paper;
  const pen = kind === "removed" ? ink.gone : ink.come;
  const signed = marked(kind === "removed" ? "- " : "+ ", sentence, paper);
  if (other === undefined || ink.strong("x") === "x") return signed.map(pen);
  const own = diffWordsWithSpace(other, sentence).filter((one) => !one.removed);
  const strong = own.flatMap(({ value, added }) => [...value].map(() => Boolean(added)));
  return emphasize(signed, strong, ink.strong).map(pen);
}

/** Marks characters of a sentence in the lines it was broken into: between two lines a space was left out. */
function emphasize(signed: string[], strong: boolean[], pen: (text: string) => string): string[] {
  let at = 0;
  return signed.map((line) => {
    const characters = [...line.slice(2)].map((character) => ({ character, strong: strong[at++] }));
    at++;
    return line.slice(0, 2) +
      runs(characters).map((run) => run.strong ? pen(run.text) : run.text).join("");
  });
}

function runs(characters: { character: string; strong: boolean }[]): { text: string; strong: boolean }[] {
  const found: { text: string; strong: boolean }[] = [];
  for (const { character, strong } of characters) {
    const last = found.at(-1);
    if (last && last.strong === strong) last.text += character;
    else found.push({ text: character, strong });
  }
  return found;
}

function marked(sign: string, sentence: string, { width }: Paper): string[] {
  return wrap(sentence, width - lengthOf(sign)).map((line, index) => (index === 0 ? sign : "  ") + line);
}

const SENTENCES = new Intl.Segmenter("en", { granularity: "sentence" });

/** White space counts for nothing, but a line ends a sentence. */
function sentencesOf(text: string): string[] {
  return text.split("\n")
    .flatMap((line) => [...SENTENCES.segment(line)].map(({ segment }) => segment.replace(/\s+/gu, " ").trim()))
    .filter(Boolean);
}
