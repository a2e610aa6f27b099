/** A version before people: a canary's share of the conversations, and what is taken back once they like it less. */
import assert from "node:assert/strict";
import { chat, liveVersion } from "./assistants.ts";
import {
  BETTER,
  escalationsOf,
  furnish,
  hold,
  letPass,
  memberOf,
  prove,
  proveToCanary,
  receiptsOf,
  statesOf,
  steer,
  testOf,
  tryOut,
  verify,
} from "./promotion_ground.ts";
import { asked, forgetAsked, onStack, systemOf } from "./scene.ts";

Deno.test("a canary", (test) =>
  onStack({}, async ({ stack }) => {
    const assistant = await furnish(stack, {
      proof_method: "canary",
      canary_share: 0.5,
      yearly_budget: false,
      fixed_level: 0.05,
    });
    const version = await tryOut(stack, assistant, BETTER);
    const PEOPLE = 12;
    const CONVERSATIONS = 60;
    const served: { version: number; session: string; member: string }[] = [];

    /** The next turn of a conversation: by which version it was served. */
    const goOn = async (session: string, user_id: string): Promise<number> => {
      const response = await fetch(`${stack.url}/functions/v1/chat-handler`, {
        method: "POST",
        headers: { apikey: stack.secretKey, "content-type": "application/json" },
        body: JSON.stringify({
          message: "And what else does it need?",
          session_id: session,
          user_id,
          assistant: assistant.slug,
          organization_id: assistant.organization,
        }),
      });
      return (await response.json()).prompt_version;
    };

    const proveAWhile = async () => {
      for (let calls = 0; calls < 4; calls++) await prove(stack, assistant);
    };
    const observed = async () => {
      const [{ count }] = await stack.database.query(
        `select count(*)::integer from pawl.proof_observations o join pawl.prompt_tests t on t.id = o.about_id
         where t.assistant_id = $1 and o.kind = 'unit'`,
        [assistant.id],
      );
      return count;
    };

    await test.step("says when it begins how long it will take, and sends a share of the conversations to it, each for good [catches: a coin a turn]", async () => {
      await proveToCanary(stack, assistant);
      const { plan, method } = await testOf(stack, assistant);
      assert.equal(method, "canary");
      assert.ok(plan.words.length > 20 && Number(plan.expected_days) >= 7, JSON.stringify(plan));
      const members = await Promise.all(Array.from({ length: PEOPLE }, () => memberOf(stack, assistant)));
      for (let n = 0; n < CONVERSATIONS; n++) {
        const member = members[n % PEOPLE];
        const { body, status } = await chat(stack, assistant, `How do I repot orchid ${n}, and when?`, member);
        assert.equal(status, 200, JSON.stringify(body));
        served.push({ version: body.prompt_version, session: body.session_id, member });
      }
      const share = served.filter((one) => one.version === version).length / CONVERSATIONS;
      // Four standard deviations around a half.
      assert.ok(share > 0.24 && share < 0.76, `${share}`);
      // A second question at once says that the first answer was none, and a handful of them stops the canary.
      await letPass(stack, assistant, 0.1);
      for (const { version: first, session, member } of served.slice(0, 8)) {
        const reply = await goOn(session, member);
        assert.equal(reply, first);
      }
      const units = await stack.database.query(
        `select c.session_id, c.candidate, c.propensity::float8 as propensity from pawl.canary_units c
         join pawl.prompt_tests t on t.id = c.test_id where t.assistant_id = $1`,
        [assistant.id],
      );
      assert.equal(units.length, CONVERSATIONS);
      for (const { session_id, candidate, propensity } of units) {
        const { version: its } = served.find(({ session }) => session === session_id)!;
        assert.deepEqual([candidate, propensity], [its === version, 0.5]);
      }
    });

    await test.step("judges nothing before it is mature [catches: half a conversation]", async () => {
      await prove(stack, assistant);
      assert.equal(await observed(), 0);
    });

    await test.step("promotes nothing in the first seven days, however clear it is [catches: a weekday taken for a week]", async () => {
      await letPass(stack, assistant, 72);
      await proveAWhile();
      assert.equal(await observed(), CONVERSATIONS);
      const { state, progress } = await testOf(stack, assistant);
      assert.equal(state, "proving");
      assert.ok(progress.log_e >= Math.log(20), JSON.stringify(progress));
      assert.equal(await liveVersion(stack, assistant), 1);
      await letPass(stack, assistant, 94);
      await proveAWhile();
      assert.equal(await liveVersion(stack, assistant), 1);
    });

    await test.step("and promotes after them, with a receipt that verifies [catches: never]", async () => {
      await letPass(stack, assistant, 4);
      await proveAWhile();
      const { progress } = await testOf(stack, assistant);
      assert.equal(await liveVersion(stack, assistant), version, JSON.stringify(progress));
      const [receipt] = await receiptsOf(stack, assistant);
      assert.deepEqual([receipt.decision, receipt.observation_ids.length], ["promote", CONVERSATIONS]);
      const { matches, recorded } = await verify(stack, receipt.id);
      assert.equal(matches, true);
      const inArm = served.filter((one) => one.version === version).length;
      assert.deepEqual([recorded.candidate_n, recorded.baseline_n], [inArm, CONVERSATIONS - inArm]);
      // Conversations that were sent to either go on with what is live now.
      const { session, member } = served.find((one) => one.version === 1)!;
      assert.equal(await goOn(session, member), version);
    });
  }));

Deno.test("a version that people like less is taken back by itself", (test) =>
  onStack({}, async ({ stack }) => {
    /** The first version with so many votes, four of five up; then another that goes live, and its votes. */
    const fallen = async (before: number, after: number, up: number) => {
      const assistant = await furnish(stack, {}, { turns: 50 });
      await hold(stack, assistant, before, { up: 0.8 });
      await steer(stack, assistant, { action: "write", content: BETTER });
      await steer(stack, assistant, { action: "force", version: 2 });
      await hold(stack, assistant, after, { hours: 0, up });
      return assistant;
    };

    await test.step("in one transaction, with a receipt and an escalation [catches: a fall that nobody sees]", async () => {
      const assistant = await fallen(400, 100, 0.2);
      const last = (await prove(stack, assistant)).at(-1)!;
      assert.deepEqual([last.did, last.version], ["rolled_back", 1], JSON.stringify(last));
      assert.deepEqual(await statesOf(stack, assistant), [
        { version: 1, state: "active" },
        { version: 2, state: "rolled_back" },
      ]);
      assert.deepEqual(await escalationsOf(stack, assistant), ["critical"]);
      const member = await memberOf(stack, assistant);
      await forgetAsked(stack);
      const { body } = await chat(stack, assistant, "How do I repot an orchid?", member);
      assert.equal(body.prompt_version, 1);
      assert.notEqual(systemOf((await asked(stack)).at(-1)), BETTER);
      const [receipt] = await receiptsOf(stack, assistant);
      assert.deepEqual([receipt.decision, receipt.id], ["rollback", last.receipt_id]);
      assert.equal((await verify(stack, receipt.id)).matches, true);
      const audits = await stack.database.query(
        "select actor from pawl.audit_log where assistant_id = $1 and action = 'rollback'",
        [assistant.id],
      );
      assert.deepEqual(audits, [{ actor: "loop" }]);
      // And only once.
      await prove(stack, assistant);
      assert.equal((await receiptsOf(stack, assistant)).length, 1);
      assert.equal(await liveVersion(stack, assistant), 1);
    });

    await test.step("but not where it is liked as before [catches: an alarm by itself]", async () => {
      const assistant = await fallen(400, 100, 0.8);
      await prove(stack, assistant);
      assert.equal(await liveVersion(stack, assistant), 2);
      assert.deepEqual(await escalationsOf(stack, assistant), []);
    });

    await test.step("and with few votes on the one before a person is told, once [catches: a rollback on a guess]", async () => {
      const assistant = await fallen(100, 150, 0.1);
      assert.equal((await prove(stack, assistant)).at(-1)!.did, "alerted");
      await hold(stack, assistant, 10, { hours: 0, up: 0.1 });
      await prove(stack, assistant);
      assert.deepEqual(await escalationsOf(stack, assistant), ["high"]);
      assert.equal(await liveVersion(stack, assistant), 2);
      assert.deepEqual(await receiptsOf(stack, assistant), []);
    });
  }));
