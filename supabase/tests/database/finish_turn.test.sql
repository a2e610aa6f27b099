-- How a turn ends: with an answer, once, or with the reason why there is none. The user's message is safe either way.
begin;
select plan(45);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_member('ann', 'acme');
create temp table turn_of (name text primary key, turn_id uuid, session_id uuid, message_id uuid);
insert into turn_of
  select name, (turn ->> 'turn_id')::uuid, (turn ->> 'session_id')::uuid, (turn ->> 'message_id')::uuid
  from unnest('{answered,plain,late,lost,mistaken}'::text[]) name,
       lateral tests.call('ann', format('select public.pawl_begin_turn(%L)', 'Question ' || name)) turn;

create function pg_temp.id(p_name text) returns uuid
language sql as $$ select turn_id from turn_of where name = p_name $$;

-- Only the secret key
select is(tests.refusal(who, sql), 'permission denied', who || ' may not ' || what)
from unnest('{anon,ann}'::text[]) who, (values
  ('store an answer', tests.complete_turn(pg_temp.id('answered'))),
  ('give a turn up', tests.fail_turn(pg_temp.id('answered'))),
  ('read a prompt', format('select public.pawl_serving_context(%L)', tests.id('acme/default v1')))) v (what, sql);

-- The prompt's text
select is(tests.call('service', format('select public.pawl_serving_context(%L)', tests.id('acme/default v1'))),
  '{"outcome": "ok", "version": 1, "content": "Prompt 1 of acme/default", "endpoint": null, "patterns_revision": 0,
    "patterns": []}',
  'the secret key reads a version by its id');
select is(tests.call('service', format('select public.pawl_serving_context(%L)', tests.id('acme/default v2'))) ->> 'version',
  '2', 'also one that is not live');
select is(tests.outcome('service', format('select public.pawl_serving_context(%L)', tests.id('nothing'))),
  'prompt_not_found', 'an unknown one is said to be');

-- An answer
create function pg_temp.answer_of(p_name text, p_answer text, p_prompt text) returns text
language sql
as $$
  select tests.complete_turn(pg_temp.id(p_name), 1, p_answer,
    '{"input_tokens": 11, "output_tokens": 22, "cache_read_input_tokens": 44, "cache_creation_input_tokens": 55}',
    format(', p_prompt_id => %L', tests.id(p_prompt)))
$$;
select is(tests.refusal('service', tests.complete_turn(tests.id('nothing'))), 'turn_not_found', 'an unknown turn');
select is(
  tests.outcome('service', tests.complete_turn(pg_temp.id('answered'), attempt, p_usage => '{"output_tokens": 5}')),
  'superseded', 'an answer of ' || what)
from (values (2, 'an attempt that never began'), (0, 'none'), (null, 'nobody knows which')) v (attempt, what);
select is((select count(*)::int from pawl.messages m join turn_of t using (session_id) where t.name = 'answered'), 1,
  'is not stored');
select is((select status from pawl.turns where id = pg_temp.id('answered')), 'open', 'nor does it end the turn');
select is((select format('%s: %s', calls, output_tokens) from pawl.usage where organization_id = tests.id('acme')),
  '3: 15', 'but it was paid for');
select throws_ok(
  format('select tests.call(''service'', %L)', pg_temp.answer_of('answered', 'A', 'nothing')),
  'P0002', null, 'an answer of an unknown version is a bug');
select is((select status from pawl.turns where id = pg_temp.id('answered')), 'open', 'which leaves the turn open');
update pawl.sessions set updated_at = now() - interval '1 day';
create temp table answer as
  select tests.call('service', pg_temp.answer_of('answered', 'The answer', 'acme/default v2')) as result;
select is((select result ->> 'outcome' from answer), 'ok', 'an answer is stored');
select results_eq(
  $$select m.session_id, m.role, m.content, m.token_count, m.model_used, m.metadata
    from pawl.messages m where m.id = (select (result ->> 'answer_id')::uuid from answer)$$,
  $$select session_id, 'assistant', 'The answer', 22, 'a-model', '{"stop_reason": "end_turn"}'::jsonb
    from turn_of where name = 'answered'$$,
  'in the session, with what produced it');
select results_eq(
  $$select prompt_id, prompt_version from pawl.messages
    where id = (select (result ->> 'answer_id')::uuid from answer)$$,
  $$values (tests.id('acme/default v2'), 2)$$, 'under the version that was really served');
select results_eq(
  $$select status, answer_message_id, prompt_id, latency_ms, finished_at, error_code, attempts, lost_attempts
    from pawl.turns where id = pg_temp.id('answered')$$,
  $$select 'completed', (result ->> 'answer_id')::uuid, tests.id('acme/default v2'), 333, now(), null::text, 1, 0
    from answer$$,
  'the turn is completed');
select results_eq(
  $$select input_tokens, output_tokens, cache_read_tokens, cache_write_tokens
    from pawl.turns where id = pg_temp.id('answered')$$,
  $$values (11, 22, 44, 55)$$, 'with the tokens the model counted');
select is((select prompt_version from pawl.messages m join turn_of t on m.id = t.message_id where t.name = 'answered'), 1,
  'the user''s message keeps what was to answer it');
select is((select s.updated_at from pawl.sessions s join turn_of t on s.id = t.session_id where t.name = 'answered'),
  now(), 'the session moves up');
create temp table plain as
  select tests.call('service', tests.complete_turn(pg_temp.id('plain'),
    p_options => ', p_tools => ''{search,clock}''')) as result;
select results_eq(
  $$select m.prompt_id, m.token_count, m.metadata, t.prompt_id, t.input_tokens
    from pawl.messages m join pawl.turns t on t.answer_message_id = m.id
    where m.id = (select (result ->> 'answer_id')::uuid from plain)$$,
  $$values (tests.id('acme/default v1'), null::integer,
            '{"stop_reason": "end_turn", "tools": ["search", "clock"]}'::jsonb, tests.id('acme/default v1'),
            null::integer)$$,
  'unless another is named it is of the version the turn began with; tools are, and tokens need not be known');

-- Once
select is(tests.refusal('service', pg_temp.answer_of('answered', 'Another', 'acme/default v1')), 'ok',
  'completed again, nothing is written');
select is(
  tests.call('service', pg_temp.answer_of('answered', 'Another', 'acme/default v1')) -> 'answer_id',
  (select result -> 'answer_id' from answer), 'and the first answer is given back');
select is((select count(*)::int from pawl.messages m join turn_of t using (session_id) where t.name = 'answered'), 2,
  'there is one question and one answer');
select is(tests.refusal('service', tests.fail_turn(pg_temp.id('answered'))), 'turn_not_found',
  'a completed turn is not given up');

-- However late, as long as nobody has given it up
update pawl.turns set lease_expires_at = now() - interval '1 hour' where id = pg_temp.id('late');
select is(tests.outcome('service', tests.complete_turn(pg_temp.id('late'))), 'ok', 'an answer after the lease is stored');

-- No answer
select is(tests.refusal('service', tests.fail_turn(tests.id('nothing'))), 'turn_not_found', 'an unknown turn');
select is(tests.refusal('service', tests.fail_turn(pg_temp.id('lost'), 2)), 'turn_not_found',
  'an attempt that never began');
select is(tests.outcome('service', tests.fail_turn(pg_temp.id('lost'))), 'ok', 'an open turn is given up');
select results_eq(
  $$select status, error_code, answer_message_id, finished_at, lost_attempts from pawl.turns
    where id = pg_temp.id('lost')$$,
  $$values ('failed', 'model_timeout', null::uuid, now(), 0)$$, 'with the reason');
select is((select content from pawl.messages m join turn_of t on m.id = t.message_id where t.name = 'lost'),
  'Question lost', 'the user''s message is still there');
select is(tests.refusal('service', tests.fail_turn(pg_temp.id('lost'), p_code => 'other')), 'turn_not_found', 'once');
select is(tests.refusal('service', tests.complete_turn(pg_temp.id('lost'))), 'turn_failed',
  'an answer that comes too late is not stored');
select throws_ok(
  format('select tests.call(''service'', %L)', tests.fail_turn(pg_temp.id('mistaken'), p_code => null)),
  '23514', null, 'giving up takes a reason');
select is((select status from pawl.turns where id = pg_temp.id('mistaken')), 'open', 'without one the turn stays open');
select is(tests.refusal('service', tests.fail_turn(pg_temp.id('mistaken'), null)), 'turn_not_found',
  'as it does without a number');

-- The rows themselves
select throws_ok(
  format('update pawl.turns set status = ''completed'' where id = %L', pg_temp.id('mistaken')),
  '23514', null, 'no turn is completed without an answer');
select throws_ok(
  format('update pawl.turns set status = ''completed'', answer_message_id = %L where id = %L',
    (select result ->> 'answer_id' from answer), pg_temp.id('mistaken')),
  '23505', null, 'no answer belongs to two turns');
select throws_ok(
  format('update pawl.turns set lost_attempts = 2 where id = %L', pg_temp.id('mistaken')),
  '23514', null, 'no turn has lost more attempts than it had');
select throws_ok(
  format('insert into pawl.messages (session_id, role, content) select session_id, ''tool'', ''x'' from pawl.turns where id = %L',
    pg_temp.id('mistaken')),
  '23514', null, 'no message has an unknown role');

select * from finish();
rollback;
