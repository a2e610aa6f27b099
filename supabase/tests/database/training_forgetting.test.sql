-- Whoever is forgotten, or deletes a conversation, teaches nobody from then on: the rows with their text go, others lose
-- what they said, and later datasets hold none of it.
begin;
select plan(26);

select tests.make_assistant('acme/default'), tests.hold_training();
select tests.taught('anns', 'ann', 1), tests.taught('bobs', 'bob', 0.8);
-- Said first by Ann, then by Bob and Cat; and first by Bob, then by Ann.
select tests.taught('shared', 'ann', 1, 'shared'), tests.taught('bob shared', 'bob', 0.8, 'shared'),
       tests.taught('cat shared', 'cat', 0.7, 'shared');
select tests.taught('bob first', 'bob', 0.9, 'first'), tests.taught('ann second', 'ann', 0.5, 'first');
select is(tests.rows_taught(), 'anns 1 1 validated user, bob first 0.7 2 validated user, bobs 0.8 1 validated user, '
  || 'shared 0.8333333333333334 3 validated user', 'the world');

-- A dataset that is being written, with all of them
create temp table model as
  select (tests.train('open_model_version', $$, '{}', '{"quality": 0}'$$) #>> '{version,id}')::uuid as id;
create function pg_temp.page(p_after uuid default null) returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_dataset_page(%L, %L, %L)', tests.id('w'), id, p_after)) from model
$$;
create function pg_temp.texts() returns text
language sql
as $$
  select string_agg(r #>> '{output,content}', ', ' order by r #>> '{output,content}')
  from jsonb_array_elements(pg_temp.page() -> 'rows') r
$$;
select is(pg_temp.texts(), 'anns, bob first, bobs, shared', 'what a dataset would hold');
select is(tests.call('service', format('select public.pawl_record_parts(%L, %L, %L, %L)', tests.id('w'), id, tests.id('x'),
  jsonb_build_array(jsonb_build_object('number', 1, 'split', 'train', 'path', 'p', 'rows', 4, 'bytes', 1,
    'sha256', repeat('0', 64), 'ids', (select jsonb_agg(r -> 'id') from jsonb_array_elements(pg_temp.page() -> 'rows') r)))))
  ->> 'outcome', 'ok', 'a part of it lies in storage')
from model;
create function pg_temp.missing() returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_dataset_rows(%L, 1, ''train'')', id)) -> 'missing' from model
$$;
select is(pg_temp.missing(), '0', 'whole');

-- Forgotten
select is(tests.call('service', format('select public.pawl_forget_user(%L)', tests.id('ann'))) ->> 'outcome', 'ok',
  'Ann is forgotten');
select is(tests.rows_taught(), 'bob first 0.9 1 validated user, bobs 0.8 1 validated user',
  'her texts go, and what she said of another''s');
select is_empty($$select from pawl.training_sources where user_id = tests.id('ann')$$, 'nothing of hers is left');
select is((select count(*)::int from pawl.training_data t where t::text ~ 'ann|shared'), 0, 'nor a word');
select is(pg_temp.page() ->> 'outcome', 'lease_lost', 'whoever was writing a dataset of it has to begin again');
select tests.hold_training();
select is(pg_temp.texts(), 'bob first, bobs', 'without her');
select is(pg_temp.missing(), '2', 'and of the part that is stored two are missing');
select is((select jsonb_agg(e ->> 'answer' order by e ->> 'answer')
  from jsonb_array_elements(tests.train('training_page') -> 'page') e), '["bob shared", "cat shared"]',
  'what others had in common with her is theirs to give');
select is(tests.collect_all(jsonb_build_array(tests.collected('bob shared', 0.8, 'shared'),
  tests.collected('cat shared', 0.7, 'shared'))), 2, 'again');
select is(tests.rows_taught(), 'bob first 0.9 1 validated user, bob shared 0.75 2 validated user, bobs 0.8 1 validated user',
  'with their own words');
select is(tests.train('training_page') -> 'page', '[]', 'and then nothing waits');

-- A lease that nobody holds, or of another assistant, is no matter.
select tests.make_assistant('acme/other'), tests.hold_training('w', 'acme/other'), tests.taught('dans', 'dan');
select is(tests.call('service', format('select public.pawl_forget_user(%L)', tests.id('dan'))) ->> 'outcome', 'ok', 'another is forgotten');
select is(tests.train('training_page', p_about => 'acme/other') ->> 'outcome', 'ok', 'who works elsewhere works on');
select tests.hold_training();

-- A conversation that is deleted
update pawl.leases set holder = tests.id('w'), expires_at = now() + interval '1 hour' where kind = 'training';
do $$ begin perform tests.react('bobs', 'copy'); end $$;
select is(tests.outcome('bob', format('select public.pawl_delete_session(%L)', tests.id('bobs session'))), 'ok', 'Bob deletes one');
select is(tests.rows_taught(), 'bob first 0.9 1 validated user, bob shared 0.75 2 validated user', 'its row goes');
select is(tests.train('training_page') -> 'page', '[]', 'and what was said of it last is not collected');
select is(tests.outcome('bob', format('select public.pawl_delete_session(%L)', tests.id('bob shared session'))), 'ok', 'and another');
select is(tests.train('training_page') #>> '{page,0,answer}', 'cat shared', 'what Cat had in common with it waits');
select is(tests.outcome('bob', format('select public.pawl_rename_session(%L, ''New'')', tests.id('bob first session'))), 'ok', 'a new title');
select is(tests.rows_taught(), 'bob first 0.9 1 validated user', 'is nothing of that');

-- All at once
delete from pawl.users where id = tests.id('bob');
select is(tests.rows_taught(), null, 'whoever is deleted by hand takes theirs with them too');
select lives_ok($$delete from pawl.organizations where id = tests.id('acme'); set constraints all immediate$$,
  'and an organisation goes with its datasets');

select * from finish();
rollback;
