/** What the tests of the stand-in share: requests, and reading what comes back. */
import assert from "node:assert/strict";
import type { KeptRequest } from "./control.ts";
import { type StandInOptions, startStandIn } from "./server.ts";

export const HEADERS = {
  "x-api-key": "sk-ant-stand-in",
  "anthropic-version": "2023-06-01",
  "content-type": "application/json",
};
export const CHAT = {
  model: "claude-sonnet-5-5",
  max_tokens: 1024,
  system: "Answer the question.",
  messages: [{ role: "user", content: "How does a hash table work?" }],
};
/** What the stand-in says to `CHAT`. */
export const TEXT = '[simulated] Start with the basics of "hash table work".';
export const REWRITE_SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: ["prompt", "change_reason"],
  properties: { prompt: { type: "string" }, change_reason: { type: "string" } },
};
export const REWRITE = structured(REWRITE_SCHEMA, {
  task: "rewrite",
  current_prompt: "Answer the question.",
  weaknesses: ["The tone is curt."],
  patterns: [],
  strengths: [],
  protected_clauses: [],
  max_characters: 500,
  violations: [],
});

export function structured(schema: unknown, task: unknown) {
  const output_config = { format: { type: "json_schema", schema } };
  return { ...CHAT, messages: [{ role: "user", content: JSON.stringify(task) }], output_config };
}

export async function withStandIn(use: (url: string) => Promise<void>, options: StandInOptions = {}): Promise<void> {
  const standIn = startStandIn(options);
  try {
    await use(standIn.url);
  } finally {
    await standIn.stop();
  }
}

export function send(
  url: string,
  body: unknown,
  { headers = HEADERS, signal }: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(`${url}/v1/messages`, { method: "POST", headers, body: text, signal });
}

export function sendStream(url: string, body: Record<string, unknown> = CHAT): Promise<Response> {
  return send(url, { ...body, stream: true });
}

// deno-lint-ignore no-explicit-any -- JSON
export async function control(url: string, method: string, endpoint: string, body?: unknown): Promise<any> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return await (await fetch(`${url}/_standin/${endpoint}`, { method, body: text })).json();
}

export async function setFaults(url: string, ...faults: unknown[]): Promise<void> {
  const left = await control(url, "PUT", "faults", faults);
  assert.ok(Array.isArray(left), JSON.stringify(left));
}

export function keptRequests(url: string): Promise<KeptRequest[]> {
  return control(url, "GET", "requests");
}

/** Asks again until some kept request is as wanted. */
export async function untilKept(url: string, wanted: (request: KeptRequest) => boolean): Promise<void> {
  while (!(await keptRequests(url)).some(wanted)) await new Promise((resolve) => setTimeout(resolve, 1));
}

export interface Event {
  /** As the line `event:` has it. */
  name: string;
  /** Parsed; a string where it is not JSON. */
  // deno-lint-ignore no-explicit-any -- the wire shape of the model
  data: any;
}

/** The events of a stream as they come in; throws where the connection breaks. */
export async function* eventsIn(response: Response): AsyncGenerator<Event> {
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end; (end = text.indexOf("\n\n")) !== -1; text = text.slice(end + 2)) yield eventOf(text.slice(0, end));
  }
  assert.equal(text, "", "the stream ends with a whole event");
}

/** A whole stream, and whether the connection broke at its end. */
export async function readStream(response: Response): Promise<{ events: Event[]; broken: boolean }> {
  const events: Event[] = [];
  try {
    for await (const event of eventsIn(response)) events.push(event);
    return { events, broken: false };
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return { events, broken: true };
  }
}

export function textIn(events: Event[]): string {
  return events.map(({ data }) => data.delta?.text ?? "").join("");
}

export function namesOf(events: Event[]): string[] {
  return events.map(({ name }) => name);
}

function eventOf(lines: string): Event {
  const [, name, data] = /^event: (\w+)\ndata: (.*)$/u.exec(lines) ?? assert.fail(`no event: ${lines}`);
  return { name, data: parsed(data) };
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
