/** How models, drift, feedback, runs and what retrain-trigger did are shown. */
import assert from "node:assert/strict";
import { ANALYSIS, CALL, DRIFT, MODEL, paper, RETRAINED } from "./example.ts";
import { runsPage } from "./run_page.ts";
import { stamp } from "./times.ts";
import type { Model } from "./training_answers.ts";
import { analysisPage, driftPage, modelsPage, retrainedPage } from "./training_page.ts";

const wide = { ...paper(), width: 200 };

Deno.test("models: where each stands and why, what it was made of, what its trainer says, what to type", () => {
  assert.deepEqual(modelsPage([MODEL], wide).split("\n"), [
    "v2  live",
    `  begun ${
      stamp(MODEL.created_at)
    } (20 d ago) because of a drift · support-tuned-2, tuned from claude-sonnet-5-5 · ` +
    `on 1254 examples · prompt version 13 · went live ${stamp(MODEL.deployed_at!)}`,
    "  its trainer says: eval_loss 0.61, win_rate 0.7",
    "  → pawl dataset verify v2",
  ]);
  assert.equal(modelsPage([], wide), "No model has been tuned yet.");
  const shown = (more: Partial<Model>) => modelsPage([{ ...MODEL, ...more }], wide);
  const said: [Partial<Model>, RegExp][] = [
    [{ status: "curating", samples: null }, /^v2 {2}its dataset is being made\n[^]*\n {2}→ pawl retrain$/u],
    [{ status: "training" }, /^v2 {2}in training\n/u],
    [{ status: "trained" }, /^v2 {2}trained, waits for its test\n[^]*\n {2}→ pawl retrain\n/u],
    [{ status: "testing" }, /^v2 {2}in its test\n[^]*\n {2}→ pawl queue\n/u],
    [{ status: "rejected", reason: "not_more_wins" }, /^v2 {2}rejected: it did not win more [^]*→ pawl test 13\n/u],
    [{ status: "rolled_back", reason: "model_unreachable" }, /^v2 {2}rolled back: its model did not answer\n/u],
    [{ status: "failed", reason: "out_of_memory" }, /^v2 {2}failed: out of memory\n/u],
    [{ status: "a later one" }, /^v2 {2}a later one\n/u],
  ];
  for (const [more, page] of said) assert.match(shown(more), page);
  const bare = shown({
    ...{ status: "pending", model: null, samples: null, metrics: {}, why: null, deployed_at: null },
    ...{ prompt_version: null, delivery: null },
  });
  assert.ok(!/null|undefined|NaN|trainer says|verify/u.test(bare), bare);
});

Deno.test("models: only a webhook that was not taken is told of", () => {
  const shown = (more: Partial<NonNullable<Model["delivery"]>>) =>
    modelsPage([{ ...MODEL, status: "pending", delivery: { ...MODEL.delivery!, ...more } }], wide);
  const next_at = "2026-11-21T13:00:00Z";
  const waiting = shown({ state: "waiting", attempts: 3, last_status: 503, next_at });
  const again = `told 3 times, the last answer was 503; the next from ${stamp(next_at)} on`;
  assert.ok(waiting.includes(`  the trainer has not taken it yet: ${again}\n`), waiting);
  const none = shown({ state: "waiting", attempts: 1, last_status: null, next_at: null });
  assert.match(none, /told 1 time, the last answer was none\n/u);
  assert.match(
    shown({ state: "given_up", attempts: 8, last_status: 500 }),
    /the trainer did not take it: told 8 times/u,
  );
  assert.doesNotMatch(shown({ state: "delivered" }), /the trainer/u);
  assert.doesNotMatch(shown({ state: "waiting", attempts: 0 }), /the trainer has/u);
});

Deno.test("drift: from what to what, how far, how likely by chance, on how many", () => {
  assert.deepEqual(driftPage([DRIFT], wide).split("\n"), [
    `${stamp(DRIFT.created_at)}  reactions (0 to 1): 0.90 → 0.50 · drift 0.81, an ALERT · chance 0.34 %, by people`,
    `${" ".repeat(18)}1200 answers before, 300 of late · of 480 and 120 people · moved by 0.40`,
  ]);
  const calm = driftPage([{ ...DRIFT, alert: false, details: { ...DRIFT.details, p_value: 1e-12 } }], wide);
  assert.match(calm, /drift 0\.81 · chance under 0\.01 %/u);
  const bare = { ...DRIFT, baseline_value: null, current_value: null, drift_score: null, alert: false, details: {} };
  assert.equal(driftPage([bare], wide), `${stamp(DRIFT.created_at)}  reactions (0 to 1): – → – · no drift measured`);
  assert.match(driftPage([], wide), /^Nothing was measured yet: it takes 50 answers/u);
});

Deno.test("feedback: how many, how they are spread, which questions stand out", () => {
  const lines = analysisPage(ANALYSIS, wide).split("\n");
  assert.match(lines[0], /^40 examples, \S+ \S+ to \S+ \S+: 0\.75 on average, 0 to 1$/u);
  assert.equal(lines[1], `  0.0   8  ${"█".repeat(11)}`);
  assert.equal(lines[2], "  0.1   0");
  assert.equal(lines[11], `  1.0  30  ${"█".repeat(40)}`);
  assert.equal(
    lines[14],
    "  – database: 6 under 0.5 (60 % of those with feedback), 0.41 on average, 52 answers",
  );
  assert.doesNotMatch(analysisPage({ ...ANALYSIS, low_score_patterns: [] }, wide), /disliked/u);
  const none = analysisPage({ ...ANALYSIS, total_samples: 0, average_score: null, score_distribution: {} }, wide);
  assert.match(none, /^No feedback was collected from /u);
});

Deno.test("runs: how it ended, what took long, what failed", () => {
  assert.deepEqual(runsPage([CALL], wide).split("\n"), [
    `${stamp(CALL.at)}  feedback-collector  failed: model_overloaded · prove · 4.2 s · 1500 tokens`,
    `${" ".repeat(38)}31 steps, most of it model (claude-sonnet-5-5) 4.0 s`,
    `${" ".repeat(38)}model (claude-sonnet-5-5) failed: model_overloaded`,
  ]);
  const running = {
    ...CALL,
    function: "chat-handler",
    status: "running",
    error: null,
    action: null,
    duration_ms: null,
  };
  const page = runsPage([{ ...running, token_usage: {}, spans: [], spans_in_all: 0 }], wide);
  assert.equal(page, `${stamp(CALL.at)}  chat-handler        running`);
  assert.equal(runsPage([], wide), "No call of a function is on record.");
});

Deno.test("retrain: what came of each assistant, and that there is more", () => {
  assert.deepEqual(retrainedPage(RETRAINED, wide).split("\n"), [
    "support",
    "  the trainer was told of v2",
    "  1500 answers looked at, 1480 examples stored · drift 0.81, chance under 0.01 %: an ALERT · " +
    "dataset: 1254 rows in 1 part",
    "other",
    "  Insufficient samples: 412/1000",
    "  1 answer looked at, 0 examples stored",
    "There is more to do at once:",
    "  → pawl retrain",
  ]);
  assert.doesNotMatch(retrainedPage({ ...RETRAINED, more: false }, wide), /more to do/u);
  assert.equal(retrainedPage({ ...RETRAINED, results: [], more: false }, wide), "There is no assistant here.");
});
