/** docs/client.md: its TypeScript compiles as it stands there, and does what it says. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { SupabaseClient } from "@supabase/supabase-js";
import { asked, clientOf, forgetAsked, onStack, service, signUp } from "./scene.ts";
import { setFaults } from "./streams.ts";

const REPOSITORY = new URL("../../", import.meta.url);
const MODULE = new URL("tests/e2e/.generated/client.ts", REPOSITORY);

interface Answer {
  session_id: string;
  answer_id: string;
  answer: string;
  replayed?: true;
}

/** What the page exports, as far as these tests call it. */
interface Client {
  send(supabase: SupabaseClient, message: string, session_id?: string, key?: string): Promise<Answer>;
  sendAbout(supabase: SupabaseClient, message: string, metadata: Record<string, unknown>): Promise<Answer>;
  stream(
    supabase: SupabaseClient,
    message: string,
    onText: (text: string) => void,
    session_id?: string,
    key?: string,
  ): Promise<{ session_id: string; text: string; replayed?: true }>;
  // deno-lint-ignore no-explicit-any -- each test knows what it looks at
  listSessions(supabase: SupabaseClient, before?: string): Promise<any>;
  // deno-lint-ignore no-explicit-any -- as above
  showHistory(supabase: SupabaseClient, session_id: string, beforeTurn?: number): Promise<any>;
  rename(supabase: SupabaseClient, session_id: string, title: string): Promise<void>;
  remove(supabase: SupabaseClient, session_id: string): Promise<void>;
  react(supabase: SupabaseClient, signal: Record<string, unknown>): Promise<void>;
  reactToMany(
    supabase: SupabaseClient,
    signals: Record<string, unknown>[],
  ): Promise<{ stored: number; unchanged: number; errors: { index: number; code: string; field?: string }[] }>;
  collectReactions(
    supabase: SupabaseClient,
    projectUrl: string,
    publishableKey: string,
  ): { add(signal: Record<string, unknown>): void; send(): Promise<void> };
  answerWithMyModel(
    admin: SupabaseClient,
    user_id: string,
    message: string,
    // deno-lint-ignore no-explicit-any -- as above
    ask: (prepared: any) => Promise<{ answer: string; model: string; tools?: string[] }>,
    key: string,
  ): Promise<string>;
}

Deno.test("docs/client.md", async (test) => {
  writePage();
  await test.step("its TypeScript compiles [catches: an example that never ran]", async () => {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", fileURLToPath(MODULE)],
      cwd: fileURLToPath(REPOSITORY),
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  });

  const page: Client = await import(MODULE.href);
  await onStack({}, async ({ stack }) => {
    const { id, client } = await signUp(stack);

    await test.step("sends, with a key: the same key gets the same answer, unpaid", async () => {
      const key = crypto.randomUUID();
      const first = await page.send(client, "How do I true a wheel?", undefined, key);
      await forgetAsked(stack);
      const again = await page.send(client, "How do I true a wheel?", undefined, key);
      assert.deepEqual([again.answer, again.replayed], [first.answer, true]);
      assert.equal((await asked(stack)).length, 0);
    });

    await test.step("sends again when it says when [catches: a loop that gives up, or never does]", async () => {
      await setFaults(stack, [{ fault: "overloaded", times: 4, retry_after: 0 }]);
      assert.match((await page.send(client, "Still there?")).answer, /^\[simulated\]/u);
      await assert.rejects(page.send(client, " "), { code: "invalid_request" });
    });

    await test.step("says what a question is about, in names", async () => {
      const about = { question_type: "billing", data_source: "invoices", tools: ["search_docs"] };
      await page.sendAbout(client, "What do I owe?", about);
      const rows = await stack.database.query(
        `select e.question_type, e.data_source, e.tools
         from pawl.exchanges e join pawl.turns t on t.answer_message_id = e.message_id
         join pawl.messages q on q.id = t.user_message_id where q.content = 'What do I owe?'`,
      );
      assert.deepEqual(rows, [about]);
      await assert.rejects(page.sendAbout(client, "And now?", { data_source: "My invoices" }), {
        code: "invalid_request",
      });
    });

    await test.step("streams, piece by piece", async () => {
      const seen: string[] = [];
      const { text, session_id } = await page.stream(client, "Explain gears!", (so_far) => seen.push(so_far));
      assert.ok(seen.length > 2 && seen.every((one, index) => index === 0 || one.startsWith(seen[index - 1])));
      assert.equal(text, seen.at(-1));
      const { messages } = await page.showHistory(client, session_id);
      assert.equal(messages[1].content, text);
    });

    await test.step("an error in a stream is thrown with its code", async () => {
      await setFaults(stack, [{ fault: "refusal", after: 1 }]);
      await assert.rejects(page.stream(client, "Tell me!", () => {}), { code: "model_refused", status: 422 });
    });

    await test.step("lists, shows, renames, deletes", async () => {
      const { session_id } = await page.send(client, "Which saddle fits me?");
      await page.send(client, "And which grips?", session_id);
      const { sessions, next } = await page.listSessions(client);
      assert.deepEqual([sessions[0].session_id, sessions[0].title, next], [session_id, "Which saddle fits me?", null]);
      const { messages } = await page.showHistory(client, session_id);
      assert.deepEqual(messages.map(({ role }: { role: string }) => role), ["user", "assistant", "user", "assistant"]);
      await page.rename(client, session_id, "Fitting");
      assert.equal((await page.listSessions(client)).sessions[0].title, "Fitting");
      await page.remove(client, session_id);
      assert.ok(!JSON.stringify(await page.listSessions(client)).includes(session_id));
      assert.equal((await page.showHistory(client, session_id)).outcome, "session_not_found");
      await assert.rejects(page.send(client, "Once more?", session_id), { code: "session_not_found" });
    });

    const signalsOf = async (message_id: string) => {
      const rows = await stack.database.query(
        "select signal from pawl.response_feedback where message_id = $1 and superseded_at is null order by seq",
        [message_id],
      );
      return rows.map(({ signal }) => signal);
    };

    await test.step("reacts: one, many, an error by index [catches: examples that have rotted]", async () => {
      const { answer_id: message_id, session_id } = await page.send(client, "Which chain do I need?");
      await page.react(client, { message_id, signal: "thumbs_up" });
      await page.react(client, { message_id, signal: "thumbs_down", comment: "For another bicycle." });
      await assert.rejects(page.react(client, { message_id: session_id, signal: "copy" }), {
        code: "message_not_found",
      });
      const many = [
        { message_id, signal: "copy" },
        { message_id, signal: "dwell_time", value: -1 },
        { message_id, signal: "rating", stars: 4 },
        { message_id, signal: "thumbs_down", comment: "For another bicycle." },
      ];
      const { stored, unchanged, errors } = await page.reactToMany(client, many);
      assert.deepEqual([stored, unchanged], [2, 1]);
      assert.deepEqual(errors.map(({ index, code, field }) => [index, code, field]), [[1, "invalid_request", "value"]]);
      assert.deepEqual(await signalsOf(message_id), ["thumbs_down", "copy", "rating"]);
      // As the history has it, an answer has the same id.
      const { messages } = await page.showHistory(client, session_id);
      assert.equal(messages[1].message_id, message_id);
    });

    await test.step("what nobody waits for is sent together, and again where it failed [catches: losing it]", async () => {
      const { answer_id: message_id } = await page.send(client, "And which sprocket?");
      const seen = page.collectReactions(client, stack.url, stack.publishableKey);
      const nowhere = page.collectReactions(client, "http://127.0.0.1:9", stack.publishableKey);
      // Until the client has said who is signed in.
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (const one of [seen, nowhere]) {
        one.add({ message_id, signal: "copy" });
        one.add({ message_id, signal: "dwell_time", value: 12 });
      }
      await nowhere.send();
      assert.deepEqual(await signalsOf(message_id), []);
      await seen.send();
      await seen.send();
      assert.deepEqual(await signalsOf(message_id), ["copy", "dwell_time"]);
    });

    await test.step("a backend's own model answers, is kept, and is judged with the rest", async () => {
      const admin = clientOf(stack, stack.secretKey);
      const key = crypto.randomUUID();
      await forgetAsked(stack);
      // deno-lint-ignore no-explicit-any -- as above
      let prepared: any;
      const ask = (given: unknown) => {
        prepared = given;
        return Promise.resolve({ answer: "From my own model.", model: "mine-1", tools: ["search"] });
      };
      assert.equal(await page.answerWithMyModel(admin, id, "What do you say?", ask, key), "From my own model.");
      assert.match(prepared.system_prompt, /^You are the assistant/u);
      assert.deepEqual(prepared.exposures, [], "nothing was learned yet");
      assert.deepEqual(prepared.messages, [{ role: "user", content: "What do you say?" }]);
      assert.equal((await asked(stack)).length, 0, "our model was asked");
      assert.equal(await page.answerWithMyModel(admin, id, "What do you say?", ask, key), "From my own model.");
      const failing = () => Promise.reject(new Error("my model is down"));
      await assert.rejects(page.answerWithMyModel(admin, id, "And now?", failing, "k2"), /my model is down/u);
      const rows = await stack.database.query(
        `select t.status, t.error_code, a.content, a.model_used, a.metadata -> 'tools' as tools
         from pawl.turns t join pawl.messages q on q.id = t.user_message_id
         left join pawl.messages a on a.id = t.answer_message_id
         where q.content in ('What do you say?', 'And now?') order by t.seq`,
      );
      assert.deepEqual(rows, [
        {
          status: "completed",
          error_code: null,
          content: "From my own model.",
          model_used: "mine-1",
          tools: ["search"],
        },
        { status: "failed", error_code: "my_model_failed", content: null, model_used: null, tools: null },
      ]);
      await stack.database.exec("update pawl.loop_settings set min_conversations = 1");
      const { status } = await fetch(`${stack.url}/functions/v1/reflection-loop`, {
        method: "POST",
        headers: { ...service(stack), "content-type": "application/json" },
        body: JSON.stringify({ force: true }),
      });
      assert.equal(status, 200);
      const judged = await stack.database.query(
        `select 1 from pawl.message_evaluations e join pawl.messages m on m.id = e.message_id
         where m.content = 'From my own model.'`,
      );
      assert.equal(judged.length, 1);
    });
  });
});

/** All of the page's TypeScript, in order, as one module where the repository's imports resolve. */
function writePage(): void {
  const page = readFileSync(new URL("docs/client.md", REPOSITORY), "utf8");
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gmsu)].map(([, code]) => code);
  assert.ok(blocks.length >= 5, `${blocks.length} blocks`);
  mkdirSync(new URL(".", MODULE), { recursive: true });
  writeFileSync(MODULE, blocks.join("\n"));
}
