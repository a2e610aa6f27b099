/** How pages look: at every width, in every state. */
import assert from "node:assert/strict";
import type { Event, LearningRun, Pattern, Status, Suggestion, Version } from "./answers.ts";
import { changePage } from "./change_page.ts";
import { differencePage, pieces } from "./difference.ts";
import { suggestionsPage, versionsPage } from "./list_pages.ts";
import { logPage } from "./log_page.ts";
import { clean, inkOf, lengthOf, type Paper, percent } from "./paper.ts";
import { patternsPage, STATES } from "./pattern_page.ts";
import { statusPage } from "./status_page.ts";
import { stamp } from "./times.ts";

const NOW = new Date("2026-11-21T12:00:00Z");
const WORDS = "Answers are shallow: they give neither reasons nor examples, and parts of the question stay unanswered.";

const paper = (width = 80, coloured = false): Paper => ({
  width,
  ink: inkOf(coloured),
  terminal: true,
  now: NOW,
  command: (words, scope) => `pawl ${words}${scope ? ` --assistant ${scope.assistant}` : ""}`,
});

const VERSION: Version = {
  version: 12,
  state: "live",
  created_at: "2026-11-20T10:30:00Z",
  created_by: "system",
  activated_at: "2026-11-21T09:15:00Z",
  locked: false,
  score: 4.678,
  judged: 20,
  reason: WORDS,
  previous_version: 11,
  rollback_to: 11,
};

const STATUS: Status = {
  organization_id: "51a81667-254f-46fd-83c4-6116b881f2d7",
  organization: "default",
  assistant: "support",
  name: "The support assistant of the shop",
  live: {
    ...VERSION,
    went_live: {
      at: "2026-11-21T08:00:00Z",
      actor: "service",
      actor_id: null,
      action: "rollback",
      reason: WORDS,
    },
  },
  updates: {
    blocked_by: null,
    paused: false,
    paused_until: null,
    cooldown_until: "2026-11-21T14:00:00Z",
    approval_required: false,
    protected_clauses: 2,
    today: 1,
    a_day: 3,
    owed: true,
  },
  last_reflection: {
    at: "2026-11-21T08:00:00Z",
    version: 11,
    judged: 20,
    discarded: 1,
    score: 1.6,
    action: "prompt_update",
    update_outcome: "published",
    new_version: 12,
    weaknesses: [WORDS, WORDS],
  },
  waiting: { answers: 3, conversations: 1, conversations_needed: 5 },
  pending_suggestions: 2,
};

const SUGGESTION: Suggestion = {
  suggestion_id: "3f2a91bc-254f-46fd-83c4-6116b881f2d7",
  at: "2026-11-21T11:55:00Z",
  type: "prompt_change",
  priority: "high",
  status: "pending",
  superseded: false,
  title: "A version waits for approval",
  description: WORDS,
  proposed_change: null,
  version: 13,
  about_version: 12,
  score: 2.2,
  reviewed_at: null,
  review_notes: null,
  implemented_in_version: null,
};

const PATTERN: Pattern = {
  pattern_id: "7c8b1f04-254f-46fd-83c4-6116b881f2d7",
  at: "2026-11-02T08:00:00Z",
  type: "response_format",
  question_type: "database",
  data_source: null,
  dimension: "format",
  value: "table",
  instruction: WORDS,
  state: "active",
  influence: 0.93,
  confidence: 0.99996,
  score: 0.4,
  uses: 160,
  last_used_at: "2026-11-21T11:00:00Z",
  activated_at: "2026-11-15T08:00:00Z",
  evidence: "It applied to 320 answers of 24 people and was shown with 160 of them.",
  transitions: [
    { at: "2026-11-15T08:00:00Z", from: "trial", to: "active", influence: 0.93, confidence: 0.997, reason: WORDS },
    { at: "2026-11-02T08:00:00Z", from: null, to: "candidate", influence: 0, confidence: 0.8, reason: "Found." },
  ],
};

const RUN: LearningRun = {
  at: "2026-11-21T10:00:00Z",
  message: "48 people, 1250 settled answers in 90 days. 1 active, 0 on trial, 1 to try next.",
  crash: null,
};

const EVENTS: Event[] = [
  {
    kind: "change",
    at: "2026-11-21T11:58:00Z",
    audit_id: 1234,
    actor: "person",
    actor_id: "01a1fe42-254f-46fd-83c4-6116b881f2d7",
    action: "require_approval",
    reason: WORDS,
    about: {},
    changed: { approval_required: { from: false, to: true } },
  },
  { kind: "reflection", ...STATUS.last_reflection! },
];

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
  assert.doesNotMatch(page("publish"), /too chatty/u);
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
    ["awaiting_approval", {}, /held: a version waits for approval\n/u],
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
