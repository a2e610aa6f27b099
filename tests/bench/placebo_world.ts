/**
 * Assistants with enough conversations to test versions on: written straight into the tables, for no chat could be held
 * so fast. All begin with the same prompt; one has a better version as a draft, one a worse.
 */
import { type BlockName, BLOCKS } from "../../scripts/local/model/rules.ts";
import type { Statements } from "../../scripts/local/database.ts";

export interface World {
  /** Of `assistants` the slugs, in the order in which they were made. */
  slugs: string[];
  organization: string;
}

/** What an assistant's test is about, by its slug. */
export const BETTER = "better";
export const WORSE = "worse";

/** Each of two turns; above what the screening draws from, with enough left for the proof. */
const SESSIONS = 400;

/** The prompt that is live asks for two of the things that the judge looks for. */
const LIVE: BlockName[] = ["reasons", "steps"];
const PROMPTS = {
  live: promptOf(LIVE),
  better: promptOf([...LIVE, "examples", "followUp"]),
  worse: promptOf([]),
};

/** A question of several kinds; the number makes it one of its own. */
const QUESTIONS = [
  "How do I repot orchid %, and what does it need?",
  "Why does engine % stall when it is cold?",
  "Should I take the train or the bus to town %?",
  "My printer % shows an error. What can I do?",
  "Explain what clause % of a lease means.",
  "Write a short note to neighbour % about the noise.",
  "Which of the books on shelf % would you recommend?",
  "Which SQL query counts the orders of customer %?",
];

/** `settings` are columns of pawl.loop_settings. */
export async function fillWorld(
  database: Statements,
  placeboAssistants: number,
  settings: Record<string, unknown>,
): Promise<World> {
  const slugs = [...Array.from({ length: placeboAssistants }, (_, n) => `placebo-${n + 1}`), BETTER, WORSE];
  const [{ id: organization }] = await database.query(
    "insert into pawl.organizations (slug, name) values ('bench', 'Bench') returning id",
  );
  await database.query(
    "insert into pawl.assistants (organization_id, slug, name) select $1, s, s from unnest($2::text[]) s",
    [organization, slugs],
  );
  await writePrompt(database, organization, slugs, 1, "active", PROMPTS.live);
  await writePrompt(database, organization, [BETTER], 2, "draft", PROMPTS.better);
  await writePrompt(database, organization, [WORSE], 2, "draft", PROMPTS.worse);
  await database.query(
    `insert into pawl.rubrics (assistant_id, version, is_active, criteria)
     select a.id, 1, true, r.criteria from pawl.assistants a, pawl.rubrics r
     join pawl.assistants d on d.id = r.assistant_id join pawl.organizations o on o.id = d.organization_id
     where a.organization_id = $1 and o.slug = 'default' and d.slug = 'default' and r.is_active`,
    [organization],
  );
  const columns = Object.keys(settings);
  await database.query(
    `update pawl.loop_settings s set ${columns.map((column, n) => `${column} = $${n + 2}`).join(", ")}
     from pawl.assistants a where a.id = s.assistant_id and a.organization_id = $1`,
    [organization, ...Object.values(settings)],
  );
  await database.exec(CONVERSATIONS);
  return { slugs, organization };
}

async function writePrompt(
  database: Statements,
  organization: string,
  slugs: string[],
  version: number,
  state: string,
  content: string,
): Promise<void> {
  await database.query(
    `insert into pawl.system_prompts (assistant_id, version, content, created_by, state, change_reason)
     select id, $3, $4, 'human', $5, 'Bench' from pawl.assistants where organization_id = $1 and slug = any($2)`,
    [organization, slugs, version, content, state],
  );
}

function promptOf(blocks: BlockName[]): string {
  return ["Answer the question.", ...blocks.map((name) => BLOCKS[name].instruction)].join("\n");
}

/** Turns as chat-handler leaves them, the newest an hour old. */
const CONVERSATIONS = `
  create temporary table held as
    select gen_random_uuid() as session_id, gen_random_uuid() as user_id, a.organization_id, a.id as assistant_id,
           p.id as prompt_id, p.version, n
    from pawl.assistants a
    join pawl.organizations o on o.id = a.organization_id and o.slug = 'bench'
    join pawl.system_prompts p on p.assistant_id = a.id and p.is_active
    cross join generate_series(1, ${SESSIONS}) n;
  create temporary table spoken as
    select h.*, gen_random_uuid() as question_id, gen_random_uuid() as answer_id, k,
           replace((array[${
  QUESTIONS.map((question) => `'${question}'`).join(", ")
}])[1 + (2 * n + k) % ${QUESTIONS.length}],
             '%', (2 * n + k)::text) as question,
           now() - interval '1 hour' - (2 * n - k) * interval '10 minutes' as at
    from held h, generate_series(1, 2) k;
  insert into pawl.users (id) select user_id from held;
  insert into pawl.organization_members (organization_id, user_id, role)
    select organization_id, user_id, 'member' from held;
  insert into pawl.sessions (id, organization_id, assistant_id, user_id, created_at)
    select session_id, organization_id, assistant_id, user_id, now() - interval '20 days' from held;
  insert into pawl.messages (id, session_id, role, content, created_at, model_used, prompt_id, prompt_version)
    select question_id, session_id, 'user', question, at, null, prompt_id, version from spoken
    union all
    select answer_id, session_id, 'assistant', 'Begin with the simplest case.', at + interval '2 seconds',
           'simulated/model', prompt_id, version from spoken
    order by 5;
  insert into pawl.turns (
    session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status, created_at,
    lease_expires_at, finished_at)
    select session_id, organization_id, user_id, prompt_id, question_id, answer_id, 'completed', at, at,
           at + interval '2 seconds'
    from spoken order by at;
  insert into pawl.exchanges (
    message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model, response_format,
    length_class, answer_characters, answered_at)
    select answer_id, organization_id, assistant_id, session_id, user_id, prompt_id, version, 'simulated/model',
           'prose', 'short', 29, at + interval '2 seconds'
    from spoken;
  drop table held, spoken;
  analyze`;
