/** What the demo's second part does to the database directly: it sets up, lets days pass, and looks. */
import type { Statements } from "../database.ts";
import { DEFAULT_ASSISTANT } from "../report/read.ts";
import type { Community } from "./people.ts";

/** Longer than the maturity of feedback (24 hours), so that a day passes. */
export const HOURS_AGED = 25;

/** The community's organisation with its assistant, made if need be: with the prompt that the default one began with. */
export async function foundOrganization(
  database: Statements,
  { slug, name }: Pick<Community, "slug" | "name">,
): Promise<string> {
  await database.query(
    "insert into pawl.organizations (slug, name) values ($1, $2) on conflict do nothing",
    [slug, name],
  );
  const [{ id }] = await database.query("select id from pawl.organizations where slug = $1", [slug]);
  await database.query(
    `insert into pawl.assistants (organization_id, slug, name) values ($1, 'default', 'Default assistant')
     on conflict do nothing`,
    [id],
  );
  await database.query(
    `insert into pawl.system_prompts (assistant_id, version, content, created_by, state, change_reason)
     select a.id, 1, p.content, 'human', 'active', p.change_reason
     from pawl.assistants a, pawl.system_prompts p
     where a.organization_id = $1 and p.assistant_id = (${DEFAULT_ASSISTANT}) and p.version = 1
       and not exists (select from pawl.system_prompts q where q.assistant_id = a.id)`,
    [id],
  );
  await database.query(
    `update pawl.organization_settings set user_requests_per_minute = null, user_tokens_per_day = null,
       organization_requests_per_minute = null, organization_tokens_per_day = null
     where organization_id = $1`,
    [id],
  );
  return id;
}

export async function makeMember(database: Statements, organization: string, user: string): Promise<void> {
  await database.query("insert into pawl.users (id) values ($1) on conflict do nothing", [user]);
  await database.query(
    "insert into pawl.organization_members (organization_id, user_id) values ($1, $2) on conflict do nothing",
    [organization, user],
  );
}

/** All that learning knows of time, by table. */
export const TIMES: Record<string, string[]> = {
  exchanges: ["answered_at", "settled_at"],
  response_feedback: ["created_at", "superseded_at"],
  pattern_exposures: ["answered_at"],
  learned_patterns: ["last_used_at", "trial_started_at", "activated_at", "created_at", "updated_at"],
  pattern_transitions: ["created_at"],
  learning_runs: ["started_at", "finished_at"],
};

/** Moves what happened back, as if a day had passed; what is written once, by the right of the tables' owner. */
export async function letADayPass(database: Statements): Promise<void> {
  const moves = Object.entries(TIMES).map(([table, columns]) => {
    const changes = columns.map((column) => `${column} = ${column} - interval '${HOURS_AGED} hours'`);
    return `update pawl.${table} set ${changes.join(", ")};`;
  });
  // One transaction, as all that is sent at once.
  await database.exec(`
    alter table pawl.pattern_transitions disable trigger user;
    ${moves.join("\n")}
    alter table pawl.pattern_transitions enable trigger user;`);
}

export interface LearnedPattern {
  id: string;
  organization_id: string;
  instruction: string | null;
  state: string;
}

export async function patternsOf(database: Statements): Promise<LearnedPattern[]> {
  return await database.query<LearnedPattern>(
    "select id, organization_id, instruction, state from pawl.learned_patterns order by created_at, id",
  );
}

/** What was stored with the answer to each of these questions. */
export interface StoredExchange {
  question: string;
  organization_id: string;
  question_type: string;
  response_format: string;
  patterns_shown: string[];
  /** By the exposures: what the coin said. */
  exposed: string[];
}

export async function exchangesOf(database: Statements, answerIds: string[]): Promise<StoredExchange[]> {
  return await database.query<StoredExchange>(
    `select q.content as question, e.organization_id, e.question_type, e.response_format, e.patterns_shown,
       array(select x.pattern_id from pawl.pattern_exposures x where x.message_id = e.message_id and x.shown) as exposed
     from pawl.exchanges e
     join pawl.turns t on t.answer_message_id = e.message_id
     join pawl.messages q on q.id = t.user_message_id
     where e.message_id = any ($1)`,
    [answerIds],
  );
}
