/** What versions in test hold of people, while these are forgotten or delete it: nothing stays, and nobody waits for ever. */
import assert from "node:assert/strict";
import { join } from "../e2e/assistants.ts";
import { type Call, rpc } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { answersOf, outcomesOf } from "./outcomes.ts";
import { at, one, times, writeVersions } from "./places.ts";
import { assertTestsAgree } from "./record.ts";
import {
  ask,
  firstTurns,
  keepAnswers,
  makePeople,
  makeProof,
  makeTrial,
  nextPairs,
  nextUnits,
  recordPairs,
  recordUnits,
  ripen,
  type Trial,
} from "./trials.ts";

/** A person is forgotten while their pairs, or their units, are asked for and recorded, beside another's. */
export async function forgottenWhileProving(project: Project): Promise<void> {
  for (let round = 1; round <= 8; round++) {
    const canary = round % 2 === 0;
    const trial = canary ? await makeProof(project, "canary") : await makeTrial(project);
    const [leaving, staying] = await makePeople(project, trial, 2);
    await project.database.query(
      "update pawl.organization_settings set user_requests_per_minute = null where organization_id = $1",
      [trial.organization],
    );
    const calls = canary
      ? await unitCalls(project, trial, leaving, staying)
      : await pairCalls(project, trial, leaving, staying);
    const forget = rpc("service", "pawl_forget_user", { p_user_id: leaving });
    const told = await project.crowd.atOnce([forget, ...calls, forget, ...firstTurns(trial, [staying], 3)]);
    answersOf(told);
    assert.deepEqual(outcomesOf([told[0], told[1 + calls.length]]), { ok: 1, user_not_found: 1 });
    const left = await one(
      project,
      `select (select count(*) from pawl.users where id = $1) + (select count(*) from pawl.sessions where user_id = $1)
         + (select count(*) from pawl.turns where user_id = $1) + (select count(*) from pawl.canary_units where user_id = $1)
         + (select count(*) from pawl.replay_pairs where test_id = $2 and (
             (turn_id is null and baseline_answer is not null) or concat(baseline_answer, candidate_answer) ~ $1::text))`,
      [leaving, trial.test],
    );
    assert.equal(Number(left), 0, "what is left of them");
    await assertObservedOnce(project, trial);
  }
}

/** A person is forgotten whose pairs were answered and wait for their comparison. */
export async function answersGoWithTheirQuestion(project: Project): Promise<void> {
  const trial = await makeTrial(project);
  const [leaving] = await makePeople(project, trial, 1);
  await ask(project, trial, leaving, 20);
  const { pairs } = await project.crowd.one(nextPairs(trial, 20));
  const calls = [keepAnswers(trial, pairs), rpc("service", "pawl_forget_user", { p_user_id: leaving })];
  answersOf(
    await project.crowd.inLineBehind(`select from pawl.prompt_tests where id = '${trial.test}' for update`, calls),
  );
  const left = await one(project, "select count(*)::integer from pawl.replay_pairs where candidate_answer ~ $1", [
    leaving,
  ]);
  assert.equal(left, 0, "what is left of them");
}

/** Pairs of two people, their questions one behind the other, asked for and recorded in several orders. */
async function pairCalls(project: Project, trial: Trial, leaving: string, staying: string): Promise<Call[]> {
  await ask(project, trial, leaving, 14);
  await ask(project, trial, staying, 6);
  // The others are drawn meanwhile.
  const { pairs } = await project.crowd.one(nextPairs(trial, 10));
  await project.crowd.one(keepAnswers(trial, pairs.slice(0, 5)));
  return times(20, (index) => {
    const some = times(10, (n) => pairs[(index * 3 + n * 7) % pairs.length]);
    return index % 4 === 0
      ? nextPairs(trial, 20)
      : index % 4 === 1
      ? keepAnswers(trial, some)
      : recordPairs(trial, some);
  });
}

async function unitCalls(project: Project, trial: Trial, leaving: string, staying: string): Promise<Call[]> {
  answersOf(await project.crowd.atOnce(firstTurns(trial, [leaving, staying], 10)));
  const units = await ripen(project, trial);
  return times(20, (index) => {
    const some = times(10, (n) => units[(index * 3 + n * 7) % units.length]);
    return index % 4 === 0 ? nextUnits(trial, 20) : recordUnits(trial, some);
  });
}

/** As many observations as there are pairs and units that were observed; of who was forgotten they stay, naming no one. */
async function assertObservedOnce(project: Project, { test }: Trial): Promise<void> {
  const [{ observed, pairs, units }] = await project.database.query(
    `select (select count(*)::integer from pawl.proof_observations where about_id = $1) as observed,
       (select count(*)::integer from pawl.replay_pairs where test_id = $1 and state in ('judged', 'void')) as pairs,
       (select count(*)::integer from pawl.canary_units where test_id = $1 and observed_at is not null) as units`,
    [test],
  );
  assert.ok(pairs ? observed === pairs : observed >= units, `${observed} observations, ${pairs} pairs, ${units} units`);
}

/** Conversations that were deleted long ago are swept away while their pairs are recorded. */
export async function sweptWhileProving(project: Project): Promise<void> {
  for (let round = 1; round <= 4; round++) {
    const trial = await makeTrial(project);
    const [person] = await makePeople(project, trial, 1);
    const calls = await pairCalls(project, trial, trial.admin, person);
    await project.database.query(
      "update pawl.sessions set deleted_at = now() - interval '90 days' where assistant_id = $1",
      [trial.id],
    );
    const sweep = rpc("service", "pawl_sweep");
    answersOf(await project.crowd.atOnce([sweep, ...calls, sweep]));
    // What was being drawn is left to the next time.
    await project.crowd.one(sweep);
    await project.crowd.one(nextPairs(trial, 20));
    const left = await one(
      project,
      `select count(*)::integer from pawl.replay_pairs
       where test_id = $1 and (turn_id is not null or state not in ('judged', 'void'))`,
      [trial.test],
    );
    assert.equal(left, 0, "what is left of them");
    await assertObservedOnce(project, trial);
  }
}

/** An admin is forgotten while they and another decide about versions that they approved. */
export async function forgottenWhileSteering(project: Project): Promise<void> {
  for (let round = 1; round <= 6; round++) {
    const trial = await makeProof(project, "canary");
    const leaving = crypto.randomUUID();
    await join(project, trial.organization, leaving, "admin");
    await writeVersions(project, trial, 1);
    const act = (as: string, name: string, values: Record<string, unknown>) =>
      rpc(as, `pawl_${name}`, { ...values, ...at(trial) });
    await project.crowd.one(act(leaving, "approve_version", { p_version: 2 }));
    answersOf(await project.crowd.atOnce(firstTurns(trial, [leaving], 5)));
    const units = await ripen(project, trial);
    const calls = times(40, (index) => {
      const as = index % 3 ? leaving : trial.admin;
      return [
        act(as, "write_prompt", { p_content: `By hand, at ${index}.`, p_activate: index % 3 === 0 }),
        act(as, "reject_version", { p_version: 2 }),
        act(as, "approve_version", { p_version: 2 }),
        act(as, "test_version", { p_version: 2 + index % 2 }),
        act(as, "force_version", { p_version: 2 + index % 2 }),
      ][(index + round) % 5];
    });
    const forget = rpc("service", "pawl_forget_user", { p_user_id: leaving });
    const told = await project.crowd.atOnce([...calls, forget, ...times(5, () => recordUnits(trial, units))]);
    const answers = answersOf(told);
    assert.equal(answers[calls.length].outcome, "ok");
    const named = await one(
      project,
      `select count(*)::integer from pawl.system_prompts
       where assistant_id = $1 and $2 in (created_by_user, approved_by)`,
      [trial.id, leaving],
    );
    assert.equal(named, 0, "versions that name them");
    await assertTestsAgree(project, trial);
  }
}
