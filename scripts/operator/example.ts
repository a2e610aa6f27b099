/** What the server answers, made up for the tests of pages; and paper of any width. */
import type { Event, LearningRun, Pattern, Status, Suggestion, Version } from "./answers.ts";
import { inkOf, type Paper } from "./paper.ts";
import type { Queue, QueueEntry, Receipt, ReceiptSummary, Ruling, Verification } from "./proof_answers.ts";
import type { Analysis, DriftMetric, Model, Retrained, Run } from "./training_answers.ts";

export const NOW = new Date("2026-11-21T12:00:00Z");
export const WORDS =
  "Answers are shallow: they give neither reasons nor examples, and parts of the question stay unanswered.";

export const paper = (width = 80, coloured = false): Paper => ({
  width,
  ink: inkOf(coloured),
  terminal: true,
  now: NOW,
  command: (words, scope) => `pawl ${words}${scope ? ` --assistant ${scope.assistant}` : ""}`,
});

export const VERSION: Version = {
  version: 12,
  state: "active",
  created_at: "2026-11-20T10:30:00Z",
  created_by: "system",
  activated_at: "2026-11-21T09:15:00Z",
  locked: false,
  score: 4.678,
  judged: 20,
  reason: WORDS,
  previous_version: 11,
  rollback_to: 11,
};

export const STATUS: Status = {
  organization_id: "51a81667-254f-46fd-83c4-6116b881f2d7",
  organization: "default",
  assistant: "support",
  name: "The support assistant of the shop",
  live: {
    ...VERSION,
    went_live: {
      at: "2026-11-21T08:00:00Z",
      actor: "service",
      actor_id: null,
      action: "rollback",
      reason: WORDS,
    },
  },
  updates: {
    blocked_by: null,
    paused: false,
    paused_until: null,
    cooldown_until: "2026-11-21T14:00:00Z",
    approval_required: false,
    protected_clauses: 2,
    today: 1,
    a_day: 3,
    owed: true,
  },
  last_reflection: {
    at: "2026-11-21T08:00:00Z",
    version: 11,
    judged: 20,
    discarded: 1,
    score: 1.6,
    action: "prompt_update",
    update_outcome: "submitted",
    new_version: 12,
    weaknesses: [WORDS, WORDS],
  },
  waiting: { answers: 3, conversations: 1, conversations_needed: 5 },
  pending_suggestions: 2,
};

export const SUGGESTION: Suggestion = {
  suggestion_id: "3f2a91bc-254f-46fd-83c4-6116b881f2d7",
  at: "2026-11-21T11:55:00Z",
  type: "prompt_change",
  priority: "high",
  status: "pending",
  superseded: false,
  title: "A version waits for approval",
  description: WORDS,
  proposed_change: null,
  version: 13,
  about_version: 12,
  score: 2.2,
  reviewed_at: null,
  review_notes: null,
  implemented_in_version: null,
};

export const PATTERN: Pattern = {
  pattern_id: "7c8b1f04-254f-46fd-83c4-6116b881f2d7",
  at: "2026-11-02T08:00:00Z",
  type: "response_format",
  question_type: "database",
  data_source: null,
  dimension: "format",
  value: "table",
  instruction: WORDS,
  state: "active",
  influence: 0.93,
  confidence: 0.99996,
  score: 0.4,
  uses: 160,
  last_used_at: "2026-11-21T11:00:00Z",
  activated_at: "2026-11-15T08:00:00Z",
  evidence: "It applied to 320 answers of 24 people and was shown with 160 of them.",
  transitions: [
    { at: "2026-11-15T08:00:00Z", from: "trial", to: "active", influence: 0.93, confidence: 0.997, reason: WORDS },
    { at: "2026-11-02T08:00:00Z", from: null, to: "candidate", influence: 0, confidence: 0.8, reason: "Found." },
  ],
};

export const RUN: LearningRun = {
  at: "2026-11-21T10:00:00Z",
  message: "48 people, 1250 settled answers in 90 days. 1 active, 0 on trial, 1 to try next.",
  crash: null,
};

export const EVENTS: Event[] = [
  {
    kind: "change",
    at: "2026-11-21T11:58:00Z",
    audit_id: 1234,
    actor: "person",
    actor_id: "01a1fe42-254f-46fd-83c4-6116b881f2d7",
    action: "require_approval",
    reason: WORDS,
    about: {},
    changed: { approval_required: { from: false, to: true } },
  },
  { kind: "reflection", ...STATUS.last_reflection! },
];

export const RULING: Ruling = {
  ...{ decision: "go_on", reason: "more_needed", log_e: Math.log(35.2), log_e_worse: -2, log_e_people_worse: null },
  ...{ at: null, n: 120, wins: 50, losses: 20, ties: 50, candidate_n: null, baseline_n: null, effect: 0.25 },
  ...{ effects: null, kappa: 0.61, rated: 120, words: WORDS },
};

export const IN_TEST: QueueEntry = {
  version: 13,
  baseline_version: 12,
  state: "proving",
  method: "replay",
  placebo: false,
  change_reason: WORDS,
  content: `Be kind. ${WORDS} Give reasons.`,
  baseline_content: `Be kind. ${WORDS} Keep replies short.`,
  started_at: "2026-11-20T10:30:00Z",
  proof_started_at: "2026-11-21T10:00:00Z",
  plan: WORDS,
  expected_days: 3.2,
  progress: RULING,
  held: "awaiting_approval",
  approved: false,
  approval_required: true,
  suggestion_id: SUGGESTION.suggestion_id,
  level: 0.05 / 60,
  judge: { model: "claude-sonnet-5-5", passed: true, kappa: 0.61, rated: 120 },
};
export const QUEUE: Queue = {
  queue: [IN_TEST, { ...IN_TEST, version: 14, placebo: true, content: IN_TEST.baseline_content, state: "screening" }],
  budget: { year: 2026, tests: 3, promoted: 1, level_now: 0.1 / 60, on: true },
  placebos: { tests: 12, screened_out: 11, promoted: 0, rate: 0 },
};

export const RECEIPT: ReceiptSummary = {
  receipt_id: "9d1f0c22-254f-46fd-83c4-6116b881f2d7",
  at: "2026-11-21T11:00:00Z",
  decision: "promote",
  reason: "better",
  version: 13,
  baseline_version: 12,
  method: "replay",
  placebo: false,
  log_e: Math.log(1_430),
  observations: 212,
};
export const WHOLE: Receipt = {
  ...RECEIPT,
  document: {
    candidate: { version: 13, sha256: "a".repeat(64) },
    baseline: { version: 12, sha256: "b".repeat(64) },
    placebo: false,
    judge: { model: "claude-sonnet-5-5", revision: 1, rubric_id: "r", rubric_sha256: "c".repeat(64) },
    chat_model: "claude-sonnet-5-5",
    method: "replay",
    level: 0.05 / 60,
    ledger: { year: 2026, position: 2 },
    ruling: { ...RULING, decision: "promote", reason: "better", at: 212, n: 212, log_e: Math.log(1_430) },
  },
  observations: Array(212).fill({}),
  digest_matches: true,
  prompts_match: true,
};
export const VERIFIED: Verification = {
  receipt_id: RECEIPT.receipt_id,
  matches: true,
  recorded: WHOLE.document.ruling,
  recomputed: WHOLE.document.ruling,
  differences: [],
};

export const MODEL: Model = {
  id: "5ba0c1d2-254f-46fd-83c4-6116b881f2d7",
  version: "v2",
  status: "deployed",
  reason: null,
  base_model: "claude-sonnet-5-5",
  model: "support-tuned-2",
  samples: 1_254,
  metrics: { eval_loss: 0.61, win_rate: 0.7 },
  why: { reason: "drift" },
  created_at: "2026-11-01T10:30:00Z",
  deployed_at: "2026-11-10T10:30:00Z",
  prompt_version: 13,
  delivery: { state: "delivered", attempts: 1, next_at: null, last_status: 202 },
};

export const DRIFT: DriftMetric = {
  id: "6ba0c1d2-254f-46fd-83c4-6116b881f2d7",
  metric_type: "feedback_score",
  baseline_value: 0.9,
  current_value: 0.5,
  drift_score: 0.8123,
  alert: true,
  details: {
    ...{ p_value: 0.0034, tested: "people", thinned: false, wasserstein: 0.4 },
    ...{ n_baseline: 1_200, n_current: 300, people_baseline: 480, people_current: 120 },
  },
  created_at: "2026-11-21T11:00:00Z",
};

export const ANALYSIS: Analysis = {
  total_samples: 40,
  average_score: 0.7512,
  score_distribution: {
    ...{ "0.0": 8, "0.1": 0, "0.2": 0, "0.3": 0, "0.4": 0, "0.5": 1, "0.6": 0, "0.7": 0, "0.8": 0, "0.9": 1 },
    "1.0": 30,
  },
  low_score_patterns: [
    { question_type: "database", count: 6, share: 0.6, average_score: 0.41, exposures: 52 },
    {
      question_type: "a type of question that an application named at more length",
      count: 2,
      share: 0.1,
      average_score: 0.8,
      exposures: 90,
    },
  ],
  window: { from: "2026-11-14T12:00:00Z", to: "2026-11-21T12:00:00Z" },
};

const SPAN = { type: "db", at: "2026-11-21T11:00:00Z", duration_ms: 12, model: null, error: null };
export const CALL: Run = {
  run_id: "7ba0c1d2-254f-46fd-83c4-6116b881f2d7",
  at: "2026-11-21T11:00:00Z",
  function: "feedback-collector",
  action: "prove",
  status: "failed",
  error: "model_overloaded",
  duration_ms: 4_211,
  token_usage: { input_tokens: 1_200, output_tokens: 300 },
  turn_id: null,
  output: null,
  spans: [
    { ...SPAN, name: "pawl_claim_proof" },
    { ...SPAN, name: "model", duration_ms: 4_000, model: "claude-sonnet-5-5", error: "model_overloaded" },
  ],
  spans_in_all: 31,
};

export const RETRAINED: Retrained = {
  triggered: true,
  version: "v2",
  results: [
    {
      ...{ organization_id: STATUS.organization_id, assistant: "support", triggered: true, version: "v2" },
      ...{ status: "training", collected: 1_500, stored: 1_480 },
      drift: { metric_type: "feedback_score", drift_score: 0.8123, p_value: 1e-9, alert: true },
      dataset: { rows: 1_254, parts: 1, done: true },
    },
    {
      ...{ organization_id: STATUS.organization_id, assistant: "other", triggered: false, collected: 1, stored: 0 },
      ...{ reason: "Insufficient samples: 412/1000", drift: null, dataset: null },
    },
  ],
  more: true,
  request_id: "r",
};
