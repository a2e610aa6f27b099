-- While a canary runs a share of the new conversations is served by the version in proof, each to its end.
begin;
select plan(38);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/helper');
select tests.make_member(p, 'acme') from unnest('{ann,bob,cara}'::text[]) p;
update pawl.organization_settings set user_requests_per_minute = null, organization_requests_per_minute = null;
create function pg_temp.say(p_who text, p_options text default '') returns jsonb
language sql as $$ select tests.begin_turn(p_who, 'Hi', ', p_assistant => ''default''' || p_options) $$;
-- A new conversation's id and version; and the version of the next turn in one.
create function pg_temp.fresh(p_who text) returns table (session uuid, version integer)
language sql as $$ select (t ->> 'session_id')::uuid, (t ->> 'prompt_version')::int from pg_temp.say(p_who) t $$;
create function pg_temp.again(p_who text, p_session uuid) returns integer
language sql as $$ select (pg_temp.say(p_who, format(', p_session_id => %L', p_session)) ->> 'prompt_version')::int $$;

create function pg_temp.three(p_who text) returns text
language sql
as $$
  select string_agg(f.version::text, ' ')
  from generate_series(1, 3) n cross join lateral pg_temp.fresh(case when n > 0 then p_who end) f
$$;

create temp table old as select * from pg_temp.fresh('ann');
create temp table test as select tests.open_test('acme/default') as id;
select is((select version from pg_temp.fresh('ann')), 1, 'nobody sees a version in screening');
select is(tests.begin_proof(id, 'replay') ->> 'outcome', 'ok', 'a replay begins') from test;
select is((select version from pg_temp.fresh('ann')), 1, 'nobody sees a version that is proved by replay');
update pawl.prompt_tests set method = 'canary', settings = settings || '{"canary_share": 0.3}';
create temp table begun as select row_number() over () as n, f.* from generate_series(1, 300) g, lateral (
  select * from pg_temp.fresh(case when g % 2 = 0 then 'ann' else 'bob' end)) f;
select is((select count(*)::int from pawl.canary_units), 300, 'in a canary a coin is thrown for each new conversation');
select cmp_ok((select count(*)::int from begun where version = 2), '>', 50, 'a share of them gets the new version');
select cmp_ok((select count(*)::int from begun where version = 2), '<', 140, 'and no more');
select is((select count(*)::int from begun b join pawl.canary_units u on u.session_id = b.session
  where u.candidate <> (b.version = 2) or u.propensity <> 0.3 or u.person is not null or u.test_id <> (select id from test)), 0,
  'what the coin said is stored, with its chance');
select is((select count(*)::int from begun b join pawl.sessions s on s.id = b.session join pawl.canary_units u on u.session_id = s.id
  where u.user_id <> s.user_id or u.assigned_at <> s.created_at), 0, 'and whose conversation it is');
select is((select count(distinct version)::int from begun b join pawl.sessions s on s.id = b.session where s.user_id = tests.id('ann')), 2,
  'one person gets both');
create temp table few as (select * from begun where version = 1 limit 5) union all (select * from begun where version = 2 limit 5);
select is((select count(*)::int from few s join pawl.sessions x on x.id = s.session
  where pg_temp.again(case when x.user_id = tests.id('ann') then 'ann' else 'bob' end, s.session) <> s.version), 0, 'a conversation keeps its version');
select is((select count(*)::int from few s join pawl.turns t on t.session_id = s.session join pawl.messages m on m.id = t.user_message_id
  where m.prompt_version <> s.version or m.prompt_id <> t.prompt_id or t.prompt_id <> tests.id('acme/default v' || s.version)), 0,
  'the turns and the messages say which');
select is((select pg_temp.again('ann', session) from old), 1, 'one from before goes on as it was');
select is((select count(*)::int from pawl.canary_units where session_id = (select session from old)), 0, 'no coin is thrown for it');
select is((tests.begin_turn('ann', 'Hi', ', p_assistant => ''helper''') ->> 'prompt_version')::int, 1, 'another assistant has no part in it');
select is((select count(*)::int from pawl.canary_units), 300, 'and no units');
select is((select count(*)::int from pawl.prompt_tests where state = 'proving'), 1, 'the canary goes on');

-- A failed turn is tried again with the same version
update pawl.prompt_tests set settings = settings || '{"canary_share": 0.999999}';
create temp table tried as select pg_temp.say('cara', ', p_idempotency_key => ''k''') as t;
select is(t ->> 'prompt_version', '2', 'a first try') from tried;
do $$ begin perform tests.outcome('service', tests.fail_turn((t ->> 'turn_id')::uuid)) from tried; end $$;
update pawl.prompt_tests set settings = settings || '{"canary_share": 0.000001}';
update tried set t = pg_temp.say('cara', ', p_idempotency_key => ''k''');
select is(t ->> 'prompt_version' || ' ' || (t ->> 'attempt'), '2 2', 'and the second is the same version''s') from tried;
select is((select count(*)::int from pawl.canary_units where user_id = tests.id('cara')), 1, 'by one coin');

-- Not while paused, locked, or without a clause
update pawl.prompt_tests set settings = settings || '{"canary_share": 0.999999}';
create function pg_temp.units_after(p_sql text) returns text
language plpgsql
as $$
declare
  v_text text;
begin
  delete from pawl.canary_units;
  execute p_sql;
  v_text := pg_temp.three('bob');
  v_text := v_text || ', units ' || (select count(*) from pawl.canary_units);
  raise exception using errcode = 'XDONE', message = v_text;
exception when sqlstate 'XDONE' then return sqlerrm;
end
$$;
select is(pg_temp.units_after('select'), '2 2 2, units 3', 'so much for a coin that always falls on one side');
select is(pg_temp.units_after('update pawl.loop_settings set updates_paused = true'), '1 1 1, units 0', 'none is thrown while updates are paused');
select is(pg_temp.units_after($$update pawl.loop_settings set paused_until = now() + interval '1 hour'$$), '1 1 1, units 0', 'for a time, too');
select is(pg_temp.units_after('update pawl.system_prompts set locked = true where version = 1'), '1 1 1, units 0', 'or the live version is locked');
select is(pg_temp.units_after($$update pawl.loop_settings set protected_clauses = '{Be kind.}'$$), '1 1 1, units 0', 'or the new one lacks a protected clause');
update pawl.loop_settings set updates_paused = true;
select is((select pg_temp.again('cara', (t ->> 'session_id')::uuid) from tried), 1, 'nobody is shown an unproved version while paused');
update pawl.loop_settings set updates_paused = false;
select is((select pg_temp.again('cara', (t ->> 'session_id')::uuid) from tried), 2, 'afterwards a conversation has its own again');

-- It ends
create function pg_temp.end_test(p_state text) returns void
language sql
as $$
  update pawl.prompt_tests set state = p_state, decided_at = now() where state = 'proving';
  update pawl.system_prompts set state = 'rejected' where version = 2;
$$;
select pg_temp.end_test('rejected');
select is((select pg_temp.again('cara', (t ->> 'session_id')::uuid) from tried), 1, 'when it ends every conversation is the live version''s');
select is((select version from pg_temp.fresh('ann')), 1, 'the new ones too');

-- By person
update pawl.loop_settings set canary_unit = 'user', canary_share = 0.5;
update test set id = tests.open_test('acme/default', 3);
create temp table annes as select * from pg_temp.fresh('ann');
update pawl.sessions set created_at = now() - interval '1 second' where id = (select session from annes);
select tests.begin_proof(id, 'canary') from test;
update pawl.prompt_tests set settings = settings || '{"canary_share": 0.999999}' where state = 'proving';
select is(pg_temp.three('ann'), '3 3 3', 'a person''s conversations');
update pawl.prompt_tests set settings = settings || '{"canary_share": 0.000001}' where state = 'proving';
select is(pg_temp.three('ann'), '3 3 3', 'have one coin');
select is(pg_temp.three('bob'), '1 1 1', 'another''s another');
select results_eq($$select user_id, session_id, candidate, propensity from pawl.canary_units where test_id = (select id from test) order by candidate$$,
  $$values (tests.id('bob'), null::uuid, false, 0.000001), (tests.id('ann'), null, true, 0.999999)$$, 'and it is stored by person');
select is((select pg_temp.again('ann', session) from annes), 1, 'what they began before it goes on as it was');
update pawl.loop_settings set updates_paused = true;
select is((select version from pg_temp.fresh('ann')) || ' ' || (select version from pg_temp.fresh('cara')), '1 1', 'while paused everybody has the live one');
update pawl.loop_settings set updates_paused = false;

select is((select count(*)::int from pawl.sessions s join pawl.canary_units u on u.user_id = s.user_id and u.session_id is null
  where s.assistant_id = tests.id('acme/default') and s.created_at >= u.assigned_at
    and not exists (select from pawl.judging_sessions j where j.session_id = s.id)), 0, 'whatever a person began since their coin judges');

-- A version that went live in between ends it
select tests.make_version('acme/default', 4);
do $$ begin perform tests.steer('operator', 'activate_prompt', format('4, p_assistant => ''default'', p_organization_id => %L', tests.id('acme'))); end $$;
select is((select version from pg_temp.fresh('ann')), 4, 'another live version ends it');
select is((select state || ' ' || reason from pawl.prompt_tests where id = (select id from test)), 'closed baseline_changed', 'for good');

-- The cost
create function pg_temp.plan_of() returns text
language plpgsql
as $$
declare
  v_line text;
  v_all text := '';
begin
  set local enable_seqscan = off;
  for v_line in explain select t.id from pawl.prompt_tests t where t.assistant_id = tests.id('acme/default') and t.state = 'proving'
    and t.method = 'canary' and t.baseline_id = tests.id('acme/default v1')
  loop v_all := v_all || v_line; end loop;
  return v_all;
end
$$;
select matches(pg_temp.plan_of(), 'prompt_tests_canary_idx', 'without a canary a turn looks into one index');

select * from finish();
rollback;
