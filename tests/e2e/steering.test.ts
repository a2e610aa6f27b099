/** What people decide, through prompt-updater and in the SQL editor, and what the loop makes of it. */
import assert from "node:assert/strict";
import {
  type Assistant,
  chat,
  configure,
  converse,
  join,
  liveVersion,
  makeAssistant,
  makeOrganization,
  makePattern,
  reflect,
  versionsOf,
} from "./assistants.ts";
import { assertError, leavesNoTrace, onStack, post, type Reply, service, signUp } from "./scene.ts";

Deno.test("people steer", (test) =>
  onStack({}, async ({ stack }) => {
    const decide = (body: Record<string, unknown>, headers = service(stack)): Promise<Reply> =>
      post(stack, "prompt-updater", body, headers);
    const at = ({ organization, slug }: Assistant) => ({ organization_id: organization, assistant: slug });
    const done = async (body: Record<string, unknown>, headers = service(stack)) => {
      const reply = await decide(body, headers);
      assert.equal(reply.status, 200, JSON.stringify(reply.body));
      return reply.body;
    };

    await test.step("nothing goes live without a person where approval is required [catches: publishing all the same]", async () => {
      const assistant = await makeAssistant(stack);
      const admin = await signUp(stack);
      await join(stack, assistant.organization, admin.id, "admin");
      await done({ action: "require_approval", reason: "we are in an audit", ...at(assistant) }, admin.credentials);
      await converse(stack, assistant, 5);
      const { action, update } = await reflect(stack, assistant, { force: true });
      assert.equal(action, "prompt_update");
      assert.deepEqual([update.submitted, update.version], [true, 2]);
      assert.equal(await liveVersion(stack, assistant), 1);

      const { suggestion_id } = update;
      const answer = await done({ action: "approve", suggestion_id, reason: "reads well" }, admin.credentials);
      assert.deepEqual(answer.changed, {
        approved: { from: false, to: true },
        status: { from: "pending", to: "approved" },
      });
      // It may go live, and does when it has proved itself.
      const member = await signUp(stack);
      await join(stack, assistant.organization, member.id);
      assert.equal((await chat(stack, assistant, "How do I repot an orchid?", member.id)).body.prompt_version, 1);
      const [row] = await stack.database.query("select * from pawl.audit_log where id = $1", [answer.audit_id]);
      assert.deepEqual([row.actor, row.actor_id, row.action, row.reason], [
        "person",
        admin.id,
        "approve",
        "reads well",
      ]);
      await leavesNoTrace(stack, () => done({ action: "approve", suggestion_id }));
      await done({ action: "reject", suggestion_id }, admin.credentials);
      assert.deepEqual((await versionsOf(stack, assistant)).map(({ state }) => state), ["active", "rejected"]);
      const again = await leavesNoTrace(stack, () => decide({ action: "approve", suggestion_id }));
      assertError(again, 409, "already_reviewed");
    });

    await test.step("an approved finding is written by the next reflection [catches: an approval that nothing comes of]", async () => {
      const assistant = await makeAssistant(stack);
      await configure(stack, assistant, { auto_update_threshold: 1, suggestion_threshold: 5, acceptable_threshold: 5 });
      await converse(stack, assistant, 5);
      const { suggestion_id, action } = await reflect(stack, assistant, { force: true });
      assert.equal(action, "suggestion");
      const answer = await done({ action: "approve", suggestion_id });
      assert.deepEqual(answer.about, { suggestion_id, owed: true, blocked_by: null });
      const { update } = await reflect(stack, assistant);
      assert.deepEqual([update.submitted, update.version], [true, 2], JSON.stringify(update));
      assert.deepEqual((await versionsOf(stack, assistant)).map(({ state }) => state), ["active", "screening"]);
    });

    await test.step("a version by hand, live at once, taken back, locked [catches: an action that is another's]", async () => {
      const assistant = await makeAssistant(stack);
      const content = "You are the assistant of a garden shop. Answer in full sentences and give reasons.";
      const draft = await done({ action: "write", content, ...at(assistant) });
      assert.deepEqual(draft.about, { version: 2 });
      assert.equal(await liveVersion(stack, assistant), 1);
      const live = await done({ action: "write", content: `${content} Be kind.`, activate: true, ...at(assistant) });
      assert.deepEqual(live.changed.live_version, { from: 1, to: 3 });
      await done({ action: "activate", version: 2, ...at(assistant) });
      const back = await done({ action: "rollback", ...at(assistant) });
      assert.deepEqual(back.changed, { live_version: { from: 2, to: 3 } });
      await done({ action: "lock", ...at(assistant) });
      await converse(stack, assistant, 5);
      const locked = await reflect(stack, assistant);
      assert.equal(locked.reason, "locked", JSON.stringify(locked));
      await done({ action: "unlock", ...at(assistant) });
      assert.equal((await versionsOf(stack, assistant)).length, 3);
    });

    await test.step("in Studio's SQL editor, as the database's owner [catches: a right that only REST has]", async () => {
      const assistant = await makeAssistant(stack);
      const [{ answer }] = await stack.database.query(
        "select pawl_pause_updates(now() + interval '1 day', 'holiday', p_assistant => $1) as answer",
        [assistant.slug],
      );
      assert.equal(answer.outcome, "ok", JSON.stringify(answer));
      const [row] = await stack.database.query("select * from pawl.audit_log where id = $1", [answer.audit_id]);
      assert.deepEqual([row.actor, row.actor_id, row.action], ["operator", null, "pause"]);
      await converse(stack, assistant, 5);
      assert.equal((await reflect(stack, assistant)).reason, "paused");
      await done({ action: "resume", ...at(assistant) });
      assert.equal((await reflect(stack, assistant)).action, "prompt_update");
    });

    await test.step("a learned pattern is taken back, by its own people alone [catches: one that is shown on, another's]", async () => {
      const there = await makeAssistant(stack, {}, { organization: await makeOrganization(stack, "elsewhere") });
      const assistant = await makeAssistant(stack);
      const admin = await signUp(stack);
      await join(stack, assistant.organization, admin.id, "admin");
      const [pattern_id, theirs] = [await makePattern(stack, assistant), await makePattern(stack, there)];
      const served = async ({ id }: Assistant) => {
        const sql =
          "select pawl.serving_patterns(id) as patterns, patterns_revision from pawl.assistants where id = $1";
        const [{ patterns, patterns_revision }] = await stack.database.query(sql, [id]);
        return [patterns.length, Number(patterns_revision)];
      };
      const order = { action: "revert_pattern", reason: "it is not what we want" };
      for (const id of [theirs, crypto.randomUUID()]) {
        const refused = await leavesNoTrace(stack, () => decide({ ...order, pattern_id: id }, admin.credentials));
        assertError(refused, 404, "pattern_not_found");
      }
      assert.deepEqual(await served(assistant), [1, 0]);
      const answer = await done({ ...order, pattern_id }, admin.credentials);
      assert.deepEqual(answer.about, { pattern_id });
      assert.deepEqual(answer.changed, {
        state: { from: "active", to: "reverted" },
        influence: { from: 0.93, to: 0 },
      });
      assert.deepEqual([await served(assistant), await served(there)], [[0, 1], [1, 0]]);
      const [step] = await stack.database.query("select * from pawl.pattern_transitions where pattern_id = $1", [
        pattern_id,
      ]);
      assert.match(step.reason, /it is not what we want/u);
      const [row] = await stack.database.query("select * from pawl.audit_log where id = $1", [answer.audit_id]);
      assert.deepEqual([row.actor_id, row.action, row.reason], [admin.id, order.action, order.reason]);
    });
  }));
