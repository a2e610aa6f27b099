/** Versions in test, for the scenarios: with questions to be asked again, conversations of a canary, and a worker's lease. */
import assert from "node:assert/strict";
import { join } from "../e2e/assistants.ts";
import { type Call, rpc } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { at, makePlace, one, owe, type Place, submit, times } from "./places.ts";

/** A place whose second version is in test, and the worker that holds the lease. */
export interface Trial extends Place {
  test: string;
  holder: string;
}

export interface Pair {
  pair_id: string;
  message: string;
}

/** Screening by as few pairs as there may be, and a level of its own. */
const SMALL = { screening_pairs: 20, proof_pairs: 100, test_usd_per_day: 1000000 };

/** In screening. */
export async function makeTrial(project: Project, settings: Record<string, unknown> = {}): Promise<Trial> {
  const place = await makePlace(project, { ...SMALL, ...settings });
  const [reflection] = await owe(project, place, 1);
  assert.equal((await project.crowd.one(submit(reflection, place))).new_version, 2);
  const holder = crypto.randomUUID();
  const { claim } = await project.crowd.one(claimProof(place, holder));
  return { ...place, test: claim.task.prove.test.test_id, holder };
}

/** In proof by `method`. */
export async function makeProof(
  project: Project,
  method: "replay" | "canary",
  settings: Record<string, unknown> = {},
): Promise<Trial> {
  const trial = await makeTrial(project, settings);
  assert.equal((await project.crowd.one(beginProof(trial, method))).outcome, "ok");
  return trial;
}

export function claimProof(place: Place, holder: string = crypto.randomUUID()): Call {
  return rpc("service", "pawl_claim_proof", { p_holder: holder, ...at(place) });
}

/** What a worker asks or tells about a test. */
export function prove(trial: Trial, name: string, values: Record<string, unknown> = {}): Call {
  return rpc("service", `pawl_${name}`, { p_holder: trial.holder, p_test_id: trial.test, ...values });
}

/** As the place of this number among the year's tests, at a level that tells of it. */
export function beginProof(trial: Trial, method: "replay" | "canary", position = 1): Call {
  const plan = { method, position, level: levelAt(position), expected_days: 3.5, expected_units: 400, words: "Soon" };
  return prove(trial, "begin_proof", {
    p_plan: { ...plan, year: new Date().getUTCFullYear() },
    p_case: { kind: "screening" },
    p_ruling: { decision: "pass", reason: "passed" },
  });
}

export function levelAt(position: number): number {
  return position / 1000;
}

export function decide(trial: Trial, decision: "promoted" | "rejected"): Call {
  const reason = decision === "promoted" ? "better" : "worse";
  return prove(trial, "decide_test", {
    p_decision: decision,
    p_reason: reason,
    p_case: { kind: "replay", level: 0.001 },
    p_ruling: { decision: decision === "promoted" ? "promote" : "reject", reason },
  });
}

export function nextPairs(trial: Trial, limit: number): Call {
  return prove(trial, "next_pairs", { p_limit: limit });
}

export function nextUnits(trial: Trial, limit: number): Call {
  return prove(trial, "next_units", { p_limit: limit });
}

/** Answers and verdicts; calls of models that cost 100 tokens. */
export function recordPairs(trial: Trial, pairs: Pair[]): Call {
  return prove(trial, "record_pairs", {
    p_pairs: JSON.stringify(pairs.map(({ pair_id, message }) => ({
      ...{ pair_id, baseline_answer: `Before: ${message}`, candidate_answer: `After: ${message}` },
      ...{ first_order: 1, second_order: 1, question_type: "how_to" },
    }))),
    p_usage: JSON.stringify([usage("compare")]),
  });
}

/** The answers alone. */
export function keepAnswers(trial: Trial, pairs: Pair[]): Call {
  return prove(trial, "record_pairs", {
    p_pairs: JSON.stringify(pairs.map(({ pair_id, message }) => ({
      ...{ pair_id, baseline_answer: `Before: ${message}`, candidate_answer: `After: ${message}` },
    }))),
    p_usage: JSON.stringify([usage("replay")]),
  });
}

export function recordUnits(trial: Trial, units: string[]): Call {
  return prove(trial, "record_units", {
    p_units: JSON.stringify(units.map((unit_id) => ({ unit_id, judged: 0.8, reaction: 0.5 }))),
    p_usage: JSON.stringify([usage("judge")]),
  });
}

function usage(purpose: string) {
  return { purpose, model: "a-model", usage: { input_tokens: 60, output_tokens: 40 } };
}

/** Answered questions of a person, each in a conversation of its own. */
export async function ask(project: Project, place: Place, person: string, count: number): Promise<void> {
  const ids = times(count, (n) => ({
    n,
    ...{ session: crypto.randomUUID(), turn: crypto.randomUUID(), asked: crypto.randomUUID() },
    answered: crypto.randomUUID(),
  }));
  await project.database.query(
    `with g as (
      select g.*, now() - interval '1 day' + g.n * interval '1 millisecond' as at
      from jsonb_to_recordset($1::text::jsonb) g (n integer, session uuid, turn uuid, asked uuid, answered uuid)
    ), sessions as (
      insert into pawl.sessions (id, organization_id, assistant_id, user_id, created_at)
      select g.session, $2, $3, $4, g.at from g returning id
    ), messages as (
      insert into pawl.messages (id, session_id, role, content, created_at, prompt_id, prompt_version)
      select g.asked, g.session, 'user', 'Question of ' || $4, g.at, $5::uuid, 1 from g
      union all
      select g.answered, g.session, 'assistant', 'An answer', g.at, $5::uuid, 1 from g
      returning id
    ), turns as (
      insert into pawl.turns (id, session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id,
        status, created_at, finished_at)
      select g.turn, g.session, $2, $4, $5::uuid, g.asked, g.answered, 'completed', g.at, g.at from g returning id
    )
    insert into pawl.exchanges (message_id, organization_id, assistant_id, session_id, user_id, prompt_id,
      prompt_version, model, question_type, answer_characters, answered_at)
    select g.answered, $2, $3, g.session, $4, $5::uuid, 1, 'a-model', 'how_to', 20, g.at from g`,
    [JSON.stringify(ids), place.organization, place.id, person, place.prompt],
  );
}

export async function makePeople(project: Project, place: Place, count: number): Promise<string[]> {
  const people = times(count, () => crypto.randomUUID());
  for (const person of people) await join(project, place.organization, person);
  return people;
}

/** First turns of new conversations: `each` of every person. */
export function firstTurns(place: Place, people: string[], each: number): Call[] {
  return times(people.length * each, (index) =>
    rpc("service", "pawl_begin_turn", {
      p_message: "Hello",
      p_user_id: people[index % people.length],
      ...at(place),
    }));
}

/** As if so long had gone by since the coins were thrown that every unit may be looked at. */
export async function ripen(project: Project, trial: Trial): Promise<string[]> {
  const rows = await project.database.query<{ id: string }>(
    "update pawl.canary_units set assigned_at = now() - interval '9 days' where test_id = $1 returning id",
    [trial.test],
  );
  return rows.map(({ id }) => id);
}

export async function spent(project: Project, { id }: Place): Promise<number> {
  return await one(project, "select coalesce(sum(tokens), 0)::integer from pawl.test_usage where assistant_id = $1", [
    id,
  ]);
}

export async function liveIs(project: Project, { id }: Place): Promise<number> {
  return await one(project, "select version from pawl.system_prompts where assistant_id = $1 and is_active", [id]);
}
