/** How a version proves itself, killed at every step: what is stored of a test is never paid for again. */
import { asSchedule } from "./attempts.ts";
import { atOnce, type ExpectedStep, FREE, killedElsewhere, LEASE, lostBatch, type Operation } from "./costs.ts";
import * as proofs from "./proof_attempts.ts";

const CLAIM: ExpectedStep = ["prompt-updater > pawl_claim_proof", FREE, LEASE];
const BEGIN: ExpectedStep = ["prompt-updater > pawl_begin_test", LEASE, LEASE];
const LOOK: ExpectedStep = ["prompt-updater > pawl_proof_look", LEASE, LEASE];
const NOTE: ExpectedStep = ["prompt-updater > pawl_note_ruling", LEASE, LEASE];
const RELEASE: ExpectedStep = ["prompt-updater > pawl_release_proof", LEASE, FREE];
const NOTHING_ELSE: ExpectedStep = ["prompt-updater > pawl_claim_proof", FREE, FREE];
/** What is live is watched before any test is gone on with. */
const NOTHING_WATCHED = NOTHING_ELSE;

/** Twelve attacks, each in both orders, ten pairs a request; then 24 answers, twelve a request. */
const COMPARED = lostBatch("compare", "compare", "compare", "compare");
const TRIED = lostBatch(...COMPARED.again, "evaluate", "evaluate");
const TRIAL: ExpectedStep[] = [
  ...atOnce(4, "prompt-updater > model: compare", LEASE, COMPARED),
  ...atOnce(2, "prompt-updater > model: evaluate", COMPARED, TRIED),
  ["prompt-updater > pawl_record_judge_trial", TRIED, LEASE],
];

/** Of the last pair: the answers are stored before they are compared. */
const BOTH_ANSWERED = lostBatch("chat", "chat");
const BOTH_COMPARED = lostBatch("compare", "compare");
const PAIR: ExpectedStep[] = [
  ["prompt-updater > pawl_next_pairs", LEASE, LEASE],
  ...atOnce(2, "prompt-updater > model: chat", LEASE, BOTH_ANSWERED),
  ["prompt-updater > pawl_record_pairs", BOTH_ANSWERED, LEASE],
  ...atOnce(2, "prompt-updater > model: compare", LEASE, BOTH_COMPARED),
  ["prompt-updater > pawl_record_pairs", BOTH_COMPARED, LEASE],
];

const UNIT_JUDGED = lostBatch("evaluate");
const UNITS: ExpectedStep[] = [
  ["prompt-updater > pawl_next_units", LEASE, LEASE],
  ["prompt-updater > model: evaluate", LEASE, UNIT_JUDGED],
  ["prompt-updater > pawl_record_units", UNIT_JUDGED, LEASE],
];

const DECIDE: ExpectedStep = ["prompt-updater > pawl_decide_test", LEASE, LEASE];
const WATCH: ExpectedStep = ["prompt-updater > pawl_watch_look", LEASE, LEASE];
const END = killedElsewhere([RELEASE, NOTHING_ELSE]);
const END_OF_WATCH = killedElsewhere([RELEASE, NOTHING_WATCHED, NOTHING_ELSE]);

export const PROVING: Operation[] = [
  {
    name: "a judge's trial",
    steps: [NOTHING_WATCHED, CLAIM, BEGIN, ...TRIAL, ...killedElsewhere([LOOK, DECIDE]), ...END],
    prepare: async (place) => {
      await proofs.screen(place, { seen: Array(20).fill(-1), untried: true });
      return proofs.asProver(place);
    },
  },
  {
    name: "the last pair of a screening",
    steps: [
      ...killedElsewhere([NOTHING_WATCHED, CLAIM, BEGIN]),
      LOOK,
      NOTE,
      ...PAIR,
      ...killedElsewhere([LOOK]),
      ["prompt-updater > pawl_begin_proof", LEASE, LEASE],
      RELEASE,
      NOTHING_ELSE,
    ],
    prepare: async (place) => {
      await proofs.screen(place, { seen: Array(19).fill(1), left: 1 });
      return proofs.asProver(place);
    },
  },
  {
    name: "a rejection, and a look at its receipt",
    steps: [
      ...killedElsewhere([NOTHING_WATCHED, CLAIM, BEGIN, LOOK]),
      DECIDE,
      ...END,
      ["prompt-updater > pawl_get_receipt", FREE, FREE],
    ],
    prepare: async (place) => {
      await proofs.screen(place, { seen: Array(20).fill(-1) });
      return proofs.asProver(place, { verifies: true });
    },
  },
  {
    name: "the last pair of a replay, and a promotion",
    steps: [
      ...killedElsewhere([NOTHING_WATCHED, CLAIM, BEGIN, LOOK, NOTE, ...PAIR.slice(0, -1)]),
      ...PAIR.slice(-1),
      ...killedElsewhere([LOOK]),
      DECIDE,
      ...END,
    ],
    prepare: async (place) => {
      await proofs.replay(place, { seen: Array(8).fill(1), left: 1 });
      return proofs.asProver(place);
    },
  },
  {
    name: "a canary's conversations are judged",
    steps: [
      ...killedElsewhere([NOTHING_WATCHED, CLAIM, BEGIN, LOOK, NOTE]),
      ...UNITS,
      ...killedElsewhere([LOOK, NOTE, UNITS[0], LOOK, NOTE, RELEASE, NOTHING_ELSE]),
    ],
    prepare: async (place) => {
      await proofs.canary(place);
      return proofs.asProver(place);
    },
  },
  {
    name: "a version that people like less is taken back",
    steps: [
      ["reflection-loop > pawl_sweep"],
      ["reflection-loop > prompt-updater", FREE, FREE],
      ["prompt-updater > pawl_claim_proof", undefined, LEASE],
      ...killedElsewhere([WATCH]),
      ["prompt-updater > pawl_roll_back", LEASE, LEASE],
      ...END_OF_WATCH,
    ],
    prepare: async (place) => {
      await proofs.fall(place, 210);
      return asSchedule(place, "proof");
    },
    waitsFreely: true,
  },
  {
    name: "of a fall that is not certain a person is told",
    steps: [
      ...killedElsewhere([CLAIM]),
      WATCH,
      ["prompt-updater > pawl_alert_fall", LEASE, LEASE],
      ...END_OF_WATCH,
    ],
    prepare: async (place) => {
      await proofs.fall(place, 50);
      return proofs.asProver(place);
    },
  },
];
