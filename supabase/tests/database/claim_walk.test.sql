-- One worker goes through all assistants, call by call: each is looked at once a walk, the longest unseen first.
begin;
select plan(19);

select tests.make_assistant('acme/' || name) from unnest('{one,two,three,four}'::text[]) name;
select tests.make_answers('acme/' || name, 5) from unnest('{one,three,four}'::text[]) name;
-- When each was last looked at: not in the order of their names or of their making.
create function pg_temp.set_order() returns void
language sql
as $$
  update pawl.leases l set checked_at = now() - a.age
    from (values ('four', interval '4 hours'), ('two', interval '3 hours'), ('three', interval '2 hours'),
                 ('one', interval '1 hour')) a (name, age)
    where l.assistant_id = tests.id('acme/' || a.name);
$$;
select pg_temp.set_order();

create temp table step (name text primary key, claim jsonb);
create function pg_temp.step(p_name text, p_after text, p_options text default '') returns text
language sql
as $$
  insert into step
    select p_name, tests.claim('w1', 'acme', p_options || coalesce(
      (select format(', p_before => %L', claim ->> 'as_of') from step where name = p_after), ''))
  returning coalesce(claim #>> '{claim,about,assistant}', 'nothing') || ' after ' || coalesce(
    (select string_agg((s #>> '{about,assistant}') || ' ' || (s ->> 'reason'), ', ' order by n)
     from jsonb_array_elements(claim -> 'skipped') with ordinality x (s, n)), 'none')
    || case when (claim ->> 'more')::boolean then ', more' else '' end
$$;

select is(pg_temp.step('1', null), 'four after none, more', 'the longest unseen first');
select is((select claim #> '{claim,about}' from step where name = '1'),
  jsonb_build_object('organization_id', tests.id('acme'), 'assistant_id', tests.id('acme/four'), 'assistant', 'four'),
  'which is named');
select is(pg_temp.step('2', '1'), 'three after two insufficient_data, more', 'then the next that is due');
select is((select claim -> 'as_of' from step where name = '2'), (select claim -> 'as_of' from step where name = '1'),
  'a walk is one moment');
select is(tests.release('w1', 'acme/three'), 'ok', 'one that is done');
select is(pg_temp.step('3', '2'), 'one after none, more', 'is not looked at again');
select is(pg_temp.step('4', '3'), 'nothing after none', 'and the walk ends');
select pg_temp.set_order();
select is(pg_temp.step('5', null), 'three after four in_progress, two insufficient_data, more',
  'another walk begins with the longest unseen');
select is(pg_temp.step('6', '5'), 'nothing after one in_progress', 'and meets what is still in progress');
do $$ begin perform tests.release('w1', 'acme/' || name) from unnest('{one,three,four}'::text[]) name; end $$;

-- Filters and flags
select is(tests.claim('w1', 'acme/two') #>> '{skipped,0,reason}', 'insufficient_data', 'one assistant by its name');
select is(jsonb_array_length(tests.claim('w1', 'acme/two') -> 'skipped'), 1, 'and no other');
select pg_temp.set_order();
select tests.make_assistant('globex/one'), tests.make_answers('globex/one', 5);
update pawl.leases set checked_at = now() - interval '9 hours' where assistant_id = tests.id('globex/one');
select is(pg_temp.step('7', null), 'four after none, more', 'another organisation''s are left alone');
do $$ begin perform tests.release('w1', 'acme/four'); end $$;
select is(
  tests.call('service', format('select public.pawl_claim_reflection(%L, p_assistant => ''one'', p_before => now() - interval ''8 hours'')',
    tests.id('w1'))) #>> '{claim,about,organization_id}',
  tests.id('globex')::text, 'a name without an organisation means those of all');
select is(tests.release('w1', 'globex/one'), 'ok', 'with a lease');

-- Very many: no call takes on more than 200.
select tests.make_assistant('legion/a' || n) from generate_series(1, 205) n;
create temp table walk as select tests.claim('w1', 'legion') as first;
select is((select jsonb_array_length(first -> 'skipped') from walk), 200, 'of 205 a call looks at 200');
select is((select first ->> 'more' from walk), 'true', 'and says that there are more');
alter table walk add second jsonb;
update walk set second = tests.claim('w1', 'legion', format(', p_before => %L', first ->> 'as_of'));
select is((select jsonb_array_length(second -> 'skipped') from walk), 5, 'the next at the others');
select is((select second ->> 'more' from walk), 'false', 'and that was all');
select is(
  (select count(distinct s #>> '{about,assistant_id}')::int
   from walk, jsonb_array_elements((first -> 'skipped') || (second -> 'skipped')) s),
  205, 'each was looked at once');

select * from finish();
rollback;
