/**
 * Assistants with answers that a pattern on trial applied to, written straight into the tables: what people make of them
 * comes in afterwards, as it does in life.
 */
import type { Stack } from "../../scripts/local/stack.ts";
import { type Assistant, configure, makeAssistant } from "./assistants.ts";

/** What happened at one answer. */
export interface Answered {
  /** Whose, by their number. */
  person: number;
  shown: boolean;
  /** How long ago, in hours. */
  age: number;
}

export interface Classroom {
  assistant: Assistant;
  pattern: string;
  /** By their number. */
  people: string[];
  /** Ids of the answers, as they were given. */
  answers: string[];
}

export async function furnish(stack: Stack, answered: Answered[], persons: number): Promise<Classroom> {
  const assistant = await makeAssistant(stack, {});
  await configure(stack, assistant, { learn_every_hours: 0 });
  const people = Array.from({ length: persons }, () => crypto.randomUUID());
  const [{ pattern }] = await stack.database.query(
    `insert into pawl.learned_patterns (
       organization_id, assistant_id, pattern_type, question_type, dimension, value, instruction, state, influence,
       prior_mean, prior_sd, baseline, trial_year, trial_started_at, signal_count)
     values ($1, $2, 'response_format', 'database', 'format', 'table', 'Answer with a table.', 'trial', 0.5, 0.05, 0.1, 4,
       extract(year from now()), now() - interval '20 days', 20)
     returning id as pattern`,
    [assistant.organization, assistant.id],
  );
  await stack.database.query("insert into pawl.users (id) select unnest($1::uuid[])", [people]);
  await stack.database.query(
    `insert into pawl.sessions (organization_id, assistant_id, user_id) select $1, $2, unnest($3::uuid[])`,
    [assistant.organization, assistant.id, people],
  );
  const answers = answered.map(() => crypto.randomUUID());
  const given = answered.map(({ person, shown, age }, n) => ({ id: answers[n], user_id: people[person], shown, age }));
  await stack.database.query(WRITE, [assistant.id, pattern, JSON.stringify(given)]);
  return { assistant, pattern, people, answers };
}

const WRITE = `
  with given as (
    select g.*, s.id as session_id, s.organization_id, now() - g.age * interval '1 hour' as at
    from jsonb_to_recordset($3::jsonb) g (id uuid, user_id uuid, shown boolean, age numeric)
    join pawl.sessions s on s.user_id = g.user_id and s.assistant_id = $1
  ), messages as (
    insert into pawl.messages (id, session_id, role, content, created_at)
    select id, session_id, 'assistant', 'An answer.', at from given
  ), exchanges as (
    insert into pawl.exchanges (
      message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model, question_type,
      response_format, length_class, answer_characters, answered_at)
    select g.id, g.organization_id, $1, g.session_id, g.user_id, p.id, p.version, 'simulated/model', 'database',
           case when g.shown then 'table' else 'prose' end, 'short', 10, g.at
    from given g join pawl.system_prompts p on p.assistant_id = $1 and p.is_active
  )
  insert into pawl.pattern_exposures (pattern_id, message_id, user_id, shown, propensity, answered_at)
  select $2, id, user_id, shown, 0.5, at from given`;

/** All that is known of the pattern: sums by person, and what the last run made of them. */
export async function knowledge(stack: Stack, { pattern, people }: Classroom): Promise<unknown> {
  const sums = await stack.database.query(
    `select user_id, period, n, shown, shown_sum, info, z, zz, wealth_1, wealth_2, wealth_3, wealth_4
     from pawl.pattern_evidence where pattern_id = $1 and n <> 0`,
    [pattern],
  );
  const evidence = sums.map(({ user_id, ...sums }) => ({ person: people.indexOf(user_id), ...sums }))
    .sort((a, b) => a.person - b.person || a.period - b.period);
  const [scores] = await stack.database.query(
    "select state, score, confidence, log_e from pawl.learned_patterns where id = $1",
    [pattern],
  );
  return { evidence, ...scores };
}
