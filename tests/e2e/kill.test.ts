/**
 * A SIGKILL at every step of every operation, before the call is carried out and after it; where operations have steps
 * in common, in one of them. Then its caller comes back, as callers do. What is stored in the end must be what a run
 * without a kill leaves, and nothing stored is paid twice. A step is a call that a function was seen to make; those
 * expected stand in operations.ts, each with its price.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Stack } from "../../scripts/local/stack.ts";
import { type Attempt, letLeasesRunOut, makePlace, type Place } from "./attempts.ts";
import {
  assertConsistent,
  assertNotPaidAgain,
  type Counts,
  countsOf,
  paidBy,
  pictureOf,
  type Task,
  TASKS,
  traceOf,
} from "./invariants.ts";
import { type Cost, type Operation, waitingAlone, withWaiting } from "./costs.ts";
import { assertAllCovered, OPERATIONS } from "./operations.ts";
import { forgetAsked, onStack } from "./scene.ts";
import { type Kill, type Step, type Steps, watchSteps } from "./steps.ts";
import { setFaults } from "./streams.ts";
import { startTrainer, TRAINING } from "./train_attempts.ts";

const FUNCTIONS = ["chat-handler", "reflection-loop", "prompt-updater", "feedback-collector", "retrain-trigger"];

Deno.test("killed between steps", async (test) => {
  const noFunctions = await Deno.makeTempDir();
  await onStack({ functionsFolder: noFunctions }, async ({ stack }) => {
    const trainer = startTrainer();
    const steps = await watchSteps(stack, FUNCTIONS, { trainer: trainer.url, environment: TRAINING });
    try {
      for (const operation of OPERATIONS) {
        await test.step(operation.name, (test) => killEverywhere(test, stack, steps, operation));
      }
      await test.step("of who dies after the answer the record is lost, and nothing else", async () => {
        await loseRecord(stack, steps, OPERATIONS.find(({ name }) => name === "lock")!);
      });
      await test.step("no call was made outside of an operation", () => assert.deepEqual(steps.strays, []));
      await test.step("every function of the database is called in some operation", async () => {
        const functions = await stack.database.query(
          `select proname as name from pg_proc where pronamespace = 'public'::regnamespace and proname like 'pawl\\_%'`,
        );
        assertAllCovered(functions.map(({ name }) => name));
      });
    } finally {
      await steps.close();
      await trainer.stop();
    }
  });
  await Deno.remove(noFunctions);
});

async function killEverywhere(test: Deno.TestContext, stack: Stack, steps: Steps, operation: Operation): Promise<void> {
  let undisturbed!: End;
  let seen!: Step[];
  const isAsExpected = await test.step("nobody is killed: the calls are those expected", async () => {
    const { place, attempt } = await begin(stack, steps, operation);
    seen = await steps.during(attempt);
    assertExpected(operation, seen.map(({ call }) => call));
    undisturbed = await comeBackAndEnd(place, attempt);
    const { asked, used } = undisturbed.counts;
    assert.deepEqual(used, { ...asked, chat: asked.chat + (operation.ownCalls ?? 0) }, "calls of a model, as counted");
  });
  if (!isAsExpected) return;
  for (const { name, kill, cost } of seen.flatMap((_, at) => killsAt(seen, at, operation))) {
    await test.step(name, async () => {
      const { place, attempt } = await begin(stack, steps, operation);
      await steps.during(attempt, kill);
      await assertConsistent(stack);
      const paid = await paidBy(place);
      if (operation.swept) await sweep(place);
      const end = await comeBackAndEnd(place, attempt);
      await assertNotPaidAgain(place, paid);
      assert.deepEqual(end.picture, undisturbed.picture);
      assertCost(end.counts, undisturbed.counts, cost);
      const isHeld = cost.lost.includes("turn") || cost.lost.includes("lease");
      assert.equal(end.hasWaited, isHeld && !operation.swept, "whether somebody seems to be at it");
    });
  }
}

/** What was done is stored after the answer, by the function that did it. */
async function loseRecord(stack: Stack, steps: Steps, operation: Operation): Promise<void> {
  const recorded = async () => {
    const [{ runs }] = await stack.database.query(
      "select count(*)::integer as runs from pawl.agent_runs where agent_type = 'prompt-updater'",
    );
    return runs;
  };
  const none = await recorded();
  const first = await begin(stack, steps, operation);
  await steps.during(first.attempt);
  for (let waits = 0; await recorded() === none && waits < 100; waits++) await delay(50);
  assert.equal(await recorded(), none + 1);
  const undisturbed = await pictureOf(first.place);

  const { place, attempt } = await begin(stack, steps, operation);
  await steps.during(attempt, { at: "record", when: "before", whom: "caller" });
  assert.equal(await recorded(), none + 1);
  assert.deepEqual(await pictureOf(place), undisturbed);
  await comeBackAndEnd(place, attempt);
}

function assertExpected({ name, steps }: Operation, seen: string[]): void {
  const expected = steps.map(([call]) => call);
  const list = (calls: string[]) => calls.map((call) => `\n    ${call}`).join("");
  assert.ok(
    JSON.stringify(seen) === JSON.stringify(expected),
    `${name}: the steps are not those in operations.ts. What does a kill before and after each new one leave behind? ` +
      `Who finds it, and what is paid again? Then write it there.\n  seen:${list(seen)}\n  expected:${list(expected)}`,
  );
}

/**
 * All the kills at a step. What is stored after a call is what is stored before its caller's next one: who makes both is
 * killed once between the two, unless somebody has heard of it meanwhile: of a stream, or of its end. Those who wait for a step's
 * caller may die with it; or instead of it, which is one at any step.
 */
function killsAt(seen: Step[], at: number, operation: Operation): { name: string; kill: Kill; cost: Cost }[] {
  const [call, before, after] = operation.steps[at];
  const one = (kill: Omit<Kill, "at">, cost: Cost, who = "") => (
    { name: `${at + 1}. ${call}: ${kill.when} it${who}`, kill: { ...kill, at }, cost }
  );
  const { waiting } = seen[at];
  const kills = before && !isKilledThere(seen, at, operation) ? [one({ when: "before", whom: "caller" }, before)] : [];
  if (!after) return kills;
  kills.push(one({ when: "after", whom: "caller" }, after));
  if (waiting.length === 0) return kills;
  kills.push(one({ when: "after", whom: "all" }, withWaiting(operation, after), `, with ${waiting}`));
  if (seen[at - 1].waiting.length > 0) return kills;
  return [...kills, one({ when: "before", whom: "waiting" }, waitingAlone(operation), `, ${waiting} alone`)];
}

/** That the caller of a step was killed after its last one, at the same cost. */
function isKilledThere(seen: Step[], at: number, { steps, swept }: Operation): boolean {
  const by = (step?: Step) => step?.call.split(" > ")[0];
  if (swept || by(seen[at - 1]) !== by(seen[at])) return false;
  const [, , after] = steps[at - 1];
  return after !== undefined && isDeepStrictEqual(steps[at][1], after);
}

async function begin(stack: Stack, steps: Steps, { prepare }: Operation): Promise<{ place: Place; attempt: Attempt }> {
  const place = await makePlace(stack, steps);
  await setFaults(stack, []);
  await forgetAsked(stack);
  return { place, attempt: await prepare(place) };
}

interface End {
  picture: string[];
  counts: Counts;
  /** Its caller was told that somebody is at it. */
  hasWaited: boolean;
}

/** The caller comes back until it is done; once more then, which finds everything as it is. */
async function comeBackAndEnd(place: Place, attempt: Attempt): Promise<End> {
  const { stack, steps } = place;
  let hasWaited = false;
  await steps.during(async () => void (hasWaited = await comeBack(place, attempt)));
  await assertConsistent(stack);
  const end = { picture: await pictureOf(place), counts: await countsOf(place), hasWaited };
  assert.ok(!end.picture.some((row) => row.includes('"status": "open"')), "a turn is open");
  const trace = await traceOf(place);
  await steps.during(async () => assert.equal(await attempt(), "over"));
  assert.deepEqual(await traceOf(place), trace, "there was something left to do");
  return end;
}

/** More calls than any operation needs. */
const MOST_CALLS = 6;

/** Returns whether it had to wait. */
async function comeBack(place: Place, attempt: Attempt): Promise<boolean> {
  let hasWaited = false;
  for (let call = 1; call <= MOST_CALLS; call++) {
    const told = await attempt();
    if (told === "over") return hasWaited;
    if (told === "again") continue;
    assert.ok(!hasWaited, "a lease holds for longer than its time");
    hasWaited = true;
    await letLeasesRunOut(place);
  }
  assert.fail("its caller is never done");
}

/** Time passes and nobody comes back: what was open is ended. */
async function sweep(place: Place): Promise<void> {
  await letLeasesRunOut(place);
  await place.stack.database.query("select public.pawl_sweep()");
  const open = await place.stack.database.query("select id from pawl.turns where status = 'open'");
  assert.deepEqual(open, [], "open for ever");
}

/** Which counter says that a reply of the model may have been lost. Tests ask for chats as well, under a lease. */
const LOST_WITH: Record<Task, keyof Counts["lost"]> = {
  chat: "turn",
  evaluate: "lease",
  rewrite: "writing",
  phrase: "lease",
  compare: "lease",
};

function assertCost(counts: Counts, usual: Counts, { again, lost, together }: Cost): void {
  for (const task of TASKS) {
    const kind = together ? "lease" : LOST_WITH[task];
    const more = counts.asked[task] - usual.asked[task];
    const dead = again.filter((one) => one === task).length;
    const moreLost = counts.lost[kind] - usual.lost[kind];
    const moreUsed = counts.used[task] - usual.used[task];
    assert.equal(more, dead, `${task}: asked ${more} times more than without a kill`);
    assert.equal(moreLost, lost.includes(kind) ? 1 : 0, `${kind}: ${moreLost} more are counted as lost`);
    const uncounted = more - moreUsed;
    assert.ok(moreUsed <= more && uncounted <= (together ? dead : moreLost), `${task}: counted twice, or nowhere`);
  }
}
