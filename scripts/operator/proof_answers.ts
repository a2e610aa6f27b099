/** What the server answers about tests of versions: the queue, receipts, what core made of a case. */

/** What core says of a case. Absent fields are null, and of one that has not been looked at all are missing. */
export interface Ruling {
  decision: string;
  reason: string;
  /** Natural logarithms of e-values: that the candidate is better, worse, less liked. */
  log_e: number | null;
  log_e_worse: number | null;
  log_e_people_worse: number | null;
  /** The observation at which it was decided. */
  at: number | null;
  /** Observations. */
  n: number;
  wins: number | null;
  losses: number | null;
  ties: number | null;
  candidate_n: number | null;
  baseline_n: number | null;
  effect: number | null;
  effects: Record<string, unknown> | null;
  kappa: number | null;
  rated: number | null;
  words: string;
}

/** A version that has to prove itself, or waits for something. */
export interface QueueEntry {
  version: number;
  baseline_version: number;
  state: string;
  method: string | null;
  /** The live text once more: whatever is promoted here is promoted by mistake. */
  placebo: boolean;
  change_reason: string | null;
  content: string;
  baseline_content: string;
  started_at: string;
  proof_started_at: string | null;
  /** What was said when its proof began. */
  plan: string | null;
  expected_days: number | null;
  /** The last ruling; empty before the first. */
  progress: Partial<Ruling> | null;
  held: string | null;
  approved: boolean;
  approval_required: boolean;
  suggestion_id: string | null;
  level: number | null;
  judge: { model: string; passed: boolean | null; kappa: number | null; rated: number | null };
}

/** What a year's promotions may be wrong by, and what of it is spent. */
export interface Budget {
  year: number;
  tests: number;
  promoted: number;
  level_now: number | null;
  /** False: each test has a fixed level. */
  on: boolean;
}

export interface Placebos {
  tests: number;
  screened_out: number;
  promoted: number;
  rate: number | null;
}

export interface Queue {
  queue: QueueEntry[];
  budget: Budget;
  placebos: Placebos;
}

/** The test that runs, on the page of what is live. */
export interface RunningTest {
  version: number;
  state: string;
  method: string | null;
  placebo: boolean;
  started_at: string;
  held: string | null;
  /** What was said when its proof began. */
  plan: string | null;
}

export interface ReceiptSummary {
  receipt_id: string;
  at: string;
  decision: "promote" | "reject" | "rollback";
  reason: string;
  version: number;
  baseline_version: number;
  method: string | null;
  placebo: boolean;
  log_e: number | null;
  observations: number;
}

export interface Fingerprint {
  version: number;
  sha256: string;
  /** The model that answered it, and of one of its own its host; not there in older receipts. */
  model?: string | null;
  host?: string | null;
}

/** As it was written down. */
export interface ReceiptDocument {
  candidate: Fingerprint;
  baseline: Fingerprint;
  placebo: boolean;
  judge: { model: string; revision: number; rubric_id: string; rubric_sha256: string } | null;
  chat_model: string | null;
  method: string | null;
  level: number | null;
  ledger: { year: number | null; position: number | null } | null;
  ruling: Ruling;
}

export interface Receipt extends Omit<ReceiptSummary, "observations"> {
  document: ReceiptDocument;
  observations: unknown[];
  /** Whether the observations, and the prompts, are still what the receipt was written over. */
  digest_matches: boolean;
  prompts_match: boolean;
}

export interface Verification {
  receipt_id: string;
  matches: boolean;
  recorded: Ruling;
  recomputed: Ruling;
  differences: string[];
}
