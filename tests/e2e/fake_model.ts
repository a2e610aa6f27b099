/**
 * The simulated model behind a door: a test may answer a request itself, or change the answer that comes out.
 * Everything it lets through is answered, and kept for looking at, by the stand-in.
 */
import { startStandIn } from "../../scripts/local/model/server.ts";
import type { Rewriter } from "../../scripts/local/model/rewriter.ts";
import { keepBody } from "./watch.ts";

export interface FakeModel {
  url: string;
  /** Answers instead of the model; null lets the request through. */
  // deno-lint-ignore no-explicit-any -- the wire shape of the model
  instead: (request: any) => Response | null | Promise<Response | null>;
  stop(): Promise<void>;
}

export function startFakeModel(rewriter: Rewriter = "helpful"): FakeModel {
  const standIn = startStandIn({ rewriter });
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const { method, headers } = request;
    const body = await request.text();
    const instead = method === "POST" ? await model.instead(JSON.parse(body)) : null;
    const own = instead && keepBody("what the model said", instead);
    if (own && JSON.parse(body).stream) return await asEvents(own);
    return own ?? await fetch(standIn.url + pathname, { method, headers, body: body || undefined });
  });
  const model: FakeModel = {
    url: `http://127.0.0.1:${server.addr.port}`,
    instead: () => null,
    stop: async () => {
      await server.shutdown();
      await standIn.stop();
    },
  };
  return model;
}

/** A whole answer as the API streams it; what is no answer stays as it is. */
async function asEvents(response: Response): Promise<Response> {
  if (response.status !== 200 || response.headers.get("content-type") !== "application/json") return response;
  const { content, stop_reason, usage, ...head } = await response.clone().json();
  if (!Array.isArray(content)) return response;
  const blocks = (content as { type: string; text?: string }[]).flatMap((block, index) => [
    { type: "content_block_start", index, content_block: { ...block, ...block.type === "text" && { text: "" } } },
    ...block.type === "text"
      ? [{ type: "content_block_delta", index, delta: { type: "text_delta", text: block.text } }]
      : [],
    { type: "content_block_stop", index },
  ]);
  return events([
    { type: "message_start", message: { ...head, content: [], stop_reason: null, usage } },
    ...blocks,
    { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage },
    { type: "message_stop" },
  ]);
}

/** A stream of the API's. */
export function events(list: ({ type: string } & Record<string, unknown>)[]): Response {
  const body = list.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
  return new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
}

/** The task of a structured request: "evaluate" or "rewrite"; undefined for a chat. */
// deno-lint-ignore no-explicit-any -- the wire shape of the model
export function taskOf(request: any): any {
  return request.output_config ? JSON.parse(request.messages[0].content) : undefined;
}

/** An answer as the API gives one. */
export function message(content: unknown[], more: Record<string, unknown> = {}): Response {
  return Response.json({
    id: "msg_fake",
    type: "message",
    role: "assistant",
    model: "fake",
    content,
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
    ...more,
  });
}

export function text(words: unknown): Response {
  return message([{ type: "text", text: typeof words === "string" ? words : JSON.stringify(words) }]);
}

/** An error as the API gives one, with the advice that asking again is no use: tests of retries use the stand-in's. */
export function failure(status: number, type: string): Response {
  const body = { type: "error", error: { type, message: "no" }, request_id: "req_fake" };
  return Response.json(body, { status, headers: { "x-should-retry": "false" } });
}
