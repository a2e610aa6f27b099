-- What nobody came back for is ended: turns whose function died, keys past their day, sessions deleted long enough ago.
begin;
select plan(39);

select tests.make_assistant('acme/default'), tests.make_assistant('brief/default'),
       tests.make_assistant('forever/default');
update pawl.organization_settings set keep_deleted_sessions_days = days
  from (values ('brief', 0), ('forever', 36500)) v (name, days) where organization_id = tests.id(name);
select tests.make_member('ann', name) from unnest('{acme,brief,forever}'::text[]) name;
select tests.make_member('bea', 'acme');

-- Turns
select tests.make_session('chat', 'ann', 'acme/default');
select tests.make_turn('chat', name, 'a', status, age)
from (values ('dead', 'open', interval '150 seconds 1 millisecond'), ('alive', 'open', '150 seconds'),
             ('young', 'open', '1 second'), ('answered', 'completed', '1 day'), ('failed', 'failed', '1 day'))
     v (name, status, age);
update pawl.turns set attempts = 3, lost_attempts = 1 where id = tests.id('chat dead');
create function pg_temp.state(p_name text) returns text
language sql
as $$
  select concat_ws(', ', format('%s, attempts %s, lost %s', status, attempts, lost_attempts), error_code,
                   case when finished_at = now() then 'now' end)
  from pawl.turns where id = tests.id('chat ' || p_name)
$$;
select pawl.sweep();
select is(pg_temp.state('dead'), 'failed, attempts 3, lost 2, turn_lost, now', 'a turn whose lease ran out is lost');
select is(pg_temp.state(name), state, 'left as it is: ' || name)
from (values ('alive', 'open, attempts 1, lost 0'), ('young', 'open, attempts 1, lost 0'),
             ('answered', 'completed, attempts 1, lost 0'), ('failed', 'failed, attempts 1, lost 0, model_timeout'))
     v (name, state);
select is(
  (select content from pawl.messages m join pawl.turns t on t.user_message_id = m.id where t.id = tests.id('chat dead')),
  'dead', 'its message stays');
create temp table before as select tests.stored() as everything;
select pawl.sweep();
select is(tests.stored(), (select everything from before), 'sweeping again changes nothing');

-- Keys
insert into pawl.idempotency_keys (user_id, key, request_hash, turn_id, created_at)
  select tests.id('ann'), name, '', tests.id('chat answered'), now() - age
  from (values ('a day', interval '24 hours'), ('over a day', '24 hours 1 millisecond'), ('nearly a day', '23 hours'),
               ('new', '0')) v (name, age);
insert into pawl.idempotency_keys (user_id, key, request_hash, turn_id, created_at)
  values (tests.id('bea'), 'over a day', '', tests.id('chat answered'), now()),
         (tests.id('bea'), 'new', '', tests.id('chat answered'), now() - interval '3 days');
select pawl.sweep();
select results_eq(
  $$select case user_id when tests.id('ann') then 'ann' else 'bea' end, key from pawl.idempotency_keys
    where turn_id = tests.id('chat answered') order by 1, 2$$,
  $$values ('ann', 'a day'), ('ann', 'nearly a day'), ('ann', 'new'), ('bea', 'over a day')$$,
  'keys go after a day, each person''s by itself');
select is(pg_temp.state('answered'), 'completed, attempts 1, lost 0', 'their turns stay');

-- Sessions
select tests.make_session(name, 'ann', name || '/default') from unnest('{acme,brief,forever}'::text[]) name;
select tests.make_session('acme recent', 'ann', 'acme/default'),
       tests.make_session('acme old', 'ann', 'acme/default', '1 year'),
       tests.make_session('brief old', 'ann', 'brief/default', '1 year');
update pawl.sessions s set deleted_at = now() - age
  from (values ('acme', interval '30 days'), ('acme recent', '29 days 23 hours'), ('brief', '0'),
               ('forever', '30 years')) v (name, age) where s.id = tests.id(name);
create function pg_temp.there(p_name text) returns boolean
language sql as $$ select exists (select from pawl.sessions where id = tests.id(p_name)) $$;
select pawl.sweep();
select is(pg_temp.there(name), there, why)
from (values ('acme', false, 'a session that was deleted thirty days ago is gone'),
             ('acme recent', true, 'one of fewer is not'),
             ('acme old', true, 'one that was never deleted is not, however old'),
             ('brief', false, 'where they are kept no day they go at once'), ('brief old', true, 'the deleted ones'),
             ('forever', true, 'elsewhere they are kept for a hundred years')) v (name, there, why);
update pawl.organization_settings set keep_deleted_sessions_days = 29 where organization_id = tests.id('acme');
select pawl.sweep();
select is(pg_temp.there('acme recent'), false, 'a setting that changed holds for what was deleted before');
select throws_ok(
  $$update pawl.organization_settings set keep_deleted_sessions_days = -1$$, '23514', null, 'it is no less than none');

-- All of a session goes, and nothing of another
select tests.make_answers('acme/default', 2);
create temp table mine as
  select (turn ->> 'session_id')::uuid as session_id, (turn ->> 'turn_id')::uuid as turn_id
  from tests.begin_turn('ann', 'hi', format(', p_organization_id => %L, p_idempotency_key => ''k''', tests.id('acme'))) turn;
select is(tests.outcome('service', tests.complete_turn(turn_id, p_usage => '{"input_tokens": 9}')), 'ok',
  'an answer') from mine;
insert into pawl.message_evaluations (message_id, reflection_log_id, prompt_id, overall)
  select m.id, r, tests.id('acme/default v1'), 3 from tests.make_reflection('acme/default') r,
    lateral (select answer_message_id as id from pawl.turns where id = (select turn_id from mine)
             union all select tests.id('acme/default answer 1')) m;
select is(tests.outcome('ann', format('select public.pawl_delete_session(%L)', session_id)), 'ok',
  'its session is deleted') from mine;
select pawl.sweep();
select is((select count(*)::int from pawl.messages where session_id = (select session_id from mine)), 2,
  'for a while all of it is kept');
update pawl.sessions set deleted_at = deleted_at - interval '29 days' where id = (select session_id from mine);
select pawl.sweep();
select is_empty('select s.id from pawl.sessions s join mine on s.id = session_id', 'then the session is gone');
select is_empty('select m.id from pawl.messages m join mine using (session_id)', 'with its messages');
select is_empty('select t.id from pawl.turns t join mine using (session_id)', 'its turns');
select is_empty('select k.key from pawl.idempotency_keys k join mine using (turn_id)', 'their keys');
select results_eq(
  $$select message_id from pawl.message_evaluations where prompt_id = tests.id('acme/default v1')$$,
  $$values (tests.id('acme/default answer 1'))$$, 'and what was thought of its answers, of no others');
select is((select count(*)::int from pawl.turns where session_id = any (
    select tests.id(format('acme/default answer %s session', n)) from generate_series(1, 2) n)), 2,
  'other sessions stay');
select is((select sum(tokens) from pawl.user_usage where user_id = tests.id('ann')), 9::numeric,
  'what was used stays counted');
select is((select sum(input_tokens) from pawl.usage where organization_id = tests.id('acme')), 9::numeric, 'for both');

-- Many at once, a batch at a time
select tests.make_session('bulk ' || n, 'bea', 'acme/default', n * interval '1 second') from generate_series(1, 250) n;
update pawl.sessions set deleted_at = updated_at - interval '40 days' where user_id = tests.id('bea');
select pawl.sweep();
select is((select count(*)::int from pawl.sessions where user_id = tests.id('bea')), 50, 'of 250 sessions 200 go');
select is(pg_temp.there('bulk 250'), false, 'those first that waited longest');
select pawl.sweep();
select is((select count(*)::int from pawl.sessions where user_id = tests.id('bea')), 0, 'then the others');
select tests.make_turn('chat', 'bulk ' || n, null, 'open', n * interval '1 minute') from generate_series(11, 1030) n;
insert into pawl.idempotency_keys (user_id, key, request_hash, turn_id, created_at)
  select tests.id('ann'), 'bulk ' || n, '', tests.id('chat answered'), now() - interval '2 days' - n * interval '1 second'
  from generate_series(1, 5020) n;
select pawl.sweep();
select results_eq(
  $$select (select count(*)::int from pawl.turns where status = 'open' and session_id = tests.id('chat')
              and lease_expires_at < now()),
           (select count(*)::int from pawl.idempotency_keys where key like 'bulk %')$$,
  $$values (20, 20)$$, 'of 1,020 turns a thousand end, of 5,020 keys five thousand go');
select is(pg_temp.state('bulk 1030'), 'failed, attempts 1, lost 1, turn_lost, now', 'those first that waited longest');
select is_empty($$select key from pawl.idempotency_keys where key = 'bulk 5020'$$, 'of both');
select pawl.sweep();

-- Who sweeps
select tests.make_turn('chat', 'forgotten', null, 'open');
select is(tests.claim('w1', 'acme/default') ->> 'outcome', 'ok', 'a reflection');
select is(pg_temp.state('forgotten'), 'failed, attempts 1, lost 1, turn_lost, now', 'sweeps as it begins');
select is(tests.refusal(who, 'select to_jsonb(pawl.sweep()::text)'), 'permission denied', who || ' does not')
  from unnest('{anon,ann,service}'::text[]) who;

select * from finish();
rollback;
