/** A report made up for the tests of the page: small, with what a run of the simulated model never shows. */
import type {
  CriterionScore,
  DemoReport,
  LearningReport,
  PatternReport,
  ProofReport,
  ReflectionReport,
  TestReport,
  TurnReport,
  VersionReport,
} from "./data.ts";
import { judgedAnswers, scoresOf } from "./scores.ts";

const CRITERIA = ["completeness", "depth", "tone"];

/** `words` goes wherever people or models wrote something. */
export function exampleReport(words = "plain words"): DemoReport {
  const conversations = [
    { round: 1, turns: [turn(1, `Why is the sky blue? ${words}`, `Because it is. ${words}`, [2, 1, 3])] },
    { round: 1, turns: [turn(1, `And the sea? ${words}`, `It mirrors the sky. ${words}`, [1, 1, 2])] },
    { round: 2, turns: [turn(2, `Why is the sky blue? ${words}`, `Blue light scatters most. ${words}`, [5, 5, 5])] },
    { round: 2, turns: [turn(2, `And the sea? ${words}`, `Water absorbs red light first. ${words}`, [4, 4, 4])] },
  ];
  const scores = (version: number) =>
    scoresOf(judgedAnswers(conversations.filter(({ turns }) => turns[0].version === version)), CRITERIA);
  const versions: VersionReport[] = [
    { ...FIRST, content: `Answer the question. ${words}`, change_reason: words, ...scores(1) },
    { ...SECOND, content: `Answer the whole question. ${words}`, change_reason: words, ...scores(2) },
  ];
  const reflection = (version: number, at: string, more: Partial<ReflectionReport>): ReflectionReport => ({
    kind: "reflection",
    id: `r${version}`,
    at: `2026-11-01T10:00:${at}.000Z`,
    version,
    round: version,
    discarded: 0,
    strengths: [words],
    weaknesses: [words],
    action: "none",
    outcome: null,
    new_version: null,
    suggestion: null,
    ...scores(version),
    ...more,
  });
  return {
    simulated: true,
    control: null,
    messages: 4,
    reflections: 2,
    rubric: CRITERIA.map((key) => ({ key, description: words, weight: 1 })),
    settings: { auto_update_threshold: 2.5, suggestion_threshold: 3.5, acceptable_threshold: 4, paused_until: null },
    versions,
    rounds: [1, 2].map((round) => ({ round, version: round, ...scores(round) })),
    decisions: [
      reflection(1, "10", { action: "prompt_update", outcome: "submitted", new_version: 2 }),
      {
        kind: "change",
        at: "2026-11-01T10:00:11.000Z",
        actor: "loop",
        action: "promote",
        detail: { version: 2, changed: { live_version: { from: 1, to: 2 } }, receipt_id: words },
        reason: words,
      },
      reflection(2, "20", { suggestion: { title: words, description: words } }),
      {
        kind: "change",
        at: "2026-11-01T10:00:30.000Z",
        actor: "person",
        action: "rollback",
        detail: { changed: { live_version: { from: 2, to: 1 } }, note: words },
        reason: words,
      },
    ],
    conversations,
    prompts: { first: versions[0].content, last: versions[1].content },
    seconds: 1.5,
    learning: exampleLearning(words),
    proof: exampleProof(words),
  };
}

/** A test that ended in each way, at each stage. */
function exampleProof(words: string): ProofReport {
  const test = (verdict: TestReport["verdict"], stage: string, more: Partial<TestReport>): TestReport => ({
    ...{ version: 2, baseline_version: 1, placebo: false, verdict, stage, reason: "better", level: null, words },
    ...{ at: "2026-11-01T10:00:11.000Z", change_reason: words, plan: words },
    ...{ wins: null, losses: null, ties: null, candidate_n: null, baseline_n: null },
    ...{ log_e: null, kappa: null, rated: null, curve: null },
    receipt: { id: `receipt-${verdict}-${stage}`, verified: true, differences: [] },
    ...more,
  });
  const threshold = Math.log(1_200);
  const growing = Array.from(
    { length: 40 },
    (_, index) => threshold * 1.01 * (index + 1) / 40 - (index % 3 === 1 ? 0.4 : 0),
  );
  return {
    assistants: [
      {
        name: words,
        tests: [
          test("promoted", "replay", {
            ...{ level: 0.05 / 60, wins: 30, losses: 4, ties: 6, log_e: growing.at(-1)!, kappa: 0.61, rated: 40 },
            curve: { kind: "log_e", values: growing, threshold },
          }),
          test("rejected", "screening", {
            ...{ version: 3, reason: "not_more_wins", plan: null, wins: 2, losses: 3, ties: 1 },
            curve: { kind: "wins", values: [1, 0, -1, -1, 0, -1], threshold: 0 },
          }),
          test("promoted", "canary", {
            ...{ version: 4, placebo: true, level: 0.05 / 60, candidate_n: 20, baseline_n: 80, log_e: 7.2 },
            receipt: { id: "receipt-of-another", verified: false, differences: [words, "log_e: 7.2, 7.1"] },
          }),
          test("rolled_back", "watch", {
            reason: "fell",
            curve: { kind: "log_e", values: [-1, 2, 5, 8, 11.6], threshold: Math.log(1e5) },
          }),
          test("closed", "canary", { reason: "judge_changed", receipt: null, words: null }),
        ],
        budget: { year: 2026, tests: 3, promoted: 1, level_now: 0.1 / 60, on: true },
        placebos: { tests: 12, screened_out: 11, promoted: 1, rate: 1 / 12 },
      },
      {
        name: words,
        tests: [],
        budget: { year: 2026, tests: 0, promoted: 0, level_now: 0.01, on: false },
        placebos: { tests: 0, screened_out: 0, promoted: 0, rate: null },
      },
    ],
    staged: ["Rows are aged."],
    seconds: 3.5,
  };
}

/** Two organisations: one with a pattern in each state that reads in its own way, one that learned nothing. */
function exampleLearning(words: string): LearningReport {
  const step = (from_state: string | null, to_state: string, run: number | null) => ({
    at: "2026-11-01T10:01:00.000Z",
    run,
    from_state,
    to_state,
    to_influence: to_state === "active" ? 0.93 : 0,
    confidence: 0.98,
    reason: words,
  });
  const pattern = (state: string, more: Partial<PatternReport>): PatternReport => ({
    id: state,
    pattern_type: "response_format",
    question_type: "how_to",
    dimension: "format",
    value: "list",
    instruction: words,
    state,
    influence: state === "active" ? 0.93 : 0,
    confidence: 0.98,
    model: "simulated/claude-test",
    evidence: { people: 2, shown: 3, held_back: 4, mean_shown: 0.5, mean_held_back: -0.25, log_e: Math.log(1_500) },
    life: [step(null, "candidate", 1), step("candidate", "trial", 2), step("trial", state, null)],
    ...more,
  });
  const nothing = { people: 0, shown: 0, held_back: 0, mean_shown: null, mean_held_back: null, log_e: null };
  const satisfied = { answers: 10, thumbs_up: 5, thumbs_down: 2, thumbs_up_rate: 0.5, satisfaction: 0.3 };
  return {
    days: [{ day: 1, answers: 20, reactions: 15 }, { day: 2, answers: 20, reactions: 14 }],
    organizations: [
      {
        slug: "one",
        name: words,
        people: 24,
        tastes: [{ question_type: "how_to", liked: "list" }, { question_type: "explanation", liked: null }],
        patterns: [pattern("active", {}), pattern("withdrawn", { instruction: null, evidence: nothing })],
        runs: [{ at: "2026-11-01T10:01:00.000Z", settled: 20, patterns_found: 1, patterns_active: 1, message: words }],
        satisfaction: [
          { date: "2026-10-30", with_patterns: false, ...satisfied },
          { date: "2026-10-31", with_patterns: false, ...satisfied, satisfaction: null },
          { date: "2026-10-31", with_patterns: true, ...satisfied, satisfaction: 0.9 },
        ],
      },
      { slug: "two", name: words, people: 1, tastes: [], patterns: [], runs: [], satisfaction: [] },
    ],
    checks: { answers: 40, prompts: 40, instructed: 9, foreign: 0, unlike_stored: 0 },
    failed_runs: 0,
    hurried: ["Days pass in seconds."],
    seconds: 2.5,
  };
}

/** Judged with a quote from the answer for the first two criteria and one from the question for the last. */
export function turn(version: number, question: string, answer: string, given: number[]): TurnReport {
  const quotes = [answer, answer.slice(0, 12), question];
  const scores = Object.fromEntries(
    CRITERIA.map((key, index): [string, CriterionScore] => [
      key,
      { score: given[index], evidence: quotes[index], valid: true },
    ]),
  );
  const overall = given.reduce((sum, one) => sum + one, 0) / given.length;
  return {
    question,
    answer,
    version,
    model: "simulated/claude-test",
    evaluation: { reflection_id: `r${version}`, overall, scores },
  };
}

const FIRST = {
  version: 1,
  previous_version: null,
  created_by: "human" as const,
  model: null,
  state: "retired",
  is_live: false,
  activated_at: null,
};
const SECOND = {
  version: 2,
  previous_version: 1,
  created_by: "system" as const,
  model: "simulated/claude-test",
  state: "active",
  is_live: true,
  activated_at: "2026-11-01T10:00:11.000Z",
};
