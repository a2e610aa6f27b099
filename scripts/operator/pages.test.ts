/** How pages look: at every width, in every state. */
import assert from "node:assert/strict";
import type { Event, Pattern, Status } from "./answers.ts";
import { changePage } from "./change_page.ts";
import { differencePage, pieces } from "./difference.ts";
import {
  ANALYSIS,
  CALL,
  DRIFT,
  EVENTS,
  MODEL,
  paper,
  PATTERN,
  QUEUE,
  RECEIPT,
  RETRAINED,
  RUN,
  STATUS,
  SUGGESTION,
  VERIFIED,
  VERSION,
  WHOLE,
  WORDS,
} from "./example.ts";
import { suggestionsPage, versionsPage } from "./list_pages.ts";
import { logPage } from "./log_page.ts";
import { clean, lengthOf, type Paper, percent } from "./paper.ts";
import { patternsPage, STATES } from "./pattern_page.ts";
import { queuePage } from "./queue_page.ts";
import { receiptPage, receiptsPage, verifiedPage } from "./receipt_page.ts";
import { runsPage } from "./run_page.ts";
import { statusPage } from "./status_page.ts";
import { stamp } from "./times.ts";
import { analysisPage, driftPage, modelsPage, retrainedPage, sameDatasetPage } from "./training_page.ts";

const DIFFERENCE = pieces(
  `Be kind. ${WORDS} Keep replies short. Say what you do not know. Answer in the language of the message.`,
  `Be kind. ${WORDS} Keep replies long. Say what you do not know. Answer in the language of the message. ${WORDS}`,
);

const PAGES: Record<string, (paper: Paper) => string> = {
  status: (on) => statusPage([STATUS, { ...STATUS, assistant: "other" }], on),
  versions: (on) =>
    versionsPage([VERSION, { ...VERSION, version: 11, state: "retired", locked: true, score: null }], on),
  suggestions: (on) => suggestionsPage([SUGGESTION], false, on),
  patterns: (on) => patternsPage(STATES.map((state) => ({ ...PATTERN, state })), { ...RUN, crash: {} }, undefined, on),
  logs: (on) => logPage(EVENTS, on),
  queue: (on) => queuePage(QUEUE, on),
  receipts: (on) => receiptsPage([RECEIPT, { ...RECEIPT, receipt_id: STATUS.organization_id, placebo: true }], on),
  receipt: (on) => receiptPage(WHOLE, on),
  verified: (on) => verifiedPage(VERIFIED, on),
  models: (on) =>
    modelsPage([
      MODEL,
      { ...MODEL, status: "failed", reason: "webhook_given_up", delivery: { ...MODEL.delivery!, state: "given_up" } },
    ], on),
  drift: (on) => driftPage([DRIFT, { ...DRIFT, alert: false, metric_type: "judge_score" }], on),
  analysis: (on) => analysisPage(ANALYSIS, on),
  runs: (on) => runsPage([CALL, { ...CALL, status: "completed", error: null, spans: [], spans_in_all: 0 }], on),
  retrained: (on) => retrainedPage(RETRAINED, on),
  "the same dataset": (on) => sameDatasetPage("v2", 12, on),
  difference: (on) => differencePage({ ...VERSION, version: 11 }, VERSION, DIFFERENCE, on),
  change: (on) =>
    changePage({
      action: "protect",
      assistant: "support",
      about: { missing: [1, 2] },
      changed: { protected_clauses: { from: [], to: [WORDS, WORDS] } },
      audit_id: 7,
      request_id: "r",
    }, on),
};

for (const [name, page] of Object.entries(PAGES)) {
  Deno.test(`${name}: no line is wider than the terminal, and colours change nothing else`, () => {
    for (const width of [72, 80, 100, 120]) {
      const plain = page(paper(width));
      const wide = plain.split("\n").filter((line) => lengthOf(line) > width);
      assert.deepEqual(wide, [], `at ${width}`);
      assert.ok(!plain.includes("\u001b"));
      const coloured = page(paper(width, true));
      assert.notEqual(coloured, plain);
      // deno-lint-ignore no-control-regex -- colours
      assert.equal(coloured.replace(/\u001b\[\d+m/gu, ""), plain);
    }
  });
}

Deno.test("status says why the live version is live, where that is not why it was written", () => {
  const page = (action: string) => {
    const went_live = { ...STATUS.live!.went_live!, action, reason: "too chatty" };
    return statusPage([{ ...STATUS, live: { ...STATUS.live!, went_live } }], paper(100));
  };
  assert.match(page("rollback"), /rollback by the secret key: “too chatty”/u);
  assert.doesNotMatch(page("write"), /too chatty/u);
});

Deno.test("status says what holds updates up, and what to type", () => {
  const held: [string, Partial<Status["updates"]>, RegExp][] = [
    [
      "paused",
      { paused: true, paused_until: "2026-11-21T13:58:00Z" },
      /held: paused until \S+ \S+ \(for 1 h 58 min\)\n +→ pawl resume\n/u,
    ],
    ["paused", { paused: true }, /held: paused\n +→ pawl resume\n/u],
    ["locked", {}, /held: version 12 is locked\n +→ pawl unlock\n/u],
    ["in_proof", {}, /held: a version is in test\n/u],
    ["yearly_budget", {}, /held: the year's 60 tests are used up\n/u],
    ["cooldown", {}, /held: the cooldown[^]*until 2026-11-21\s+14:00/u],
    ["daily_limit", { today: 3 }, /held: the daily limit is reached: 3 of 3/u],
    ["a later rule", {}, /held: a later rule\n/u],
  ];
  for (const [blocked_by, more, line] of held) {
    const page = statusPage([{ ...STATUS, updates: { ...STATUS.updates, blocked_by, ...more } }], paper());
    assert.match(page, line);
    assert.match(page, /owed +a better prompt: written at the first reflection that nothing\s+holds up/u);
  }
});

Deno.test("status of several assistants says which one a command is for", () => {
  assert.match(
    PAGES.status(paper()),
    /→ pawl suggestions --assistant support\n[\s\S]*→ pawl suggestions --assistant other$/u,
  );
  assert.match(statusPage([STATUS], paper()), /→ pawl suggestions$/u);
});

Deno.test("status of an assistant without a live version, a score or a reflection", () => {
  const page = statusPage([{ ...STATUS, live: null, last_reflection: null, waiting: null }], paper());
  assert.match(page, /live +no version is live\n {2}score +none/u);
  assert.match(page, /waiting +no answer waits/u);
  assert.match(page, /reflection +none yet/u);
});

Deno.test("a difference shows whole sentences, and what stayed in between by its number", () => {
  const page = differencePage(
    { ...VERSION, version: 11, state: "retired" },
    VERSION,
    pieces(
      "One stays. Two stays. Three stays. Four stays. Five goes away. Six stays.",
      "One stays. Two stays. Three stays. Four stays. Six stays.\n\nSeven comes in.",
    ),
    paper(),
  );
  assert.deepEqual(page.split("\n"), [
    "version 11 → version 12 (live)   5 the same, 1 removed, 1 added",
    "",
    "  … 3 sentences the same",
    "  Four stays.",
    "- Five goes away.",
    "  Six stays.",
    "+ Seven comes in.",
  ]);
});

Deno.test("the words that differ are marked, in lines that wrap too", () => {
  const before = "Keep replies short: one or two sentences are enough in most cases for people who read.";
  const after = before.replace("one or two", "five or six");
  for (const width of [20, 40, 80]) {
    const page = differencePage(VERSION, VERSION, pieces(before, after), paper(width, true));
    const marked = page.split("\u001b[7m").slice(1).map((rest) => rest.split("\u001b[27m")[0]);
    assert.deepEqual(marked, ["one", "two", "five", "six"], `at ${width}`);
  }
  const unlike = differencePage(VERSION, VERSION, pieces("Be kind.", "Give reasons for everything."), paper(80, true));
  assert.ok(!unlike.includes("\u001b[7m"), unlike);
});

Deno.test("texts that differ in white space alone", () => {
  const page = differencePage(VERSION, VERSION, pieces("Be kind. Be brief.", "Be kind.\n\nBe  brief.\n"), paper());
  assert.match(page, /No sentence differs; spaces and line breaks may\./u);
});

Deno.test("a decision says how to undo it", () => {
  const undo = (action: string, about: Record<string, unknown>, what: string, from: unknown, to: unknown) =>
    / undo +→ pawl (.*)$/mu.exec(
      changePage({
        action,
        assistant: "support",
        about,
        changed: { [what]: { from, to } },
        audit_id: 1,
        request_id: "r",
      }, paper()),
    )?.[1];
  assert.equal(undo("rollback", { version: 1 }, "live_version", 3, 1), "activate 3");
  assert.equal(undo("write", { version: 4 }, "live_version", 3, 4), "activate 3");
  assert.equal(undo("write", { version: 4 }, "latest_version", 3, 4), undefined);
  assert.equal(undo("pause", {}, "updates_paused", false, true), "resume");
  assert.equal(undo("resume", {}, "updates_paused", true, false), "pause");
  assert.equal(undo("lock", { version: 2 }, "locked", false, true), "unlock 2");
  assert.equal(undo("unlock", { version: 2 }, "locked", true, false), "lock 2");
  assert.equal(undo("waive_approval", {}, "approval_required", true, false), "approval on");
  assert.equal(undo("protect", {}, "protected_clauses", [], ["Be kind."]), "protect --clear");
  assert.equal(undo("protect", {}, "protected_clauses", ["Be kind."], []), undefined);
  assert.equal(undo("revert_pattern", {}, "state", "active", "reverted"), undefined);
  assert.equal(undo("reject", {}, "status", "pending", "rejected"), undefined);
  assert.equal(undo("approve", { version: 4 }, "approved", false, true), "reject 4");
  assert.equal(undo("approve", { version: 4 }, "live_version", 3, 4), "activate 3");
  assert.equal(undo("test", { version: 1234 }, "state", "draft", "screening"), "reject v1234");
  assert.equal(undo("reject", { version: 4 }, "state", "screening", "rejected"), "test 4");
  assert.equal(undo("force", { version: 4 }, "live_version", 3, 4), "activate 3");
});

Deno.test("patterns: what the last run said, then each with what it rests on and what to type", () => {
  const other = { ...PATTERN, pattern_id: PATTERN.pattern_id.replace(/^7c8b1f04-2/u, "7c8b1f04-3") };
  const page = patternsPage([{ ...PATTERN, instruction: "Answer with a table." }, other], RUN, undefined, paper(100));
  assert.deepEqual(page.split("\n").slice(0, 8), [
    `Last learning run: ${stamp(RUN.at)} (2 h ago)`,
    "  48 people, 1250 settled answers in 90 days. 1 active, 0 on trial, 1 to try next.",
    "",
    "7c8b1f04-2  active · influence 93 % · confidence 99.9 % · database questions · format table",
    "  Answer with a table.",
    "  It applied to 320 answers of 24 people and was shown with 160 of them.",
    `  ${
      stamp(PATTERN.transitions[0].at)
    } trial → active: Answers are shallow: they give neither reasons nor examples, and`,
    "  parts of the question stay unanswered.",
  ]);
  assert.match(page, /\n {2}→ pawl revert-pattern 7c8b1f04-2\n[^]*\n {2}→ pawl revert-pattern 7c8b1f04-3$/u);
});

Deno.test("patterns: what has ended is not offered to be taken back, and has no influence", () => {
  const page = (more: Partial<Pattern>) => patternsPage([{ ...PATTERN, ...more }], RUN, undefined, paper(100));
  for (const state of STATES) {
    const ended = ["pruned", "reverted", "withdrawn"].includes(state);
    const influence = ended || state === "candidate" ? 0 : 0.8;
    assert.equal(/revert-pattern/u.test(page({ state, influence })), !ended, state);
    assert.equal(/influence/u.test(page({ state, influence })), !ended, state);
  }
  assert.match(page({ state: "withdrawn", instruction: null, transitions: [] }), /\n {2}Its text was deleted\.\n/u);
  const [step, found] = PATTERN.transitions;
  assert.match(page({ transitions: [{ ...step, from: "active", influence: 0.6 }] }), / influence 60 %: Answers/u);
  assert.match(page({ transitions: [found] }), / found: Found\.\n/u);
});

Deno.test("patterns: where there are none, and where nothing has run", () => {
  assert.match(
    patternsPage([], null, undefined, paper()),
    /^No learning run[^\n]*\n\nNo pattern has been found yet\.$/u,
  );
  assert.match(patternsPage([], RUN, "active", paper()), /next\.\n\nNo pattern is active\.$/u);
  const shares = [0, 0.05, 0.29, 0.925, 0.9999, 1].map(percent);
  assert.deepEqual(shares, ["0 %", "5 %", "29 %", "92.5 %", "99.9 %", "100 %"]);
});

Deno.test("logs name the pattern that was taken back, and count what a forgotten person took along", () => {
  const [event] = EVENTS;
  const page = (more: Record<string, unknown>) => logPage([{ ...event, ...more } as Event], paper(120));
  const { pattern_id } = PATTERN;
  const changed = { state: { from: "active", to: "reverted" }, influence: { from: 0.93, to: 0 } };
  const reverted = page({ action: "revert_pattern", about: { pattern_id }, changed });
  assert.match(reverted, /revert pattern +pattern 7c8b1f04, state active → reverted, influence 93 % → 0 %, by person/u);
  const about = { user_id: pattern_id, patterns_withdrawn: 1, patterns_recomputed: 2 };
  const forgotten = page({ action: "forget", about, changed: null, actor: "operator", actor_id: null });
  assert.match(forgotten, /forget +person 7c8b1f04, 1 pattern withdrawn, 2 measured anew, by SQL\n/u);
});

Deno.test("whatever could move a cursor, colour or turn a text is shown as a mark", () => {
  const shown = clean("a\u001b[31mb\u0007c\rd\u009be\u202ef\u2066g\u007fh");
  assert.equal(shown, "a\ufffd[31mb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg\ufffdh");
  assert.equal(clean("plain – “text” 日本\r\n\tend"), "plain – “text” 日本\n  end");
});
