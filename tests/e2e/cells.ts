/** How a cell of the fault matrix is played: the fault, then a healthy world, and what is stored each time. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import { join, versionsOf } from "./assistants.ts";
import { ask, type Member, newMember, type Told, type Way } from "./asking.ts";
import {
  type Calls,
  type DatabaseDoor,
  type Disturbance,
  type Model,
  type Models,
  type Order,
  startAlone,
} from "./doors.ts";
import { post, type Reply, service, systemOf } from "./scene.ts";
import { until } from "./streams.ts";

/**
 * The functions' PAWL_CHAT_DEADLINE_SECONDS. So long that four tries end long before it and three silences do not, and
 * how often a model is asked depends on no chance.
 */
export const DEADLINE_SECONDS = 18;

/** A paid answer may take longer to be stored, a little. */
const LONGEST_MS = DEADLINE_SECONDS * 1000 * 7 / 6 + 2000;

export interface ChatCell {
  what: string;
  /** Faults of the model. */
  model?: Order[];
  /** Disturbed calls of the database. */
  database?: [rpc: string, how: Disturbance, times?: number][];
  /** The client goes away while the model is held. */
  leaves?: true;
  /** The process has read an earlier version of the prompt; else it has read none, for each cell has one of its own. */
  earlierVersion?: true;
  /** 200, or the status and code of a refusal. */
  told: 200 | [status: number, code: string];
  retryAfter?: string;
  /** Also where a stream was asked for, the refusal is a response. */
  unstreamed?: true;
  /** Words had left for the client before it failed. */
  said?: true;
  stored: "nothing" | "open" | "completed" | "failed";
  /** Requests to the model. */
  paid: number;
  /** For how many of these the model named tokens that are counted: of an answer one, else none, unless given. */
  counted?: number;
  /** The model ended what it said, and so counted its words. */
  ended?: true;
  /** Milliseconds that it takes at least. */
  lasts?: number;
  stopReason?: string;
}

export interface World {
  stack: Stack;
  database: DatabaseDoor;
  models: Models;
  functionEnvironment: Record<string, string>;
  healthy: Healthy;
}

export interface Healthy {
  answer(words: string): string;
  inputTokens: number;
}

/** What a model in good health says and counts: all questions differ in one word of the same length. */
export async function askHealthy(stack: Stack, models: Models): Promise<Healthy> {
  const words = newWords();
  models.for(words);
  const { status, body } = await ask(stack.url, "JSON", words, (await newMember(stack)).credentials);
  assert.equal(status, 200, JSON.stringify(body));
  const topic = (words: string) => /plant\d{3}/u.exec(words)![0];
  return {
    answer: (others) => body.answer.replaceAll(topic(words), topic(others)),
    inputTokens: body.usage.input_tokens,
  };
}

let questions = 0;

function newWords(): string {
  return `How do I repot plant${String(++questions).padStart(3, "0")}?`;
}

export async function playChat(world: World, cell: ChatCell, way: Way): Promise<void> {
  const { stack } = world;
  const [words, person] = [newWords(), await newMember(stack)];
  const [model, database] = [world.models.for(words), world.database.for(words)];
  if (cell.earlierVersion) await readAndReplace(world, person);
  const alone = cell.leaves ? await startAlone(stack, world.functionEnvironment) : null;
  const headers = { ...person.credentials, "idempotency-key": crypto.randomUUID() };
  const send = (signal?: AbortSignal) => ask(alone?.url ?? stack.url, way, words, headers, signal);
  const meet = async (act: () => Promise<Told | null>) => {
    const [before, began] = [(await model.requests()).length, performance.now()];
    const told = await act();
    return { told, lasted: performance.now() - began, paid: (await model.requests()).length - before };
  };
  try {
    await model.orders(cell.model ?? []);
    for (const disturbance of cell.database ?? []) database.disturb(...disturbance);
    const first = await meet(() => cell.leaves ? leave(stack, model, person.id, send) : send());
    assert.deepEqual(database.calm(), [], "calls that were to be disturbed and never came");
    if (first.told) assertTold(first.told, cell, way, world.healthy.answer(words));
    assert.equal(first.paid, cell.paid, "requests to the model");
    assert.ok(first.lasted >= (cell.lasts ?? 0) && first.lasted < LONGEST_MS, `${first.lasted} ms`);
    assertStored(await storedFor(stack, person.id), cell, words, first.told, world.healthy);
    if (cell.earlierVersion) await assertStale(stack, person, first.told!, model);

    await model.orders([]);
    if (cell.stored === "open") {
      const { told, paid } = await meet(() => send());
      const { status, code, retryAfter, asEvents } = told!;
      assert.deepEqual([status, code, retryAfter, asEvents, paid], [409, "turn_in_progress", "2", false, 0]);
      await expireLease(stack, person.id);
    }
    const again = await meet(() => send());
    assert.deepEqual([again.told!.status, again.paid], [200, cell.stored === "completed" ? 0 : 1]);
    const third = await meet(() => send());
    assert.deepEqual([third.told!.status, third.told!.body.replayed, third.paid], [200, true, 0]);
    assert.deepEqual([again.told!.text, again.told!.body.answer_id], [third.told!.text, third.told!.body.answer_id]);
    const { sessions, keys, turns: [turn, ...others], messages } = await storedFor(stack, person.id);
    assert.deepEqual([sessions, keys, others], [1, 1, []]);
    assert.deepEqual(messages, [question(words), { role: "assistant", content: third.told!.text }]);
    const attempts = { nothing: [1, 0], completed: [1, 0], failed: [2, 0], open: [2, 1] }[cell.stored];
    assert.deepEqual([turn.status, turn.attempts, turn.lost_attempts], ["completed", ...attempts]);
    assert.equal(third.told!.body.turn_id, turn.id);
  } finally {
    await alone?.stop();
  }
}

/** The client goes as soon as the model is held; only when it has gone may the model go on. */
async function leave(
  stack: Stack,
  model: Model,
  person: string,
  send: (signal: AbortSignal) => Promise<Told>,
): Promise<null> {
  const leaving = new AbortController();
  const left = assert.rejects(send(leaving.signal), { name: "AbortError" });
  await until("the model has begun", async () => (await model.requests())[0]?.status === 200);
  leaving.abort();
  await left;
  // The function hears of it by a connection that closes, and nobody hears that it has.
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual((await storedFor(stack, person)).turns.map(({ status }) => status), ["open"]);
  assert.equal(await model.release(), 1);
  await until("the turn has ended", async () => (await storedFor(stack, person)).turns[0].status !== "open");
  return null;
}

function assertTold(told: Told, cell: ChatCell, way: Way, whole: string): void {
  const [status, code] = [cell.told].flat();
  assert.deepEqual(
    [told.status, told.code, told.retryAfter],
    [status, code, cell.retryAfter ?? (code === "database_unavailable" ? "2" : undefined)],
    JSON.stringify(told.body),
  );
  assert.equal(told.asEvents, way === "stream" && !cell.unstreamed);
  if (status !== 200) return assert.equal(told.text !== "", way === "stream" && cell.said === true, told.text);
  const { stopReason = "end_turn" } = cell;
  assert.deepEqual([told.body.stop_reason, "replayed" in told.body], [stopReason, false]);
  if (stopReason !== "max_tokens") assert.equal(told.text, whole);
  else assert.ok(whole.startsWith(told.text) && told.text.length < whole.length, told.text);
}

/** After the first request. */
function assertStored(
  stored: Stored,
  cell: ChatCell,
  words: string,
  told: Told | null,
  { answer, inputTokens }: Healthy,
): void {
  if (cell.stored === "nothing") return assert.deepEqual(stored, NOTHING);
  const [status, code] = [cell.told].flat();
  const isAnswered = cell.stored === "completed";
  const said = status === 200 && told ? told.text : answer(words);
  assert.deepEqual(stored.messages, [question(words), ...isAnswered ? [{ role: "assistant", content: said }] : []]);
  const error_code = cell.stored === "failed" ? code : null;
  const turn = { id: stored.turns[0]?.id, status: cell.stored, error_code, attempts: 1, lost_attempts: 0 };
  assert.deepEqual([stored.turns, stored.sessions, stored.keys], [[turn], 1, 1]);

  const { counted = isAnswered ? 1 : 0 } = cell;
  // A message that begins counts all that it was given, and one token; its end counts what was said.
  const beginnings = counted * (inputTokens + 1);
  if (isAnswered || cell.ended) assert.ok(stored.tokens > beginnings, `${stored.tokens} tokens`);
  else assert.equal(stored.tokens, beginnings);
  if (status !== 200 || !told) return;
  const { input_tokens, output_tokens } = told.body.usage;
  assert.deepEqual([input_tokens, input_tokens + output_tokens], [counted * inputTokens, stored.tokens]);
}

export interface Stored {
  sessions: number;
  keys: number;
  turns: { id: string; status: string; error_code: string | null; attempts: number; lost_attempts: number }[];
  messages: { role: string; content: string }[];
  /** Counted for their organisation. */
  tokens: number;
}

export const NOTHING: Stored = { sessions: 0, keys: 0, turns: [], messages: [], tokens: 0 };

function question(content: string) {
  return { role: "user", content };
}

export async function storedFor(stack: Stack, person: string): Promise<Stored> {
  const list = (columns: string[], table: string) =>
    `coalesce((select json_agg(json_build_object(${columns.map((name) => `'${name}', x.${name}`)}) order by x.seq)
       from pawl.${table} x join pawl.sessions s on s.id = x.session_id where s.user_id = $1), '[]') as ${table}`;
  const [row] = await stack.database.query(
    `select (select count(*)::int from pawl.sessions where user_id = $1) as sessions,
       (select count(*)::int from pawl.idempotency_keys where user_id = $1) as keys,
       ${list(["id", "status", "error_code", "attempts", "lost_attempts"], "turns")},
       ${list(["role", "content"], "messages")},
       (select coalesce(sum(input_tokens + output_tokens + cache_read_tokens + cache_write_tokens), 0)::int
        from pawl.usage join pawl.organization_members using (organization_id) where user_id = $1) as tokens`,
    [person],
  );
  return row;
}

async function expireLease(stack: Stack, person: string): Promise<void> {
  const sql = `update pawl.turns set lease_expires_at = now() - interval '1 second'
    where user_id = $1 and status = 'open' and lease_expires_at > now() returning id`;
  assert.equal((await stack.database.query(sql, [person])).length, 1);
}

/** Has the live version read, by a colleague's question, and another one go live, of the same length. */
async function readAndReplace({ stack, models }: World, { assistant }: Member): Promise<void> {
  const [words, user_id] = [newWords(), crypto.randomUUID()];
  models.for(words);
  await join(stack, assistant.organization, user_id);
  assert.equal((await post(stack, "chat-handler", { message: words, user_id }, service(stack))).status, 200);
  await stack.database.query("delete from pawl.usage where organization_id = $1", [assistant.organization]);
  await stack.database.query(
    `with old as (update pawl.system_prompts set state = 'retired' where assistant_id = $1 returning *)
     insert into pawl.system_prompts (assistant_id, version, content, created_by, state)
       select assistant_id, 2, left(content, -1) || '!', 'human', 'active' from old`,
    [assistant.id],
  );
}

/** That the first version served, and that it is said and stored. */
async function assertStale(stack: Stack, { id, assistant }: Member, { body }: Told, model: Model): Promise<void> {
  assert.deepEqual([body.stale_prompt, body.prompt_version], [true, 1]);
  const [first] = await versionsOf(stack, assistant);
  assert.equal(systemOf(JSON.parse((await model.requests())[0].body)), first.content);
  const rows = await stack.database.query(
    `select m.prompt_version from pawl.messages m join pawl.sessions s on s.id = m.session_id
     where s.user_id = $1 and m.role = 'assistant'`,
    [id],
  );
  assert.deepEqual(rows, [{ prompt_version: 1 }]);
}

export interface BackendCell {
  what: string;
  act(backend: Backend): Promise<void>;
  /** Attempts and lost ones, once there is an answer. */
  attempts: [attempts: number, lost: number];
}

/** A backend with one message to be answered by a model of its own. */
export interface Backend {
  database: Calls;
  prepare(): Promise<Reply>;
  /** A turn to be answered now. */
  prepared(): Promise<{ attempt: number }>;
  /** As prepared last, unless it is said otherwise. */
  complete(more?: Record<string, unknown>): Promise<Reply>;
  fail(error_code: string, more?: Record<string, unknown>): Promise<Reply>;
  stored(): Promise<Stored>;
  expireLease(): Promise<void>;
}

/** What their model names, and what that comes to. */
export const COST = { model: "theirs", usage: { input_tokens: 5, output_tokens: 2 } };
export const COST_TOKENS = 7;

const THEIR_ANSWER = "With a larger pot.";

/** What is stored of a backend's turn while it has no answer; without what is each one's own. */
export function begun(status: string, more: Partial<Stored["turns"][0]> & { tokens?: number } = {}): Stored {
  const { tokens = 0, ...turn } = more;
  const turns = [{ id: "", status, error_code: null, attempts: 1, lost_attempts: 0, ...turn }];
  return { sessions: 1, keys: 1, turns, messages: [question("")], tokens };
}

export async function playBackend({ stack, ...world }: World, cell: BackendCell): Promise<void> {
  const [words, { id: user_id }] = [newWords(), await newMember(stack)];
  const database = world.database.for(words);
  const headers = { ...service(stack), "idempotency-key": crypto.randomUUID() };
  const call = (body: Record<string, unknown>) => post(stack, "chat-handler", body, headers);
  let turn = {};
  const backend: Backend = {
    database,
    prepare: async () => {
      const reply = await call({ action: "prepare", message: words, user_id });
      const { turn_id, attempt } = reply.body;
      if (attempt) turn = { turn_id, attempt };
      return reply;
    },
    prepared: async () => {
      const { status, body } = await backend.prepare();
      assert.deepEqual([status, body.messages], [200, [question(words)]], JSON.stringify(body));
      return body;
    },
    complete: (more) => call({ action: "complete", ...turn, answer: THEIR_ANSWER, model: "theirs", ...more }),
    fail: (error_code, more) => call({ action: "fail", ...turn, error_code, ...more }),
    stored: async () => {
      const { turns, messages, ...stored } = await storedFor(stack, user_id);
      const ownWords = messages.map((message) => message.content === words ? question("") : message);
      return { ...stored, turns: turns.map((turn) => ({ ...turn, id: "" })), messages: ownWords };
    },
    expireLease: () => expireLease(stack, user_id),
  };

  await cell.act(backend);
  assert.deepEqual(database.calm(), [], "calls that were to be disturbed and never came");
  const next = await backend.prepare();
  if (!next.body.replayed) assert.equal((await backend.complete()).status, 200);
  const { status, body } = await backend.prepare();
  assert.deepEqual([status, body.replayed, body.answer], [200, true, THEIR_ANSWER]);
  const { turns, messages } = await backend.stored();
  const [attempts, lost_attempts] = cell.attempts;
  assert.deepEqual(turns, [{ id: "", status: "completed", error_code: null, attempts, lost_attempts }]);
  assert.deepEqual(messages, [question(""), { role: "assistant", content: THEIR_ANSWER }]);
}
