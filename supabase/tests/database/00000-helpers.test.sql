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

-- An assistant with version 1 of a prompt and a rubric, in an organisation that is made with its first assistant.
create function tests.make_assistant(p_name text) returns void
language sql
as $$
  insert into pawl.organizations (id, slug, name)
    values (tests.id(split_part(p_name, '/', 1)), 'tests-' || split_part(p_name, '/', 1), split_part(p_name, '/', 1))
    on conflict (id) do nothing;
  insert into pawl.assistants (id, organization_id, slug, name)
    values (tests.id(p_name), tests.id(split_part(p_name, '/', 1)), split_part(p_name, '/', 2), p_name);
  insert into pawl.system_prompts (id, assistant_id, version, content, created_by, is_active)
    values (tests.id(p_name || ' v1'), tests.id(p_name), 1, 'Prompt 1 of ' || p_name, 'human', true);
  insert into pawl.rubrics (assistant_id, is_active, criteria)
    values (tests.id(p_name), true, '[{"key": "depth", "description": "d", "weight": 1, "anchors": ["1","2","3","4","5"]}]');
$$;

-- A version that is not live, written by hand.
create function tests.make_version(p_assistant text, p_version integer) returns void
language sql
as $$
  insert into pawl.system_prompts (id, assistant_id, version, content, created_by)
    values (tests.id(p_assistant || ' v' || p_version), tests.id(p_assistant), p_version,
            format('Prompt %s of %s', p_version, p_assistant), 'human');
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

-- How many rows of sessions, turns, their attempts and messages a statement run as someone reads, through an index or not.
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
  where schemaname = 'pawl' and relname in ('sessions', 'turns', 'turn_attempts', 'messages')
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

create function tests.publish(p_reflection uuid, p_parent text, p_content text default 'Better') returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_publish_prompt(%L, %L, %L, %L, %L)',
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

-- What comes of beginning the update of a reflection, and of publishing one, as one word each.
create function tests.begin_update(p_reflection uuid) returns text
language sql
as $$
  select concat_ws(' ', r ->> 'outcome', r ->> 'reason')
  from tests.call('service', format('select public.pawl_begin_update(%L)', p_reflection)) r
$$;
create function tests.published(p_reflection uuid, p_parent text, p_content text default 'Better') returns text
language sql
as $$ select concat_ws(' ', r ->> 'outcome', r ->> 'reason') from tests.publish(p_reflection, p_parent, p_content) r $$;

commit;

begin;
select plan(3);
select is(tests.call('service', $$select to_jsonb(current_setting('role'))$$), '"service_role"', 'a call takes on the role');
select is(current_setting('role'), 'none', 'and gives it back');
select is(tests.call('ann', 'select to_jsonb(auth.uid())') #>> '{}', tests.id('ann')::text, 'a person signs in by name');
select * from finish();
rollback;
