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
  seconds: number;
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
