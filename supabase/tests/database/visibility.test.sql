-- Which rows a person would see of tables they may read, should the owner expose the schema.
begin;
select plan(74);

select tests.make_assistant('acme/default'), tests.make_assistant('globex/default');
select tests.make_member('ann', 'acme'), tests.make_member('bea', 'acme'), tests.make_member('amy', 'acme', 'admin'),
       tests.make_member('otto', 'acme', 'owner'), tests.make_member('gus', 'globex', 'admin');
-- Ann has one session with two answers, Bea one with one, Gus's organisation one.
insert into pawl.sessions (id, organization_id, assistant_id, user_id)
  select tests.id(person || ' session'), tests.id(org), tests.id(org || '/default'), tests.id(person)
  from (values ('ann', 'acme'), ('bea', 'acme'), ('gus', 'globex')) v (person, org);
create function pg_temp.answer(p_session text, p_prompt text, p_name text) returns void
language sql
as $$
  insert into pawl.messages (id, session_id, role, content, prompt_id) values
    (tests.id(p_name || ' question'), tests.id(p_session), 'user', 'q', tests.id(p_prompt)),
    (tests.id(p_name), tests.id(p_session), 'assistant', 'a', tests.id(p_prompt));
  insert into pawl.turns (session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status)
    select s.id, s.organization_id, s.user_id, tests.id(p_prompt), tests.id(p_name || ' question'), tests.id(p_name),
           'completed'
    from pawl.sessions s where s.id = tests.id(p_session);
$$;
select pg_temp.answer('ann session', 'acme/default v1', 'a1'), pg_temp.answer('ann session', 'acme/default v1', 'a2'),
       pg_temp.answer('bea session', 'acme/default v1', 'b1'), pg_temp.answer('gus session', 'globex/default v1', 'g1');
-- One reflection an organisation, with an evaluation and a suggestion.
insert into pawl.message_evaluations (message_id, reflection_log_id, prompt_id, overall)
  values (tests.id('a1'), tests.make_reflection('acme/default'), tests.id('acme/default v1'), 3),
         (tests.id('g1'), tests.make_reflection('globex/default'), tests.id('globex/default v1'), 3);
insert into pawl.suggestions (assistant_id, reflection_log_id, suggestion_type, priority, title, description)
  select assistant_id, id, 'prompt_change', 'low', 't', 'd' from pawl.reflection_logs
  where assistant_id in (tests.id('acme/default'), tests.id('globex/default'));

select is(tests.visible(who, 'pawl.' || name), rows, format('%s sees %s of %s', who, rows, name))
from (values
  -- Themselves, and where they belong; the prompt's text and what is thought of the answers is not for them.
  ('ann', 'users', 1), ('ann', 'organizations', 1), ('ann', 'organization_members', 1), ('ann', 'assistants', 1),
  ('ann', 'sessions', 1), ('ann', 'messages', 4), ('ann', 'turns', 2),
  ('ann', 'system_prompts', 0), ('ann', 'rubrics', 0), ('ann', 'loop_settings', 0), ('ann', 'reflection_logs', 0),
  ('ann', 'message_evaluations', 0), ('ann', 'suggestions', 0),
  -- The whole organisation, and nothing of the other.
  ('amy', 'users', 1), ('amy', 'organizations', 1), ('amy', 'organization_members', 4), ('amy', 'assistants', 1),
  ('amy', 'sessions', 2), ('amy', 'messages', 6), ('amy', 'turns', 3),
  ('amy', 'system_prompts', 1), ('amy', 'rubrics', 1), ('amy', 'loop_settings', 1), ('amy', 'reflection_logs', 1),
  ('amy', 'message_evaluations', 1), ('amy', 'suggestions', 1),
  ('otto', 'sessions', 2), ('otto', 'system_prompts', 1), ('otto', 'reflection_logs', 1), ('otto', 'suggestions', 1),
  -- A stranger who signed up, and a token that names nobody.
  ('stranger', 'users', 0), ('stranger', 'organizations', 0), ('stranger', 'sessions', 0), ('stranger', 'messages', 0),
  ('stranger', 'system_prompts', 0), ('nobody', 'sessions', 0), ('nobody', 'users', 0), ('nobody', 'system_prompts', 0),
  ('ann', 'leases', -1), ('amy', 'leases', -1), ('ann', 'idempotency_keys', -1), ('amy', 'idempotency_keys', -1),
  ('ann', 'turn_attempts', -1), ('amy', 'turn_attempts', -1)
) v (who, name, rows);

select is(tests.visible('gus', format('pawl.%s where %s', name, condition)), 0, 'another''s admin sees none of ' || name)
from (values
  ('sessions', format('organization_id = %L', tests.id('acme'))),
  ('messages', format('session_id = %L', tests.id('ann session'))),
  ('turns', format('session_id = %L', tests.id('ann session'))),
  ('system_prompts', format('assistant_id = %L', tests.id('acme/default'))),
  ('loop_settings', format('assistant_id = %L', tests.id('acme/default'))),
  ('reflection_logs', format('assistant_id = %L', tests.id('acme/default'))),
  ('suggestions', format('assistant_id = %L', tests.id('acme/default'))),
  ('message_evaluations', format('message_id = %L', tests.id('a1'))),
  ('organization_members', format('organization_id = %L', tests.id('acme')))
) v (name, condition);
select is(tests.visible('gus', 'pawl.sessions'), 1, 'and sees what is theirs');

-- What was said in a session that was deleted is for nobody, though there was a session.
update pawl.sessions set deleted_at = now() where id = tests.id('bea session');
select is(tests.visible(who, format('pawl.%s where %s = %L', name, key, tests.id('bea session'))), rows,
          format('%s sees %s of %s of a deleted session', who, rows, name))
from (values ('bea', 1), ('amy', 1), ('ann', 0)) v (who, there),
  lateral (values ('sessions', 'id', there), ('messages', 'session_id', 0), ('turns', 'session_id', 0)) t (name, key, rows);
select is(tests.visible('amy', 'pawl.' || name), rows, format('an admin sees the others'' %s still', name))
from (values ('messages', 4), ('turns', 2)) v (name, rows);
select is(tests.visible('service', format('pawl.messages where session_id = %L', tests.id('bea session'))), 2,
  'service_role sees them until they are swept away');
update pawl.sessions set deleted_at = null where id = tests.id('bea session');

-- Reading is all, but for a title and a deletion (sessions.test.sql): rows change through the functions only.
select is(tests.outcome('amy', sql), 'permission denied', 'an admin cannot ' || left(sql, 40))
from unnest(array[
  'insert into pawl.organizations (slug, name) values (''x'', ''x'') returning to_jsonb(id)',
  'update pawl.organization_members set role = ''owner'' returning to_jsonb(role)',
  'update pawl.system_prompts set is_active = false returning to_jsonb(id)',
  'update pawl.loop_settings set updates_paused = false returning to_jsonb(assistant_id)',
  'delete from pawl.reflection_logs returning to_jsonb(id)']) sql;

select is_empty(
  $$select c.relname from pg_class c
    where c.relnamespace = 'pawl'::regnamespace and c.relkind = 'r' and tests.visible('anon', c.oid::regclass::text) <> -1$$,
  'anon reads no table');
select is(
  tests.visible('service', format('pawl.sessions where organization_id in (%L, %L)', tests.id('acme'), tests.id('globex'))),
  3, 'service_role sees every organisation');
select is(tests.visible('service', format('pawl.system_prompts where id = %L', tests.id('globex/default v1'))), 1,
  'and the prompts');

select * from finish();
rollback;
