/** What the server answers about models: what feedback says, drift, versions of models, runs, and retrain-trigger. */

/** A version of a model: tuned, or to be. */
export interface Model {
  id: string;
  version: string;
  status: string;
  /** Why it failed, was rejected or taken back: a code. */
  reason: string | null;
  base_model: string;
  /** What it is called where it answers; null until its trainer says so. */
  model: string | null;
  /** Rows of its dataset, once that is whole. */
  samples: number | null;
  metrics: Record<string, unknown>;
  why: { reason?: string } | null;
  created_at: string;
  deployed_at: string | null;
  /** The newest version of the prompt that it serves, or was to. */
  prompt_version: number | null;
  delivery: { state: string; attempts: number; next_at: string | null; last_status: number | null } | null;
}

/** A look at one measure. */
export interface DriftMetric {
  id: string;
  metric_type: string;
  baseline_value: number | null;
  current_value: number | null;
  drift_score: number | null;
  alert: boolean;
  details: {
    p_value?: number;
    tested?: string;
    thinned?: boolean;
    wasserstein?: number;
    n_baseline?: number;
    n_current?: number;
    people_baseline?: number;
    people_current?: number;
  };
  created_at: string;
}

export interface Analysis {
  total_samples: number;
  average_score: number | null;
  /** By tenths: "0.0" to "1.0". */
  score_distribution: Record<string, number>;
  low_score_patterns: {
    question_type: string;
    /** Rows under 0.5. */
    count: number;
    share: number;
    average_score: number;
    exposures: number;
  }[];
  window: { from: string; to: string };
}

/** One call of a function. */
export interface Run {
  run_id: string;
  at: string;
  function: string;
  action: string | null;
  status: string;
  error: string | null;
  duration_ms: number | null;
  token_usage: Record<string, number>;
  turn_id: string | null;
  output: Record<string, unknown> | null;
  /** The first 20. */
  spans: {
    name: string;
    type: string;
    at: string;
    duration_ms: number | null;
    model: string | null;
    error: string | null;
  }[];
  spans_in_all: number;
}

/** What retrain-trigger did for one assistant. */
export interface Worked {
  organization_id: string;
  assistant: string;
  /** The trainer was told, by this call. */
  triggered: boolean;
  reason?: string;
  failed?: boolean;
  code?: string;
  version?: string;
  status?: string;
  collected: number;
  stored: number;
  drift: { metric_type: string; drift_score: number; p_value: number; alert: boolean } | null;
  dataset: { rows: number; parts: number; done: boolean } | null;
}

export interface Retrained {
  triggered: boolean;
  reason?: string;
  version?: string;
  results: Worked[];
  /** There is more to do at once. */
  more: boolean;
  request_id: string;
}

export interface PartRebuilt {
  path: string;
  identical: boolean;
  /** Rows that are gone. */
  missing: number;
}

export interface Rebuilt {
  identical: boolean;
  parts: PartRebuilt[];
  /** Where to go on; null at the end. */
  next_part: number | null;
  request_id: string;
}
