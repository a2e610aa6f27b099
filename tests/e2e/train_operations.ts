/** How a model comes about, killed at every step: one version, one webhook, a whole dataset. No model is asked. */
import { type ExpectedStep, FREE, killedElsewhere, LEASE, type Operation } from "./costs.ts";
import * as training from "./train_attempts.ts";

const CLAIM: ExpectedStep = ["retrain-trigger > pawl_claim_training", FREE, LEASE];
const RELEASE: ExpectedStep = ["retrain-trigger > pawl_release_training", LEASE, FREE];
const NOTHING_ELSE: ExpectedStep = ["retrain-trigger > pawl_claim_training", FREE, FREE];
const PAGE: ExpectedStep = ["retrain-trigger > pawl_training_page", LEASE, LEASE];
const LOOK: ExpectedStep = ["retrain-trigger > pawl_drift_look", LEASE, LEASE];
const ROWS: ExpectedStep = ["retrain-trigger > pawl_dataset_page", LEASE, LEASE];
const UPLOAD: ExpectedStep = ["retrain-trigger > storage: upload", LEASE, LEASE];
const SIGN: ExpectedStep = ["retrain-trigger > storage: sign", LEASE, LEASE];

/** A hundred answers and then the rest, each page stored with the asking for the next. */
const COLLECTING: ExpectedStep[] = [PAGE, ...killedElsewhere([PAGE]), PAGE];
const OPENING: ExpectedStep[] = [
  LOOK,
  ["retrain-trigger > pawl_record_drift", LEASE, LEASE],
  ["retrain-trigger > pawl_training_stock", LEASE, LEASE],
  ["retrain-trigger > pawl_open_model_version", LEASE, LEASE],
];
/** Of both splits a file; when they are recorded, what is recorded is read, and the manifest made of it. */
const RECORDING: ExpectedStep[] = [
  ["retrain-trigger > pawl_record_parts", LEASE, LEASE],
  ROWS,
  UPLOAD,
  ["retrain-trigger > pawl_seal_dataset", LEASE, LEASE],
];
const DELIVERING: ExpectedStep[] = [
  ["retrain-trigger > pawl_claim_delivery", LEASE, LEASE],
  // Of each file an address; nothing keeps it.
  SIGN,
  ...killedElsewhere([SIGN, SIGN]),
  ["retrain-trigger > trainer", LEASE, LEASE],
  ["retrain-trigger > pawl_record_delivery", LEASE, LEASE],
];

export const RETRAINING: Operation[] = [
  {
    name: "what people said becomes a dataset, and the trainer is told",
    steps: [
      CLAIM,
      ...COLLECTING,
      ...OPENING,
      ROWS,
      UPLOAD,
      UPLOAD,
      ...RECORDING,
      ...DELIVERING,
      RELEASE,
      NOTHING_ELSE,
    ],
    prepare: async (place) => {
      await training.leaveFeedback(place);
      return training.asScheduledTrainer(place);
    },
  },
  {
    name: "the first dataset has no bucket yet",
    steps: [
      ...killedElsewhere([CLAIM, ...COLLECTING, ...OPENING, ROWS, UPLOAD]),
      ["retrain-trigger > storage: make bucket", LEASE, LEASE],
      ...killedElsewhere([UPLOAD, UPLOAD, ...RECORDING, ...DELIVERING, RELEASE, NOTHING_ELSE]),
    ],
    prepare: async (place) => {
      await training.leaveFeedbackWithoutBucket(place);
      return training.asScheduledTrainer(place);
    },
  },
  {
    name: "a trainer calls back",
    steps: [
      ["retrain-trigger > pawl_training_callback", FREE, FREE],
      ["retrain-trigger > pawl_claim_training", FREE, LEASE],
      ["retrain-trigger > pawl_open_model_test", LEASE, LEASE],
      ["retrain-trigger > pawl_release_training", LEASE, FREE],
    ],
    prepare: async (place) => {
      await training.order(place);
      return await training.asTrainer(place);
    },
  },
  {
    name: "a dataset is made again, and people's feedback is counted",
    steps: [
      // Of both splits; and of the next part, which there is not.
      ["retrain-trigger > pawl_dataset_rows", FREE],
      ...killedElsewhere(Array(2).fill(["retrain-trigger > pawl_dataset_rows"])),
      ["retrain-trigger > pawl_dataset_rows", undefined, FREE],
      ["retrain-trigger > pawl_analyze_feedback", FREE, FREE],
    ],
    prepare: async (place) => {
      await training.order(place);
      return await training.asAuditor(place);
    },
  },
];
