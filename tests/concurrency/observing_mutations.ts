/** The guards of what is observed of a version in test; as mutations.ts. */
import { cut, type Edit } from "./ground.ts";
import type { Mutation } from "./mutations.ts";

const PROMPT_TESTS = "20261101000760_prompt_tests.sql";
const TURN_FUNCTIONS = "20261101000800_turn_functions.sql";
const SESSIONS = "20261101000900_session_functions.sql";
const OPEN_TESTS = "20261101001090_open_tests.sql";
const PROOF_CLAIM = "20261101001110_proof_claim.sql";
const PAIRS = "20261101001120_replay_pairs.sql";
const CANARY = "20261101001130_canary.sql";
const FORGETTING = "20261101001320_forgetting.sql";
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
const PAIR: Edit = {
  file: PAIRS,
  text: "where id = v_given.pair_id and test_id = p_test_id for update;",
  becomes: "where id = v_given.pair_id and test_id = p_test_id;",
};
const UNIT: Edit = {
  file: CANARY,
  text: "where id = v_given.unit_id and test_id = p_test_id for update;",
  becomes: "where id = v_given.unit_id and test_id = p_test_id;",
};

const also = {
  lease: { ...LEASE, why: "whoever holds a test holds the lease" },
  test: { ...TEST, why: "whoever holds a test has its row" },
  pair: { ...PAIR, why: "a pair is locked by itself" },
  unit: { ...UNIT, why: "a unit is locked by itself" },
};

export const OBSERVING: Mutation[] = [
  // Pairs
  {
    name: "the cap is asked",
    without: cut(
      OPEN_TESTS,
      `
      and u.tokens + p_tokens <= v_settings.test_tokens_per_day and u.usd + p_usd <= v_settings.test_usd_per_day`,
    ),
    scenario: "noPairIsAboveTheCap",
    fails: /which a day pays/,
  },
  {
    name: "what is handed out is taken",
    without: {
      file: PAIRS,
      text: "v_blocked := pawl.reserve(v_test.assistant_id, v_cost.tokens, v_cost.usd);",
      becomes: "v_blocked := null;",
    },
    scenario: "noPairIsAboveTheCap",
    fails: /which a day pays/,
  },
  {
    name: "drawing pairs holds the test",
    without: TEST,
    spares: [also.lease],
    scenario: "noPairIsAboveTheCap",
    fails: /23505|which a day pays/,
  },
  {
    name: "drawing pairs holds the lease",
    without: LEASE,
    spares: [also.test],
    scenario: "noPairIsAboveTheCap",
    fails: /23505|which a day pays/,
  },
  ...[
    { name: "recording pairs locks each", without: PAIR, spares: [also.lease, also.test] },
    { name: "recording pairs holds the test", without: TEST, spares: [also.lease, also.pair] },
    { name: "recording pairs holds the lease", without: LEASE, spares: [also.test, also.pair] },
  ].map((guard): Mutation => ({ ...guard, scenario: "aPairIsJudgedOnce", fails: /what was counted/ })),
  {
    name: "a pair counts once",
    without: {
      file: PAIRS,
      text: "elsif v_pair.state is distinct from 'answered' or v_given.first_order is null then",
      becomes: "elsif v_given.first_order is null then",
    },
    scenario: "aPairIsJudgedOnce",
    fails: /what was counted/,
  },
  {
    name: "what a pair cost counts once",
    without: {
      file: PAIRS,
      text: "if v_new then\n    perform pawl.spend(v_test, p_usage,",
      becomes: "if true then\n    perform pawl.spend(v_test, p_usage,",
    },
    scenario: "aPairIsJudgedOnce",
    fails: /what was counted/,
  },
  {
    name: "what was reserved is given back",
    without: cut(
      PAIRS,
      "perform pawl.give_back(p_test.assistant_id, p_pair.reserved_on, p_pair.reserved_tokens, p_pair.reserved_usd);",
    ),
    scenario: "aPairIsJudgedOnce",
    fails: /what was counted/,
  },
  {
    name: "handing out holds what is recorded",
    without: TEST,
    spares: [also.lease],
    scenario: "pairsAreAccountedFor",
    fails: /still reserved|23505|23514|40P01/,
  },
  {
    name: "a pair has one number",
    without: cut(PROMPT_TESTS, "  unique (test_id, stage, number),\n"),
    scenario: "aPairHasOneNumber",
    fails: /of 50 at once/,
  },
  {
    name: "primary key of test_usage",
    without: cut(PROMPT_TESTS, ",\n  primary key (assistant_id, day)"),
    scenario: "aDayIsCountedOnce",
    fails: /of 50 at once/,
  },
  {
    name: "a judge's one trial",
    without: cut(PROMPT_TESTS, ",\n  unique (assistant_id, judge_model, rubric_id, judge_revision)"),
    scenario: "aJudgeHasOneTrial",
    fails: /of 50 at once/,
  },

  {
    name: "a judge's trial counts once",
    without: {
      file: PROOF_CLAIM,
      text: "on conflict do nothing;\n  if found then",
      becomes:
        `on conflict (assistant_id, judge_model, rubric_id, judge_revision) do update set passed = excluded.passed;
  if found then`,
    },
    scenario: "aJudgeIsTriedOnce",
    fails: /closed|what came of one trial|ok/,
  },

  // Canary
  {
    name: "a person's turns begin one after the other",
    without: cut(TURN_FUNCTIONS, "perform pg_advisory_xact_lock(hashtextextended('pawl turn ' || v_who.user_id, 0));"),
    scenario: "aCoinIsThrownOnce",
    fails: /the arm of a user/,
  },
  {
    name: "a conversation's one unit",
    without: cut(
      PROMPT_TESTS,
      "create unique index canary_units_session_idx on pawl.canary_units (test_id, session_id) where session_id is not null;",
    ),
    scenario: "aConversationIsOneUnit",
    fails: /of 50 at once/,
  },
  {
    name: "a person's one unit",
    without: cut(
      PROMPT_TESTS,
      "create unique index canary_units_person_idx on pawl.canary_units (test_id, user_id) where session_id is null;",
    ),
    scenario: "aPersonIsOneUnit",
    fails: /of 50 at once/,
  },
  ...[
    { name: "numbering people holds the test", without: TEST, spares: [also.lease] },
    { name: "numbering people holds the lease", without: LEASE, spares: [also.test] },
  ].map((guard): Mutation => ({ ...guard, scenario: "peopleAreNumbered", fails: /numbers of people|40P01/ })),
  ...[
    { name: "recording units locks each", without: UNIT, spares: [also.lease, also.test] },
    { name: "recording units holds the test", without: TEST, spares: [also.lease, also.unit] },
    { name: "recording units holds the lease", without: LEASE, spares: [also.test, also.unit] },
  ].map((guard): Mutation => ({ ...guard, scenario: "aUnitIsObservedOnce", fails: /observations of units|40P01/ })),

  // Forgetting
  {
    name: "whose pairs are under way is forgotten after them",
    without: cut(
      FORGETTING,
      `perform from pawl.prompt_tests t
    where t.id in (
      select u.test_id from pawl.canary_units u where u.user_id = p_user_id
      union all
      select r.test_id from pawl.turns q join pawl.replay_pairs r on r.turn_id = q.id where q.user_id = p_user_id)
    order by t.id for no key update;`,
    ),
    scenario: "forgottenWhileProving",
    fails: /40P01/,
  },
  {
    name: "who is forgotten decides nothing meanwhile",
    without: cut(
      FORGETTING,
      `
       or a.id in (select s.assistant_id from pawl.sessions s where s.user_id = p_user_id)
       or a.organization_id in (select m.organization_id from pawl.organization_members m where m.user_id = p_user_id)
    order by a.id for no key update;`,
      "\n    order by a.id for no key update;",
    ),
    scenario: "forgottenWhileSteering",
    fails: /40P01|23503/,
  },
  {
    name: "whose pairs are under way is swept after them",
    without: cut(
      SESSIONS,
      `perform from pawl.prompt_tests t
    where t.id in (
      select u.test_id from pawl.canary_units u where u.session_id = any (v_old)
      union all
      select r.test_id from pawl.turns q join pawl.replay_pairs r on r.turn_id = q.id where q.session_id = any (v_old))
    order by t.id for no key update;`,
    ),
    scenario: "sweptWhileProving",
    fails: /40P01/,
  },
  {
    name: "drawing pairs holds their conversations",
    without: cut(PAIRS, " for key share skip locked"),
    scenario: "forgottenWhileProving",
    fails: /40P01|23503/,
  },
  {
    name: "drawing pairs waits for no conversation",
    without: { file: PAIRS, text: "for key share skip locked", becomes: "for key share" },
    scenario: "forgottenWhileProving",
    fails: /40P01/,
  },
  {
    name: "an answer goes with its question",
    without: cut(
      PROMPT_TESTS,
      `create trigger drop_answers before update of turn_id on pawl.replay_pairs
  for each row when (new.turn_id is null and old.state = 'answered') execute function pawl.drop_answers();`,
    ),
    scenario: "answersGoWithTheirQuestion",
    fails: /what is left of them/,
  },
];
