/** Means of what the judge gave, how uncertain they are, and what a run gained. */
import type { ConversationReport, DemoReport, Evaluation, LearningReport, Scores } from "./data.ts";

/** A smaller difference shows up between rounds of one and the same prompt too. */
export const LEAST_GAIN = 0.3;

/** An evaluation, and which conversation its answer stands in. */
export interface Judged {
  conversation: number;
  evaluation: Evaluation;
}

export function judgedAnswers(conversations: ConversationReport[]): Judged[] {
  return conversations.flatMap(({ turns }, conversation) =>
    turns.flatMap(({ evaluation }) => evaluation ? [{ conversation, evaluation }] : [])
  );
}

/** Discarded judgements enter no mean, and neither do scores whose evidence is void. */
export function scoresOf(judged: Judged[], criteria: string[]): Scores {
  const counted = judged.filter(({ evaluation }) => evaluation.overall !== null);
  const overall = spreadOf(counted.map(({ conversation, evaluation }) => ({
    conversation,
    value: evaluation.overall!,
  })));
  const scores: Scores = {
    answers: counted.length,
    mean_overall: overall?.mean ?? null,
    error_overall: overall?.error ?? null,
    mean_by_criterion: {},
    error_by_criterion: {},
  };
  for (const key of criteria) {
    const valid = counted.filter(({ evaluation }) => evaluation.scores[key]?.valid);
    const spread = spreadOf(valid.map(({ conversation, evaluation }) => ({
      conversation,
      value: evaluation.scores[key].score,
    })));
    if (!spread) continue;
    scores.mean_by_criterion[key] = spread.mean;
    scores.error_by_criterion[key] = spread.error;
  }
  return scores;
}

/** How much better the answers of the last judged version are than the first one's; null when only one is judged. */
export function gainOf({ versions }: Pick<DemoReport, "versions">): number | null {
  const means = versions.flatMap(({ mean_overall }) => mean_overall ?? []);
  return means.length > 1 ? means.at(-1)! - means[0] : null;
}

/** With one version throughout, what changes between the first round and the last. */
export function driftOf({ rounds }: Pick<DemoReport, "rounds">): number {
  return (rounds.at(-1)?.mean_overall ?? 0) - (rounds[0]?.mean_overall ?? 0);
}

/** How many patterns must be active for one organisation, for learning to have been shown. */
export const ENOUGH_ACTIVE = 2;

/** What learning should have shown and did not, a sentence each. */
export function missingOf({ organizations, checks, failed_runs }: LearningReport): string[] {
  const active = organizations.map(({ name, patterns }) => ({
    name,
    count: patterns.filter(({ state }) => state === "active").length,
  }));
  const { answers, prompts, instructed, foreign, unlike_stored } = checks;
  const said = active.map(({ name, count }) => `${count} at "${name}"`).join(", ");
  return [
    ...active.every(({ count }) => count < ENOUGH_ACTIVE)
      ? [`No organisation has ${ENOUGH_ACTIVE} active patterns (${said}).`]
      : [],
    ...failed_runs > 0 ? [`${failed_runs} learning runs failed.`] : [],
    ...prompts < answers ? [`Of ${answers} answers, the prompts of ${prompts} were seen.`] : [],
    ...instructed === 0 ? ["No prompt held a learned instruction."] : [],
    ...foreign > 0 ? [`${foreign} prompts held an instruction that another organisation had taught.`] : [],
    ...unlike_stored > 0 ? [`${unlike_stored} answers were stored with other patterns than their prompt held.`] : [],
  ];
}

/**
 * The mean and its standard error. Answers of one conversation resemble each other, so their deviations are added up
 * before they are squared; where each conversation has one answer this is the usual standard error.
 */
function spreadOf(values: { conversation: number; value: number }[]): { mean: number; error: number | null } | null {
  if (values.length === 0) return null;
  const mean = values.reduce((sum, { value }) => sum + value, 0) / values.length;
  const deviations = new Map<number, number>();
  for (const { conversation, value } of values) {
    deviations.set(conversation, (deviations.get(conversation) ?? 0) + value - mean);
  }
  const groups = deviations.size;
  if (groups < 2) return { mean, error: null };
  const squares = [...deviations.values()].reduce((sum, deviation) => sum + deviation ** 2, 0);
  return { mean, error: Math.sqrt(squares * groups / (groups - 1)) / values.length };
}
