-- What the other files share, in a schema of its own. No file can include another under both `supabase test db` and
-- tests/database/run.ts; but both run the files in the order of their names. So this is the first, and the only one that
-- commits. It stores no data and grants nothing; `drop schema tests cascade` takes it away.
--
-- Everything here runs as the owner. `tests.call` and its kin take on a role for one statement and give it back.
-- Names stand for ids: a person 'ann', an organisation 'acme', its assistant 'acme/default', a version
-- 'acme/default v1'. A bare `ok` that a statement returns is a test to TAP: what is called only for its effect, and
-- answers with an outcome, is called in a DO block.
begin;
create extension if not exists pgtap with schema extensions;
drop schema if exists tests cascade;
create schema tests;

create function tests.id(p_name text) returns uuid
language sql immutable
as $$ select md5(p_name)::uuid $$;

-- Who asks -------------------------------------------------------------------------------------------------------------

-- `anon`, `service`, a person's name, `nobody`: a token that names no person, or `operator`: the owner, who has taken on
-- no role. Hosted projects read request.jwt.claims, other stacks request.jwt.claim.….
create function tests.become(p_who text) returns void
language plpgsql
as $$
declare
  v_role text := case p_who when 'anon' then 'anon' when 'service' then 'service_role' when 'operator' then 'none'
                 else 'authenticated' end;
  v_claims jsonb := jsonb_build_object('role', v_role);
begin
  if v_role = 'authenticated' and p_who <> 'nobody' then
    v_claims := v_claims || jsonb_build_object('sub', tests.id(p_who), 'email', p_who || '@example.com');
  end if;
  perform set_config('request.jwt.claims', v_claims::text, true),
          set_config('request.jwt.claim.sub', coalesce(v_claims ->> 'sub', ''), true),
          set_config('request.jwt.claim.role', v_role, true),
          set_config('request.jwt.claim.email', coalesce(v_claims ->> 'email', ''), true);
  perform set_config('role', v_role, true);
end
$$;

-- The value of a statement run as someone.
create function tests.call(p_who text, p_sql text) returns jsonb
language plpgsql
as $$
declare
  v_result jsonb;
begin
  perform tests.become(p_who);
  execute p_sql into v_result;
  perform set_config('role', 'none', true);
  return v_result;
end
$$;

-- Its outcome, or `permission denied`.
create function tests.outcome(p_who text, p_sql text) returns text
language plpgsql
as $$
begin
  return tests.call(p_who, p_sql) ->> 'outcome';
exception when insufficient_privilege then
  return 'permission denied';
end
$$;

-- All that is stored, as one value: equal before and after means that nothing was written.
create function tests.stored() returns text
language plpgsql
as $$
declare
  v_table regclass;
  v_rows text;
  v_all text := '';
begin
  for v_table in
    select c.oid::regclass from pg_class c
    where c.relnamespace = 'pawl'::regnamespace and c.relkind in ('r', 'p') order by c.relname
  loop
    execute format('select md5(coalesce(string_agg(t::text, E''\n'' order by t::text), '''')) from %s t', v_table)
      into v_rows;
    v_all := v_all || v_table::text || ' ' || v_rows || E'\n';
  end loop;
  return v_all;
end
$$;

-- The outcome of a statement that is to be refused, with a remark should it write all the same.
create function tests.refusal(p_who text, p_sql text) returns text
language plpgsql
as $$
declare
  v_before text := tests.stored();
  v_outcome text := tests.outcome(p_who, p_sql);
begin
  return v_outcome || case when tests.stored() <> v_before then ' (and something was written)' else '' end;
end
$$;

-- How many rows of a table, or of a query's from clause, someone sees; -1 when it is denied.
create function tests.visible(p_who text, p_from text) returns integer
language plpgsql
as $$
begin
  return tests.call(p_who, 'select to_jsonb(count(*)) from ' || p_from)::integer;
exception when insufficient_privilege then
  return -1;
end
$$;

-- What there is --------------------------------------------------------------------------------------------------------

-- An assistant with version 1 of a prompt and a rubric, and no placebos, in an organisation that is made with its first assistant.
create function tests.make_assistant(p_name text) returns void
language sql
as $$
  insert into pawl.organizations (id, slug, name)
    values (tests.id(split_part(p_name, '/', 1)), 'tests-' || split_part(p_name, '/', 1), split_part(p_name, '/', 1))
    on conflict (id) do nothing;
  insert into pawl.assistants (id, organization_id, slug, name)
    values (tests.id(p_name), tests.id(split_part(p_name, '/', 1)), split_part(p_name, '/', 2), p_name);
  insert into pawl.system_prompts (id, assistant_id, version, content, created_by, state)
    values (tests.id(p_name || ' v1'), tests.id(p_name), 1, 'Prompt 1 of ' || p_name, 'human', 'active');
  insert into pawl.rubrics (assistant_id, is_active, criteria)
    values (tests.id(p_name), true, '[{"key": "depth", "description": "d", "weight": 1, "anchors": ["1","2","3","4","5"]}]');
  -- No coin decides what a test sees.
  update pawl.loop_settings set placebo_share = 0 where assistant_id = tests.id(p_name);
$$;

-- A version that is not live, written by hand.
create function tests.make_version(p_assistant text, p_version integer) returns void
language sql
as $$
  insert into pawl.system_prompts (id, assistant_id, version, content, created_by)
    values (tests.id(p_assistant || ' v' || p_version), tests.id(p_assistant), p_version,
            format('Prompt %s of %s', p_version, p_assistant), 'human');
$$;

-- Puts a version to the test against the live one.
create function tests.put_to_test(p_assistant text, p_version integer) returns void
language sql
as $$
  select pawl.open_test(p, live.id) from pawl.system_prompts p, pawl.system_prompts live
  where p.assistant_id = tests.id(p_assistant) and p.version = p_version
    and live.assistant_id = p.assistant_id and live.is_active
$$;

-- Brings the running test into its proof, held up by p_held; p_proved: which is done, and says that it is better.
create function tests.hold(
  p_assistant text, p_held text default null, p_proved boolean default false, p_method text default 'replay'
) returns void
language sql
as $$
  update pawl.prompt_tests
    set state = 'proving', method = p_method, level = 0.01, proof_started_at = now(), held = p_held,
        verdict = case when p_proved then '{"decision": "promoted", "reason": "better", "case": {}, "ruling": {"log_e": 7.2},
          "observations": 0}'::jsonb end
    where assistant_id = tests.id(p_assistant) and state in ('screening', 'proving');
  update pawl.system_prompts set state = 'proving' where assistant_id = tests.id(p_assistant) and state = 'screening';
$$;

-- The receipt of a rejection of version 2 after p_pairs, p_age ago; p_document overrides what it says.
create function tests.make_receipt(
  p_name text, p_assistant text, p_age interval default '0', p_document jsonb default '{}', p_pairs integer default 1
) returns void
language sql
as $$
  insert into pawl.proof_observations (id, about_id, kind, stage, data)
    select tests.id(p_name || ' pair ' || n), tests.id(p_name || ' test'), 'pair', 'proving',
           jsonb_build_object('d', -1, 'first', -1, 'second', -1, 'longer', 0, 'question_type', 'other')
    from generate_series(1, p_pairs) n order by n;
  insert into pawl.promotion_receipts (
    id, at, organization_id, assistant_id, test_id, decision, reason, document, observation_ids, observations_digest)
  select tests.id(p_name), now() - p_age, a.organization_id, a.id, tests.id(p_name || ' test'), 'reject', 'worse',
         jsonb_build_object(
           'candidate', (select jsonb_build_object('version', p.version,
               'sha256', encode(sha256(convert_to(p.content, 'UTF8')), 'hex'))
             from pawl.system_prompts p where p.assistant_id = a.id and p.version = 2),
           'baseline', (select jsonb_build_object('version', p.version,
               'sha256', encode(sha256(convert_to(p.content, 'UTF8')), 'hex'))
             from pawl.system_prompts p where p.assistant_id = a.id and p.version = 1),
           'method', 'replay', 'placebo', false, 'ruling', '{"log_e": -0.5}'::jsonb) || p_document,
         o.ids, pawl.observations_digest(o.ids)
  from pawl.assistants a, (
    select array_agg(tests.id(p_name || ' pair ' || n) order by n) as ids from generate_series(1, p_pairs) n) o
  where a.id = tests.id(p_assistant);
$$;

create function tests.make_member(p_person text, p_organization text, p_role text default 'member') returns void
language sql
as $$
  insert into pawl.users (id) values (tests.id(p_person)) on conflict do nothing;
  insert into pawl.organization_members (organization_id, user_id, role)
    values (tests.id(p_organization), tests.id(p_person), p_role);
$$;

-- Answered turns 1 to p_count, the last the newest, each in a session of its own: `<label> 1` answers `To <label> 1`.
create function tests.make_answers(
  p_assistant text, p_count integer, p_label text default 'answer', p_age interval default '1 minute',
  p_version integer default 1
) returns void
language plpgsql
as $$
declare
  v_prompt uuid := (select id from pawl.system_prompts where assistant_id = tests.id(p_assistant) and version = p_version);
  v_name text;
  v_at timestamptz;
begin
  insert into pawl.users (id) values (tests.id('chatter')) on conflict do nothing;
  for n in 1 .. p_count loop
    v_name := p_assistant || ' ' || p_label || ' ' || n;
    v_at := now() - p_age + n * interval '1 millisecond';
    insert into pawl.sessions (id, organization_id, assistant_id, user_id, created_at)
      select tests.id(v_name || ' session'), a.organization_id, a.id, tests.id('chatter'), v_at
      from pawl.assistants a where a.id = tests.id(p_assistant);
    insert into pawl.messages (id, session_id, role, content, created_at, prompt_id, prompt_version) values
      (tests.id(v_name || ' question'), tests.id(v_name || ' session'), 'user', 'To ' || p_label || ' ' || n, v_at,
       v_prompt, p_version),
      (tests.id(v_name), tests.id(v_name || ' session'), 'assistant', p_label || ' ' || n, v_at, v_prompt, p_version);
    insert into pawl.turns (session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status,
                            created_at, finished_at)
      select s.id, s.organization_id, s.user_id, v_prompt, tests.id(v_name || ' question'), tests.id(v_name),
             'completed', v_at, v_at
      from pawl.sessions s where s.id = tests.id(v_name || ' session');
  end loop;
end
$$;

-- A session of a person's, last used p_age ago.
create function tests.make_session(p_name text, p_person text, p_assistant text, p_age interval default '0') returns void
language sql
as $$
  insert into pawl.sessions (id, organization_id, assistant_id, user_id, title, created_at, updated_at)
    select tests.id(p_name), a.organization_id, a.id, tests.id(p_person), p_name, now() - p_age, now() - p_age
    from pawl.assistants a where a.id = tests.id(p_assistant);
$$;

-- A turn of that session under its assistant's version 1, called `<session> <question>`; only a completed one has an
-- answer. Its one attempt began p_age ago.
create function tests.make_turn(
  p_session text, p_question text, p_answer text, p_status text default 'completed', p_age interval default '1 hour'
) returns void
language sql
as $$
  with session as (
    select s.*, p.id as prompt_id from pawl.sessions s
    join pawl.system_prompts p on p.assistant_id = s.assistant_id and p.version = 1 where s.id = tests.id(p_session)
  ), question as (
    insert into pawl.messages (session_id, role, content, created_at, prompt_id, prompt_version)
      select id, 'user', p_question, now() - p_age, prompt_id, 1 from session returning id
  ), answer as (
    insert into pawl.messages (session_id, role, content, created_at, prompt_id, prompt_version)
      select id, 'assistant', p_answer, now() - p_age, prompt_id, 1 from session where p_status = 'completed'
      returning id
  ), turn as (
    insert into pawl.turns (
      id, session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status, error_code,
      created_at, lease_expires_at)
    select tests.id(p_session || ' ' || p_question), s.id, s.organization_id, s.user_id, s.prompt_id, question.id,
           answer.id, p_status, case p_status when 'failed' then 'model_timeout' end, now() - p_age,
           now() - p_age + interval '150 seconds'
    from session s cross join question left join answer on true
    returning id, organization_id, user_id
  )
  insert into pawl.turn_attempts (turn_id, attempt, organization_id, user_id, begun_at)
    select id, 1, organization_id, user_id, now() - p_age from turn
$$;

-- A reflection's log row, and its id.
create function tests.make_reflection(
  p_assistant text, p_action text default 'prompt_update', p_version integer default 1, p_age interval default '0'
) returns uuid
language sql
as $$
  insert into pawl.reflection_logs (
    assistant_id, created_at, messages_analyzed, time_window_start, time_window_end, prompt_id,
    prompt_version_evaluated, action_taken, strengths, weaknesses, patterns_noticed)
  select p.assistant_id, now() - p_age, 5, now() - p_age - interval '1 day', now() - p_age, p.id, p.version, p_action,
         '{kind}', '{curt}', '{short questions}'
  from pawl.system_prompts p where p.assistant_id = tests.id(p_assistant) and p.version = p_version
  returning id;
$$;

-- Turns ----------------------------------------------------------------------------------------------------------------

-- p_options: further named arguments, `, p_assistant => 'helper'`.
create function tests.begin_turn(p_who text, p_message text, p_options text default '') returns jsonb
language sql
as $$ select tests.call(p_who, format('select public.pawl_begin_turn(%L %s)', p_message, p_options)) $$;

-- The statements that end an attempt, for `tests.outcome` and its kin; `a-model` is what was paid.
create function tests.complete_turn(
  p_turn uuid, p_attempt integer default 1, p_answer text default 'An answer', p_usage jsonb default '{}',
  p_options text default ''
) returns text
language sql
as $$
  select format('select public.pawl_complete_turn(%L, %L, %L, ''a-model'', ''end_turn'', %L, 333 %s)',
                p_turn, p_attempt, p_answer, p_usage, p_options)
$$;
create function tests.fail_turn(
  p_turn uuid, p_attempt integer default 1, p_code text default 'model_timeout', p_options text default ''
) returns text
language sql
as $$ select format('select public.pawl_fail_turn(%L, %L, %L %s)', p_turn, p_attempt, p_code, p_options) $$;

-- An answer to `<question>` in a session, that turn's exchange: made p_age ago and never settled.
create function tests.make_exchange(
  p_session text, p_question text, p_age interval default '1 hour', p_question_type text default 'how_to'
) returns void
language plpgsql
as $$
begin
  perform tests.make_turn(p_session, p_question, 'Answer to ' || p_question, 'completed', p_age);
  insert into pawl.exchanges (
    message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model, question_type,
    response_format, length_class, answer_characters, answered_at)
  select t.answer_message_id, s.organization_id, s.assistant_id, s.id, s.user_id, t.prompt_id, 1, 'a-model',
         p_question_type, 'prose', 'short', 20, now() - p_age
  from pawl.turns t join pawl.sessions s on s.id = t.session_id where t.id = tests.id(p_session || ' ' || p_question);
end
$$;

-- A learned pattern of an assistant's, in any state: `<value> of <assistant>`.
create function tests.make_pattern(
  p_assistant text, p_value text, p_state text default 'active', p_influence numeric default 0.5,
  p_confidence numeric default 0.8, p_question_type text default 'how_to'
) returns uuid
language sql
as $$
  insert into pawl.learned_patterns (
    id, organization_id, assistant_id, pattern_type, question_type, dimension, value, instruction, state, influence,
    confidence, baseline, prior_mean, prior_sd, trial_year, trial_started_at)
  select tests.id(p_value || ' of ' || p_assistant), a.organization_id, a.id, 'response_format', p_question_type,
         'format', p_value, case when p_state <> 'withdrawn' then 'Answer with a ' || p_value end, p_state,
         case when p_state in ('trial', 'active', 'warmdown') then p_influence else 0 end, p_confidence, 0, 0, 0.1, 2026,
         now()
  from pawl.assistants a where a.id = tests.id(p_assistant)
  returning id
$$;

-- The answer of the turn `<session> <question>`.
create function tests.answer(p_turn text) returns uuid
language sql
as $$ select answer_message_id from pawl.turns where id = tests.id(p_turn) $$;

-- The call that collects feedback: one entry a line, `<turn>: {"signal": …}`; what is not the name of a turn stands for
-- an id of nothing. p_options: further named arguments.
create function tests.collect_sql(p_lines text, p_options text default '') returns text
language sql
as $$
  select format('select public.pawl_collect_feedback(%L %s)', jsonb_agg(
      jsonb_build_object('message_id', coalesce(tests.answer(e.turn), tests.id(e.turn))) || e.said::jsonb order by n),
    p_options)
  from regexp_split_to_table(btrim(p_lines, E'
 '), '\s*\n\s*') with ordinality x (line, n),
    lateral (select split_part(line, ': ', 1) as turn, regexp_replace(line, '^[^:]*: ', '') as said) e
$$;
-- Its answer, without the outcome where that is ok.
create function tests.collect(p_who text, p_lines text, p_options text default '') returns jsonb
language sql
as $$
  select case r ->> 'outcome' when 'ok' then r - 'outcome' else r end
  from tests.call(p_who, tests.collect_sql(p_lines, p_options)) r
$$;

-- How many rows of conversations and their feedback a statement run as someone reads, through an index or not.
create function tests.rows_read(p_who text, p_sql text) returns bigint
language plpgsql
as $$
declare
  v_before bigint := tests.rows_read();
begin
  perform tests.call(p_who, p_sql);
  return tests.rows_read() - v_before;
end
$$;
create function tests.rows_read() returns bigint
language sql
as $$
  select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_xact_user_tables
  where schemaname = 'pawl'
    and relname in ('sessions', 'turns', 'turn_attempts', 'messages', 'exchanges', 'response_feedback',
                    'proof_observations')
$$;

-- Proving --------------------------------------------------------------------------------------------------------------

-- Answered questions 1 to p_count of a person's, the last the newest, each in a session of its own, many at once:
-- `<assistant> <label> <n>` is the turn, `… session` its session, `… answer` its answer's message.
create function tests.make_questions(
  p_assistant text, p_count integer, p_label text default 'question', p_person text default 'chatter',
  p_age interval default '1 day', p_version integer default 1
) returns void
language plpgsql
as $$
declare
  v_name text := p_assistant || ' ' || p_label || ' ';
  v_prompt uuid := (
    select id from pawl.system_prompts where assistant_id = tests.id(p_assistant) and version = p_version);
  v_organization uuid := (select organization_id from pawl.assistants where id = tests.id(p_assistant));
begin
  insert into pawl.users (id) values (tests.id(p_person)) on conflict do nothing;
  insert into pawl.sessions (id, organization_id, assistant_id, user_id, created_at)
    select tests.id(v_name || n || ' session'), v_organization, tests.id(p_assistant), tests.id(p_person), now() - p_age
    from generate_series(1, p_count) n;
  insert into pawl.messages (id, session_id, role, content, created_at, prompt_id, prompt_version)
    select tests.id(v_name || n || ' asked'), tests.id(v_name || n || ' session'), 'user', 'To ' || p_label || ' ' || n,
           now() - p_age, v_prompt, p_version
    from generate_series(1, p_count) n
    union all
    select tests.id(v_name || n || ' answer'), tests.id(v_name || n || ' session'), 'assistant', p_label || ' ' || n,
           now() - p_age, v_prompt, p_version
    from generate_series(1, p_count) n;
  insert into pawl.turns (
    id, session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status, created_at,
    finished_at)
    select tests.id(v_name || n), tests.id(v_name || n || ' session'), v_organization, tests.id(p_person), v_prompt,
           tests.id(v_name || n || ' asked'), tests.id(v_name || n || ' answer'), 'completed', now() - p_age,
           now() - p_age
    from generate_series(1, p_count) n;
  insert into pawl.exchanges (
    message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model, question_type,
    answer_characters, answered_at)
    select tests.id(v_name || n || ' answer'), v_organization, tests.id(p_assistant),
           tests.id(v_name || n || ' session'), tests.id(p_person), v_prompt, p_version, 'a-model', 'how_to', 20,
           now() - p_age + n * interval '1 millisecond'
    from generate_series(1, p_count) n;
end
$$;

-- A version in test, made if there is none of that number, with the lease in the hands of `w`: the test's id.
create function tests.open_test(p_assistant text, p_version integer default 2) returns uuid
language plpgsql
as $$
declare
  v_id uuid;
begin
  if not exists (
    select from pawl.system_prompts where assistant_id = tests.id(p_assistant) and version = p_version) then
    perform tests.make_version(p_assistant, p_version);
  end if;
  select pawl.open_test(c, b.id) into v_id from pawl.system_prompts c, pawl.system_prompts b
    where c.assistant_id = tests.id(p_assistant) and c.version = p_version
      and b.assistant_id = tests.id(p_assistant) and b.is_active;
  perform tests.hold_proof('w', p_assistant);
  return v_id;
end
$$;
create function tests.hold_proof(p_holder text, p_assistant text) returns void
language sql
as $$
  update pawl.leases set holder = tests.id(p_holder), expires_at = now() + interval '1 hour'
  where assistant_id = tests.id(p_assistant) and kind = 'proof'
$$;

-- What pawl_<p_function> answers the holder about a test, or an assistant. p_arguments: those after it, `, 5`.
create function tests.prove_sql(p_function text, p_about uuid, p_arguments text default '', p_holder text default 'w')
returns text
language sql
as $$ select format('select public.pawl_%s(%L, %L %s)', p_function, tests.id(p_holder), p_about, p_arguments) $$;
create function tests.prove(p_function text, p_about uuid, p_arguments text default '', p_holder text default 'w')
returns jsonb
language sql
as $$ select tests.call('service', tests.prove_sql(p_function, p_about, p_arguments, p_holder)) $$;

-- A test whose screening is passed, its proof begun by a method at a level of 1 % unless the ledger says otherwise.
create function tests.begin_proof(
  p_test uuid, p_method text, p_more jsonb default '{}', p_case jsonb default '{"kind": "screening"}',
  p_ruling jsonb default '{"decision": "pass", "reason": "passed"}'
) returns jsonb
language sql
as $$
  select tests.prove('begin_proof', p_test, format(', %L, %L, %L', jsonb_build_object(
      'method', p_method, 'level', 0.01, 'year', extract(year from pawl.today()), 'position', 1 + (
        select count(*) from pawl.prompt_tests t
        where t.assistant_id = (select x.assistant_id from pawl.prompt_tests x where x.id = p_test)
          and t.ledger_year = extract(year from pawl.today())),
      'expected_days', 3.5, 'expected_units', 400, 'words', 'About four days') || p_more, p_case, p_ruling))
$$;

-- Observed pairs or units of a test as they stand, and a worker's decision on them.
create function tests.observe(p_test uuid, p_stage text, p_kind text, p_data jsonb, p_count integer default 1)
returns void
language sql
as $$
  insert into pawl.proof_observations (about_id, kind, stage, data)
    select p_test, p_kind, p_stage, p_data from generate_series(1, p_count)
$$;
create function tests.decide(p_test uuid, p_decision text, p_reason text default 'better', p_holder text default 'w')
returns jsonb
language sql
as $$
  select tests.prove('decide_test', p_test, format(', %L, %L, %L, %L', p_decision, p_reason,
    jsonb_build_object('kind', 'replay', 'level', 0.01), jsonb_build_object(
      'decision', case p_decision when 'promoted' then 'promote' else 'reject' end, 'reason', p_reason, 'log_e', 4.7)),
    p_holder)
$$;

-- What there is to do --------------------------------------------------------------------------------------------------

-- p_options: further named arguments, `, p_force => true`.
create function tests.claim(p_holder text, p_assistant text, p_options text default '') returns jsonb
language plpgsql
as $$
begin
  -- A walk begins after the one before it, also by a clock that ticks in milliseconds.
  perform pg_sleep(0.002);
  return tests.call('service', format(
    'select public.pawl_claim_reflection(%L, p_organization_id => %L, p_assistant => %L %s)',
    tests.id(p_holder), tests.id(split_part(p_assistant, '/', 1)), nullif(split_part(p_assistant, '/', 2), ''), p_options));
end
$$;

create function tests.release(p_holder text, p_assistant text) returns text
language sql
as $$
  select tests.outcome('service', format(
    'select public.pawl_release_reflection(%L, %L)', tests.id(p_holder), tests.id(p_assistant)))
$$;

-- What an assistant needs: `judge`, `update`, or the reason why nothing. Leaves no lease behind.
create function tests.due(p_assistant text, p_options text default '') returns text
language plpgsql
as $$
declare
  v_claim jsonb := tests.claim('due', p_assistant, p_options);
begin
  perform tests.release('due', p_assistant);
  return coalesce(
    (select string_agg(key, ' and ') from jsonb_object_keys(v_claim #> '{claim,task}') key),
    (select string_agg(s ->> 'reason', ' and ') from jsonb_array_elements(v_claim -> 'skipped') s));
end
$$;

-- p_more overrides the plain reflection on version 1 that is recorded without it.
create function tests.record(p_holder text, p_assistant text, p_evaluations jsonb, p_more jsonb default '{}')
returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_record_reflection(%L, %L)', tests.id(p_holder),
    jsonb_build_object(
      'assistant_id', tests.id(p_assistant), 'prompt_id', tests.id(p_assistant || ' v1'),
      'window_start', now() - interval '1 day', 'window_end', now(), 'action', 'none', 'overall', 4.5,
      'criterion_scores', '{"depth": 4.5}'::jsonb, 'strengths', '["kind"]'::jsonb, 'weaknesses', '["curt"]'::jsonb,
      'patterns', '["short questions"]'::jsonb, 'judge_model', 'judge', 'raw_analysis', '{}'::jsonb,
      'suggestion', null, 'evaluations', p_evaluations) || p_more))
$$;

create function tests.evaluation(p_message text, p_overall numeric) returns jsonb
language sql
as $$
  select jsonb_build_object('message_id', tests.id(p_message), 'overall', p_overall, 'discarded', p_overall is null,
    'scores', '{"depth": {"score": 4, "evidence": "e", "valid": true}}'::jsonb)
$$;

create function tests.submit(p_reflection uuid, p_parent text, p_content text default 'Better') returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_submit_prompt(%L, %L, %L, %L, %L)',
    p_reflection, tests.id(p_parent), p_content, 'It was curt', 'rewriter'))
$$;

-- The versions that are live: exactly one, whatever happens.
create function tests.live(p_assistant text) returns text
language sql
as $$
  select string_agg(version::text, ' and ' order by version) from pawl.system_prompts
  where assistant_id = tests.id(p_assistant) and is_active
$$;

-- Lets every change of the live prompt have been long ago.
create function tests.age_changes(p_assistant text, p_age interval) returns void
language sql
as $$
  update pawl.system_prompts set created_at = now() - p_age, activated_at = activated_at - p_age
  where assistant_id = tests.id(p_assistant);
$$;

-- Steering -------------------------------------------------------------------------------------------------------------

-- A call of pawl_<p_function> by someone, because of 'a reason'. p_arguments are those before the reason.
create function tests.steer(p_who text, p_function text, p_arguments text default '') returns jsonb
language sql
as $$
  select tests.call(p_who, format('select public.pawl_%s(%s p_reason => ''a reason'')', p_function,
                                  coalesce(nullif(p_arguments, '') || ',', '')))
$$;

-- The same by a person, where it is to change something: {action, about, changed}, with a remark under `wrong` should
-- its one row of the audit log not say the same, and who, when and why.
create function tests.steered(p_who text, p_function text, p_arguments text default '') returns jsonb
language plpgsql
as $$
declare
  v_last bigint := (select coalesce(max(id), 0) from pawl.audit_log);
  v_begun timestamptz := clock_timestamp();
  v_answer jsonb := tests.steer(p_who, p_function, p_arguments);
  v_record jsonb;
begin
  select jsonb_agg(jsonb_build_object('audit_id', l.id, 'actor', l.actor, 'actor_id', l.actor_id, 'action', l.action,
      'detail', l.detail, 'reason', l.reason, 'now', l.at between v_begun and clock_timestamp(),
      'assistant', a.slug, 'its_organization', l.organization_id = a.organization_id))
    into v_record
    from pawl.audit_log l left join pawl.assistants a on a.id = l.assistant_id where l.id > v_last;
  return v_answer - '{outcome,assistant,audit_id}'::text[] || case
    when v_answer ->> 'outcome' <> 'ok' then jsonb_build_object('wrong', v_answer ->> 'outcome')
    when v_record is distinct from jsonb_build_array(jsonb_build_object('audit_id', v_answer -> 'audit_id',
      'actor', 'person', 'actor_id', tests.id(p_who), 'action', v_answer ->> 'action',
      'detail', (v_answer -> 'about') - 'missing' || jsonb_build_object('changed', v_answer -> 'changed'),
      'reason', 'a reason', 'now', true, 'assistant', v_answer -> 'assistant', 'its_organization', true)) then jsonb_build_object('wrong', v_record)
    else '{}' end;
end
$$;

-- The same where nothing is to change: its outcome and what else it says, with a remark should it write all the same.
-- `ok, nothing changed` is a call that need not have been made.
create function tests.unmoved(p_who text, p_function text, p_arguments text default '') returns text
language plpgsql
as $$
declare
  v_before text := tests.stored();
  v_answer jsonb := tests.steer(p_who, p_function, p_arguments);
begin
  return concat_ws(', ', v_answer ->> 'outcome',
    case when v_answer @> '{"changed": {}, "audit_id": null}' then 'nothing changed' end,
    nullif((v_answer - '{outcome,action,assistant,about,changed,audit_id}'::text[])::text, '{}'),
    case when tests.stored() <> v_before then 'and something was written' end);
end
$$;

-- The one suggestion that an assistant has of a type and status.
create function tests.suggestion(p_assistant text, p_status text, p_type text default 'prompt_change') returns uuid
language sql
as $$
  select id from pawl.suggestions
  where assistant_id = tests.id(p_assistant) and status = p_status and suggestion_type = p_type
$$;

-- A reflection on the live version that left findings for a person: the suggestion's id.
create function tests.make_suggestion(
  p_assistant text, p_age interval default '0', p_version integer default 1, p_type text default 'prompt_change'
) returns uuid
language sql
as $$
  with suggested as (
    insert into pawl.suggestions
      (assistant_id, created_at, reflection_log_id, suggestion_type, priority, title, description, proposed_change)
    values (tests.id(p_assistant), now() - p_age, tests.make_reflection(p_assistant, 'suggestion', p_version, p_age), p_type,
            'medium', 'Answers are curt', 'They stop early', 'Say more')
    returning id, reflection_log_id
  ), linked as (
    update pawl.reflection_logs l set suggestion_id = s.id from suggested s where l.id = s.reflection_log_id
  )
  select id from suggested
$$;

-- What comes of beginning the update of a reflection, and of submitting one, as one word each.
create function tests.begin_update(p_reflection uuid) returns text
language sql
as $$
  select concat_ws(' ', r ->> 'outcome', r ->> 'reason')
  from tests.call('service', format('select public.pawl_begin_update(%L)', p_reflection)) r
$$;
create function tests.submitted(p_reflection uuid, p_parent text, p_content text default 'Better') returns text
language sql
as $$ select concat_ws(' ', r ->> 'outcome', r ->> 'reason') from tests.submit(p_reflection, p_parent, p_content) r $$;

-- Learning -------------------------------------------------------------------------------------------------------------

-- An answer to a person in a session of its own, and its exchange: `<name>` answers `To <name>`. p_more overrides the
-- plain columns of the exchange.
create function tests.answered(
  p_name text, p_person text, p_assistant text default 'acme/default', p_age interval default '2 days',
  p_more jsonb default '{}'
) returns void
language plpgsql
as $$
begin
  insert into pawl.users (id) values (tests.id(p_person)) on conflict do nothing;
  perform tests.make_session(p_name || ' session', p_person, p_assistant, p_age);
  insert into pawl.messages (id, session_id, role, content, created_at, prompt_id, prompt_version) values
    (tests.id(p_name || ' question'), tests.id(p_name || ' session'), 'user', 'To ' || p_name, now() - p_age,
     tests.id(p_assistant || ' v1'), 1),
    (tests.id(p_name), tests.id(p_name || ' session'), 'assistant', p_name, now() - p_age,
     tests.id(p_assistant || ' v1'), 1);
  insert into pawl.turns (session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status,
                          created_at, finished_at)
    select s.id, s.organization_id, s.user_id, tests.id(p_assistant || ' v1'), tests.id(p_name || ' question'),
           tests.id(p_name), 'completed', now() - p_age, now() - p_age
    from pawl.sessions s where s.id = tests.id(p_name || ' session');
  insert into pawl.exchanges
    select (jsonb_populate_record(null::pawl.exchanges, jsonb_build_object(
      'message_id', tests.id(p_name), 'organization_id', s.organization_id, 'assistant_id', s.assistant_id,
      'session_id', s.id, 'user_id', s.user_id, 'prompt_id', tests.id(p_assistant || ' v1'), 'prompt_version', 1,
      'model', 'a-model', 'tools', '[]'::jsonb, 'patterns_shown', '[]'::jsonb, 'answered_at', now() - p_age,
      'revision', 0, 'answer_characters', 300) || p_more)).*
    from pawl.sessions s where s.id = tests.id(p_name || ' session');
end
$$;

-- What its person makes of an answer, in place of what they made of it before: the feedback's id. The answer waits again.
create function tests.react(p_name text, p_signal text, p_value numeric default null, p_source text default 'user')
returns uuid
language plpgsql
as $$
declare
  v_id uuid;
begin
  update pawl.response_feedback set superseded_at = now()
    where message_id = tests.id(p_name) and superseded_at is null and source = p_source
      and (signal = p_signal or (kind = 'thumb' and p_signal like 'thumbs%'));
  insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal, value, source)
    select message_id, organization_id, assistant_id, user_id, p_signal, p_value, p_source
    from pawl.exchanges where message_id = tests.id(p_name)
    returning id into v_id;
  update pawl.exchanges set revision = revision + 1, settled_at = null where message_id = tests.id(p_name);
  return v_id;
end
$$;

-- A pattern for questions about `how_to`, of the dimension format, unless p_more says otherwise.
create function tests.learned(
  p_name text, p_state text default 'active', p_more jsonb default '{}', p_assistant text default 'acme/default'
) returns void
language sql
as $$
  insert into pawl.learned_patterns
    select (jsonb_populate_record(null::pawl.learned_patterns, jsonb_build_object(
      'id', tests.id(p_name), 'organization_id', a.organization_id, 'assistant_id', a.id,
      'pattern_type', 'response_format', 'question_type', 'how_to', 'dimension', 'format', 'value', 'table',
      'instruction', case when p_state <> 'withdrawn' then 'Say ' || p_name end, 'state', p_state,
      'influence', case p_state when 'trial' then 0.5 when 'active' then 0.93 when 'warmdown' then 0.6 else 0 end,
      'confidence', 0.5, 'use_count', 0, 'signal_count', 12, 'prior_mean', 0.1, 'prior_sd', 0.2,
      'created_at', now() - interval '40 days', 'updated_at', now())
      || case when p_state <> 'candidate' then jsonb_build_object('baseline', 10, 'trial_year', 2026,
        'trial_started_at', now() - interval '30 days') else '{}' end || p_more)).*
    from pawl.assistants a where a.id = tests.id(p_assistant);
$$;

create function tests.exposed(p_pattern text, p_name text, p_shown boolean default true, p_propensity real default 0.5)
returns void
language sql
as $$
  insert into pawl.pattern_exposures (pattern_id, message_id, user_id, shown, propensity, answered_at)
    select tests.id(p_pattern), message_id, user_id, p_shown, p_propensity, answered_at
    from pawl.exchanges where message_id = tests.id(p_name);
$$;

create function tests.claim_learning(p_holder text, p_assistant text default 'acme/default', p_options text default '')
returns jsonb
language plpgsql
as $$
begin
  perform pg_sleep(0.002);
  return tests.call('service', format(
    'select public.pawl_claim_learning(%L, p_organization_id => %L, p_assistant => %L %s)',
    tests.id(p_holder), tests.id(split_part(p_assistant, '/', 1)), nullif(split_part(p_assistant, '/', 2), ''), p_options));
end
$$;

create function tests.settle(
  p_holder text, p_assistant text default 'acme/default', p_settled jsonb default '[]', p_evidence jsonb default '[]',
  p_limit integer default 1000
) returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_settle(%L, %L, %L, %L, %s)',
    tests.id(p_holder), tests.id(p_assistant), p_settled, p_evidence, p_limit))
$$;

-- Simple sums in place of pawl-core's: what a page's answers come to, and what an answer of a signal says of a pattern.
create function tests.signals_of(p_page jsonb) returns jsonb
language sql
as $$
  select coalesce(jsonb_agg(jsonb_build_object('message_id', e -> 'message_id', 'revision', e -> 'revision', 'signal',
    case e #>> '{reactions,thumb}' when 'up' then 100 when 'down' then -100 else 0 end
    + case when (e #>> '{reactions,copied}')::boolean and e #>> '{reactions,thumb}' is null then 30 else 0 end)), '[]')
  from jsonb_array_elements(p_page) e
$$;
create function tests.said(p_signal integer, p_baseline integer, p_shown boolean, p_propensity numeric)
returns bigint[]
language sql
as $$
  select case when p_signal is null then array[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]::bigint[] else
    array[1, p_shown::integer, p_shown::integer * p_signal, p_propensity * (1 - p_propensity) * 1000000, z, z * z,
          z * 1, z * 2, z * 3, z * 4]::bigint[] end
  from (select ((p_shown::integer - p_propensity) * (p_signal - p_baseline))::bigint as z) x
$$;
-- Those sums as the evidence of a page that is now settled.
create function tests.evidence_of(p_page jsonb, p_settled jsonb) returns jsonb
language sql
as $$
  select coalesce(jsonb_agg(jsonb_build_object('message_id', e -> 'message_id', 'pattern_id', x -> 'pattern_id',
    'n', d[1], 'shown', d[2], 'shown_sum', d[3], 'info', d[4], 'z', d[5], 'zz', d[6],
    'wealth', jsonb_build_array(d[7], d[8], d[9], d[10]))), '[]')
  from jsonb_array_elements(p_page) e
  join jsonb_array_elements(p_settled) s on s -> 'message_id' = e -> 'message_id'
  cross join lateral jsonb_array_elements(e -> 'exposures') x
  cross join lateral (
    select array_agg(a - b order by n) as d
    from unnest(
      tests.said((s ->> 'signal')::integer, (x ->> 'baseline')::integer, (x ->> 'shown')::boolean, (x ->> 'propensity')::numeric),
      tests.said((e ->> 'signal')::integer, (x ->> 'baseline')::integer, (x ->> 'shown')::boolean, (x ->> 'propensity')::numeric))
      with ordinality u (a, b, n)) y
$$;
-- Stores a page that was read before, and answers the next.
create function tests.settle_page(p_holder text, p_assistant text, p_page jsonb, p_limit integer default 1000)
returns jsonb
language sql
as $$
  select tests.settle(p_holder, p_assistant, s, tests.evidence_of(p_page, s), p_limit)
  from tests.signals_of(p_page) s
$$;
-- Page by page until nothing waits: how many answers there were.
create function tests.settle_all(p_holder text, p_assistant text default 'acme/default', p_limit integer default 1000)
returns integer
language plpgsql
as $$
declare
  v_page jsonb := '[]';
  v_answers integer := 0;
begin
  loop
    v_page := tests.settle_page(p_holder, p_assistant, v_page, p_limit) -> 'page';
    v_answers := v_answers + jsonb_array_length(v_page);
    exit when v_page = '[]' or v_answers > 10000;
  end loop;
  return v_answers;
end
$$;

-- A pattern's evidence, by person and, oldest first, period: `ann: 2 1 100 …`.
create function tests.evidence(p_pattern text) returns text
language sql
as $$
  select string_agg(format('%s: %s', coalesce(name, v.user_id::text),
    concat_ws(' ', n, shown, shown_sum, info, z, zz, wealth_1, wealth_2, wealth_3, wealth_4)), ', ' order by name, period)
  from pawl.pattern_evidence v
  left join unnest('{ann,bob,cat,dan,eve}'::text[]) name on tests.id(name) = v.user_id
  where v.pattern_id = tests.id(p_pattern)
$$;

create function tests.look(p_holder text, p_assistant text default 'acme/default') returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_learning_look(%L, %L)', tests.id(p_holder), tests.id(p_assistant)))
    -> 'look'
$$;

-- p_more overrides a run in which nothing happened.
create function tests.record_learning(p_holder text, p_more jsonb default '{}', p_assistant text default 'acme/default')
returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_record_learning(%L, %L, %L)', tests.id(p_holder),
    tests.id(p_assistant), jsonb_build_object(
      'run_id', (select id from pawl.learning_runs where assistant_id = tests.id(p_assistant)
                 order by finished_at desc nulls first limit 1),
      'message', 'Nothing new.', 'crash', null, 'satisfaction', null, 'votes_up', 0, 'votes_down', 0,
      'patterns', '[]'::jsonb, 'candidates', '[]'::jsonb) || p_more))
$$;

-- Training -------------------------------------------------------------------------------------------------------------

create function tests.hold_training(p_holder text default 'w', p_assistant text default 'acme/default') returns void
language sql
as $$
  update pawl.leases set holder = tests.id(p_holder), expires_at = now() + interval '1 hour'
  where assistant_id = tests.id(p_assistant) and kind = 'training'
$$;

-- What pawl_<p_function> answers the holder about an assistant, or a model version. p_arguments: those after it, `, 5`.
create function tests.train(
  p_function text, p_arguments text default '', p_about text default 'acme/default', p_holder text default 'w'
) returns jsonb
language sql
as $$
  select tests.call('service', format(
    'select public.pawl_%s(%L, %L %s)', p_function, tests.id(p_holder), tests.id(p_about), p_arguments))
$$;

-- What has become of an answer, as a worker tells it: p_content is the text that it and others may have in common;
-- p_more overrides the rest.
create function tests.collected(
  p_name text, p_score double precision default 1, p_content text default null, p_more jsonb default '{}'
) returns jsonb
language sql
as $$
  select jsonb_build_object(
    'message_id', e.message_id, 'revision', e.revision,
    'input_hash', encode(sha256(convert_to('To ' || c.text, 'UTF8')), 'hex'),
    'content_hash', encode(sha256(convert_to(c.text, 'UTF8')), 'hex'),
    'input', jsonb_build_object('messages', jsonb_build_array(jsonb_build_object('role', 'user', 'content', 'To ' || p_name))),
    'output', jsonb_build_object('content', p_name), 'masked', '{}'::jsonb,
    'score', p_score, 'validated', true, 'source', 'user') || p_more
  from pawl.exchanges e, (values (coalesce(p_content, p_name))) c (text) where e.message_id = tests.id(p_name)
$$;
-- Those stored; how many counted.
create function tests.collect_all(p_entries jsonb, p_assistant text default 'acme/default', p_holder text default 'w')
returns integer
language sql
as $$
  select (tests.train('training_page', format(', %L, 0', p_entries), p_assistant, p_holder) ->> 'stored')::integer
$$;
-- An answer that a person made something of, collected with a score; its question and content may be another's.
create function tests.taught(
  p_name text, p_person text default 'ann', p_score double precision default 1, p_content text default null,
  p_more jsonb default '{}', p_assistant text default 'acme/default'
) returns void
language plpgsql
as $$
begin
  perform tests.answered(p_name, p_person, p_assistant, p_more => '{"question_type": "how_to"}'),
          tests.react(p_name, 'thumbs_up'),
          tests.collect_all(jsonb_build_array(tests.collected(p_name, p_score, p_content, p_more)), p_assistant);
end
$$;
-- The rows there are, by the name that their text has: `a 0.75 2 validated user`.
create function tests.rows_taught(p_assistant text default 'acme/default') returns text
language sql
as $$
  select string_agg(concat_ws(' ', t.output ->> 'content', t.feedback_score, t.votes,
    case when t.is_validated then 'validated' end, t.source), ', ' order by t.output ->> 'content')
  from pawl.training_data t where t.assistant_id = tests.id(p_assistant)
$$;

-- Models ---------------------------------------------------------------------------------------------------------------

-- A model version of an assistant, as far as a status says: 'acme/default m1'. Sealed ones have two parts and a webhook.
create function tests.make_model(p_assistant text, p_number integer, p_status text) returns void
language plpgsql
as $$
declare
  v_id constant uuid := tests.id(p_assistant || ' m' || p_number);
  v_path constant text := p_assistant || '/v' || p_number;
begin
  insert into pawl.model_versions (
    id, organization_id, assistant_id, model_name, number, version, status, reason, base_model, prompt_id, config,
    manifest, manifest_sha256, samples, base_url, model, finished_at)
  select v_id, a.organization_id, a.id, a.slug, p_number, 'v' || p_number, p_status,
         case p_status when 'failed' then 'trainer_failed' end, 'claude-sonnet-5-5', p.id,
         '{"filters": {"quality": 0.7}}', s.manifest, s.sha256, case when s.sha256 is not null then 3 end,
         t.base_url, t.model,
         case when p_status in ('failed', 'rejected', 'deployed', 'retired', 'rolled_back') then now() end
  from pawl.assistants a
  left join pawl.system_prompts p on p.assistant_id = a.id and p.is_active
  left join (select '{"format": "pawl-dataset/1"}'::jsonb, repeat('a', 64)) s (manifest, sha256)
    on p_status <> 'curating'
  left join (select 'https://models.example.com:8443/v1', 'tuned-' || p_number) t (base_url, model)
    on p_status not in ('curating', 'pending', 'training', 'failed')
  where a.id = tests.id(p_assistant);
  if p_status <> 'curating' then
    -- As many rows as there are: none is gone.
    insert into pawl.dataset_parts (model_version_id, number, split, path, rows, bytes, sha256, cursor)
      values (v_id, 1, 'train', v_path || '/train-00001.jsonl', 0, 200, repeat('b', 64), v_id),
             (v_id, 1, 'held_out', v_path || '/held-out-00001.jsonl', 0, 100, repeat('c', 64), v_id);
    insert into pawl.webhook_deliveries (model_version_id, webhook_id, state)
      values (v_id, 'msg_' || replace(v_id::text, '-', ''),
              case p_status when 'pending' then 'waiting' else 'delivered' end);
  end if;
end
$$;

-- How it stands with a model version: its status, and the reason.
create function tests.model(p_assistant text, p_number integer) returns text
language sql
as $$
  select concat_ws(' ', m.status, m.reason) from pawl.model_versions m
  where m.id = tests.id(p_assistant || ' m' || p_number)
$$;

-- Puts a trained model to the test, its proof lease with `w`: the test's id.
create function tests.test_model(p_assistant text, p_number integer) returns uuid
language sql
as $$
  select tests.hold_training('w', p_assistant), tests.hold_proof('w', p_assistant);
  select tests.train('open_model_test', '', p_assistant || ' m' || p_number);
  select t.id from pawl.prompt_tests t
  where t.assistant_id = tests.id(p_assistant) and t.state in ('screening', 'proving')
$$;

-- Makes a trained model live as though it had proved itself: its version's number.
create function tests.deploy_model(p_assistant text, p_number integer) returns integer
language sql
as $$
  select tests.begin_proof(tests.test_model(p_assistant, p_number), 'replay');
  select (tests.decide(t.id, 'promoted') -> 'version')::integer from pawl.prompt_tests t
  where t.assistant_id = tests.id(p_assistant) and t.state = 'proving'
$$;

commit;

begin;
select plan(3);
select is(tests.call('service', $$select to_jsonb(current_setting('role'))$$), '"service_role"', 'a call takes on the role');
select is(current_setting('role'), 'none', 'and gives it back');
select is(tests.call('ann', 'select to_jsonb(auth.uid())') #>> '{}', tests.id('ann')::text, 'a person signs in by name');
select * from finish();
rollback;
