/** A message sent to chat-handler, as JSON or as a stream: what came of it, in one form. And many at once. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import { type Assistant, join, makeAssistant, makeOrganization } from "./assistants.ts";
import { assertError, assertReadableByPages, bearing, mint } from "./scene.ts";
import { keepRequest, overheard } from "./watch.ts";

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
  // A function alone has no gateway that would watch.
  keepRequest(headers, { message });
  const response = overheard(
    "chat-handler",
    await fetch(`${url}/functions/v1/chat-handler`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ message, stream: way === "stream" }),
      signal,
    }),
  );
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

/** One `start`, then deltas, then either `done` or `error`, numbered in order; and pings, which count for nothing. */
function toldByEvents({ status, headers }: Response, received: string): Told {
  assert.equal(status, 200);
  assert.ok(received.endsWith("\n\n"), "the stream ended within an event");
  const events = received.slice(0, -2).split("\n\n").filter((lines) => lines !== PING).map((lines) => {
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
  assert.ok(retry_after === undefined || Number.isInteger(retry_after), received);
  const retryAfter = retry_after?.toString();
  return { status: meant, code, retryAfter, asEvents: true, text, body: last.data };
}

const PING = "event: ping\ndata: {}";

export interface Member {
  id: string;
  credentials: Record<string, string>;
  assistant: Assistant;
}

/** Somebody in an organisation of their own, with its own assistant: what is theirs is counted apart. */
export async function newMember(stack: Stack): Promise<Member> {
  const id = crypto.randomUUID();
  const organization = await makeOrganization(stack, id);
  const assistant = await makeAssistant(stack, {}, { organization });
  await join(stack, organization, id);
  return { id, credentials: bearing(stack, mint(stack.jwtSecret, { sub: id })), assistant };
}

const AT_ONCE = 16;

/** Starts tasks, so many at once. */
export function startAll(tasks: (() => Promise<void>)[]): Promise<void>[] {
  const waiting = tasks.map((task) => ({ task, ...Promise.withResolvers<void>() }));
  const ends = waiting.map(({ promise }) => promise);
  // They are looked at in their order, maybe long after they ended.
  for (const end of ends) end.catch(() => {});
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await next.task().then(next.resolve, next.reject);
  };
  for (let worker = 0; worker < AT_ONCE; worker++) work();
  return ends;
}
