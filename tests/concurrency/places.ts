/** What the scenarios are about: assistants with people, answers that wait for a judge, and updates that are owed. */
import { type Assistant, join, makeAssistant, makeOrganization } from "../e2e/assistants.ts";
import { rpc } from "./crowd.ts";
import type { Project } from "./ground.ts";

export interface Place extends Assistant {
  /** Its version 1. */
  prompt: string;
  /** An admin of its organisation. */
  admin: string;
}

/** Never due twice, free to write versions as often as it likes, and no placebos, unless `settings` say otherwise. */
const FREE = { cooldown_hours: 0, max_updates_per_day: 1000, placebo_share: 0 };

export async function makePlace(project: Project, settings: Record<string, unknown> = {}): Promise<Place> {
  const organization = await makeOrganization(project, `org-${crypto.randomUUID()}`);
  const admin = crypto.randomUUID();
  await join(project, organization, admin, "admin");
  const assistant = await makeAssistant(project, { ...FREE, ...settings }, { slug: "default", organization });
  const prompt = await one(project, "select id from pawl.system_prompts where assistant_id = $1", [assistant.id]);
  return { ...assistant, prompt, admin };
}

export function makePlaces(project: Project, count: number, settings: Record<string, unknown> = {}): Promise<Place[]> {
  return Promise.all(times(count, () => makePlace(project, settings)));
}

/** Versions 2 and on, written by hand and not live. */
export async function writeVersions(project: Project, place: Place, count: number): Promise<void> {
  for (let written = 0; written < count; written++) {
    await project.crowd.one(
      rpc("service", "pawl_write_prompt", { p_content: `By hand, number ${written}.`, ...at(place) }),
    );
  }
}

/** Reflections on version 1 that called for an update. The newest is the last. */
export async function owe(project: Project, place: Place, count: number): Promise<string[]> {
  const rows = await project.database.query<{ id: string }>(
    `insert into pawl.reflection_logs (assistant_id, created_at, messages_analyzed, time_window_start, time_window_end,
       prompt_id, prompt_version_evaluated, action_taken)
     select $1, now() - interval '1 minute' + n * interval '1 millisecond', 5, now() - interval '1 day', now(), $2, 1,
       'prompt_update'
     from generate_series(1, $3::integer) n returning id`,
    [place.id, place.prompt, count],
  );
  return rows.map(({ id }) => id);
}

/** Answers of version 1, each in a session of its own. */
export async function answer(project: Project, place: Place, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let number = 1; number <= count; number++) {
    const turn = await project.crowd.one(
      rpc("service", "pawl_begin_turn", { p_message: `Question ${number}`, p_user_id: place.admin, ...inside(place) }),
    );
    ids.push((await project.crowd.one(complete(turn.turn_id, `Answer ${number}`))).answer_id);
  }
  return ids;
}

/** An answer of 30 tokens in all. */
export function complete(turn: string, text: string, attempt = 1) {
  return rpc("service", "pawl_complete_turn", {
    p_turn_id: turn,
    p_attempt: attempt,
    p_answer: text,
    p_model: "a-model",
    p_stop_reason: "end_turn",
    p_usage: { input_tokens: 10, output_tokens: 20 },
    p_latency_ms: 1,
  });
}

/** Each reflection has a text of its own: one that was rejected is not tried again. */
export function submit(reflection: string, place: Place, text = `A better prompt, after ${reflection}.`) {
  return rpc("service", "pawl_submit_prompt", {
    p_reflection_id: reflection,
    p_parent_id: place.prompt,
    p_content: text,
    p_change_reason: "It was curt",
    p_model: "a-model",
  });
}

export function inside({ organization }: Place) {
  return { p_organization_id: organization };
}

export function at({ slug, organization }: Place) {
  return { p_assistant: slug, p_organization_id: organization };
}

/** The one value that a query gives. */
// deno-lint-ignore no-explicit-any -- the caller knows what it asks for
export async function one(project: Project, sql: string, parameters: unknown[] = []): Promise<any> {
  const [row] = await project.database.query(sql, parameters);
  return row && Object.values(row)[0];
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
