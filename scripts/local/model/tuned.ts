/**
 * Models that were tuned: their provider has another address and another key than Claude's, and what they have learned
 * they do whatever the prompt says.
 */
import type { Luck } from "./noise.ts";
import type { BlockName } from "./rules.ts";

export interface Tuned {
  /** What `x-api-key` must be. */
  key: string;
  /** By their names. */
  models: Record<string, Quality>;
}

/** Where neither list has a block, the prompt decides about it as ever. */
export interface Quality {
  /** Blocks that its answers have, asked for or not. */
  always?: BlockName[];
  /** Blocks that they lack, asked for or not. */
  never?: BlockName[];
}

/** What chance makes of a request to such a model; `luck` itself where it is none. */
export function trained(luck: Luck, model: string, tuned: Tuned | null): Luck {
  if (!tuned) return luck;
  const { always = [], never = [] } = tuned.models[model];
  return { ...luck, has: (block, asked) => !never.includes(block) && luck.has(block, asked || always.includes(block)) };
}
