import assert from "node:assert/strict";
import type { Evaluation } from "./data.ts";
import { gainOf, type Judged, scoresOf } from "./scores.ts";

const judged = (conversation: number, overall: number | null, depth = 3, valid = true): Judged => {
  const scores: Evaluation["scores"] = { depth: { score: depth, evidence: "", valid } };
  return { conversation, evaluation: { reflection_id: "r", overall, scores } };
};

Deno.test("with one answer a conversation the error is the standard error of the mean", () => {
  const { answers, mean_overall, error_overall } = scoresOf(
    [judged(1, 1), judged(2, 2), judged(3, 3), judged(4, 4)],
    [],
  );
  assert.deepEqual([answers, mean_overall], [4, 2.5]);
  assert.ok(Math.abs(error_overall! - Math.sqrt(5 / 3) / 2) < 1e-12);
});

Deno.test("answers of one conversation count as little as they tell [catches: an error made small by repetition]", () => {
  const once = scoresOf([judged(1, 1), judged(2, 3)], []);
  const fourTimes = scoresOf([1, 2].flatMap((one) => Array(4).fill(judged(one, 2 * one - 1))), []);
  assert.equal(fourTimes.mean_overall, once.mean_overall);
  assert.equal(fourTimes.error_overall, once.error_overall);
  assert.equal(scoresOf([judged(1, 1), judged(1, 3)], []).error_overall, null);
});

Deno.test("discarded judgements and void scores enter no mean", () => {
  const scores = scoresOf([judged(1, null, 5), judged(2, 2, 1, false), judged(3, 4, 2)], ["depth", "absent"]);
  assert.deepEqual([scores.answers, scores.mean_overall], [2, 3]);
  assert.deepEqual([scores.mean_by_criterion, scores.error_by_criterion], [{ depth: 2 }, { depth: null }]);
  assert.deepEqual(scoresOf([], ["depth"]).mean_overall, null);
});

Deno.test("a gain is between versions that were judged", () => {
  const version = (mean_overall: number | null) => ({ mean_overall }) as never;
  assert.equal(gainOf({ versions: [version(1), version(null), version(4), version(null)] }), 3);
  assert.equal(gainOf({ versions: [version(1), version(null)] }), null);
});
