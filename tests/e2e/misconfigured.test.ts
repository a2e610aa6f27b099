/** What the functions say when what they depend on is missing: a variable, the database, the model. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import { failure, message, startFakeModel, taskOf, text } from "./fake_model.ts";
import { assertError, contents, onFunctions, onStack, post, read, type Reply, service, signUp } from "./scene.ts";

const BODIES: Record<string, unknown> = {
  "chat-handler": { message: "How do I repot an orchid?" },
  "reflection-loop": {},
  "prompt-updater": { reflection_id: crypto.randomUUID() },
  "feedback-collector": { message_id: crypto.randomUUID(), signal: "thumbs_up" },
  "retrain-trigger": {},
};
/** These lack nothing when the model's variables are missing. */
const ASKS_NO_MODEL = ["feedback-collector", "retrain-trigger"];
/** Every value tells its own name, so that none can appear unnoticed. */
const ENVIRONMENT: Record<string, string> = {
  SUPABASE_URL: "http://127.0.0.1:9/value-of-the-url",
  SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: "sb_publishable_value-of-the-publishable-key" }),
  SUPABASE_SECRET_KEYS: JSON.stringify({ default: "sb_secret_value-of-the-secret-key" }),
  ANTHROPIC_API_KEY: "sk-ant-value-of-the-model-key",
};

Deno.test("a variable is missing", async (test) => {
  for (const name of Object.keys(ENVIRONMENT)) {
    await test.step(`${name}: every function that reads it names it, and no value [catches: a panic, echoing values]`, () =>
      misconfigured(name, { ...ENVIRONMENT, [name]: undefined }));
  }
  await test.step("an empty variable is a missing one [catches: calling an empty address]", () =>
    misconfigured("ANTHROPIC_API_KEY", { ...ENVIRONMENT, ANTHROPIC_API_KEY: " " }));
  await test.step("keys that are no JSON are named, not shown [catches: quoting what could not be read]", () =>
    misconfigured("SUPABASE_SECRET_KEYS", {
      ...ENVIRONMENT,
      SUPABASE_SECRET_KEYS: "sb_secret_value-of-the-secret-key",
    }));
  await test.step("a key that no header may hold is named [catches: a panic in the HTTP client]", () =>
    misconfigured("ANTHROPIC_API_KEY", { ...ENVIRONMENT, ANTHROPIC_API_KEY: "sk-ant-value\nof-the-model-key" }));
});

Deno.test("the database is away: 503 from every function [catches: a 500, or waiting for ever]", () =>
  withFunctions({ ...ENVIRONMENT, SUPABASE_URL: `http://127.0.0.1:${closedPort()}` }, async (call, lines) => {
    for (const name of Object.keys(BODIES)) {
      assertError(await call(name), 503, "database_unavailable");
    }
    assert.ok(!lines.some((line) => line.includes("value-of")), lines.join("\n"));
  }));

/** What the model does, what the caller is told of it, and what is stored beside the turn (null where the code is the same). */
const FAILURES: [string, () => Response, number, string, string?][] = [
  ["refuses the key", () => failure(401, "authentication_error"), 500, "misconfigured", "model_unauthorized"],
  ["forbids the key", () => failure(403, "permission_error"), 500, "misconfigured", "model_unauthorized"],
  ["does not know itself", () => failure(404, "not_found_error"), 502, "model_rejected_request"],
  ["is asked too often", () => failure(429, "rate_limit_error"), 503, "model_rate_limited"],
  ["breaks", () => failure(500, "api_error"), 502, "model_server_error"],
  ["is overloaded", () => failure(529, "overloaded_error"), 503, "model_overloaded"],
  ["answers a page", () => new Response("<html>secret words</html>"), 502, "model_malformed_answer"],
  ["answers other JSON", () => Response.json({ answer: "secret words" }), 502, "model_malformed_answer"],
  ["answers half a body", () => new Response('{"content": [{"type": "te'), 502, "model_malformed_answer"],
  [
    "breaks with a page",
    () => new Response("<html>secret words</html>", { status: 502, headers: { "x-should-retry": "false" } }),
    502,
    "model_server_error",
  ],
  ["refuses", () => message([], { stop_reason: "refusal" }), 422, "model_refused"],
  [
    "refuses with words",
    () => message([{ type: "text", text: "No." }], { stop_reason: "refusal" }),
    422,
    "model_refused",
  ],
  ["answers nothing", () => message([]), 502, "model_empty_answer"],
  ["answers blanks", () => text(" \n"), 502, "model_empty_answer"],
  ["answers no text", () => message([{ type: "tool_use", id: "t", name: "n", input: {} }]), 502, "model_empty_answer"],
];

Deno.test("the model fails", async (test) => {
  const model = startFakeModel();
  await onStack({ model: { baseUrl: model.url } }, async ({ stack, lines }) => {
    const { credentials } = await signUp(stack);
    const ask = (words: string, session_id?: string) =>
      post(stack, "chat-handler", { message: words, session_id }, credentials);

    for (const [what, answer, status, code, stored = code] of FAILURES) {
      await test.step(`it ${what}: ${code}, and the message is safe [catches: losing it, calling it answered]`, async () => {
        model.instead = answer;
        const words = `What if it ${what}?`;
        assertError(await ask(words), status, code);
        assert.deepEqual(await turnOf(stack, words), { status: "failed", error_code: stored, answers: 0 });
      });
    }

    await test.step("a failed turn is no history of the next [catches: two user messages in a row]", async () => {
      model.instead = () => null;
      const { body: { session_id } } = await ask("Before?");
      model.instead = () => failure(529, "overloaded_error");
      await ask("Lost?", session_id);
      let seen: { content: string }[] = [];
      model.instead = (request) => (seen = request.messages, null);
      assert.equal((await ask("After?", session_id)).status, 200);
      assert.deepEqual([seen.length, seen[0].content, seen[2].content], [3, "Before?", "After?"]);
    });

    await test.step("an overloaded model's caller is told when to come again", async () => {
      model.instead = () => failure(529, "overloaded_error");
      assert.match((await ask("When?")).headers.get("retry-after")!, /^\d+$/u);
    });

    await test.step("text beside other blocks is the answer, without U+0000 [catches: content[0].text]", async () => {
      const blocks = [{ type: "thinking", thinking: "…" }, { type: "text", text: "One\0 " }, {
        type: "text",
        text: "two",
      }];
      model.instead = () => message(blocks, { stop_reason: "max_tokens", new_field: 1 });
      const { status, body } = await ask("How many?");
      assert.deepEqual([status, body.answer, body.stop_reason], [200, "One two", "max_tokens"]);
    });

    await test.step("a judge that fails stores nothing and frees the assistant [catches: a lease kept, answers marked judged]", async () => {
      model.instead = () => null;
      for (const words of ["a", "b", "c", "d"]) await ask(`Tell me about ${words}!`);
      for (
        const [answer, code] of [
          [() => failure(529, "overloaded_error"), "model_overloaded"],
          [() => text("not JSON"), "model_malformed_answer"],
          [() => text({ evaluations: "none" }), "model_malformed_answer"],
          [() => message([], { stop_reason: "refusal" }), "model_refused"],
          [() => message([{ type: "text", text: "{" }], { stop_reason: "max_tokens" }), "model_cut_off"],
        ] as const
      ) {
        model.instead = answer;
        const before = await contents(stack, ["leases", "usage"]);
        const { status, body } = await post(stack, "reflection-loop", {}, service(stack));
        assert.deepEqual([status, body.results[0].failed, body.results[0].code], [200, true, code]);
        assert.deepEqual(await contents(stack, ["leases", "usage"]), before);
      }
    });

    await test.step("a rewriter that fails leaves the prompt live and the update owed", async () => {
      model.instead = (request) => taskOf(request)?.task === "rewrite" ? failure(529, "overloaded_error") : null;
      const { body } = await post(stack, "reflection-loop", {}, service(stack));
      assert.deepEqual(body.results[0].update, { failed: true, code: "model_overloaded" });
      const { reflection_id } = body.results[0];
      const again = await post(stack, "prompt-updater", { reflection_id }, service(stack));
      assertError(again, 503, "model_overloaded");
      const [{ version, update_outcome }] = await stack.database.query(
        `select p.version, r.update_outcome from pawl.reflection_logs r
         join pawl.system_prompts p on p.id = r.prompt_id and p.is_active where r.id = $1`,
        [reflection_id],
      );
      assert.deepEqual([version, update_outcome], [1, null]);
    });

    await test.step("it is away: 502, and the message is safe [catches: a crash on a refused connection]", async () => {
      await model.stop();
      assertError(await ask("Anybody there?"), 502, "model_unreachable");
      const turn = await turnOf(stack, "Anybody there?");
      assert.deepEqual(turn, { status: "failed", error_code: "model_unreachable", answers: 0 });
    });

    await test.step("what the model said when it failed is neither told nor logged", () => {
      assert.ok(!lines.some((line) => /secret words|What if it/u.test(line)), lines.join("\n"));
    });
  });
});

async function turnOf(stack: Stack, words: string) {
  const rows = await stack.database.query(
    `select t.status, t.error_code,
       (select count(*)::int from pawl.messages a where a.session_id = m.session_id and a.role = 'assistant') as answers
     from pawl.messages m join pawl.turns t on t.user_message_id = m.id where m.content = $1`,
    [words],
  );
  assert.equal(rows.length, 1, `stored ${rows.length} times`);
  return rows[0];
}

function misconfigured(name: string, environment: Record<string, string | undefined>): Promise<void> {
  return withFunctions(environment, async (call, lines) => {
    for (const one of Object.keys(BODIES)) {
      const reply = await call(one);
      if (name.startsWith("ANTHROPIC") && ASKS_NO_MODEL.includes(one)) {
        // It gets as far as the database, which is away.
        assertError(reply, 503, "database_unavailable");
        continue;
      }
      assertError(reply, 500, "misconfigured", new RegExp(`\\b${name}\\b`, "u"));
      const told = [JSON.stringify(reply.body), ...lines].join("\n");
      assert.ok(!/value|sb_secret|sk-ant/u.test(told), told);
    }
  });
}

/** The functions alone, with an environment of their own: nothing is behind them. */
async function withFunctions(
  environment: Record<string, string | undefined>,
  act: (call: (name: string) => Promise<Reply>, lines: string[]) => Promise<void>,
): Promise<void> {
  const given = Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const headers = { "content-type": "application/json", authorization: "Bearer someone's" };
  await onFunctions(given, (functions, lines) =>
    act(async (name) => {
      const init = { method: "POST", headers, body: JSON.stringify(BODIES[name]) };
      const request = new Request(`http://127.0.0.1/functions/v1/${name}`, init);
      return await read(await functions.forward(name, request));
    }, lines));
}

function closedPort(): number {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  listener.close();
  return listener.addr.port;
}
