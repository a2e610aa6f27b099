/** The third part of the demo: its people, its drafts, the calls that carry tests on, and what it should have shown. */
import assert from "node:assert/strict";
import { chat } from "../model/chat.ts";
import { judge } from "../model/judge.ts";
import { CRITERIA } from "../model/rules.ts";
import type { TestReport } from "../report/data.ts";
import { exampleReport } from "../report/example.ts";
import type { Stack } from "../stack.ts";
import { missingOf } from "./missing.ts";
import { DRAFTS, questionOf, voteOn } from "./people.ts";
import { type Did, prove, sentenceAbout } from "./prove.ts";

const QUESTIONS = Array.from({ length: 200 }, (_, number) => questionOf(number));
const LIVE = "You are a helpful assistant. Answer the user's questions.";

/** By the judge's rules, 1 to 5. */
function meanScore(prompt: string): number {
  const criteria = Object.keys(CRITERIA).map((key) => ({ key }));
  const exchanges = QUESTIONS.map((user_message, exchange) => ({
    exchange,
    user_message,
    answer: chat(prompt, user_message),
  }));
  const scores = judge({ rubric: { criteria }, exchanges }).evaluations.flatMap((one) => one.scores);
  return scores.reduce((sum, { score }) => sum + score, 0) / scores.length;
}

function shareUp(prompt: string): number {
  const votes = QUESTIONS.map((question, which) => voteOn(chat(prompt, question), `${which}`));
  return votes.filter((vote) => vote === "thumbs_up").length / votes.length;
}

Deno.test("no question comes twice before all were asked", () => {
  const all = Array.from({ length: 480 }, (_, number) => questionOf(number));
  assert.equal(new Set(all).size, all.length);
  assert.equal(questionOf(480), questionOf(0));
});

Deno.test("one draft changes nothing, one is better, one is better before the judge alone [catches: a stage that shows nothing]", () => {
  const [empty, thorough] = [DRAFTS.empty(LIVE), DRAFTS.thorough(LIVE)];
  const charming = DRAFTS.charming(thorough);
  for (const question of QUESTIONS) assert.equal(chat(empty, question), chat(LIVE, question));
  assert.ok(meanScore(thorough) > meanScore(LIVE) + 1);
  assert.ok(meanScore(charming) > meanScore(thorough) + 0.3);
  assert.ok(shareUp(thorough) > shareUp(LIVE) + 0.15, `${shareUp(LIVE)} → ${shareUp(thorough)}`);
  assert.ok(shareUp(charming) < 0.3 && shareUp(thorough) > 0.8, `${shareUp(thorough)} → ${shareUp(charming)}`);
});

/** Answers of reflection-loop, one a call, the last one ever after; what was done and how often it was asked. */
async function proving(answers: { proof: Did[]; more: boolean }[]): Promise<{ did: string[]; calls: unknown[] }> {
  const calls: unknown[] = [];
  const server = Deno.serve({ port: 0, onListen: () => {} }, async (request) => {
    calls.push(await request.json());
    return Response.json(answers[Math.min(calls.length, answers.length) - 1]);
  });
  const stack = { url: `http://localhost:${server.addr.port}`, secretKey: "k" } as Stack;
  try {
    const all = await prove(stack, { organization_id: "o" }, () => {});
    return { did: all.map(({ did }) => did), calls };
  } finally {
    await server.shutdown();
  }
}

Deno.test("tests are carried on until nothing is left to do, and no longer", async () => {
  const one = (did: string, more: Partial<Did> = {}): Did => ({ assistant: "default", did, version: 2, ...more });
  const ended = await proving([
    { proof: [one("screening", { pairs: 40 })], more: true },
    { proof: [one("proving", { pairs: 20 })], more: false },
    { proof: [one("promoted")], more: false },
  ]);
  assert.deepEqual(ended.did, ["screening", "proving", "promoted"]);
  assert.deepEqual(ended.calls[0], { only: "proof", organization_id: "o" });
  const waits = await proving([{ proof: [one("proving", { units: 0 })], more: false }]);
  assert.equal(waits.calls.length, 1, "a canary that waits for people is asked once");
  assert.equal((await proving([{ proof: [], more: false }])).calls.length, 1);
  await assert.rejects(proving([{ proof: [one("failed", { reason: "model_unavailable" })], more: true }]), /model_un/u);
  await assert.rejects(proving([{ proof: [], more: true }]), /did not end within 60 calls/u);
});

Deno.test("what was done is said in a line", () => {
  const said = sentenceAbout({
    ...{ assistant: "default", did: "promoted", version: 3, reason: "better", pairs: 21, words: "18 won, 1 lost." },
    receipt_id: "9d1f0c22-254f-46fd-83c4-6116b881f2d7",
  });
  assert.equal(said, "version 3 PROMOTED: it is live; 21 pairs compared; 18 won, 1 lost.; receipt 9d1f0c22");
  assert.equal(
    sentenceAbout({ assistant: "default", did: "held", reason: "awaiting_approval" }),
    "test waits; awaiting approval",
  );
});

Deno.test("whatever was not shown is missed, and whatever does not match", () => {
  const { proof: { assistants: [own] } } = exampleReport();
  const sound = own.tests.filter(({ placebo }) => !placebo);
  const report = (tests: TestReport[]) => ({ assistants: [{ ...own, tests: [] }, { ...own, tests }] });
  assert.deepEqual(missingOf(report(sound)), []);
  for (const verdict of ["promoted", "rejected", "rolled_back"]) {
    const [told, ...others] = missingOf(report(sound.filter((test) => test.verdict !== verdict)));
    assert.match(told, new RegExp(`No version was ${verdict.replace("_", " ")}\\.`, "u"));
    assert.deepEqual(others, []);
  }
  assert.equal(
    missingOf({ assistants: [{ ...own, tests: sound }] }).length,
    3,
    "the loop's own are not the staged ones",
  );
  const wrong = missingOf({ assistants: [own, { ...own, tests: sound }] });
  assert.equal(wrong.length, 2);
  assert.match(wrong[0], /Receipt receipt-of-another does not match: .*log_e/u);
  assert.match(wrong[1], /Version 4, a placebo, was promoted/u);
});
