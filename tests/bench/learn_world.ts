/** An assistant with much to learn from: written straight into the tables, for no chat could be held so fast. */
import type { Statements } from "../../scripts/local/database.ts";

export interface World {
  /** Each with one reaction. */
  answers: number;
  patterns: number;
  people: number;
}

/** Of the patterns so many are live, as a grown system has it; the others were tried and ended. */
const LIVE_SHARE = 312 / 847;
/** Rows a statement writes. */
const BATCH = 100_000;

export async function fillWorld(database: Statements, { answers, patterns, people }: World): Promise<void> {
  await database.exec(`
    update pawl.loop_settings set feedback_maturity_hours = 24;
    insert into pawl.users (id) select gen_random_uuid() from generate_series(1, ${people});
    insert into pawl.sessions (organization_id, assistant_id, user_id)
      select a.organization_id, a.id, u.id from pawl.assistants a, pawl.users u;
    insert into pawl.learned_patterns (
      organization_id, assistant_id, pattern_type, question_type, dimension, value, instruction, state, influence,
      prior_mean, prior_sd, baseline, trial_year, trial_started_at, signal_count)
    select a.organization_id, a.id, 'response_format', 'kind_' || n, 'format', 'table', 'Answer with a table.',
           case when n <= ${patterns} * ${LIVE_SHARE} then 'active' else 'pruned' end,
           case when n <= ${patterns} * ${LIVE_SHARE} then 0.93 else 0 end,
           0.05, 0.1, 3, extract(year from now()), now() - interval '60 days', 20
    from pawl.assistants a, generate_series(1, ${patterns}) n`);
  for (let first = 1; first <= answers; first += BATCH) {
    await fillBatch(database, first, Math.min(first + BATCH - 1, answers), Math.floor(patterns * LIVE_SHARE));
  }
  await database.exec("analyze");
}

/** Answers in the order of time, the newest two days old, each with a pattern that applied and with a reaction. */
async function fillBatch(database: Statements, first: number, last: number, live: number): Promise<void> {
  await database.exec(`
    create temporary table written as
      select gen_random_uuid() as id, n, s.id as session_id, s.user_id, s.organization_id, s.assistant_id,
             now() - interval '60 days' + n * interval '2 seconds' as at, 'kind_' || (1 + n % ${live}) as kind,
             random() < 0.93 as shown
      from generate_series(${first}, ${last}) n
      join (select *, row_number() over () - 1 as k, count(*) over () as all_of_them from pawl.sessions) s
        on s.k = n % s.all_of_them;
    insert into pawl.messages (id, session_id, role, content, created_at)
      select id, session_id, 'assistant', 'An answer.', at from written order by n;
    insert into pawl.exchanges (
      message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model, question_type,
      response_format, length_class, answer_characters, answered_at)
      select w.id, w.organization_id, w.assistant_id, w.session_id, w.user_id, p.id, p.version, 'simulated/model', w.kind,
             case when w.shown then 'table' else 'prose' end, 'short', 10, w.at
      from written w join pawl.system_prompts p on p.assistant_id = w.assistant_id and p.is_active order by w.n;
    insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal, created_at)
      select w.id, w.organization_id, w.assistant_id, w.user_id,
             (array['thumbs_up', 'copy', 'follow_up', 'thumbs_down'])[1 + n % 4], w.at
      from written w order by w.n;
    insert into pawl.pattern_exposures (pattern_id, message_id, user_id, shown, propensity, answered_at)
      select p.id, w.id, w.user_id, w.shown, 0.93, w.at
      from written w join pawl.learned_patterns p on p.question_type = w.kind order by w.n;
    drop table written`);
}
