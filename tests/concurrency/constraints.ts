/**
 * What holds whatever the code does: 50 backends write to the tables themselves, at once, what there may be only one of.
 * No lock stands between them, so each of these rests on its constraint alone.
 */
import assert from "node:assert/strict";
import { literal, rpc, type Told } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { tally } from "./outcomes.ts";
import { answer, inside, makePlace, owe, type Place, times } from "./places.ts";
import { makeTrial } from "./trials.ts";

export async function oneVersionIsLive(project: Project): Promise<void> {
  const place = await makeDrafts(project);
  await project.database.query("update pawl.system_prompts set state = 'retired' where id = $1", [place.prompt]);
  await assertOneWins(project, (index) =>
    `update pawl.system_prompts set state = 'active'
     where assistant_id = '${place.id}' and version = ${index + 2}`);
}

export async function oneVersionIsInTest(project: Project): Promise<void> {
  const place = await makeDrafts(project);
  await assertOneWins(project, (index) =>
    `update pawl.system_prompts set state = 'screening'
     where assistant_id = '${place.id}' and version = ${index + 2}`);
}

export async function aVersionHasOneText(project: Project): Promise<void> {
  const place = await makePlace(project);
  await assertOneWins(project, (index) => newVersion(place, 2, `Text ${index}.`));
}

export async function aReflectionMakesOneVersion(project: Project): Promise<void> {
  const place = await makePlace(project);
  const [reflection] = await owe(project, place, 1);
  await assertOneWins(project, (index) => newVersion(place, index + 2, "A text.", reflection));
}

export async function oneRubricIsLive(project: Project): Promise<void> {
  const place = await makePlace(project);
  await project.database.query("update pawl.rubrics set is_active = false where assistant_id = $1", [place.id]);
  await assertOneWins(project, (index) =>
    `insert into pawl.rubrics (assistant_id, version, is_active, criteria)
     select assistant_id, ${index + 2}, true, criteria from pawl.rubrics
     where assistant_id = '${place.id}' and version = 1`);
}

export async function anAnswerIsJudgedOnce(project: Project): Promise<void> {
  const place = await makePlace(project);
  const [message] = await answer(project, place, 1);
  const [reflection] = await owe(project, place, 1);
  await assertOneWins(
    project,
    () =>
      `insert into pawl.message_evaluations (message_id, reflection_log_id, prompt_id, overall)
     values ('${message}', '${reflection}', '${place.prompt}', 3)`,
  );
}

export async function anAssistantHasOneLease(project: Project): Promise<void> {
  const { id } = await makePlace(project);
  await project.database.query("delete from pawl.leases where assistant_id = $1", [id]);
  await assertOneWins(project, () => `insert into pawl.leases (assistant_id, kind) values ('${id}', 'reflection')`);
}

export async function aKeyNamesOneTurn(project: Project): Promise<void> {
  const { turn, admin } = await makeTurn(project);
  await assertOneWins(project, () =>
    `insert into pawl.idempotency_keys (user_id, key, message_hash, turn_id)
     values ('${admin}', 'a-key', '\\x00', '${turn.turn_id}')`);
}

export async function aMessageHasOneTurn(project: Project): Promise<void> {
  const { turn } = await makeTurn(project);
  const columns = "session_id, organization_id, user_id, prompt_id, user_message_id";
  await project.database.query("delete from pawl.turns where id = $1", [turn.turn_id]);
  await assertOneWins(project, () =>
    `insert into pawl.turns (${columns})
     select s.id, s.organization_id, s.user_id, '${turn.prompt_id}', '${turn.message_id}' from pawl.sessions s
     where s.id = '${turn.session_id}'`);
}

export async function anAttemptIsBegunOnce(project: Project): Promise<void> {
  const { turn, admin, organization } = await makeTurn(project);
  await assertOneWins(project, () =>
    `insert into pawl.turn_attempts (turn_id, attempt, organization_id, user_id)
     values ('${turn.turn_id}', 2, '${organization}', '${admin}')`);
}

/** A model version is unfinished until it is decided on. */
export async function oneModelIsInTheMaking(project: Project): Promise<void> {
  const { id, organization } = await makePlace(project);
  await assertOneWins(
    project,
    (index) =>
      `insert into pawl.model_versions (organization_id, assistant_id, model_name, number, version, base_model)
     values ('${organization}', '${id}', 'default', ${index + 1}, 'v${index + 1}', 'a-model')`,
  );
}

export async function oneTestRuns(project: Project): Promise<void> {
  const place = await makeDrafts(project);
  await assertOneWins(project, (index) => newTest(place, index + 2));
}

/** Tests that have ended stand beside each other; no two of a year in the same place. */
export async function aPlaceInTheYearIsTakenOnce(project: Project): Promise<void> {
  const place = await makeDrafts(project);
  await assertOneWins(project, (index) =>
    newTest(place, index + 2, {
      ...{ state: "rejected", decided_at: "2026-01-01", method: "replay", proof_started_at: "2026-01-01" },
      ...{ level: "0.01", ledger_year: "2026", ledger_position: "7" },
    }));
}

export async function aPairHasOneNumber(project: Project): Promise<void> {
  const { test } = await makeTrial(project);
  await assertOneWins(
    project,
    () =>
      `insert into pawl.replay_pairs (test_id, stage, number, candidate_first) values ('${test}', 'screening', 1, true)`,
  );
}

export async function aConversationIsOneUnit(project: Project): Promise<void> {
  const { test, turn, admin } = await makeCanary(project);
  await assertOneWins(
    project,
    () =>
      `insert into pawl.canary_units (test_id, user_id, session_id, candidate, propensity)
     values ('${test}', '${admin}', '${turn.session_id}', true, 0.2)`,
  );
}

export async function aPersonIsOneUnit(project: Project): Promise<void> {
  const { test, admin } = await makeCanary(project);
  await assertOneWins(
    project,
    () =>
      `insert into pawl.canary_units (test_id, user_id, candidate, propensity) values ('${test}', '${admin}', true, 0.2)`,
  );
}

/** As the owner: nobody else may write one. */
export async function aTestHasOneReceipt(project: Project): Promise<void> {
  const { id, organization, test } = await makeTrial(project);
  await assertOneWins(project, () =>
    `reset role;
     insert into pawl.promotion_receipts
       (organization_id, assistant_id, test_id, decision, reason, document, observation_ids, observations_digest)
     values ('${organization}', '${id}', '${test}', 'reject', 'worse', '{}', '{}', '')`);
}

export async function aJudgeHasOneTrial(project: Project): Promise<void> {
  const { test } = await makeTrial(project);
  await assertOneWins(
    project,
    () =>
      `insert into pawl.judge_trials (assistant_id, judge_model, rubric_id, judge_revision, passed, attacks)
     select assistant_id, judge_model, rubric_id, 1, true, '[]' from pawl.prompt_tests where id = '${test}'`,
  );
}

export async function aDayIsCountedOnce(project: Project): Promise<void> {
  const { id } = await makePlace(project);
  await assertOneWins(project, () => `insert into pawl.test_usage (assistant_id, day) values ('${id}', '2026-01-01')`);
}

/** Versions 2 to 51, which nobody tests. */
async function makeDrafts(project: Project): Promise<Place> {
  const place = await makePlace(project);
  await project.database.query(
    `insert into pawl.system_prompts (assistant_id, version, content)
     select $1, n, 'Another prompt.' from generate_series(2, 51) n`,
    [place.id],
  );
  return place;
}

function newVersion({ id }: Place, version: number, text: string, reflection: string | null = null): string {
  return `insert into pawl.system_prompts (assistant_id, version, content, reflection_log_id)
    values ('${id}', ${version}, ${literal(text)}, ${literal(reflection)})`;
}

function newTest({ id, organization }: Place, version: number, values: Record<string, string> = {}): string {
  const columns = { judge_model: "a-model", chat_model: "a-model", settings: "{}", ...values };
  const [names, given] = [Object.keys(columns), Object.values(columns).map(literal)].map((list) => list.join(", "));
  return `insert into pawl.prompt_tests (organization_id, assistant_id, candidate_id, baseline_id, rubric_id, ${names})
    select '${organization}', '${id}', c.id, b.id, r.id, ${given}
    from pawl.system_prompts c, pawl.system_prompts b, pawl.rubrics r
    where c.assistant_id = '${id}' and c.version = ${version} and b.assistant_id = '${id}' and b.version = 1
      and r.assistant_id = '${id}'`;
}

/** A test, and a conversation that no coin was thrown for. */
async function makeCanary(project: Project) {
  const trial = await makeTrial(project);
  const turn = await project.crowd.one(rpc(trial.admin, "pawl_begin_turn", { p_message: "Hello", ...inside(trial) }));
  return { ...trial, turn };
}

async function makeTurn(project: Project) {
  const place = await makePlace(project);
  const turn = await project.crowd.one(rpc(place.admin, "pawl_begin_turn", { p_message: "Hello", ...inside(place) }));
  return { ...place, turn };
}

async function assertOneWins(project: Project, sqlOf: (index: number) => string): Promise<void> {
  const told = await project.crowd.atOnce(times(50, (index) => ({ as: "service", sql: sqlOf(index) })));
  assert.deepEqual(tally(told.map(outcomeOf)), { stored: 1, 23505: 49 }, "of 50 at once");
}

function outcomeOf({ error }: Told): string {
  return error?.code ?? "stored";
}
