/** How what is in test, receipts and what became of tests are shown. */
import assert from "node:assert/strict";
import type { Event } from "./answers.ts";
import { EVENTS, IN_TEST, paper, PATTERN, QUEUE, RECEIPT, RULING, STATUS, VERIFIED, WHOLE } from "./example.ts";
import { logPage } from "./log_page.ts";
import type { QueueEntry } from "./proof_answers.ts";
import { budgetLine, placeboLine, queuePage } from "./queue_page.ts";
import { receiptPage, receiptsPage, verifiedPage } from "./receipt_page.ts";
import { statusPage } from "./status_page.ts";

Deno.test("status shows the version in test, how far it is and what holds it up", () => {
  const test = { version: 13, state: "proving", method: "canary", placebo: false, started_at: "2026-11-20T12:00:00Z" };
  const page = statusPage([{ ...STATUS, test: { ...test, held: "tokens", plan: "About 9 days." } }], paper(100));
  const lines = page.split("\n").map((line) => line.trim());
  const at = lines.findIndex((line) => line.startsWith("in test"));
  assert.match(lines[at], /^in test +version 13: canary; in test since \S+ \S+ \(1 d ago\)$/u);
  assert.deepEqual(lines.slice(at + 1, at + 4), [
    "About 9 days.",
    "held: the day's tokens for tests are used up",
    "→ pawl queue",
  ]);
  const placebo = { ...test, state: "screening", method: null, placebo: true, held: null, plan: null };
  assert.match(
    statusPage([{ ...STATUS, test: placebo }], paper()),
    /version 13, a placebo: screening; in test\s+since/u,
  );
  assert.ok(!statusPage([{ ...STATUS, test: null }], paper()).includes("in test"));
  assert.match(page, /version 11 scored[^]*version 12 was written, and has to prove\s+itself/u);
});

Deno.test("the queue: stage, plan, evidence, what holds it up, the judge, the difference, what to type", () => {
  const lines = queuePage({
    ...QUEUE,
    queue: [{ ...IN_TEST, change_reason: "Shallow.", plan: "Replay.", progress: { ...RULING, words: "Ahead." } }],
  }, paper(120)).split("\n");
  assert.equal(lines[0], "version 13 · in place of version 12");
  assert.deepEqual(lines.slice(1, 11).map((line) => line.trim().replace(/\d{4}-\S+ \S+/u, "AT")), [
    "why       Shallow.",
    "stage     replay proof since AT (2 h ago); it has passed screening",
    "expected  Replay.",
    "evidence  Ahead.",
    "50 won, 20 lost, 50 tied.",
    "A fair bet on it would stand at 35; it takes 1,200.",
    "held      it waits for your approval",
    "approval  wanted: nobody is shown it, and it does not go live, without",
    "judge     claude-sonnet-5-5: passed its trial; agrees with people by 0.61 (quadratic kappa, 120 ratings)",
    "",
  ]);
  const rest = lines.slice(11).join("\n");
  assert.match(rest, /^version 12 \(live\) → version 13 \(proving\)/u);
  assert.match(rest, /\n- Keep replies short\.\n\+ Give reasons\.\n/u);
  assert.match(rest, /→ pawl approve 13\n +→ pawl reject 13\n +→ pawl force 13 --reason TEXT\n/u);
});

Deno.test("the queue: a placebo is no difference and nothing to approve; before the first look nothing is made up", () => {
  const entry = { ...IN_TEST, placebo: true, content: IN_TEST.baseline_content, state: "screening", method: null };
  const bare = {
    ...entry,
    proof_started_at: null,
    plan: null,
    expected_days: null,
    progress: {},
    level: null,
    held: null,
  };
  const page = queuePage({ ...QUEUE, queue: [bare] }, paper(100));
  assert.match(page, /^version 13 · in place of version 12 · a placebo\n/u);
  assert.match(page, /stage +screening since \S+ \S+ \(1 d 1 h ago\)\n/u);
  assert.match(page, /evidence +nothing has been looked at yet\n/u);
  assert.match(page, /\n {2}The very text that is live\.\n/u);
  assert.ok(!/pawl (approve|force)|held|NaN|null|undefined/u.test(page), page);
  assert.match(queuePage({ ...QUEUE, queue: [] }, paper()), /^No version is in test, and none waits\.\n/u);
  const judged = (judge: Partial<QueueEntry["judge"]>) =>
    queuePage({ ...QUEUE, queue: [{ ...IN_TEST, judge: { ...IN_TEST.judge, ...judge } }] }, paper(120));
  assert.match(judged({ passed: false }), /did NOT pass its trial/u);
  assert.match(judged({ passed: null, kappa: null, rated: 0 }), /trial still to come; no ratings by people yet/u);
  assert.match(judged({ kappa: null, rated: 12 }), /12 ratings by people, too few to say/u);
});

Deno.test("the year's budget and the placebos, in a line each", () => {
  const { budget, placebos } = QUEUE;
  assert.equal(
    budgetLine(budget),
    "2026: 3 of at most 60 tests, 1 promoted; the next is at a level of 0.17 %: a bet on it has to reach 600.",
  );
  assert.match(budgetLine({ ...budget, level_now: null }), /none is left\.$/u);
  assert.match(
    budgetLine({ ...budget, on: false, level_now: 0.01 }),
    /is off; 3 tests, 1 promoted, each at .* 1 %\.$/u,
  );
  assert.equal(placeboLine(placebos), "Placebos: 12, of which 11 ended at screening and 0 would have gone live (0 %).");
  assert.equal(placeboLine({ tests: 0, screened_out: 0, promoted: 0, rate: null }), "Placebos: none yet.");
});

Deno.test("receipts: what was decided, why and from what; one says whether its evidence is still there", () => {
  const rolledBack = { ...RECEIPT, decision: "rollback" as const, reason: "fell", method: null, log_e: 0 };
  const page = receiptsPage([RECEIPT, { ...rolledBack, receipt_id: STATUS.organization_id }], {
    ...paper(),
    width: 160,
  });
  assert.match(
    page,
    /^9d1f0c22 .* promoted +version 13 against 12 · it is better · replay · 212 obs.* · evidence 1,430\n/u,
  );
  assert.match(
    page,
    /rolled back +version 13, back to 12 · the share of thumbs up fell · 212 observations\n/u,
  );
  assert.match(page, /→ pawl receipt verify 9d1f0c22$/u);
  const shown = receiptPage(WHOLE, paper(120));
  assert.match(shown, /level +0\.083 %, test 2 of 60 in 2026\n/u);
  assert.match(
    shown,
    new RegExp(`candidate +version 13, sha256 a{16}…\\n +baseline +version 12, sha256 b{16}…\\n`, "u"),
  );
  const tuned = { ...WHOLE.document.candidate, model: "tuned-2", host: "models.example.com" };
  const byModel = receiptPage({ ...WHOLE, document: { ...WHOLE.document, candidate: tuned } }, paper(120));
  assert.match(byModel, /candidate +version 13, sha256 a{16}…, answered by tuned-2 at models\.example\.com\n/u);
  assert.match(shown, /kept +212 observations and both prompts are what it was written over\n/u);
  assert.match(receiptPage({ ...WHOLE, digest_matches: false }, paper(120)), /the observations are NOT what it/u);
  assert.match(receiptPage({ ...WHOLE, prompts_match: false }, paper(120)), /the prompts are NOT what it/u);
  const bare = { ...WHOLE.document, judge: null, chat_model: null, method: null, level: null, ledger: null };
  assert.ok(!/null|undefined|NaN/u.test(receiptPage({ ...WHOLE, decision: "rollback", document: bare }, paper())));
  assert.match(
    verifiedPage(VERIFIED, paper(120)),
    /matches: .*\n {2}Recomputed from 212 obs.*: promoted, it is better at/u,
  );
});

Deno.test("logs of tests: which version, what came of it, why, which receipt", () => {
  const [event] = EVENTS;
  const page = (more: Record<string, unknown>) =>
    logPage([{ ...event, actor: "loop", actor_id: null, reason: null, changed: null, ...more } as Event], {
      ...paper(),
      width: 160,
    })
      .replace(/^\S+ \S+ +#1234 +/u, "");
  const live = { live_version: { from: 12, to: 13 } };
  const state = (from: string | null, to: string) => ({ state: { from, to } });
  const told: [string, Record<string, unknown>, RegExp][] = [
    ["submit", { changed: state(null, "screening") }, /^submit +version 13 has to prove itself, by the loop$/u],
    ["test", { about: { version: 13, placebo: true } }, /^test +version 13, a placebo, has to prove itself, by/u],
    [
      "promote",
      { about: { version: 13, receipt_id: PATTERN.pattern_id }, changed: live },
      /^promote +version 13 has proved itself, live version 12 → 13, receipt 7c8b1f04, by the loop$/u,
    ],
    [
      "force",
      { changed: live, actor: "service" },
      /^force +version 13 live without proof, live version 12 → 13, by the s/u,
    ],
    [
      "close",
      { about: { version: 13, why: "judge_changed" }, changed: state("proving", "draft") },
      /^close +the test of version 13 ended, the judge was changed, by the loop$/u,
    ],
    [
      "close",
      { about: { version: 13, why: "placebo" } },
      /ended, a placebo was found better: nothing changes live, by/u,
    ],
    [
      "reject",
      { about: { version: 13, why: "not_more_wins" }, changed: state("screening", "rejected") },
      /^reject +version 13 rejected, it did not win more often than it lost, by the loop$/u,
    ],
    [
      "approve",
      { changed: { approved: { from: false, to: true } }, actor: "service" },
      /^approve +version 13 may go live when it has proved itself, approved no → yes, by the secret key$/u,
    ],
    [
      "rollback",
      { about: { version: 12, receipt_id: PATTERN.pattern_id }, changed: { live_version: { from: 13, to: 12 } } },
      /^rollback +live version 13 → 12, receipt 7c8b1f04, by the loop$/u,
    ],
    [
      "reject",
      { about: { suggestion_id: "x" }, changed: { status: { from: "pending", to: "rejected" } } },
      /^reject +status/u,
    ],
  ];
  for (const [action, more, line] of told) assert.match(page({ action, about: { version: 13 }, ...more }), line);
});
