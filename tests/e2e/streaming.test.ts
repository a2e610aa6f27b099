/** Answers as events: in order, as they come, and stored whatever becomes of the client. */
import assert from "node:assert/strict";
import { asked, assertError, assertReadableByPages, contents, onStack, post, signUp } from "./scene.ts";
import { readFileSync } from "node:fs";
import { startFakeModel } from "./fake_model.ts";
import { openStream, release, setFaults, told, until } from "./streams.ts";

const QUESTION = "How do I repot an orchid?";

Deno.test("chat-handler streams", (test) =>
  onStack({}, async ({ stack, lines }) => {
    const { credentials, client } = await signUp(stack);
    const open = (body: Record<string, unknown>, headers: Record<string, string> = {}) =>
      openStream(stack, { message: QUESTION, ...body }, { ...credentials, ...headers });
    const turnOf = async (session: string) => {
      const [turn] = await stack.database.query(
        `select t.*, a.content as answer from pawl.turns t left join pawl.messages a on a.id = t.answer_message_id
         where t.session_id = $1`,
        [session],
      );
      return turn;
    };

    await test.step("start, deltas, done: what a JSON answer has, in pieces [catches: events out of order, without ids]", async () => {
      const stream = await open({});
      assert.equal(stream.response.status, 200);
      assert.equal(stream.response.headers.get("content-type"), "text/event-stream; charset=utf-8");
      assertReadableByPages(stream.response.headers);
      const events = await stream.rest();
      const [start, ...others] = events;
      const done = others.pop()!;
      assert.deepEqual([start.event, done.event], ["start", "done"]);
      assert.ok(others.length >= 3 && others.every(({ event }) => event === "delta"), told(events).join("|"));
      const text = others.map(({ data }) => data.text).join("");
      const { turn_id, session_id, message_id, request_id } = start.data;
      assert.equal(request_id, stream.response.headers.get("x-request-id"));
      assert.deepEqual(events.map(({ id }) => id), events.map((_, index) => `${turn_id}.1.${index}`));
      const turn = await turnOf(session_id);
      assert.deepEqual([turn.id, turn.user_message_id, turn.status, turn.answer], [
        turn_id,
        message_id,
        "completed",
        text,
      ]);
      const whole = (await post(stack, "chat-handler", { message: QUESTION }, credentials)).body;
      assert.equal(text, whole.answer);
      const { answer: _, ...rest } = whole;
      assert.deepEqual(Object.keys(done.data).sort(), Object.keys(rest).sort());
      assert.deepEqual([done.data.answer_id, done.data.usage], [turn.answer_message_id, whole.usage]);
    });

    await test.step("the first delta leaves before the model has finished [catches: an answer collected first]", async () => {
      await setFaults(stack, [{ fault: "hold", after: 1 }]);
      const stream = await open({});
      const start = await stream.next();
      const delta = await stream.next();
      assert.deepEqual([start!.event, delta!.event], ["start", "delta"]);
      // The model is held: it has said one piece, and the turn is open. Only now may it go on.
      assert.deepEqual([(await turnOf(start!.data.session_id)).status, (await asked(stack)).length > 0], [
        "open",
        true,
      ]);
      assert.equal(await release(stack), 1);
      const rest = await stream.rest();
      assert.equal(rest.at(-1)!.event, "done");
      assert.ok(rest.length > 1, "all of it came at once");
    });

    await test.step("a silent model's stream is kept alive by pings [catches: proxies that cut it]", async () => {
      await setFaults(stack, [{ fault: "hold", after: 0 }]);
      const stream = await open({});
      assert.deepEqual([(await stream.next())!.event, (await stream.next())!.event], ["start", "ping"]);
      await release(stack);
      assert.equal((await stream.rest()).at(-1)!.event, "done");
    });

    await test.step("the header asks for it, and supabase-js hands it over as a response", async () => {
      const invoked = await client.functions.invoke("chat-handler", {
        body: { message: QUESTION },
        headers: { accept: "text/event-stream" },
      });
      assert.ok(invoked.data instanceof Response);
      assert.match(await invoked.data.text(), /^id: .*\nevent: start\n.*event: done\n/su);
    });

    await test.step("a client that leaves gets its answer stored, and by its key replayed, unpaid [catches: work that ends with the connection]", async () => {
      await setFaults(stack, [{ fault: "hold", after: 1 }]);
      const key = { "idempotency-key": crypto.randomUUID() };
      const left = await open({}, key);
      const { session_id, turn_id } = (await left.next())!.data;
      await left.next();
      left.leave();
      assertError(
        await post(stack, "chat-handler", { message: QUESTION }, { ...credentials, ...key }),
        409,
        "turn_in_progress",
      );
      await release(stack);
      await until("the answer is stored", async () => (await turnOf(session_id)).status === "completed");
      const paid = (await asked(stack)).length;
      const before = await contents(stack);
      const events = await (await open({}, key)).rest();
      const { answer } = await turnOf(session_id);
      assert.deepEqual(told(events), ["start", answer, "done"]);
      assert.deepEqual([events[0].data.turn_id, events[2].data.replayed], [turn_id, true]);
      assert.deepEqual(events.map(({ id }) => id), [0, 1, 2].map((number) => `${turn_id}.0.${number}`));
      assert.equal((await asked(stack)).length, paid);
      assert.deepEqual(await contents(stack), before);
    });

    await test.step("what is refused before the message is stored is a response [catches: a 200 for a stranger]", async () => {
      const body = { message: QUESTION, stream: true };
      assertError(await post(stack, "chat-handler", body, {}), 401, "unauthorized");
      assertError(await post(stack, "chat-handler", { ...body, message: " " }, credentials), 400, "invalid_request");
      assertError(
        await post(stack, "chat-handler", { ...body, stream: "yes" }, credentials),
        400,
        "invalid_request",
        /`stream`/,
      );
    });

    await test.step("many streams at once do not mix [catches: a sink that requests share]", async () => {
      const words = Array.from({ length: 12 }, (_, index) => `subject${index}x`);
      const streams = await Promise.all(words.map((word) => open({ message: `Explain ${word}!` })));
      const texts = await Promise.all(streams.map(async (stream) => told(await stream.rest()).join("")));
      for (const [index, text] of texts.entries()) {
        assert.deepEqual([...new Set(text.match(/subject\d+x/gu))], [words[index]]);
      }
    });

    await test.step("nothing a person or the model wrote is in the logs", () => {
      assert.ok(!lines.some((line) => /orchid|subject\d|simulated\]/u.test(line)));
    });
  }));

const STREAMS = 150;
const PIECES = 400;

Deno.test(`${STREAMS} answers of ${PIECES} pieces leave nothing behind [catches: timers and promises held for as long as the isolate lives]`, async () => {
  const model = startFakeModel();
  model.instead = () => longAnswer();
  try {
    await onStack({ model: { baseUrl: model.url } }, async ({ stack }) => {
      const { credentials } = await signUp(stack);
      const { pid } = stack.functions.process("chat-handler");
      const answer = async () => {
        const events = await (await openStream(stack, { message: "Go on!" }, credentials)).rest();
        assert.deepEqual([events.length, events.at(-1)!.event], [PIECES + 2, "done"]);
      };
      for (let i = 0; i < 20; i++) await answer();
      const before = megabytesOf(pid);
      for (let i = 0; i < STREAMS; i++) await answer();
      const grown = megabytesOf(pid) - before;
      console.log(`  ${before} MB before, ${grown} MB more after`);
      assert.ok(grown < 60, `${grown} MB more`);
    });
  } finally {
    await model.stop();
  }
});

/** A stream in many small chunks, as a network brings it. */
function longAnswer(): Response {
  const encoder = new TextEncoder();
  const event = (data: { type: string }) => encoder.encode(`event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`);
  const start = { type: "message_start", message: { id: "msg_1", model: "fake", usage: { input_tokens: 1 } } };
  const piece = { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "and so on " } };
  const end = { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: PIECES } };
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === 0) controller.enqueue(event(start));
      else if (sent <= PIECES) controller.enqueue(event(piece));
      else {
        controller.enqueue(event(end));
        controller.close();
      }
      sent++;
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

function megabytesOf(pid: number): number {
  return Math.round(Number(/VmRSS:\s*(\d+)/u.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024);
}
