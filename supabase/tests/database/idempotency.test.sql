-- A request sent again with its key begins no second turn: it is told what became of the first, or tries it again.
begin;
select plan(125);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_assistant('acme/helper'),
       tests.make_assistant('globex/default');
select tests.make_member('ann', 'acme'), tests.make_member('bea', 'acme'), tests.make_member('both', 'acme'),
       tests.make_member('both', 'globex');
update pawl.organization_settings set user_requests_per_minute = null;

-- Every turn of this file that began or went on, by name. Ann asks `To <key>` with a key.
create temp table turn_of (name text primary key, turn jsonb);
create function pg_temp.ask_sql(p_key text, p_options text default '') returns text
language sql
as $$
  select format('select public.pawl_begin_turn(%L, p_idempotency_key => %L %s)', 'To ' || p_key, p_key, p_options)
$$;
create function pg_temp.ask(p_name text, p_key text, p_who text default 'ann', p_options text default '') returns text
language sql
as $$
  insert into turn_of values (p_name, tests.call(p_who, pg_temp.ask_sql(p_key, p_options)))
  returning concat_ws(' ', turn ->> 'outcome', 'attempt ' || (turn ->> 'attempt'))
$$;
-- What asking again comes to when it writes nothing.
create function pg_temp.again(p_key text, p_who text default 'ann', p_options text default '') returns text
language sql
as $$ select tests.refusal(p_who, pg_temp.ask_sql(p_key, p_options)) $$;
create function pg_temp.id(p_name text, p_what text default 'turn') returns uuid
language sql as $$ select (turn ->> (p_what || '_id'))::uuid from turn_of where name = p_name $$;
-- The attempts so far, the lost among them, and what is left.
create function pg_temp.state(p_name text) returns text
language sql
as $$
  select concat_ws(', ', format('%s, attempts %s, lost %s', status, attempts, lost_attempts), error_code)
  from pawl.turns where id = pg_temp.id(p_name)
$$;
create function pg_temp.run_out(p_name text) returns void
language sql
as $$
  update pawl.turn_attempts set begun_at = begun_at - interval '150 seconds' where turn_id = pg_temp.id(p_name);
  update pawl.turns set lease_expires_at = now() where id = pg_temp.id(p_name);
$$;
create function pg_temp.complete(p_name text, p_attempt integer default 1) returns text
language sql
as $$
  select tests.complete_turn(pg_temp.id(p_name), p_attempt, 'Answer ' || p_attempt,
    '{"input_tokens": 11, "output_tokens": 22, "cache_read_input_tokens": 44, "cache_creation_input_tokens": 55}')
$$;
create function pg_temp.fail(p_name text, p_attempt integer default 1) returns text
language sql as $$ select tests.fail_turn(pg_temp.id(p_name), p_attempt) $$;
create function pg_temp.go_live(p_version integer) returns void
language sql
as $$
  update pawl.system_prompts set state = 'retired' where is_active and assistant_id = tests.id('acme/default');
  update pawl.system_prompts set state = 'active' where assistant_id = tests.id('acme/default') and version = p_version;
$$;

-- Under way
select is(pg_temp.ask('slow', 'slow'), 'ok attempt 1', 'a request with a key begins a turn');
select is(pg_temp.again('slow'), 'in_progress', 'sent again, nothing is written while it is under way');
update pawl.turns set lease_expires_at = now() + interval '1 second' where id = pg_temp.id('slow');
select is(pg_temp.again('slow'), 'in_progress', 'to the last second');
select pg_temp.run_out('slow');
select is(pg_temp.ask('slow again', 'slow'), 'ok attempt 2', 'and no longer: it is tried again');
select is((select turn from turn_of where name = 'slow again') - 'attempt',
  (select turn from turn_of where name = 'slow') - 'attempt', 'the same turn, session and message');
select is(pg_temp.state('slow'), 'open, attempts 2, lost 1', 'what came of the first is not known');
select is((select lease_expires_at from pawl.turns where id = pg_temp.id('slow')), now() + interval '150 seconds',
  'the second has a lease of its own');
select results_eq(
  $$select attempt, organization_id, user_id, begun_at from pawl.turn_attempts where turn_id = pg_temp.id('slow')
    order by attempt$$,
  $$values (1, tests.id('acme'), tests.id('ann'), now() - interval '150 seconds'),
           (2, tests.id('acme'), tests.id('ann'), now())$$, 'and a time of its own');
select is((select count(*)::int from pawl.messages where session_id = pg_temp.id('slow', 'session')), 1,
  'the message is stored once');
select is(pg_temp.again('slow'), 'in_progress', 'then the second is under way');

-- Failed
select is(pg_temp.ask('failed', 'failed'), 'ok attempt 1', 'a turn');
select is(tests.outcome('service', pg_temp.fail('failed')), 'ok', 'that failed');
select is(pg_temp.ask('failed again', 'failed'), 'ok attempt 2', 'is tried again, its lease does not matter');
select is(pg_temp.id('failed again'), pg_temp.id('failed'), 'as the same turn');
select is(pg_temp.state('failed'), 'open, attempts 2, lost 0', 'of which nothing was lost');
select is((select finished_at from pawl.turns where id = pg_temp.id('failed')), null, 'it is not finished');
select is(tests.outcome('service', pg_temp.fail('failed', 2)), 'ok', 'it may fail again');
select is(pg_temp.ask('failed third', 'failed'), 'ok attempt 3', 'and be tried again');

-- Completed
select is(pg_temp.ask('done', 'done'), 'ok attempt 1', 'a turn');
create temp table answer as select tests.call('service', pg_temp.complete('done')) as result;
select is(tests.call('ann', pg_temp.ask_sql('done')), jsonb_build_object(
    'outcome', 'replayed', 'turn_id', pg_temp.id('done'), 'session_id', pg_temp.id('done', 'session'),
    'message_id', pg_temp.id('done', 'message'), 'answer_id', result -> 'answer_id', 'answer', 'Answer 1',
    'prompt_version', 1, 'model', 'a-model', 'stop_reason', 'end_turn', 'usage',
    '{"input_tokens": 11, "output_tokens": 22, "cache_read_input_tokens": 44, "cache_creation_input_tokens": 55}'::jsonb),
  'that was answered is answered from what is stored') from answer;
select is(pg_temp.again('done'), 'replayed', 'and nothing is written');
update pawl.organization_settings set user_tokens_per_day = 1 where organization_id = tests.id('acme');
update pawl.system_prompts set state = 'retired' where is_active and assistant_id = tests.id('acme/default');
select is(pg_temp.again('done'), 'replayed', 'an answer that is there needs no budget and no live version');
update pawl.organization_settings set user_tokens_per_day = null where organization_id = tests.id('acme');
select is(pg_temp.again('failed'), 'in_progress', 'nor does one under way');
select pg_temp.run_out('failed');
select is(pg_temp.again('failed'), 'no_active_prompt', 'one to be tried again does');
select pg_temp.go_live(1);

-- Another request with the key
select is(pg_temp.ask('placed', 'placed', p_options => format(', p_session_id => %L', pg_temp.id('done', 'session'))),
  'ok attempt 1', 'a request about a session');
select is(pg_temp.ask('chosen', 'chosen', 'both',
    format(', p_organization_id => %L, p_assistant => ''default''', tests.id('globex'))),
  'ok attempt 1', 'one that names organisation and assistant');
select is(pg_temp.ask('helped', 'helped', p_options => ', p_assistant => ''helper'''), 'ok attempt 1',
  'one of another assistant than the default');
select is(tests.refusal(who, sql), 'key_reused', why)
from (values
  ('ann', 'select public.pawl_begin_turn(''To slow.'', p_idempotency_key => ''slow'')', 'another message, under way'),
  ('ann', 'select public.pawl_begin_turn(''To failed.'', p_idempotency_key => ''failed'')', 'to be tried again'),
  ('ann', 'select public.pawl_begin_turn(''To done.'', p_idempotency_key => ''done'')', 'answered'),
  ('ann', pg_temp.ask_sql('done', format(', p_session_id => %L', pg_temp.id('slow', 'session'))), 'another session'),
  ('ann', pg_temp.ask_sql('slow', format(', p_session_id => %L', tests.id('nothing'))), 'a session there is not'),
  ('ann', pg_temp.ask_sql('placed', format(', p_session_id => %L', pg_temp.id('slow', 'session'))),
   'another than was named'),
  ('ann', pg_temp.ask_sql('done', ', p_assistant => ''helper'''), 'another assistant where none was named'),
  ('ann', pg_temp.ask_sql('done', ', p_assistant => ''nope'''), 'an assistant there is not'),
  ('ann', pg_temp.ask_sql('placed', format(', p_session_id => %L, p_assistant => ''helper''',
     pg_temp.id('done', 'session'))), 'the session with another assistant'),
  ('ann', pg_temp.ask_sql('slow', format(', p_organization_id => %L', tests.id('globex'))),
   'another organisation where none was named'),
  ('both', pg_temp.ask_sql('chosen', format(', p_organization_id => %L, p_assistant => ''helper''', tests.id('globex'))),
   'another assistant than was named'),
  ('both', pg_temp.ask_sql('chosen', format(', p_organization_id => %L, p_assistant => ''default''', tests.id('acme'))),
   'another organisation'),
  ('both', pg_temp.ask_sql('chosen', format(', p_organization_id => %L', tests.id('acme'))), 'also alone'),
  ('service', pg_temp.ask_sql('slow', format(', p_user_id => %L, p_assistant => ''helper''', tests.id('ann'))),
   'with the secret key')) v (who, sql, why);

-- The same request, whatever it says and leaves out of where its turn is
select is(tests.refusal(who, pg_temp.ask_sql(key, options)), outcome, why)
from (values
  ('ann', 'done', format(', p_session_id => %L', pg_temp.id('done', 'session')), 'replayed', 'the session it opened'),
  ('ann', 'slow', format(', p_session_id => %L', pg_temp.id('slow', 'session')), 'in_progress', 'also under way'),
  ('ann', 'done', ', p_assistant => ''default''', 'replayed', 'the assistant it was about'),
  ('ann', 'done', format(', p_organization_id => %L', tests.id('acme')), 'replayed', 'the organisation'),
  ('ann', 'done', format(', p_session_id => %L, p_assistant => ''default'', p_organization_id => %L',
     pg_temp.id('done', 'session'), tests.id('acme')), 'replayed', 'all of them'),
  ('ann', 'placed', '', 'in_progress', 'without its session'),
  ('ann', 'placed', ', p_assistant => ''default''', 'in_progress', 'but with its assistant'),
  ('ann', 'helped', '', 'in_progress', 'without its assistant'),
  ('both', 'chosen', '', 'in_progress', 'without its organisation, by a member of several'),
  ('both', 'chosen', ', p_assistant => ''default''', 'in_progress', 'which has its own assistant of that name'),
  ('both', 'chosen', format(', p_session_id => %L', pg_temp.id('chosen', 'session')), 'in_progress',
   'with the session alone')) v (who, key, options, outcome, why);
select is(pg_temp.ask('tried', 'tried'), 'ok attempt 1', 'a turn');
select pg_temp.run_out('tried');
select is(pg_temp.ask('tried 2', 'tried', p_options => format(', p_session_id => %L, p_assistant => ''default''',
    pg_temp.id('tried', 'session'))), 'ok attempt 2', 'tried again by the session it opened');
select is((select turn from turn_of where name = 'tried 2') - 'attempt',
  (select turn from turn_of where name = 'tried') - 'attempt', 'is the same one');

-- Each person has keys of their own
select is(pg_temp.ask('bea', 'slow', 'bea'), 'ok attempt 1', 'another person with the same key and words');
select isnt(pg_temp.id('bea'), pg_temp.id('slow'), 'has a turn of their own');
select is(pg_temp.again('slow', 'service', format(', p_user_id => %L', tests.id('bea'))), 'in_progress',
  'who asks for them with the secret key is told of it');
select is(pg_temp.again('done', 'service', format(', p_user_id => %L', tests.id('ann'))), 'replayed',
  'and has their answers');

-- A day
create function pg_temp.age_key(p_age interval) returns void
language sql
as $$
  update pawl.idempotency_keys set created_at = now() - p_age where user_id = tests.id('ann') and key = 'done'
$$;
select pg_temp.age_key('23 hours 59 minutes');
select is(pg_temp.again('done'), 'replayed', 'a key is kept for nearly a day');
select pg_temp.age_key('24 hours');
select is(pg_temp.ask('anew', 'done'), 'ok attempt 1', 'after 24 hours');
select isnt(pg_temp.id('anew'), pg_temp.id('done'), 'it begins another turn');
select is(pg_temp.again('done'), 'in_progress', 'of which it tells from then on');
select pg_temp.age_key('24 hours');
select is(tests.begin_turn('ann', 'Something else', ', p_idempotency_key => ''done''') ->> 'outcome', 'ok',
  'or one for other words');
select is(pg_temp.again('done'), 'key_reused', 'to which it belongs then');

-- Who may not go on may not by a key
update pawl.sessions set deleted_at = now() where id = pg_temp.id('slow', 'session');
select is(pg_temp.again('slow'), 'session_not_found', 'the session was deleted: under way');
select pg_temp.run_out('slow');
select is(pg_temp.again('slow'), 'session_not_found', 'to be tried again');
select is(tests.outcome('service', pg_temp.complete('slow', 2)), 'ok', 'its answer comes all the same');
select is(pg_temp.again('slow'), 'session_not_found', 'and is not told');
delete from pawl.organization_members where user_id = tests.id('bea');
select is(pg_temp.again('slow', 'bea'), 'organization_not_found', 'who left the organisation has no answers there');

-- Where a turn that goes on stands in its session
create temp table place as select tests.begin_turn('ann', 'first') as turn;
create function pg_temp.ask_there(p_name text) returns text
language sql
as $$
  select pg_temp.ask(p_name || ' ' || (select count(*) from turn_of), p_name,
    p_options => format(', p_session_id => %L', (select turn ->> 'session_id' from place)))
$$;
select is(tests.outcome('service', tests.complete_turn((turn ->> 'turn_id')::uuid, p_answer => 'One')), 'ok',
  'a first turn') from place;
do $$ begin perform pg_temp.ask_there('second'); end $$;
create temp table second as select turn from turn_of where name like 'second %';
do $$ begin perform tests.call('service', tests.fail_turn((turn ->> 'turn_id')::uuid)) from second; end $$;
do $$ begin perform pg_temp.ask_there('third'); end $$;
do $$
begin
  perform tests.call('service', tests.complete_turn((turn ->> 'turn_id')::uuid, p_answer => 'Three'))
    from turn_of where name like 'third %';
end
$$;
select pg_temp.go_live(2);
select is(pg_temp.ask_there('second'), 'ok attempt 2', 'a second that failed, and goes on after a third');
create temp table gone_on as
  select turn from turn_of where name like 'second %' and turn ->> 'attempt' = '2';
select is((select turn -> 'history' from gone_on), '[{"user_message": "first", "answer": "One"}]',
  'knows what was before it, and not what came after');
select is((select turn ->> 'prompt_id' from gone_on)::uuid, tests.id('acme/default v2'), 'the version live now serves');
select is((select turn ->> 'prompt_version' from gone_on), '2', 'and is named');
select is((select t.prompt_id from pawl.turns t join gone_on on t.id = (turn ->> 'turn_id')::uuid),
  tests.id('acme/default v2'), 'in the turn, too');
select is((select jsonb_agg(h ->> 'answer') from jsonb_array_elements(
    tests.begin_turn('ann', 'fourth', format(', p_session_id => %L', turn ->> 'session_id')) -> 'history') h),
  '["One", "Three"]', 'one under way is no history') from place;
select pg_temp.go_live(1);

-- An attempt that comes back after the next has begun
select is(pg_temp.ask('late', 'late'), 'ok attempt 1', 'an attempt');
select pg_temp.run_out('late');
select is(pg_temp.ask('late again', 'late'), 'ok attempt 2', 'that was given up');
create function pg_temp.written() returns bigint
language sql as $$ select count(*) from pawl.messages where session_id = pg_temp.id('late', 'session') $$;
select is(tests.outcome('service', pg_temp.complete('late', 1)), 'superseded', 'has an answer too late');
select is(pg_temp.written(), 1::bigint, 'which is not written');
select is(pg_temp.state('late'), 'open, attempts 2, lost 1', 'and ends nothing');
select is(tests.refusal('service', pg_temp.fail('late', 1)), 'turn_not_found', 'nor has it anything to give up');
select is(tests.outcome('service', pg_temp.complete('late', 2)), 'ok', 'the next one''s answer is');
select is(tests.outcome('service', pg_temp.complete('late', 1)), 'superseded', 'the first has another');
select is(pg_temp.written(), 2::bigint, 'which changes nothing');
select is(tests.refusal('service', pg_temp.complete('late', 2)), 'ok', 'once');
select is(pg_temp.state('late'), 'completed, attempts 2, lost 1', 'one attempt was lost');

-- One that was swept away, and comes back before anybody asked again
select is(pg_temp.ask('swept', 'swept'), 'ok attempt 1', 'an attempt');
update pawl.turns set lease_expires_at = now() - interval '1 second' where id = pg_temp.id('swept');
select public.pawl_sweep();
select is(pg_temp.state('swept'), 'failed, attempts 1, lost 1, turn_lost', 'that nobody ended');
select is(tests.outcome('service', pg_temp.complete('swept')), 'ok', 'has an answer after all');
select is(pg_temp.state('swept'), 'completed, attempts 1, lost 0', 'nothing was lost');
select is(tests.call('ann', pg_temp.ask_sql('swept')) ->> 'answer', 'Answer 1', 'and who asks again is told');
select is(pg_temp.ask('swept 2', 'swept 2'), 'ok attempt 1', 'another');
update pawl.turns set lease_expires_at = now() - interval '1 second' where id = pg_temp.id('swept 2');
select public.pawl_sweep();
select is(pg_temp.ask('swept 2 again', 'swept 2'), 'ok attempt 2', 'is tried again');
select is(pg_temp.state('swept 2'), 'open, attempts 2, lost 1', 'it was lost once, not twice');
select is(tests.refusal('service', pg_temp.fail('swept 2', 1)), 'turn_not_found', 'what became of the first is late');
update pawl.turns set lease_expires_at = now() - interval '1 second' where id = pg_temp.id('swept 2');
select public.pawl_sweep();
select is(pg_temp.state('swept 2'), 'failed, attempts 2, lost 2, turn_lost', 'swept away once more');
select is(tests.refusal('service', pg_temp.fail('swept 2', attempt)), 'turn_not_found',
          'is not said to have failed by ' || what)
from (values (1, 'an earlier attempt'), (3, 'one that never began'), (null, 'nobody knows which')) v (attempt, what);
create function pg_temp.counted() returns text
language sql
as $$
  select format('%s: %s', sum(calls), sum(output_tokens)) from pawl.usage
  where organization_id = tests.id('acme') and model = 'swept-model'
$$;
select is(
  tests.outcome('service', tests.fail_turn(pg_temp.id('swept 2'), 2, 'model_refused',
    ', p_model => ''swept-model'', p_usage => ''{"output_tokens": 6}''')), 'ok', 'but by its own');
select is(pg_temp.state('swept 2'), 'failed, attempts 2, lost 1, model_refused', 'with the reason, and not lost');
select is(pg_temp.counted(), '1: 6', 'and its tokens');
select is(tests.refusal('service', tests.fail_turn(pg_temp.id('swept 2'), 2, 'other')), 'turn_not_found', 'once');
select is(tests.refusal('service', pg_temp.complete('swept 2', 2)), 'turn_failed', 'an answer after that is not stored');
select is(pg_temp.ask('swept 2 third', 'swept 2'), 'ok attempt 3', 'it is tried again as others are');

-- A refused request leaves no key behind
select tests.make_assistant('several/one'), tests.make_assistant('several/two'), tests.make_assistant('silent/default');
update pawl.system_prompts set state = 'retired' where is_active and assistant_id = tests.id('silent/default');
update pawl.organization_settings set user_requests_per_minute = 1 where organization_id = tests.id('globex');
select tests.make_member('sam', 'several'), tests.make_member('sid', 'silent'), tests.make_member('gil', 'globex');
do $$ begin perform tests.begin_turn('gil', 'hi'); end $$;
select is(tests.refusal(who, format('select public.pawl_begin_turn(p_idempotency_key => ''refused'', %s)', arguments)),
  outcome, 'refused with a key: ' || outcome)
from (values
  ('anon', $$p_message => 'hi'$$, 'permission denied'),
  ('nobody', $$p_message => 'hi'$$, 'unauthorized'),
  ('service', $$p_message => 'hi'$$, 'user_required'),
  ('ann', format($$p_message => 'hi', p_user_id => %L$$, tests.id('ann')), 'user_not_allowed'),
  ('ann', $$p_message => ' '$$, 'message_empty'),
  ('ann', $$p_message => repeat('a', 32769)$$, 'message_too_long'),
  ('both', $$p_message => 'hi'$$, 'organization_required'),
  ('ann', format($$p_message => 'hi', p_organization_id => %L$$, tests.id('globex')), 'organization_not_found'),
  ('sam', $$p_message => 'hi'$$, 'assistant_not_found'),
  ('ann', format($$p_message => 'hi', p_session_id => %L$$, tests.id('nothing')), 'session_not_found'),
  ('sid', $$p_message => 'hi'$$, 'no_active_prompt'),
  ('gil', $$p_message => 'hi'$$, 'limited')) v (who, arguments, outcome);
select is((select count(*)::int from pawl.idempotency_keys where key = 'refused'), 0, 'no key is there');
select is(pg_temp.ask('allowed', 'refused'), 'ok attempt 1', 'the next request may have it');

-- The keys themselves
select throws_ok(
  format('select tests.begin_turn(''ann'', ''hi'', %L)', format(', p_idempotency_key => %L', key)), '23514', null, why)
from (values ('', 'an empty key is a bug'), (repeat('k', 256), 'so is one over 255 letters')) v (key, why);
select is(tests.begin_turn('ann', 'hi', format(', p_idempotency_key => %L', repeat('é', 255))) ->> 'outcome', 'ok',
  'one of 255 is none');
select is((select count(*)::int from pawl.idempotency_keys k join pawl.turns t on t.id = k.turn_id
    where k.user_id <> t.user_id), 0, 'every key is of the person whose turn it began');

select * from finish();
rollback;
