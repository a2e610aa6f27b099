/** Who may chat, and what a turn leaves behind. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import {
  asked,
  assertError,
  assertReadableByPages,
  bearing,
  clientOf,
  forgetAsked,
  leavesNoTrace,
  mint,
  onStack,
  post,
  service,
  signUp,
} from "./scene.ts";

const QUESTION = "How do I repot an orchid?";
const MORE = "And how often do I water it?";

Deno.test("chat-handler", (test) =>
  onStack({}, async ({ stack, lines }) => {
    const ada = await signUp(stack);

    await test.step("a turn is answered, and stored with what produced it", async () => {
      const { data, error } = await ada.client.functions.invoke("chat-handler", { body: { message: QUESTION } });
      assert.equal(error, null);
      const [{ content: prompt }] = await stack.database.query("select content from pawl.system_prompts");
      const [request] = await asked(stack);
      const system = [{ type: "text", text: prompt, cache_control: { type: "ephemeral" } }];
      assert.deepEqual(request.system, system, "the live prompt was not what the model was given");
      assert.deepEqual(request.messages, [{ role: "user", content: QUESTION }]);

      const messages = await messagesOf(stack, data.session_id);
      assert.deepEqual(messages, [
        {
          id: data.message_id,
          role: "user",
          content: QUESTION,
          prompt_version: 1,
          model_used: null,
          token_count: null,
        },
        {
          id: data.answer_id,
          role: "assistant",
          content: data.answer,
          prompt_version: data.prompt_version,
          model_used: data.model,
          token_count: data.usage.output_tokens,
        },
      ]);
      const [turn] = await stack.database.query("select * from pawl.turns where session_id = $1", [data.session_id]);
      assert.equal(turn.status, "completed");
      assert.equal(turn.user_message_id, data.message_id);
      assert.equal(turn.answer_message_id, data.answer_id);
      assert.deepEqual([turn.input_tokens, turn.output_tokens], [data.usage.input_tokens, data.usage.output_tokens]);
      assert.ok(turn.latency_ms >= 0 && turn.finished_at !== null && turn.error_code === null);
      assert.ok(!("stale_prompt" in data));
    });

    await test.step("a session goes on with its whole history, oldest first [catches: a turn that reads none]", async () => {
      const first = await ask(stack, ada.credentials, { message: QUESTION });
      const second = await ask(stack, ada.credentials, { message: MORE, session_id: first.session_id });
      const third = await ask(stack, ada.credentials, { message: "Thanks!", session_id: first.session_id });
      assert.equal(second.session_id, first.session_id);
      assert.deepEqual((await asked(stack)).at(-1).messages, [
        { role: "user", content: QUESTION },
        { role: "assistant", content: first.answer },
        { role: "user", content: MORE },
        { role: "assistant", content: second.answer },
        { role: "user", content: "Thanks!" },
      ]);
      assert.equal((await messagesOf(stack, third.session_id)).length, 6);
    });

    await test.step("a new session knows nothing of the others [catches: history by user]", async () => {
      await ask(stack, ada.credentials, { message: MORE });
      assert.deepEqual((await asked(stack)).at(-1).messages, [{ role: "user", content: MORE }]);
    });

    await test.step("nobody goes on with a session of another [catches: authorising by session id alone]", async () => {
      const { session_id } = await ask(stack, ada.credentials, { message: QUESTION });
      const eve = await signUp(stack);
      const body = { message: "What did she ask?", session_id };
      const strangers = [eve.credentials, bearing(stack, mint(stack.jwtSecret))];
      for (const credentials of strangers) {
        const reply = await leavesNoTrace(stack, () => post(stack, "chat-handler", body, credentials));
        assertError(reply, 404, "session_not_found", /`session_id`/);
      }
      const asEve = { ...body, user_id: eve.id };
      const reply = await leavesNoTrace(stack, () => post(stack, "chat-handler", asEve, service(stack)));
      assertError(reply, 404, "session_not_found");
    });

    await test.step("many people at once get their own answers and histories [catches: state shared by requests]", async () => {
      await forgetAsked(stack);
      const all = await Promise.all(Array.from({ length: 5 }, () => signUp(stack)));
      await Promise.all(all.map(async ({ credentials }, index) => {
        let session_id: string | undefined;
        for (const turn of [1, 2, 3]) {
          const topic = `topic${index}x${turn}`;
          const reply = await ask(stack, credentials, { message: `Explain ${topic}!`, session_id });
          session_id = reply.session_id;
          assert.ok(reply.answer.includes(topic), reply.answer);
        }
      }));
      for (const { messages } of await asked(stack)) {
        const persons = new Set(JSON.stringify(messages).match(/topic\d+/gu));
        assert.equal(persons.size, 1, `a request to the model holds words of ${[...persons].join(" and ")}`);
      }
    });

    await test.step("a token alone is enough, without an apikey [catches: leaving out the publishable key]", async () => {
      const authorization = ada.credentials.authorization;
      assert.equal((await post(stack, "chat-handler", { message: QUESTION }, { authorization })).status, 200);
    });

    await test.step("only the secret key speaks for a user [catches: trusting user_id]", async () => {
      const body = { message: QUESTION, user_id: (await signUp(stack)).id };
      const reply = await leavesNoTrace(stack, () => post(stack, "chat-handler", body, ada.credentials));
      assertError(reply, 403, "forbidden", /`user_id`/);
      const missing = await leavesNoTrace(
        stack,
        () => post(stack, "chat-handler", { message: QUESTION }, service(stack)),
      );
      assertError(missing, 400, "invalid_request", /`user_id`/);
      const { session_id } = await ask(stack, service(stack), body);
      const [{ user_id }] = await stack.database.query("select user_id from pawl.sessions where id = $1", [session_id]);
      assert.equal(user_id, body.user_id);
    });

    await test.step("a backend's supabase-js with the secret key works [catches: taking its key for a token]", async () => {
      const { data, error } = await clientOf(stack, stack.secretKey).functions.invoke("chat-handler", {
        body: { message: QUESTION, user_id: ada.id },
      });
      assert.equal(error, null);
      assert.equal(data.prompt_version, 1);
    });

    await test.step("an answer may be read by a page, and names its request", async () => {
      const reply = await post(stack, "chat-handler", { message: QUESTION }, ada.credentials);
      assertReadableByPages(reply.headers);
      assert.equal(reply.headers.get("x-request-id"), reply.body.request_id);
      assert.equal(reply.headers.get("content-type"), "application/json");
    });

    await test.step("nothing a person wrote and no key is in the logs [catches: logging bodies]", () => {
      assert.ok(lines.some((line) => line.includes("turn_completed")));
      for (const secret of ["orchid", "topic", stack.secretKey, stack.jwtSecret, ada.credentials.authorization]) {
        assert.ok(!lines.some((line) => line.includes(secret)), `the log holds ${secret}`);
      }
    });
  }));

async function ask(stack: Stack, credentials: Record<string, string>, body: Record<string, unknown>) {
  const reply = await post(stack, "chat-handler", body, credentials);
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  return reply.body;
}

async function messagesOf(stack: Stack, session: string) {
  return await stack.database.query(
    `select id, role, content, prompt_version, model_used, token_count
     from pawl.messages where session_id = $1 order by seq`,
    [session],
  );
}
