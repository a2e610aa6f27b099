/** The stand-in over HTTP: it accepts what the real API accepts, and refuses what the real API refuses. */
import assert from "node:assert/strict";
import { startStandIn } from "./server.ts";

const HEADERS = {
  "x-api-key": "sk-ant-stand-in",
  "anthropic-version": "2023-06-01",
  "content-type": "application/json",
};
const CHAT = {
  model: "claude-sonnet-5-5",
  max_tokens: 1024,
  system: "Answer the question.",
  messages: [{ role: "user", content: "How does a hash table work?" }],
};
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
const REWRITE_SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: ["prompt", "change_reason"],
  properties: { prompt: { type: "string" }, change_reason: { type: "string" } },
};
const REWRITE = structured(REWRITE_SCHEMA, {
  task: "rewrite",
  current_prompt: "Answer the question.",
  weaknesses: ["The tone is curt."],
  patterns: [],
  strengths: [],
  protected_clauses: [],
  max_characters: 500,
  violations: [],
});

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
  ["a task of nobody's", structured(REWRITE_SCHEMA, { task: "sing" }), 400, /"evaluate" and "rewrite"/],
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

Deno.test("accepted: dated models, blocks, neighbours of one role, an empty system prompt", async () => {
  await withStandIn(async (url) => {
    const blocks = { role: "user", content: [{ type: "text", text: "Why?" }] };
    for (const change of [{ model: "claude-opus-5-5-20261001" }, { messages: [blocks, blocks] }, { system: "" }]) {
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
    assert.deepEqual(kept.map(({ status }: { status: number }) => status), [200, 400]);
    assert.deepEqual(JSON.parse(kept[0].body), CHAT);
    assert.deepEqual(await (await fetch(`${url}/_standin/requests`, { method: "DELETE" })).json(), []);
  });
});

async function refuses(body: unknown, headers: Record<string, string>, status: number, message: RegExp) {
  await withStandIn(async (url) => {
    const response = await send(url, body, headers);
    const { type, error, request_id } = await response.json();
    assert.equal(response.status, status, error.message);
    assert.equal(type, "error");
    assert.match(error.message, message);
    assert.equal(request_id, response.headers.get("request-id"));
  });
}

function send(url: string, body: unknown, headers: Record<string, string> = HEADERS): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(`${url}/v1/messages`, { method: "POST", headers, body: text });
}

async function withStandIn(use: (url: string) => Promise<void>): Promise<void> {
  const standIn = startStandIn();
  try {
    await use(standIn.url);
  } finally {
    await standIn.stop();
  }
}

function structured(schema: unknown, task: unknown) {
  const output_config = { format: { type: "json_schema", schema } };
  return { ...CHAT, messages: [{ role: "user", content: JSON.stringify(task) }], output_config };
}

function withMessages(...roles: string[]) {
  return { ...CHAT, messages: roles.map((role) => ({ role, content: "Hello there" })) };
}
