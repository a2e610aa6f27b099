/** What kill.test.ts expects of an operation: its steps, and what a kill before and after each of them costs. */
import type { Attempt, Place } from "./attempts.ts";
import type { Task } from "./invariants.ts";

export interface Operation {
  name: string;
  steps: ExpectedStep[];
  /** In the place given, which is as good as new. Returns what its caller does, and does again when nobody answers. */
  prepare(place: Place): Attempt | Promise<Attempt>;
  /** Calls of a model of its caller's own, which are counted too. */
  ownCalls?: number;
  /** Its caller comes back only after the next sweep. */
  swept?: true;
  /** Who waits for another function holds no lease meanwhile. */
  waitsFreely?: true;
}

/**
 * A call, and what a kill of the function that makes it costs: before it was carried out, and after. Where nothing is
 * said nobody is killed: another operation kills at that call, and nothing that it could break is different here.
 */
export type ExpectedStep = [call: string, before?: Cost, after?: Cost];

export interface Cost {
  /** Replies that died with the process: the model is asked for each once more. */
  again: Task[];
  /** Counted as lost: attempts of a turn, holders of an assistant's lease, attempts to write a prompt. */
  lost: ("turn" | "lease" | "writing")[];
  /** The replies were under way together, and one lease tells of all of them. */
  together?: true;
}

/** Nothing has begun yet, or all of it is stored. */
export const FREE: Cost = { again: [], lost: [] };
/** Begun, and nothing paid. But nobody can know that, so it counts as lost. */
export const TURN: Cost = { again: [], lost: ["turn"] };
export const LEASE: Cost = { again: [], lost: ["lease"] };
export const WRITING: Cost = { again: [], lost: ["writing"] };
export const ANSWERED_AGAIN: Cost = { ...TURN, again: ["chat"] };
export const JUDGED_AGAIN: Cost = { ...LEASE, again: ["evaluate"] };
export const PHRASED_AGAIN: Cost = { ...LEASE, again: ["phrase"] };
export const WRITTEN_AGAIN: Cost = { ...WRITING, again: ["rewrite"] };
export const BOTH_WRITTEN_AGAIN: Cost = { ...WRITING, again: ["rewrite", "rewrite"] };

/** A batch that was under way, or had come and was not stored. */
export function lostBatch(...again: Task[]): Cost {
  return { ...LEASE, again, together: true };
}

/** Calls that are made at the same time: one is killed before the first of them, and after the last. */
export function atOnce(count: number, call: string, before: Cost, after: Cost): ExpectedStep[] {
  const between = Array.from({ length: count - 2 }, (): ExpectedStep => [call]);
  return [[call, before], ...between, [call, undefined, after]];
}

/** Calls at which another operation kills. */
export function killedElsewhere(steps: ExpectedStep[]): ExpectedStep[] {
  return steps.map(([call]) => [call]);
}

/** Where those who wait for the caller die with it, their lease is not given back. */
export function withWaiting({ waitsFreely }: Operation, cost: Cost): Cost {
  return waitsFreely ? cost : { ...cost, lost: [...cost.lost, "lease"] };
}

/** Where they die alone, what they called goes on to its end. */
export function waitingAlone({ waitsFreely }: Operation): Cost {
  return waitsFreely ? FREE : LEASE;
}
