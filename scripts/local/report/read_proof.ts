/** Reads how an assistant's versions proved themselves, and has each receipt decided once more. */
import { callWithSecretKey } from "../person.ts";
import type { Stack } from "../stack.ts";
import type { BudgetReport, PlacebosReport, ProvenReport, TestReport } from "./data.ts";
import { type Case, curveOf, type Observation } from "./evidence.ts";
import { timeOf } from "./read.ts";

/** Which assistant, and what to call it. */
export interface Tested {
  organization: string;
  assistant: string;
  name: string;
}

export async function readProof(stack: Stack, { organization, assistant, name }: Tested): Promise<ProvenReport> {
  const { database } = stack;
  const place = [assistant, organization];
  const [{ answer: queue }] = await database.query<{ answer: Overview }>(
    "select pawl_list_queue($1, $2) as answer",
    place,
  );
  const receipts = await database.query<{ id: string; plan: string | null; change_reason: string | null }>(
    `select r.id, t.plan ->> 'words' as plan, p.change_reason from pawl.promotion_receipts r
     join pawl.assistants a on a.id = r.assistant_id
     left join pawl.prompt_tests t on t.id = r.test_id
     left join pawl.system_prompts p
       on p.assistant_id = r.assistant_id and p.version = (r.document #>> '{candidate,version}')::integer
     where a.slug = $1 and a.organization_id = $2 order by r.at`,
    place,
  );
  const decided: TestReport[] = [];
  for (const { id, plan, change_reason } of receipts) {
    decided.push({ ...await readReceipt(stack, id), plan, change_reason });
  }
  const closed = await database.query(
    `select c.version, b.version as baseline_version, t.placebo, t.reason, t.method, t.level::float8, t.decided_at as at,
       t.plan ->> 'words' as plan, c.change_reason
     from pawl.prompt_tests t
     join pawl.assistants a on a.id = t.assistant_id
     join pawl.system_prompts c on c.id = t.candidate_id
     join pawl.system_prompts b on b.id = t.baseline_id
     where t.state = 'closed' and a.slug = $1 and a.organization_id = $2`,
    place,
  );
  const tests = [
    ...decided,
    ...closed.map(({ at, method, ...row }): TestReport => ({
      ...UNDECIDED,
      ...row as Pick<
        TestReport,
        "version" | "baseline_version" | "placebo" | "reason" | "level" | "plan" | "change_reason"
      >,
      at: timeOf(at),
      stage: method ?? "screening",
    })),
  ];
  tests.sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
  return { name, tests, budget: queue.budget, placebos: queue.placebos };
}

interface Overview {
  budget: BudgetReport;
  placebos: PlacebosReport;
}

const UNDECIDED = {
  verdict: "closed" as const,
  words: null,
  ...{
    wins: null,
    losses: null,
    ties: null,
    candidate_n: null,
    baseline_n: null,
    log_e: null,
    kappa: null,
    rated: null,
  },
  receipt: null,
  curve: null,
};

const VERDICTS = { promote: "promoted", reject: "rejected", rollback: "rolled_back" } as const;

interface Receipt {
  receipt_id: string;
  at: string;
  decision: keyof typeof VERDICTS;
  reason: string;
  version: number;
  baseline_version: number;
  placebo: boolean;
  document: { level: number | null; case: Omit<Case, "observations">; ruling: Ruling };
  observations: Observation[];
}

type Ruling =
  & Pick<
    TestReport,
    "wins" | "losses" | "ties" | "candidate_n" | "baseline_n" | "log_e" | "kappa" | "rated" | "words"
  >
  & { at: number | null; log_e_worse: number | null };

async function readReceipt(stack: Stack, id: string): Promise<Omit<TestReport, "plan" | "change_reason">> {
  const [{ answer }] = await stack.database.query<{ answer: { receipt: Receipt } }>(
    "select pawl_get_receipt($1) as answer",
    [id],
  );
  const { receipt: { document, observations, ...row } } = answer;
  const verified = await callWithSecretKey(stack, "prompt-updater", { action: "verify_receipt", receipt_id: id });
  const { ruling } = document;
  const known = <T>(value: T | undefined) => value ?? null;
  return {
    version: row.version,
    baseline_version: row.baseline_version,
    placebo: row.placebo,
    verdict: VERDICTS[row.decision],
    reason: row.reason,
    stage: document.case.kind,
    at: timeOf(row.at),
    // A screening has none, whatever its proof's would have been.
    level: ["replay", "canary"].includes(document.case.kind) ? known(document.level) : null,
    words: known(ruling.words),
    ...{ wins: known(ruling.wins), losses: known(ruling.losses), ties: known(ruling.ties) },
    ...{ candidate_n: known(ruling.candidate_n), baseline_n: known(ruling.baseline_n), log_e: known(ruling.log_e) },
    ...{ kappa: known(ruling.kappa), rated: known(ruling.rated) },
    receipt: { id: row.receipt_id, verified: verified.matches, differences: verified.differences },
    curve: curveOf({ ...document.case, observations }, {
      log_e: known(ruling.log_e),
      log_e_worse: known(ruling.log_e_worse),
      at: known(ruling.at),
    }),
  };
}
