/**
 * Public recordings of the Messages API, beside the repository, played to chat-handler: what each of them means. Where
 * they are missing nothing is tested, and the name of what is skipped says so.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { openDoor } from "../../scripts/local/model/door.ts";
import { ask, newMember, startAll, type Way, WAYS } from "./asking.ts";
import { storedFor } from "./cells.ts";
import { bodyOf, sendPiece } from "./doors.ts";
import { onStack } from "./scene.ts";

const FOLDER = new URL("../../../shared/fixtures/anthropic/", import.meta.url);

interface Meaning {
  told: 200 | [status: number, code: string, retryAfter?: string];
  stopReason?: string;
  /** Counted all in all: for an answer as it is told, for a failure as it is in the books. */
  input?: number;
  output?: number;
  /** Requests: one, unless given. */
  asked?: number;
}

const ASKED_AGAIN = 4;
/** Long enough for that. */
const DEADLINE_SECONDS = 15;

/** By file, and for the lists of refusals by line. */
const MEANINGS: Record<string, Meaning | Meaning[]> = {
  "anthropic-text.chunks.txt": answer("end_turn", 12, 30),
  "anthropic-text.json": answer("end_turn", 12, 29),
  // The counts at the end are the ones that hold: 43 tokens were announced.
  "anthropic-message-delta-input-tokens.chunks.txt": answer("end_turn", 61, 2),
  "anthropic-json-output-format.1.chunks.txt": answer("end_turn", 313, 305),
  "anthropic-json-output-format.1.json": answer("end_turn", 371, 629),
  // What it thinks is no part of the answer.
  "anthropic-clear-thinking.1.json": answer("end_turn", 69, 33),
  "anthropic-claude-opus-5-reasoning-high.1.json": answer("end_turn", 51, 1699),
  "anthropic-refusal.chunks.txt": { told: [422, "model_refused"], input: 18, output: 5 },
  "anthropic-refusal.json": { told: [422, "model_refused"], input: 18, output: 5 },
  "anthropic-refusal-no-details.json": { told: [422, "model_refused"], input: 18, output: 5 },
  // Announced twice, one message.
  "duplicate-message-start.chunks.txt": answer("end_turn", 17, 227),
  // The first message broke off in a tool call; the second is nothing but one.
  "spliced-message-start.chunks.txt": { told: [502, "model_empty_answer"], input: 17, output: 65 },
  "stream.basic_response.txt": answer("end_turn", 11, 6),
  // Cut off within a tool call: the text before it is whole.
  "stream.incomplete_partial_json_response.txt": answer("max_tokens", 450, 124),
  "stream.tool_use_response.txt": answer("tool_use", 377, 65),
  "errors.jsonl": [
    { told: [503, "model_overloaded", "10"], asked: ASKED_AGAIN },
    { told: [503, "model_overloaded", "10"], asked: ASKED_AGAIN },
    { told: [502, "model_rejected_request"] },
    // When to come back it leaves to us: in 200 ms.
    { told: [503, "model_rate_limited", "1"], asked: ASKED_AGAIN },
  ],
  "recorded_429.jsonl": [
    ...Array<Meaning>(4).fill({ told: [503, "model_rate_limited", "10"], asked: ASKED_AGAIN }),
    { told: [502, "model_rejected_request"] },
  ],
};

function answer(stopReason: string, input: number, output: number): Meaning {
  return { told: 200, stopReason, input, output };
}

interface Recording {
  name: string;
  meaning: Meaning;
  status: number;
  headers: Record<string, string>;
  body: string;
  /** Read from the recording here, and not by what is tested. */
  text: string;
  model: string;
}

const isThere = existsSync(FOLDER);

Deno.test({
  name: isThere
    ? "recordings: every file has a meaning [catches: a recording that nobody plays]"
    : "recordings: SKIPPED, for ../shared/fixtures/anthropic is not there (every file has a meaning)",
  ignore: !isThere,
  fn: () => {
    const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name);
    assert.deepEqual(files.sort(), Object.keys(MEANINGS).sort());
    for (const [file, meaning] of Object.entries(MEANINGS)) {
      if (Array.isArray(meaning)) assert.equal(linesOf(file).length, meaning.length, file);
    }
  },
});

Deno.test({
  name: isThere
    ? "recordings: each is understood [catches: a parser that knows its own stand-in alone]"
    : "recordings: SKIPPED, for ../shared/fixtures/anthropic is not there (each is understood)",
  ignore: !isThere,
  fn: async (test) => {
    const player = openPlayer();
    const functionEnvironment = { PAWL_CHAT_DEADLINE_SECONDS: `${DEADLINE_SECONDS}` };
    await onStack({ functionEnvironment, model: { baseUrl: player.url } }, async ({ stack }) => {
      const plays = Object.keys(MEANINGS).flatMap(recordingsIn).flatMap((recording) =>
        WAYS.map((way) => ({ recording, way }))
      );
      const played = startAll(plays.map(({ recording, way }) => async () => {
        const [person, words] = [await newMember(stack), `${recording.name} as ${way}`];
        player.play(words, recording);
        const told = await ask(stack.url, way, words, person.credentials);
        assertUnderstood(told, recording, way);
        const { asked = 1, input = 0, output = 0, stopReason } = recording.meaning;
        assert.equal(player.asked(words), asked);

        const { turns: [turn], messages: [, stored], tokens } = await storedFor(stack, person.id);
        assert.equal(tokens, input + output);
        if (told.status !== 200) {
          assert.deepEqual([turn.status, turn.error_code, stored], ["failed", told.code, undefined]);
          return;
        }
        assert.deepEqual([turn.status, stored], ["completed", { role: "assistant", content: recording.text }]);
        assert.deepEqual([told.body.stop_reason, told.body.model], [stopReason, recording.model]);
        const { input_tokens, output_tokens } = told.body.usage;
        assert.deepEqual([input_tokens, output_tokens], [input, output]);
      }));
      for (const [index, { recording, way }] of plays.entries()) {
        const { name, meaning: { told, stopReason } } = recording;
        await test.step(`${name}, ${way}: ${told === 200 ? stopReason : told[1]}`, () => played[index]);
      }
    });
    await player.close();
  },
});

function assertUnderstood(
  told: Awaited<ReturnType<typeof ask>>,
  { meaning, text }: Recording,
  way: Way,
): void {
  const [status, code, retryAfter] = [meaning.told].flat();
  assert.deepEqual([told.status, told.code, told.retryAfter], [status, code, retryAfter], JSON.stringify(told.body));
  assert.deepEqual([told.text, told.asEvents], [text, way === "stream"]);
}

interface Player {
  url: string;
  /** What a message is answered with, however often the model is asked. */
  play(words: string, recording: Recording): void;
  asked(words: string): number;
  close(): Promise<void>;
}

function openPlayer(): Player {
  const recordings = new Map<string, Recording>();
  const asked = new Map<string, number>();
  const { url, close } = openDoor(0, async (request, response) => {
    const words = JSON.parse(await bodyOf(request)).messages.at(-1).content;
    asked.set(words, (asked.get(words) ?? 0) + 1);
    const { status, headers, body } = recordings.get(words)!;
    response.writeHead(status, { ...headers, connection: "close" });
    await sendInOddPieces(response, new TextEncoder().encode(body));
    response.end();
  });
  return {
    url,
    play: (words, recording) => void recordings.set(words, recording),
    asked: (words) => asked.get(words) ?? 0,
    close,
  };
}

/** Within events, lines and characters. */
async function sendInOddPieces(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  const sizes = [1, 7, 2, 61, 3, 131];
  for (let start = 0, count = 0; start < bytes.length; count++) {
    const end = start + sizes[count % sizes.length];
    await sendPiece(response, bytes.subarray(start, end));
    start = end;
  }
}

function recordingsIn(file: string): Recording[] {
  const meaning = MEANINGS[file];
  if (Array.isArray(meaning)) {
    return linesOf(file).map((line, index) => refusalOf(`${file} ${index + 1}`, JSON.parse(line), meaning[index]));
  }
  const asStream = (events: Event[], body: string): Recording => {
    const headers = { "content-type": "text/event-stream; charset=utf-8" };
    const heads = events.filter(({ type }) => type === "message_start");
    return {
      name: file,
      meaning,
      status: 200,
      headers,
      body,
      text: textIn(events),
      model: heads.at(-1)!.message.model,
    };
  };
  if (file.endsWith(".json")) {
    const events = eventsOf(JSON.parse(read(file)));
    return [asStream(events, events.map((event) => framed(event.type, JSON.stringify(event))).join(""))];
  }
  if (file.endsWith(".chunks.txt")) {
    const events: [Event, string][] = linesOf(file).map((line) => [JSON.parse(line), line]);
    return [asStream(events.map(([event]) => event), events.map(([{ type }, line]) => framed(type, line)).join(""))];
  }
  const body = read(file);
  return [
    asStream(linesOf(file).flatMap((line) => line.startsWith("data: ") ? [JSON.parse(line.slice(6))] : []), body),
  ];
}

/** Of the API's. */
// deno-lint-ignore no-explicit-any -- recordings of anything it ever said
type Event = { type: string } & Record<string, any>;

function read(file: string): string {
  return Deno.readTextFileSync(new URL(file, FOLDER));
}

function linesOf(file: string): string[] {
  return read(file).split("\n").filter((line) => line.trim() !== "");
}

function framed(type: string, data: string): string {
  return `event: ${type}\ndata: ${data}\n\n`;
}

function textIn(events: Event[]): string {
  return events.map(({ type, delta }) =>
    type === "content_block_delta" && delta.type === "text_delta" ? delta.text : ""
  )
    .join("");
}

/** A whole message, as a stream would have given it: block by block. */
function eventsOf({ content, stop_reason, stop_sequence, stop_details, usage, ...head }: Event): Event[] {
  const { output_tokens, ...atFirst } = usage;
  const message = { ...head, content: [], stop_reason: null, usage: { ...atFirst, output_tokens: 1 } };
  return [
    { type: "message_start", message },
    { type: "ping" },
    ...content.flatMap(eventsOfBlock),
    { type: "message_delta", delta: { stop_reason, stop_sequence, stop_details }, usage: { output_tokens } },
    { type: "message_stop" },
  ];
}

function eventsOfBlock({ type, text, thinking, signature }: Event, index: number): Event[] {
  const pieces = (whole: string) => whole.match(/.{1,23}/gsu)!;
  const [block, deltas] = type === "text"
    ? [{ type, text: "" }, pieces(text).map((text) => ({ type: "text_delta", text }))]
    : [{ type, thinking: "", signature: "" }, [
      ...pieces(thinking).map((thinking) => ({ type: "thinking_delta", thinking })),
      { type: "signature_delta", signature },
    ]];
  return [
    { type: "content_block_start", index, content_block: block },
    ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
}

interface Refused {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
  sse?: string;
}

function refusalOf(name: string, { status, headers = {}, body, sse }: Refused, meaning: Meaning): Recording {
  // The length and the way of the connection are this server's own; "<n>" stands for a number.
  const { "content-length": _, connection: __, ...kept } = headers;
  for (const header of Object.keys(kept)) kept[header] = kept[header].replace("<n>", "200");
  const type = { "content-type": sse ? "text/event-stream" : "application/json" };
  return {
    name,
    meaning,
    status,
    headers: { ...type, ...kept },
    body: sse ?? JSON.stringify(body),
    text: "",
    model: "",
  };
}
