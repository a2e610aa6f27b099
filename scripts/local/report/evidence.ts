/**
 * How the evidence of a test grew, observation by observation, for the charts. What decides is pawl-core; this is drawn
 * only where it ends at what core wrote down.
 */
import type { CurveReport } from "./data.ts";

/** As core::proof reads it. */
export interface Case {
  kind: "screening" | "replay" | "canary" | "watch";
  level: number | null;
  before_up?: number;
  before_n?: number;
  observations: Observation[];
}

export interface Observation {
  /** Of a pair: the candidate lost, tied, won. */
  d?: number;
  /** Of a unit of a canary. */
  arm?: boolean;
  propensity?: number;
  person?: number;
  judged?: number | null;
  /** Of a vote. */
  up?: boolean;
}

/** What was written down of the end. */
export interface Ended {
  log_e: number | null;
  /** Of the bet that it is worse; of votes, the evidence that they fell. */
  log_e_worse: number | null;
  at: number | null;
}

/** Null where the case is of another kind, empty, or does not come to what was written down. */
export function curveOf(one: Case, ruling: Ended): CurveReport | null {
  const { observations, level } = one;
  if (observations.length === 0) return null;
  if (one.kind === "screening") return { kind: "wins", values: wins(observations), threshold: 0 };
  if (one.kind === "watch") {
    // What was voted after the fall was clear changes nothing.
    const values = fall(one).slice(0, ruling.at ?? observations.length);
    return checked({ kind: "log_e", values, threshold: Math.log(FALLEN) }, ruling.log_e_worse, ruling.at);
  }
  if (level === null) return null;
  const threshold = -Math.log(level);
  const values = held(one.kind === "replay" ? replay(observations) : canary(observations), threshold);
  return checked({ kind: "log_e", values, threshold }, ruling.log_e, ruling.at);
}

/** Who has won stops betting. */
function held(values: number[], threshold: number): number[] {
  const won = values.findIndex((value) => value >= threshold);
  return values.map((value, index) => won >= 0 && index > won ? values[won] : value);
}

/** The end, or where it was decided, is what the receipt says. */
function checked(curve: CurveReport, end: number | null, at: number | null): CurveReport | null {
  const ends = [curve.values.at(-1)!, ...at === null ? [] : [curve.values[at - 1]]];
  return end !== null && ends.some((one) => Math.abs(one - end) < 1e-6) ? curve : null;
}

/** Wins less losses. */
function wins(pairs: Observation[]): number[] {
  let sum = 0;
  return pairs.map(({ d }) => sum += d ?? 0);
}

/** Shares of a stake that are bet on each pair at once, a sixth of the stake each. */
const PAIR_BETS = [0.06, 0.12, 0.2, 0.3, 0.45, 0.65];

function replay(pairs: Observation[]): number[] {
  return staked(PAIR_BETS.length, pairs.map(({ d }) => PAIR_BETS.map((bet) => 1 + bet * (d ?? 0))));
}

const UNIT_BETS = [0.1, 0.2, 0.35, 0.5, 0.75, 1];
/** How many observations a person's mean, and the mean of all, begin with; and the latter's value. */
const OWN_PRIOR = 4;
const ALL_PRIOR = 5;
const ALL_BEFORE = 0.7;

/** Residuals around each person's own earlier mean, weighted by the chance of the arm. */
function canary(units: Observation[]): number[] {
  const of = new Map<number, { sum: number; count: number }>();
  let [sum, count] = [0, 0];
  const factors = units.map(({ arm, propensity = 0.5, person = 0, judged = null }) => {
    const own = of.get(person) ?? { sum: 0, count: 0 };
    const all = (sum + ALL_BEFORE * ALL_PRIOR) / (count + ALL_PRIOR);
    const mean = (own.sum + OWN_PRIOR * all) / (own.count + OWN_PRIOR);
    if (judged === null) return UNIT_BETS.map(() => 1);
    const residual = arm ? (judged - mean) / propensity : (mean - judged) / (1 - propensity);
    of.set(person, { sum: own.sum + judged, count: own.count + 1 });
    [sum, count] = [sum + judged, count + 1];
    return UNIT_BETS.map((bet) => 1 + bet * Math.min(propensity, 1 - propensity) * 0.98 * residual);
  });
  return staked(UNIT_BETS.length, factors);
}

/** The logarithm of the mean stake, after each round of factors. */
function staked(bets: number, rounds: number[][]): number[] {
  const logs = Array<number>(bets).fill(0);
  return rounds.map((factors) => {
    factors.forEach((factor, bet) => logs[bet] += Math.log(factor));
    const most = Math.max(...logs);
    return most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0) / bets);
  });
}

/** As crates/core/src/crash.rs: falls of the logit that are looked for, and what tells one. */
const SHIFTS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.8, 2.2];
const FALLEN = 1e5;

function fall({ observations, before_up = 0, before_n = 0 }: Case): number[] {
  const share = lowerLimit(before_up, before_n);
  const watched = SHIFTS.map((shift) => {
    const odds = share / (1 - share) * Math.exp(-shift);
    const after = odds / (1 + odds);
    return { up: after / share, down: (1 - after) / (1 - share), r: 0 };
  });
  return observations.map(({ up }) => {
    for (const one of watched) one.r = (1 + one.r) * (up ? one.up : one.down);
    return Math.log(Math.max(1, watched.reduce((sum, { r }) => sum + r, 0) / SHIFTS.length));
  });
}

/** The share at which `yes` or more of `n` would be seen one time in twenty (Clopper & Pearson 1934). */
function lowerLimit(yes: number, n: number): number {
  if (yes === 0) return 0;
  let [low, high] = [0, 1];
  for (let step = 0; step < 40; step++) {
    const share = (low + high) / 2;
    if (atLeast(yes, n, share) > 0.05) high = share;
    else low = share;
  }
  return low;
}

function atLeast(yes: number, n: number, share: number): number {
  let logWays = 0;
  for (let i = 0; i < n - yes; i++) logWays += Math.log((n - i) / (i + 1));
  let [term, sum] = [1, 1];
  for (let k = yes; k < n; k++) {
    term *= (n - k) / (k + 1) * share / (1 - share);
    sum += term;
  }
  if (!Number.isFinite(sum)) return 1;
  return Math.exp(logWays + yes * Math.log(share) + (n - yes) * Math.log(1 - share) + Math.log(sum));
}
