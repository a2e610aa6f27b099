/** What is so at any time, whoever was killed when; and what is stored and counted of one organisation. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import type { Place } from "./attempts.ts";
import { asked } from "./scene.ts";
import { taskOf } from "./steps.ts";

/** Each finds what must not be. */
const NEVER: Record<string, string> = {
  "not one active version": `select a.id from pawl.assistants a where 1 <> (
       select count(*) from pawl.system_prompts p where p.assistant_id = a.id and p.is_active)`,
  "a message without a turn, or stored twice":
    `select session_id, content from pawl.messages m where role = 'user' group by session_id, content
     having count(*) <> 1 or 1 <> (
       select count(*) from pawl.turns t join pawl.messages q on q.id = t.user_message_id
       where t.session_id = m.session_id and q.content = m.content)`,
  "an answer that is no turn's": `select id from pawl.messages m where role = 'assistant' and not exists (
       select from pawl.turns t where t.answer_message_id = m.id and t.status = 'completed')`,
  "answers judged that were judged before": `select r.id from pawl.reflection_logs r where r.messages_analyzed <> (
       select count(*) from pawl.message_evaluations e where e.reflection_log_id = r.id)`,
  "a suggestion that no reflection made, or a second one": `select s.id from pawl.suggestions s
     where (s.reflection_log_id is not null or s.suggestion_type <> 'escalation' and s.prompt_id is null)
       and not exists (select from pawl.reflection_logs r where r.suggestion_id = s.id and r.id = s.reflection_log_id)`,
  "an escalation that stands twice": `select s.assistant_id from pawl.suggestions s
     where s.suggestion_type = 'escalation' group by s.assistant_id, s.reflection_log_id having count(*) > 1`,
  "a reflection that has no version to show, or two": `select r.id from pawl.reflection_logs r
     where (coalesce(r.update_outcome, '') = 'submitted' or r.new_prompt_version is not null and
            r.action_taken <> 'rollback')::integer <> (
       select count(*) from pawl.system_prompts p where p.reflection_log_id = r.id)`,
  "a version of the loop's that no reflection asked for": `select id from pawl.system_prompts
     where created_by = 'system' and reflection_log_id is null and metadata -> 'model_version' is null`,
  "a version submitted without a record, or with two":
    `select p.id from pawl.system_prompts p where p.created_by = 'system' and 1 <> (
       select count(*) from pawl.audit_log l where l.action = 'submit' and l.assistant_id = p.assistant_id
         and (l.detail -> 'reflection_id' = to_jsonb(p.reflection_log_id)
           or l.detail -> 'model_version' = p.metadata -> 'model_version'))`,
  "a live version that the record does not end with": `select p.id from pawl.system_prompts p
     where p.is_active and p.activated_at is not null and to_jsonb(p.version) is distinct from (
       select l.detail #> '{changed,live_version,to}' from pawl.audit_log l
       where l.assistant_id = p.assistant_id and l.detail #> '{changed,live_version}' is not null
       order by l.id desc limit 1)`,
  "a rollback without a record, or with two": `select a.id from pawl.assistants a where
       (select count(*) from pawl.reflection_logs r where r.assistant_id = a.id and r.action_taken = 'rollback') <>
       (select count(*) from pawl.audit_log l where l.assistant_id = a.id and l.action = 'rollback')`,
  "a version in test without its test, or a test without its version": `select coalesce(p.id, t.id)
     from (select * from pawl.system_prompts where state in ('screening', 'proving')) p
     full join (select * from pawl.prompt_tests where state in ('screening', 'proving')) t
       on t.candidate_id = p.id and t.state = p.state
     where p.id is null or t.id is null`,
  "a test against a version that is not live": `select t.id from pawl.prompt_tests t
     join pawl.system_prompts b on b.id = t.baseline_id where t.state in ('screening', 'proving') and not b.is_active`,
  "a decision without a receipt, or another one's": `select t.id from pawl.prompt_tests t
     left join pawl.promotion_receipts r on r.test_id = t.id
     where r.decision is distinct from case t.state when 'promoted' then 'promote' when 'rejected' then 'reject' end`,
  "a version taken back by the loop without a receipt, or with two": `select a.id from pawl.assistants a where
       (select count(*) from pawl.promotion_receipts r where r.assistant_id = a.id and r.decision = 'rollback') <>
       (select count(*) from pawl.audit_log l
        where l.assistant_id = a.id and l.action = 'rollback' and l.actor = 'loop')`,
  "a receipt whose observations are not those that were made": `select r.id from pawl.promotion_receipts r
     where r.observations_digest <> pawl.observations_digest(r.observation_ids)`,
  "a pair compared without an observation, or with two": `select t.id from pawl.prompt_tests t where
       (select count(*) from pawl.replay_pairs r where r.test_id = t.id and r.state in ('judged', 'void')) <>
       (select count(*) from pawl.proof_observations o where o.about_id = t.id and o.kind = 'pair')`,
  "a unit observed without an observation, or with two": `select t.id from pawl.prompt_tests t where
       (select count(*) from pawl.canary_units u where u.test_id = t.id and u.observed_at is not null) <>
       (select count(*) from pawl.proof_observations o where o.about_id = t.id and o.kind = 'unit')`,
  "less held against the day than the models cost": `select t.assistant_id from pawl.prompt_tests t
     group by t.assistant_id having sum(t.tokens) > (
       select coalesce(sum(u.tokens), 0) from pawl.test_usage u where u.assistant_id = t.assistant_id)`,
  "a model version with a dataset and no webhook, or the other way round": `select m.id from pawl.model_versions m
     left join pawl.webhook_deliveries d on d.model_version_id = m.id
     where m.status <> 'failed' and (m.manifest is null) <> (d.model_version_id is null)`,
  "a part without its rows": `select p.model_version_id from pawl.dataset_parts p where p.rows <> (
       select count(*) from pawl.dataset_rows r
       where r.model_version_id = p.model_version_id and r.part = p.number and r.split = p.split)`,
  "a row twice in a dataset": `select r.model_version_id from pawl.dataset_rows r
     group by r.model_version_id, r.training_id having count(*) > 1`,
  "a dataset that is not its manifest": `select m.id from pawl.model_versions m where m.manifest is not null and
       jsonb_array_length(m.manifest -> 'parts') <> (
         select count(*) from pawl.dataset_parts p where p.model_version_id = m.id)`,
  "training data of nobody": `select t.id from pawl.training_data t where t.kept_for is null and not exists (
       select from pawl.training_sources s where s.training_id = t.id)`,
  "a turn held for longer than its time":
    "select id from pawl.turns where status = 'open' and lease_expires_at > now() + interval '150 seconds'",
  "an assistant held for longer than its time": `select assistant_id from pawl.leases
     where expires_at > now() + interval '160 seconds' or (holder is null) <> (expires_at is null)`,
};

export async function assertConsistent(stack: Stack): Promise<void> {
  const checks = Object.entries(NEVER).map(([what, sql]) => `select $$${what}$$ as what, x::text from (${sql}) x`);
  assert.deepEqual(await stack.database.query(checks.join(" union all ")), []);
}

/**
 * Of these no two runs are alike, or they count what was paid, which countsOf() looks at. Which rows of a dataset are held
 * out ids say: that it is whole, NEVER and its caller see.
 */
const TABLES_LEFT_OUT = ["usage", "user_usage", "turn_attempts", "test_usage", "dataset_rows"];
/** Each call is one, whatever it did. */
const RUNS = ["agent_runs", "agent_traces", "tool_calls"];
const COLUMNS_LEFT_OUT = [
  ...["id", "seq", "latency_ms", "input_tokens", "cache_read_tokens", "cache_write_tokens"],
  ...["advance_tokens", "attempts", "lost_attempts", "update_attempts", "lost_holders", "tokens", "usd"],
  // Coins, and what is over ids.
  ...["candidate_first", "observations_digest"],
];
/** How a row is one organisation's: by the first of these columns that its table has. */
const PATHS: Record<string, string> = {
  organization_id: "$1",
  assistant_id: "(select id from pawl.assistants where organization_id = $1)",
  test_id: "(select id from pawl.prompt_tests where organization_id = $1)",
  about_id: `(select id from pawl.prompt_tests where organization_id = $1
     union all select id from pawl.promotion_receipts where organization_id = $1)`,
  session_id: "(select id from pawl.sessions where organization_id = $1)",
  reflection_log_id:
    "(select r.id from pawl.reflection_logs r join pawl.assistants a on a.id = r.assistant_id where organization_id = $1)",
  pattern_id: "(select id from pawl.learned_patterns where organization_id = $1)",
  model_version_id: "(select id from pawl.model_versions where organization_id = $1)",
  training_id: "(select id from pawl.training_data where organization_id = $1)",
  user_id: "(select user_id from pawl.organization_members where organization_id = $1)",
};

/** What is stored, with ids and times made alike, and without what is counted. */
export async function pictureOf(place: Place): Promise<string[]> {
  return (await rowsOf(place, [...TABLES_LEFT_OUT, ...RUNS], COLUMNS_LEFT_OUT)).map(alike).sort();
}

/** What a call that finds nothing to do leaves as it is; where an assistant stands in the order of work may change. */
export async function traceOf(place: Place): Promise<unknown> {
  return [await rowsOf(place, ["leases", ...RUNS], []), (await asked(place.stack)).length];
}

/** Every row of every table that is an organisation's. */
async function rowsOf({ stack, organization }: Place, without: string[], columnsOut: string[]): Promise<string[]> {
  const tables = await stack.database.query(
    `select c.relname as name, array_agg(a.attname::text) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
     where c.relnamespace = 'pawl'::regnamespace and c.relkind = 'r' and c.relname <> all ($1) group by 1 order by 1`,
    [without],
  );
  const queries = tables.flatMap(({ name, columns }) => {
    const path = Object.keys(PATHS).find((column) => columns.includes(column));
    const row = `'${name} ' || (to_jsonb(t) - $2::text[])::text as row`;
    return path ? [`select ${row} from pawl.${name} t where ${path} in (${PATHS[path]})`] : [];
  });
  const rows = await stack.database.query(queries.join(" union all "), [organization, columnsOut]);
  return rows.map(({ row }) => row).sort();
}

function alike(row: string): string {
  return row
    .replaceAll(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/gu, "id")
    .replaceAll(/"audit_id": \d+/gu, '"audit_id": id')
    // Of what holds ids, in whatever order they fell.
    .replaceAll(/"[\da-f]{64}"/gu, "digest")
    .replaceAll(/msg_[\da-f]{32}/gu, "id")
    // Of one answer of each person, which one its id says.
    .replaceAll(/"p_value": [\d.e-]+/gu, '"p_value": some')
    .replaceAll(/"(rows|bytes|train|held_out)": \d+/gu, '"$1": some')
    .replaceAll(/"days": 0\.?\d*/gu, '"days": some')
    .replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.]+([+-]\d\d:\d\d)?/gu, "time");
}

export const TASKS = ["chat", "evaluate", "rewrite", "phrase", "compare"] as const;
export type Task = (typeof TASKS)[number];

export interface Counts {
  /** Requests to the model since the stand-in was told to forget. */
  asked: Record<Task, number>;
  /** Calls that are counted as used. */
  used: Record<Task, number>;
  lost: Record<"turn" | "lease" | "writing", number>;
}

export async function countsOf({ stack, organization, assistant }: Place): Promise<Counts> {
  const [counted] = await stack.database.query(
    `with used as (select purpose, sum(calls)::integer as calls from pawl.usage where organization_id = $1 group by 1)
     select json_build_object(
         'chat', coalesce((select sum(calls) from used where purpose in ('chat', 'replay')), 0),
         'evaluate', coalesce((select calls from used where purpose = 'judge'), 0),
         'rewrite', coalesce((select calls from used where purpose = 'rewrite'), 0),
         'phrase', coalesce((select calls from used where purpose = 'phrase'), 0),
         'compare', coalesce((select calls from used where purpose = 'compare'), 0)) as used,
       json_build_object(
         'turn', (select sum(lost_attempts) from pawl.turns where organization_id = $1),
         'lease', (select sum(lost_holders) from pawl.leases where assistant_id = $2),
         'writing', (select sum(update_attempts) from pawl.reflection_logs where assistant_id = $2)) as lost`,
    [organization, assistant.id],
  );
  const requests: Record<Task, number> = { chat: 0, evaluate: 0, rewrite: 0, phrase: 0, compare: 0 };
  for (const request of await asked(stack)) requests[taskOf(request)]++;
  return { asked: requests, ...counted };
}

/** What somebody paid for, and what is stored: the model must not be asked for it again. */
export interface Paid {
  /** Of those that a test has still to ask again, none. */
  answered: string[];
  judged: string[];
  /** No update is owed any more. */
  isWritten: boolean;
  /** How many requests led to this. */
  asked: number;
}

export async function paidBy({ stack, organization, assistant }: Place): Promise<Paid> {
  const [{ answered, judged, written }] = await stack.database.query(
    `select
       array(select q.content from pawl.turns t join pawl.messages q on q.id = t.user_message_id
             where t.organization_id = $1 and t.status = 'completed' and not exists (
               select from pawl.prompt_tests p
               where p.state in ('screening', 'proving')
                 and t.id = any (case p.state when 'screening' then p.screening_pool else p.proof_pool end)
                 and cardinality(case p.state when 'screening' then p.screening_pool else p.proof_pool end) > (
                   select count(*) from pawl.replay_pairs r
                   where r.test_id = p.id and r.stage = p.state and r.state <> 'drawn'))) as answered,
       array(select q.content from pawl.message_evaluations e join pawl.turns t on t.answer_message_id = e.message_id
             join pawl.messages q on q.id = t.user_message_id where t.organization_id = $1
             union all
             select q.content from pawl.canary_units u join pawl.turns t on t.session_id = u.session_id
             join pawl.messages q on q.id = t.user_message_id
             where t.organization_id = $1 and u.observed_at is not null) as judged,
       exists (select from pawl.reflection_logs where assistant_id = $2 and update_outcome is not null) as written`,
    [organization, assistant.id],
  );
  return { answered, judged, isWritten: written, asked: (await asked(stack)).length };
}

/** That nothing of this was asked for since. */
export async function assertNotPaidAgain({ stack }: Place, paid: Paid): Promise<void> {
  for (const request of (await asked(stack)).slice(paid.asked)) {
    const words: string = request.messages.at(-1).content;
    const task = taskOf(request);
    if (task === "chat") assert.ok(!paid.answered.includes(words), "a stored answer was paid for again");
    if (task === "rewrite") assert.ok(!paid.isWritten, "a prompt that had been dealt with was written again");
    if (task !== "evaluate") continue;
    for (const { user_message } of JSON.parse(words).exchanges) {
      assert.ok(!paid.judged.includes(user_message), "an answer was judged again");
    }
  }
}
