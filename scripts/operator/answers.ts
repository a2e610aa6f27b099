/** What the server answers, as supabase/migrations/*_overview_functions.sql and prompt-updater make it. */
import type { RunningTest } from "./proof_answers.ts";

export interface Version {
  version: number;
  /** active, draft, screening, proving, retired, rejected or rolled_back. */
  state: string;
  created_at: string;
  created_by: "human" | "system";
  activated_at: string | null;
  locked: boolean;
  /** The text that was live then, once more. */
  placebo?: boolean;
  score: number | null;
  judged: number;
  reason: string | null;
  previous_version: number | null;
  /** Of the live one: where a rollback without a number goes. */
  rollback_to: number | null;
}

/** Who made a version live, how and why. */
export interface WentLive {
  at: string;
  actor: string;
  actor_id: string | null;
  action: string;
  reason: string | null;
}

export interface VersionText extends Version {
  content: string;
}

export interface Reflection {
  at: string;
  version: number;
  judged: number;
  discarded: number;
  score: number | null;
  action: string;
  update_outcome: "submitted" | "refused" | null;
  new_version: number | null;
  weaknesses: string[];
}

export interface Status {
  organization_id: string;
  organization: string;
  assistant: string;
  name: string;
  live: (Version & { went_live: WentLive | null }) | null;
  updates: {
    blocked_by: string | null;
    paused: boolean;
    paused_until: string | null;
    cooldown_until: string | null;
    approval_required: boolean;
    protected_clauses: number;
    today: number;
    a_day: number;
    owed: boolean;
  };
  /** The version that is to prove itself; null, or not there in an older version, where none is. */
  test?: RunningTest | null;
  last_reflection: Reflection | null;
  waiting: {
    answers: number;
    conversations: number;
    conversations_needed: number;
  } | null;
  pending_suggestions: number;
}

export interface Suggestion {
  suggestion_id: string;
  at: string;
  type: string;
  priority: string;
  /** About a version that is no longer live: there is nothing left to approve. */
  superseded: boolean;
  status: "pending" | "approved" | "rejected" | "implemented";
  title: string;
  description: string;
  proposed_change: string | null;
  version: number | null;
  about_version: number | null;
  score: number | null;
  reviewed_at: string | null;
  review_notes: string | null;
  implemented_in_version: number | null;
}

/** An instruction that people's reactions speak for. */
export interface Pattern {
  pattern_id: string;
  at: string;
  type: string;
  question_type: string;
  data_source: string | null;
  dimension: string;
  value: string;
  /** Null of one that was withdrawn. */
  instruction: string | null;
  state: string;
  /** Share of the answers it applies to that it is shown with. */
  influence: number;
  /** Probability that it beats doing without. */
  confidence: number;
  score: number | null;
  uses: number;
  last_used_at: string | null;
  activated_at: string | null;
  /** What is known of it, in words. */
  evidence: string;
  /** The last five, newest first. */
  transitions: Transition[];
}

export interface Transition {
  at: string;
  /** Null of the first: it was found. */
  from: string | null;
  to: string;
  influence: number;
  confidence: number;
  reason: string;
}

/** What the last learning run that came to its end said. */
export interface LearningRun {
  at: string;
  message: string | null;
  crash: Record<string, number> | null;
}

export interface ChangeEvent {
  kind: "change";
  at: string;
  audit_id: number;
  actor: "person" | "service" | "operator" | "loop";
  actor_id: string | null;
  action: string;
  reason: string | null;
  about: Record<string, unknown>;
  changed: Changes | null;
}

export type Event = ChangeEvent | (Reflection & { kind: "reflection" });

export type Changes = Record<string, { from: unknown; to: unknown }>;

/** What a decision changed. */
export interface Change {
  action: string;
  assistant: string;
  about: Record<string, unknown>;
  changed: Changes;
  audit_id: number | null;
  request_id: string;
}
