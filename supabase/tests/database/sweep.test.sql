-- What nobody came back for is ended: turns whose function died, keys and attempts past their day, sessions deleted long
-- enough ago.
begin;
select plan(81);

select tests.make_assistant('acme/default'), tests.make_assistant('brief/default'),
       tests.make_assistant('forever/default');
update pawl.organization_settings set keep_deleted_sessions_days = days
  from (values ('brief', 0), ('forever', 36500)) v (name, days) where organization_id = tests.id(name);
select tests.make_member('ann', name) from unnest('{acme,brief,forever}'::text[]) name;
select tests.make_member('bea', 'acme'), tests.make_member('amy', 'acme', 'admin');

create function pg_temp.sweep() returns text
language sql as $$ select tests.outcome('service', 'select public.pawl_sweep()') $$;

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
select is(pg_temp.sweep(), 'ok', 'swept');
select is(pg_temp.state('dead'), 'failed, attempts 3, lost 2, turn_lost, now', 'a turn whose lease ran out is lost');
select is(pg_temp.state(name), state, 'left as it is: ' || name)
from (values ('alive', 'open, attempts 1, lost 0'), ('young', 'open, attempts 1, lost 0'),
             ('answered', 'completed, attempts 1, lost 0'), ('failed', 'failed, attempts 1, lost 0, model_timeout'))
     v (name, state);
select is(
  (select content from pawl.messages m join pawl.turns t on t.user_message_id = m.id where t.id = tests.id('chat dead')),
  'dead', 'its message stays');
create temp table before as select tests.stored() as everything;
select is(pg_temp.sweep(), 'ok', 'swept again');
select is(tests.stored(), (select everything from before), 'nothing changes');

-- Keys
insert into pawl.idempotency_keys (user_id, key, message_hash, turn_id, created_at)
  select tests.id('ann'), name, '', tests.id('chat answered'), now() - age
  from (values ('a day', interval '24 hours'), ('over a day', '24 hours 1 millisecond'), ('nearly a day', '23 hours'),
               ('new', '0')) v (name, age);
insert into pawl.idempotency_keys (user_id, key, message_hash, turn_id, created_at)
  values (tests.id('bea'), 'over a day', '', tests.id('chat answered'), now()),
         (tests.id('bea'), 'new', '', tests.id('chat answered'), now() - interval '3 days');
do $$ begin perform pg_temp.sweep(); end $$;
select results_eq(
  $$select case user_id when tests.id('ann') then 'ann' else 'bea' end, key from pawl.idempotency_keys
    where turn_id = tests.id('chat answered') order by 1, 2$$,
  $$values ('ann', 'a day'), ('ann', 'nearly a day'), ('ann', 'new'), ('bea', 'over a day')$$,
  'keys go after a day, each person''s by itself');
select is(pg_temp.state('answered'), 'completed, attempts 1, lost 0', 'their turns stay');

-- Attempts
insert into pawl.turn_attempts (turn_id, attempt, organization_id, user_id, begun_at)
  select tests.id('chat ' || name), attempt, tests.id('acme'), tests.id('ann'), now() - age
  from (values ('young', 2, interval '24 hours'), ('young', 3, '24 hours 1 millisecond'), ('young', 4, '23 hours'),
               ('alive', 3, '0'), ('alive', 2, '3 days')) v (name, attempt, age);
do $$ begin perform pg_temp.sweep(); end $$;
select results_eq(
  $$select case turn_id when tests.id('chat young') then 'young' else 'alive' end, attempt from pawl.turn_attempts
    where turn_id in (tests.id('chat young'), tests.id('chat alive')) order by 1, 2$$,
  $$values ('alive', 1), ('alive', 3), ('young', 1), ('young', 2), ('young', 4)$$,
  'attempts go after a day, each by itself');
select is(pg_temp.state(name), 'open, attempts 1, lost 0', 'their turns stay') from unnest('{young,alive}'::text[]) name;

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
do $$ begin perform pg_temp.sweep(); end $$;
select is(pg_temp.there(name), there, why)
from (values ('acme', false, 'a session that was deleted thirty days ago is gone'),
             ('acme recent', true, 'one of fewer is not'),
             ('acme old', true, 'one that was never deleted is not, however old'),
             ('brief', false, 'where they are kept no day they go at once'), ('brief old', true, 'the deleted ones'),
             ('forever', true, 'elsewhere they are kept for a hundred years')) v (name, there, why);
update pawl.organization_settings set keep_deleted_sessions_days = 29 where organization_id = tests.id('acme');
do $$ begin perform pg_temp.sweep(); end $$;
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
do $$ begin perform pg_temp.sweep(); end $$;
select is((select count(*)::int from pawl.messages where session_id = (select session_id from mine)), 2,
  'for a while all of it is kept');
update pawl.sessions set deleted_at = deleted_at - interval '29 days' where id = (select session_id from mine);
do $$ begin perform pg_temp.sweep(); end $$;
select is_empty('select s.id from pawl.sessions s join mine on s.id = session_id', 'then the session is gone');
select is_empty('select m.id from pawl.messages m join mine using (session_id)', 'with its messages');
select is_empty('select t.id from pawl.turns t join mine using (session_id)', 'its turns');
select is_empty('select k.key from pawl.idempotency_keys k join mine using (turn_id)', 'their keys');
select is_empty('select a.attempt from pawl.turn_attempts a join mine using (turn_id)', 'their attempts');
select results_eq(
  $$select message_id from pawl.message_evaluations where prompt_id = tests.id('acme/default v1')$$,
  $$values (tests.id('acme/default answer 1'))$$, 'and what was thought of its answers, of no others');
select is((select count(*)::int from pawl.turns where session_id = any (
    select tests.id(format('acme/default answer %s session', n)) from generate_series(1, 2) n)), 2,
  'other sessions stay');
select is((select sum(tokens) from pawl.user_usage where user_id = tests.id('ann')), 9::numeric,
  'what was used stays counted');
select is((select sum(input_tokens) from pawl.usage where organization_id = tests.id('acme')), 9::numeric, 'for both');

-- An answer under way finds its session
select tests.make_session('busy', 'ann', 'acme/default');
select tests.make_turn('busy', 'q1', 'a1'), tests.make_turn('busy', 'q2', null, 'open', '1 second');
update pawl.sessions set deleted_at = now() - interval '60 days' where id = tests.id('busy');
select is(pg_temp.sweep(), 'ok', 'swept');
select is(pg_temp.there('busy'), true, 'a session with a turn under way stays, however long deleted');
update pawl.turns set lease_expires_at = now() - interval '1 second' where id = tests.id('busy q2');
select is(pg_temp.sweep(), 'ok', 'swept');
select is(pg_temp.there('busy'), false, 'and goes when that is over');

-- Many at once, a batch at a time; `more` as long as a batch is full
create function pg_temp.make_deleted(p_label text, p_organization text, p_count integer) returns void
language sql
as $$
  select tests.make_session(format('%s %s', p_label, n), 'bea', p_organization || '/default', n * interval '1 second')
    from generate_series(1, p_count) n;
  update pawl.sessions set deleted_at = updated_at - interval '40 days'
    where id in (select tests.id(format('%s %s', p_label, n)) from generate_series(1, p_count) n);
$$;
create function pg_temp.left_of(p_label text, p_count integer) returns integer
language sql
as $$
  select count(*)::int from pawl.sessions
  where id in (select tests.id(format('%s %s', p_label, n)) from generate_series(1, p_count) n)
$$;
select pg_temp.make_deleted('bulk', 'acme', 50);
select is(pg_temp.sweep(), 'more', 'of fifty sessions');
select is(pg_temp.left_of('bulk', 50), 30, 'twenty go');
select is(array[pg_temp.there('bulk 50'), pg_temp.there('bulk 31'), pg_temp.there('bulk 30')], '{f,f,t}',
  'those first that waited longest');
select is(pg_temp.sweep(), 'more', 'then');
select is(pg_temp.left_of('bulk', 50), 10, 'twenty more');
select is(pg_temp.sweep(), 'ok', 'then');
select is(pg_temp.left_of('bulk', 50), 0, 'the last ten');
select pg_temp.make_deleted('even', 'acme', 20);
select is(pg_temp.sweep(), 'more', 'after a full batch nobody knows');
select is(pg_temp.sweep(), 'ok', 'before the next');
select pg_temp.make_deleted('acme''s', 'acme', 15), pg_temp.make_deleted('brief''s', 'brief', 15),
       pg_temp.make_deleted('forever''s', 'forever', 15);
select is(pg_temp.sweep(), 'more', 'of several organisations''');
select is(pg_temp.left_of('acme''s', 15) + pg_temp.left_of('brief''s', 15), 10, 'together no more go');
select is(array[pg_temp.there('acme''s 6'), pg_temp.there('brief''s 6'), pg_temp.there('acme''s 5'),
                pg_temp.there('brief''s 5')], '{f,f,t,t}', 'those first that waited longest, wherever');
select is(pg_temp.sweep(), 'ok', 'then');
select is(pg_temp.left_of('acme''s', 15) + pg_temp.left_of('brief''s', 15), 0, 'the rest');
select is(pg_temp.left_of('forever''s', 15), 15, 'where they are kept for a hundred years they stay');
-- Sessions that have to stay are in nobody's way.
select pg_temp.make_deleted('stuck', 'acme', 25), pg_temp.make_deleted('free', 'acme', 1);
select tests.make_turn('stuck ' || n, 'q', null, 'open', '1 second') from generate_series(1, 25) n;
select is(pg_temp.sweep(), 'ok', 'beside many that stay');
select is(pg_temp.there('free 1'), false, 'one that need not goes');
select is(pg_temp.left_of('stuck', 25), 25, 'and they stay');

select tests.make_turn('chat', 'bulk ' || n, null, 'open', n * interval '10 seconds') from generate_series(31, 2050) n;
create function pg_temp.dead() returns integer
language sql
as $$
  select count(*)::int from pawl.turns
  where status = 'open' and session_id = tests.id('chat') and lease_expires_at < now()
$$;
select is(pg_temp.dead(), 2020, 'two thousand and twenty turns');
select is(pg_temp.sweep(), 'more', 'of which');
select is(pg_temp.dead(), 20, 'two thousand end');
select is(pg_temp.state('bulk ' || n), state, 'those first that waited longest')
from (values (2050, 'failed, attempts 1, lost 1, turn_lost, now'), (51, 'failed, attempts 1, lost 1, turn_lost, now'),
             (50, 'open, attempts 1, lost 0')) v (n, state);
select is(pg_temp.sweep(), 'ok', 'then');
select is(pg_temp.dead(), 0, 'the others');
insert into pawl.idempotency_keys (user_id, key, message_hash, turn_id, created_at)
  select tests.id('ann'), 'bulk ' || n, '', tests.id('chat answered'), now() - interval '2 days' - n * interval '1 second'
  from generate_series(1, 2020) n;
select is(pg_temp.sweep(), 'more', 'of as many keys');
select results_eq($$select count(*)::int, max(substr(key, 6)::int) from pawl.idempotency_keys where key like 'bulk %'$$,
  'values (20, 20)', 'two thousand go, the oldest');
select is(pg_temp.sweep(), 'ok', 'then');
select is_empty($$select key from pawl.idempotency_keys where key like 'bulk %'$$, 'the others');
insert into pawl.turn_attempts (turn_id, attempt, organization_id, user_id, begun_at)
  select tests.id('chat failed'), n, tests.id('acme'), tests.id('ann'), now() - interval '2 days' - n * interval '1 second'
  from generate_series(2, 2021) n;
select is(pg_temp.sweep(), 'more', 'of as many attempts');
select results_eq(
  $$select count(*)::int, max(attempt) from pawl.turn_attempts where turn_id = tests.id('chat failed') and attempt > 1$$,
  'values (20, 21)', 'two thousand go, the oldest');
select is(pg_temp.sweep(), 'ok', 'then');
select is_empty($$select 1 from pawl.turn_attempts where turn_id = tests.id('chat failed') and attempt > 1$$, 'the others');

-- Who sweeps
select tests.make_turn('chat', 'forgotten', null, 'open');
select is(tests.refusal(who, 'select public.pawl_sweep()'), 'permission denied', who || ' does not sweep')
  from unnest('{anon,nobody,ann,amy}'::text[]) who;
select is(tests.claim('w1', 'acme/default') ->> 'outcome', 'ok', 'a reflection that is claimed');
select is(pg_temp.state('forgotten'), 'open, attempts 1, lost 0', 'does not, either');
select is(tests.call('service', 'select public.pawl_sweep()'), '{"outcome": "ok"}', 'the secret key does');
select is(pg_temp.state('forgotten'), 'failed, attempts 1, lost 1, turn_lost, now', 'by itself');
select is((select prosecdef from pg_proc where oid = 'public.pawl_sweep()'::regprocedure), true,
  'whatever it may do to the tables');

select * from finish();
rollback;
