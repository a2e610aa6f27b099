/** Workers, trainers and turns at once on a model in the making: one version, one webhook, one test, one end. */
import assert from "node:assert/strict";
import {
  about,
  beginTurns,
  callBack,
  claimTraining,
  collect,
  countIn,
  leaveFeedback,
  makeCourse,
  makeDeployed,
  makeModel,
  makePending,
  makeTrained,
  type Making,
  openVersion,
  recordPart,
  seal,
  statusOf,
} from "./courses.ts";
import { rpc } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { answersOf, outcomesOf, tally } from "./outcomes.ts";
import { at, makePlace, one, times } from "./places.ts";

/** 50 triggers find the same assistant: one gets it, and nobody does while the lease runs. */
export async function oneTrains(project: Project): Promise<void> {
  const place = await makePlace(project);
  const told = answersOf(await project.crowd.atOnce(times(50, () => claimTraining(place))));
  const claims = told.filter(({ claim }) => claim);
  assert.equal(claims.length, 1, `${claims.length} claims of one training`);
  const late = await project.crowd.one(claimTraining(place));
  assert.deepEqual(
    [late.claim, late.skipped[0]?.reason],
    [null, "in_progress"],
    "a claim while another holds the lease",
  );
}

/** 50 calls of one worker begin a version: one is begun, and all are told of it. Who has no lease begins none. */
export async function oneModelIsBegun(project: Project): Promise<void> {
  const course = await makeCourse(project);
  const told = await project.crowd.atOnce(times(50, () => openVersion(course)));
  assert.deepEqual(outcomesOf(told), { ok: 1, unfinished: 49 });
  assert.equal(new Set(answersOf(told).map(({ version }) => version.id)).size, 1, "versions told of");
  assert.equal(await countIn(project, "model_versions", course), 1, "versions");
  const stranger = openVersion({ ...course, holder: crypto.randomUUID() });
  assert.equal((await project.crowd.one(stranger)).outcome, "lease_lost", "who has no lease");
}

/** A part is recorded by 50 at once, and the whole sealed by 50 at once. */
export async function aDatasetIsWrittenOnce(project: Project): Promise<void> {
  const making = await makeModel(project);
  const parts = await project.crowd.atOnce(times(50, () => recordPart(making)));
  assert.deepEqual(outcomesOf(parts), { ok: 1, already: 49 }, "parts");
  const seals = await project.crowd.atOnce(times(50, () => seal(making)));
  assert.deepEqual(outcomesOf(seals), { ok: 50 }, "seals");
  const [{ rows, samples, webhooks }] = await project.database.query(
    `select (select count(*)::integer from pawl.dataset_rows r where r.model_version_id = m.id) as rows, m.samples,
       (select count(*)::integer from pawl.webhook_deliveries d where d.model_version_id = m.id) as webhooks
     from pawl.model_versions m where m.id = $1`,
    [making.model],
  );
  assert.deepEqual([rows, samples, webhooks], [5, 5, 1], "rows, samples and webhooks");
}

/**
 * What people said is collected while some of them are forgotten, some delete their conversation, and some think again:
 * what is left is what is left of them, counted right, and everything else waits for the next page.
 */
export async function collectedOrForgotten(project: Project): Promise<void> {
  for (let round = 1; round <= 6; round++) {
    const course = await makeCourse(project);
    const people = await leaveFeedback(project, course, 49);
    const { page } = await project.crowd.one(collect(course, []));
    assert.equal(page.length, 49);
    // Half of the rounds change what is collected already.
    if (round % 2) await project.crowd.one(collect(course, page));
    const said = await project.database.query(
      "select message_id, session_id, user_id from pawl.exchanges where assistant_id = $1",
      [course.id],
    );
    const does = people.map((person, index) => {
      const { message_id, session_id } = said.find(({ user_id }) => user_id === person)!;
      if (index % 3 === 0) return rpc("service", "pawl_forget_user", { p_user_id: person });
      if (index % 3 === 1) return rpc(person, "pawl_delete_session", { p_session_id: session_id });
      return rpc(person, "pawl_collect_feedback", {
        p_entries: JSON.stringify([{ message_id, signal: "thumbs_down" }]),
      });
    });
    answersOf(await project.crowd.atOnce([collect(course, page), ...does]));
    // Who forgets somebody takes the lease away: what its holder has read may be theirs.
    await project.crowd.one(claimTraining(course, course.holder));
    for (let next = page; next.length > 0;) next = (await project.crowd.one(collect(course, next))).page;
    const wrong = await project.database.query(
      `select t.id from pawl.training_data t left join pawl.training_sources s on s.training_id = t.id
       where t.assistant_id = $1 group by t.id having t.votes <> count(s.*) or count(s.*) filter (where s.is_origin) <> 1`,
      [course.id],
    );
    assert.deepEqual(wrong, [], "rows that count others than their sources");
    const left = await project.database.query(
      `select count(*)::integer as sources, count(*) filter (where x.deleted_at is not null)::integer as deleted,
         count(*) filter (where s.training_id is null)::integer as orphans
       from pawl.training_sources s join pawl.exchanges e using (message_id) join pawl.sessions x on x.id = e.session_id
       where e.assistant_id = $1`,
      [course.id],
    );
    assert.deepEqual(left, [{ sources: 16, deleted: 0, orphans: 0 }], "sources that are left");
  }
}

/** 50 are to tell the trainer: one does, and the others hear when they may. */
export async function oneTellsTheTrainer(project: Project): Promise<void> {
  const making = await makePending(project);
  const told = await project.crowd.atOnce(times(50, () => about(making, "claim_delivery")));
  assert.deepEqual(outcomesOf(told), { ok: 1, not_due: 49 }, "webhooks");
}

/** That the trainer did not take it is recorded while the trainer calls back: it has heard, and is not told again. */
export async function heardOrToldAgain(project: Project): Promise<void> {
  for (let round = 1; round <= 4; round++) {
    const making = await makePending(project);
    const { webhook_id } = await project.crowd.one(about(making, "claim_delivery"));
    const failed = rpc("service", "pawl_record_delivery", {
      ...{ p_webhook_id: webhook_id, p_attempt: 1, p_status: null, p_error: "webhook_unreachable" },
    });
    const told = await project.crowd.atOnce(times(50, (index) => index % 2 ? failed : callBack(making, "accepted")));
    assert.deepEqual(outcomesOf(told), { ok: 50 });
    const state = await one(project, "select state from pawl.webhook_deliveries where webhook_id = $1", [webhook_id]);
    assert.deepEqual([state, await statusOf(project, making)], ["delivered", "training"], "what became of it");
  }
}

/** The same callback 50 times: it counts once. */
export async function aCallbackCountsOnce(project: Project): Promise<void> {
  const making = await makePending(project);
  const told = await project.crowd.atOnce(times(50, () => callBack(making, "succeeded", "msg_once")));
  assert.deepEqual(outcomesOf(told), { ok: 1, replayed: 49 }, "callbacks");
  assert.equal(await countIn(project, "eval_results", making), 1, "results");
}

/** One callback for two versions at once: one of them has it. */
export async function aCallbackIsOfOneVersion(project: Project): Promise<void> {
  const makings = await Promise.all(times(2, () => makePending(project)));
  const told = await project.crowd.atOnce(times(50, (index) => callBack(makings[index % 2], "succeeded", "msg_both")));
  assert.deepEqual(outcomesOf(told), { ok: 1, replayed: 49 }, "callbacks");
  const statuses = await Promise.all(makings.map((making) => statusOf(project, making)));
  assert.deepEqual(statuses.sort(), ["pending", "trained"]);
}

/** 25 say that it succeeded, 25 that it failed: the first is believed. */
export async function succeededOrFailed(project: Project): Promise<void> {
  for (let round = 1; round <= 4; round++) {
    const making = await makePending(project);
    const told = await project.crowd.atOnce(
      times(50, (index) => callBack(making, index % 2 ? "succeeded" : "failed")),
    );
    const outcomes = tally(answersOf(told).map(({ outcome }) => outcome));
    assert.deepEqual(outcomes, { ok: 1, not_training: 49 }, "ends");
    const status = await statusOf(project, making);
    const kept = [await countIn(project, "eval_results", making), await countIn(project, "suggestions", making)];
    assert.deepEqual(kept, status === "trained" ? [1, 0] : [0, 1], `${status}: results and escalations`);
  }
}

/** 50 put a trained model to the test: there is one version of it, in one test. */
export async function oneTestOfAModel(project: Project): Promise<void> {
  const making = await makeTrained(project);
  const told = await project.crowd.atOnce(times(50, () => about(making, "open_model_test")));
  assert.deepEqual(outcomesOf(told), { ok: 50 });
  assert.deepEqual(new Set(answersOf(told).map(({ version }) => version)), new Set([2]), "versions told of");
  assert.deepEqual(await versionsOf(project, making), ["1 active", "2 screening"]);
  assert.equal(await statusOf(project, making), "testing");
}

/** A model is put to the test while people write versions and make them live: a test is against what is live, or is over. */
export async function testedOrOverruled(project: Project): Promise<void> {
  for (let round = 1; round <= 4; round++) {
    const making = await makeTrained(project);
    const write = rpc(making.admin, "pawl_write_prompt", {
      ...{ p_content: "By hand.", p_activate: true },
      ...at(making),
    });
    const told = await project.crowd.atOnce(
      times(50, (index) => index % 10 ? about(making, "open_model_test") : write),
    );
    answersOf(told);
    const wrong = await project.database.query(
      `select t.id from pawl.prompt_tests t join pawl.system_prompts b on b.id = t.baseline_id
       where t.assistant_id = $1 and t.state in ('screening', 'proving') and not b.is_active`,
      [making.id],
    );
    assert.deepEqual(wrong, [], "tests against a version that is not live");
    const status = await statusOf(project, making);
    const inTest = (await versionsOf(project, making)).some((version) => version.endsWith("screening"));
    assert.equal(status, inTest ? "testing" : "trained", "what the model is");
  }
}

/** 50 turns fail at once because the model does not answer: it is taken back once. */
export async function takenBackOnceWhenSilent(project: Project): Promise<void> {
  const making = await makeDeployed(project);
  const turns = await beginTurns(project, making, 50);
  const told = await project.crowd.atOnce(turns.map((turn) => fail(turn)));
  assert.deepEqual(outcomesOf(told), { ok: 50 });
  await assertTakenBack(project, making);
}

/** The same, while people roll it back themselves. */
export async function silentOrRolledBack(project: Project): Promise<void> {
  for (let round = 1; round <= 4; round++) {
    const making = await makeDeployed(project);
    const turns = await beginTurns(project, making, 45);
    const back = rpc(making.admin, "pawl_rollback_prompt", { p_version: 1, ...at(making) });
    answersOf(await project.crowd.atOnce([...turns.map((turn) => fail(turn)), ...times(5, () => back)]));
    const [{ live, status, receipts }] = await project.database.query(
      `select p.version as live, m.status, (
         select count(*)::integer from pawl.promotion_receipts r where r.assistant_id = p.assistant_id) as receipts
       from pawl.system_prompts p join pawl.model_versions m on m.assistant_id = p.assistant_id
       where p.assistant_id = $1 and p.is_active`,
      [making.id],
    );
    assert.deepEqual([live, status], [1, "rolled_back"]);
    assert.ok(receipts <= 1, `${receipts} receipts`);
  }
}

function fail(turn: string) {
  return rpc("service", "pawl_fail_turn", { p_turn_id: turn, p_attempt: 1, p_error_code: "model_unreachable" });
}

async function assertTakenBack(project: Project, making: Making): Promise<void> {
  assert.deepEqual(await versionsOf(project, making), ["1 active", "2 rolled_back"]);
  assert.equal(await statusOf(project, making), "rolled_back");
  assert.equal(await countIn(project, "promotion_receipts", making), 1, "receipts");
}

async function versionsOf(project: Project, { id }: Making): Promise<string[]> {
  const rows = await project.database.query(
    "select version || ' ' || state as said from pawl.system_prompts where assistant_id = $1 order by version",
    [id],
  );
  return rows.map(({ said }) => said);
}
