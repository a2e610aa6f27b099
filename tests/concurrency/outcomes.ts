/** What a crowd was told, counted. */
import assert from "node:assert/strict";
import type { Told } from "./crowd.ts";

/** That nothing was raised: neither a deadlock nor a constraint that had to save what a lock should have. */
// deno-lint-ignore no-explicit-any -- each scenario knows what it asked
export function answersOf(told: Told[]): any[] {
  const errors = new Set(told.flatMap(({ error }) => error ? [`${error.code}: ${error.message}`] : []));
  assert.deepEqual([...errors], [], "the database raised an error");
  return told.map(({ answer }) => answer);
}

/** How often each outcome was told. */
export function outcomesOf(told: Told[]): Record<string, number> {
  return tally(answersOf(told).map(({ outcome, reason }) => reason ? `${outcome}: ${reason}` : outcome));
}

export function tally(words: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
