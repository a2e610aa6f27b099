/** A message sent to chat-handler, as JSON or as a stream: what came of it, in one form. */
import assert from "node:assert/strict";
import { assertError, assertReadableByPages } from "./scene.ts";

export const WAYS = ["JSON", "stream"] as const;
export type Way = typeof WAYS[number];

export interface Told {
  /** Of the response; of a stream's event `error` if there is one. */
  status: number;
  code?: string;
  retryAfter?: string;
  /** Whether it came as events. */
  asEvents: boolean;
  /** The deltas, joined; of a JSON response its answer. What of it counts, the status says. */
  text: string;
  /** What is told of the answer, or of the lack of one. */
  // deno-lint-ignore no-explicit-any -- each test knows the body it looks at
  body: any;
}

/** `url` is a stack's, or that of a function alone. */
export async function ask(
  url: string,
  way: Way,
  message: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Told> {
  const response = await fetch(`${url}/functions/v1/chat-handler`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ message, stream: way === "stream" }),
    signal,
  });
  assertReadableByPages(response.headers);
  const body = await response.text();
  const asEvents = response.headers.get("content-type")!.startsWith("text/event-stream");
  return asEvents ? toldByEvents(response, body) : toldByJson(response, JSON.parse(body));
}

// deno-lint-ignore no-explicit-any -- as above
function toldByJson({ status, headers }: Response, body: any): Told {
  if (status !== 200) assertError({ status, headers, body }, status, body.code);
  const retryAfter = headers.get("retry-after") ?? undefined;
  return { status, code: body.code, retryAfter, asEvents: false, text: body.answer ?? "", body };
}

/** One `start`, then deltas, then either `done` or `error`, numbered in order. */
function toldByEvents({ status, headers }: Response, received: string): Told {
  assert.equal(status, 200);
  assert.ok(received.endsWith("\n\n"), "the stream ended within an event");
  const events = received.slice(0, -2).split("\n\n").map((lines) => {
    const [, id, event, data] = /^id: (.+)\nevent: (.+)\ndata: (.+)$/u.exec(lines)!;
    return { id, event, data: JSON.parse(data) };
  });
  const [start, ...deltas] = events;
  const last = deltas.pop()!;
  assert.equal(start.event, "start", received);
  assert.ok(deltas.every(({ event }) => event === "delta"), received);
  const attempt = start.id.slice(0, start.id.lastIndexOf("."));
  assert.ok(attempt.startsWith(`${start.data.turn_id}.`));
  assert.deepEqual(events.map(({ id }) => id), events.map((_, number) => `${attempt}.${number}`));
  for (const { request_id } of [start.data, last.data]) assert.equal(request_id, headers.get("x-request-id"));

  const text = deltas.map(({ data }) => data.text).join("");
  if (last.event === "done") return { status: 200, asEvents: true, text, body: last.data };
  assert.equal(last.event, "error", received);
  const { status: meant, code, retry_after, ...rest } = last.data;
  assert.deepEqual(Object.keys(rest).sort(), ["message", "request_id"], received);
  return { status: meant, code, retryAfter: retry_after, asEvents: true, text, body: last.data };
}
