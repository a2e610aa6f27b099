/**
 * The demo: conversations go through chat-handler, reflection-loop judges them and has better prompts written and proved,
 * until a better prompt is live and its own answers have been judged. Then people react, and it learns from that; and
 * versions are rejected, promoted and rolled back.
 */
import type { Conversation } from "./conversations.ts";
import { runLearning } from "./learning/run.ts";
import type { Rewriter } from "./model/rewriter.ts";
import { ask, callWithSecretKey, type Person, signUp } from "./person.ts";
import { prove } from "./proof/prove.ts";
import { runProof, STAGED } from "./proof/run.ts";
import { configure, letDaysPass, repeatConversations } from "./proof/world.ts";
import type { DemoReport, ProofReport } from "./report/data.ts";
import { DEFAULT_ASSISTANT, readReport, type Round } from "./report/read.ts";
import { readProof, type Tested } from "./report/read_proof.ts";
import { type ModelOptions, type Stack, startStack } from "./stack.ts";

export interface DemoOptions {
  conversations: Conversation[];
  /** Automatic updates are off: the control that shows how much scores move by themselves. */
  paused?: boolean;
  rewriter?: Rewriter;
  model?: Omit<ModelOptions, "rewriter">;
  /** Shows the second part too. It needs the stand-in: on a real model it would be some thousand paid requests. */
  learning?: boolean;
  /** Shows the third part too; the same holds of it. */
  proof?: boolean;
  /** Of the edge functions, where they are not this repository's. */
  functionsFolder?: string;
  /** Progress, a line each. */
  log?: (line: string) => void;
}

/** Changes of the default settings that let hours pass in seconds. The demo says them aloud. */
export const SETTINGS = {
  cooldown_hours: 0,
  max_updates_per_day: 20,
  auto_update_threshold: 3.5,
  user_requests_per_minute: null,
  user_tokens_per_day: null,
  placebo_share: 0,
  proof_method: "replay",
};

/** What a proof may take: on a real model every pair is up to four paid requests. */
export const PROOF = {
  simulated: { proof_pairs: 200 },
  paid: { screening_pairs: 20, proof_pairs: 100, yearly_budget: false },
};

/** Turns before the first round, for what is screened and proved: 60 (20) and 100 others, and some. */
export const EARLIER_TURNS = { simulated: 180, paid: 130 };
/** Beyond the window in which answers are judged. */
export const EARLIER_DAYS = 2;

/** As the settings have it. */
const MIN_CONVERSATIONS = 5;
/** As many as are asked of the model in a round of the second part, which looks at them all. */
const KEPT_REQUESTS = 1_000;
const USERS = 4;
const MAX_ROUNDS = 5;
/** A control has no end of its own. */
const CONTROL_ROUNDS = 3;
/** A reflection judges up to 20 answers; this many calls a round are enough for the largest of exports. */
const MAX_REFLECTIONS_A_ROUND = 20;

export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 100) / 10;
  const log = (line: string) => options.log?.(`[${seconds().toFixed(1).padStart(5)} s] ${line}`);
  log("starting a fresh stack in memory");
  const { model, rewriter, functionsFolder } = options;
  const logged = (line: string) => isRoutine(line) || log(line);
  const stack = await startStack({ model: { ...model, rewriter, keep: KEPT_REQUESTS }, functionsFolder, log: logged });
  try {
    await applySettings(stack, options);
    const users = await signUpUsers(stack);
    if (!options.paused) await holdEarlier(stack, users, options.conversations, log);
    const { rounds, messages, reflections } = await runRounds(stack, users, options, log);
    const read = await readReport(stack.database, rounds);
    const { simulated } = stack.model;
    const loop = { simulated, control: controlOf(options), messages, reflections, ...read, seconds: seconds() };
    const learning = options.learning ? await runLearning(stack, log) : null;
    return { ...loop, learning, proof: await proofOf(stack, options, log) };
  } finally {
    await stack.stop();
  }
}

/** How the loop's versions fared, and, where it is shown, the third part. */
async function proofOf(stack: Stack, { proof }: DemoOptions, log: (line: string) => void): Promise<ProofReport> {
  const own = await readProof(stack, { ...await theDefault(stack), name: "The loop’s versions" });
  if (!proof) return { assistants: [own], staged: [], seconds: null };
  const { tested, seconds } = await runProof(stack, log);
  return { assistants: [own, await readProof(stack, tested)], staged: STAGED, seconds };
}

async function theDefault(stack: Stack): Promise<Omit<Tested, "name">> {
  const [{ organization_id }] = await stack.database.query(
    `select organization_id from pawl.assistants where id = (${DEFAULT_ASSISTANT})`,
  );
  return { organization: organization_id, assistant: "default" };
}

/** What was asked before the demo began: the same conversations, copied until there are enough turns to replay. */
async function holdEarlier(
  stack: Stack,
  users: Person[],
  conversations: Conversation[],
  log: (line: string) => void,
): Promise<void> {
  const wanted = stack.model.simulated ? EARLIER_TURNS.simulated : EARLIER_TURNS.paid;
  const times = Math.ceil(wanted / conversations.flat().length);
  log(
    `before: the conversations are held once, copied to ${times} times, and moved back ${EARLIER_DAYS} days, for tests`,
  );
  await holdConversations(users, conversations);
  const { organization } = await theDefault(stack);
  await repeatConversations(stack.database, organization, times - 1);
  await letDaysPass(stack.database, organization, EARLIER_DAYS);
}

function controlOf({ paused, rewriter }: DemoOptions): DemoReport["control"] {
  if (paused) return "paused";
  return rewriter === "useless" ? "useless rewriter" : null;
}

/** What the functions log as a matter of course, a line an answer, would bury the progress. */
function isRoutine(line: string): boolean {
  const [, event] = /^\[[^\]]+\] (\{.*\})$/u.exec(line) ?? [];
  try {
    return event !== undefined && JSON.parse(event).level === "info";
  } catch {
    return false;
  }
}

async function applySettings(stack: Stack, { paused = false, conversations }: DemoOptions): Promise<void> {
  const { user_requests_per_minute, user_tokens_per_day, ...loop } = SETTINGS;
  const { organization } = await theDefault(stack);
  await configure(stack.database, organization, {
    ...{ ...loop, ...stack.model.simulated ? PROOF.simulated : PROOF.paid },
    // A file of a few conversations is enough to look at.
    min_conversations: Math.min(MIN_CONVERSATIONS, conversations.length),
    updates_paused: paused,
  });
  await stack.database.query(
    "update pawl.organization_settings set user_requests_per_minute = $1, user_tokens_per_day = $2",
    [user_requests_per_minute, user_tokens_per_day],
  );
}

async function signUpUsers(stack: Stack): Promise<Person[]> {
  return await Promise.all(Array.from({ length: USERS }, (_, index) => signUp(stack, `user${index + 1}`)));
}

async function runRounds(stack: Stack, users: Person[], options: DemoOptions, log: (line: string) => void) {
  const control = controlOf(options) !== null;
  const rounds: Round[] = [];
  let messages = 0;
  let reflections = 0;
  for (let round = 1; round <= (control ? CONTROL_ROUNDS : MAX_ROUNDS); round++) {
    const version = await liveVersion(stack);
    log(`round ${round}: ${options.conversations.length} conversations with prompt version ${version}`);
    const answerIds = await holdConversations(users, options.conversations);
    messages += answerIds.length;
    const submitted = await reflectOnAll(stack, log, () => reflections++);
    rounds.push({ round, version, answerIds });
    if (submitted) await prove(stack, {}, log);
    if (await liveVersion(stack) === version && !control) break;
  }
  return { rounds, messages, reflections };
}

/** Each user holds their share of the conversations, one after another. Returns the ids of the answers. */
async function holdConversations(users: Person[], conversations: Conversation[]): Promise<string[]> {
  const shares = users.map((user, index) => ({
    user,
    share: conversations.filter((_, number) => number % users.length === index),
  }));
  const ids = await Promise.all(shares.map(async ({ user, share }) => {
    const answers: string[] = [];
    for (const conversation of share) answers.push(...await holdConversation(user, conversation));
    return answers;
  }));
  return ids.flat();
}

async function holdConversation(user: Person, turns: Conversation): Promise<string[]> {
  const answers: string[] = [];
  let session: string | undefined;
  for (const message of turns) {
    const { answer_id, session_id } = await ask(user, message, session);
    session = session_id;
    answers.push(answer_id);
  }
  return answers;
}

/** Reflects until nothing is left to judge, or a new version was written. Returns whether one was. */
async function reflectOnAll(stack: Stack, log: (line: string) => void, count: () => void): Promise<boolean> {
  for (let call = 0; call < MAX_REFLECTIONS_A_ROUND; call++) {
    const result = await reflect(stack);
    if (result.skipped) {
      if (result.reason !== "insufficient_data") log(`reflection skipped: ${result.reason}`);
      return false;
    }
    count();
    log(sentenceAbout(result));
    if (result.update?.submitted) return true;
  }
  return false;
}

interface Reflection {
  skipped?: boolean;
  reason?: string;
  /** These three only where answers were judged: an update may be owed from before. */
  prompt_version?: number;
  messages_analyzed?: number;
  scores?: { overall: number | null };
  action: string;
  update?: { submitted?: boolean; version?: number; change_reason?: string; reason?: string; code?: string };
}

async function reflect(stack: Stack): Promise<Reflection> {
  const { results } = await callWithSecretKey(stack, "reflection-loop", { only: "reflection", force: true });
  if (results.length === 0) throw new Error("reflection-loop found no assistant to reflect on");
  return results[0];
}

function sentenceAbout({ messages_analyzed, prompt_version, scores, action, update }: Reflection): string {
  const score = scores?.overall === null ? "no valid score" : `${scores?.overall.toFixed(2)} of 5`;
  const judged = scores
    ? `judged ${messages_analyzed} answers of version ${prompt_version}: ${score}`
    : "an update is owed";
  if (!update) return `${judged} → ${action}`;
  if (update.submitted) return `${judged} → ${action} → version ${update.version} was written, and has to prove itself`;
  return `${judged} → ${action}, nothing written: ${update.reason ?? update.code}`;
}

async function liveVersion(stack: Stack): Promise<number> {
  const [{ version }] = await stack.database.query(
    `select version from pawl.system_prompts where is_active and assistant_id = (${DEFAULT_ASSISTANT})`,
  );
  return version;
}
