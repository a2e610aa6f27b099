-- How a turn ends: with an answer, once, or with the reason why there is none. The user's message is safe either way.
begin;
select plan(33);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_member('ann', 'acme');
create temp table turn_of (name text primary key, turn_id uuid, session_id uuid, message_id uuid);
insert into turn_of
  select name, (turn ->> 'turn_id')::uuid, (turn ->> 'session_id')::uuid, (turn ->> 'message_id')::uuid
  from unnest('{answered,lost,mistaken}'::text[]) name,
       lateral tests.call('ann', format('select public.pawl_begin_turn(%L)', 'Question ' || name)) turn;

create function pg_temp.complete(p_turn uuid, p_prompt text, p_answer text) returns text
language sql
as $$
  select format('select public.pawl_complete_turn(%L, %L, %L, ''a-model'', ''end_turn'', 11, 22, 333)',
    p_turn, tests.id(p_prompt), p_answer)
$$;
create function pg_temp.fail(p_turn uuid, p_code text default 'model_timeout') returns text
language sql as $$ select format('select public.pawl_fail_turn(%L, %L)', p_turn, p_code) $$;
create function pg_temp.id(p_name text) returns uuid
language sql as $$ select turn_id from turn_of where name = p_name $$;

-- Only the secret key
select is(tests.refusal(who, sql), 'permission denied', who || ' may not ' || what)
from unnest('{anon,ann}'::text[]) who, (values
  ('store an answer', pg_temp.complete(pg_temp.id('answered'), 'acme/default v1', 'Forged')),
  ('give a turn up', pg_temp.fail(pg_temp.id('answered'))),
  ('read a prompt', format('select public.pawl_serving_context(%L)', tests.id('acme/default v1')))) v (what, sql);

-- The prompt's text
select is(tests.call('service', format('select public.pawl_serving_context(%L)', tests.id('acme/default v1'))),
  '{"outcome": "ok", "version": 1, "content": "Prompt 1 of acme/default"}', 'the secret key reads a version by its id');
select is(tests.call('service', format('select public.pawl_serving_context(%L)', tests.id('acme/default v2'))) ->> 'version',
  '2', 'also one that is not live');
select is(tests.outcome('service', format('select public.pawl_serving_context(%L)', tests.id('nothing'))),
  'prompt_not_found', 'an unknown one is said to be');

-- An answer
select is(tests.refusal('service', pg_temp.complete(tests.id('nothing'), 'acme/default v1', 'A')), 'turn_not_found',
  'an unknown turn');
select throws_ok(
  format('select tests.call(''service'', %L)', pg_temp.complete(pg_temp.id('answered'), 'nothing', 'A')),
  'P0002', null, 'an answer of an unknown version is a bug');
select is((select status from pawl.turns where id = pg_temp.id('answered')), 'open', 'which leaves the turn open');
update pawl.sessions set updated_at = now() - interval '1 day';
create temp table answer as
  select tests.call('service', pg_temp.complete(pg_temp.id('answered'), 'acme/default v2', 'The answer')) as result;
select is((select result ->> 'outcome' from answer), 'ok', 'an answer is stored');
select results_eq(
  $$select m.session_id, m.role, m.content, m.token_count, m.model_used, m.metadata ->> 'stop_reason'
    from pawl.messages m where m.id = (select (result ->> 'answer_id')::uuid from answer)$$,
  $$select session_id, 'assistant', 'The answer', 22, 'a-model', 'end_turn' from turn_of where name = 'answered'$$,
  'in the session, with what produced it');
select results_eq(
  $$select prompt_id, prompt_version from pawl.messages
    where id = (select (result ->> 'answer_id')::uuid from answer)$$,
  $$values (tests.id('acme/default v2'), 2)$$, 'under the version that was really served');
select results_eq(
  $$select status, answer_message_id, prompt_id, input_tokens, output_tokens, latency_ms, finished_at, error_code
    from pawl.turns where id = pg_temp.id('answered')$$,
  $$select 'completed', (result ->> 'answer_id')::uuid, tests.id('acme/default v2'), 11, 22, 333, now(), null::text
    from answer$$,
  'the turn is completed');
select is((select prompt_version from pawl.messages m join turn_of t on m.id = t.message_id where t.name = 'answered'), 1,
  'the user''s message keeps what was to answer it');
select is((select s.updated_at from pawl.sessions s join turn_of t on s.id = t.session_id where t.name = 'answered'),
  now(), 'the session moves up');

-- Once
select is(tests.refusal('service', pg_temp.complete(pg_temp.id('answered'), 'acme/default v1', 'Another')), 'ok',
  'completed again, nothing is written');
select is(
  tests.call('service', pg_temp.complete(pg_temp.id('answered'), 'acme/default v1', 'Another')) -> 'answer_id',
  (select result -> 'answer_id' from answer), 'and the first answer is given back');
select is((select count(*)::int from pawl.messages m join turn_of t using (session_id) where t.name = 'answered'), 2,
  'there is one question and one answer');
select is(tests.refusal('service', pg_temp.fail(pg_temp.id('answered'))), 'turn_not_found',
  'a completed turn is not given up');

-- No answer
select is(tests.refusal('service', pg_temp.fail(tests.id('nothing'))), 'turn_not_found', 'an unknown turn');
select is(tests.outcome('service', pg_temp.fail(pg_temp.id('lost'))), 'ok', 'an open turn is given up');
select results_eq(
  $$select status, error_code, answer_message_id, finished_at from pawl.turns where id = pg_temp.id('lost')$$,
  $$values ('failed', 'model_timeout', null::uuid, now())$$, 'with the reason');
select is((select content from pawl.messages m join turn_of t on m.id = t.message_id where t.name = 'lost'),
  'Question lost', 'the user''s message is still there');
select is(tests.refusal('service', pg_temp.fail(pg_temp.id('lost'), 'other')), 'turn_not_found', 'once');
select is(tests.refusal('service', pg_temp.complete(pg_temp.id('lost'), 'acme/default v1', 'Late')), 'turn_failed',
  'an answer that comes too late is not stored');
select throws_ok(
  format('select tests.call(''service'', %L)', pg_temp.fail(pg_temp.id('mistaken'), null)),
  '23514', null, 'giving up takes a reason');
select is((select status from pawl.turns where id = pg_temp.id('mistaken')), 'open', 'without one the turn stays open');

-- The rows themselves
select throws_ok(
  format('update pawl.turns set status = ''completed'' where id = %L', pg_temp.id('mistaken')),
  '23514', null, 'no turn is completed without an answer');
select throws_ok(
  format('update pawl.turns set status = ''completed'', answer_message_id = %L where id = %L',
    (select result ->> 'answer_id' from answer), pg_temp.id('mistaken')),
  '23505', null, 'no answer belongs to two turns');
select throws_ok(
  format('insert into pawl.messages (session_id, role, content) select session_id, ''tool'', ''x'' from pawl.turns where id = %L',
    pg_temp.id('mistaken')),
  '23514', null, 'no message has an unknown role');

select * from finish();
rollback;
