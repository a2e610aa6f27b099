-- What a model was trained on is no question to test it with; and a pair is reserved as the dearer of both models.
begin;
select plan(13);

select tests.make_assistant('acme/default'), tests.make_questions('acme/default', 6), tests.make_model('acme/default', 1, 'trained');
-- Row n is what was asked and answered in question n; 5 has the question of 1, answered otherwise.
insert into pawl.training_data (id, organization_id, assistant_id, model_name, input, output, content_hash, input_hash)
  select tests.id('row ' || n), tests.id('acme'), tests.id('acme/default'), 'default', '{"messages": []}', '{"content": ""}',
         sha256(convert_to('content ' || n, 'UTF8')), sha256(convert_to('input ' || case n when 5 then 1 else n end, 'UTF8'))
  from generate_series(1, 5) n;
insert into pawl.training_sources (message_id, assistant_id, training_id, user_id, score, validated, source, is_origin)
  select tests.id('acme/default question ' || n || ' answer'), tests.id('acme/default'), tests.id('row ' || n),
         tests.id('chatter'), 1, true, 'user', true
  from generate_series(1, 5) n;
insert into pawl.dataset_rows (model_version_id, part, split, position, training_id) values
  (tests.id('acme/default m1'), 1, 'train', 1, tests.id('row 1')),
  (tests.id('acme/default m1'), 1, 'train', 2, tests.id('row 2')),
  (tests.id('acme/default m1'), 1, 'held_out', 1, tests.id('row 3'));
create function pg_temp.questions() returns text
language sql
as $$
  select string_agg(n::text, ' ' order by n) from pawl.prompt_tests t
  cross join pawl.questions_for(t) q (id)
  join generate_series(1, 6) n on tests.id('acme/default question ' || n) = q.id
  where t.state in ('screening', 'proving')
$$;
create function pg_temp.compared() returns uuid[]
language sql as $$ select pawl.models_compared(t) from pawl.prompt_tests t where t.state in ('screening', 'proving') $$;

select tests.open_test('acme/default', 2);
select is(pg_temp.questions(), '1 2 3 4 5 6', 'a prompt is tested with all');
select is(pg_temp.compared(), '{}', 'it compares no models');
do $$ begin perform pawl.close_test(tests.id('acme/default'), 'by_hand'); end $$;

select tests.test_model('acme/default', 1);
select is(pg_temp.questions(), '3 4 6', 'a model not with its examples, nor other answers to the same; what was held out is a question');
select is(pg_temp.compared(), array[tests.id('acme/default m1')], 'it is compared with one that was not tuned');
savepoint testing;
delete from pawl.training_sources where message_id = tests.id('acme/default question 5 answer');
select is(pg_temp.questions(), '3 4 5 6', 'as far as it was collected');
update pawl.exchanges set session_id = tests.id('acme/default question 1 session')
  where message_id in (tests.id('acme/default question 3 answer'), tests.id('acme/default question 6 answer'));
select is(pg_temp.questions(), '4 5', 'nor with what was said later in a conversation of theirs: its history has the answers');
rollback to testing;

-- The cost
create function pg_temp.cost() returns numeric
language sql
as $$
  select round((pawl.highest_cost_of_pair(t, p)).usd, 4) from pawl.prompt_tests t, pawl.replay_pairs p
  where p.test_id = t.id and t.state = 'screening'
$$;
insert into pawl.replay_pairs (test_id, stage, number, turn_id, candidate_first)
  select t.id, 'screening', 1, tests.id('acme/default question 3'), true from pawl.prompt_tests t where t.state = 'screening';
create temp table costs as select pg_temp.cost() as unpriced;
select cmp_ok(unpriced, '>', 0::numeric, 'a model without a price costs what the other does') from costs;
insert into pawl.model_prices (model, input_usd, output_usd, cache_read_usd, cache_write_usd) values ('tuned-1', 300, 1500, 30, 375);
select cmp_ok(pg_temp.cost(), '>', unpriced * 5, 'a dearer one more') from costs;
update pawl.model_prices set input_usd = 0, output_usd = 0, cache_write_usd = 0 where model = 'tuned-1';
select is(pg_temp.cost(), unpriced, 'a cheaper one no less') from costs;
do $$ begin perform pawl.close_test(tests.id('acme/default'), 'judge_changed'); end $$;

-- Once it is live
select is(tests.deploy_model('acme/default', 1), 3, 'it goes live');
select tests.make_version('acme/default', 9);
insert into pawl.system_prompts (id, assistant_id, version, content, model_version_id)
  values (tests.id('later'), tests.id('acme/default'), 10, 'Another text', tests.id('acme/default m1'));
do $$ begin perform pawl.open_test(c, b.id) from pawl.system_prompts c, pawl.system_prompts b where c.version = 10 and b.is_active and b.assistant_id = c.assistant_id; end $$;
select is(pg_temp.questions(), '1 2 3 4 5 6', 'a text for the same model is tested with all: both versions saw the same');
do $$ begin perform pawl.close_test(tests.id('acme/default'), 'by_hand'); perform tests.open_test('acme/default', 9); end $$;
select is(pg_temp.compared(), array[tests.id('acme/default m1')], 'what is served by another has it as what is to be beaten');
select is(pg_temp.questions(), '3 4 6', 'and is not asked what that was trained on');

select * from finish();
rollback;
