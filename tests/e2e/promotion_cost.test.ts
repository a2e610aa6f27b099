/** What proving costs: nothing is paid for twice, whatever dies, and never more than the day's cap. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import type { Assistant } from "./assistants.ts";
import {
  BETTER,
  endLeases,
  furnish,
  prove,
  proveThrough,
  receiptsOf,
  testOf,
  tryOut,
  verify,
} from "./promotion_ground.ts";
import { asked, forgetAsked, onStack } from "./scene.ts";

/** Chats that one call has asked for when it is killed: some of its answers are stored by then, some are under way. */
const KILLED_AFTER = [28, 28, 40];
/** Of the judge's instructions: what a trial is stood with. */
const JUDGE_REVISION = Number(/REVISION: i32 = (\d+)/u.exec(Deno.readTextFileSync("crates/model/src/judge.rs"))![1]);
/** Chats that are under way at a time: so many may be lost with each call that dies, and no more. */
const UNDER_WAY = 12;

Deno.test("a function that is killed goes on where it was, and pays for nothing twice [catches: a test from the start]", () =>
  onStack({ model: { keep: 10_000, slowMs: 50 } }, async ({ stack }) => {
    const PAIRS = 60;
    const assistant = await furnish(stack, { screening_pairs: PAIRS });
    await tryOut(stack, assistant, BETTER);
    await forgetAsked(stack);
    let [chats, again, killed] = [0, 0, 0];
    const look = async () => {
      const paid = await paidFor(stack, assistant);
      chats += paid.chats;
      again += paid.again;
    };
    for (const after of KILLED_AFTER) {
      const { pid, restarts } = stack.functions.process("prompt-updater");
      const running = prove(stack, assistant).catch(() => null);
      if (await untilAsked(stack, after, running)) {
        Deno.kill(pid, "SIGKILL");
        killed++;
        await running;
        while (stack.functions.process("prompt-updater").restarts === restarts) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
      await running;
      await endLeases(stack, assistant);
      await look();
    }
    assert.ok(killed >= 2, `killed ${killed} times only`);
    const last = await proveThrough(stack, assistant);
    assert.equal(last.did, "promoted", JSON.stringify(last));
    await look();
    assert.equal(again, 0, "what is stored is never asked for again");
    assert.ok(chats >= 2 * PAIRS && chats <= 2 * PAIRS + killed * UNDER_WAY, `${chats} chats, killed ${killed} times`);
    const [{ judged, observations }] = await stack.database.query(
      `select (select count(*) from pawl.replay_pairs r where r.test_id = t.id and r.stage = 'screening'
                 and r.state = 'judged')::integer as judged,
              (select count(*) from pawl.proof_observations o where o.about_id = t.id
                 and o.stage = 'screening')::integer as observations
       from pawl.prompt_tests t where t.assistant_id = $1`,
      [assistant.id],
    );
    assert.deepEqual([judged, observations], [PAIRS, PAIRS]);
    for (const { id } of await receiptsOf(stack, assistant)) assert.equal((await verify(stack, id)).matches, true);
  }));

Deno.test("a day's tokens are a cap, and the next day goes on [catches: a cap that is looked at afterwards]", () =>
  onStack({ model: { keep: 10_000 } }, async ({ stack }) => {
    const CAP = 150_000;
    const assistant = await furnish(stack, {
      test_tokens_per_day: CAP,
      screening_pairs: 200,
      // What a pair may cost at the most is reserved before it is asked.
      max_answer_tokens: 600,
      history_token_budget: 0,
    }, { turns: 400 });
    await tryOut(stack, assistant, BETTER);
    // What a trial may cost at the most does not fit: not even the judge is asked.
    await forgetAsked(stack);
    assert.equal((await prove(stack, assistant)).at(-1)?.reason, "tokens");
    assert.deepEqual(await asked(stack), []);
    await stack.database.query(
      `insert into pawl.judge_trials (assistant_id, judge_model, rubric_id, judge_revision, passed, attacks)
       select assistant_id, judge_model, rubric_id, $2, true, '[]' from pawl.prompt_tests where assistant_id = $1`,
      [assistant.id, JUDGE_REVISION],
    );
    const last = await proveThrough(stack, assistant);
    assert.deepEqual([last.did, last.reason], ["held", "tokens"], JSON.stringify(last));
    assert.equal((await testOf(stack, assistant)).state, "screening");
    assert.ok((await answered(stack, assistant)) > 0, "the cap leaves room for some pairs");
    // As the model saw it: a token is four characters of a request, and answers come on top.
    const sent = (await asked(stack)).reduce((sum, body) => sum + JSON.stringify(body).length / 4, 0);
    const [{ spent, counted }] = await stack.database.query(
      `select (select sum(tokens) from pawl.test_usage where assistant_id = $1)::float8 as spent,
              (select sum(input_tokens + output_tokens + cache_read_tokens + cache_write_tokens) from pawl.usage
               where purpose in ('replay', 'compare'))::float8 as counted`,
      [assistant.id],
    );
    assert.ok(spent <= CAP, `${spent} tokens of ${CAP}`);
    assert.ok(counted <= spent && sent <= CAP, `${counted} counted, ${sent} sent, ${spent} spent`);
    await forgetAsked(stack);
    assert.equal((await prove(stack, assistant)).at(-1)?.reason, "tokens");
    assert.deepEqual(await asked(stack), []);
    await stack.database.query("update pawl.test_usage set day = day - 1 where assistant_id = $1", [assistant.id]);
    const before = await answered(stack, assistant);
    await prove(stack, assistant);
    assert.ok((await answered(stack, assistant)) > before);
  }));

/** Waits until the model was asked for so many chats; false where the call ended before. */
async function untilAsked(stack: Stack, wanted: number, running: Promise<unknown>): Promise<boolean> {
  let ended = false;
  running.finally(() => ended = true);
  while (!ended) {
    if ((await chatsOf(stack)).length >= wanted) return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return false;
}

/** The questions of the chats that the model was asked for. */
async function chatsOf(stack: Stack): Promise<string[]> {
  return (await asked(stack)).filter((request) => !request.output_config)
    .map((request) => request.messages.at(-1).content);
}

async function answered(stack: Stack, { id }: Assistant): Promise<number> {
  const [{ count }] = await stack.database.query(
    `select count(*)::integer from pawl.replay_pairs r join pawl.prompt_tests t on t.id = r.test_id
     where t.assistant_id = $1 and r.state in ('answered', 'judged')`,
    [id],
  );
  return count;
}

const stored = new WeakMap<Stack, Set<string>>();

/**
 * Of the chats since the last look those about the screening's questions, and how many of them were asked although
 * their answers stood by then. Each question is drawn once, so its words tell it.
 */
async function paidFor(stack: Stack, { id }: Assistant): Promise<{ chats: number; again: number }> {
  const known = stored.get(stack) ?? new Set();
  const questions = await chatsOf(stack);
  await forgetAsked(stack);
  const rows = await stack.database.query(
    `select m.content, r.state in ('answered', 'judged') as stored
     from pawl.replay_pairs r join pawl.prompt_tests t on t.id = r.test_id
     join pawl.turns u on u.id = r.turn_id join pawl.messages m on m.id = u.user_message_id
     where t.assistant_id = $1 and r.stage = 'screening'`,
    [id],
  );
  const drawn = new Set(rows.map(({ content }) => content));
  stored.set(stack, new Set(rows.filter((row) => row.stored).map(({ content }) => content)));
  return {
    chats: questions.filter((question) => drawn.has(question)).length,
    again: questions.filter((question) => known.has(question)).length,
  };
}
