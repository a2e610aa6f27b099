/**
 * Noise, as real models have it: the same question asked twice gets two answers, and a judge errs. It is thrown by
 * hashes, so a run whose requests come in the same order comes out the same.
 */
import { shareOf } from "./formats.ts";
import { invalid } from "./refusal.ts";
import type { BlockName } from "./rules.ts";
import { isObject } from "./schema.ts";

export interface Noise {
  /** A whole number; another one gives another run. */
  seed: number;
  /** The chance, 0 to 1, that a coin decides about a block of an answer and not the prompt. */
  answers: number;
  /** The standard deviation, in points of the score, of the error on the difference between two answers. */
  judge: number;
}

/** How often each body came, by its hash. */
export type Times = Map<number, number>;

/** What chance makes of one request. */
export interface Luck {
  /** Whether an answer has the block. */
  has(block: BlockName, asked: boolean): boolean;
  /** The error on the difference between the scores of a pair's two answers. */
  error(pair: number): number;
}

export const NO_LUCK: Luck = { has: (_, asked) => asked, error: () => 0 };

/** The luck of a request: by the seed, its body, and how often that body came before. */
export function luckOf(noise: Noise | null, body: string, times: Times): Luck {
  if (noise === null) return NO_LUCK;
  const key = shareOf(body);
  const time = times.get(key) ?? 0;
  times.set(key, time + 1);
  const share = (what: string) => shareOf(`${what} of ${noise.seed}, ${key}, ${time}`);
  return {
    has: (block, asked) => share(`stray ${block}`) < noise.answers ? share(`coin ${block}`) < 0.5 : asked,
    error: (pair) => noise.judge * normal(share(`radius ${pair}`), share(`angle ${pair}`)),
  };
}

/** What was put to `/_standin/noise`; null ends it. */
export function readNoise(body: string): Noise | null {
  const told = parsed(body);
  if (told === null) return null;
  const { seed, answers, judge, ...others } = isObject(told) ? told : {};
  if (
    Number.isInteger(seed) && isWithin(answers, 1) && isWithin(judge, Infinity) && Object.keys(others).length === 0
  ) {
    return { seed: seed as number, answers, judge };
  }
  throw invalid('noise: null, or {"seed": a whole number, "answers": 0 to 1, "judge": at least 0}');
}

/** Of two numbers from 0 up to 1, a normal one (Box and Muller, 1958). */
function normal(radius: number, angle: number): number {
  return Math.sqrt(-2 * Math.log(1 - radius)) * Math.cos(2 * Math.PI * angle);
}

function isWithin(value: unknown, most: number): value is number {
  return typeof value === "number" && value >= 0 && value <= most;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
