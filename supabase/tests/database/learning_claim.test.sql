-- When an assistant's answers are learned from, and by whom.
begin;
select plan(42);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other'), tests.make_assistant('globex/default');
select tests.make_member('ann', 'acme'), tests.make_member('amy', 'acme', 'admin');
create function pg_temp.set(p_settings text) returns void
language plpgsql
as $$
begin
  execute format('update pawl.loop_settings set %s where assistant_id = %L', p_settings, tests.id('acme/default'));
end
$$;
-- `claimed`, or the reason why not.
create function pg_temp.claimed(p_holder text, p_options text default '') returns text
language sql
as $$
  select case when c -> 'claim' <> 'null' then 'claimed' else coalesce(c #>> '{skipped,0,reason}', c ->> 'outcome') end
  from tests.claim_learning(p_holder, 'acme/default', p_options) c
$$;
create function pg_temp.released(p_holder text) returns text
language sql
as $$
  select tests.outcome('service', format('select public.pawl_release_learning(%L, %L)', tests.id(p_holder), tests.id('acme/default')))
$$;
create function pg_temp.lease() returns text
language sql
as $$
  select format('%s for %s s, %s lost', coalesce((select w from unnest('{w1,w2}'::text[]) w where tests.id(w) = holder), 'nobody'),
    coalesce(extract(epoch from expires_at - now())::integer, 0), lost_holders)
  from pawl.leases where assistant_id = tests.id('acme/default') and kind = 'learning'
$$;
create temp view runs as
  select id, finished_at from pawl.learning_runs where assistant_id = tests.id('acme/default');

-- Only the secret key
select is(tests.refusal(who, format(sql, tests.id('w1'), tests.id('acme/default'))), 'permission denied', who || ' may not ' || what)
from unnest('{anon,ann,amy}'::text[]) who, (values
  ('claim', 'select public.pawl_claim_learning(%L)'),
  ('release', 'select public.pawl_release_learning(%L, %L)')) v (what, sql);
select is(tests.claim_learning('w1', 'acme/nope') ->> 'outcome', 'assistant_not_found', 'an unknown assistant');

-- Nothing to do is no run
select is(pg_temp.claimed('w1'), 'insufficient_data', 'where nobody has talked there is nothing to learn');
select tests.answered('young', 'ann', p_age => '23 hours');
select is(pg_temp.claimed('w1'), 'insufficient_data', 'nor before people have had time to react');
select tests.answered('old', 'ann', p_age => '25 hours');
delete from pawl.exchanges where message_id = tests.id('young');
update pawl.exchanges set settled_at = now(), signal = 0 where message_id = tests.id('old');
select is(pg_temp.claimed('w1'), 'insufficient_data', 'nor when all of it is settled');
select is((select count(*)::int from pawl.learning_runs), 0, 'and no run says so every few hours');
update pawl.exchanges set settled_at = null where message_id = tests.id('old');

-- What is claimed
create temp table claim as select tests.claim_learning('w1') as c;
select is(c #> '{claim,about}', jsonb_build_object('organization_id', tests.id('acme'), 'assistant_id',
  tests.id('acme/default'), 'assistant', 'default'), 'the assistant that is due, by its name') from claim;
select is(c #> '{claim,task,learn}', jsonb_build_object('run_id', (select id from runs), 'pattern_model',
  'claude-haiku-5-5'), 'with a run and what is set') from claim;
select is((select count(*)::int from runs where finished_at is null), 1, 'the run has begun');
select is((select count(*)::int from pawl.learning_runs), 1, 'and no other assistant''s');
select is(pg_temp.lease(), 'w1 for 150 s, 0 lost', 'it is its holder''s');
select is(pg_temp.claimed('w2'), 'in_progress', 'and nobody else''s');
select is(pg_temp.claimed('w2', ', p_force => true'), 'in_progress', 'also by force');
select is(tests.due('acme/default'), 'insufficient_data', 'reflecting is another lease');

-- A run goes on
select is(pg_temp.released('w2'), 'lease_lost', 'who does not hold it gives nothing back');
select is(pg_temp.released('w1'), 'ok', 'its holder does, in the middle of a run');
select is(pg_temp.claimed('w2', ', p_lease_seconds => 60'), 'claimed', 'the next is given it');
select is((select array_agg(id) from runs), (select array[(c #>> '{claim,task,learn,run_id}')::uuid] from claim), 'and goes on with that run');
select is(pg_temp.lease(), 'w2 for 60 s, 0 lost', 'for as long as they ask');
update pawl.leases set expires_at = now() where kind = 'learning' and assistant_id = tests.id('acme/default');
select is(pg_temp.claimed('w1'), 'claimed', 'so does the one after a holder that died');
select is(pg_temp.lease(), 'w1 for 150 s, 1 lost', 'which is counted');
select is((select lost_holders from pawl.leases where kind = 'reflection' and assistant_id = tests.id('acme/default')), 0,
  'with learning');
select is((select count(*)::int from runs), 1, 'it is one run');

-- Six hours later
select is(tests.record_learning('w1') ->> 'outcome', 'ok', 'a run ends');
select is(pg_temp.lease(), 'nobody for 0 s, 1 lost', 'and its lease is free');
select is(pg_temp.claimed('w1'), 'not_due', 'the next is not due');
select is((select count(*)::int from runs), 1, 'nor opened');
update pawl.learning_runs set finished_at = now() - interval '5 hours 59 minutes';
select is(pg_temp.claimed('w1'), 'not_due', 'for six hours');
update pawl.learning_runs set finished_at = now() - interval '6 hours';
select is(pg_temp.claimed('w1'), 'claimed', 'then it is');
select is(tests.record_learning('w1') ->> 'outcome', 'ok', 'it ends');
select is(pg_temp.claimed('w1', ', p_force => true'), 'claimed', 'force does not wait');
select is((select count(*)::int from runs), 3, 'each is a run of its own');
select is(tests.record_learning('w1') ->> 'outcome', 'ok', 'it ends');
select pg_temp.set('learn_every_hours = 0');
select is(pg_temp.claimed('w1'), 'claimed', 'without a wait it is due at once');

-- Disabled
select is(pg_temp.released('w1'), 'ok', 'given back in its middle');
select pg_temp.set('learning_enabled = false');
select is(pg_temp.claimed('w1', ', p_force => ' || forced), 'disabled', 'where learning is off nothing is due, force ' || forced)
from unnest('{false,true}'::text[]) forced;

select * from finish();
rollback;
