/** How a cell of the fault matrix is played: the fault, then a healthy world, and a look at what is stored each time. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import { ask, type Told, type Way } from "./asking.ts";
import { type DatabaseDoor, type Disturbance, type Model, type Models, type Order, startAlone } from "./doors.ts";
import { bearing, mint, post, type Reply, service, systemOf } from "./scene.ts";
import { until } from "./streams.ts";

/** The functions' PAWL_CHAT_DEADLINE_SECONDS. A model may be silent for a third of it. */
export const DEADLINE_SECONDS = 3;

export interface ChatCell {
  what: string;
  /** Faults of the model. */
  model?: Order[];
  /** Disturbed calls of the database. */
  database?: [rpc: string, how: Disturbance, times?: number][];
  /** The client goes away while the model is held. */
  leaves?: true;
  /** What the process that answers has read: no prompt yet, or a version that was live before. */
  holds?: "nothing" | "an earlier version";
  /** 200, or the status and code of a refusal. */
  told: 200 | [status: number, code: string];
  retryAfter?: string;
  /** Also where a stream was asked for, the refusal is a response. */
  unstreamed?: true;
  /** Words had left for the client before it failed. */
  said?: true;
  stored: "nothing" | "open" | "completed" | "failed";
  /** Requests to the model; or the least and the most of them. */
  paid: number | [least: number, most: number];
  /** For how many of these the model named tokens that are counted: of an answer one, else none, unless given. */
  counted?: number | "each";
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
  const { status, body } = await ask(stack.url, "JSON", words, newPerson(stack).credentials);
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

function newPerson(stack: Stack) {
  const id = crypto.randomUUID();
  return { id, credentials: bearing(stack, mint(stack.jwtSecret, { sub: id })) };
}

export async function playChat(world: World, cell: ChatCell, way: Way): Promise<void> {
  const { stack, database, functionEnvironment } = world;
  if (cell.holds === "an earlier version") await publish(stack);
  const alone = cell.leaves || cell.holds === "nothing" ? await startAlone(stack, functionEnvironment) : null;
  const [words, person] = [newWords(), newPerson(stack)];
  const model = world.models.for(words);
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
    const [least, most = least] = [cell.paid].flat();
    assert.ok(first.paid >= least && first.paid <= most, `the model was asked ${first.paid} times`);
    assert.ok(first.lasted >= (cell.lasts ?? 0) && first.lasted < DEADLINE_SECONDS * 1000 + 2000, `${first.lasted} ms`);
    assertStored(await storedFor(stack, person.id), cell, words, first, world.healthy);
    if (cell.holds === "an earlier version") await assertStale(stack, person.id, first.told!, model);

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
    [status, code, cell.retryAfter],
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
  { told, paid }: { told: Told | null; paid: number },
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

  const counted = cell.counted === "each" ? paid : cell.counted ?? (isAnswered ? 1 : 0);
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
  /** Counted for the person, today. */
  tokens: number;
}

export const NOTHING: Stored = { sessions: 0, keys: 0, turns: [], messages: [], tokens: 0 };

function question(content: string) {
  return { role: "user", content };
}

async function storedFor(stack: Stack, person: string): Promise<Stored> {
  const list = (columns: string[], table: string) =>
    `coalesce((select json_agg(json_build_object(${columns.map((name) => `'${name}', x.${name}`)}) order by x.seq)
       from pawl.${table} x join pawl.sessions s on s.id = x.session_id where s.user_id = $1), '[]') as ${table}`;
  const [row] = await stack.database.query(
    `select (select count(*)::int from pawl.sessions where user_id = $1) as sessions,
       (select count(*)::int from pawl.idempotency_keys where user_id = $1) as keys,
       ${list(["id", "status", "error_code", "attempts", "lost_attempts"], "turns")},
       ${list(["role", "content"], "messages")},
       (select coalesce(sum(tokens), 0)::int from pawl.user_usage where user_id = $1) as tokens`,
    [person],
  );
  return row;
}

async function expireLease(stack: Stack, person: string): Promise<void> {
  const sql = `update pawl.turns set lease_expires_at = now() - interval '1 second'
    where user_id = $1 and status = 'open' and lease_expires_at > now() returning id`;
  assert.equal((await stack.database.query(sql, [person])).length, 1);
}

/** A new version of the same length, which no function has read yet. */
async function publish(stack: Stack): Promise<void> {
  await stack.database.exec(
    `with old as (update pawl.system_prompts set is_active = false where is_active returning *)
     insert into pawl.system_prompts (assistant_id, version, content, created_by, is_active)
       select assistant_id, version + 1, left(content, -1) || version, 'human', true from old`,
  );
}

/** That the first version served, and that it is said and stored. */
async function assertStale(stack: Stack, person: string, { body }: Told, model: Model): Promise<void> {
  assert.deepEqual([body.stale_prompt, body.prompt_version], [true, 1]);
  const [{ content }] = await stack.database.query("select content from pawl.system_prompts where version = 1");
  assert.equal(systemOf(JSON.parse((await model.requests())[0].body)), content);
  const rows = await stack.database.query(
    `select m.prompt_version from pawl.messages m join pawl.sessions s on s.id = m.session_id
     where s.user_id = $1 and m.role = 'assistant'`,
    [person],
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
  database: DatabaseDoor;
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

const THEIR_WORDS = "How do I repot a fern?";
const THEIR_ANSWER = "With a larger pot.";

/** What is stored of a backend's turn while it has no answer. */
export function begun(status: string, more: Partial<Stored["turns"][0]> & { tokens?: number } = {}): Stored {
  const { tokens = 0, ...turn } = more;
  const turns = [{ id: "", status, error_code: null, attempts: 1, lost_attempts: 0, ...turn }];
  return { sessions: 1, keys: 1, turns, messages: [question(THEIR_WORDS)], tokens };
}

export async function playBackend({ stack, database }: World, cell: BackendCell): Promise<void> {
  const user_id = crypto.randomUUID();
  const headers = { ...service(stack), "idempotency-key": crypto.randomUUID() };
  const call = (body: Record<string, unknown>) => post(stack, "chat-handler", body, headers);
  let turn = {};
  const backend: Backend = {
    database,
    prepare: async () => {
      const reply = await call({ action: "prepare", message: THEIR_WORDS, user_id });
      const { turn_id, attempt } = reply.body;
      if (attempt) turn = { turn_id, attempt };
      return reply;
    },
    prepared: async () => {
      const { status, body } = await backend.prepare();
      assert.deepEqual([status, body.messages], [200, [question(THEIR_WORDS)]], JSON.stringify(body));
      return body;
    },
    complete: (more) => call({ action: "complete", ...turn, answer: THEIR_ANSWER, model: "theirs", ...more }),
    fail: (error_code, more) => call({ action: "fail", ...turn, error_code, ...more }),
    stored: async () => {
      const stored = await storedFor(stack, user_id);
      return { ...stored, turns: stored.turns.map((turn) => ({ ...turn, id: "" })) };
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
  assert.deepEqual(messages, [question(THEIR_WORDS), { role: "assistant", content: THEIR_ANSWER }]);
}
