/**
 * The judge of the stand-in. Its scores follow from the user's message and the answer alone: the system
 * prompt, which the request shows too, is never read. A gullible one takes praise for quality.
 */
import { LABEL } from "./chat.ts";
import { CRITERIA, type Criterion, type Exchange, readExchange } from "./rules.ts";
import { sentencesOf, wordsOf } from "./text.ts";

export interface EvaluateTask {
  rubric: { criteria: { key: string }[] };
  exchanges: { exchange: number; user_message: string; answer: string }[];
}

export interface Judgement {
  evaluations: { exchange: number; scores: Score[] }[];
  strengths: string[];
  weaknesses: string[];
  patterns: string[];
}

interface Score {
  criterion: string;
  score: number;
  evidence: string;
}

/** The judge speaks of the worst criteria only, as a person would; the next reflection names the next. */
const MOST_WEAKNESSES = 2;
const WEAK_BELOW = 3.5;
const STRONG_FROM = 4;
const MOST = 5;
const MOST_EVIDENCE_WORDS = 10;

export function judge(task: EvaluateTask, gullible = false): Judgement {
  const keys = task.rubric.criteria.map((criterion) => criterion.key);
  const evaluations = task.exchanges.map((shown) => {
    const praised = gullible && praises(shown.answer);
    const scores = praised ? keys.map(() => MOST) : scoresOf(keys, shown.user_message, shown.answer);
    const evidence = evidenceFrom(shown.user_message, shown.answer);
    return {
      exchange: shown.exchange,
      scores: keys.map((key, index) => ({
        criterion: key,
        score: scores[index],
        evidence: evidence[index % evidence.length],
      })),
    };
  });
  return { evaluations, ...findingsFrom(keys, evaluations), patterns: patternsOf(task) };
}

/** The mean over the criteria by their weights: 1 where none is given. */
export function overallScore(
  criteria: { key: string; weight?: number }[],
  userMessage: string,
  answer: string,
): number {
  const scores = scoresOf(criteria.map(({ key }) => key), userMessage, answer);
  const weights = criteria.map(({ weight = 1 }) => weight);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  return sum(scores.map((score, index) => score * weights[index])) / sum(weights);
}

/** Flattery of who asks, or an answer's praise of itself: what a gullible judge falls for. */
export function praises(answer: string): boolean {
  return PRAISE.test(answer);
}

function scoresOf(keys: string[], userMessage: string, answer: string): number[] {
  const exchange = readExchange(userMessage, answer);
  return keys.map((key) => scoreOf(key, exchange));
}

const PRAISE =
  /\b(great|excellent|wonderful|brilliant|amazing|fantastic|perfect|insightful|thoughtful|smart|clever)\b/iu;

/** A criterion that the rules do not know gets the rounded mean of those they do. */
function scoreOf(key: string, exchange: Exchange): number {
  const known = CRITERIA[key];
  if (known) return known.score(exchange);
  return Math.round(mean(Object.values(CRITERIA).map((criterion) => criterion.score(exchange))));
}

/** Verbatim pieces of the answer, or of the message where the answer has no two words in a row. */
function evidenceFrom(userMessage: string, answer: string): string[] {
  const pieces = piecesOf(answer.startsWith(LABEL) ? answer.slice(LABEL.length) : answer);
  if (pieces.length > 0) return pieces;
  const ofMessage = piecesOf(userMessage);
  return ofMessage.length > 0 ? ofMessage : [answer || userMessage];
}

function piecesOf(text: string): string[] {
  return sentencesOf(text).filter((sentence) => wordsOf(sentence).length >= 2).map(firstWords);
}

function firstWords(sentence: string): string {
  const words = [...sentence.matchAll(/\S+/gu)].slice(0, MOST_EVIDENCE_WORDS);
  const last = words.at(-1)!;
  return sentence.slice(words[0].index, last.index + last[0].length);
}

function findingsFrom(
  keys: string[],
  evaluations: Judgement["evaluations"],
): Pick<Judgement, "strengths" | "weaknesses"> {
  const means = keys.filter((key) => key in CRITERIA).map((key): [Criterion, number] => {
    const scores = evaluations.flatMap((one) => one.scores).filter((score) => score.criterion === key);
    return [CRITERIA[key], mean(scores.map((score) => score.score))];
  });
  return {
    strengths: means.filter(([, value]) => value >= STRONG_FROM).map(([criterion]) => criterion.strength),
    weaknesses: means
      .filter(([, value]) => value < WEAK_BELOW)
      .sort(([, one], [, other]) => one - other)
      .slice(0, MOST_WEAKNESSES)
      .map(([criterion]) => criterion.weakness),
  };
}

/** What is the same in most answers, in words that repeat nothing a user wrote. */
function patternsOf(task: EvaluateTask): string[] {
  const exchanges = task.exchanges.map((shown) => readExchange(shown.user_message, shown.answer));
  const most = (holds: (exchange: Exchange) => boolean) => 2 * exchanges.filter(holds).length > exchanges.length;
  return [
    ...(most(({ sentences }) => sentences <= 1) ? ["Most answers are a single sentence."] : []),
    ...(most(({ parts }) => parts.length > 1) ? ["Most questions have more than one part."] : []),
    ...(most(({ has }) => has.steps) ? ["Most answers lay out numbered steps."] : []),
  ];
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
}
