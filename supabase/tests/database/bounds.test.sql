-- What a request reads does not grow with what is stored. Counted are rows of sessions, turns, their attempts, messages,
-- exchanges and feedback, not seconds.
begin;
select plan(32);

select tests.make_assistant('acme/default'), tests.make_member('ann', 'acme'), tests.make_member('max', 'acme');
update pawl.organization_settings set user_requests_per_minute = null where organization_id = tests.id('acme');

-- Many turns at once, an hour ago: `q1` and `a1`, and so on.
create function pg_temp.make_turns(p_session text, p_first integer, p_last integer, p_status text default 'completed')
returns void
language sql
as $$
  with session as (
    select * from pawl.sessions where id = tests.id(p_session)
  ), question as (
    insert into pawl.messages (id, session_id, role, content, prompt_id, prompt_version)
      select tests.id(p_session || ' q' || n), id, 'user', 'q' || n, tests.id('acme/default v1'), 1
      from session, generate_series(p_first, p_last) n
  ), answer as (
    insert into pawl.messages (id, session_id, role, content, prompt_id, prompt_version)
      select tests.id(p_session || ' a' || n), id, 'assistant', 'a' || n, tests.id('acme/default v1'), 1
      from session, generate_series(p_first, p_last) n where p_status = 'completed'
  ), turn as (
    insert into pawl.turns (
      session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status, error_code)
    select id, organization_id, user_id, tests.id('acme/default v1'), tests.id(p_session || ' q' || n),
           case p_status when 'completed' then tests.id(p_session || ' a' || n) end, p_status,
           case p_status when 'failed' then 'model_timeout' end
    from session, generate_series(p_first, p_last) n order by n
    returning id, organization_id, user_id
  )
  insert into pawl.turn_attempts (turn_id, attempt, organization_id, user_id, begun_at)
    select id, 1, organization_id, user_id, now() - interval '1 hour' from turn
$$;
create function pg_temp.begin_sql(p_session text) returns text
language sql as $$ select format('select public.pawl_begin_turn(''hi'', %L)', tests.id(p_session)) $$;
create function pg_temp.get_sql(p_options text default '') returns text
language sql as $$ select format('select public.pawl_get_session(%L %s)', tests.id('long'), p_options) $$;
-- After some calls, when Postgres may have made one plan for all: what the next one reads.
create function pg_temp.read_at_last(p_who text, p_sql text) returns bigint
language plpgsql
as $$
begin
  perform tests.call(p_who, p_sql) from generate_series(1, 7);
  return tests.rows_read(p_who, p_sql);
end
$$;

-- One session of ten thousand turns; one in which a thousand failed after twenty; three thousand of other people; three
-- thousand of one.
select tests.make_session('long', 'ann', 'acme/default'), tests.make_session('unlucky', 'ann', 'acme/default');
select pg_temp.make_turns('long', 1, 10000);
select pg_temp.make_turns('unlucky', 1, 20), pg_temp.make_turns('unlucky', 21, 1020, 'failed');
insert into pawl.users (id) select tests.id('person ' || n) from generate_series(1, 3000) n;
select tests.make_session('session ' || n, 'person ' || n, 'acme/default') from generate_series(1, 3000) n;
select tests.make_session('max ' || n, 'max', 'acme/default', n * interval '1 minute')
from generate_series(1, 3000) n;
-- As autovacuum does: until then Postgres takes every table for a small one.
analyze pawl.sessions, pawl.turns, pawl.turn_attempts, pawl.messages;
select is((select count(*)::int from pawl.turns where session_id = tests.id('long')), 10000, 'ten thousand turns');

-- A turn: fifty turns, their hundred messages, and a few rows beside them.
select cmp_ok(pg_temp.read_at_last('ann', pg_temp.begin_sql('long')), '<=', 200::bigint, 'a turn after them');
create temp table begun as select tests.call('ann', pg_temp.begin_sql('long')) -> 'history' as history;
select is(jsonb_array_length(history), 50, 'has fifty for its history') from begun;
select is(
  (select string_agg(concat_ws(' ', h ->> 'user_message', h ->> 'answer'), ', ' order by n)
   from jsonb_array_elements(history) with ordinality x (h, n) where n > 40),
  (select string_agg(format('q%s a%1$s', n), ', ' order by n) from generate_series(9991, 10000) n),
  'the newest ten at its end, in order') from begun;
select cmp_ok(pg_temp.read_at_last('ann', pg_temp.begin_sql('unlucky')), '<=', 200::bigint,
  'a turn after a thousand that failed');
select is(jsonb_array_length(tests.call('ann', pg_temp.begin_sql('unlucky')) -> 'history'), 20,
  'has the twenty before them');
select tests.call('ann', pg_temp.begin_sql('long'));

-- A page of a session: the same, and for each row whether its reader may see its session.
select cmp_ok(pg_temp.read_at_last('ann', pg_temp.get_sql()), '<=', 400::bigint, 'the newest page of a session');
select cmp_ok(pg_temp.read_at_last('ann', pg_temp.get_sql(format(', p_before_turn => %s', seq))), '<=', 400::bigint,
  'a page in its middle')
from pawl.turns where user_message_id = tests.id('long q5000');
select is(
  (select string_agg(m ->> 'content', ' ') from jsonb_array_elements(tests.call('ann',
     pg_temp.get_sql(format(', p_before_turn => %s, p_limit => 2', seq))) -> 'messages') m), 'q4998 a4998 q4999 a4999',
  'which holds the turns before it')
from pawl.turns where user_message_id = tests.id('long q5000');
select cmp_ok(pg_temp.read_at_last('service', pg_temp.get_sql(format(', p_user_id => %L', tests.id('ann')))), '<=',
  400::bigint, 'the secret key reads no more');

-- A page of the list: twenty sessions.
select cmp_ok(pg_temp.read_at_last('max', 'select public.pawl_list_sessions()'), '<=', 40::bigint, 'a list');
select cmp_ok(
  pg_temp.read_at_last('max', 'select public.pawl_list_sessions(p_before => now() - interval ''1000 minutes'')'),
  '<=', 40::bigint, 'a page in its middle');

-- One session of very many: renamed, deleted, swept away with what is its own
select cmp_ok(tests.rows_read('max', format('select public.pawl_rename_session(%L, ''New'')', tests.id('max 1500'))),
  '<=', 10::bigint, 'a new title');
select cmp_ok(tests.rows_read('max', format('select public.pawl_delete_session(%L)', tests.id('max 1500'))),
  '<=', 10::bigint, 'a deletion');
select cmp_ok(tests.rows_read('service', format(
    'with gone as (delete from pawl.sessions where id = %L returning 1) select to_jsonb(count(*)) from gone',
    tests.id('max 1500'))),
  '<=', 10::bigint, 'its end');

-- Ten thousand attempts of this moment in another organisation.
select tests.make_assistant('globex/default'), tests.make_member('gus', 'globex');
select tests.make_session('busy', 'gus', 'globex/default'), tests.make_turn('busy', 'q', 'a', p_age => '0');
insert into pawl.turn_attempts (turn_id, attempt, organization_id, user_id)
  select tests.id('busy q'), n, tests.id('globex'), tests.id('gus') from generate_series(2, 10001) n;

-- The limits a minute: no more attempts of the last minute than the limit asks about.
create function pg_temp.set(p_user integer, p_organization integer) returns void
language sql
as $$
  update pawl.organization_settings
    set user_requests_per_minute = p_user, organization_requests_per_minute = p_organization
    where organization_id = tests.id('acme')
$$;
create function pg_temp.limited(p_who text) returns text
language sql as $$ select tests.begin_turn(p_who, 'hi') ->> 'limit' $$;
update pawl.turn_attempts set begun_at = now() - interval '1 second'
  where turn_id in (select id from pawl.turns where session_id = tests.id('long'));
analyze pawl.turn_attempts;
select pg_temp.set(30, 300);
select is(pg_temp.limited(who), expected, who || ' is limited')
from (values ('ann', 'user_requests'), ('max', 'organization_requests')) v (who, expected);
select cmp_ok(pg_temp.read_at_last('ann', 'select public.pawl_begin_turn(''hi'')'), '<=', 50::bigint,
  'by thirty of ten thousand of their own');
select cmp_ok(pg_temp.read_at_last('max', 'select public.pawl_begin_turn(''hi'')'), '<=', 320::bigint,
  'by three hundred of the organisation''s');
-- Also where one plan is to do for every limit and person.
set local plan_cache_mode = force_generic_plan;
select cmp_ok(tests.rows_read('max', 'select public.pawl_begin_turn(''hi'')'), '<=', 320::bigint,
  'whatever way Postgres is told to plan');
reset plan_cache_mode;
-- Ten thousand attempts long ago are passed over.
update pawl.turn_attempts set begun_at = now() - interval '2 minutes' where user_id = tests.id('ann');
analyze pawl.turn_attempts;
select is(pg_temp.limited(who), null, who || ' is not limited any more') from unnest('{ann,max}'::text[]) who;
select cmp_ok(pg_temp.read_at_last('ann', 'select public.pawl_begin_turn(''hi'')'), '<=', 50::bigint,
  'by what is over a minute old, however much is begun elsewhere');
select pg_temp.set(null, null);
select cmp_ok(tests.rows_read('ann', 'select public.pawl_begin_turn(''hi'')'), '<=', 20::bigint,
  'without limits nothing is counted');

-- Feedback on some of ten thousand answers of one session, and as many votes of other people.
insert into pawl.exchanges (
  message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model, answered_at)
select t.answer_message_id, t.organization_id, tests.id('acme/default'), t.session_id, t.user_id, t.prompt_id, 1, 'a-model',
       now() - t.seq * interval '1 second'
from pawl.turns t where t.session_id = tests.id('long') and t.status = 'completed';
insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal)
  select e.message_id, e.organization_id, e.assistant_id, tests.id('max'), 'thumbs_up' from pawl.exchanges e;
analyze pawl.exchanges, pawl.response_feedback;
create function pg_temp.collect_sql(p_first integer, p_last integer) returns text
language sql
as $$
  select format('select public.pawl_collect_feedback(%L)', jsonb_agg(jsonb_build_object('signal', 'dwell_time', 'value', n,
    'message_id', tests.id('long a' || n)))) from generate_series(p_first, p_last) n
$$;
select cmp_ok(pg_temp.read_at_last('ann', pg_temp.collect_sql(7, 7)), '<=', 12::bigint, 'a signal');
select is(tests.call('ann', pg_temp.collect_sql(101, 200)) ->> 'stored', '100', 'a hundred signals');
select cmp_ok(pg_temp.read_at_last('ann', pg_temp.collect_sql(201, 300)), '<=', 1000::bigint, 'read of each some rows');
set local plan_cache_mode = force_generic_plan;
select cmp_ok(tests.rows_read('ann', pg_temp.collect_sql(301, 400)), '<=', 1000::bigint,
  'whatever way Postgres is told to plan');
reset plan_cache_mode;
select cmp_ok(tests.rows_read('ann', pg_temp.begin_sql('long')), '<=', 200::bigint, 'a turn finds the answer before it');
-- The newest of them, so that the turn is a follow-up.
update pawl.exchanges set answered_at = now() where message_id = tests.id('long a9999');
select cmp_ok(tests.rows_read('ann', pg_temp.begin_sql('long')), '<=', 200::bigint, 'and says that it follows');
select is((select string_agg(signal, ' ') from pawl.response_feedback
           where message_id = tests.id('long a9999') and user_id = tests.id('ann')), 'follow_up', 'as it does');
select cmp_ok(tests.rows_read('service', format(
    'with gone as (delete from pawl.messages where id = %L returning 1) select to_jsonb(count(*)) from gone',
    tests.id('long a150'))),
  '<=', 12::bigint, 'an answer goes with what was made of it');

select * from finish();
rollback;
