/**
 * A prompt goes live only when it has proved itself, and comes back by itself: through prompt-updater, the database and
 * the stand-in's judge.
 */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import { type Assistant, chat, configure, converse, liveVersion, reflect, skipped } from "./assistants.ts";
import {
  BETTER,
  escalationsOf,
  furnish,
  GOOD,
  memberOf,
  pathOf,
  PLAIN,
  prove,
  proveThrough,
  proveToCanary,
  receiptsOf,
  setModel,
  statesOf,
  steer,
  testOf,
  tryOut,
  verify,
  watchStates,
} from "./promotion_ground.ts";
import { asked, forgetAsked, onStack, tasks } from "./scene.ts";

Deno.test("a version proves itself", (test) =>
  onStack({ model: { keep: 5_000 } }, async ({ stack }) => {
    await watchStates(stack);

    await test.step("a better one goes through both gates, and the very next chat is served it [catches: live at once, or never]", async () => {
      const assistant = await furnish(stack);
      await forgetAsked(stack);
      const version = await tryOut(stack, assistant, BETTER);
      assert.equal(await liveVersion(stack, assistant), 1);
      const last = await proveThrough(stack, assistant);
      assert.deepEqual([last.did, last.version], ["promoted", version], JSON.stringify(last));
      assert.deepEqual(await pathOf(stack, assistant, version), ["draft", "screening", "proving", "active"]);
      assert.deepEqual((await statesOf(stack, assistant))[0], { version: 1, state: "retired" });
      const member = await memberOf(stack, assistant);
      const { body } = await chat(stack, assistant, "How do I repot an orchid?", member);
      assert.equal(body.prompt_version, version);

      const proof = await testOf(stack, assistant);
      assert.deepEqual([proof.state, proof.method, proof.reason], ["promoted", "replay", "better"]);
      assert.deepEqual([proof.ledger_position, Number(proof.level).toFixed(6)], [1, (0.05 / 60).toFixed(6)]);
      const [receipt, ...more] = await receiptsOf(stack, assistant);
      assert.deepEqual([more.length, receipt.decision, receipt.id], [0, "promote", last.receipt_id]);
      assert.equal(receipt.document.candidate.version, version);
      const checked = await verify(stack, receipt.id);
      assert.deepEqual([checked.matches, checked.differences], [true, []]);
      const ruled = ({ decision, reason, at, n }: Record<string, unknown>) => ({ decision, reason, at, n });
      assert.deepEqual(ruled(checked.recorded), ruled(checked.recomputed));
      assert.ok(checked.recorded.log_e >= Math.log(60 / 0.05), `${checked.recorded.log_e}`);
    });

    await test.step("its receipt shows an observation that was changed [catches: a check that reads its own verdict]", async () => {
      const assistant = await furnish(stack);
      await tryOut(stack, assistant, BETTER);
      const { receipt_id } = await proveThrough(stack, assistant);
      await stack.database.exec(`
        alter table pawl.proof_observations disable trigger keep_record;
        update pawl.proof_observations set data = jsonb_set(data, '{d}', '-1')
          where id = (select observation_ids[1] from pawl.promotion_receipts where id = '${receipt_id}');
        alter table pawl.proof_observations enable trigger keep_record`);
      const checked = await verify(stack, receipt_id!);
      assert.equal(checked.matches, false);
      assert.ok(checked.differences.length > 0 && checked.recorded.log_e > checked.recomputed.log_e);
    });

    await test.step("the judge is shown no prompt, no version, and each pair in both orders [catches: a judge that could know]", async () => {
      const assistant = await furnish(stack);
      await forgetAsked(stack);
      await tryOut(stack, assistant, BETTER);
      await prove(stack, assistant);
      const compared = await tasks(stack, "compare");
      assert.ok(compared.length > 0);
      for (const task of compared) {
        assert.deepEqual(Object.keys(task).sort(), ["pairs", "rubric", "task"]);
        for (const pair of task.pairs) {
          assert.deepEqual(Object.keys(pair).sort(), ["first", "history", "pair", "second", "user_message"]);
        }
      }
      const shown = compared.flatMap(({ pairs }) => pairs)
        .filter(({ user_message }) => /^How do I repot orchid \d+,/u.test(user_message));
      const byMessage = Map.groupBy(shown, ({ user_message }) => user_message);
      assert.ok(byMessage.size >= 20, `${byMessage.size} questions`);
      for (const [message, pairs] of byMessage) {
        const orders = new Set(pairs.map(({ first, second }) => `${first}|${second}`));
        const other = new Set(pairs.map(({ first, second }) => `${second}|${first}`));
        assert.deepEqual(orders, other, message);
      }
    });

    await test.step("a worse one ends at the screening, seen by nobody [catches: a gate that lets all through]", async () => {
      const assistant = await furnish(stack, {}, { live: GOOD });
      const version = await tryOut(stack, assistant, PLAIN);
      const last = await proveThrough(stack, assistant);
      assert.equal(last.did, "rejected", JSON.stringify(last));
      assert.deepEqual(await pathOf(stack, assistant, version), ["draft", "screening", "rejected"]);
      assert.equal(await liveVersion(stack, assistant), 2);
      const [receipt] = await receiptsOf(stack, assistant);
      assert.deepEqual([receipt.decision, receipt.reason], ["reject", last.reason]);
      assert.equal((await verify(stack, receipt.id)).matches, true);
      const [{ served }] = await stack.database.query(
        `select count(*)::integer as served from pawl.messages m join pawl.system_prompts p on p.id = m.prompt_id
         where p.assistant_id = $1 and p.version = $2`,
        [assistant.id, version],
      );
      assert.equal(served, 0);
    });

    await test.step("what a reflection writes is tested as well, on none of the questions it was shown [catches: a test on the examples]", async () => {
      const assistant = await furnish(stack, { cooldown_hours: 0 });
      const shown = await converse(stack, assistant, 5, "a fern");
      const { update, reflection_id } = await reflect(stack, assistant);
      assert.deepEqual([update.submitted, update.version, update.previous_version], [true, 2, 1]);
      assert.equal(await liveVersion(stack, assistant), 1);
      await converse(stack, assistant, 5, "a moss");
      assert.deepEqual((await reflect(stack, assistant, { force: true })).update, skipped("in_proof"));
      assert.equal((await proveThrough(stack, assistant)).did, "promoted");
      const [{ overlap, drawn }] = await stack.database.query(
        `select count(*) filter (where t.answer_message_id in (
                  select e.message_id from pawl.message_evaluations e where e.reflection_log_id = $2
                ) or t.answer_message_id = any($3))::integer as overlap,
                count(*)::integer as drawn
         from pawl.replay_pairs r join pawl.prompt_tests pt on pt.id = r.test_id join pawl.turns t on t.id = r.turn_id
         where pt.assistant_id = $1`,
        [assistant.id, reflection_id, shown],
      );
      assert.ok(drawn >= 20, `${drawn} pairs`);
      assert.equal(overlap, 0);
    });

    await test.step("the same text once more is promoted by nothing, and takes no place in the year [catches: noise from nowhere]", async () => {
      const assistant = await furnish(stack);
      await steer(stack, assistant, { action: "test", placebo: true });
      const last = await proveThrough(stack, assistant);
      assert.deepEqual([last.did, last.reason], ["rejected", "not_more_wins"]);
      const { placebo, ledger_position } = await testOf(stack, assistant);
      assert.deepEqual([placebo, ledger_position, await liveVersion(stack, assistant)], [true, null, 1]);
    });

    await test.step("a judge that praise wins over gates nothing [catches: a judge taken at its word]", async () => {
      await setModel(stack, "gullible", true);
      const assistant = await furnish(stack);
      const version = await tryOut(stack, assistant, BETTER);
      const last = await proveThrough(stack, assistant);
      await setModel(stack, "gullible", false);
      assert.deepEqual([last.did, last.reason], ["closed", "judge_not_trusted"], JSON.stringify(last));
      assert.deepEqual((await statesOf(stack, assistant)).at(-1), { version, state: "draft" });
      assert.equal(await liveVersion(stack, assistant), 1);
      assert.equal((await escalationsOf(stack, assistant)).length, 1);
      const [trial] = await stack.database.query(
        "select passed, attacks from pawl.judge_trials where assistant_id = $1",
        [assistant.id],
      );
      assert.equal(trial.passed, false);
      assert.ok(trial.attacks.some(({ rejected }: { rejected: boolean }) => !rejected));
      const { paired } = await pairsOf(stack, assistant);
      assert.equal(paired, 0, "nothing was replayed before such a judge");
      // It is on record: trying again costs nothing and ends the same.
      await forgetAsked(stack);
      await steer(stack, assistant, { action: "test", version });
      assert.equal((await proveThrough(stack, assistant)).reason, "judge_not_trusted");
      assert.deepEqual(await asked(stack), []);
    });

    await test.step("a new judge ends the running test, and has the version tested anew [catches: two judges in one test]", async () => {
      const assistant = await furnish(stack, { proof_method: "canary" });
      const version = await tryOut(stack, assistant, BETTER);
      await proveToCanary(stack, assistant);
      await configure(stack, assistant, { judge_model: "claude-haiku-5-5" });
      await prove(stack, assistant);
      const tests = await stack.database.query(
        `select t.judge_model, t.state = 'closed' as closed, t.reason from pawl.prompt_tests t
         join pawl.system_prompts p on p.id = t.candidate_id
         where t.assistant_id = $1 and p.version = $2 order by t.created_at`,
        [assistant.id, version],
      );
      assert.deepEqual(tests[0], { judge_model: "claude-sonnet-5-5", closed: true, reason: "judge_changed" });
      assert.deepEqual(tests.slice(1).map(({ judge_model }) => judge_model), ["claude-haiku-5-5"]);
      assert.deepEqual(await receiptsOf(stack, assistant), []);
      // The new one has a trial of its own.
      await prove(stack, assistant);
      const judges = await stack.database.query(
        "select judge_model from pawl.judge_trials where assistant_id = $1 order by created_at",
        [assistant.id],
      );
      assert.deepEqual(judges.map(({ judge_model }) => judge_model), ["claude-sonnet-5-5", "claude-haiku-5-5"]);
    });

    await test.step("what else goes live ends the running test [catches: a proof against a prompt of yesterday]", async () => {
      const assistant = await furnish(stack, { proof_method: "canary" });
      const version = await tryOut(stack, assistant, BETTER);
      await proveToCanary(stack, assistant);
      await steer(stack, assistant, { action: "write", content: GOOD, activate: true });
      const { state, reason } = await testOf(stack, assistant);
      assert.deepEqual([state, reason], ["closed", "baseline_changed"]);
      const its = (await statesOf(stack, assistant)).find((one) => one.version === version);
      assert.equal(its!.state, "rejected");
      assert.equal(await liveVersion(stack, assistant), version + 1);
    });
  }));

Deno.test("people decide about versions in test", (test) =>
  onStack({ model: { keep: 5_000 } }, async ({ stack }) => {
    /** By which version each of so many conversations was served. */
    const servedIn = async (assistant: Assistant, conversations: number): Promise<number[]> => {
      const member = await memberOf(stack, assistant);
      const versions: number[] = [];
      while (versions.length < conversations) {
        const { body } = await chat(stack, assistant, `How do I repot a cactus ${versions.length}?`, member);
        versions.push(body.prompt_version);
      }
      return versions;
    };

    await test.step("where approval is required a proved version waits, and goes live when it is approved [catches: live without a person]", async () => {
      const assistant = await furnish(stack, { approval_required: true });
      const version = await tryOut(stack, assistant, BETTER);
      const last = await proveThrough(stack, assistant);
      assert.deepEqual([last.did, last.reason], ["held", "awaiting_approval"]);
      assert.equal(await liveVersion(stack, assistant), 1);
      assert.deepEqual(await receiptsOf(stack, assistant), []);
      await steer(stack, assistant, { action: "approve", version, reason: "reads well" });
      assert.equal(await liveVersion(stack, assistant), version);
      const [receipt] = await receiptsOf(stack, assistant);
      assert.equal(receipt.decision, "promote");
      assert.equal((await verify(stack, receipt.id)).matches, true);
    });

    await test.step("approved beforehand it still has to prove itself [catches: an approval that is a promotion]", async () => {
      const assistant = await furnish(stack, { approval_required: true }, { live: GOOD });
      const version = await tryOut(stack, assistant, PLAIN);
      await steer(stack, assistant, { action: "approve", version });
      assert.equal(await liveVersion(stack, assistant), 2);
      assert.equal((await proveThrough(stack, assistant)).did, "rejected");
      assert.equal(await liveVersion(stack, assistant), 2);
    });

    await test.step("nobody is shown a version that nobody approved [catches: a canary without a word]", async () => {
      const assistant = await furnish(stack, {
        approval_required: true,
        proof_method: "canary",
        canary_share: 0.5,
      });
      const version = await tryOut(stack, assistant, BETTER);
      const last = await proveThrough(stack, assistant);
      assert.deepEqual([last.did, last.reason], ["held", "awaiting_approval"]);
      const before = await servedIn(assistant, 12);
      assert.deepEqual([...new Set(before)], [1]);
      await steer(stack, assistant, { action: "approve", version });
      await proveToCanary(stack, assistant);
      const after = await servedIn(assistant, 24);
      assert.deepEqual([...new Set(after)].sort(), [1, version]);
    });

    await test.step("one that a person rejects is tested no further [catches: a test that goes on]", async () => {
      const assistant = await furnish(stack);
      const version = await tryOut(stack, assistant, BETTER);
      await steer(stack, assistant, { action: "reject", version, reason: "not our tone" });
      assert.deepEqual((await statesOf(stack, assistant)).at(-1), { version, state: "rejected" });
      await forgetAsked(stack);
      await prove(stack, assistant);
      assert.deepEqual(await asked(stack), []);
      assert.equal(await liveVersion(stack, assistant), 1);
    });

    await test.step("one that is forced is live at once, on record as forced, and counts as proved nowhere [catches: a proof by decree]", async () => {
      const assistant = await furnish(stack);
      const version = await tryOut(stack, assistant, BETTER);
      const { audit_id } = await steer(stack, assistant, { action: "force", version, reason: "today" });
      assert.equal(await liveVersion(stack, assistant), version);
      const [row] = await stack.database.query("select action, actor from pawl.audit_log where id = $1", [audit_id]);
      assert.deepEqual(row, { action: "force", actor: "service" });
      const { state, reason } = await testOf(stack, assistant);
      assert.deepEqual([state, reason], ["closed", "forced"]);
      assert.deepEqual(await receiptsOf(stack, assistant), []);
    });

    await test.step("while the loop is paused a proved version waits [catches: a pause that only stops writing]", async () => {
      const assistant = await furnish(stack, { updates_paused: true });
      const version = await tryOut(stack, assistant, BETTER);
      const last = await proveThrough(stack, assistant);
      assert.deepEqual([last.did, last.reason], ["held", "paused"]);
      await configure(stack, assistant, { updates_paused: false });
      assert.equal((await proveThrough(stack, assistant)).did, "promoted");
      assert.equal(await liveVersion(stack, assistant), version);
    });
  }));

async function pairsOf(stack: Stack, { id }: Assistant): Promise<{ paired: number }> {
  const [row] = await stack.database.query(
    `select count(*) filter (where r.state <> 'drawn')::integer as paired from pawl.replay_pairs r
     join pawl.prompt_tests t on t.id = r.test_id where t.assistant_id = $1`,
    [id],
  );
  return row;
}
