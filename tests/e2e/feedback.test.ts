/** How people react to answers: what is kept of it, and of whom. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import {
  assertError,
  assertReadableByPages,
  bearing,
  clientOf,
  leavesNoTrace,
  mint,
  onStack,
  type Person,
  post,
  type Reply,
  service,
  signUp,
} from "./scene.ts";
import { watchSteps } from "./steps.ts";

const QUESTION = "How do I repot an orchid?";
const UNKNOWN_ID = "5f0c1b4e-7c0b-4b5e-9a55-0d0e8e2d9a11";

Deno.test("feedback-collector", (test) =>
  onStack({}, async ({ stack, lines }) => {
    const [ada, eve] = [await signUp(stack), await signUp(stack)];
    const react = (body: unknown, credentials = ada.credentials) =>
      post(stack, "feedback-collector", body, credentials);
    const refused = (body: unknown, credentials = ada.credentials) =>
      leavesNoTrace(stack, () => react(body, credentials));

    await test.step("a thumb is kept with what produced the answer [catches: a reaction to nothing known]", async () => {
      const answer = await ask(stack, ada.credentials);
      const { data, error } = await ada.client.functions.invoke("feedback-collector", {
        body: { message_id: answer.answer_id, signal: "thumbs_up" },
      });
      assert.equal(error, null);
      const { request_id, ...counted } = data;
      assert.deepEqual(counted, { stored: 1, unchanged: 0, errors: [] });
      assert.match(request_id, /^[\da-f-]{36}$/u);
      const kept = await stack.database.query(
        `select f.signal, f.source, f.value, f.comment, f.user_id, e.session_id, e.prompt_version, e.model
         from pawl.response_feedback f join pawl.exchanges e on e.message_id = f.message_id where f.message_id = $1`,
        [answer.answer_id],
      );
      assert.deepEqual(kept, [{
        ...{ signal: "thumbs_up", source: "user", value: null, comment: null, user_id: ada.id },
        ...{ session_id: answer.session_id, prompt_version: 1, model: answer.model },
      }]);
    });

    await test.step("the same again changes nothing [catches: counting a click twice]", async () => {
      const { answer_id: message_id } = await ask(stack, ada.credentials);
      const body = {
        signals: [
          { message_id, signal: "thumbs_up", comment: "Quick!", metadata: { place: ["below", 1] } },
          { message_id, signal: "rating", value: 0.1 },
          { message_id, signal: "dwell_time", value: 61.5 },
          { message_id, signal: "copy" },
        ],
      };
      assertCounts(await react(body), 4, 0);
      assertCounts(await refused(body), 0, 4);
      assertCounts(await refused(body.signals[0]), 0, 1);
    });

    await test.step("a changed thumb takes the place of the first; both stay in the history [catches: overwriting, adding up]", async () => {
      const { answer_id: message_id } = await ask(stack, ada.credentials);
      for (const signal of ["thumbs_up", "thumbs_down"]) assertCounts(await react({ message_id, signal }), 1, 0);
      assertCounts(await react({ message_id, signal: "thumbs_down", comment: "It was wrong." }), 1, 0);
      assert.deepEqual(await historyOf(stack, message_id), ["(thumbs_up)", "(thumbs_down)", "thumbs_down"]);
    });

    await test.step("stars are quarters of a rating; a rating replaces a rating [catches: 4 of 5 as 0.8]", async () => {
      const { answer_id: message_id } = await ask(stack, ada.credentials);
      for (const stars of [1, 4]) assertCounts(await react({ message_id, signal: "rating", stars }), 1, 0);
      assertCounts(await refused({ message_id, signal: "rating", value: 0.75 }), 0, 1);
      assert.deepEqual(await historyOf(stack, message_id), ["(rating 0)", "rating 0.75"]);
    });

    await test.step("of many, the bad are named by index and the good are kept [catches: all or nothing]", async () => {
      const { answer_id: message_id } = await ask(stack, ada.credentials);
      const { answer_id: theirs } = await ask(stack, eve.credentials);
      const { status, body } = await react({
        signals: [
          { message_id, signal: "copy" },
          { message_id, signal: "applause" },
          { message_id: theirs, signal: "thumbs_down" },
          { message_id, signal: "thumbs_up" },
          { message_id, signal: "rating", value: 2 },
          { message_id, signal: "rating", value: 1, source: "llm-judge" },
          { message_id: UNKNOWN_ID, signal: "copy" },
          "copy",
          { message_id, signal: "thumbs_down", comment: "é".repeat(2000) },
          { message_id, signal: "dwell_time", value: 5, metadata: { a: "b\0" } },
        ],
      });
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual([body.stored, body.unchanged], [3, 0]);
      assert.deepEqual(body.errors.map((one: Problem) => [one.index, one.code, one.field]), [
        [1, "invalid_request", "signal"],
        [2, "message_not_found", "message_id"],
        [4, "invalid_request", "value"],
        [5, "source_not_allowed", "source"],
        [6, "message_not_found", "message_id"],
        [7, "invalid_request", undefined],
        [9, "invalid_request", "metadata.a"],
      ]);
      for (const { message, field } of body.errors as Problem[]) {
        assert.ok(message.length > 10 && message.startsWith(field ? `\`${field}\`: ` : "A signal"), message);
      }
      assert.deepEqual(await historyOf(stack, message_id), ["copy", "(thumbs_up)", "thumbs_down"]);
      assert.deepEqual(await historyOf(stack, theirs), []);
    });

    await test.step("nobody reacts to what another was told [catches: authorising by message id alone]", async () => {
      const { answer_id: message_id, message_id: question } = await ask(stack, ada.credentials);
      const thumb = { message_id, signal: "thumbs_down" };
      const strangers = [eve.credentials, bearing(stack, mint(stack.jwtSecret))];
      for (const credentials of strangers) assertError(await refused(thumb, credentials), 404, "message_not_found");
      assertError(await refused({ ...thumb, user_id: eve.id }, service(stack)), 404, "message_not_found");
      assertError(await refused({ ...thumb, message_id: question }), 404, "message_not_found", /`answer_id`/u);
    });

    await test.step("nor to what they have deleted [catches: reading past a deletion]", async () => {
      const { answer_id: message_id, session_id } = await ask(stack, ada.credentials);
      await ada.client.rpc("pawl_delete_session", { p_session_id: session_id }).throwOnError();
      assertError(await refused({ message_id, signal: "copy" }), 404, "message_not_found");
    });

    await test.step("an anonymous sign-in reacts to its own answers [catches: refusing tokens without an e-mail]", async () => {
      const credentials = bearing(stack, mint(stack.jwtSecret, { is_anonymous: true }));
      const { answer_id: message_id } = await ask(stack, credentials);
      assertCounts(await react({ message_id, signal: "thumbs_up" }, credentials), 1, 0);
    });

    await test.step("without a person there is no reaction [catches: storing first]", async () => {
      const { answer_id: message_id } = await ask(stack, ada.credentials);
      const thumb = { message_id, signal: "thumbs_up" };
      for (const body of [thumb, { signals: [thumb] }]) {
        assertError(await refused(body, {}), 401, "unauthorized");
        assertError(await refused(body, { apikey: stack.publishableKey }), 401, "unauthorized");
        assertError(await refused(body, service(stack)), 400, "invalid_request", /`user_id`/u);
        assertError(await refused({ ...body, user_id: ada.id }), 403, "forbidden", /`user_id`/u);
      }
    });

    await test.step("a backend reacts for a person, and rates by itself [catches: taking its word for theirs]", async () => {
      const { answer_id: message_id } = await ask(stack, ada.credentials);
      const ratings = ["user", "automated", "llm-judge"].map((source) => (
        { message_id, signal: "rating", value: 0.5, source }
      ));
      for (const rating of ratings.slice(1)) {
        assertError(await refused(rating), 403, "source_not_allowed", /`source`/u);
      }
      const { data, error } = await clientOf(stack, stack.secretKey).functions.invoke("feedback-collector", {
        body: { signals: [...ratings, { message_id, signal: "copy" }], user_id: ada.id },
      });
      assert.equal(error, null);
      assert.deepEqual([data.stored, data.errors], [4, []]);
      assert.deepEqual(await historyOf(stack, message_id), [
        "rating 0.5",
        "rating 0.5 automated",
        "rating 0.5 llm-judge",
        "copy",
      ]);
      assertCounts(await refused(ratings[0]), 0, 1);
    });

    await test.step("who asks again within half a minute has reacted, and nobody need report it [catches: the app's clock]", async () => {
      const first = await ask(stack, ada.credentials);
      const second = await ask(stack, ada.credentials, first.session_id);
      assert.deepEqual(await historyOf(stack, first.answer_id), ["follow_up automated"]);
      await age(stack, first.session_id, 31);
      const third = await ask(stack, ada.credentials, first.session_id);
      assert.deepEqual(await historyOf(stack, second.answer_id), []);
      await ask(stack, ada.credentials);
      assert.deepEqual(await historyOf(stack, third.answer_id), []);
    });

    await test.step("a later reaction has an answer settled anew, the same one does not [catches: a correction that is lost]", async () => {
      const { answer_id: message_id } = await ask(stack, ada.credentials);
      await react({ message_id, signal: "thumbs_up" });
      await stack.database.query(
        "update pawl.exchanges set signal = 100, settled_at = now() where message_id = $1",
        [message_id],
      );
      const state = async () => {
        const [row] = await stack.database.query(
          "select revision, signal, settled_at is not null as is_settled from pawl.exchanges where message_id = $1",
          [message_id],
        );
        return row;
      };
      const settled = await state();
      assert.equal(settled.is_settled, true);
      assertCounts(await refused({ message_id, signal: "thumbs_up" }), 0, 1);
      await react({ message_id, signal: "thumbs_down" });
      assert.deepEqual(await state(), { revision: settled.revision + 1, signal: 100, is_settled: false });
    });

    await test.step("words and metadata come back as they went [catches: escaping twice, cutting at bytes]", async () => {
      const { answer_id: message_id } = await ask(stack, ada.credentials);
      const comment = '\u0001 \\u0000 %00 \'; drop table x; -- $1 {"a":1} 👩‍👩‍👧 \u202e 中文\r\n\t</script>'.padEnd(
        1990,
        "é",
      );
      const metadata = { "a b": [1, 0.5, -1e-7, null, true, '中文 \\ "'], nested: { deep: {} } };
      assertCounts(await react({ message_id, signal: "copy", comment, metadata }), 1, 0);
      const [kept] = await stack.database.query(
        "select comment, metadata from pawl.response_feedback where message_id = $1",
        [message_id],
      );
      assert.deepEqual(kept, { comment, metadata });
      // As long as it may be, and longer once the database writes it out.
      const largest = { message_id, signal: "copy", metadata: { n: [1e300, ...Array(2000).fill(1)] } };
      assertCounts(await react(largest), 1, 0);
      const huge = { ...largest, metadata: { n: Array(600).fill(1e300) } };
      assertError(await refused(huge), 400, "invalid_request", /`metadata`/u);
    });

    await test.step("an answer may be read by a page, and names its request", async () => {
      const { answer_id: message_id } = await ask(stack, ada.credentials);
      const reply = await react({ message_id, signal: "copy" });
      assertReadableByPages(reply.headers);
      assert.equal(reply.headers.get("x-request-id"), reply.body.request_id);
    });

    await test.step("a hundred at once are one call of the database; where none is good there is no call [catches: one each]", async () => {
      const answers = [];
      for (let n = 0; n < 5; n++) answers.push((await ask(stack, ada.credentials)).answer_id);
      const signals = answers.flatMap((message_id) =>
        [["thumbs_up"], ["copy"], ["follow_up"], ["dwell_time", 70], ["rating", 1]]
          .map(([signal, value]) => ({ message_id, signal, value }))
      );
      const steps = await watchSteps(stack, ["feedback-collector"]);
      try {
        const url = await steps.url("feedback-collector");
        const through = (body: unknown) => post({ url }, "feedback-collector", body, ada.credentials);
        const calls = async (act: () => Promise<unknown>) => (await steps.during(act)).map(({ call }) => call);
        const once = ["feedback-collector > pawl_collect_feedback"];
        const hundred = { signals: Array(4).fill(signals).flat() };
        assert.equal(hundred.signals.length, 100);
        assert.deepEqual(await calls(async () => assertCounts(await through(hundred), 25, 75)), once);
        assert.deepEqual(await calls(async () => assertCounts(await through(signals[0]), 0, 1)), once);
        const none = { signals: Array(100).fill({ message_id: UNKNOWN_ID, signal: "applause" }) };
        const nothing = async () => assert.equal((await through(none)).body.errors.length, 100);
        assert.deepEqual(await calls(nothing), []);
      } finally {
        await steps.close();
      }
    });

    await test.step("the log counts, and repeats nothing [catches: logging bodies]", () => {
      assert.ok(lines.some((line) => /"feedback_collected".*"refused":7.*"stored":3/u.test(line)), lines.join("\n"));
      for (const line of lines) assert.ok(!/Quick|It was wrong|drop table|below/u.test(line), line);
    });
  }));

interface Problem {
  index: number;
  code: string;
  message: string;
  field?: string;
}

function assertCounts({ status, body }: Reply, stored: number, unchanged: number): void {
  assert.deepEqual(
    [status, body.stored, body.unchanged, body.errors],
    [200, stored, unchanged, []],
    JSON.stringify(body),
  );
}

async function ask(stack: Stack, credentials: Person["credentials"], session_id?: string): Promise<Reply["body"]> {
  const { status, body } = await post(stack, "chat-handler", { message: QUESTION, session_id }, credentials);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

/** The reactions to an answer as they came, those in brackets that another one replaced. */
async function historyOf(stack: Stack, message_id: string): Promise<string[]> {
  const rows = await stack.database.query(
    `select signal, value::float8, source, superseded_at from pawl.response_feedback where message_id = $1 order by seq`,
    [message_id],
  );
  return rows.map(({ signal, value, source, superseded_at }) => {
    const words = [signal, value, source === "user" ? null : source].filter((word) => word !== null).join(" ");
    return superseded_at === null ? words : `(${words})`;
  });
}

/** As if all of a session had been said so much earlier. */
async function age(stack: Stack, session_id: string, seconds: number): Promise<void> {
  const earlier = (column: string) => `${column} = ${column} - interval '${seconds} seconds'`;
  for (const [table, column] of [["messages", "created_at"], ["exchanges", "answered_at"], ["turns", "finished_at"]]) {
    await stack.database.query(`update pawl.${table} set ${earlier(column)} where session_id = $1`, [session_id]);
  }
}
