-- A trainer that took a model and says nothing for 14 days does not keep others from being begun.
begin;
select plan(9);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other'), tests.make_model('acme/default', 1, 'training');
create function pg_temp.claim(p_assistant text default 'default') returns jsonb
language plpgsql
as $$
begin
  update pawl.leases set holder = null, expires_at = null, checked_at = '-infinity' where kind = 'training';
  return tests.call('service', format('select public.pawl_claim_training(%L, %L, %L)', tests.id('w'), tests.id('acme'), p_assistant))
    #> '{claim,task,train,version}';
end
$$;
create function pg_temp.told() returns integer
language sql
as $$ select count(*)::integer from pawl.suggestions where title = 'The training of model v1 failed' $$;
select is(pg_temp.claim() ->> 'version', 'v1', 'one that is not known to be delivered is waited for');
update pawl.webhook_deliveries set delivered_at = now() - interval '14 days';
select is(pg_temp.claim() ->> 'version', 'v1', 'one that was told 14 days ago is waited for');
update pawl.webhook_deliveries set delivered_at = now() - interval '14 days 1 second';
select is(pg_temp.claim('other'), 'null', 'another assistant''s look');
select is(tests.model('acme/default', 1), 'training', 'is none at it');
select is(pg_temp.claim(), 'null', 'and then no more');
select is(tests.model('acme/default', 1), 'failed trainer_silent', 'it has failed');
select is(pg_temp.told(), 1, 'people are told');
do $$ begin perform pg_temp.claim(); end $$;
select is(pg_temp.told(), 1, 'once');
select tests.make_model('acme/default', 2, 'trained');
update pawl.webhook_deliveries set delivered_at = now() - interval '1 year';
select is(pg_temp.claim() ->> 'version', 'v2', 'one that is trained already waits for its test as long as it takes');

select * from finish();
rollback;
