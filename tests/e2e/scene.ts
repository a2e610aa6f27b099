/** What the end-to-end tests share: the whole stack on the built functions, the people on it, and a look behind it. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { fileURLToPath } from "node:url";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { KeptRequest } from "../../scripts/local/model/server.ts";
import { type Functions, startFunctions } from "../../scripts/local/functions.ts";
import { type Stack, type StackOptions, STAND_IN_KEY, startStack } from "../../scripts/local/stack.ts";
import { assertNothingTold, hear, keepEnvironment, keepKeys, keepStored, watch } from "./watch.ts";

export interface Scene {
  stack: Stack;
  /** What the functions and the database logged. */
  lines: string[];
}

/** Fails if, all the while, anything secret was logged or told in an error (watch.ts). */
export async function onStack(
  options: Omit<StackOptions, "log" | "pass">,
  act: (scene: Scene) => Promise<void>,
): Promise<void> {
  const { lines, log } = makeLog();
  const stack = await startStack({ ...options, log, pass: watch });
  const { publishableKey, secretKey, jwtSecret } = stack;
  keepKeys({ publishableKey, secretKey, jwtSecret, modelKey: options.model?.apiKey ?? STAND_IN_KEY });
  keepEnvironment(options.functionEnvironment ?? {});
  try {
    // Tests talk faster than people; what the limits do is seen in limits.test.ts.
    await stack.database.exec(
      `update pawl.organization_settings set user_requests_per_minute = null, organization_requests_per_minute = null;
       -- A placebo now and then would make of every test a game of chance.
       update pawl.loop_settings set placebo_share = 0`,
    );
    await act({ stack, lines });
  } finally {
    await keepStored(stack.database).finally(stack.stop);
  }
  assertNothingTold();
}

/** The functions alone, with an environment of their own: nothing is behind them. They are watched as well. */
export async function onFunctions(
  environment: Record<string, string>,
  act: (functions: Pick<Functions, "forward">, lines: string[]) => Promise<void>,
): Promise<void> {
  const { lines, log } = makeLog();
  const functions = await startFunctions({ folder: FOLDER, environment, log });
  keepEnvironment(environment);
  try {
    await act({ forward: (name, request) => watch(request, (passed) => functions.forward(name, passed)) }, lines);
  } finally {
    await functions.stop();
  }
  assertNothingTold();
}

const FOLDER = fileURLToPath(new URL("../../supabase/functions", import.meta.url));

function makeLog(): { lines: string[]; log: (line: string) => void } {
  const lines: string[] = [];
  const log = (line: string) => {
    lines.push(line);
    hear("a log line", line);
  };
  return { lines, log };
}

export interface Person {
  id: string;
  /** The unmodified client, signed in. */
  client: SupabaseClient;
  credentials: Record<string, string>;
}

let people = 0;

export async function signUp(stack: Stack): Promise<Person> {
  const number = ++people;
  const client = clientOf(stack, stack.publishableKey);
  const email = `person${number}@example.com`;
  const { data, error } = await client.auth.signUp({ email, password: "a-password" });
  assert.equal(error, null);
  return { id: data.user!.id, client, credentials: bearing(stack, data.session!.access_token) };
}

export function clientOf(stack: Pick<Stack, "url">, key: string): SupabaseClient {
  const auth = { persistSession: false, autoRefreshToken: false, storageKey: crypto.randomUUID() };
  return createClient(stack.url, key, { auth });
}

/** What a function gets from supabase-js: the project's publishable key and a token. */
export function bearing(stack: Stack, token: string): Record<string, string> {
  return { apikey: stack.publishableKey, authorization: `Bearer ${token}` };
}

export function service(stack: Stack): Record<string, string> {
  return { apikey: stack.secretKey };
}

/** A token as the project's auth server signs it; `claims` change or (undefined) leave out the usual ones. */
export function mint(secret: string, claims: Record<string, unknown> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const usual = { sub: crypto.randomUUID(), role: "authenticated", aud: "authenticated", iat: now, exp: now + 3600 };
  const signed = [{ alg: "HS256", typ: "JWT" }, { ...usual, ...claims }].map(base64url).join(".");
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

export function base64url(value: unknown): string {
  return new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });
}

export interface Reply {
  status: number;
  headers: Headers;
  // deno-lint-ignore no-explicit-any -- each test knows the body it looks at
  body: any;
}

export function post(
  stack: Pick<Stack, "url">,
  name: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<Reply> {
  const type = { "content-type": "application/json" };
  return send(stack, name, { method: "POST", headers: { ...type, ...headers }, body: JSON.stringify(body) });
}

export async function send(stack: Pick<Stack, "url">, name: string, init: RequestInit): Promise<Reply> {
  return await read(await fetch(`${stack.url}/functions/v1/${name}`, init));
}

export async function read(response: Response): Promise<Reply> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
}

/** That an answer is an error as every error is, readable by a page of any site. */
export function assertError(reply: Reply, status: number, code: string, message?: RegExp): void {
  const told = JSON.stringify(reply.body);
  assert.deepEqual([reply.status, reply.body?.code], [status, code], told);
  assert.deepEqual(Object.keys(reply.body).sort(), ["code", "message", "request_id"], told);
  assert.match(reply.body.request_id, UUID, told);
  assert.equal(reply.headers.get("x-request-id"), reply.body.request_id);
  assertReadableByPages(reply.headers);
  if (message) assert.match(reply.body.message, message);
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/u;

export function assertReadableByPages(headers: Headers): void {
  assert.equal(headers.get("access-control-allow-origin"), "*");
  const exposed = headers.get("access-control-expose-headers") ?? "";
  for (const name of ["retry-after", "x-request-id"]) assert.ok(exposed.includes(name), `not exposed: ${name}`);
}

/** What the model was asked, oldest first, parsed. */
// deno-lint-ignore no-explicit-any -- the wire shape of the model
export async function asked(stack: Stack): Promise<any[]> {
  return (await kept(stack)).map(({ body }) => JSON.parse(body));
}

/** The system prompt of a request to the model. */
export function systemOf(request: { system: { text: string }[] }): string {
  return request.system.map(({ text }) => text).join("");
}

/** The tasks ("evaluate", "rewrite") that the model was given, oldest first. */
// deno-lint-ignore no-explicit-any -- as above
export async function tasks(stack: Stack, task: string): Promise<any[]> {
  const structured = (await asked(stack)).filter((request) => request.output_config);
  return structured.map((request) => JSON.parse(request.messages[0].content)).filter((one) => one.task === task);
}

export async function forgetAsked(stack: Stack): Promise<void> {
  const response = await fetch(`${stack.model.url}/_standin/requests`, { method: "DELETE" });
  await response.body?.cancel();
}

async function kept(stack: Stack): Promise<KeptRequest[]> {
  return await (await fetch(`${stack.model.url}/_standin/requests`)).json();
}

/** That a function was called is on record, whatever came of it, and a little after its answer. */
const RUNS = ["agent_runs", "agent_traces", "tool_calls"];

/** A digest of every row of every table but those and `except`, so that a change of any of them shows. */
export async function contents(stack: Stack, except: string[] = []): Promise<Record<string, string>> {
  const tables = await stack.database.query("select tablename from pg_tables where schemaname = 'pawl'");
  const isLeftOut = (name: string) => [...RUNS, ...except].includes(name);
  const names: string[] = tables.map(({ tablename }) => tablename).filter((name) => !isLeftOut(name)).sort();
  const digest = (name: string) =>
    `(select md5(string_agg(t::text, '|' order by t::text)) from pawl.${name} t) as ${name}`;
  const [row] = await stack.database.query(`select ${names.map(digest).join(", ")}`);
  return row;
}

/** That nothing was stored, but in the tables excepted, and nothing paid for while `act` ran. */
export async function leavesNoTrace<T>(stack: Stack, act: () => Promise<T>, except: string[] = []): Promise<T> {
  const traces = async () => [await contents(stack, except), await kept(stack)];
  const before = await traces();
  const result = await act();
  assert.deepEqual(await traces(), before);
  return result;
}
