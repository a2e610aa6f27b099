-- Who may steer, and look at what there is to steer: whoever may not is refused and nothing is written; whoever may is
-- recorded as who they are. A new function is one row of `functions`.
begin;
select plan(880);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2),
       tests.make_assistant('globex/default'), tests.make_assistant('acme/tested'), tests.make_version('acme/tested', 2),
       tests.put_to_test('acme/tested', 2), tests.make_receipt('a receipt', 'acme/default');
select tests.make_member('amy', 'acme', 'admin'), tests.make_member('otto', 'acme', 'owner'),
       tests.make_member('max', 'acme'),
       tests.make_member('gus', 'globex', 'admin'), tests.make_member('half', 'acme'), tests.make_member('half', 'globex', 'admin'),
       tests.make_member('two', 'acme', 'admin'), tests.make_member('two', 'globex', 'owner');
insert into pawl.users (id) values (tests.id('stranger'));
update pawl.loop_settings set updates_paused = true;
create temp table suggestion as select tests.make_suggestion('acme/default') as id;
select tests.learned('a pattern');

-- Each changes something when it is obeyed. %1$L is the organisation named, %2$L the person acted for. `kind` is steer,
-- look, status (which shows all organisations where none is named), or suggestion, pattern and receipt (which name their
-- organisation by themselves).
create temp table functions (name text primary key, kind text, arguments text);
insert into functions values
  ('pause_updates', 'steer', 'now() + interval ''1 day'''),
  ('resume_updates', 'steer', null),
  ('require_approval', 'steer', null),
  ('protect_clauses', 'steer', '''{Never swear.}'''),
  ('activate_prompt', 'steer', '2'),
  ('rollback_prompt', 'steer', '2'),
  ('write_prompt', 'steer', '''Better'''),
  ('lock_prompt', 'steer', null),
  ('approve_version', 'steer', '2, p_assistant => ''tested'''),
  ('reject_version', 'steer', '2, p_assistant => ''tested'''),
  ('force_version', 'steer', '2'),
  ('test_version', 'steer', '2'),
  ('approve_suggestion', 'suggestion', quote_literal((select id from suggestion))),
  ('reject_suggestion', 'suggestion', quote_literal((select id from suggestion))),
  ('revert_pattern', 'pattern', quote_literal(tests.id('a pattern'))),
  ('status', 'status', null),
  ('list_versions', 'look', null),
  ('get_version', 'look', null),
  ('list_suggestions', 'look', null),
  ('list_events', 'look', null),
  ('list_patterns', 'look', null),
  ('list_queue', 'look', null),
  ('list_receipts', 'look', null),
  ('list_runs', 'look', null),
  ('analyze_feedback', 'look', null),
  ('list_models', 'look', null),
  ('list_drift', 'look', null),
  ('get_receipt', 'receipt', quote_literal(tests.id('a receipt')));
create temp view calls as
  select name, kind, format('select public.pawl_%s(%s)', name, concat_ws(', ', arguments,
    case when kind not in ('suggestion', 'pattern', 'receipt') then 'p_organization_id => %1$L' end, 'p_user_id => %2$L')) as sql
  from functions;
select is(
  (select array_agg(p.proname::text order by p.proname) from pg_proc p
   where p.pronamespace = 'public'::regnamespace and p.proname like 'pawl\_%'
     and p.prosrc ~ 'pawl\.(steer|steer_of|take_hold|take_hold_of|take_hold_of_suggestion)\('),
  (select array_agg('pawl_' || name order by 'pawl_' || name) from functions), 'every function that people steer by is here');

-- Who, naming which organisation, for whom, and what comes of it: `by` is who the record says it was.
create temp table callers (who text, organization text, person text, steer text, suggestion text, status text, by text);
insert into callers values
  ('amy',      null,     null,       'ok', 'ok', 'ok', 'person amy'),
  ('amy',      'acme',   null,       'ok', 'ok', 'ok', 'person amy'),
  ('otto',     'acme',   null,       'ok', 'ok', 'ok', 'person otto'),
  ('two',      'acme',   null,       'ok', 'ok', 'ok', 'person two'),
  ('two',      null,     null,       'organization_required', 'ok', 'ok', 'person two'),
  ('half',     null,     null,       'organization_required', 'forbidden', 'ok', null),
  ('half',     'acme',   null,       'forbidden', 'forbidden', 'forbidden', null),
  ('max',      null,     null,       'forbidden', 'forbidden', 'forbidden', null),
  ('max',      'acme',   null,       'forbidden', 'forbidden', 'forbidden', null),
  ('gus',      'acme',   null,       'organization_not_found', 'suggestion_not_found', 'organization_not_found', null),
  ('stranger', 'acme',   null,       'organization_not_found', 'suggestion_not_found', 'organization_not_found', null),
  ('amy',      'nowhere', null,      'organization_not_found', 'ok', 'organization_not_found', 'person amy'),
  ('nobody',   'acme',   null,       'unauthorized', 'unauthorized', 'unauthorized', null),
  ('nobody',   'acme',   'amy',      'unauthorized', 'unauthorized', 'unauthorized', null),
  ('anon',     'acme',   null,       'permission denied', 'permission denied', 'permission denied', null),
  ('anon',     'acme',   'amy',      'permission denied', 'permission denied', 'permission denied', null),
  ('amy',      'acme',   'amy',      'user_not_allowed', 'user_not_allowed', 'user_not_allowed', null),
  ('max',      'acme',   'amy',      'user_not_allowed', 'user_not_allowed', 'user_not_allowed', null),
  ('service',  'acme',   null,       'ok', 'ok', 'ok', 'service'),
  ('service',  null,     null,       'organization_required', 'ok', 'ok', 'service'),
  ('service',  'nowhere', null,      'organization_not_found', 'ok', 'organization_not_found', 'service'),
  ('service',  null,     'amy',      'ok', 'ok', 'ok', 'service amy'),
  ('service',  'acme',   'max',      'forbidden', 'forbidden', 'forbidden', null),
  ('service',  'acme',   'gus',      'organization_not_found', 'suggestion_not_found', 'organization_not_found', null),
  ('service',  'acme',   'stranger', 'organization_not_found', 'suggestion_not_found', 'organization_not_found', null),
  ('operator', 'acme',   null,       'ok', 'ok', 'ok', 'operator'),
  ('operator', null,     null,       'organization_required', 'ok', 'ok', 'operator'),
  ('operator', 'acme',   'amy',      'ok', 'ok', 'ok', 'operator amy'),
  ('operator', 'acme',   'max',      'forbidden', 'forbidden', 'forbidden', null);

-- What comes of a call, which is taken back: its outcome, and the actor of each record it left.
create function pg_temp.attempt(p_who text, p_sql text) returns text
language plpgsql
as $$
declare
  v_before text := tests.stored();
  v_last bigint := (select coalesce(max(id), 0) from pawl.audit_log);
  v_said text;
begin
  v_said := tests.outcome(p_who, p_sql);
  v_said := concat_ws(', ', v_said,
    (select string_agg(concat_ws(' ', 'by', l.actor, (
        select who from unnest('{amy,otto,two,half,max,gus,stranger}'::text[]) who where tests.id(who) = l.actor_id)), ', ')
     from pawl.audit_log l where l.id > v_last),
    case when tests.stored() <> v_before then 'written' end);
  raise exception using errcode = 'TTTTT', message = v_said;
exception when sqlstate 'TTTTT' then
  return sqlerrm;
end
$$;

select is(
    pg_temp.attempt(w.who, format(c.sql, tests.id(w.organization), tests.id(w.person))),
    case
      when expected <> 'ok' or c.kind in ('look', 'status', 'receipt') then expected
      else format('ok, by %s, written', w.by)
    end,
    format('%s: %s names %s for %s', c.name, w.who, coalesce(w.organization, 'nothing'), coalesce(w.person, 'nobody')))
from callers w cross join calls c
cross join lateral (
  select case when c.kind = 'suggestion' then w.suggestion
    when c.kind in ('pattern', 'receipt') then replace(w.suggestion, 'suggestion', c.kind)
    when c.kind = 'status' then w.status else w.steer end as expected) e;

-- Whoever has signed in as somebody else of the database is nobody, although they may execute all of it: as a role taken
-- on, and as the login itself, which `postgres` may pretend only where it is a superuser.
create role pawl_tests_foreign;
grant usage on schema public to pawl_tests_foreign;
do $$
declare f regprocedure;
begin
  for f in select oid from pg_proc where pronamespace = 'public'::regnamespace and proname like 'pawl\_%' loop
    execute format('grant execute on function %s to pawl_tests_foreign', f);
  end loop;
end
$$;
create function pg_temp.outcome_as(p_setting text, p_sql text) returns text
language plpgsql
as $$
declare
  v_self text := session_user;
  v_answer jsonb;
begin
  perform tests.become('operator'), set_config(p_setting, 'pawl_tests_foreign', true);
  execute p_sql into v_answer;
  perform set_config(p_setting, case p_setting when 'role' then 'none' else v_self end, true);
  return v_answer ->> 'outcome';
end
$$;
select is(pg_temp.outcome_as('role', format(sql, tests.id('acme'), null)), 'unauthorized', name || ' for a foreign role')
from calls;
select case when (select rolsuper from pg_roles where rolname = session_user)
  then is(pg_temp.outcome_as('session_authorization', format(sql, tests.id('acme'), null)), 'unauthorized',
          name || ' for a foreign login')
  else skip('only a superuser signs in as somebody else') end
from calls;

-- Two organisations are several.
delete from pawl.organizations where id not in (tests.id('acme'), tests.id('globex'));
select is(tests.refusal(who, 'select public.pawl_lock_prompt()'), 'organization_required', who || ' names none of two')
from unnest('{service,operator}'::text[]) who;

-- One organisation: the secret key and the operator need not name it. None: there is nothing to steer.
delete from pawl.organizations where id <> tests.id('acme');
select is(pg_temp.attempt(who, 'select public.pawl_lock_prompt()'), format('ok, by %s, written', who), who || ' names none of one')
from unnest('{service,operator}'::text[]) who;
select is(tests.outcome('stranger', 'select public.pawl_lock_prompt()'), 'organization_not_found',
  'a stranger does not get in by that');
select is(tests.refusal(who, 'select public.pawl_lock_prompt(p_assistant => ''nope'')'), 'assistant_not_found',
  who || ' names an assistant that there is not') from unnest('{amy,service,operator}'::text[]) who;
select tests.make_assistant('acme/helper');
update pawl.assistants set slug = 'main' where id = tests.id('acme/default');
select is(tests.refusal('amy', 'select public.pawl_lock_prompt()'), 'assistant_not_found',
  'of several, none called default, one is named');
delete from pawl.organizations;
select is(tests.refusal(who, 'select public.pawl_lock_prompt()'), 'assistant_not_found', who || ' where there is no organisation')
from unnest('{service,operator}'::text[]) who;

select * from finish();
rollback;
