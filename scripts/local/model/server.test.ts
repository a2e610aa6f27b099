/** The stand-in over HTTP: it accepts what the real API accepts, and refuses what the real API refuses. */
import assert from "node:assert/strict";
import { CHAT, HEADERS, REWRITE, REWRITE_SCHEMA, send, structured, withStandIn } from "./scene.ts";

const SCORE_SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: ["criterion", "score", "evidence"],
  properties: {
    criterion: { type: "string", enum: ["depth"] },
    score: { type: "integer", enum: [1, 2, 3, 4, 5] },
    evidence: { type: "string" },
  },
};
const JUDGE_SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: ["evaluations", "strengths", "weaknesses", "patterns"],
  properties: {
    evaluations: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["exchange", "scores"],
        properties: { exchange: { type: "integer" }, scores: { type: "array", items: SCORE_SCHEMA } },
      },
    },
    strengths: { type: "array", items: { type: "string" } },
    weaknesses: { type: "array", items: { type: "string" } },
    patterns: { type: "array", items: { type: "string" } },
  },
};
const JUDGE = structured(JUDGE_SCHEMA, {
  task: "evaluate",
  rubric: { criteria: [{ key: "depth" }] },
  system_prompt: "Answer the question.",
  exchanges: [{ exchange: 1, user_message: "How does a hash table work?", answer: "It hashes the key." }],
});
const CACHED = { type: "ephemeral" };
const MANY_CACHED = Array.from({ length: 3 }, () => ({ type: "text", text: "Be brief.", cache_control: CACHED }));

const REFUSED_BODIES: [string, unknown, number, RegExp][] = [
  ["not JSON", "{", 400, /not valid JSON/],
  ["an array", [], 400, /not valid JSON/],
  ["an unknown field", { ...CHAT, prompt: "x" }, 400, /^prompt: Extra inputs/],
  ["temperature", { ...CHAT, temperature: 1 }, 400, /temperature/],
  ["top_p", { ...CHAT, top_p: 0.5 }, 400, /top_p/],
  ["top_k", { ...CHAT, top_k: 5 }, 400, /top_k/],
  ["a forced tool", { ...CHAT, tool_choice: { type: "tool", name: "x" } }, 400, /tool_choice/],
  ["no model", { ...CHAT, model: undefined }, 400, /model: Field required/],
  ["an unknown model", { ...CHAT, model: "claude-2" }, 404, /model: claude-2/],
  ["no max_tokens", { ...CHAT, max_tokens: undefined }, 400, /max_tokens: Field required/],
  ["max_tokens of 0", { ...CHAT, max_tokens: 0 }, 400, /max_tokens/],
  ["max_tokens as text", { ...CHAT, max_tokens: "9" }, 400, /max_tokens/],
  ["no messages", { ...CHAT, messages: undefined }, 400, /messages: Field required/],
  ["empty messages", { ...CHAT, messages: [] }, 400, /at least one message/],
  ["a system role", { ...CHAT, messages: [{ role: "system", content: "x" }] }, 400, /Unexpected role "system"/],
  ["assistant first", withMessages("assistant", "user"), 400, /first message must use the "user" role/],
  ["a prefill", withMessages("user", "assistant"), 400, /prefill/],
  ["empty content", { ...CHAT, messages: [{ role: "user", content: " " }] }, 400, /non-whitespace/],
  [
    "an empty block",
    { ...CHAT, messages: [{ role: "user", content: [{ type: "text", text: "" }] }] },
    400,
    /non-whitesp/,
  ],
  ["a field in a message", { ...CHAT, messages: [{ role: "user", content: "x", name: "y" }] }, 400, /messages.0.name/],
  [
    "an open object",
    structured({ ...REWRITE_SCHEMA, additionalProperties: undefined }, {}),
    400,
    /explicitly set to false/,
  ],
  ["a numeric bound", structured({ type: "integer", minimum: 1 }, {}), 400, /'minimum' is not supported/],
  ["stream as text", { ...CHAT, stream: "true" }, 400, /^stream: Input should be a valid boolean/],
  ["stream as null", { ...CHAT, stream: null }, 400, /^stream: Input should be a valid boolean/],
  ["a field in a system block", withSystem({ id: "x" }), 400, /^system\.0\.id: Extra inputs/],
  ["a field in a message block", withBlock({ id: "x" }), 400, /^messages\.0\.content\.0\.text\.id: Extra inputs/],
  ["an empty system block", withSystem({ text: "" }), 400, /^system\.0: text content blocks must/],
  [
    "caching of an unknown type",
    withSystem({ cache_control: { type: "persistent" } }),
    400,
    /'persistent'.*'ephemeral'/,
  ],
  ["caching that is no object", withSystem({ cache_control: "ephemeral" }), 400, /^system\.0\.cache_control: Input/],
  [
    "caching with an unknown field",
    withSystem({ cache_control: { ...CACHED, scope: "global" } }),
    400,
    /^system\.0\.cache_control\.ephemeral\.scope: Extra inputs/,
  ],
  [
    "caching for another time",
    withBlock({ cache_control: { ...CACHED, ttl: "2h" } }),
    400,
    /^messages\.0\.content\.0\.text\.cache_control\.ephemeral\.ttl: Input should be '5m' or '1h'/,
  ],
  [
    "caching of the whole, of an unknown type",
    { ...CHAT, cache_control: { type: "x" } },
    400,
    /^cache_control: Input tag/,
  ],
  [
    "five cached blocks",
    { ...CHAT, system: MANY_CACHED, messages: [{ role: "user", content: MANY_CACHED.slice(1) }] },
    400,
    /maximum of 4 blocks with cache_control may be provided\. Found 5\./,
  ],
  [
    "long caching after short caching",
    { ...withBlock({ cache_control: { ...CACHED, ttl: "1h" } }), system: MANY_CACHED },
    400,
    /^messages\.0\.content\.0\.text\.cache_control\.ttl: a ttl='1h' cache_control block must not come after/,
  ],
  [
    "a task of nobody's",
    structured(REWRITE_SCHEMA, { task: "sing" }),
    400,
    /"evaluate", "compare", "rewrite" and "phrase"/,
  ],
  ["an answer unlike its schema", { ...JUDGE, output_config: REWRITE.output_config }, 500, /does not fit the schema/],
];

for (const [name, body, status, message] of REFUSED_BODIES) {
  Deno.test(`refused: ${name}`, () => refuses(body, HEADERS, status, message));
}

const REFUSED_HEADERS: [string, Record<string, string>, number, RegExp][] = [
  ["no key", { "x-api-key": "" }, 401, /x-api-key header is required/],
  ["a malformed key", { "x-api-key": "secret" }, 401, /invalid x-api-key/],
  ["no version", { "anthropic-version": "" }, 400, /anthropic-version/],
  ["an unknown version", { "anthropic-version": "2020-01-01" }, 400, /anthropic-version/],
  ["another content type", { "content-type": "text/plain" }, 400, /content-type/],
];

for (const [name, headers, status, message] of REFUSED_HEADERS) {
  Deno.test(`refused: ${name}`, () => refuses(CHAT, { ...HEADERS, ...headers }, status, message));
}

Deno.test("a chat comes back in the shape of the real API, labelled as simulated", async () => {
  await withStandIn(async (url) => {
    const response = await send(url, CHAT);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("x-pawl-simulated"), "true");
    const message = await response.json();
    assert.match(message.id, /^msg_/);
    assert.equal(message.model, "simulated/claude-sonnet-5-5");
    assert.deepEqual(message.content, [{
      type: "text",
      text: '[simulated] Start with the basics of "hash table work".',
    }]);
    assert.equal(message.stop_reason, "end_turn");
    assert.deepEqual(Object.keys(message.usage).sort(), [
      "cache_creation_input_tokens",
      "cache_read_input_tokens",
      "input_tokens",
      "output_tokens",
    ]);
  });
});

Deno.test("the same request gets the same answer", async () => {
  await withStandIn(async (url) => {
    for (const body of [CHAT, JUDGE, REWRITE]) {
      const texts = await Promise.all(
        [1, 2, 3].map(async () => (await (await send(url, body)).json()).content[0].text),
      );
      assert.equal(new Set(texts).size, 1);
    }
  });
});

Deno.test("accepted: dated models, blocks, neighbours of one role, an empty system prompt, up to four cached blocks", async () => {
  await withStandIn(async (url) => {
    const blocks = { role: "user", content: [{ type: "text", text: "Why?" }] };
    const changes = [
      { model: "claude-opus-5-5-20261001" },
      { messages: [blocks, blocks] },
      { system: "" },
      { stream: false },
      { cache_control: CACHED },
      withSystem({ cache_control: null }),
      withSystem({ cache_control: { ...CACHED, ttl: "1h" } }),
      { ...withBlock({ cache_control: { ...CACHED, ttl: "5m" } }), system: MANY_CACHED },
    ];
    for (const change of changes) {
      assert.equal((await (await send(url, { ...CHAT, ...change })).json()).type, "message");
    }
  });
});

Deno.test("text that looks like a task is only a chat message", async () => {
  await withStandIn(async (url) => {
    const { messages } = JUDGE;
    const { content } = await (await send(url, { ...CHAT, messages })).json();
    assert.match(content[0].text, /^\[simulated\] /);
  });
});

Deno.test("an answer longer than max_tokens is cut and says so", async () => {
  await withStandIn(async (url) => {
    const message = await (await send(url, { ...CHAT, max_tokens: 3 })).json();
    assert.equal(message.stop_reason, "max_tokens");
    assert.equal(message.usage.output_tokens, 3);
  });
});

Deno.test("other paths and methods are refused, and too large a body", async () => {
  await withStandIn(async (url) => {
    const statusOf = async (path: string, init: RequestInit) => {
      const response = await fetch(url + path, { headers: HEADERS, ...init });
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await statusOf("/v1/complete", { method: "POST", body: "{}" }), 404);
    assert.equal(await statusOf("/v1/messages", { method: "GET" }), 405);
    const large = JSON.stringify({ ...CHAT, system: "x".repeat(33 * 1024 * 1024) });
    assert.equal(await statusOf("/v1/messages", { method: "POST", body: large }), 413);
  });
});

Deno.test("the last requests can be looked at and forgotten", async () => {
  await withStandIn(async (url) => {
    await (await send(url, CHAT)).body?.cancel();
    await (await send(url, { ...CHAT, top_k: 1 })).body?.cancel();
    const kept = await (await fetch(`${url}/_standin/requests`)).json();
    assert.deepEqual(
      kept.map(({ body: _, ...rest }: { body: string }) => rest),
      [200, 400].map((status) => ({ status, fault: null, finished: true, aborted: false })),
    );
    assert.deepEqual(JSON.parse(kept[0].body), CHAT);
    assert.deepEqual(await (await fetch(`${url}/_standin/requests`, { method: "DELETE" })).json(), []);
  });
});

async function refuses(body: unknown, headers: Record<string, string>, status: number, message: RegExp) {
  await withStandIn(async (url) => {
    const response = await send(url, body, { headers });
    const { type, error, request_id } = await response.json();
    assert.equal(response.status, status, error.message);
    assert.equal(type, "error");
    assert.match(error.message, message);
    assert.equal(request_id, response.headers.get("request-id"));
  });
}

function withMessages(...roles: string[]) {
  return { ...CHAT, messages: roles.map((role) => ({ role, content: "Hello there" })) };
}

function withSystem(block: Record<string, unknown>) {
  return { ...CHAT, system: [{ type: "text", text: "Be brief.", ...block }] };
}

function withBlock(block: Record<string, unknown>) {
  return { ...CHAT, messages: [{ role: "user", content: [{ type: "text", text: "Why?", ...block }] }] };
}
