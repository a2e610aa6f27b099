/** The guards of how a version proves itself, and is taken back; as mutations.ts. */
import { cut, type Edit } from "./ground.ts";
import type { Mutation } from "./mutations.ts";

const PROMPT_TESTS = "20261101000760_prompt_tests.sql";
const LEASES = "20261101000950_leases.sql";
const OPEN_TESTS = "20261101001090_open_tests.sql";
const PROOF_CLAIM = "20261101001110_proof_claim.sql";
const PROOF_LOOK = "20261101001115_proof_look.sql";
const TEST_ENDS = "20261101001140_test_ends.sql";
const WATCH = "20261101001150_watch.sql";
const STEERING = "20261101001200_steering.sql";
/** What holding a test locks: the assistant, where the test may end by it; the lease; the test. */
const ASSISTANT: Edit = {
  file: OPEN_TESTS,
  text: "perform from pawl.assistants where id = v_assistant_id for no key update;",
  becomes: "null;",
};
const LEASE: Edit = {
  file: OPEN_TESTS,
  text: "and kind = 'proof' and holder = p_holder and expires_at > now() for update;",
  becomes: "and kind = 'proof' and holder = p_holder and expires_at > now();",
};
const TEST: Edit = {
  file: OPEN_TESTS,
  text: "select * into v_test from pawl.prompt_tests where id = p_test_id for no key update;",
  becomes: "select * into v_test from pawl.prompt_tests where id = p_test_id;",
};
const PROMOTED: Edit = {
  file: TEST_ENDS,
  text: "select * into v_test from pawl.prompt_tests where id = p_test_id for no key update;",
  becomes: "select * into v_test from pawl.prompt_tests where id = p_test_id;",
};
const PEOPLES_LOCK: Edit = {
  file: STEERING,
  text: "perform from pawl.assistants where id = s.assistant_id for no key update;",
  becomes: "perform from pawl.assistants where id = s.assistant_id;",
};
const WATCHED_ASSISTANT: Edit = {
  file: WATCH,
  text: "perform from pawl.assistants where id = p_assistant_id for no key update;",
  becomes: "null;",
};
const WATCHED_LEASE: Edit = {
  file: WATCH,
  text: "and kind = 'proof' and holder = p_holder and expires_at > now() for update;",
  becomes: "and kind = 'proof' and holder = p_holder and expires_at > now();",
};

const also = {
  assistant: { ...ASSISTANT, why: "whoever may end a test holds the assistant" },
  lease: { ...LEASE, why: "whoever holds a test holds the lease" },
  test: { ...TEST, why: "whoever holds a test has its row" },
  watchedAssistant: { ...WATCHED_ASSISTANT, why: "whoever takes a version back holds the assistant" },
  watchedLease: { ...WATCHED_LEASE, why: "and the lease" },
  promoted: { ...PROMOTED, why: "a test that promotes is locked once more, for who approves" },
};

export const PROVING: Mutation[] = [
  // Claims
  {
    name: "a claim locks the lease",
    without: cut(LEASES, " for update skip locked"),
    scenario: "oneProves",
    fails: /claims of one proof/,
  },
  {
    name: "a claim heeds the lease",
    without: { file: LEASES, text: "if v_lease.expires_at > now() then", becomes: "if false then" },
    scenario: "oneProves",
    fails: /claims of one proof|while another holds the lease/,
  },

  // Decisions
  {
    name: "one test runs",
    without: cut(
      PROMPT_TESTS,
      `create unique index prompt_tests_running_idx on pawl.prompt_tests (assistant_id)
  where state in ('screening', 'proving');`,
    ),
    scenario: "oneTestRuns",
    fails: /of 50 at once/,
  },
  {
    name: "a place in the year once",
    without: cut(
      PROMPT_TESTS,
      "create unique index prompt_tests_ledger_idx on pawl.prompt_tests (assistant_id, ledger_year, ledger_position);",
    ),
    scenario: "aPlaceInTheYearIsTakenOnce",
    fails: /of 50 at once/,
  },
  {
    name: "a receipt a test",
    without: cut(
      PROMPT_TESTS,
      "create unique index promotion_receipts_test_idx on pawl.promotion_receipts (test_id);",
    ),
    scenario: "aTestHasOneReceipt",
    fails: /of 50 at once/,
  },
  {
    name: "a decision once more changes nothing",
    without: { file: TEST_ENDS, text: "if v_test.state = p_decision then", becomes: "if false then" },
    scenario: "oneDecision",
    fails: /promoted/,
  },
  ...[
    { name: "who decides holds the assistant", without: ASSISTANT, spares: [also.lease, also.test, also.promoted] },
    { name: "who decides holds the lease", without: LEASE, spares: [also.assistant, also.test, also.promoted] },
    { name: "who decides holds the test", without: TEST, spares: [also.assistant, also.lease, also.promoted] },
  ].map((guard): Mutation => ({
    ...guard,
    scenario: "oneDecision",
    fails: /23505|23001|40P01|promoted|rejected|receipts/,
  })),
  ...[
    { name: "who passes holds the assistant", without: ASSISTANT, spares: [also.lease, also.test] },
    { name: "who passes holds the lease", without: LEASE, spares: [also.assistant, also.test] },
    { name: "who passes holds the test", without: TEST, spares: [also.assistant, also.lease] },
  ].map((guard): Mutation => ({
    ...guard,
    scenario: "passedOrRejected",
    fails: /23505|23514|23001|40P01|what became of it|receipts|closed/,
  })),
  {
    name: "a plan is for its place",
    without: {
      file: PROOF_LOOK,
      text: `v_position is distinct from (p_plan ->> 'position')::integer
          or v_year is distinct from (p_plan ->> 'year')::integer`,
      becomes: "false",
    },
    scenario: "onePlaceInTheYear",
    fails: /stale/,
  },
  {
    name: "who decides waits for people",
    without: ASSISTANT,
    scenario: "decidedOrOverruled",
    fails: /23505|23001|40P01|which was|decided and not|live versions|receipts/,
  },
  {
    name: "people wait for who decides",
    without: PEOPLES_LOCK,
    scenario: "decidedOrOverruled",
    fails: /23505|23001|40P01|which was|decided and not|live versions|receipts/,
  },
  {
    name: "what is proved is approved",
    without: { file: TEST_ENDS, text: "when not pawl.is_approved(p_test.candidate_id)", becomes: "when false" },
    scenario: "approvedWhileProved",
    fails: /awaiting_approval/,
  },

  {
    name: "who closes waits for nobody",
    without: {
      file: PROOF_CLAIM,
      text: "perform from pawl.assistants where id = p_assistant.id for no key update skip locked;",
      becomes: "perform from pawl.assistants where id = p_assistant.id;",
    },
    scenario: "closedOrForced",
    fails: /23505|23001|40P01|which was/,
  },

  // The watch
  {
    name: "a fall is told once",
    without: cut(WATCH, "\n      and metadata -> 'fall_told_of' is distinct from to_jsonb(activated_at)"),
    scenario: "aFallIsToldOnce",
    fails: /ok true/,
  },
  {
    name: "who takes back waits for people",
    without: WATCHED_ASSISTANT,
    scenario: "takenBackOrOverruled",
    fails: /23505|23001|40P01|which was|receipts|superseded/,
  },
  ...[
    { name: "who takes back holds the assistant", without: WATCHED_ASSISTANT, spares: [also.watchedLease] },
    { name: "who takes back holds the lease", without: WATCHED_LEASE, spares: [also.watchedAssistant] },
  ].map((guard): Mutation => ({
    ...guard,
    scenario: "takenBackOnce",
    fails: /23505|23001|40P01|receipts|repetition/,
  })),
  {
    name: "what went live anew is not taken back",
    without: {
      file: WATCH,
      text: "if (v_live.id, v_live.activated_at) is distinct from (p_prompt_id, p_since) then",
      becomes: "if v_live.id is distinct from p_prompt_id then",
    },
    scenario: "forcedMeanwhile",
    fails: /taken back|23505/,
  },
];
