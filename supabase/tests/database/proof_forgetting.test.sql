-- A person is forgotten, a conversation deleted, while versions are in test: nothing of theirs stays, and tests go on.
begin;
select plan(24);

select tests.make_assistant('acme/default');
update pawl.loop_settings set screening_pairs = 20, test_usd_per_day = 1000;
select tests.make_questions('acme/default', 12, 'bobs', 'bob'), tests.make_questions('acme/default', 8, 'anns', 'ann');
create temp table test as select tests.open_test('acme/default') as id;
create function pg_temp.next() returns jsonb
language sql as $$ select tests.prove('next_pairs', (select id from test), ', 50') $$;
create function pg_temp.forget(p_who text) returns text
language sql as $$ select tests.outcome('service', format('select public.pawl_forget_user(%L)', tests.id(p_who))) $$;
create function pg_temp.words_of(p_word text) returns text
language plpgsql
as $$
declare
  v_table regclass;
  v_found boolean;
  v_all text;
begin
  for v_table in select c.oid::regclass from pg_class c where c.relnamespace = 'pawl'::regnamespace and c.relkind = 'r' order by 1 loop
    execute format('select exists (select from %s t where t::text ~* %L)', v_table, p_word) into v_found;
    v_all := concat_ws(' ', v_all, case when v_found then v_table::text end);
  end loop;
  return nullif(btrim(v_all), '');
end
$$;

-- Answers that quote a person
create temp table pairs as select p from jsonb_array_elements(pg_temp.next() -> 'pairs') p;
do $$ begin
  perform tests.prove('record_pairs', test.id, format(', %L', (select jsonb_agg(jsonb_build_object('pair_id', p -> 'pair_id',
    'baseline_answer', 'Old answer' || (p ->> 'message'), 'candidate_answer', 'New answer ' || (p ->> 'message'))) from pairs))) from test;
end $$;
select is((select count(*)::int from pawl.replay_pairs where state = 'answered'), 20, 'answers wait for their comparison');
select is(pg_temp.words_of('to anns'), 'pawl.messages pawl.replay_pairs', 'which repeat what Ann asked');
select is(pg_temp.forget('ann'), 'ok', 'Ann is forgotten');
set constraints all immediate;
select is(pg_temp.words_of('to anns'), null, 'and nothing she asked is kept');
select is(pg_temp.words_of(tests.id('ann')::text), 'pawl.audit_log', 'her id is in no row but the record''s');
select is((select count(*)::int from pawl.replay_pairs where state = 'answered'), 12, 'those of others stay');
select is(jsonb_array_length(pg_temp.next() -> 'pairs'), 12, 'her questions say nothing');
select is((select count(*)::int from pawl.replay_pairs where state = 'void' and turn_id is null), 8, 'for good');
select is((select jsonb_agg(distinct data) from pawl.proof_observations), '[{"d": 0, "first": 0, "second": 0, "longer": 0, "question_type": "other"}]', 'as ties');
select is((select count(*)::int from pawl.proof_observations), 8, 'one each');

-- What she was handed out as is recorded too late
do $$ begin
  perform tests.prove('record_pairs', test.id, format(', %L', (select jsonb_agg(jsonb_build_object('pair_id', p -> 'pair_id',
    'baseline_answer', 'Old to anns', 'candidate_answer', 'New to anns', 'first_order', 1, 'second_order', 1)) from pairs where p ->> 'message' like '%anns%'))) from test;
end $$;
select is(pg_temp.words_of('to anns'), null, 'what a worker brings later is not stored');
select is((select count(*)::int from pawl.proof_observations), 8, 'nor counted again');

-- A conversation that is deleted, and swept away
update pawl.sessions set deleted_at = now() - interval '40 days' where id = tests.id('acme/default bobs 3 session');
do $$ begin perform tests.call('service', 'select public.pawl_sweep()'); end $$;
select is(pg_temp.words_of('to bobs 3$|to bobs 3[^0-9]'), null, 'with a conversation its answers go');
select is((select count(*)::int from pawl.replay_pairs where state = 'answered'), 11, 'and no others');
select is(jsonb_array_length(pg_temp.next() -> 'pairs'), 11, 'the test goes on without');
update pawl.sessions set deleted_at = now() where id = tests.id('acme/default bobs 4 session');
select pg_temp.next();
select is((select string_agg(content, ' ') from pawl.messages where content ~ 'To bobs 4$') || ' ' || (select count(*) from pawl.replay_pairs where baseline_answer ~ 'bobs 4$'), 'To bobs 4 0',
  'one that is only marked as deleted is compared no more');

-- A canary's units
select tests.prove('decide_test', id, $$, 'rejected', 'worse', '{}', '{}'$$) from test;
select is(pg_temp.words_of('old answer|new answer'), null, 'when a test ends no answer is kept');
update test set id = tests.open_test('acme/default', 3);
select tests.begin_proof(id, 'canary') from test;
select tests.make_member(p, 'acme') from unnest('{cara,dan}'::text[]) p;
select tests.make_session(p || 's', p, 'acme/default', '3 days') from unnest('{cara,dan}'::text[]) p;
insert into pawl.canary_units (id, test_id, user_id, session_id, candidate, propensity, assigned_at)
  select tests.id(p || ' unit'), id, tests.id(p), tests.id(p || 's'), true, 0.2, now() - interval '3 days' from test, unnest('{cara,dan}'::text[]) p;
do $$ begin
  perform tests.prove('record_units', id, format(', %L', jsonb_build_array(jsonb_build_object('unit_id', tests.id('cara unit'), 'judged', 1, 'reaction', 1)))) from test;
end $$;
select is(pg_temp.forget('cara'), 'ok', 'a person of a canary is forgotten');
select is((select string_agg(u.id::text, ' ') from pawl.canary_units u), tests.id('dan unit')::text, 'with what the coin said of her');
select is((select count(*)::int from pawl.proof_observations where kind = 'unit'), 1, 'what was observed names no one, and stays');
do $$ begin
  perform tests.prove('record_units', id, format(', %L', jsonb_build_array(jsonb_build_object('unit_id', tests.id('dan unit'), 'judged', 1, 'reaction', 1)))) from test;
end $$;
select is((select data ->> 'person' from pawl.proof_observations where kind = 'unit' order by seq desc limit 1), '2', 'her number is not given to another');

-- An assistant goes with its tests
set constraints all deferred;
delete from pawl.assistants where id = tests.id('acme/default');
set constraints all immediate;
select is((select count(*)::int from pawl.prompt_tests) + (select count(*)::int from pawl.replay_pairs) + (select count(*)::int from pawl.canary_units)
  + (select count(*)::int from pawl.test_usage), 0, 'an assistant goes with its tests');
select is((select count(*)::int from pawl.promotion_receipts), 1, 'but for the receipts');
select cmp_ok((select count(*)::int from pawl.proof_observations), '>', 10, 'and what these were made from');

select * from finish();
rollback;
