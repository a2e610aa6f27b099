/** Streams: what the real API sends, in its order, and the text that comes without streaming. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { piecesOf } from "./message.ts";
import {
  CHAT,
  eventsIn,
  namesOf,
  readStream,
  REWRITE,
  send,
  sendStream,
  setFaults,
  TEXT,
  textIn,
  withStandIn,
} from "./scene.ts";
import { cutAt } from "./text.ts";

const TALKATIVE = { ...CHAT, system: "Acknowledge the user. Give reasons, examples and steps. Name the limits." };

Deno.test("a stream has the events of the real API, in its order", async () => {
  await withStandIn(async (url) => {
    const response = await sendStream(url);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    assert.equal(response.headers.get("x-pawl-simulated"), "true");
    assert.match(response.headers.get("request-id")!, /^req_/);
    const { events, broken } = await readStream(response);
    assert.equal(broken, false);
    assert.ok(events.every(({ name, data }) => name === data.type));
    assert.deepEqual(namesOf(events), [
      "message_start",
      "content_block_start",
      "ping",
      "content_block_delta",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    const [{ data: { message } }, { data: start }] = events;
    assert.deepEqual([message.content, message.stop_reason, message.usage.output_tokens], [[], null, 1]);
    assert.equal(message.model, "simulated/claude-sonnet-5-5");
    assert.deepEqual(start, { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });
    assert.deepEqual(events.at(-2)!.data.delta, { stop_reason: "end_turn", stop_sequence: null });
  });
});

Deno.test("streamed and in one piece, text, stop reason and usage are the same", async () => {
  await withStandIn(async (url) => {
    for (const body of [CHAT, TALKATIVE, REWRITE, { ...TALKATIVE, max_tokens: 20 }]) {
      const whole = await (await send(url, body)).json();
      const { events } = await readStream(await sendStream(url, body));
      assert.equal(textIn(events), whole.content[0].text);
      const { delta, usage } = events.at(-2)!.data;
      assert.equal(delta.stop_reason, whole.stop_reason);
      assert.deepEqual(usage, whole.usage);
      assert.deepEqual({ ...events[0].data.message.usage, output_tokens: usage.output_tokens }, usage);
    }
  });
});

Deno.test("the same stream comes again", async () => {
  await withStandIn(async (url) => {
    const texts = async () => (await readStream(await sendStream(url, TALKATIVE))).events.map(({ data }) => data.delta);
    assert.deepEqual(await texts(), await texts());
  });
});

Deno.test("pieces join to the text, are three to six words long, and three at least where there are three words", () => {
  const long = "One two three four. ".repeat(20);
  for (const text of [long, TEXT, "a b c", "a\n\nb c ", " a b c", "a b", "a", " \n", "🙂 ".repeat(50)]) {
    const pieces = piecesOf(text);
    assert.equal(pieces.join(""), text);
    const words = text.trim().split(/\s+/u).length;
    assert.ok(pieces.length >= Math.min(3, words), `${JSON.stringify(text)}: ${pieces.length}`);
  }
  const counts = piecesOf(long).map((piece) => piece.trim().split(/\s+/u).length);
  assert.ok(counts.slice(0, -1).every((count) => count >= 3 && count <= 6), `${counts}`);
});

Deno.test("text that is cut in the middle of an emoji loses it whole", () => {
  assert.deepEqual([2, 3, 4, 5, 9].map((length) => cutAt("a🙂b🙂", length)), ["a", "a🙂", "a🙂b", "a🙂b", "a🙂b🙂"]);
});

Deno.test("a client reads the first words before the last ones are sent", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "hold" });
    const events = eventsIn(await sendStream(url));
    for (const name of ["message_start", "content_block_start", "ping", "content_block_delta"]) {
      assert.equal((await events.next()).value!.name, name);
    }
    await events.return(undefined);
  });
});

const RECORDINGS = new URL("../../../../shared/fixtures/anthropic/", import.meta.url);
const missing = !existsSync(RECORDINGS);
if (missing) console.warn(`SKIPPED: streams compared with recorded ones (no folder ${RECORDINGS.pathname})`);
const RECORDED: Record<string, unknown[]> = {
  "anthropic-text.chunks.txt": [],
  "anthropic-refusal.chunks.txt": [{ fault: "refusal" }],
};

for (const [file, faults] of Object.entries(RECORDED)) {
  // In the name too: a quiet run shows names only.
  const skipped = missing ? "SKIPPED, no fixtures: " : "";
  Deno.test({ name: `${skipped}a stream has the shape of the recorded one: ${file}`, ignore: missing }, async () => {
    const recorded = readFileSync(new URL(file, RECORDINGS), "utf8").trim().split("\n").map((line) => JSON.parse(line));
    await withStandIn(async (url) => {
      await setFaults(url, ...faults);
      const { events } = await readStream(await sendStream(url));
      assert.deepEqual(shapesOf(events.map(({ data }) => data)), shapesOf(recorded));
    });
  });
}

/** What our usage leaves out. */
const DETAILS = ["cache_creation", "service_tier", "inference_geo"];

/** The names and types of all fields; deltas in a row count as one. */
function shapesOf(events: unknown[]): string[] {
  const shapes = events.map((event) => JSON.stringify(shapeOf(event)));
  return shapes.filter((shape, index) => shape !== shapes[index - 1]);
}

function shapeOf(value: unknown): unknown {
  if (value === null || Array.isArray(value) || typeof value !== "object") {
    return Array.isArray(value) ? [] : typeof value;
  }
  const fields = Object.entries(value).filter(([name]) => !DETAILS.includes(name)).sort();
  return fields.map(([name, field]) => [name, name === "type" ? field : shapeOf(field)]);
}
