/**
 * The guards against races: each lock, constraint and check, with the scenario that fails without it, and how.
 *
 * `without` takes one out. `spares` are others that would catch the race too, and how. They are taken out first: the
 * scenario must pass on the one guard that is left, and then fail without it.
 */
import { cut, type Edit } from "./ground.ts";
import { OBSERVING } from "./observing_mutations.ts";
import { PROVING } from "./proving_mutations.ts";
import type { ScenarioName } from "./scenarios.ts";
import { TRAINING_MUTATIONS } from "./training_mutations.ts";
import { VERSIONS } from "./version_mutations.ts";

export interface Mutation {
  name: string;
  without: Edit;
  spares?: (Edit & { why: string })[];
  scenario: ScenarioName;
  /** What the failure must say. */
  fails: RegExp;
}

const ASSISTANTS = "20261101000300_assistants.sql";
const PROMPTS = "20261101000400_prompts.sql";
const CONVERSATIONS = "20261101000500_conversations.sql";
const REFLECTIONS = "20261101000700_reflections.sql";
const TURN_FUNCTIONS = "20261101000800_turn_functions.sql";
const TURN_ENDS = "20261101000810_turn_ends.sql";
const FEEDBACK_FUNCTIONS = "20261101000850_feedback_functions.sql";
const FORGETTING = "20261101001320_forgetting.sql";
const LEASES = "20261101000950_leases.sql";
const REFLECTION_FUNCTIONS = "20261101001000_reflection_functions.sql";
const LEASE_HEEDED: Edit = {
  file: LEASES,
  text: "if v_lease.expires_at > now() then",
  becomes: "if false then",
};
const A_PERSONS_LOCK = cut(
  TURN_FUNCTIONS,
  "perform pg_advisory_xact_lock(hashtextextended('pawl turn ' || v_who.user_id, 0));",
);

export const MUTATIONS: Mutation[] = [
  // Reflections
  {
    name: "a claim locks the lease",
    without: cut(LEASES, " for update skip locked"),
    scenario: "oneClaims",
    fails: /claims of one assistant/,
  },
  {
    name: "a claim locks the lease",
    without: cut(LEASES, " for update skip locked"),
    scenario: "oneOfManyCallsJudges",
    fails: /times the judge was asked/,
  },
  {
    name: "a claim heeds the lease",
    without: LEASE_HEEDED,
    scenario: "oneOfManyCallsJudges",
    fails: /times the judge was asked/,
  },
  {
    name: "a claim heeds the lease",
    without: LEASE_HEEDED,
    scenario: "oneClaims",
    fails: /claims of one assistant|while another holds the lease/,
  },
  {
    name: "a record locks the lease",
    without: {
      file: REFLECTION_FUNCTIONS,
      text: "and holder = p_holder and expires_at > now()\n    for update;",
      becomes: "and holder = p_holder and expires_at > now();",
    },
    scenario: "oneIsRecorded",
    fails: /\d+ reflections/,
  },
  {
    name: "a record is its holder's",
    without: cut(REFLECTION_FUNCTIONS, "and holder = p_holder and expires_at > now()"),
    scenario: "oneIsRecorded",
    fails: /nobody else does/,
  },
  {
    name: "a record once more changes nothing",
    without: { file: REFLECTION_FUNCTIONS, text: "if v_reflection_id is not null then", becomes: "if false then" },
    scenario: "oneIsRecorded",
    fails: /\d+ reflections/,
  },
  {
    name: "a judgement leaves an earlier one",
    without: cut(REFLECTION_FUNCTIONS, "on conflict (message_id) do nothing"),
    scenario: "overlappingJudgeOnce",
    fails: /23505/,
  },
  {
    name: "primary key of message_evaluations",
    without: {
      file: REFLECTIONS,
      text: "message_id uuid primary key references",
      becomes: "message_id uuid references",
    },
    scenario: "anAnswerIsJudgedOnce",
    fails: /of 50 at once/,
  },
  {
    name: "primary key of leases",
    without: cut(ASSISTANTS, ",\n  primary key (assistant_id, kind)"),
    scenario: "anAssistantHasOneLease",
    fails: /of 50 at once/,
  },
  {
    name: "one live rubric",
    without: cut(PROMPTS, "create unique index rubrics_active_idx on pawl.rubrics (assistant_id) where is_active;"),
    scenario: "oneRubricIsLive",
    fails: /of 50 at once/,
  },

  ...VERSIONS,

  // Turns
  {
    name: "a person's turns begin one after the other",
    without: A_PERSONS_LOCK,
    scenario: "oneTurnAKey",
    fails: /in_progress/,
  },
  {
    name: "a person's turns begin one after the other",
    without: A_PERSONS_LOCK,
    scenario: "aLimitIsExact",
    fails: /limited/,
  },
  {
    name: "an attempt locks the turn",
    without: {
      file: TURN_FUNCTIONS,
      text: "select * into v_turn from pawl.turns where id = v_key.turn_id for update;",
      becomes: "select * into v_turn from pawl.turns where id = v_key.turn_id;",
    },
    scenario: "lateOrTriedAgain",
    fails: /23514/,
  },
  {
    name: "an answer locks the turn",
    without: {
      file: TURN_ENDS,
      text: "select * into v_turn from pawl.turns where id = p_turn_id for update;",
      becomes: "select * into v_turn from pawl.turns where id = p_turn_id;",
    },
    scenario: "oneAnswerATurn",
    fails: /answers told/,
  },
  {
    name: "an answer is the last attempt's",
    without: {
      file: TURN_ENDS,
      text: "elsif v_turn.attempts is distinct from p_attempt then",
      becomes: "elsif false then",
    },
    scenario: "lateOrTriedAgain",
    fails: /attempt first/,
  },
  {
    name: "a failure locks the turn",
    without: {
      file: TURN_ENDS,
      text: `(status = 'failed' and error_code = 'turn_lost'))
    for update;`,
      becomes: "(status = 'failed' and error_code = 'turn_lost'));",
    },
    scenario: "answeredOrFailed",
    fails: /23514/,
  },
  {
    name: "a turn is served the live version",
    without: {
      file: TURN_FUNCTIONS,
      text: "p where p.assistant_id = v_assistant_id and p.is_active;",
      becomes: "p where p.assistant_id = v_assistant_id order by p.version limit 1;",
    },
    scenario: "answersAreOfALiveVersion",
    fails: /was live/,
  },
  {
    name: "primary key of idempotency_keys",
    without: cut(CONVERSATIONS, ",\n  primary key (user_id, key)"),
    scenario: "aKeyNamesOneTurn",
    fails: /of 50 at once/,
  },
  {
    name: "one turn a message",
    without: {
      file: CONVERSATIONS,
      text: "user_message_id uuid not null unique references",
      becomes: "user_message_id uuid not null references",
    },
    scenario: "aMessageHasOneTurn",
    fails: /of 50 at once/,
  },
  {
    name: "primary key of turn_attempts",
    without: cut(CONVERSATIONS, ",\n  primary key (turn_id, attempt)"),
    scenario: "anAttemptIsBegunOnce",
    fails: /of 50 at once/,
  },

  // Feedback
  {
    name: "feedback takes its answers in one order",
    without: { file: FEEDBACK_FUNCTIONS, text: "order by e.message_id for", becomes: "order by random() for" },
    scenario: "feedbackInAnyOrder",
    fails: /40P01/,
  },
  {
    name: "feedback locks its answers",
    without: cut(FEEDBACK_FUNCTIONS, " for no key update of e"),
    scenario: "feedbackInAnyOrder",
    fails: /40P01|23505/,
  },
  {
    name: "who is forgotten begins no turn meanwhile",
    without: cut(FORGETTING, "perform pg_advisory_xact_lock(hashtextextended('pawl turn ' || p_user_id, 0));"),
    scenario: "forgottenWhileTalking",
    fails: /40P01|23503/,
  },
  {
    name: "whose answers are under way is forgotten after them",
    without: cut(FORGETTING, "perform from pawl.sessions where user_id = p_user_id order by id for update;"),
    scenario: "forgottenWhileTalking",
    fails: /40P01/,
  },
  {
    name: "whose turns are under way is forgotten after them",
    without: cut(FORGETTING, "perform from pawl.turns where user_id = p_user_id order by id for update;"),
    scenario: "forgottenWhileATurnFails",
    fails: /40P01/,
  },
  {
    name: "whose feedback is under way is forgotten after it",
    without: cut(FORGETTING, "perform from pawl.exchanges where user_id = p_user_id order by message_id for update;"),
    scenario: "forgottenWhileTalking",
    fails: /40P01/,
  },
  ...OBSERVING,
  ...PROVING,
  ...TRAINING_MUTATIONS,
];
