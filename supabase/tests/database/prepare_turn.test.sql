-- A turn for a backend that calls a model of its own: begun like any other, with the prompt's text.
begin;
select plan(20);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_member('ann', 'acme'),
       tests.make_member('amy', 'acme', 'admin');
create function pg_temp.prepare_sql(p_message text, p_options text default '') returns text
language sql
as $$
  select format('select public.pawl_prepare_turn(%L, p_user_id => %L %s)', p_message, tests.id('ann'), p_options)
$$;

-- Only the secret key
select is(tests.refusal(who, 'select public.pawl_prepare_turn(''hi'')'), 'permission denied', who || ' sees no prompt')
from unnest('{anon,ann,amy}'::text[]) who;

-- Prepared
create temp table turn as
  select tests.call('service', pg_temp.prepare_sql('hi', ', p_idempotency_key => ''k''')) as prepared;
select is((select prepared ->> 'outcome' from turn), 'ok', 'a backend prepares a turn');
select is((select prepared ->> 'system_prompt' from turn), 'Prompt 1 of acme/default',
  'with the text of the live version');
select is(
  (select jsonb_object_agg(key, prepared -> key)
   from turn, unnest('{attempt,prompt_version,history,model}'::text[]) key),
  '{"attempt": 1, "prompt_version": 1, "history": [], "model": "claude-sonnet-5-5"}', 'and all that a turn begins with');
select results_eq(
  $$select t.user_id, t.status, m.content from pawl.turns t join pawl.messages m on m.id = t.user_message_id
    join turn on t.id = (prepared ->> 'turn_id')::uuid$$,
  $$values (tests.id('ann'), 'open', 'hi')$$, 'the person''s message is stored');
select is(tests.refusal('service', pg_temp.prepare_sql('hi', ', p_idempotency_key => ''k''')), 'in_progress',
  'the key holds');
select is(
  tests.outcome('service', tests.complete_turn((prepared ->> 'turn_id')::uuid, p_options => ', p_tools => ''{search}''')),
  'ok', 'the backend''s own answer') from turn;
select is(tests.call('service', pg_temp.prepare_sql('hi', ', p_idempotency_key => ''k''')) ->> 'answer', 'An answer',
  'is given back to who asks again');
select is(tests.call('service', pg_temp.prepare_sql('hi', ', p_idempotency_key => ''k''')) ? 'system_prompt', false,
  'without a prompt');
select is(
  tests.call('service', pg_temp.prepare_sql('on', format(', p_session_id => %L', prepared ->> 'session_id')))
    -> 'history',
  '[{"user_message": "hi", "answer": "An answer"}]', 'it is in the history of the next') from turn;

-- As long as the backend says
create function pg_temp.lease(p_message text) returns interval
language sql
as $$
  select t.lease_expires_at - now() from pawl.turns t join pawl.messages m on m.id = t.user_message_id
  where m.content = p_message
$$;
select is(pg_temp.lease('on'), '150 seconds', 'a lease is of 150 seconds');
select is(tests.outcome('service', pg_temp.prepare_sql('long', ', p_idempotency_key => ''l'', p_lease_seconds => 600')),
  'ok', 'or of what is asked for');
select is(pg_temp.lease('long'), '10 minutes', 'longer');
select is(
  tests.refusal('service', pg_temp.prepare_sql('long', ', p_idempotency_key => ''l'', p_lease_seconds => 900')),
  'in_progress', 'who asks again does not make it longer');
update pawl.turns t set lease_expires_at = now() from pawl.messages m
  where m.id = t.user_message_id and m.content = 'long';
select is(
  tests.call('service', pg_temp.prepare_sql('long', ', p_idempotency_key => ''l'', p_lease_seconds => 5')) ->> 'attempt',
  '2', 'the next attempt');
select is(pg_temp.lease('long'), '5 seconds', 'has a lease of its own');

-- Refused
select is(tests.call('service', pg_temp.prepare_sql(' ')), '{"outcome": "message_empty"}',
  'a refusal is all that is said');
select is(tests.refusal('service', 'select public.pawl_prepare_turn(''hi'')'), 'user_required',
  'the secret key names a person');

select * from finish();
rollback;
