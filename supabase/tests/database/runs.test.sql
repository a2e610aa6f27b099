-- What each function did is on record: of a chat by the turn itself, of feedback by its call, of the others by their word.
begin;
select plan(34);

select tests.make_assistant('acme/default'), tests.make_assistant('globex/default');
select tests.make_member('ann', 'acme'), tests.make_member('boss', 'acme', 'admin'), tests.make_member('eve', 'globex', 'admin');

create temp table turn_of (name text primary key, turn jsonb);
create function pg_temp.ask(p_name text, p_key text default null) returns text
language sql
as $$
  insert into turn_of
    values (p_name, tests.call('ann', format('select public.pawl_begin_turn(''Hi'', p_idempotency_key => %L)', p_key)))
  returning turn ->> 'outcome'
$$;
create function pg_temp.turn(p_name text) returns uuid
language sql as $$ select (turn ->> 'turn_id')::uuid from turn_of where name = p_name $$;
-- The runs of a turn, attempt by attempt.
create function pg_temp.runs(p_name text) returns text
language sql
as $$
  select string_agg(concat_ws(' ', r.attempt, r.agent_type, r.status, r.error), ', ' order by r.attempt)
  from pawl.agent_runs r where r.turn_id = pg_temp.turn(p_name)
$$;
create function pg_temp.spans(p_name text) returns text
language sql
as $$
  select string_agg(concat_ws(' ', t.span_name, t.metadata ->> 'model', t.duration_ms), ', ' order by t.start_time)
  from pawl.agent_traces t join pawl.agent_runs r on r.id = t.run_id where r.turn_id = pg_temp.turn(p_name)
$$;

-- Chat
select is(pg_temp.ask('one'), 'ok', 'a turn begins');
select is(pg_temp.runs('one'), '1 chat-handler running', 'and with it a run');
select is(
  (select tests.call('service', format($$select public.pawl_complete_turn(%L, 1, 'An answer', 'a-model', 'end_turn',
     '{"input_tokens": 3, "output_tokens": 4}', 250, p_tools => '{search,clock}')$$, pg_temp.turn('one'))) ->> 'outcome'),
  'ok', 'it is answered');
select is(pg_temp.runs('one'), '1 chat-handler completed', 'the run is over');
select is(pg_temp.spans('one'), 'model a-model 250', 'the model''s call is a step of it');
select is((select token_usage from pawl.agent_runs where turn_id = pg_temp.turn('one')),
  '{"input_tokens": 3, "output_tokens": 4}', 'with what it took');
select is((select string_agg(c.tool_name, ',' order by c.tool_name) from pawl.tool_calls c), 'clock,search',
  'and the tools that were used');
select is((select count(*) from pawl.agent_runs r where to_jsonb(r)::text like '%An answer%')
  + (select count(*) from pawl.agent_traces t where to_jsonb(t)::text like '%An answer%'), 0::bigint,
  'nothing of the answer is in them');

select is(pg_temp.ask('two', 'k'), 'ok', 'a turn with a key begins');
select is(tests.outcome('service', tests.fail_turn(pg_temp.turn('two'), 1)), 'ok', 'it fails');
select matches(pg_temp.runs('two'), '^1 chat-handler failed \w+$', 'its run says why');
select is(tests.call('ann', $$select public.pawl_begin_turn('Hi', p_idempotency_key => 'k')$$) ->> 'outcome', 'ok',
  'it is tried again');
update pawl.turns set lease_expires_at = now() where id = pg_temp.turn('two');
select is(tests.call('ann', $$select public.pawl_begin_turn('Hi', p_idempotency_key => 'k')$$) ->> 'outcome', 'ok',
  'and once more when nobody was heard of');
select matches(pg_temp.runs('two'), '^1 chat-handler failed \w+, 2 chat-handler lost, 3 chat-handler running$',
  'each attempt is a run, and the second one is lost');
select is(tests.outcome('service', tests.complete_turn(pg_temp.turn('two'), 2)), 'superseded', 'the second comes back late');
select matches(pg_temp.runs('two'), '2 chat-handler failed superseded, 3 chat-handler running$', 'and is told apart');
update pawl.turns set lease_expires_at = now() - interval '1 second' where id = pg_temp.turn('two');
do $$ begin perform tests.call('service', 'select public.pawl_sweep()'); end $$;
select matches(pg_temp.runs('two'), '3 chat-handler lost$', 'what nobody comes back for is swept up as lost');

-- Feedback
select is(
  tests.call('ann', format($$select public.pawl_collect_feedback(
    '[{"signal": "copy", "message_id": "%s"}, {"signal": "no such", "message_id": "%1$s"}]')$$,
    (select answer_message_id from pawl.turns where id = pg_temp.turn('one')))) ->> 'stored', '1', 'a reaction is stored');
select is((select output from pawl.agent_runs where agent_type = 'feedback-collector'),
  '{"stored": 1, "unchanged": 0, "refused": 1}', 'and its run says how many');

-- The others
select is(tests.call('service', format($$select public.pawl_record_run('{"agent_type": "reflection-loop", "action": "reflect",
  "status": "completed", "assistant_id": "%s", "duration_ms": 900, "token_usage": {"input_tokens": 9}, "spans": [
  {"name": "pawl_claim_reflection", "type": "db", "start_ms": 1, "duration_ms": 8},
  {"name": "judge", "type": "model", "start_ms": 10, "duration_ms": 800, "model": "m", "error": "model_timeout"}]}')$$,
  tests.id('acme/default'))) ->> 'outcome', 'ok', 'a function records its run');
select is(
  (select concat_ws(' ', r.organization_id = tests.id('acme'), r.input ->> 'action', r.duration_ms,
     extract(epoch from r.completed_at - r.created_at), (select count(*) from pawl.agent_traces t where t.run_id = r.id))
   from pawl.agent_runs r where r.agent_type = 'reflection-loop'), 't reflect 900 0.900000 2', 'with its steps');

-- What people see
create function pg_temp.listed(p_who text, p_options text) returns jsonb
language sql as $$ select tests.call(p_who, format('select public.pawl_list_runs(%s)', p_options)) $$;
select is(jsonb_array_length(pg_temp.listed('boss', '') -> 'runs'), 6, 'an admin sees them all');
select is(pg_temp.listed('boss', $$'reflection-loop'$$) #>> '{runs,0,spans,1,error}', 'model_timeout', 'step by step');
select is(jsonb_array_length(pg_temp.listed('boss', $$p_status => 'lost'$$) -> 'runs'), 1, 'or those that were lost');
select is(pg_temp.listed('ann', '') ->> 'outcome', 'forbidden', 'a member does not');
select is(jsonb_array_length(pg_temp.listed('eve', '') -> 'runs'), 0, 'nor another organisation''s admin');

savepoint listed;
-- What the organisation was called for, and the assistant: one list, cut where it is full, but not between two of a moment.
insert into pawl.agent_runs (organization_id, assistant_id, agent_type, status, created_at, completed_at)
  select tests.id('acme'), case when n % 2 = 0 then tests.id('acme/default') end, 'a' || n, 'completed', now() + (n / 3) * interval '1 minute', now() + interval '1 day'
  from generate_series(3, 400) n;
create function pg_temp.names(p_options text) returns text
language sql as $$ select string_agg(r ->> 'function', ' ' order by r ->> 'function') from jsonb_array_elements(pg_temp.listed('boss', p_options) -> 'runs') r $$;
select is(pg_temp.names('p_limit => 2'), 'a399 a400', 'the newest of both, as many as fit');
select is(pg_temp.names('p_limit => 3'), 'a396 a397 a398 a399 a400', 'and those of the same moment');
select is(pg_temp.names($$p_limit => 1, p_before => now() + interval '1 minute 1 second'$$), 'a3 a4 a5', 'or those before');
select is(pg_temp.names($$'a8'$$) || pg_temp.names($$'a9'$$), 'a8a9', 'of one function, whoever it was called for');
create function pg_temp.read_of_runs() returns bigint
language sql as $$ select (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_xact_user_tables where schemaname = 'pawl' and relname = 'agent_runs' $$;
create temp table before as select pg_temp.read_of_runs() as read;
do $$ begin perform pg_temp.listed('boss', 'p_limit => 3'); end $$;
select cmp_ok(pg_temp.read_of_runs() - read, '<', 30::bigint, 'not all of them are read for it') from before;
rollback to listed;

-- They go
update pawl.agent_runs set created_at = now() - interval '31 days' where agent_type = 'reflection-loop';
do $$ begin perform tests.call('service', 'select public.pawl_sweep()'); end $$;
select is((select count(*) from pawl.agent_runs where agent_type = 'reflection-loop'), 0::bigint, 'after 30 days they go');
select is((select count(*) from pawl.agent_traces where span_name = 'judge'), 0::bigint, 'with their steps');
do $$ begin perform tests.call('service', format('select public.pawl_forget_user(%L)', tests.id('ann'))); end $$;
select is((select count(*) from pawl.agent_runs where turn_id is not null), 0::bigint, 'and a forgotten person''s at once');

select * from finish();
rollback;
