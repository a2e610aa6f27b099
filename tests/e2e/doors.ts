/** Doors between chat-handler and what it calls, where a test can come between; and a function without a gateway. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { forEachLine } from "../../scripts/local/functions.ts";
import { openDoor } from "../../scripts/local/model/door.ts";
import type { Fault } from "../../scripts/local/model/faults.ts";
import { type KeptRequest, startStandIn } from "../../scripts/local/model/server.ts";
import { type Stack, STAND_IN_KEY } from "../../scripts/local/stack.ts";
import { hear } from "./watch.ts";

/**
 * What becomes of a call: the connection breaks before it is heard; it is refused, as PostgREST does without its
 * database; or it is carried out, and the connection breaks before the reply.
 */
export type Disturbance = "broken" | "refused" | "reply lost";

export interface DatabaseDoor {
  /** What SUPABASE_URL should be. */
  url: string;
  /** Where it leads: known once the stack stands. */
  target: string;
  for(words: string): Calls;
  close(): Promise<void>;
}

/** Calls of the database that are made to have one message answered. */
export interface Calls {
  /** What becomes of the next ones of an SQL function; all others pass. */
  disturb(rpc: string, how: Disturbance, times?: number): void;
  /** From now on everything passes. Returns those that were to come and did not. */
  calm(): string[];
}

export function openDatabaseDoor(): DatabaseDoor {
  let disturbances: { words: string; rpc: string; how: Disturbance; left: number; met: boolean }[] = [];
  // Of a turn, and of the prompt that is to answer it: calls that follow name one of the two.
  const wordsOf = new Map<string, string>();
  const { url, close } = openDoor(0, async (request, response) => {
    const body = await bodyOf(request);
    const { p_message, p_turn_id, p_prompt_id } = JSON.parse(body);
    const words = p_message ?? wordsOf.get(p_turn_id ?? p_prompt_id);
    const disturbance = disturbances.find((one) =>
      request.url!.endsWith(`/${one.rpc}`) && one.left > 0 && one.words === words
    );
    if (disturbance) [disturbance.left, disturbance.met] = [disturbance.left - 1, true];
    if (disturbance?.how === "broken") return void response.destroy();
    if (disturbance?.how === "refused") return refuse(response);
    const reply = await forward(door.target, request, body).catch(() => null);
    const outcome = await reply?.text();
    if (p_message && reply?.ok) {
      const { turn_id, prompt_id } = JSON.parse(outcome!);
      for (const id of [turn_id, prompt_id]) wordsOf.set(id, words);
    }
    if (!reply || disturbance) return void response.destroy();
    response.writeHead(reply.status, { "content-type": "application/json", connection: "close" }).end(outcome);
  });
  const door: DatabaseDoor = {
    url,
    target: "",
    for: (words) => ({
      disturb: (rpc, how, times = 1) => void disturbances.push({ words, rpc, how, left: times, met: false }),
      calm: () => {
        const over = disturbances.filter((one) => one.words === words);
        disturbances = disturbances.filter((one) => one.words !== words);
        return over.filter(({ left, met }) => left > 0 && !(met && left === Infinity)).map(({ rpc }) => rpc);
      },
    }),
    close,
  };
  return door;
}

function refuse(response: ServerResponse): void {
  const body = { code: "PGRST001", message: "Database connection error. Retrying the connection.", details: null };
  response.writeHead(503, { "content-type": "application/json", connection: "close" }).end(JSON.stringify(body));
}

/** A fault as the stand-in takes it. */
export type Order = Pick<Fault, "fault"> & Partial<Fault>;

/** A stand-in that answers one message, and no other. */
export interface Model {
  /** What becomes of its next requests. */
  orders(faults: Order[]): Promise<void>;
  requests(): Promise<KeptRequest[]>;
  /** Lets held answers go on. */
  release(): Promise<number>;
}

export interface Models {
  /** What ANTHROPIC_BASE_URL should be. */
  url: string;
  for(words: string): Model;
  /** Requests for which there was no model. */
  strays: string[];
  close(): Promise<void>;
}

/** A stand-in for each message, so that faults that are there for one cannot hit another: cells may run at once. */
export function openModels(): Models {
  const standIns = new Map<string, ReturnType<typeof startStandIn>>();
  const strays: string[] = [];
  const { url, close } = openDoor(0, async (request, response) => {
    const body = await bodyOf(request);
    const standIn = standIns.get(JSON.parse(body).messages.at(-1).content);
    if (standIn) return await passOn(standIn.url, request, body, response);
    strays.push(body);
    response.destroy();
  });
  return {
    url,
    for: (words) => {
      const standIn = startStandIn();
      standIns.set(words, standIn);
      return controlOf(standIn.url);
    },
    strays,
    close: async () => {
      await close();
      for (const standIn of standIns.values()) await standIn.stop();
    },
  };
}

/** Of the stand-in at this address. */
export function controlOf(url: string): Model {
  const control = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}/_standin/${path}`, init);
    const answer = await response.json();
    assert.equal(response.status, 200, JSON.stringify(answer));
    return answer;
  };
  return {
    orders: (faults) => control("faults", { method: "PUT", body: JSON.stringify(faults) }),
    requests: () => control("requests"),
    release: async () => (await control("release", { method: "POST" })).released,
  };
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** Byte by byte as it comes; what breaks off on the one side breaks off on the other. */
export async function passOn(
  target: string,
  request: IncomingMessage,
  body: string,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  try {
    const reply = await forward(target, request, body, gone.signal);
    const headers = Object.fromEntries(reply.headers);
    delete headers["content-length"];
    response.writeHead(reply.status, { ...headers, connection: "close" });
    for await (const piece of reply.body ?? []) await sendPiece(response, piece);
    response.end();
  } catch {
    response.destroy();
  }
}

/** Resolves when the connection has taken it, so that a break after it does not swallow it. */
export function sendPiece(response: ServerResponse, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => void response.write(piece, (error) => error ? reject(error) : resolve()));
}

export async function forward(
  target: string,
  request: IncomingMessage,
  body: string,
  signal?: AbortSignal,
): Promise<Response> {
  const headers = new Headers(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  for (const name of ["host", "connection", "content-length"]) headers.delete(name);
  headers.set("accept-encoding", "identity");
  const { method } = request;
  return await fetch(target + request.url, { method, headers, body: body || undefined, signal });
}

export interface Alone {
  url: string;
  stop(): Promise<void>;
}

/** A function in a process that clients reach directly: a gateway goes on waiting when its own client has gone. */
export async function startAlone(stack: Stack, more: Record<string, string>, name = "chat-handler"): Promise<Alone> {
  const file = (path: string) => fileURLToPath(new URL(`../../supabase/functions/${name}/${path}`, import.meta.url));
  const flags = [
    "--no-check",
    "--no-lock",
    "--no-prompt",
    "--allow-net",
    "--allow-env",
    "--host=127.0.0.1",
    "--port=0",
  ];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["serve", ...flags, `--config=${file("deno.json")}`, file("index.ts")],
    clearEnv: true,
    env: {
      NO_COLOR: "1",
      SUPABASE_URL: stack.url,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: stack.publishableKey }),
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: stack.secretKey }),
      ANTHROPIC_API_KEY: STAND_IN_KEY,
      ANTHROPIC_BASE_URL: stack.model.url,
      ...more,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { promise: url, resolve, reject } = Promise.withResolvers<string>();
  const said: string[] = [];
  const use = (line: string) => {
    said.push(line);
    hear("a log line", line);
    const listening = /Listening on (http:\/\/127\.0\.0\.1:\d+)/u.exec(line);
    if (listening) resolve(listening[1]);
  };
  const read = Promise.all([forEachLine(child.stdout, use), forEachLine(child.stderr, use)])
    .then(() => reject(new Error(`${name} ended: ${said.join("\n")}`)));
  const stop = async () => {
    child.kill("SIGKILL");
    await Promise.all([child.status, read, url.catch(() => {})]);
  };
  return { url: await url, stop };
}
