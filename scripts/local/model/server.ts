/**
 * The stand-in: an HTTP server that speaks the Anthropic Messages API, for where no real model is at hand.
 * Without noise the same request always gets the same answer; everything it says is labelled as simulated.
 */
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { type PromptCache, useCache } from "./cache.ts";
import { chat } from "./chat.ts";
import { compare, type CompareTask } from "./compare.ts";
import { control, type Controls, type KeptRequest } from "./control.ts";
import { type Answer, deliver, errorAnswer } from "./delivery.ts";
import { openDoor } from "./door.ts";
import { answerWith, changed, failureFor } from "./failures.ts";
import { type Fault, takeFault } from "./faults.ts";
import { type EvaluateTask, judge } from "./judge.ts";
import { messageOf, say } from "./message.ts";
import { type Luck, luckOf, type Noise } from "./noise.ts";
import { phrase, type PhraseTask } from "./phraser.ts";
import { invalid, Refusal } from "./refusal.ts";
import { checkHeaders, type MessagesRequest, readRequest } from "./request.ts";
import { rewrite, type Rewriter, type RewriteTask } from "./rewriter.ts";
import { misfitOf, type Schema } from "./schema.ts";
import { trained, type Tuned } from "./tuned.ts";

export type { KeptRequest } from "./control.ts";

export interface StandInOptions {
  /** 0, the default, picks a free one. */
  port?: number;
  rewriter?: Rewriter;
  /** How many requests are kept for tests to look at. */
  keep?: number;
  /** Milliseconds that pass before each answer to a chat. */
  slowMs?: number;
  /** Answers come as prose, lists, tables or code also where no format is asked for. */
  variety?: boolean;
  /** Two answers to one request differ, and comparisons err. */
  noise?: Noise | null;
  /** Praise wins every judgement. */
  gullible?: boolean;
  /** It serves these models and no other, for another key, and they only chat. */
  tuned?: Tuned | null;
}

export interface StandIn {
  /** What ANTHROPIC_BASE_URL should be. */
  url: string;
  /** Breaks off whatever is still being answered. */
  stop(): Promise<void>;
}

export function startStandIn(
  {
    port = 0,
    rewriter = "helpful",
    keep = 200,
    slowMs = 0,
    variety = false,
    noise = null,
    gullible = false,
    tuned = null,
  }: StandInOptions = {},
): StandIn {
  const controls: Controls = { kept: [], faults: [], held: new Set(), variety, noise, times: new Map(), gullible };
  const model: Model = { rewriter, slowMs, cache: new Set(), controls, tuned };
  const { url, close } = openDoor(port, async (request, response) => {
    const body = await readBody(request);
    const { pathname: path } = new URL(request.url ?? "/", "http://stand-in");
    const kept: KeptRequest = { body: body ?? "", status: null, fault: null, finished: false, aborted: false };
    const told = control(request.method ?? "GET", path, kept.body, controls);
    if (told === null) {
      controls.kept.push(kept);
      controls.kept.splice(0, controls.kept.length - keep);
    }
    const answer = told ?? answerTo({ method: request.method, path, headers: headersOf(request), body }, model, kept);
    await deliver(answer, response, controls.held, kept);
  });
  return { url, stop: close };
}

const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Null for one that is too large; that too is read to its end, for only then does its client look for an answer. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.byteLength;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size <= MAX_BODY_BYTES ? Buffer.concat(chunks).toString() : null;
}

function headersOf({ headers }: IncomingMessage): Headers {
  return new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

interface Model {
  rewriter: Rewriter;
  slowMs: number;
  cache: PromptCache;
  controls: Controls;
  tuned: Tuned | null;
}

interface Received {
  method?: string;
  path: string;
  headers: Headers;
  body: string | null;
}

function answerTo(received: Received, model: Model, kept: KeptRequest): Answer {
  const id = `req_${crypto.randomUUID().replaceAll("-", "")}`;
  const answer = answerOrError(received, model, kept, id);
  return { ...answer, headers: { ...answer.headers, "request-id": id } };
}

function answerOrError(received: Received, model: Model, kept: KeptRequest, id: string): Answer {
  try {
    return answerOf(check(received, model.tuned), model, kept, id);
  } catch (error) {
    const { status, type, message } = error instanceof Refusal
      ? error
      : new Refusal(500, "api_error", `the simulated model failed: ${error}`);
    return errorAnswer(status, { type, message }, id);
  }
}

function check({ method, path, headers, body }: Received, tuned: Tuned | null): MessagesRequest {
  if (path !== "/v1/messages") throw new Refusal(404, "not_found_error", "Not Found");
  if (method !== "POST") throw new Refusal(405, "invalid_request_error", "Method Not Allowed");
  checkHeaders(headers, tuned);
  if (body === null) throw new Refusal(413, "request_too_large", "Request exceeds the maximum size");
  return readRequest(body, tuned);
}

/** A request takes a fault only once it has passed every check. */
function answerOf(request: MessagesRequest, model: Model, kept: KeptRequest, id: string): Answer {
  const { noise, times } = model.controls;
  const text = textFor(request, model, luckOf(noise, kept.body, times));
  const kind = request.schema === null ? "chat" : "structured";
  const fault = takeFault(model.controls.faults, kind);
  kept.fault = fault?.fault ?? null;
  const answer = failureFor(fault, request.stream, id) ?? spoken(request, text, model.cache, fault);
  return kind === "chat" && model.slowMs > 0 ? delayed(answer, model.slowMs) : answer;
}

function spoken(request: MessagesRequest, text: string, cache: PromptCache, fault: Fault | null): Answer {
  const saying = changed(say(text, request.maxTokens), request.model, fault);
  return answerWith(messageOf(saying, request, useCache(cache, request)), request.stream, fault);
}

function delayed(answer: Answer, ms: number): Answer {
  return { ...answer, steps: [{ wait: ms }, ...answer.steps] };
}

/** A structured request is a task of ours; any other is a chat, also when its text looks like a task. */
function textFor({ model: name, system, lastUserMessage, schema }: MessagesRequest, model: Model, luck: Luck): string {
  if (schema === null) return chat(system, lastUserMessage, model.controls.variety, trained(luck, name, model.tuned));
  return fitted(schema, resultOf(parseTask(lastUserMessage), model, luck));
}

type Task =
  | ({ task: "evaluate" } & EvaluateTask)
  | ({ task: "compare" } & CompareTask)
  | ({ task: "rewrite" } & RewriteTask)
  | ({ task: "phrase" } & PhraseTask);

function resultOf(task: Task, { rewriter, controls: { gullible } }: Model, luck: Luck): unknown {
  switch (task.task) {
    case "evaluate":
      return judge(task, gullible);
    case "compare":
      return compare(task, { luck, gullible });
    case "rewrite":
      return rewrite(task, rewriter);
    case "phrase":
      return phrase(task);
  }
}

function parseTask(text: string): Task {
  try {
    const task = JSON.parse(text);
    if (TASKS.includes(task?.task)) return task;
  } catch {
    // said below, as for JSON of another task
  }
  throw invalid(
    'messages: the simulated model gives structured answers to the tasks "evaluate", "compare", "rewrite" and ' +
      '"phrase" only',
  );
}

const TASKS = ["evaluate", "compare", "rewrite", "phrase"];

/** The real model never breaks the schema it was given; where ours would, the two have drifted apart. */
function fitted(schema: Schema, result: unknown): string {
  const misfit = misfitOf(schema, result);
  if (misfit) throw new Refusal(500, "api_error", `the simulated answer does not fit the schema: ${misfit}`);
  return JSON.stringify(result);
}
