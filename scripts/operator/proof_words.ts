/** How tests of versions are told: stages, reasons, evidence. */
import type { Ruling, RunningTest } from "./proof_answers.ts";
import { count } from "./paper.ts";

const METHODS: Record<string, string> = { canary: "canary", replay: "replay proof" };

/** The version that is live is called so. */
export function stateOf(state: string): string {
  return state === "active" ? "live" : plain(state);
}

/** "screening", "canary", "replay proof". */
export function stageOf({ state, method }: Pick<RunningTest, "state" | "method">): string {
  return state === "proving" && method ? METHODS[method] ?? method : plain(state);
}

const HELD: Record<string, string> = {
  awaiting_approval: "it waits for your approval",
  paused: "updates are paused",
  locked: "the live version is locked",
  clauses_missing: "it lacks a protected clause",
  insufficient_data: "too few questions have been answered yet to replay",
  tokens: "the day's tokens for tests are used up",
  money: "the day's money for tests is used up",
};

/** Why nothing goes on. */
export function heldBy(held: string): string {
  return HELD[held] ?? plain(held);
}

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
  model_unreachable: "its model did not answer",
  judge_changed: "the judge was changed",
  baseline_changed: "another version went live",
  judge_not_trusted: "the judge did not pass its trial",
  forced: "it was made live unproved",
  by_hand: "a person decided",
  yearly_budget: "the year's tests are used up",
  placebo: "a placebo was found better: nothing changes live",
};

export function reasonOf(reason: string): string {
  return REASONS[reason] ?? plain(reason);
}

/** An e-value, as what a fair bet of 1 would have become. */
export function odds(logE: number): string {
  if (logE >= Math.log(1e6)) return "over a million";
  const times = Math.exp(logE);
  return times < 10 ? times.toFixed(1) : Math.round(times).toLocaleString("en");
}

/** What is known so far, a sentence each; nothing before the first look. */
export function evidence(ruling: Partial<Ruling> | null, level: number | null): string[] {
  const { words, log_e, wins, losses, ties } = ruling ?? {};
  const pairs = typeof wins === "number" && `${wins} won, ${losses} lost, ${ties} tied.`;
  const staked = typeof log_e === "number" && level !== null &&
    `A fair bet on it would stand at ${odds(log_e)}; it takes ${odds(-Math.log(level))}.`;
  return [words, pairs, staked].filter((one): one is string => Boolean(one));
}

/** Of a judge and of people who rated the same answers; 1 is full agreement, 0 what chance gives. */
export function agreement(kappa: number | null, rated: number | null): string {
  if (kappa === null) return rated ? `${count(rated, "rating")} by people, too few to say` : "no ratings by people yet";
  return `agrees with people by ${kappa.toFixed(2)} (quadratic kappa, ${count(rated ?? 0, "rating")})`;
}

/** Down to hundredths of a percent: levels are small. */
export function levelOf(level: number): string {
  return `${Number((level * 100).toPrecision(2))} %`;
}

function plain(code: string): string {
  return code.replaceAll("_", " ");
}
