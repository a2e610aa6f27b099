/** When a reflection judges, who may have it, and when it leaves an assistant alone. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import {
  type Assistant,
  configure,
  CONTENT,
  converse,
  join,
  liveVersion,
  makeAssistant,
  makeOrganization,
  reflect,
  skipped,
  versionsOf,
} from "./assistants.ts";
import { failure, startFakeModel, taskOf } from "./fake_model.ts";
import {
  asked,
  assertError,
  contents,
  forgetAsked,
  leavesNoTrace,
  onStack,
  post,
  service,
  signUp,
  tasks,
} from "./scene.ts";

/** Looking at an assistant moves its place in the order of work, and nothing else. */
const LEASES = ["leases"];

Deno.test("reflection-loop", async (test) => {
  const model = startFakeModel();
  await onStack({ model: { baseUrl: model.url } }, async ({ stack }) => {
    const judged = async () => (await tasks(stack, "evaluate")).length;

    await test.step("four answers are too few, forced too; five are enough [catches: judging noise]", async () => {
      const assistant = await makeAssistant(stack);
      await converse(stack, assistant, 4);
      await leavesNoTrace(stack, async () => {
        assert.deepEqual(await reflect(stack, assistant), skipped("insufficient_data"));
        assert.deepEqual(await reflect(stack, assistant, { force: true }), skipped("insufficient_data"));
      }, LEASES);
      await converse(stack, assistant, 1);
      assert.equal((await reflect(stack, assistant)).messages_analyzed, 5);
    });

    await test.step("not due: cooldown; after the hours, after enough messages, or forced it judges [catches: one of the two clocks]", async () => {
      const assistant = await makeAssistant(stack, CONTENT);
      await converse(stack, assistant, 5);
      assert.equal((await reflect(stack, assistant)).messages_analyzed, 5);
      await converse(stack, assistant, 5);
      await leavesNoTrace(stack, async () => {
        assert.deepEqual(await reflect(stack, assistant), skipped("cooldown"));
      }, LEASES);
      assert.equal((await reflect(stack, assistant, { force: true })).messages_analyzed, 5);
      await converse(stack, assistant, 5);
      await stack.database.query(
        "update pawl.reflection_logs set created_at = created_at - interval '6 hours 1 second' where assistant_id = $1",
        [assistant.id],
      );
      assert.equal((await reflect(stack, assistant)).messages_analyzed, 5);
      await converse(stack, assistant, 5);
      assert.deepEqual(await reflect(stack, assistant), skipped("cooldown"));
      await configure(stack, assistant, { reflect_every_messages: 5 });
      assert.equal((await reflect(stack, assistant)).messages_analyzed, 5);
    });

    for (const [reason, block, unblock] of BLOCKS) {
      await test.step(`${reason}: nothing is judged; forced it judges and submits nothing; then the update is still owed [catches: force that writes]`, async () => {
        const assistant = await makeAssistant(stack);
        await converse(stack, assistant, 5);
        await block(stack, assistant);
        await leavesNoTrace(stack, async () => {
          assert.deepEqual(await reflect(stack, assistant), skipped(reason));
        }, LEASES);
        const rewritten = (await tasks(stack, "rewrite")).length;
        const forced = await reflect(stack, assistant, { force: true });
        assert.deepEqual([forced.action, forced.messages_analyzed], ["prompt_update", 5]);
        assert.deepEqual(forced.update, skipped(reason));
        assert.equal((await tasks(stack, "rewrite")).length, rewritten, "a rewrite was paid for");
        assert.equal(await liveVersion(stack, assistant), 1);

        const before = await judged();
        await unblock(stack, assistant);
        const owed = await reflect(stack, assistant);
        assert.equal(owed.reflection_id, forced.reflection_id);
        assert.deepEqual([owed.update.submitted, owed.update.version], [true, 2]);
        assert.equal(await judged(), before, "the answers were judged again");
        assert.equal(await liveVersion(stack, assistant), 1);
      });
    }

    await test.step("a pause that is over holds nothing up [catches: reading paused_until as a flag]", async () => {
      const assistant = await makeAssistant(stack, { paused_until: new Date(Date.now() - 1000) });
      await converse(stack, assistant, 5);
      assert.equal((await reflect(stack, assistant)).update.version, 2);
    });

    await test.step("an update that failed is made by the next call, without judging again [catches: an update lost]", async () => {
      const assistant = await makeAssistant(stack);
      await converse(stack, assistant, 5);
      model.instead = (request) => taskOf(request)?.task === "rewrite" ? failure(529, "overloaded_error") : null;
      const first = await reflect(stack, assistant);
      assert.deepEqual(first.update, { failed: true, code: "model_overloaded" });
      model.instead = () => null;
      const before = await judged();
      const next = await reflect(stack, assistant);
      assert.deepEqual([next.reflection_id, next.update.version], [first.reflection_id, 2]);
      assert.equal(await judged(), before);
      assert.deepEqual(await reflect(stack, assistant), skipped("insufficient_data"));
    });

    await test.step("an update owed to a version that is live no more is forgotten [catches: rewriting the wrong prompt]", async () => {
      const assistant = await makeAssistant(stack, { updates_paused: true });
      await converse(stack, assistant, 5);
      const { reflection_id } = await reflect(stack, assistant, { force: true });
      await stack.database.query("update pawl.system_prompts set state = 'retired' where assistant_id = $1", [
        assistant.id,
      ]);
      await stack.database.query(
        `insert into pawl.system_prompts (assistant_id, version, content, created_by, state)
         values ($1, 2, 'Answer as well as you can.', 'human', 'active')`,
        [assistant.id],
      );
      await configure(stack, assistant, { updates_paused: false });
      assert.deepEqual(await reflect(stack, assistant), skipped("insufficient_data"));
      const { body } = await post(stack, "prompt-updater", { reflection_id }, service(stack));
      assert.deepEqual([body.skipped, body.reason], [true, "superseded"]);
      assert.equal(await liveVersion(stack, assistant), 2);
    });

    await test.step("who works on an assistant keeps others off it, until the lease runs out [catches: two workers on one]", async () => {
      const assistant = await makeAssistant(stack, CONTENT);
      await converse(stack, assistant, 5);
      const lease = `update pawl.leases set holder = $2, expires_at = now() + $3::interval
        where assistant_id = $1 and kind = 'reflection'`;
      await stack.database.query(lease, [assistant.id, crypto.randomUUID(), "1 minute"]);
      await leavesNoTrace(stack, async () => {
        assert.deepEqual(await reflect(stack, assistant, { force: true }), skipped("in_progress"));
      }, LEASES);
      await stack.database.query(lease, [assistant.id, crypto.randomUUID(), "-1 second"]);
      assert.equal((await reflect(stack, assistant)).messages_analyzed, 5);
      const [{ holder, expires_at }] = await stack.database.query(
        "select holder, expires_at from pawl.leases where assistant_id = $1 and kind = 'reflection'",
        [assistant.id],
      );
      assert.deepEqual([holder, expires_at], [null, null], "the lease was not given back");
    });

    await test.step("of two calls at once one judges [catches: paying twice]", async () => {
      const assistant = await makeAssistant(stack);
      await converse(stack, assistant, 5);
      const before = await judged();
      // The model is slow, so that the second call surely comes while the first is at work.
      model.instead = async (request) => {
        if (taskOf(request)) await new Promise((resolve) => setTimeout(resolve, 150));
        return null;
      };
      const results = await Promise.all([1, 2, 3].map(() => reflect(stack, assistant, { force: true })));
      model.instead = () => null;
      assert.equal(results.filter((result) => result.reason === "in_progress").length, 2, JSON.stringify(results));
      assert.equal(await judged() - before, 1);
      assert.deepEqual((await versionsOf(stack, assistant)).map(({ state }) => state), ["active", "screening"]);
    });

    await test.step("a dry run judges and writes nothing [catches: a log row, a version]", async () => {
      const assistant = await makeAssistant(stack);
      await converse(stack, assistant, 5);
      const before = await contents(stack, ["leases", "usage"]);
      const result = await reflect(stack, assistant, { dry_run: true });
      assert.deepEqual([result.dry_run, result.action, result.messages_analyzed], [true, "prompt_update", 5]);
      assert.ok(result.scores.overall < 2.5);
      assert.ok(!("reflection_id" in result) && !("update" in result));
      assert.deepEqual(await contents(stack, ["leases", "usage"]), before);
      assert.equal((await reflect(stack, assistant)).messages_analyzed, 5, "the answers count as judged");
    });

    await test.step("one call goes through every assistant, and each gets its own result [catches: stopping at the first]", async () => {
      const organization = await makeOrganization(stack, "many");
      const make = () => makeAssistant(stack, CONTENT, { organization });
      const [first, quiet, second, paused] = [await make(), await make(), await make(), await make()];
      for (const assistant of [first, second, paused]) await converse(stack, assistant, 5);
      await configure(stack, paused, { updates_paused: true });
      const { body } = await post(stack, "reflection-loop", { organization_id: organization }, service(stack));
      assert.equal(body.more, false);
      const outcomes = new Map(
        body.results.map((result: Record<string, unknown>) => [result.assistant_id, result.reason ?? result.action]),
      );
      assert.deepEqual(
        outcomes,
        new Map([
          [quiet.id, "insufficient_data"],
          [paused.id, "paused"],
          [first.id, "suggestion"],
          [second.id, "suggestion"],
        ]),
      );
    });

    await test.step("assistants of one name in two organisations never mix [catches: a join by slug]", async () => {
      const [north, south] = [await makeOrganization(stack, "north"), await makeOrganization(stack, "south")];
      const ofNorth = await makeAssistant(stack, { ...CONTENT, chat_model: "claude-haiku-5-5" }, {
        slug: "help",
        organization: north,
      });
      const ofSouth = await makeAssistant(stack, CONTENT, { slug: "help", organization: south });
      await converse(stack, ofNorth, 5, "a northern pine");
      await converse(stack, ofSouth, 5, "a southern palm");
      await forgetAsked(stack);
      const { body } = await post(stack, "reflection-loop", { assistant: "help" }, service(stack));
      assert.equal(body.results.length, 2);
      const requests = (await asked(stack)).map((request) => JSON.stringify(request));
      assert.equal(requests.length, 2);
      for (const request of requests) {
        assert.notEqual(request.includes("northern"), request.includes("southern"), "one judge saw both organisations");
      }
      const rows = await stack.database.query(
        `select r.assistant_id, s.organization_id from pawl.message_evaluations e
         join pawl.reflection_logs r on r.id = e.reflection_log_id
         join pawl.messages m on m.id = e.message_id join pawl.sessions s on s.id = m.session_id
         where r.assistant_id in ($1, $2)`,
        [ofNorth.id, ofSouth.id],
      );
      assert.equal(rows.length, 10);
      for (const row of rows) assert.equal(row.organization_id, row.assistant_id === ofNorth.id ? north : south);
    });

    await test.step("an owner is refused, and changes nothing [catches: a grant too many]", async () => {
      const assistant = await makeAssistant(stack);
      await converse(stack, assistant, 5);
      const { id, credentials } = await signUp(stack);
      await join(stack, assistant.organization, id, "owner");
      for (const body of [{}, { force: true }, { dry_run: true }]) {
        const asUser = await leavesNoTrace(stack, () => post(stack, "reflection-loop", body, credentials));
        assertError(asUser, 403, "forbidden");
      }
    });
  });
  await model.stop();
});

type Change = (stack: Stack, assistant: Assistant) => Promise<unknown>;

/** What keeps a version from being written: its name, how it comes, how it goes. */
const BLOCKS: [string, Change, Change][] = [
  ["paused", set({ updates_paused: true }), set({ updates_paused: false })],
  ["paused", set({ paused_until: new Date(Date.now() + 60_000) }), set({ paused_until: null })],
  ["locked", lock(true), lock(false)],
  ["daily_limit", set({ max_updates_per_day: 0 }), set({ max_updates_per_day: 3 })],
];

function set(settings: Record<string, unknown>): Change {
  return (stack, assistant) => configure(stack, assistant, settings);
}

function lock(locked: boolean): Change {
  return (stack, { id }) =>
    stack.database.query("update pawl.system_prompts set locked = $2 where assistant_id = $1 and is_active", [
      id,
      locked,
    ]);
}
