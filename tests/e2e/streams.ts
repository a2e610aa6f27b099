/** Reading chat-handler's streams, and telling the stand-in model how to behave. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";

export interface StreamEvent {
  event: string;
  id: string;
  // deno-lint-ignore no-explicit-any -- each test knows the event it looks at
  data: any;
}

export interface OpenStream {
  response: Response;
  /** The next event, as soon as it is there; null at the end. */
  next(): Promise<StreamEvent | null>;
  /** Everything that is still to come. */
  rest(): Promise<StreamEvent[]>;
  /** As a client that goes away. */
  leave(): void;
}

export async function openStream(
  stack: Pick<Stack, "url">,
  body: Record<string, unknown>,
  headers: Record<string, string>,
): Promise<OpenStream> {
  const leaving = new AbortController();
  const response = await fetch(`${stack.url}/functions/v1/chat-handler`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ stream: true, ...body }),
    signal: leaving.signal,
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let received = "";
  const next = async (): Promise<StreamEvent | null> => {
    while (!received.includes("\n\n")) {
      const { value, done } = await reader.read();
      if (done) {
        assert.equal(received, "", "the stream ended within an event");
        return null;
      }
      received += value;
    }
    const end = received.indexOf("\n\n");
    const event = parse(received.slice(0, end));
    received = received.slice(end + 2);
    return event;
  };
  const rest = async () => {
    const events: StreamEvent[] = [];
    for (let event = await next(); event; event = await next()) events.push(event);
    return events;
  };
  return { response, next, rest, leave: () => leaving.abort() };
}

function parse(lines: string): StreamEvent {
  const field = (name: string) =>
    lines.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
  return { event: field("event"), id: field("id"), data: JSON.parse(field("data")) };
}

/** The events' names, with the text of those that have one. */
export function told(events: StreamEvent[]): string[] {
  return events.map(({ event, data }) => event === "delta" ? data.text : event);
}

export async function setFaults(stack: Stack, faults: Record<string, unknown>[]): Promise<void> {
  const init = { method: "PUT", body: JSON.stringify(faults), headers: { "content-type": "application/json" } };
  const response = await fetch(`${stack.model.url}/_standin/faults`, init);
  assert.equal(response.status, 200, await response.text());
}

/** Lets every answer go that the fault `hold` holds; how many there were. */
export async function release(stack: Stack): Promise<number> {
  const response = await fetch(`${stack.model.url}/_standin/release`, { method: "POST" });
  return (await response.json()).released;
}

/** Waits until something is so; it is asked again and again, because nobody says when. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!await isSo()) {
    assert.ok(Date.now() < deadline, `still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
