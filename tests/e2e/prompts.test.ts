/** How a new prompt comes: written for a reflection, within bounds, put to the test; and taken back by people. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import {
  type Assistant,
  chat,
  configure,
  converse,
  force,
  join,
  liveVersion,
  makeAssistant,
  makeOrganization,
  reflect,
  versionsOf,
} from "./assistants.ts";
import { type FakeModel, startFakeModel, taskOf, text } from "./fake_model.ts";
import {
  asked,
  assertError,
  forgetAsked,
  leavesNoTrace,
  onStack,
  type Person,
  post,
  service,
  signUp,
  systemOf,
  tasks,
} from "./scene.ts";

/** Every reflection calls for a new prompt, and nothing but the daily cap holds one up. */
const RESTLESS = { auto_update_threshold: 5, suggestion_threshold: 5, acceptable_threshold: 5, cooldown_hours: 0 };

Deno.test("prompt-updater writes", async (test) => {
  const model = startFakeModel();
  await onStack({ model: { baseUrl: model.url } }, async ({ stack, lines }) => {
    const improve = (reflection_id: string) => post(stack, "prompt-updater", { reflection_id }, service(stack));

    await test.step("one more version, linked to the last, with its reason, in test and served to nobody [catches: two live, or none, or one unproved]", async () => {
      const assistant = await makeAssistant(stack);
      await converse(stack, assistant, 5);
      const { reflection_id, update, scores } = await reflect(stack, assistant);
      const [first, second, ...more] = await versionsOf(stack, assistant);
      assert.deepEqual(more, []);
      assert.deepEqual([first.state, second.state, second.version, second.previous], ["active", "screening", 2, 1]);
      assert.deepEqual([second.created_by, second.reflection_log_id], ["system", reflection_id]);
      const { change_reason } = second;
      assert.deepEqual(update, { submitted: true, version: 2, previous_version: 1, change_reason });
      assert.match(change_reason!, /^Simulated rewrite/u);
      assert.ok(Math.abs(Number(first.performance_score) - scores.overall) < 1e-4);
      assert.equal(second.performance_score, null);
      const reply = await chat(stack, assistant, "Which version is this?", await memberOf(stack, assistant));
      assert.equal(reply.body.prompt_version, 1);
      assert.equal(systemOf((await asked(stack)).at(-1)), first.content);
    });

    await test.step("one reflection makes one version, asked twice or at once [catches: a version a call]", async () => {
      const assistant = await owedUpdate(stack);
      const { reflection_id } = assistant;
      await configure(stack, assistant, { updates_paused: false, cooldown_hours: 0 });
      const replies = await Promise.all([1, 2, 3].map(() => improve(reflection_id)));
      replies.push(await improve(reflection_id));
      for (const { status, body } of replies) assert.deepEqual([status, body.version], [200, 2]);
      assert.equal(new Set(replies.map(({ body }) => body.change_reason)).size, 1);
      assert.deepEqual((await versionsOf(stack, assistant)).map(({ version }) => version), [1, 2]);
      await forgetAsked(stack);
      await leavesNoTrace(stack, () => improve(reflection_id));
    });

    await test.step("not before the cooldown is over, and then without judging again [catches: an update a reflection]", async () => {
      const assistant = await makeAssistant(stack, { ...RESTLESS, cooldown_hours: 6 });
      await converse(stack, assistant, 5);
      assert.equal((await reflect(stack, assistant)).update.version, 2);
      await force(stack, assistant, 2);
      await converse(stack, assistant, 5);
      const { reflection_id, update } = await reflect(stack, assistant, { force: true });
      assert.deepEqual(update, { skipped: true, reason: "cooldown" });
      const { body } = await improve(reflection_id);
      assert.deepEqual([body.skipped, body.reason], [true, "cooldown"]);
      assert.equal(await liveVersion(stack, assistant), 2);
      await forgetAsked(stack);
      await stack.database.query(
        "update pawl.system_prompts set activated_at = activated_at - interval '6 hours' where assistant_id = $1",
        [assistant.id],
      );
      assert.equal((await reflect(stack, assistant)).update.version, 3);
      assert.equal((await tasks(stack, "evaluate")).length, 0);
    });

    await test.step("three a day and no fourth, until the day is over [catches: a cap counted by calendar, or not]", async () => {
      const assistant = await makeAssistant(stack, RESTLESS);
      model.instead = numbering();
      for (const version of [2, 3, 4]) {
        await converse(stack, assistant, 5);
        assert.equal((await reflect(stack, assistant, { force: true })).update.version, version);
        await force(stack, assistant, version);
      }
      await converse(stack, assistant, 5);
      assert.deepEqual(await reflect(stack, assistant), { skipped: true, reason: "daily_limit" });
      const forced = await reflect(stack, assistant, { force: true });
      assert.deepEqual(forced.update, { skipped: true, reason: "daily_limit" });
      assert.equal(await liveVersion(stack, assistant), 4);
      await stack.database.query(
        "update pawl.system_prompts set created_at = created_at - interval '24 hours' where assistant_id = $1 and version = 2",
        [assistant.id],
      );
      assert.equal((await reflect(stack, assistant)).update.version, 5);
      model.instead = () => null;
    });

    await test.step("a person's versions do not count against the day [catches: counting every version]", async () => {
      const assistant = await makeAssistant(stack, { max_updates_per_day: 1 });
      await stack.database.query(
        `insert into pawl.system_prompts (assistant_id, version, content, created_by)
         select $1, number, 'Draft ' || number, 'human' from generate_series(2, 4) number`,
        [assistant.id],
      );
      await converse(stack, assistant, 5);
      assert.equal((await reflect(stack, assistant)).update.version, 5);
    });

    await test.step("protected clauses survive word for word, and the rewriter is told of them [catches: a rule dropped]", async () => {
      const clause = "Do not make things up; when you do not know something, say that you do not know.";
      const assistant = await makeAssistant(stack, { protected_clauses: [clause] });
      await converse(stack, assistant, 5);
      await forgetAsked(stack);
      assert.equal((await reflect(stack, assistant)).update.version, 2);
      const [task] = await tasks(stack, "rewrite");
      assert.deepEqual(task.protected_clauses, [clause]);
      const [first, second] = await versionsOf(stack, assistant);
      assert.ok(first.content.includes(clause) && second.content.includes(clause));
    });

    const question = "How do I repot an orchid in pot 1, and what does it need?";
    const guarded: [string, (current: string) => string][] = [
      ["drops a protected clause", (current) => current.replace("Do not make things up", "Try not to make things up")],
      ["is empty", () => " \n"],
      ["is the same", (current) => current],
      ["is over twice as long", (current) => current + "\nBe thorough.".repeat(current.length)],
      ["copies what a user wrote", (current) => `${current}\nFor example: ${question}`],
      ["holds an e-mail address of a user", (current) => `${current}\nWrite to ada.l@example.com in doubt.`],
      ["holds a telephone number of a user", (current) => `${current}\nCall +44 20 7946 0958 in doubt.`],
    ];
    for (const [what, rewritten] of guarded) {
      await test.step(`a prompt that ${what} goes into no test; it is tried twice, then a person is told [catches: a guard left out]`, async () => {
        const assistant = await makeAssistant(stack, { protected_clauses: ["Do not make things up"] });
        await converse(stack, assistant, 5);
        const reach = "Reach me at ada.l@example.com or +44 20 7946 0958, please.";
        await chat(stack, assistant, reach, await memberOf(stack, assistant));
        await forgetAsked(stack);
        model.instead = writing(rewritten);
        const { update, reflection_id } = await reflect(stack, assistant);
        const attempts = await attemptsSeen(model);
        model.instead = () => null;
        assert.deepEqual([update.refused, "version" in update], [true, false], JSON.stringify(update));
        assert.ok(!/ada\.l|7946|pot 1/u.test(update.reason), update.reason);
        assert.deepEqual(attempts.map((violations) => violations.length > 0), [false, true]);
        assert.deepEqual((await versionsOf(stack, assistant)).map(({ state }) => state), ["active"]);
        const rows = await stack.database.query(
          "select suggestion_type, status, reflection_log_id from pawl.suggestions where assistant_id = $1",
          [assistant.id],
        );
        assert.deepEqual(rows, [{
          suggestion_type: "escalation",
          status: "pending",
          reflection_log_id: reflection_id,
        }]);
        await leavesNoTrace(stack, () => improve(reflection_id));
      });
    }

    await test.step("a second attempt that keeps to the bounds is submitted [catches: giving up at once]", async () => {
      const assistant = await makeAssistant(stack);
      await converse(stack, assistant, 5);
      let attempts = 0;
      model.instead = writing((current) => ++attempts === 1 ? current : `${current}\nGive reasons.`);
      assert.equal((await reflect(stack, assistant)).update.version, 2);
      model.instead = () => null;
      assert.equal(attempts, 2);
    });

    await test.step("a reflection that called for nothing changes nothing [catches: writing on request]", async () => {
      const assistant = await makeAssistant(stack, { auto_update_threshold: 1 });
      await converse(stack, assistant, 5);
      const { reflection_id } = await reflect(stack, assistant);
      assertError(await leavesNoTrace(stack, () => improve(reflection_id)), 409, "not_an_update", /`reflection_id`/u);
    });

    await test.step("no prompt and no conversation is in the logs", () => {
      for (const line of lines) assert.ok(!/repot|ada\.l|You are the assistant|Give reasons/u.test(line), line);
    });
  });
  await model.stop();
});

Deno.test("prompt-updater rolls back", (test) =>
  onStack({}, async ({ stack }) => {
    const organization = await makeOrganization(stack, "ours");
    const member = await personIn(stack, organization, "member");
    const admin = await personIn(stack, organization, "admin");
    const owner = await personIn(stack, organization, "owner");
    const improved = async () => {
      const assistant = await makeAssistant(stack, {}, { organization });
      await converse(stack, assistant, 5);
      assert.equal((await reflect(stack, assistant)).update.version, 2);
      await force(stack, assistant, 2);
      return assistant;
    };
    const rollback = (assistant: Assistant, headers: Record<string, string>, more: Record<string, unknown> = {}) => {
      const body = {
        action: "rollback",
        version: 1,
        assistant: assistant.slug,
        organization_id: organization,
        ...more,
      };
      return post(stack, "prompt-updater", body, headers);
    };

    const allowed: [string, Record<string, string>, string][] = [
      ["the secret key", service(stack), "service"],
      ["an admin", admin.credentials, admin.id],
      ["an owner", owner.credentials, owner.id],
    ];
    for (const [who, credentials, actor] of allowed) {
      await test.step(`for ${who}: the very next chat is served the old version, and it is on record [catches: a stale cache, a change without a trace]`, async () => {
        const assistant = await improved();
        const ask = async () => (await chat(stack, assistant, "How do I repot an orchid?", member.id)).body;
        assert.equal((await ask()).prompt_version, 2);
        const [first, second] = await versionsOf(stack, assistant);
        const { status, body } = await rollback(assistant, credentials, { reason: "It rambles" });
        assert.equal(status, 200, JSON.stringify(body));
        assert.deepEqual([body.action, body.changed], ["rollback", { live_version: { from: 2, to: 1 } }]);

        const answer = await ask();
        assert.deepEqual([answer.prompt_version, "stale_prompt" in answer], [1, false]);
        assert.equal(systemOf((await asked(stack)).at(-1)), first.content);
        assert.equal(await liveVersion(stack, assistant), 1);
        assert.equal((await versionsOf(stack, assistant)).length, 2, "a rollback writes no version");

        const [log] = await stack.database.query(
          "select * from pawl.reflection_logs where assistant_id = $1 and action_taken = 'rollback'",
          [assistant.id],
        );
        assert.deepEqual([log.prompt_version_evaluated, log.new_prompt_version], [2, 1]);
        assert.deepEqual(log.raw_analysis, { audit_id: body.audit_id });
        const [change] = await stack.database.query("select * from pawl.audit_log where id = $1", [body.audit_id]);
        assert.deepEqual([change.actor_id ?? change.actor, change.reason], [actor, "It rambles"]);

        const forward = await rollback(assistant, credentials, { version: 2 });
        assert.deepEqual(forward.body.changed, { live_version: { from: 1, to: 2 } });
        assert.equal((await ask()).prompt_version, 2);
        assert.equal(systemOf((await asked(stack)).at(-1)), second.content);
      });
    }

    const assistant = await improved();
    const stranger = await signUp(stack);
    const outsider = await personIn(stack, await makeOrganization(stack, "theirs"), "owner");
    const refused: [string, Record<string, string>, number, string][] = [
      ["a member", member.credentials, 403, "forbidden"],
      ["somebody of no organisation", stranger.credentials, 404, "organization_not_found"],
      ["the owner of another organisation", outsider.credentials, 404, "organization_not_found"],
    ];
    for (const [who, credentials, status, code] of refused) {
      await test.step(`not for ${who}, and nothing changes [catches: a check after the change, or none]`, async () => {
        assertError(await leavesNoTrace(stack, () => rollback(assistant, credentials)), status, code);
      });
    }

    await test.step("a role in one organisation is none in the next [catches: an admin of anything]", async () => {
      const both = await personIn(stack, organization, "member");
      await join(stack, await makeOrganization(stack, "third"), both.id, "owner");
      assertError(await leavesNoTrace(stack, () => rollback(assistant, both.credentials)), 403, "forbidden");
    });

    await test.step("a version, or an organisation, that is not clear is asked for [catches: guessing]", async () => {
      const unknown = await leavesNoTrace(stack, () => rollback(assistant, service(stack), { version: 9 }));
      assertError(unknown, 404, "version_not_found", /`version`/u);
      const body = { action: "rollback", version: 1 };
      const reply = await leavesNoTrace(stack, () => post(stack, "prompt-updater", body, service(stack)));
      assertError(reply, 400, "organization_required", /`organization_id`/u);
    });

    await test.step("to the live version it changes nothing and says so [catches: a log row a call]", async () => {
      const { status, body } = await leavesNoTrace(stack, () => rollback(assistant, service(stack), { version: 2 }));
      assert.deepEqual([status, body.changed, body.audit_id], [200, {}, null]);
    });

    await test.step("a rollback is not undone the minute after [catches: a cooldown from versions alone]", async () => {
      const again = await improved();
      await stack.database.query(
        "update pawl.system_prompts set activated_at = activated_at - interval '7 hours' where assistant_id = $1",
        [again.id],
      );
      await rollback(again, admin.credentials);
      await converse(stack, again, 5);
      const { action, update } = await reflect(stack, again, { force: true });
      assert.deepEqual([action, update], ["prompt_update", { skipped: true, reason: "cooldown" }]);
      assert.equal(await liveVersion(stack, again), 1);
    });

    await test.step("the lock, a pause and the cap do not stop a person [catches: one rule for both]", async () => {
      const blocked = await improved();
      await configure(stack, blocked, { updates_paused: true, max_updates_per_day: 0 });
      await stack.database.query("update pawl.system_prompts set locked = true where assistant_id = $1", [blocked.id]);
      assert.deepEqual((await rollback(blocked, admin.credentials)).body.changed.live_version, { from: 2, to: 1 });
    });
  }));

async function personIn(stack: Stack, organization: string, role: string): Promise<Person> {
  const person = await signUp(stack);
  await join(stack, organization, person.id, role);
  return person;
}

async function memberOf(stack: Stack, { organization }: Assistant): Promise<string> {
  const id = crypto.randomUUID();
  await join(stack, organization, id);
  return id;
}

/** An assistant whose last reflection called for an update that has not been made: it is paused. */
async function owedUpdate(stack: Stack): Promise<Assistant & { reflection_id: string }> {
  const assistant = await makeAssistant(stack, { updates_paused: true });
  await converse(stack, assistant, 5);
  const { reflection_id } = await reflect(stack, assistant, { force: true });
  return { ...assistant, reflection_id };
}

const seen = new WeakMap<FakeModel["instead"], string[][]>();

/** A rewriter of one's own. */
function writing(rewritten: (current: string) => string): FakeModel["instead"] {
  const violations: string[][] = [];
  const instead: FakeModel["instead"] = (request) => {
    const task = taskOf(request);
    if (task?.task !== "rewrite") return null;
    violations.push(task.violations ?? []);
    return text({ prompt: rewritten(task.current_prompt), change_reason: "A rewrite of the test's own" });
  };
  seen.set(instead, violations);
  return instead;
}

/** What each attempt was told of the one before. */
function attemptsSeen({ instead }: FakeModel): string[][] {
  return seen.get(instead)!;
}

/** A rewriter that never runs out of new prompts. */
function numbering(): FakeModel["instead"] {
  let number = 0;
  return writing((current) => `${current}\nThis is revision ${++number}.`);
}
