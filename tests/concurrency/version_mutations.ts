/** The guards of versions and of what people decide; as mutations.ts. */
import { cut, type Edit, unlocked } from "./ground.ts";
import type { Mutation } from "./mutations.ts";

const PROMPT_TESTS = "20261101000760_prompt_tests.sql";
const PROMPTS = "20261101000400_prompts.sql";
const REFLECTION_FUNCTIONS = "20261101001000_reflection_functions.sql";
const PROMPT_FUNCTIONS = "20261101001100_prompt_functions.sql";
const STEERING = "20261101001200_steering.sql";
const SETTING_DECISIONS = "20261101001210_setting_decisions.sql";
const SUGGESTION_DECISIONS = "20261101001230_suggestion_decisions.sql";
const SUBMITTERS_LOCK: Edit = {
  file: PROMPT_FUNCTIONS,
  text: `(FOR NO KEY UPDATE: chats that open a session do not.)
  perform from pawl.assistants where id = v_log.assistant_id for no key update;`,
  becomes: "",
};
const BEGINNERS_LOCK: Edit = {
  file: PROMPT_FUNCTIONS,
  text: `no more than max_attempts begin.
  perform from pawl.assistants where id = v_log.assistant_id for no key update;`,
  becomes: "",
};
const BEGINNERS_REFLECTION: Edit = {
  file: PROMPT_FUNCTIONS,
  text: `  select * into v_log from pawl.reflection_logs where id = p_reflection_id for update;
  v_result := pawl.update_result(v_log);
  if v_result is not null then
    return v_result;
  end if;
  select * into v_prompt`,
  becomes: `  select * into v_log from pawl.reflection_logs where id = p_reflection_id;
  v_result := pawl.update_result(v_log);
  if v_result is not null then
    return v_result;
  end if;
  select * into v_prompt`,
};
const PEOPLES_LOCK: Edit = {
  file: STEERING,
  text: "perform from pawl.assistants where id = s.assistant_id for no key update;",
  becomes: "perform from pawl.assistants where id = s.assistant_id;",
};
const SETTINGS_LOCK: Edit = {
  file: SETTING_DECISIONS,
  text: "from pawl.loop_settings where assistant_id = s.assistant_id for update;",
  becomes: "from pawl.loop_settings where assistant_id = s.assistant_id;",
};
const ONE_LIVE = cut(
  PROMPTS,
  "create unique index system_prompts_active_idx on pawl.system_prompts (assistant_id) where is_active;",
);
const ONE_IN_TEST = cut(
  PROMPTS,
  `create unique index system_prompts_in_test_idx on pawl.system_prompts (assistant_id)
  where state in ('screening', 'proving');`,
);
const ONE_TEST = cut(
  PROMPT_TESTS,
  `create unique index prompt_tests_running_idx on pawl.prompt_tests (assistant_id)
  where state in ('screening', 'proving');`,
);
const NUMBERED_ONCE: Edit = {
  file: PROMPTS,
  text: "  unique (assistant_id, version),\n  constraint placebo_never_goes_live",
  becomes: "  constraint placebo_never_goes_live",
};

export const VERSIONS: Mutation[] = [
  // Versions
  {
    name: "who submits locks the assistant",
    without: SUBMITTERS_LOCK,
    scenario: "oneVersionAParent",
    fails: /23505|in_proof/,
  },
  {
    name: "who submits locks the assistant",
    without: SUBMITTERS_LOCK,
    spares: [
      { ...ONE_IN_TEST, why: "a second version in test is refused, with an error" },
      { ...ONE_TEST, why: "so is a second test" },
      { ...NUMBERED_ONCE, why: "and a second version of the same number" },
    ],
    scenario: "oneVersionAParent",
    fails: /in_proof/,
  },
  {
    name: "versions of several assistants at once",
    without: SUBMITTERS_LOCK,
    scenario: "assistantsAreIndependent",
    fails: /23505|in_proof/,
  },
  {
    name: "who submits locks the reflection",
    without: {
      file: PROMPT_FUNCTIONS,
      text: `-- And whoever gives this update up waits for this row, or is waited for.
  select * into v_log from pawl.reflection_logs where id = p_reflection_id for update;`,
      becomes: "select * into v_log from pawl.reflection_logs where id = p_reflection_id;",
    },
    scenario: "submittedOrGivenUp",
    fails: /both won, or neither/,
  },
  {
    name: "who gives up locks the reflection",
    without: {
      file: PROMPT_FUNCTIONS,
      text: `  v_suggestion_id uuid;
begin
  select * into v_log from pawl.reflection_logs where id = p_reflection_id for update;`,
      becomes: `  v_suggestion_id uuid;
begin
  select * into v_log from pawl.reflection_logs where id = p_reflection_id;`,
    },
    scenario: "submittedOrGivenUp",
    fails: /both won, or neither/,
  },
  {
    name: "who begins locks the reflection",
    without: BEGINNERS_REFLECTION,
    spares: [{ ...BEGINNERS_LOCK, why: "who begins holds the assistant too" }],
    scenario: "fiveAttemptsAtMost",
    fails: /refused/,
  },
  {
    name: "who begins locks the assistant",
    without: BEGINNERS_LOCK,
    spares: [{ ...BEGINNERS_REFLECTION, why: "who begins holds the reflection too" }],
    scenario: "fiveAttemptsAtMost",
    fails: /refused/,
  },
  {
    name: "who begins locks the assistant",
    without: BEGINNERS_LOCK,
    scenario: "onePlaceboAtATime",
    fails: /23505|in_proof/,
  },
  {
    name: "a reflection's update is made once",
    without: {
      file: PROMPT_FUNCTIONS,
      text: `  v_result := pawl.update_result(v_log);
  if v_result is not null then
    return v_result;
  end if;
  select * into v_parent`,
      becomes: "  select * into v_parent",
    },
    scenario: "oneVersionAReflection",
    fails: /submitted 2/,
  },
  {
    name: "the parent must be live",
    without: cut(PROMPT_FUNCTIONS, " or not v_parent.is_active"),
    scenario: "theParentIsLive",
    fails: /submitted|superseded|who comes later|not live/,
  },
  {
    name: "going live ends the test",
    without: cut(
      PROMPT_FUNCTIONS,
      `    perform pawl.close_test(
      v_prompt.assistant_id, case when v_candidate_id = p_prompt_id then 'forced' else 'baseline_changed' end,
      p_by_person);`,
      "    null;",
    ),
    scenario: "theParentIsLive",
    fails: /not live/,
  },
  {
    name: "what is in test is asked",
    without: {
      file: REFLECTION_FUNCTIONS,
      text: `where t.assistant_id = s.assistant_id and t.state in ('screening', 'proving'))
      then 'in_proof'`,
      becomes: "where false) then 'in_proof'",
    },
    scenario: "oneVersionAParent",
    fails: /23505/,
  },
  {
    name: "a pause is asked",
    without: {
      file: REFLECTION_FUNCTIONS,
      text: "when pawl.is_paused(s) then 'paused'",
      becomes: "when false then ''",
    },
    scenario: "everyActionAtOnce",
    fails: /against what people decided/,
  },
  {
    name: "a lock is asked",
    without: { file: REFLECTION_FUNCTIONS, text: "and p.is_active and p.locked)\n", becomes: "and false)\n" },
    scenario: "everyActionAtOnce",
    fails: /against what people decided/,
  },
  {
    name: "the protected clauses are asked",
    without: {
      file: PROMPT_FUNCTIONS,
      text: `if v_clauses <> '{}' then
    return jsonb_build_object('outcome', 'clauses_missing', 'clauses', v_clauses);
  elsif `,
      becomes: "if ",
    },
    scenario: "everyActionAtOnce",
    fails: /against what people decided/,
  },
  {
    name: "the cooldown is asked",
    without: {
      file: REFLECTION_FUNCTIONS,
      text: "when p_paced and pawl.cooldown_until(s) is not null then 'cooldown'",
      becomes: "when false then 'cooldown'",
    },
    scenario: "theCooldownHolds",
    fails: /versions within a cooldown/,
  },
  {
    name: "the daily cap is asked",
    without: { file: REFLECTION_FUNCTIONS, text: "when p_paced and s.max_updates_per_day <= ", becomes: "when 0 > " },
    scenario: "theDailyCapHolds",
    fails: /at most 3 a day/,
  },
  {
    name: "one live version",
    without: ONE_LIVE,
    scenario: "oneVersionIsLive",
    fails: /of 50 at once/,
  },
  {
    name: "one version in test",
    without: ONE_IN_TEST,
    scenario: "oneVersionIsInTest",
    fails: /of 50 at once/,
  },
  {
    name: "a version number once",
    without: NUMBERED_ONCE,
    scenario: "aVersionHasOneText",
    fails: /of 50 at once/,
  },
  {
    name: "a version a reflection",
    without: { file: PROMPTS, text: "reflection_log_id uuid unique,", becomes: "reflection_log_id uuid," },
    scenario: "aReflectionMakesOneVersion",
    fails: /of 50 at once/,
  },

  // People
  {
    name: "people lock the assistant",
    without: PEOPLES_LOCK,
    scenario: "everyActionAtOnce",
    fails: /23505|23001|40P01|which was|live versions|skips a version/,
  },
  {
    name: "people lock the assistant",
    without: PEOPLES_LOCK,
    spares: [
      { ...ONE_LIVE, why: "a second live version is refused, with an error" },
      { ...NUMBERED_ONCE, why: "so is a second version of the same number" },
      { ...ONE_IN_TEST, why: "and a second version in test" },
      { ...ONE_TEST, why: "and a second test" },
    ],
    scenario: "everyActionAtOnce",
    fails: /live versions|which was|skips a version|23001|40P01/,
  },
  {
    name: "who submits waits for people",
    without: SUBMITTERS_LOCK,
    scenario: "everyActionAtOnce",
    fails: /23505|40P01|which was|against what people decided|skips a version/,
  },
  {
    name: "approving locks the suggestion",
    without: unlocked(
      SUGGESTION_DECISIONS,
      "v_suggestion from pawl.suggestions where id = p_suggestion_id",
      "\n  if not found then\n    return jsonb_build_object('outcome', 'suggestion_not_found'); -- deleted while this waited\n  end if;",
    ),
    spares: [{ ...PEOPLES_LOCK, why: "whoever reviews holds the assistant too" }],
    scenario: "oneVerdict",
    fails: /both verdicts stand|verdicts: |40P01/,
  },
  {
    name: "rejecting locks the suggestion",
    without: unlocked(
      SUGGESTION_DECISIONS,
      "v_suggestion from pawl.suggestions where id = p_suggestion_id",
      "\n  if not found then\n    return jsonb_build_object('outcome', 'suggestion_not_found'); -- deleted while this waited\n  elsif",
    ),
    spares: [{ ...PEOPLES_LOCK, why: "whoever reviews holds the assistant too" }],
    scenario: "oneVerdict",
    fails: /both verdicts stand|verdicts: |40P01/,
  },
  {
    name: "people lock the assistant",
    without: PEOPLES_LOCK,
    spares: [{ ...SETTINGS_LOCK, why: "the settings are locked by themselves, for who writes to the table" }],
    scenario: "everySettingAtOnce",
    fails: /which was/,
  },
  {
    name: "changing settings locks them",
    without: SETTINGS_LOCK,
    scenario: "noSettingIsLost",
    fails: /a clause is lost/,
  },
];
