/** `scripts/demo`: reads the arguments, runs the demo, shows its report and writes it, as data and as a page. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Conversation, readConversations } from "./conversations.ts";
import { type DemoOptions, EARLIER_DAYS, PROOF, runDemo, SETTINGS } from "./demo.ts";
import { learnedLines, promptDifference, testLines, versionTable } from "./demo_page.ts";
import { HURRIED } from "./learning/run.ts";
import { missingOf as missingOfProof } from "./proof/missing.ts";
import { STAGED } from "./proof/run.ts";
import type { DemoReport, LearningReport, ProofReport } from "./report/data.ts";
import { driftOf, gainOf, LEAST_GAIN, missingOf } from "./report/scores.ts";
import { renderReport } from "./report_page.ts";

const DEFAULT_LIMIT = 30;
const DONE = 0;
const NOT_IMPROVED = 1;
const FAILED = 1;
const MISUSED = 2;
const INTERRUPTED = 130;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const options = optionsFrom(args);
  if (typeof options === "number") return options;
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => Deno.exit(INTERRUPTED));
  announce(options);
  try {
    const report = await runDemo(options);
    show(report, writeReport(report));
    return verdict(report, options);
  } catch (error) {
    console.error(`demo: ${error instanceof Error ? error.message : error}`);
    return FAILED;
  }
}

/** The options, or the exit code of a misuse that has been explained. */
function optionsFrom(args: string[]): DemoOptions | number {
  const read = readArguments(args);
  if (typeof read === "string") return misuse(read);
  const { conversations: file, limit = String(DEFAULT_LIMIT), pause = false, rewriter } = read;
  const { "no-learning": noLearning = false, "no-proof": noProof = false } = read;
  if (!/^[1-9]\d*$/u.test(limit)) return misuse(`--limit wants a whole number above 0, not "${limit}"`);
  if (rewriter !== undefined && rewriter !== "helpful" && rewriter !== "useless") {
    return misuse(`--rewriter is helpful or useless, not "${rewriter}"`);
  }
  const apiKey = Deno.env.get("ANTHROPIC_API_KEY") || undefined;
  if (apiKey && rewriter) return misuse("--rewriter is for the simulated model; unset ANTHROPIC_API_KEY to use it");
  const conversations = file ? conversationsFrom(file, Number(limit)) : sampleConversations();
  if (typeof conversations === "string") return misuse(conversations);
  const model = apiKey ? { apiKey, baseUrl: Deno.env.get("ANTHROPIC_BASE_URL") || undefined } : {};
  const simulatedPeople = !apiKey && !pause && rewriter !== "useless";
  const [learning, proof] = [simulatedPeople && !noLearning, simulatedPeople && !noProof];
  return { conversations, paused: pause, rewriter, learning, proof, model, log: console.log };
}

function readArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        conversations: { type: "string" },
        limit: { type: "string" },
        pause: { type: "boolean" },
        rewriter: { type: "string" },
        "no-learning": { type: "boolean" },
        "no-proof": { type: "boolean" },
      },
    }).values;
  } catch (error) {
    return (error as Error).message;
  }
}

function misuse(message: string): number {
  console.error(`demo: ${message}`);
  return MISUSED;
}

function sampleConversations(): Conversation[] {
  const file = new URL("questions.jsonl", import.meta.url);
  return readConversations(readFileSync(file, "utf8")).conversations;
}

function conversationsFrom(file: string, limit: number): Conversation[] | string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return `${file} could not be read: ${(error as Error).message}`;
  }
  const { conversations, notes } = readConversations(text, limit);
  notes.forEach((note) => console.error(`${file}: ${note}`));
  return conversations.length > 0 ? conversations : `${file} holds no usable conversation`;
}

function announce({ conversations, paused, rewriter, learning, proof, model }: DemoOptions): void {
  console.log(
    model?.apiKey
      ? `The model is Claude (ANTHROPIC_API_KEY is set): every round makes ${conversations.flat().length} paid ` +
        `requests for answers, and a few larger ones to judge them; as many come before the first, for tests ` +
        `to replay, and each test makes up to ${4 * (PROOF.paid.screening_pairs + PROOF.paid.proof_pairs)}.`
      : "The model is SIMULATED (ANTHROPIC_API_KEY is not set): answers, scores and prompts below are made by\n" +
        "documented rules (scripts/local/model/README.md), to show the loop at work, not how well a model does.",
  );
  console.log(
    "Settings changed for the demo, so that a day passes in seconds: " +
      Object.entries({ ...SETTINGS, ...model?.apiKey ? PROOF.paid : PROOF.simulated })
        .map(([name, value]) => `${name} = ${value ?? "none"}`).join(", ") +
      ".",
  );
  if (!paused) {
    console.log(
      "What tests replay was asked before: the conversations are held once first, copied until there are enough, and " +
        `moved back by ${EARLIER_DAYS} days.`,
    );
  }
  if (learning) {
    console.log(`Then people react, and Pawl learns from it:\n${HURRIED.map((line) => `- ${line}`).join("\n")}`);
  } else if (model?.apiKey) {
    console.log("Learning from reactions is left out: on a real model it would be some thousand paid requests.");
  }
  if (proof) {
    console.log(
      `Then versions are rejected, promoted and rolled back, which is staged:\n${
        STAGED.map((line) => `- ${line}`).join("\n")
      }`,
    );
  }
  if (paused) console.log("Control: automatic updates are paused.");
  if (rewriter === "useless") console.log("Control: the rewriter writes prompts that change no answer.");
}

/** Returns what to tell of the files. */
function writeReport(report: DemoReport): string {
  const folder = fileURLToPath(new URL("../../target/demo/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}report.json`, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(`${folder}report.html`, renderReport(report));
  return "target/demo/report.html (to look at) and target/demo/report.json";
}

function show(report: DemoReport, files: string): void {
  const width = terminalWidth();
  console.log(`\nWhat the judge thought of each version${report.simulated ? " (SIMULATED)" : ""}, 1 to 5:\n`);
  console.log(versionTable(report.versions, width));
  console.log("\nThe prompt, first version against the live one:\n");
  console.log(promptDifference(report.prompts, width));
  if (report.learning) {
    console.log("\nWhat people's reactions taught (SIMULATED):\n");
    console.log(learnedLines(report.learning, width));
  }
  console.log(`\nHow versions proved themselves${report.simulated ? " (SIMULATED)" : ""}:\n`);
  console.log(testLines(report.proof, width));
  console.log(
    `\n${report.messages} messages answered, ${report.reflections} reflections, ${report.seconds} s; report in ${files}`,
  );
}

function terminalWidth(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 100; // not a terminal
  }
}

function verdict(report: DemoReport, { paused, rewriter }: DemoOptions): number {
  return Math.max(
    loopVerdict(report, { paused, rewriter }),
    report.learning ? learningVerdict(report.learning) : DONE,
    report.proof.staged.length > 0 ? proofVerdict(report.proof) : DONE,
  );
}

function proofVerdict(proof: ProofReport): number {
  const missing = missingOfProof(proof);
  if (missing.length > 0) {
    console.error(`Tests did not come out as they should.\n${missing.map((one) => `- ${one}`).join("\n")}`);
    return NOT_IMPROVED;
  }
  const receipts = proof.assistants.flatMap(({ tests }) => tests).filter(({ receipt }) => receipt).length;
  console.log(
    `Versions were rejected, promoted and rolled back; each of ${receipts} receipts led to the same decision.`,
  );
  return DONE;
}

function learningVerdict(learning: LearningReport): number {
  const missing = missingOf(learning);
  if (missing.length > 0) {
    console.error(`Learning did not come about as it should.\n${missing.map((one) => `- ${one}`).join("\n")}`);
    return NOT_IMPROVED;
  }
  const active = learning.organizations.map(({ name, patterns }) =>
    `${patterns.filter(({ state }) => state === "active").length} at "${name}"`
  );
  console.log(
    `Learning came about: patterns are active (${active.join(", ")}), and of ${learning.checks.prompts} prompts none ` +
      "held what another organisation had taught.",
  );
  return DONE;
}

function loopVerdict(report: DemoReport, { paused, rewriter }: Pick<DemoOptions, "paused" | "rewriter">): number {
  const gain = gainOf(report);
  if (paused || rewriter === "useless") {
    console.log(`Control run: the score changed by ${(gain ?? driftOf(report)).toFixed(2)}.`);
    const live = report.versions.filter(({ created_by, activated_at }) => created_by === "system" && activated_at);
    if (live.length === 0) return DONE;
    console.error(`A version went live that should not have: ${live.map(({ version }) => version).join(", ")}.`);
    return NOT_IMPROVED;
  }
  if (gain !== null && gain >= LEAST_GAIN) {
    console.log(`The loop closed: the last version's answers score ${gain.toFixed(2)} above the first one's.`);
    return DONE;
  }
  console.error(
    gain === null
      ? "The loop did not close: no second version went live and was judged."
      : `The prompt did not improve: the last version's answers score ${gain.toFixed(2)} above the first one's.`,
  );
  return NOT_IMPROVED;
}
