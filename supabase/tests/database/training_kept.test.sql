-- A row that a dataset was made of outlives what it was collected from, so that the dataset can be built again; but not the
-- person whose text it is, nor their conversation.
begin;
select plan(12);

select tests.make_assistant('acme/default'), tests.hold_training();
select tests.taught('a', 'ann', 1), tests.taught('shared', 'bob', 0.8, 'a'), tests.taught('b', 'bob', 0.9), tests.taught('c', 'cat', 1),
       tests.taught('d', 'cat', 1);
create temp table model as
  select (tests.train('open_model_version', $$, '{}', '{"quality": 0}'$$) #>> '{version,id}')::uuid as id;
select is(tests.call('service', format('select public.pawl_record_parts(%L, %L, %L, %L)', tests.id('w'), id, tests.id('x'),
  jsonb_build_array(jsonb_build_object('number', 1, 'split', 'train', 'path', 'p', 'rows', 3, 'bytes', 1, 'sha256', repeat('0', 64),
    'ids', (select jsonb_agg(t.id) from pawl.training_data t where t.output ->> 'content' in ('a', 'b', 'd')))))) ->> 'outcome',
  'ok', 'a part of a dataset')
from model;
create function pg_temp.missing() returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_dataset_rows(%L, 1, ''train'')', id)) -> 'missing' from model
$$;
create function pg_temp.anew(p_name text, p_score double precision default 0.6) returns integer
language sql
as $$
  select tests.collect_all(jsonb_build_array(tests.collected(
    p_name, p_score, p_name || ' anew', jsonb_build_object('output', jsonb_build_object('content', p_name || ' anew')))))
$$;

-- Collected as something else, or as nothing
select is(pg_temp.anew(n), 1, n || ' is collected anew') from unnest('{a,c}'::text[]) n;
select is(pg_temp.anew('b', null), 1, 'b as nothing');
select is(tests.rows_taught(), 'a 0.8 1 validated user, a anew 0.6 1 validated user, b 0 automated, c anew 0.6 1 validated user, '
  || 'd 1 1 validated user', 'what the dataset was made of is there, without what they said of it; c is not');
select is((select string_agg(t.output ->> 'content', ' ' order by 1) from pawl.teaching_data t where t.output ->> 'content' = 'b'), null,
  'it teaches nothing');
select is(pg_temp.missing(), '0', 'the dataset can be built again');
select is(pg_temp.anew('shared'), 1, 'another leaves the row');
select is((select votes from pawl.training_data where output ->> 'content' = 'a'), 0, 'nobody says anything of it');

-- Gone with whose text it is
select is(tests.outcome('ann', format('select public.pawl_delete_session(%L)', tests.id('a session'))), 'ok', 'Ann deletes the conversation');
select is(tests.rows_taught(), 'b 0 automated, c anew 0.6 1 validated user, d 1 1 validated user, shared anew 0.6 1 validated user',
  'both rows go');
do $$ begin perform tests.call('service', format('select public.pawl_forget_user(%L)', tests.id('bob'))); end $$;
select is(tests.rows_taught(), 'c anew 0.6 1 validated user, d 1 1 validated user', 'Bob is forgotten, with the row of his that was kept');

select * from finish();
rollback;
