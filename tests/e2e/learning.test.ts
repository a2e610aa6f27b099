/**
 * What is learned does not depend on how: any order of reactions, corrections, runs and failures ends in the numbers of
 * one clean run, and forgetting a person in the numbers of a run over the others.
 */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import { type Answered, type Classroom, furnish, knowledge } from "./learning_ground.ts";
import { onStack, post, service } from "./scene.ts";

const PEOPLE = 24;
const ANSWERS = 120;

Deno.test("learning", async (test) => {
  await onStack({}, async ({ stack }) => {
    const chance = seeded(20_261_101);
    const answered = Array.from({ length: ANSWERS }, (): Answered => ({
      person: Math.floor(PEOPLE * chance() ** 1.5),
      shown: chance() < 0.5,
      age: 30 + 900 * chance(),
    }));
    const said = conversation(answered, chance);

    await test.step("any order of reactions, corrections, runs and failures ends as one clean run", async () => {
      const [stormy, calm] = [await furnish(stack, answered, PEOPLE), await furnish(stack, answered, PEOPLE)];
      for (const one of said) {
        await react(stack, stormy, [one]);
        if (chance() < 0.08) await learn(stack, stormy);
        if (chance() < 0.03) await breakOff(stack, stormy);
      }
      await learnAll(stack, stormy);
      await react(stack, calm, lastOf(said));
      await learnAll(stack, calm);
      assert.deepEqual(await knowledge(stack, stormy), await knowledge(stack, calm));
      const [{ corrected }] = await stack.database.query(
        "select sum(corrected)::integer as corrected from pawl.learning_runs where assistant_id = $1",
        [stormy.assistant.id],
      );
      assert.ok(corrected > 20, `only ${corrected} answers were settled anew: this was no storm`);
    });

    await test.step("after forgetting a person it is as if they had never been there", async () => {
      const forgotten = 2;
      const whole = await furnish(stack, answered, PEOPLE);
      const others = (one: { person: number }) => one.person !== forgotten;
      const without = await furnish(stack, answered.filter(others), PEOPLE);
      await react(stack, whole, lastOf(said));
      await learnAll(stack, whole);
      const before = await knowledge(stack, whole);
      const [{ outcome }] = await stack.database.query(
        "select public.pawl_forget_user($1) ->> 'outcome' as outcome",
        [whole.people[forgotten]],
      );
      assert.equal(outcome, "ok");
      await learnAll(stack, whole);
      const kept = answered.map((one, n) => others(one) ? n : -1).filter((n) => n >= 0);
      const stillSaid = lastOf(said).filter(others).map((one) => ({ ...one, answer: kept.indexOf(one.answer) }));
      await react(stack, without, stillSaid);
      await learnAll(stack, without);
      assert.notDeepEqual(await knowledge(stack, whole), before);
      assert.deepEqual(await knowledge(stack, whole), await knowledge(stack, without));
    });
  });
});

interface Said {
  answer: number;
  person: number;
  signal: string;
  value?: number;
}

/** Reactions in the order in which they come; thumbs and ratings change their minds. */
function conversation(answered: Answered[], chance: () => number): Said[] {
  return Array.from({ length: 2 * answered.length }, () => {
    const answer = Math.floor(answered.length * chance());
    const { person, shown } = answered[answer];
    const signal =
      ["thumbs_up", "thumbs_down", "copy", "rating", "dwell_time"][Math.floor(5 * chance() ** (shown ? 1.6 : 1))];
    const value = signal === "rating" ? Math.round(100 * chance()) / 100 : signal === "dwell_time" ? 90 : undefined;
    return { answer, person, signal, value };
  });
}

/** What stands in the end, of each kind the last. */
function lastOf(said: Said[]): Said[] {
  const kindOf = ({ signal }: Said) => signal.startsWith("thumbs") ? "thumb" : signal;
  return [...new Map(said.map((one) => [`${one.answer} ${kindOf(one)}`, one])).values()];
}

async function react(stack: Stack, { people, answers }: Classroom, said: Said[]): Promise<void> {
  for (const [person, ofPerson] of Map.groupBy(said, ({ person }) => person)) {
    const entries = ofPerson.map(({ answer, signal, value }, index) => ({
      index,
      message_id: answers[answer],
      signal,
      value,
    }));
    const response = await fetch(`${stack.url}/rest/v1/rpc/pawl_collect_feedback`, {
      method: "POST",
      headers: { ...service(stack), "content-type": "application/json" },
      body: JSON.stringify({ p_entries: entries, p_user_id: people[person] }),
    });
    const { outcome, errors } = await response.json();
    assert.deepEqual([outcome, errors], ["ok", []]);
  }
}

async function learn(stack: Stack, { assistant }: Classroom) {
  const { status, body } = await post(stack, "reflection-loop", {
    only: "learning",
    force: true,
    organization_id: assistant.organization,
    assistant: assistant.slug,
  }, service(stack));
  assert.equal(status, 200, JSON.stringify(body));
  return body.learning[0];
}

/** Until a run has come to its end with nothing left to settle. */
async function learnAll(stack: Stack, classroom: Classroom): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    const result = await learn(stack, classroom);
    if (result?.message && result.settled === 0) return;
    // The lease of a run that died is held until it runs out.
    await stack.database.query(
      "update pawl.leases set expires_at = now() where assistant_id = $1 and holder is not null",
      [
        classroom.assistant.id,
      ],
    );
  }
  assert.fail("learning never came to its end");
}

/** The process of reflection-loop dies somewhere in a run; the next run goes on. */
async function breakOff(stack: Stack, classroom: Classroom): Promise<void> {
  const { pid, restarts } = stack.functions.process("reflection-loop");
  const running = learn(stack, classroom).catch(() => null);
  await new Promise((resolve) => setTimeout(resolve, 5 + 40 * Math.random()));
  Deno.kill(pid, "SIGKILL");
  await running;
  while (stack.functions.process("reflection-loop").restarts === restarts) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await stack.database.query(
    "update pawl.leases set expires_at = now() where assistant_id = $1 and holder is not null",
    [
      classroom.assistant.id,
    ],
  );
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}
