/** Has the schedule's calls carry tests of versions on, until there is nothing to do for now. */
import { callWithSecretKey } from "../person.ts";
import type { Stack } from "../stack.ts";

export type Log = (line: string) => void;

/** What prompt-updater did for an assistant. */
export interface Did {
  assistant: string;
  did: string;
  version?: number;
  reason?: string;
  receipt_id?: string;
  pairs?: number;
  units?: number;
  words?: string;
}

/** More would say that a test does not end. */
const MOST_CALLS = 60;

/** Of all assistants, or of one organisation's. Returns all that was done. */
export async function prove(stack: Stack, filter: { organization_id?: string }, log: Log): Promise<Did[]> {
  const all: Did[] = [];
  for (let call = 0; call < MOST_CALLS; call++) {
    const told: { proof: Did[]; more: boolean } = await callWithSecretKey(stack, "reflection-loop", {
      only: "proof",
      ...filter,
    });
    for (const one of told.proof) if (one.did !== "skipped") log(sentenceAbout(one));
    all.push(...told.proof);
    const failed = told.proof.find(({ did }) => did === "failed");
    if (failed) throw new Error(`A test could not be carried on: ${failed.reason ?? "no reason was given"}`);
    if (!told.more && !told.proof.some(wentOn)) return all;
  }
  throw new Error(`Tests did not end within ${MOST_CALLS} calls`);
}

/** Something was looked at, and more may be. */
function wentOn({ did, pairs = 0, units = 0 }: Did): boolean {
  return ["screening", "proving"].includes(did) && pairs + units > 0;
}

export function sentenceAbout({ did, version, reason, receipt_id, pairs, units, words }: Did): string {
  const named = version === undefined ? "test" : `version ${version}`;
  const looked = [pairs && `${pairs} pairs compared`, units && `${units} conversations observed`].filter(Boolean);
  const said: Record<string, string> = {
    screening: "at screening",
    proving: "is being proved",
    promoted: "PROMOTED: it is live",
    rejected: "REJECTED",
    rolled_back: "is live again: what took over from it was ROLLED BACK",
    alerted: "people were alerted",
    held: "waits",
  };
  const why = words ?? reason?.replaceAll("_", " ");
  return [
    `${named} ${said[did] ?? did}`,
    ...looked.length > 0 ? [looked.join(", ")] : [],
    ...why ? [why] : [],
    ...receipt_id ? [`receipt ${receipt_id.slice(0, 8)}`] : [],
  ].join("; ");
}
