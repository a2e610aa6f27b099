/** Checks what was written down: every receipt of a run is decided again, and a changed observation must show. */
import type { Stack } from "../../scripts/local/stack.ts";

export interface Receipts {
  written: number;
  /** Whose decision came out the same. */
  matching: number;
  /** What did not match, in words; the first few. */
  differences: string[];
  /** Of one receipt, with one of its observations changed, and with it back as it was. */
  tampered_matches: boolean;
  restored_matches: boolean;
}

const MOST_DIFFERENCES = 5;

export async function checkReceipts(stack: Stack, atOnce: number): Promise<Receipts> {
  const rows = await stack.database.query(
    "select id, cardinality(observation_ids) as observations from pawl.promotion_receipts order by at",
  );
  const left: string[] = rows.map(({ id }) => id);
  const written = left.length;
  const differing: string[] = [];
  let matching = 0;
  const lane = async () => {
    for (let id; (id = left.shift());) {
      const { matches, differences } = await verify(stack, id);
      if (matches) matching++;
      else differing.push(`${id}: ${differences.join("; ")}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  const victim = rows.find(({ observations }) => observations > 0);
  if (!victim) throw new Error("no receipt has an observation");
  await turnAround(stack, victim.id);
  const tampered = await verify(stack, victim.id);
  await turnAround(stack, victim.id);
  const restored = await verify(stack, victim.id);
  return {
    written,
    matching,
    differences: differing.slice(0, MOST_DIFFERENCES),
    tampered_matches: tampered.matches,
    restored_matches: restored.matches,
  };
}

interface Verified {
  matches: boolean;
  differences: string[];
}

async function verify(stack: Stack, receipt_id: string): Promise<Verified> {
  const response = await fetch(`${stack.url}/functions/v1/prompt-updater`, {
    method: "POST",
    headers: { apikey: stack.secretKey, "content-type": "application/json" },
    body: JSON.stringify({ action: "verify_receipt", receipt_id }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`verify_receipt failed: ${JSON.stringify(answer)}`);
  return answer;
}

/** Turns the verdict of the first pair that is no tie around, as only who owns the database can; twice is as before. */
async function turnAround(stack: Stack, receipt: string): Promise<void> {
  // One batch is one transaction.
  await stack.database.exec(`
    alter table pawl.proof_observations disable trigger keep_record;
    update pawl.proof_observations o
      set data = jsonb_set(o.data, '{d}', to_jsonb(-(o.data ->> 'd')::integer))
      where o.id = (
        select v.id from pawl.promotion_receipts r
        join pawl.proof_observations v on v.id = any(r.observation_ids)
        where r.id = '${receipt}' and (v.data ->> 'd')::integer <> 0
        order by v.seq limit 1);
    alter table pawl.proof_observations enable trigger keep_record`);
}
