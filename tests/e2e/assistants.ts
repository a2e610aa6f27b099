/** Assistants made for one test each, on one stack: what happens to one shows in no other. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import { post, type Reply, service } from "./scene.ts";

export interface Assistant {
  id: string;
  slug: string;
  organization: string;
}

let made = 0;

/** All that most of these need of a stack. */
type Stored = Pick<Stack, "database">;

/** With the prompt and the rubric of the default one; `settings` are columns of pawl.loop_settings. */
export async function makeAssistant(
  stack: Stored,
  settings: Record<string, unknown> = {},
  { slug = `assistant-${++made}`, organization }: { slug?: string; organization?: string } = {},
): Promise<Assistant> {
  const [{ id, organization_id }] = await stack.database.query(
    `insert into pawl.assistants (organization_id, slug, name)
     select coalesce($2, id), $1::text, $1::text from pawl.organizations where slug = 'default'
     returning id, organization_id`,
    [slug, organization ?? null],
  );
  const ofDefault = `from pawl.assistants a join pawl.organizations o on o.id = a.organization_id
    join pawl.system_prompts p on p.assistant_id = a.id and p.version = 1
    join pawl.rubrics r on r.assistant_id = a.id and r.version = 1
    where o.slug = 'default' and a.slug = 'default'`;
  await stack.database.query(
    `insert into pawl.system_prompts (assistant_id, version, content, created_by, state)
     select $1, 1, p.content, 'human', 'active' ${ofDefault}`,
    [id],
  );
  await stack.database.query(
    `insert into pawl.rubrics (assistant_id, version, is_active, criteria) select $1, 1, true, r.criteria ${ofDefault}`,
    [id],
  );
  const assistant = { id, slug, organization: organization_id };
  // A placebo now and then would make of every test a game of chance.
  await configure(stack, assistant, { placebo_share: 0, ...settings });
  return assistant;
}

/** All columns in one statement: some are checked against each other. */
export async function configure(stack: Stored, { id }: Assistant, settings: Record<string, unknown>): Promise<void> {
  const columns = Object.keys(settings);
  if (columns.length === 0) return;
  const changes = columns.map((column, index) => `${column} = $${index + 2}`).join(", ");
  const sql = `update pawl.loop_settings set ${changes} where assistant_id = $1`;
  await stack.database.query(sql, [id, ...Object.values(settings)]);
}

/** A learned pattern that is live; its id. `columns` are those of pawl.learned_patterns that are to be others. */
export async function makePattern(
  stack: Stored,
  { id, organization }: Assistant,
  columns: Record<string, unknown> = {},
): Promise<string> {
  const row = {
    organization_id: organization,
    assistant_id: id,
    ...{ pattern_type: "response_format", question_type: "database", dimension: "format", value: "table" },
    ...{ instruction: "Answer with a table.", state: "active", influence: 0.93, confidence: 0.997 },
    ...{ prior_mean: 0.05, prior_sd: 0.1, baseline: 4, trial_year: 2026, trial_started_at: new Date().toISOString() },
    ...columns,
  };
  const names = Object.keys(row).join(", ");
  const places = Object.keys(row).map((_, index) => `$${index + 1}`).join(", ");
  const sql = `insert into pawl.learned_patterns (${names}) values (${places}) returning id`;
  return (await stack.database.query(sql, Object.values(row)))[0].id;
}

export async function makeOrganization(stack: Stored, slug: string): Promise<string> {
  const [{ id }] = await stack.database.query(
    "insert into pawl.organizations (slug, name) values ($1::text, $1::text) returning id",
    [slug],
  );
  return id;
}

/** Makes a person, known by their id from sign-up or invented, a member. */
export async function join(stack: Stored, organization: string, user: string, role = "member"): Promise<void> {
  await stack.database.query("insert into pawl.users (id) values ($1) on conflict do nothing", [user]);
  await stack.database.query(
    "insert into pawl.organization_members (organization_id, user_id, role) values ($1, $2, $3)",
    [organization, user, role],
  );
}

/** Holds conversations of one turn each; returns the ids of the answers. */
export async function converse(
  stack: Stack,
  assistant: Assistant,
  count: number,
  topic = "an orchid",
): Promise<string[]> {
  const user_id = crypto.randomUUID();
  await join(stack, assistant.organization, user_id);
  const ids: string[] = [];
  for (let number = 1; number <= count; number++) {
    const message = `How do I repot ${topic} in pot ${number}, and what does it need?`;
    const reply = await chat(stack, assistant, message, user_id);
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    ids.push(reply.body.answer_id);
  }
  return ids;
}

export function chat(stack: Stack, assistant: Assistant, message: string, user_id: string): Promise<Reply> {
  const body = { message, user_id, assistant: assistant.slug, organization_id: assistant.organization };
  return post(stack, "chat-handler", body, service(stack));
}

/** Has a version that is in test go live unproved, as a person may. */
export async function force(stack: Stack, { slug, organization }: Assistant, version: number): Promise<void> {
  const order = { action: "force", version, assistant: slug, organization_id: organization };
  const reply = await post(stack, "prompt-updater", order, service(stack));
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
}

/** The one result of a reflection on this assistant alone. */
// deno-lint-ignore no-explicit-any -- the shape of a result depends on what came of it
export async function reflect(stack: Stack, assistant: Assistant, more: Record<string, unknown> = {}): Promise<any> {
  const { slug, organization: organization_id } = assistant;
  const body = { assistant: slug, organization_id, only: "reflection", ...more };
  const reply = await post(stack, "reflection-loop", body, service(stack));
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  assert.equal(reply.body.results.length, 1, JSON.stringify(reply.body));
  assert.equal(reply.body.more, false);
  const [{ organization_id: its, assistant_id, assistant: itsSlug, ...result }] = reply.body.results;
  assert.deepEqual([its, assistant_id, itsSlug], [organization_id, assistant.id, slug]);
  return result;
}

/** With these settings no score calls for a new prompt. */
export const CONTENT = { auto_update_threshold: 1 };

export function skipped(reason: string) {
  return { skipped: true, reason };
}

export interface Version {
  id: string;
  version: number;
  content: string;
  is_active: boolean;
  state: string;
  created_by: string;
  change_reason: string | null;
  previous: number | null;
  reflection_log_id: string | null;
  performance_score: number | null;
  metadata: Record<string, unknown>;
}

export async function versionsOf(stack: Stored, { id }: Assistant): Promise<Version[]> {
  return await stack.database.query<Version>(
    `select p.*, before.version as previous from pawl.system_prompts p
     left join pawl.system_prompts before on before.id = p.previous_version_id
     where p.assistant_id = $1 order by p.version`,
    [id],
  );
}

export async function liveVersion(stack: Stored, assistant: Assistant): Promise<number> {
  const live = (await versionsOf(stack, assistant)).filter((version) => version.is_active);
  assert.equal(live.length, 1, `${live.length} live versions`);
  return live[0].version;
}
