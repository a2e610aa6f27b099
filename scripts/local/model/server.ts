/**
 * The stand-in: an HTTP server that speaks the Anthropic Messages API, for where no real model is at hand.
 * The same request always gets the same answer; everything it says is labelled as simulated.
 */
import { chat } from "./chat.ts";
import { type EvaluateTask, judge } from "./judge.ts";
import { checkHeaders, invalid, MAX_BODY_BYTES, type MessagesRequest, readRequest, Refusal } from "./request.ts";
import { rewrite, type Rewriter, type RewriteTask } from "./rewriter.ts";
import { misfitOf, type Schema } from "./schema.ts";

export interface StandInOptions {
  /** 0, the default, picks a free one. */
  port?: number;
  rewriter?: Rewriter;
  /** How many requests are kept for tests to look at. */
  keep?: number;
}

export interface StandIn {
  /** What ANTHROPIC_BASE_URL should be. */
  url: string;
  stop(): Promise<void>;
}

/** A request as it came in, for tests: `GET /_standin/requests` lists them, `DELETE` forgets them. */
export interface KeptRequest {
  body: string;
  status: number;
}

export function startStandIn({ port = 0, rewriter = "helpful", keep = 200 }: StandInOptions = {}): StandIn {
  const kept: KeptRequest[] = [];
  const server = Deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/_standin/requests") return inspect(request.method, kept);
    const id = `req_${crypto.randomUUID().replaceAll("-", "")}`;
    const { body, response } = await answer(request, pathname, rewriter, id);
    kept.push({ body, status: response.status });
    kept.splice(0, kept.length - keep);
    return response;
  });
  return { url: `http://127.0.0.1:${server.addr.port}`, stop: () => server.shutdown() };
}

function inspect(method: string, kept: KeptRequest[]): Response {
  if (method === "DELETE") kept.length = 0;
  return Response.json(kept);
}

async function answer(request: Request, path: string, rewriter: Rewriter, id: string) {
  let body = "";
  try {
    if (path !== "/v1/messages") throw new Refusal(404, "not_found_error", "Not Found");
    if (request.method !== "POST") throw new Refusal(405, "invalid_request_error", "Method Not Allowed");
    checkHeaders(request.headers);
    body = await readBody(request);
    const message = readRequest(body);
    return { body, response: reply(200, id, messageOf(message, textFor(message, rewriter), body)) };
  } catch (error) {
    const { status, type, message } = error instanceof Refusal
      ? error
      : new Refusal(500, "api_error", `the simulated model failed: ${error}`);
    return { body, response: reply(status, id, { type: "error", error: { type, message }, request_id: id }) };
  } finally {
    await request.body?.cancel().catch(() => {});
  }
}

async function readBody(request: Request): Promise<string> {
  const tooLarge = new Refusal(413, "request_too_large", "Request exceeds the maximum size");
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) throw tooLarge;
  const bytes = await request.bytes();
  if (bytes.byteLength > MAX_BODY_BYTES) throw tooLarge;
  return new TextDecoder().decode(bytes);
}

/** A structured request is a task of ours; any other is a chat, also when its text looks like a task. */
function textFor({ system, lastUserMessage, schema }: MessagesRequest, rewriter: Rewriter): string {
  if (schema === null) return chat(system, lastUserMessage);
  const task = parseTask(lastUserMessage);
  const result = task.task === "evaluate" ? judge(task) : rewrite(task, rewriter);
  return fitted(schema, result);
}

type Task = ({ task: "evaluate" } & EvaluateTask) | ({ task: "rewrite" } & RewriteTask);

function parseTask(text: string): Task {
  try {
    const task = JSON.parse(text);
    if (task?.task === "evaluate" || task?.task === "rewrite") return task;
  } catch {
    // said below, as for JSON of another task
  }
  throw invalid('messages: the simulated model gives structured answers to the tasks "evaluate" and "rewrite" only');
}

/** The real model never breaks the schema it was given; where ours would, the two have drifted apart. */
function fitted(schema: Schema, result: unknown): string {
  const misfit = misfitOf(schema, result);
  if (misfit) throw new Refusal(500, "api_error", `the simulated answer does not fit the schema: ${misfit}`);
  return JSON.stringify(result);
}

function messageOf({ model, maxTokens }: MessagesRequest, text: string, body: string) {
  const tokens = tokensIn(text);
  const cut = tokens > maxTokens;
  return {
    id: `msg_${crypto.randomUUID().replaceAll("-", "")}`,
    type: "message",
    role: "assistant",
    model: `simulated/${model}`,
    content: [{ type: "text", text: cut ? text.slice(0, maxTokens * CHARACTERS_PER_TOKEN) : text }],
    stop_reason: cut ? "max_tokens" : "end_turn",
    stop_sequence: null,
    usage: {
      input_tokens: tokensIn(body),
      output_tokens: Math.min(tokens, maxTokens),
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
    },
  };
}

/** A rule of thumb: the stand-in has no tokenizer. */
const CHARACTERS_PER_TOKEN = 4;

function tokensIn(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}

function reply(status: number, id: string, body: unknown): Response {
  return Response.json(body, { status, headers: { "request-id": id, "x-pawl-simulated": "true" } });
}
