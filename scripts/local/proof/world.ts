/** What the demo does to the database directly where versions prove themselves: it sets up, and lets days pass. */
import type { Statements } from "../database.ts";
import { foundOrganization } from "../learning/world.ts";
import { DEFAULT_ASSISTANT } from "../report/read.ts";
import { WORKSHOP } from "./people.ts";

/** The organisation with its assistant, prompt and rubric; its id. */
export async function foundWorkshop(database: Statements, settings: Record<string, unknown>): Promise<string> {
  const id = await foundOrganization(database, WORKSHOP);
  await database.query(
    `insert into pawl.rubrics (assistant_id, version, is_active, criteria)
     select a.id, 1, true, r.criteria from pawl.assistants a, pawl.rubrics r
     where a.organization_id = $1 and r.assistant_id = (${DEFAULT_ASSISTANT}) and r.is_active
       and not exists (select from pawl.rubrics q where q.assistant_id = a.id)`,
    [id],
  );
  await configure(database, id, settings);
  return id;
}

/** Settings of an organisation's assistants; all columns in one statement, for some are checked against each other. */
export async function configure(
  database: Statements,
  organization: string,
  settings: Record<string, unknown>,
): Promise<void> {
  const changes = Object.keys(settings).map((column, index) => `${column} = $${index + 2}`);
  await database.query(
    `update pawl.loop_settings set ${changes.join(", ")}
     where assistant_id in (select id from pawl.assistants where organization_id = $1)`,
    [organization, ...Object.values(settings)],
  );
}

/** All that tests know of time, by table, and whose rows those are. */
export const TIMES: Record<string, { columns: string[]; where: string }> = {
  sessions: { columns: ["created_at", "updated_at", "deleted_at"], where: "organization_id = $1" },
  messages: {
    columns: ["created_at"],
    where: "session_id in (select id from pawl.sessions where organization_id = $1)",
  },
  turns: { columns: ["created_at", "lease_expires_at", "finished_at"], where: "organization_id = $1" },
  exchanges: { columns: ["answered_at", "settled_at"], where: "organization_id = $1" },
  response_feedback: { columns: ["created_at", "superseded_at"], where: "organization_id = $1" },
  // A test that has ended stays when it ended.
  prompt_tests: {
    columns: ["created_at", "proof_started_at", "decided_at"],
    where: "organization_id = $1 and decided_at is null",
  },
  canary_units: {
    columns: ["assigned_at", "observed_at"],
    where: "test_id in (select id from pawl.prompt_tests where organization_id = $1 and decided_at is null)",
  },
};

/** Moves all of an organisation's conversations, votes and what is in test back, as if so many days had passed. */
export async function letDaysPass(database: Statements, organization: string, days: number): Promise<void> {
  for (const [table, { columns, where }] of Object.entries(TIMES)) {
    const changes = columns.map((column) => `${column} = ${column} - $2::numeric * interval '1 day'`);
    await database.query(`update pawl.${table} set ${changes.join(", ")} where ${where}`, [organization, days]);
  }
}

/** Holds an organisation's conversations so many times more, in rows alone: they are copied, and no model is asked. */
export async function repeatConversations(database: Statements, organization: string, times: number): Promise<void> {
  if (times > 0) await database.query(REPEAT, [organization, times]);
}

const REPEAT = `
  with held as materialized (
    select s.id as original, gen_random_uuid() as id from pawl.sessions s cross join generate_series(1, $2::integer)
    where s.organization_id = $1
  ), said as materialized (
    select m.id as original, gen_random_uuid() as id, h.id as session_id from pawl.messages m
    join held h on h.original = m.session_id
  ), sessions as (
    insert into pawl.sessions (id, organization_id, assistant_id, user_id, title, created_at, updated_at)
    select h.id, organization_id, assistant_id, user_id, title, created_at, updated_at
    from held h join pawl.sessions s on s.id = h.original
  ), messages as (
    insert into pawl.messages (id, session_id, role, content, created_at, token_count, model_used, prompt_id,
      prompt_version)
    select c.id, c.session_id, role, content, created_at, token_count, model_used, prompt_id, prompt_version
    from said c join pawl.messages m on m.id = c.original order by m.seq
  ), turns as (
    insert into pawl.turns (session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status,
      traits, created_at, lease_expires_at, finished_at)
    select q.session_id, organization_id, user_id, prompt_id, q.id, a.id, status, traits, created_at, lease_expires_at,
      finished_at
    from pawl.turns t join said q on q.original = t.user_message_id
    join said a on a.original = t.answer_message_id and a.session_id = q.session_id order by t.seq
  )
  insert into pawl.exchanges (message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version,
    model, tools, question_type, data_source, response_format, length_class, answer_characters, answered_at)
  select c.id, organization_id, assistant_id, c.session_id, user_id, prompt_id, prompt_version, model, tools,
    question_type, data_source, response_format, length_class, answer_characters, answered_at
  from said c join pawl.exchanges e on e.message_id = c.original`;
