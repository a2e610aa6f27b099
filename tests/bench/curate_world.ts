/** An assistant that many people said something to: written straight into the tables, for no chat could be held so fast. */
import type { Statements } from "../../scripts/local/database.ts";

/** Rows a statement writes. */
const BATCH = 25_000;

/**
 * Answers of a week ago and before, one question each, of some 400 characters in all as a support bot's are, every tenth
 * with an address and a telephone number to be masked; each names an order, its date and what it cost, and but for the
 * first of a session has those before it as its history; nine of ten are liked. In random order of their ids, and in the
 * order of time.
 */
export async function fillWorld(database: Statements, answers: number): Promise<void> {
  await database.exec(`
    insert into pawl.users (id) select gen_random_uuid() from generate_series(1, 2000);
    insert into pawl.sessions (organization_id, assistant_id, user_id)
      select a.organization_id, a.id, u.id from pawl.assistants a, pawl.users u`);
  for (let first = 1; first <= answers; first += BATCH) {
    await fillBatch(database, first, Math.min(first + BATCH - 1, answers));
  }
  await database.exec("analyze");
}

async function fillBatch(database: Statements, first: number, last: number): Promise<void> {
  await database.exec(`
    create temporary table written as
      select gen_random_uuid() as question_id, gen_random_uuid() as answer_id, n, s.id as session_id, s.user_id,
             s.organization_id, s.assistant_id, p.id as prompt_id, p.version,
             now() - interval '30 days' + n * interval '10 seconds' as at
      from generate_series(${first}, ${last}) n
      join (select *, row_number() over () - 1 as k, count(*) over () as all_of_them from pawl.sessions) s
        on s.k = n % s.all_of_them
      join pawl.system_prompts p on p.assistant_id = s.assistant_id and p.is_active;
    insert into pawl.messages (id, session_id, role, content, created_at, model_used, prompt_id, prompt_version)
      select question_id, session_id, 'user', 'Order ' || 10000000 + n || ' of ' || (at - interval '9 days')::date
               || ' for 1,249.00 came late, and one of the boxes was open when it did. '
               || 'Can I send back the lamp with the broken shade and keep what else was in it, and who pays for that?'
               || case when n % 10 = 0 then ' Please write to buyer' || n || '@example.com or call +1-202-555-'
                  || lpad((n % 10000)::text, 4, '0') || '.' else '' end,
             at, null, prompt_id, version from written
      union all
      select answer_id, session_id, 'assistant', 'I am sorry about order ' || 10000000 + n || '. You can send back the '
               || 'lamp alone within thirty days: print the label from your orders, pack it well, and leave it at any shop. We pay '
               || 'for that, and the money is with you within a week of its arrival.',
             at, 'simulated/model', prompt_id, version from written
      order by 5, 3 desc;
    insert into pawl.turns (
      session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status, created_at,
      lease_expires_at, finished_at)
      select session_id, organization_id, user_id, prompt_id, question_id, answer_id, 'completed', at, at, at
      from written order by n;
    insert into pawl.exchanges (
      message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model, question_type,
      response_format, length_class, answer_characters, answered_at, revision)
      select answer_id, organization_id, assistant_id, session_id, user_id, prompt_id, version, 'simulated/model',
             (array['how_to', 'complaint', 'refund', 'delivery', 'other'])[1 + n % 5], 'prose', 'medium', 250, at, 1
      from written order by n;
    insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal, created_at)
      select answer_id, organization_id, assistant_id, user_id,
             case when n % 10 = 7 then 'thumbs_down' else 'thumbs_up' end, at
      from written order by n;
    drop table written`);
}
