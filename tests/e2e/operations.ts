/**
 * What kill.test.ts kills in the middle of: each operation with its steps, written by hand, and with what a kill before
 * and after each of them costs. Whatever the cost, what is stored in the end is what it would be without the kill.
 */
import assert from "node:assert/strict";
import { type Way, WAYS } from "./asking.ts";
import * as attempts from "./attempts.ts";
import * as proofs from "./proof_attempts.ts";
import {
  ANSWERED_AGAIN,
  BOTH_WRITTEN_AGAIN,
  type ExpectedStep,
  FREE,
  JUDGED_AGAIN,
  killedElsewhere,
  LEASE,
  type Operation,
  PHRASED_AGAIN,
  TURN,
  WRITING,
  WRITTEN_AGAIN,
} from "./costs.ts";
import { PROVING } from "./proof_operations.ts";
import { RETRAINING } from "./train_operations.ts";

const ANSWERING: ExpectedStep[] = [
  ["chat-handler > pawl_begin_turn", FREE, TURN],
  ["chat-handler > pawl_serving_context", TURN, TURN],
  ["chat-handler > model: chat", TURN, ANSWERED_AGAIN],
  ["chat-handler > pawl_complete_turn", ANSWERED_AGAIN, FREE],
];

const CLAIM: ExpectedStep = ["reflection-loop > pawl_claim_reflection", FREE, LEASE];

const JUDGING: ExpectedStep[] = [
  ["reflection-loop > model: evaluate", LEASE, JUDGED_AGAIN],
  ["reflection-loop > pawl_record_usage", JUDGED_AGAIN, JUDGED_AGAIN],
  ["reflection-loop > pawl_record_reflection", JUDGED_AGAIN, LEASE],
];

const WRITE: ExpectedStep[] = [
  ["reflection-loop > prompt-updater", LEASE, LEASE],
  ["prompt-updater > pawl_begin_update", FREE, WRITING],
  ["prompt-updater > model: rewrite", WRITING, WRITTEN_AGAIN],
  ["prompt-updater > pawl_record_usage", WRITTEN_AGAIN, WRITTEN_AGAIN],
];

const SUBMIT: ExpectedStep = ["prompt-updater > pawl_submit_prompt", WRITTEN_AGAIN, FREE];

/** The writer has two tries, and the first counts for nothing without the second. */
const REFUSING: ExpectedStep[] = [
  ["prompt-updater > model: rewrite", WRITTEN_AGAIN, BOTH_WRITTEN_AGAIN],
  ["prompt-updater > pawl_record_usage", BOTH_WRITTEN_AGAIN, BOTH_WRITTEN_AGAIN],
  ["prompt-updater > pawl_refuse_update", BOTH_WRITTEN_AGAIN, FREE],
];

/** The lease is given back, nothing else is found to do, and what is old is swept. */
const NOTHING_TO_DO: ExpectedStep[] = [
  ["reflection-loop > pawl_claim_reflection", FREE, FREE],
  ["reflection-loop > pawl_sweep", FREE, FREE],
];
const END: ExpectedStep[] = [["reflection-loop > pawl_release_reflection", LEASE, FREE], ...NOTHING_TO_DO];

/** Nobody else has anything to learn then, and what is old is swept. */
const LEARNT: ExpectedStep[] = [
  ["reflection-loop > pawl_claim_learning", FREE, FREE],
  ["reflection-loop > pawl_sweep", FREE, FREE],
];
/** What waits is settled, a page at a time, until nothing waits. */
const LEARNING: ExpectedStep[] = [
  ["reflection-loop > pawl_claim_learning", FREE, LEASE],
  ["reflection-loop > pawl_settle", LEASE, LEASE],
  ["reflection-loop > pawl_settle", LEASE, LEASE],
  ["reflection-loop > pawl_learning_look", LEASE, LEASE],
];

/** Makes no score call for a new prompt. */
const CONTENT = { auto_update_threshold: 1 };

export const OPERATIONS: Operation[] = [
  ...WAYS.flatMap(turns),
  {
    name: "a backend's own model answers",
    steps: [["chat-handler > pawl_prepare_turn", FREE, TURN], ["chat-handler > pawl_complete_turn", FREE, FREE]],
    prepare: (place) => attempts.asBackend(place, { fails: false }),
    ownCalls: 1,
  },
  {
    name: "a backend's own model fails",
    steps: [["chat-handler > pawl_prepare_turn", FREE, TURN], ["chat-handler > pawl_fail_turn", FREE, FREE]],
    prepare: (place) => attempts.asBackend(place, { fails: true }),
    ownCalls: 2,
  },
  {
    name: "people react",
    // However many they are, in one call.
    steps: [["feedback-collector > pawl_collect_feedback", FREE, FREE]],
    prepare: attempts.asReader,
  },
  {
    name: "a reflection with a new prompt",
    steps: [CLAIM, ...JUDGING, ...WRITE, SUBMIT, ...END],
    prepare: async (place) => {
      await attempts.converse(place);
      return attempts.asSchedule(place);
    },
  },
  {
    name: "a reflection with a suggestion",
    // What it finds makes no difference before it is stored.
    steps: [...killedElsewhere([CLAIM, ...JUDGING.slice(0, -1)]), ...JUDGING.slice(-1), ...killedElsewhere(END)],
    prepare: async (place) => {
      await attempts.converse(place, CONTENT);
      return attempts.asSchedule(place);
    },
  },
  {
    name: "an update that was owed",
    // Of a claim that died the next one is offered the same; the rest is the same as after a reflection.
    steps: [CLAIM, ...killedElsewhere(WRITE), SUBMIT, ...killedElsewhere(END)],
    prepare: async (place) => {
      await attempts.oweUpdate(place);
      return attempts.asSchedule(place);
    },
  },
  {
    name: "an update that no guard lets through",
    steps: [...killedElsewhere([CLAIM, ...WRITE]), ...REFUSING, ...killedElsewhere(END)],
    prepare: async (place) => {
      // So short that no better one may be long enough.
      await attempts.makeLive(place, "Answer.");
      await attempts.oweUpdate(place);
      return attempts.asSchedule(place);
    },
  },
  {
    name: "learning something new",
    steps: [
      ...LEARNING,
      ["reflection-loop > pawl_pattern_examples", LEASE, LEASE],
      ["reflection-loop > model: phrase", LEASE, PHRASED_AGAIN],
      ["reflection-loop > pawl_record_usage", PHRASED_AGAIN, PHRASED_AGAIN],
      ["reflection-loop > pawl_record_learning", PHRASED_AGAIN, FREE],
      ...LEARNT,
    ],
    prepare: async (place) => {
      await attempts.leaveLessons(place);
      return attempts.asSchedule(place, "learning");
    },
  },
  {
    name: "sweeping",
    steps: NOTHING_TO_DO,
    prepare: async (place) => {
      await attempts.leaveThingsToSweep(place);
      return attempts.asSchedule(place);
    },
  },
  {
    name: "a reflection whose new prompt waits for a person",
    steps: [...killedElsewhere([CLAIM, ...JUDGING, ...WRITE]), SUBMIT, ...killedElsewhere(END)],
    prepare: async (place) => {
      await attempts.converse(place, { approval_required: true });
      return attempts.asSchedule(place);
    },
  },
  command("pawl_rollback_prompt", { action: "rollback", version: 1, reason: "It was better." }, async (place) => {
    await attempts.makeLive(place, "Answer at length.");
  }),
  command("pawl_activate_prompt", { action: "activate", version: 1 }, async (place) => {
    await attempts.makeLive(place, "Answer at length.");
  }),
  command("pawl_write_prompt", { action: "write", content: "Answer at length.", activate: true }),
  command("pawl_lock_prompt", { action: "lock" }),
  command("pawl_protect_clauses", { action: "protect", clauses: ["Be kind."] }),
  command("pawl_pause_updates", { action: "pause", until: "2200-01-01T00:00:00Z" }),
  command("pawl_resume_updates", { action: "resume" }, attempts.pause),
  command("pawl_require_approval", { action: "require_approval" }),
  command("pawl_approve_suggestion", { action: "approve" }, attempts.propose),
  command("pawl_reject_suggestion", { action: "reject" }, attempts.propose),
  command("pawl_approve_version", { action: "approve", version: 2 }, proofs.waitForApproval),
  command("pawl_reject_version", { action: "reject", version: 2 }, proofs.screen),
  command("pawl_force_version", { action: "force", version: 2 }, proofs.screen),
  command("pawl_test_version", { action: "test", version: 2 }, proofs.draft),
  command("pawl_revert_pattern", { action: "revert_pattern" }, attempts.learn),
  ...PROVING,
  ...RETRAINING,
];

/** A turn that ends well, and one whose first answer is a refusal: asked again, the model answers. */
function turns(way: Way): Operation[] {
  // Whose first reply is a refusal needs a second one in any case, and has it when the first one died.
  const [begin, context] = ANSWERING;
  const failing: ExpectedStep[] = [
    begin,
    context,
    ["chat-handler > model: chat", TURN, TURN],
    ["chat-handler > pawl_fail_turn", TURN, FREE],
  ];
  const swept = way === "stream" ? true : undefined;
  return [
    { name: `a turn, ${way}`, steps: ANSWERING, prepare: (place) => attempts.asPerson(place, way), swept },
    {
      name: `a turn that fails, ${way}`,
      steps: failing,
      prepare: (place) => attempts.asPerson(place, way, "refusal"),
      swept,
    },
  ];
}

/**
 * What a person has prompt-updater do is one call of the database, and all of it or nothing. `arrange` makes what it is
 * about, and returns what only then is known of the body.
 */
function command(
  rpc: string,
  body: Record<string, unknown>,
  arrange: (place: attempts.Place) => Promise<Record<string, unknown> | void> = async () => {},
): Operation {
  return {
    name: `${body.action}`,
    steps: [[`prompt-updater > ${rpc}`, FREE, FREE]],
    prepare: async (place) => {
      return attempts.asAdministrator(place, { ...body, ...await arrange(place) });
    },
  };
}

/** Applications and owners call these themselves: there is no process of Pawl's between that could be killed. */
const CALLED_DIRECTLY = [
  "pawl_forget_user",
  ...["pawl_delete_session", "pawl_get_session", "pawl_list_sessions", "pawl_rename_session"],
  ...["pawl_status", "pawl_list_versions", "pawl_get_version", "pawl_list_suggestions", "pawl_list_events"],
  ...["pawl_list_patterns", "pawl_list_queue", "pawl_list_receipts"],
  ...["pawl_list_models", "pawl_list_drift", "pawl_list_runs"],
];

/**
 * Called only at the end of a run of more answers than one call settles, or of one that failed: whether it is carried out
 * makes the same difference as whether the process lives on, which the others show.
 */
const SELDOM = ["pawl_release_learning"];

/** What a function did, stored after its answer: no step of anything. kill.test.ts kills there in a case of its own. */
const RECORDS = ["pawl_record_run"];

/**
 * That each function of the database that Pawl calls is called in some operation, and that at each call that is made in
 * any somebody is killed, before and after it, in one.
 */
export function assertAllCovered(functions: string[]): void {
  const steps = OPERATIONS.flatMap(({ steps }) => steps);
  const known = [...steps.map(([call]) => call.split(" > ")[1]), ...CALLED_DIRECTLY, ...SELDOM, ...RECORDS];
  const uncovered = functions.filter((name) => !known.includes(name));
  assert.deepEqual(uncovered, [], "no operation calls these: add one that does, so that it is killed there");
  const calls = [...new Set(steps.map(([call]) => call))];
  const spared = calls.filter((call) => {
    const its = steps.filter(([name]) => name === call);
    return !its.some(([, before]) => before) || !its.some(([, , after]) => after);
  });
  assert.deepEqual(spared, [], "no operation kills at these");
}
