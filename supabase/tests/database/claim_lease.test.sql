-- A claimed assistant is its holder's alone, until they give it back or die.
begin;
select plan(27);

select tests.make_assistant('acme/default'), tests.make_answers('acme/default', 5);
create function pg_temp.claimed(p_holder text, p_options text default '') returns text
language sql
as $$
  select case when c -> 'claim' <> 'null' then 'claimed' else c #>> '{skipped,0,reason}' end
  from tests.claim(p_holder, 'acme/default', p_options) c
$$;
create function pg_temp.lease() returns text
language sql
as $$
  select format('%s for %s s', case holder when tests.id('w1') then 'w1' when tests.id('w2') then 'w2' end,
                extract(epoch from expires_at - now())::integer)
  from pawl.leases where assistant_id = tests.id('acme/default') and kind = 'reflection'
$$;
create function pg_temp.lost() returns integer
language sql
as $$ select lost_holders from pawl.leases where assistant_id = tests.id('acme/default') and kind = 'reflection' $$;

select is(pg_temp.claimed('w1'), 'claimed', 'one worker takes the work');
select is(pg_temp.lease(), 'w1 for 150 s', 'for as long as a request may last');
select is(pg_temp.claimed('w2'), 'in_progress', 'another is told that it is in progress');
select is(pg_temp.claimed('w2', ', p_force => true'), 'in_progress', 'force takes nothing away');
select is(pg_temp.claimed('w2', ', p_dry_run => true'), 'in_progress', 'nor does a dry run');
select is(pg_temp.claimed('w1'), 'in_progress', 'nor is it given twice to the same');
select is(pg_temp.lease(), 'w1 for 150 s', 'the first holds it still');

select is(tests.release('w2', 'acme/default'), 'lease_lost', 'another''s lease is not given back');
select is(pg_temp.lease(), 'w1 for 150 s', 'it stays');
select is(tests.release('w1', 'acme/default'), 'ok', 'its holder''s is');
select is(tests.release('w1', 'acme/default'), 'lease_lost', 'once');
select is(pg_temp.claimed('w2', ', p_lease_seconds => 60'), 'claimed', 'then another takes it');
select is(pg_temp.lease(), 'w2 for 60 s', 'for as long as they ask');

update pawl.leases set expires_at = now() + interval '1 second' where assistant_id = tests.id('acme/default') and kind = 'reflection';
select is(pg_temp.claimed('w1'), 'in_progress', 'it holds to the last second');
select is(pg_temp.lost(), 0, 'nobody has died so far');
update pawl.leases set expires_at = now() where assistant_id = tests.id('acme/default') and kind = 'reflection';
select is(pg_temp.claimed('w1'), 'claimed', 'and no longer: its holder is dead');
select is(pg_temp.lost(), 1, 'which is counted: what it paid a model for may be lost');
select is(tests.release('w2', 'acme/default'), 'lease_lost', 'who lost it has nothing to give back');
select is(pg_temp.lease(), 'w1 for 150 s', 'and does not touch its next holder''s');
select is(tests.release('w1', 'acme/default'), 'ok', 'who gives it back');

select is(pg_temp.claimed('w1', ', p_dry_run => true'), 'claimed', 'a dry run takes the work too');
select is(pg_temp.claimed('w2'), 'in_progress', 'and nobody judges beside it');
select is(tests.release('w1', 'acme/default'), 'ok', 'until it gives it back');

-- What is not due is not leased.
update pawl.loop_settings set updates_paused = true where assistant_id = tests.id('acme/default');
update pawl.leases set holder = tests.id('w2'), expires_at = now() where assistant_id = tests.id('acme/default') and kind = 'reflection';
select is(pg_temp.claimed('w1'), 'paused', 'an assistant that is skipped');
select is(pg_temp.lost(), 2, 'whose last holder is dead');
select is((select holder from pawl.leases where assistant_id = tests.id('acme/default') and kind = 'reflection'), null, 'is nobody''s');
select is(tests.release('w1', 'nothing'), 'lease_lost', 'nor is one that does not exist');

select * from finish();
rollback;
