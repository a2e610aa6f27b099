/** Each fault as a client meets it, streamed and in one piece. */
import assert from "node:assert/strict";
import { answerWith } from "./failures.ts";
import type { Fault } from "./faults.ts";
import { messageOf, say } from "./message.ts";
import type { MessagesRequest } from "./request.ts";
import {
  CHAT,
  control,
  type Event,
  eventsIn,
  HEADERS,
  keptRequests,
  namesOf,
  readStream,
  send,
  sendStream,
  setFaults,
  TEXT,
  textIn,
  untilKept,
  withStandIn,
} from "./scene.ts";

const BEGUN = ["message_start", "content_block_start", "ping"];
const DELTA = "content_block_delta";
const ENDED = ["content_block_stop", "message_delta", "message_stop"];
const OVERLOADED = { type: "overloaded_error", message: "Overloaded" };

const ERRORS: [fault: Record<string, unknown>, status: number, type: string, headers: Record<string, string>][] = [
  [{ fault: "rate_limit" }, 429, "rate_limit_error", {}],
  [{ fault: "rate_limit", retry_after: 7, should_retry: true }, 429, "rate_limit_error", {
    "retry-after": "7",
    "x-should-retry": "true",
  }],
  [{ fault: "rate_limit", should_retry: false }, 429, "rate_limit_error", { "x-should-retry": "false" }],
  [{ fault: "spend_limit" }, 429, "rate_limit_error", {}],
  [{ fault: "overloaded" }, 529, "overloaded_error", {}],
  [{ fault: "overloaded", retry_after: 0 }, 529, "overloaded_error", { "retry-after": "0" }],
  [{ fault: "server_error" }, 500, "api_error", {}],
];

for (const [fault, status, type, headers] of ERRORS) {
  Deno.test(`an error, also where a stream was asked for: ${JSON.stringify(fault)}`, async () => {
    await withStandIn(async (url) => {
      await setFaults(url, { ...fault, times: 2 });
      for (const stream of [false, true]) {
        const response = await send(url, { ...CHAT, stream });
        const body = await response.json();
        assert.deepEqual([response.status, body.type, body.error.type], [status, "error", type]);
        assert.equal(body.request_id, response.headers.get("request-id"));
        assert.equal(response.headers.get("x-pawl-simulated"), "true");
        for (const name of ["retry-after", "x-should-retry"]) {
          assert.equal(response.headers.get(name), headers[name] ?? null, name);
        }
      }
    });
  });
}

Deno.test("spend_limit is told from rate_limit by its details only", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "spend_limit" }, { fault: "rate_limit" });
    const [spent, limited] = [await (await send(url, CHAT)).json(), await (await send(url, CHAT)).json()];
    assert.deepEqual(spent.error.details, { error_code: "enforced_spend_limit_reached" });
    assert.equal(limited.error.details, undefined);
  });
});

for (const stream of [false, true]) {
  const how = stream ? "streamed" : "in one piece";

  Deno.test(`timeout never answers, and the client's leaving is seen: ${how}`, async () => {
    await withStandIn(async (url) => {
      await setFaults(url, { fault: "timeout" });
      await leavesUnanswered(url, stream, "timeout");
    });
  });

  Deno.test(`disconnect breaks the connection before any byte: ${how}`, async () => {
    await withStandIn(async (url) => {
      await setFaults(url, { fault: "disconnect", times: 2 });
      await assert.rejects(send(url, { ...CHAT, stream }), TypeError);
      assert.equal(await bytesFor(url, { ...CHAT, stream }), "");
      for (const { status, fault, aborted } of await keptRequests(url)) {
        assert.deepEqual([status, fault, aborted], [null, "disconnect", false]);
      }
    });
  });

  Deno.test(`slow waits before the first byte: ${how}`, async () => {
    await withStandIn(async (url) => {
      await setFaults(url, { fault: "slow", ms: 600_000 });
      await leavesUnanswered(url, stream, "slow");
    });
  });
}

Deno.test("slow waits before the first byte and between deltas", () => {
  const request = { model: "claude-sonnet-5-5", characters: 100 } as MessagesRequest;
  const message = messageOf(say(TEXT, 1024), request, { created: 0, read: 0 });
  const slow: Fault = { fault: "slow", of: "chat", times: 1, ms: 9 };
  const { steps } = answerWith(message, true, slow);
  const shown = steps.map((step) => typeof step === "object" && "send" in step ? step.send.split(/[ \n]/u)[1] : step);
  const wait = { wait: 9 };
  assert.deepEqual(shown, [wait, ...BEGUN, DELTA, wait, DELTA, wait, DELTA, ...ENDED]);
});

Deno.test("slow is otherwise an answer like any", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "slow", ms: 1, times: 2 });
    assert.equal((await (await send(url, CHAT)).json()).content[0].text, TEXT);
    const { events, broken } = await readStream(await sendStream(url));
    assert.deepEqual([textIn(events), broken], [TEXT, false]);
  });
});

Deno.test("cut breaks a stream off after so many deltas", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "cut" }, { fault: "cut", after: 0 }, { fault: "cut", after: 99 });
    for (const deltas of [1, 0, 3]) {
      const { events, broken } = await readStream(await sendStream(url));
      assert.deepEqual([namesOf(events), broken], [[...BEGUN, ...Array(deltas).fill(DELTA)], true]);
    }
  });
});

Deno.test("end_early ends a stream cleanly after so many deltas", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "end_early", after: 2 });
    const { events, broken } = await readStream(await sendStream(url));
    assert.deepEqual([namesOf(events), broken], [[...BEGUN, DELTA, DELTA], false]);
  });
});

Deno.test("stall sends so many deltas and then nothing until the client leaves", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "stall", after: 2 });
    const events = eventsIn(await sendStream(url));
    await reads(events, [...BEGUN, DELTA, DELTA]);
    const [{ status, fault, finished, aborted }] = await keptRequests(url);
    assert.deepEqual([status, fault, finished, aborted], [200, "stall", false, false]);
    await events.return(undefined);
    await untilKept(url, ({ aborted, finished }) => aborted && !finished);
  });
});

Deno.test("cut and stall halfway through a body, end_early with half a body", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "cut" }, { fault: "end_early" }, { fault: "stall" });
    const cut = await send(url, CHAT);
    assert.equal(cut.status, 200);
    await assert.rejects(cut.text(), TypeError);
    const half = await (await send(url, CHAT)).text();
    assert.throws(() => JSON.parse(half), SyntaxError);
    assert.match(half, /^\{"model":"simulated/);
    const stalled = (await send(url, CHAT)).body!.getReader();
    assert.equal(new TextDecoder().decode((await stalled.read()).value).length, half.length);
    await stalled.cancel();
    await untilKept(url, ({ fault, aborted }) => fault === "stall" && aborted);
  });
});

Deno.test("error_event ends a stream with an error after so many deltas, or as its first event", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "error_event" }, { fault: "error_event", after: 0 });
    for (const before of [[...BEGUN, DELTA], []]) {
      const { events, broken } = await readStream(await sendStream(url));
      assert.deepEqual([namesOf(events), broken], [[...before, "error"], false]);
      assert.deepEqual(events.at(-1)!.data, { type: "error", error: OVERLOADED });
    }
  });
});

Deno.test("error_event in one piece is a 529", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "error_event" });
    const response = await send(url, CHAT);
    assert.equal(response.status, 529);
    assert.deepEqual((await response.json()).error, { details: null, ...OVERLOADED });
  });
});

Deno.test("malformed is no JSON", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "malformed", times: 2 });
    const { events, broken } = await readStream(await sendStream(url));
    assert.deepEqual([namesOf(events), broken], [[...BEGUN, DELTA, DELTA], false]);
    assert.equal(typeof events.at(-1)!.data, "string");
    const response = await send(url, CHAT);
    assert.equal(response.status, 200);
    await assert.rejects(response.json(), SyntaxError);
  });
});

Deno.test("refusal says so with its details, after as much text as asked for", async () => {
  await withStandIn(async (url) => {
    for (const [after, text] of [[0, ""], [2, "[simulated] Start with the basics of"]] as const) {
      await setFaults(url, { fault: "refusal", after, times: 2 });
      const whole = await (await send(url, CHAT)).json();
      const { events } = await readStream(await sendStream(url));
      assert.deepEqual(whole.content, text ? [{ type: "text", text }] : []);
      assert.deepEqual([textIn(events), namesOf(events).filter((name) => name === DELTA).length], [text, after]);
      const { delta } = events.at(-2)!.data;
      assert.deepEqual([whole.stop_reason, delta.stop_reason], ["refusal", "refusal"]);
      assert.deepEqual(whole.stop_details, delta.stop_details);
      assert.deepEqual(Object.keys(delta.stop_details), ["type", "category", "explanation", "recommended_model"]);
    }
  });
});

Deno.test("refusal comes without text unless asked for", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "refusal" });
    assert.deepEqual((await (await send(url, CHAT)).json()).content, []);
  });
});

const WORDS: [fault: string, content: RegExp | null, stopReason: string][] = [
  ["empty", null, "end_turn"],
  ["blank", /^\s+$/u, "end_turn"],
  ["max_tokens", /^\[simulated\] Start with the $/u, "max_tokens"],
  ["ok", /^\[simulated\] .*\.$/u, "end_turn"],
];

for (const [fault, expected, stopReason] of WORDS) {
  Deno.test(`${fault} says the same streamed and in one piece`, async () => {
    await withStandIn(async (url) => {
      await setFaults(url, { fault, times: 2 });
      const whole = await (await send(url, CHAT)).json();
      const { events, broken } = await readStream(await sendStream(url));
      assert.equal(broken, false);
      assert.equal(whole.content.length, expected ? 1 : 0);
      if (expected) assert.match(whole.content[0].text, expected);
      else assert.deepEqual(namesOf(events), ["message_start", "ping", "message_delta", "message_stop"]);
      assert.equal(textIn(events), whole.content[0]?.text ?? "");
      assert.deepEqual([whole.stop_reason, events.at(-2)!.data.delta.stop_reason], [stopReason, stopReason]);
    });
  });
}

Deno.test("unknown_blocks has blocks, deltas and an event that nobody knows, and the whole text", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "unknown_blocks", times: 2 });
    const { content, stop_reason } = await (await send(url, CHAT)).json();
    const types = ["thinking", "redacted_thinking", "text", "simulated_note"];
    assert.deepEqual(content.map(({ type }: { type: string }) => type), types);
    assert.deepEqual([content[2].text, stop_reason], [TEXT, "end_turn"]);
    const { events } = await readStream(await sendStream(url));
    const starts = events.filter(({ name }) => name === "content_block_start");
    assert.deepEqual(starts.map(({ data }) => [data.index, data.content_block.type]), [...types.entries()]);
    const deltas = new Set(events.filter(({ name }) => name === DELTA).map(({ data }) => data.delta.type));
    assert.deepEqual([...deltas], ["thinking_delta", "signature_delta", "text_delta", "simulated_note_delta"]);
    assert.ok(namesOf(events).includes("simulated_event"));
    assert.equal(textIn(events), TEXT);
  });
});

Deno.test("tool_use asks for a tool after the text, its input in pieces", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "tool_use", times: 2 });
    const { content, stop_reason } = await (await send(url, CHAT)).json();
    assert.deepEqual([content[0].text, content[1].type, stop_reason], [TEXT, "tool_use", "tool_use"]);
    const { events } = await readStream(await sendStream(url));
    const json = events.map(({ data }) => data.delta?.partial_json ?? "").join("");
    assert.deepEqual(JSON.parse(json), content[1].input);
    assert.deepEqual([textIn(events), events.at(-2)!.data.delta.stop_reason], [TEXT, "tool_use"]);
  });
});

Deno.test("hold sends so many deltas and goes on when released", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "hold" }, { fault: "hold", after: 2 });
    const [one, two] = [eventsIn(await sendStream(url)), eventsIn(await sendStream(url))];
    await reads(one, [...BEGUN, DELTA]);
    await reads(two, [...BEGUN, DELTA, DELTA]);
    assert.deepEqual((await keptRequests(url)).map(({ finished }) => finished), [false, false]);
    assert.deepEqual(await control(url, "POST", "release"), { released: 2 });
    await reads(one, [DELTA, DELTA, ...ENDED]);
    await reads(two, [DELTA, ...ENDED]);
    assert.deepEqual([(await one.next()).done, (await two.next()).done], [true, true]);
    assert.deepEqual(await control(url, "POST", "release"), { released: 0 });
  });
});

Deno.test("hold in one piece does not answer before the release", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "hold" });
    const order: string[] = [];
    const answer = send(url, CHAT).then((response) => (order.push("answered"), response.json()));
    await untilKept(url, ({ fault, status }) => fault === "hold" && status === null);
    order.push("released");
    await control(url, "POST", "release");
    assert.equal((await answer).content[0].text, TEXT);
    assert.deepEqual(order, ["released", "answered"]);
  });
});

Deno.test("a held answer whose client has left is not there to be released", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "hold" });
    await leavesUnanswered(url, false, "hold");
    assert.deepEqual(await control(url, "POST", "release"), { released: 0 });
  });
});

/** Sends a request, leaves while nothing is answered, and waits until the stand-in has seen that. */
async function leavesUnanswered(url: string, stream: boolean, fault: string): Promise<void> {
  const leaving = new AbortController();
  const answer = send(url, { ...CHAT, stream }, { signal: leaving.signal });
  const rejected = assert.rejects(answer, { name: "AbortError" });
  await untilKept(url, (kept) => kept.fault === fault && !kept.aborted);
  leaving.abort();
  await rejected;
  await untilKept(url, (kept) => kept.aborted);
  const [{ status, finished }] = await keptRequests(url);
  assert.deepEqual([status, finished], [null, false]);
}

/** All that comes back on the connection, before its end. */
async function bytesFor(url: string, body: unknown): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const text = JSON.stringify(body);
  const head = Object.entries({ ...HEADERS, host: hostname, "content-length": text.length });
  const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  await connection.write(new TextEncoder().encode(`POST /v1/messages HTTP/1.1\r\n${lines}\r\n${text}`));
  return await new Response(connection.readable).text();
}

async function reads(events: AsyncGenerator<Event>, names: string[]): Promise<void> {
  for (const name of names) assert.equal((await events.next()).value?.name, name);
}
