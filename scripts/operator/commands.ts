/** Every command: how it is called, what it is for, what carries it out. */
import type { Usage } from "./arguments.ts";
import {
  activate,
  approval,
  approve,
  force,
  lock,
  pause,
  protect,
  reject,
  resume,
  revertPattern,
  rollback,
  test,
  unlock,
  write,
} from "./decisions.ts";
import type { Scene } from "./scene.ts";
import { diff, logs, patterns, show, status, suggestions, versions } from "./looks.ts";
import type { Paper } from "./paper.ts";
import { queue, receipt, receipts } from "./proof_looks.ts";
import { retrain, verifyDataset } from "./training_calls.ts";
import { analyze, drift, models, runs } from "./training_looks.ts";

export interface Shown {
  /** For --json. */
  json: string;
  page: (paper: Paper) => string;
}

export interface Command extends Usage {
  summary: string;
  details: string;
  /** Seconds that its answer may take, where that is longer than usual. */
  patience?: number;
  run: (scene: Scene) => Promise<Shown>;
}

const WHERE = ["assistant", "organization"];
const DECIDING = [...WHERE, "reason"];
/** What a function does in one call ends before that. */
const LONG = 150;

export const COMMANDS: Command[] = [
  {
    name: "status",
    arguments: "",
    takes: [0, 0],
    options: WHERE,
    summary: "what is live, whether the loop may change it, what waits for you",
    details: "Of every assistant that the key may see, or of the one named.",
    run: status,
  },
  {
    name: "versions",
    arguments: "",
    takes: [0, 0],
    options: [...WHERE, "limit"],
    summary: "the prompt versions, newest first",
    details: "The newest 20, or --limit. The score is the mean of the answers that were judged, 1 to 5.",
    run: versions,
  },
  {
    name: "show",
    arguments: "[VERSION]",
    takes: [0, 1],
    options: WHERE,
    summary: "the text of a version; without one, of the live one",
    details: "What is not a terminal gets the text alone, exactly as it is stored: pawl show 2 > prompt.txt",
    run: show,
  },
  {
    name: "diff",
    arguments: "[A] [B]",
    takes: [0, 2],
    options: WHERE,
    summary: "what changed from version A to B",
    details:
      "Without B: from A to the live one, or from the live one to A where A is newer. Without both: from the one\n" +
      "before it to the live one. `live` names it. Sentence by sentence; on a terminal the words that differ are marked.",
    run: diff,
  },
  {
    name: "suggestions",
    arguments: "",
    takes: [0, 0],
    options: [...WHERE, "all", "limit"],
    summary: "what waits for your approval",
    details: "The newest 20, or --limit. Each begins with its id, for approve and reject.",
    run: suggestions,
  },
  {
    name: "patterns",
    arguments: "",
    takes: [0, 0],
    options: [...WHERE, "state", "limit"],
    summary: "what was learned from people's reactions, and what the last run said",
    details:
      "The newest 20, or --limit. Influence is the share of the answers a pattern applies to that it is shown with,\n" +
      "confidence the probability that it helps. Each begins with its id, for revert-pattern.",
    run: patterns,
  },
  {
    name: "queue",
    arguments: "",
    takes: [0, 0],
    options: WHERE,
    summary: "versions that have to prove themselves: what changed, evidence so far, what holds them up",
    details:
      "A section each, with the difference to the live version. Below: what the year's promotions may be wrong by and\n" +
      "what of it is spent, and how placebos fared.",
    run: queue,
  },
  {
    name: "receipts",
    arguments: "",
    takes: [0, 0],
    options: [...WHERE, "limit"],
    summary: "what was promoted, rejected and rolled back by proof",
    details: "Newest first: the newest 20, or --limit. Each begins with its id, for receipt.",
    run: receipts,
  },
  {
    name: "receipt",
    arguments: "show|verify ID",
    takes: [2, 2],
    options: WHERE,
    summary: "what a decision rests on; verify decides it once more from its observations",
    details:
      "verify ends with 0 where the same decision comes of the same observations, and with 1 where it does not. The\n" +
      "beginning of an id is enough.",
    run: receipt,
  },
  {
    name: "models",
    arguments: "",
    takes: [0, 0],
    options: [...WHERE, "limit"],
    summary: "the models that were tuned, or are being: where each stands, and why",
    details: "Newest first: the newest 20, or --limit, up to 100. Metrics are its trainer's word; its test is Pawl's.",
    run: models,
  },
  {
    name: "drift",
    arguments: "",
    takes: [0, 0],
    options: [...WHERE, "limit"],
    summary: "whether people, or the judge, see the answers otherwise than before",
    details:
      "Newest first: the newest 20, or --limit, up to 100. Drift is the population stability index less what chance\n" +
      "makes of it; an alert wants that much, and a chance under 1 %.",
    run: drift,
  },
  {
    name: "analyze",
    arguments: "",
    takes: [0, 0],
    options: [...WHERE, "days"],
    summary: "what feedback says: how good answers were, and which kinds of questions do badly",
    details: "Of what was collected as training data, 0 (disliked) to 1 (liked).",
    run: analyze,
  },
  {
    name: "runs",
    arguments: "",
    takes: [0, 0],
    options: [...WHERE, "function", "status", "limit", "since"],
    summary: "what the functions did: how long it took, which step failed",
    details: "Newest first: the newest 20, or --limit, or all --since a time. They are kept for 30 days.",
    run: runs,
  },
  {
    name: "logs",
    arguments: "",
    takes: [0, 0],
    options: [...WHERE, "limit", "since"],
    summary: "what happened: changes, by whom and why, and reflections",
    details: "Newest first: the newest 20, or --limit, or all --since a time. #7 is a row of the audit log.",
    run: logs,
  },
  {
    name: "approve",
    arguments: "VERSION|ID",
    takes: [1, 1],
    options: [...DECIDING, "yes"],
    summary: "lets a version in test go live once it has proved itself; or approves a suggestion",
    details:
      "A number of up to three digits, or v and a number, is a version; else it is the beginning of a suggestion's id.\n" +
      "A suggestion that holds no version yet has the loop write one.",
    run: approve,
  },
  {
    name: "reject",
    arguments: "VERSION|ID",
    takes: [1, 1],
    options: DECIDING,
    summary: "ends a version's test, or rejects a suggestion",
    details:
      "A number of up to three digits, or v and a number, is a version; else it is the beginning of a suggestion's id.",
    run: reject,
  },
  {
    name: "force",
    arguments: "VERSION",
    takes: [1, 1],
    options: [...DECIDING, "yes"],
    summary: "makes a version live that has not proved itself; --reason is wanted",
    details:
      "Recorded as forced, and never counted as proved. In force at the next message. People's votes are watched\n" +
      "all the same: it comes back by itself when they fall.",
    run: force,
  },
  {
    name: "test",
    arguments: "[VERSION]",
    takes: [0, 1],
    options: [...DECIDING, "placebo"],
    summary: "has a version prove itself: a draft, or one that was rejected or rolled back",
    details:
      "With --placebo instead of a version: the text that is live once more, as a check of the tests themselves. One\n" +
      "version is in test at a time. The schedule carries it on.",
    run: test,
  },
  {
    name: "revert-pattern",
    arguments: "ID",
    takes: [1, 1],
    options: [...DECIDING, "yes"],
    summary: "takes a learned pattern back, for good",
    details:
      "No answer is shown it from now on. The same is not tried again for 90 days. The beginning of an id is enough.",
    run: revertPattern,
  },
  {
    name: "rollback",
    arguments: "[VERSION]",
    takes: [0, 1],
    options: [...DECIDING, "yes"],
    summary: "takes the live version back",
    details:
      "To the version named; without one, to the one that it took over from. In force at the next message. The\n" +
      "loop changes nothing until the cooldown has passed.",
    run: rollback,
  },
  {
    name: "activate",
    arguments: "VERSION",
    takes: [1, 1],
    options: [...DECIDING, "yes"],
    summary: "makes a version live",
    details:
      "An older one, or one that a person wrote. One that the loop wrote has to prove itself: see test and force. In\n" +
      "force at the next message.",
    run: activate,
  },
  {
    name: "write",
    arguments: "FILE|-",
    takes: [1, 1],
    options: [...DECIDING, "activate", "yes"],
    summary: "adds a version of your own; live only with --activate",
    details: "From a file, or - for standard input. White space at the end is left out.",
    run: write,
  },
  {
    name: "lock",
    arguments: "[VERSION]",
    takes: [0, 1],
    options: DECIDING,
    summary: "while a locked version is live, the loop does not replace it",
    details: "Without a number: the live one.",
    run: lock,
  },
  {
    name: "unlock",
    arguments: "[VERSION]",
    takes: [0, 1],
    options: DECIDING,
    summary: "lets the loop replace it again",
    details: "Without a number: the live one.",
    run: unlock,
  },
  {
    name: "protect",
    arguments: "FILE|-",
    takes: [0, 1],
    options: [...DECIDING, "clear"],
    summary: "sets the clauses that every later version must hold word for word",
    details: "A clause a line of a file, or of standard input (-). They take the place of those there were; --clear\n" +
      "protects nothing any more.",
    run: protect,
  },
  {
    name: "pause",
    arguments: "",
    takes: [0, 0],
    options: [...DECIDING, "until", "for"],
    summary: "stops judging and automatic updates",
    details: "Until resume, or until a time. People can still change what is live.",
    run: pause,
  },
  {
    name: "resume",
    arguments: "",
    takes: [0, 0],
    options: DECIDING,
    summary: "ends a pause",
    details: "",
    run: resume,
  },
  {
    name: "approval",
    arguments: "on|off",
    takes: [1, 1],
    options: DECIDING,
    summary: "on: nothing the loop writes is shown to people or goes live without a person",
    details: "What it writes becomes a suggestion, and is screened meanwhile.",
    run: approval,
  },
  {
    name: "retrain",
    arguments: "",
    takes: [0, 0],
    options: [...WHERE, "force"],
    summary: "collects feedback, looks for drift and has a model tuned if one is due",
    details:
      "What the schedule does, now. One call takes up to 140 s, and says where there is more to do. It goes through all\n" +
      "assistants, or through those named. Ends with 1 where something failed for one of them.",
    patience: LONG,
    run: retrain,
  },
  {
    name: "dataset",
    arguments: "verify VERSION",
    takes: [2, 2],
    options: WHERE,
    summary: "makes a model's dataset again from the database and compares",
    details:
      "VERSION is a model's, as v2. Ends with 0 where each part comes out with the SHA-256 that it had, and with 1 where\n" +
      "one does not: rows are gone with the people they were of, or were changed.",
    patience: LONG,
    run: verifyDataset,
  },
];
