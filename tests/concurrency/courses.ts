/** Models in the making, for the scenarios: with examples to learn from, a dataset, and a worker's lease. */
import assert from "node:assert/strict";
import { RATE } from "../e2e/retrain_ground.ts";
import { type Call, rpc } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { at, makePlace, one, type Place, times } from "./places.ts";

/** A place whose training somebody works on. */
export interface Course extends Place {
  holder: string;
}

/** With a version of its model, and the ids of the rows it may learn from. */
export interface Making extends Course {
  model: string;
  rows: string[];
}

export const MANIFEST = { format: "pawl-dataset/1", min_samples: 1 };
export const MANIFEST_HASH = "a".repeat(64);
export const PART = "train-00001.jsonl";
export const PART_HASH = "b".repeat(64);

export async function makeCourse(project: Project, settings: Record<string, unknown> = {}): Promise<Course> {
  const place = await makePlace(project, settings);
  const holder = crypto.randomUUID();
  const { claim } = await project.crowd.one(claimTraining(place, holder));
  assert.ok(claim, "the training was not claimed");
  return { ...place, holder };
}

export function claimTraining(place: Place, holder: string = crypto.randomUUID()): Call {
  return rpc("service", "pawl_claim_training", { p_holder: holder, ...at(place) });
}

export function openVersion({ id, holder }: Course): Call {
  return rpc("service", "pawl_open_model_version", {
    ...{ p_holder: holder, p_assistant_id: id },
    ...{ p_why: { reason: "forced" }, p_filters: { quality: 0.7, keep: {}, held_out_percent: 0 } },
  });
}

/** Being curated. */
export async function makeModel(project: Project, settings: Record<string, unknown> = {}): Promise<Making> {
  const course = await makeCourse(project, settings);
  const rows = await project.database.query<{ id: string }>(
    `insert into pawl.training_data (
       organization_id, assistant_id, model_name, input, output, question_type, content_hash, input_hash, votes,
       validated_votes, user_votes, score_sum)
     select $1, $2, 'default', '{"messages": []}', '{"content": ""}', 'how_to', sha256(n::text::bytea),
       sha256(n::text::bytea), 1, 1, 1, 1000000
     from generate_series(1, 5) n returning id`,
    [course.organization, course.id],
  );
  const { version } = await project.crowd.one(openVersion(course));
  return { ...course, model: version.id, rows: rows.map(({ id }) => id).sort() };
}

/** What its worker asks or tells about a model. */
export function about(making: Making, name: string, values: Record<string, unknown> = {}): Call {
  return rpc("service", `pawl_${name}`, { p_holder: making.holder, p_model_version_id: making.model, ...values });
}

export function recordPart(making: Making): Call {
  return about(making, "record_parts", {
    p_cursor: making.rows.at(-1),
    p_parts: JSON.stringify([{
      ...{ number: 1, split: "train", path: PART, rows: making.rows.length, bytes: 1, sha256: PART_HASH },
      ids: making.rows,
    }]),
  });
}

export function seal(making: Making): Call {
  return about(making, "seal_dataset", { p_manifest: MANIFEST, p_manifest_sha256: MANIFEST_HASH });
}

/** Its dataset is whole, and nobody is told yet. */
export async function makePending(project: Project, settings: Record<string, unknown> = {}): Promise<Making> {
  const making = await makeModel(project, settings);
  for (const call of [recordPart(making), seal(making)]) {
    assert.equal((await project.crowd.one(call)).outcome, "ok");
  }
  return making;
}

export type Said = "accepted" | "succeeded" | "failed";

export function callBack({ model }: Making, said: Said, id: string = crypto.randomUUID()): Call {
  const succeeded = {
    p_metrics: { eval_loss: 0.5 },
    p_dataset: { manifest_sha256: MANIFEST_HASH, parts: { [PART]: PART_HASH } },
    ...{ p_base_url: "https://models.example.com", p_model: "tuned" },
  };
  return rpc("service", "pawl_training_callback", {
    ...{ p_callback_id: id, p_model_version_id: model, p_status: said },
    ...said === "succeeded" ? succeeded : {},
    ...said === "failed" ? { p_error: "no_capacity" } : {},
  });
}

/** Its trainer is done. */
export async function makeTrained(project: Project, settings: Record<string, unknown> = {}): Promise<Making> {
  const making = await makePending(project, settings);
  assert.equal((await project.crowd.one(callBack(making, "succeeded"))).status, "trained");
  return making;
}

/** A person has made it live, unproved; its version is number 2. */
export async function makeDeployed(project: Project): Promise<Making & { version: string }> {
  const making = await makeTrained(project);
  const { version } = await project.crowd.one(about(making, "open_model_test"));
  await project.crowd.one(rpc(making.admin, "pawl_force_version", { p_version: version, ...at(making) }));
  const id = await one(project, "select id from pawl.system_prompts where assistant_id = $1 and is_active", [
    making.id,
  ]);
  return { ...making, version: id };
}

/** Turns that have begun, each a person's of their own. */
export async function beginTurns(project: Project, making: Making, count: number): Promise<string[]> {
  const people = times(count, () => crypto.randomUUID());
  await project.database.query("insert into pawl.users (id) select unnest($1::uuid[])", [people]);
  await project.database.query(
    "insert into pawl.organization_members (organization_id, user_id, role) select $1, unnest($2::uuid[]), 'member'",
    [making.organization, people],
  );
  const turns: string[] = [];
  for (const person of people) {
    const begun = await project.crowd.one(
      rpc("service", "pawl_begin_turn", { p_message: "Why?", p_user_id: person, ...at(making) }),
    );
    turns.push(begun.turn_id);
  }
  return turns;
}

export async function statusOf(project: Project, { model }: Making): Promise<string> {
  return await one(project, "select status from pawl.model_versions where id = $1", [model]);
}

export async function countIn(project: Project, table: string, { id }: Place): Promise<number> {
  return await one(project, `select count(*)::integer from pawl.${table} where assistant_id = $1`, [id]);
}

/** What so many people said of answers a while ago, waiting to be collected; their ids. */
export async function leaveFeedback(project: Project, { id }: Place, people: number): Promise<string[]> {
  const persons = times(people, () => crypto.randomUUID());
  await project.database.query("insert into pawl.users (id) select unnest($1::uuid[])", [persons]);
  await project.database.query(RATE, [id, people, 1, 30, 150, persons, 1]);
  return persons;
}

/** The next page for a worker that has collected this one: every five answers say the same. */
export function collect({ id, holder }: Course, page: { message_id: string; revision: number }[]): Call {
  const collected = page.map(({ message_id, revision }, index) => ({
    ...{ message_id, revision, input: { messages: [] }, output: { content: "" }, masked: {} },
    ...{ input_hash: hashOf(Math.floor(index / 5)), content_hash: hashOf(Math.floor(index / 5)) },
    ...{ score: 1, validated: true, source: "user" },
  }));
  return rpc("service", "pawl_training_page", {
    ...{ p_holder: holder, p_assistant_id: id, p_collected: JSON.stringify(collected), p_limit: 100 },
  });
}

function hashOf(number: number): string {
  return String(number).padStart(64, "0");
}
