/** What the demo reports: written to target/demo/report.json, and shown by target/demo/report.html. */

export interface DemoReport {
  simulated: boolean;
  /** Where the run was a control: what was taken out of the loop. */
  control: "paused" | "useless rewriter" | null;
  /** User messages answered. */
  messages: number;
  reflections: number;
  rubric: CriterionReport[];
  /** The loop's settings that explain its decisions. */
  settings: Record<string, number | boolean | null>;
  versions: VersionReport[];
  /** One entry a round; the same conversations are held in each. */
  rounds: RoundReport[];
  /** What the loop and people decided, oldest first. */
  decisions: Decision[];
  /** As they were held, oldest first. */
  conversations: ConversationReport[];
  /** The text of the first version and of the one live at the end. */
  prompts: { first: string; last: string };
  /** Of the loop; learning has its own. */
  seconds: number;
  /** Null where the second part was left out. */
  learning: LearningReport | null;
  /** How versions proved themselves: the loop's, and those of the third part. */
  proof: ProofReport;
}

export interface ProofReport {
  /** The loop's assistant first. */
  assistants: ProvenReport[];
  /** What was arranged and hurried for the third part, a sentence each; none where it was left out. */
  staged: string[];
  /** Of the third part; null where it was left out. */
  seconds: number | null;
}

export interface ProvenReport {
  name: string;
  /** Oldest first. */
  tests: TestReport[];
  budget: BudgetReport;
  placebos: PlacebosReport;
}

/** What became of a version put to the test; or, by votes, of one that was live. */
export interface TestReport {
  version: number;
  baseline_version: number;
  /** The live text once more. */
  placebo: boolean;
  verdict: "promoted" | "rejected" | "rolled_back" | "closed";
  reason: string;
  /** In which it ended: screening, replay, canary or watch. */
  stage: string;
  at: string;
  /** Why the version was written. */
  change_reason: string | null;
  /** What was said when its proof began. */
  plan: string | null;
  /** Of its proof. */
  level: number | null;
  /** As core said. */
  words: string | null;
  wins: number | null;
  losses: number | null;
  ties: number | null;
  /** Units of a canary. */
  candidate_n: number | null;
  baseline_n: number | null;
  log_e: number | null;
  kappa: number | null;
  rated: number | null;
  /** Null of a test that ended without a decision by proof. */
  receipt: { id: string; verified: boolean; differences: string[] } | null;
  curve: CurveReport | null;
}

/** After each observation: wins less losses, or the logarithm of the evidence. */
export interface CurveReport {
  kind: "wins" | "log_e";
  values: number[];
  /** In the same unit; of wins it has to be passed, not reached. */
  threshold: number;
}

export interface BudgetReport {
  year: number;
  tests: number;
  promoted: number;
  level_now: number | null;
  on: boolean;
}

export interface PlacebosReport {
  tests: number;
  screened_out: number;
  promoted: number;
  rate: number | null;
}

/** The second part: people of several organisations react, and instructions come of it. */
export interface LearningReport {
  /** One entry a day that passed, oldest first. */
  days: LearningDay[];
  organizations: OrganizationReport[];
  checks: LearningChecks;
  /** Learning runs that reflection-loop could not bring to an end. */
  failed_runs: number;
  /** What was hurried on, a sentence each. */
  hurried: string[];
  seconds: number;
}

export interface LearningDay {
  /** From 1. */
  day: number;
  answers: number;
  /** Signals sent to feedback-collector. */
  reactions: number;
}

/** How many of the prompts that the model received were as they should be. */
export interface LearningChecks {
  /** Answers stored. */
  answers: number;
  /** Of those whose prompt was looked at: all, or the check is void. */
  prompts: number;
  /** Held learned instructions. */
  instructed: number;
  /** Held an instruction that another organisation's people had taught. */
  foreign: number;
  /** Held other instructions than were stored as shown. */
  unlike_stored: number;
}

export interface OrganizationReport {
  slug: string;
  name: string;
  people: number;
  /** What its simulated people like; Pawl is not told. */
  tastes: { question_type: string; liked: string | null }[];
  patterns: PatternReport[];
  /** Oldest first. */
  runs: LearningRunReport[];
  /** Of pawl.satisfaction_by_day, oldest first. */
  satisfaction: SatisfactionReport[];
}

export interface PatternReport {
  id: string;
  pattern_type: string;
  question_type: string;
  dimension: string;
  value: string;
  /** Null once it was withdrawn. */
  instruction: string | null;
  state: string;
  influence: number;
  confidence: number;
  /** Who worded it. */
  model: string | null;
  evidence: PatternEvidence;
  /** Oldest first. */
  life: TransitionReport[];
}

/** Answers it applied to that are settled: shown by the coin, or held back. */
export interface PatternEvidence {
  people: number;
  shown: number;
  held_back: number;
  /** Mean signals, -1 to 1. */
  mean_shown: number | null;
  mean_held_back: number | null;
  /** Of the e-value; null before there is one. */
  log_e: number | null;
}

export interface TransitionReport {
  at: string;
  /** Which of the organisation's learning runs, from 1; null where none did it. */
  run: number | null;
  from_state: string | null;
  to_state: string;
  to_influence: number;
  confidence: number;
  reason: string;
}

export interface LearningRunReport {
  at: string;
  settled: number;
  patterns_found: number;
  patterns_active: number | null;
  message: string | null;
}

export interface SatisfactionReport {
  /** As in the database; the demo moves what happened back, so that a day passes. */
  date: string;
  with_patterns: boolean;
  answers: number;
  thumbs_up: number;
  thumbs_down: number;
  /** Over answers; silence is information. */
  thumbs_up_rate: number | null;
  /** Mean signal of settled answers, -1 to 1. */
  satisfaction: number | null;
}

export interface CriterionReport {
  key: string;
  description: string;
  weight: number;
}

/** Means from 1 to 5 over judged answers, with their standard errors. */
export interface Scores {
  /** Answers judged, without discarded ones. */
  answers: number;
  /** Null while nothing is judged. */
  mean_overall: number | null;
  /** Null where one conversation alone was judged: it says nothing about others. */
  error_overall: number | null;
  mean_by_criterion: Record<string, number>;
  error_by_criterion: Record<string, number | null>;
}

export interface VersionReport extends Scores {
  version: number;
  /** The version it was made from. */
  previous_version: number | null;
  content: string;
  created_by: "human" | "system";
  /** The model that wrote it, where one did. */
  model: string | null;
  change_reason: string | null;
  /** draft, screening, proving, active, retired, rejected or rolled_back. */
  state: string;
  is_live: boolean;
  /** When a change last made it live. */
  activated_at: string | null;
}

export interface RoundReport extends Scores {
  round: number;
  /** The version live while the round's conversations were held. */
  version: number;
}

export type Decision = ReflectionReport | ChangeReport;

/** Answers of one version were judged, and something followed from it, if only nothing. */
export interface ReflectionReport extends Scores {
  kind: "reflection";
  id: string;
  at: string;
  version: number;
  /** The latest round that judged answers come from. */
  round: number | null;
  discarded: number;
  strengths: string[];
  weaknesses: string[];
  action: string;
  /** How an update ended; null where none was called for, and while it is owed. */
  outcome: string | null;
  new_version: number | null;
  suggestion: { title: string; description: string } | null;
}

/** An entry of pawl.audit_log. */
export interface ChangeReport {
  kind: "change";
  at: string;
  actor: string;
  action: string;
  detail: Record<string, unknown>;
  reason: string | null;
}

export interface ConversationReport {
  round: number | null;
  turns: TurnReport[];
}

export interface TurnReport {
  question: string;
  answer: string;
  version: number;
  model: string;
  /** Null while it is not judged. */
  evaluation: Evaluation | null;
}

export interface Evaluation {
  reflection_id: string;
  /** Weighted mean of the valid scores; null where the judgement was discarded. */
  overall: number | null;
  scores: Record<string, CriterionScore>;
}

export interface CriterionScore {
  score: number;
  /** The judge's quote. */
  evidence: string;
  /** False where the quote does not stand in the exchange: the score is void. */
  valid: boolean;
}
