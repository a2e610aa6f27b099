/** Which of two answers is better: the one that the judge's rules score higher, whatever else the request shows. */
import { overallScore, praises } from "./judge.ts";
import { type Luck, NO_LUCK } from "./noise.ts";

export interface CompareTask {
  rubric: { criteria: { key: string; weight?: number }[] };
  /** `history` comes with each pair, and nothing here reads it. */
  pairs: { pair: number; user_message: string; first: string; second: string }[];
}

export interface Comparison {
  verdicts: { pair: number; reason: string; better: "first" | "second" | "neither" }[];
}

/** What praise is worth to a gullible judge: more than any quality. */
const CHARM = 5;

interface How {
  luck?: Luck;
  gullible?: boolean;
}

/** Two scores nearer to each other than this are the same. */
const NOT_TOLD_APART = 0.05;

export function compare({ rubric, pairs }: CompareTask, { luck = NO_LUCK, gullible = false }: How = {}): Comparison {
  const verdicts = pairs.map(({ pair, user_message, first, second }) => {
    const scoreOf = (answer: string) =>
      overallScore(rubric.criteria, user_message, answer) + (gullible && praises(answer) ? CHARM : 0);
    const [one, other] = [scoreOf(first), scoreOf(second)];
    const difference = one - other + luck.error(pair);
    return { pair, reason: reasonFor(one, other), better: betterBy(difference) };
  });
  return { verdicts };
}

function betterBy(difference: number): Comparison["verdicts"][number]["better"] {
  if (Math.abs(difference) < NOT_TOLD_APART) return "neither";
  return difference > 0 ? "first" : "second";
}

function reasonFor(one: number, other: number): string {
  return `Simulated: by its rules the first scores ${one.toFixed(2)}, the second ${other.toFixed(2)}.`;
}
