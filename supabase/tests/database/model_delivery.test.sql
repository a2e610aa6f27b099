-- A trainer is told of a model version until it has heard: one webhook, with waits between its attempts, and an end.
begin;
select plan(53);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other');
select tests.make_model('acme/default', 1, 'pending'), tests.hold_training('w', 'acme/default');
create function pg_temp.claim() returns jsonb language sql as $$ select tests.train('claim_delivery', '', 'acme/default m1') $$;
create function pg_temp.record(p_attempt integer, p_status integer, p_error text default null) returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_record_delivery(%L, %L, %L, %L)',
    'msg_' || replace(tests.id('acme/default m1')::text, '-', ''), p_attempt, p_status, p_error))
$$;
create function pg_temp.delivery() returns text
language sql
as $$
  select concat_ws(' ', state, attempts, last_status, last_error, 'in ' || (next_at - now())) from pawl.webhook_deliveries
  where model_version_id = tests.id('acme/default m1')
$$;
create function pg_temp.due() returns void
language sql as $$ update pawl.webhook_deliveries set next_at = now() where model_version_id = tests.id('acme/default m1') $$;

-- Who
select is(tests.train('claim_delivery', '', 'acme/default m1', 'x'), '{"outcome": "lease_lost"}', 'nobody sends it but the holder of the lease');
select is(tests.train('claim_delivery', '', 'acme/default m7'), '{"outcome": "lease_lost"}', 'nor what there is not');
update pawl.leases set expires_at = now() where kind = 'training';
select is(pg_temp.claim(), '{"outcome": "lease_lost"}', 'nor when the lease ran out');
select tests.hold_training('w', 'acme/default');
select tests.make_model('acme/other', 1, 'curating'), tests.hold_training('w', 'acme/other');
select is(tests.train('claim_delivery', '', 'acme/other m1'), '{"outcome": "not_ready"}', 'without a sealed dataset there is none');

-- The first attempt
create temp table claimed as select pg_temp.claim() as answer;
select is(answer - 'version', jsonb_build_object('outcome', 'ok', 'webhook_id', 'msg_' || replace(tests.id('acme/default m1')::text, '-', ''), 'attempt', 1,
  'manifest', '{"format": "pawl-dataset/1"}'::jsonb), 'it is handed out') from claimed;
select is((answer -> 'version') - 'created_at' - 'cursor', jsonb_build_object('id', tests.id('acme/default m1'), 'version', 'v1', 'number', 1, 'status', 'pending',
  'filters', '{"quality": 0.7}'::jsonb, 'base_model', 'claude-sonnet-5-5', 'prompt_version', 1, 'parts', 1, 'rows', 0,
  'model_name', 'default', 'manifest_sha256', repeat('a', 64), 'samples', 3), 'with what it is about') from claimed;
select is(pg_temp.delivery(), 'sending 1 in 00:10:00', 'it is on record before anything is sent');
select is(pg_temp.claim() ->> 'outcome', 'not_due', 'while it is under way nobody else sends it');
select is((pg_temp.claim() ->> 'next_at')::timestamptz, now() + interval '10 minutes', 'and they know until when');
select is(pg_temp.record(1, 503), '{"outcome": "ok", "state": "waiting"}', 'a busy trainer is asked again');
select is(pg_temp.delivery(), 'waiting 1 503 in 00:01:00', 'after a minute');
select is(pg_temp.record(1, 200), '{"outcome": "ok", "state": "waiting"}', 'an attempt is recorded once');
select is(tests.model('acme/default', 1), 'pending', 'until then the version is pending');
select is(pg_temp.claim() ->> 'outcome', 'not_due', 'not before');

-- The next ones
select pg_temp.due();
select is(pg_temp.claim() ->> 'attempt', '2', 'then it is the second');
select is(pg_temp.claim() ->> 'outcome', 'not_due', 'one at a time');
select is(pg_temp.record(1, 200), '{"outcome": "superseded"}', 'what came of the first is of no interest any more');
select is(pg_temp.delivery(), 'sending 2 503 in 00:10:00', 'and changes nothing');
select is(pg_temp.record(2, null, 'timeout') || jsonb_build_object('is', pg_temp.delivery()), '{"outcome": "ok", "state": "waiting", "is": "waiting 2 timeout in 00:10:00"}', 'no answer is one, too, and it may have heard');
select pg_temp.due();
select is((pg_temp.claim() ->> 'webhook_id') = (select answer ->> 'webhook_id' from claimed), true, 'its id is the same each time');
select is(pg_temp.record(3, 404) || jsonb_build_object('is', pg_temp.delivery()), '{"outcome": "ok", "state": "waiting", "is": "waiting 3 404 in 00:30:00"}', 'half an hour then');
-- One that died with it
select pg_temp.due();
select is(pg_temp.claim() ->> 'attempt', '4', 'the fourth');
select pg_temp.due();
select is(pg_temp.claim() ->> 'attempt', '5', 'is followed by the fifth when nobody said what became of it');
select is(pg_temp.record(4, 200), '{"outcome": "superseded"}', 'and if they do');
select is(pg_temp.record(5, 500, 'Oh no!') || jsonb_build_object('is', pg_temp.delivery()), '{"outcome": "ok", "state": "waiting", "is": "waiting 5 500 failed in 05:00:00"}', 'a trainer''s words are not stored');
select pg_temp.due();
select pg_temp.claim();
select is(pg_temp.record(6, 500) || jsonb_build_object('is', pg_temp.delivery()), '{"outcome": "ok", "state": "waiting", "is": "waiting 6 500 in 10:00:00"}', 'ten hours');
select pg_temp.due();
select pg_temp.claim();
select is(pg_temp.record(7, 301) || jsonb_build_object('is', pg_temp.delivery()), '{"outcome": "ok", "state": "waiting", "is": "waiting 7 301 in 1 day"}', 'a day');
select pg_temp.due();
select is(pg_temp.claim() ->> 'attempt', '8', 'the eighth');
savepoint eighth;
select is(pg_temp.record(8, 500), '{"outcome": "ok", "state": "given_up"}', 'is the last');
select is(tests.model('acme/default', 1), 'failed webhook_given_up', 'the version failed by it');
select is(title || '; ' || priority, 'The training of model v1 failed; high', 'and people are told') from pawl.suggestions;
select is(pg_temp.claim(), '{"outcome": "given_up"}', 'nobody sends it any more');
rollback to eighth;
select pg_temp.due();
select is(pg_temp.claim(), '{"outcome": "given_up"}', 'also if nobody said what became of the eighth');
select is(tests.model('acme/default', 1), 'failed webhook_given_up', 'then too');
select is(pg_temp.record(8, 200), '{"outcome": "ok", "state": "given_up"}', 'which is too late then');
rollback to eighth;

-- Taken
select is(pg_temp.record(8, 299), '{"outcome": "ok", "state": "delivered"}', 'a trainer that takes it');
select is(tests.model('acme/default', 1), 'training', 'is at work');
select is(delivered_at, now(), 'since then') from pawl.webhook_deliveries where model_version_id = tests.id('acme/default m1');
select is(pg_temp.claim(), '{"outcome": "delivered"}', 'and is not told again');
select is(pg_temp.record(8, 500), '{"outcome": "ok", "state": "delivered"}', 'whatever is said afterwards');
rollback to eighth;
select is(pg_temp.record(8, 300), '{"outcome": "ok", "state": "given_up"}', 'a redirection is none');
rollback to eighth;
select is(pg_temp.record(8, 199), '{"outcome": "ok", "state": "given_up"}', 'nor what is less than 200');
rollback to eighth;

-- Not asked, because the dataset's addresses could not be had
select is(pg_temp.record(8, null, 'storage_unavailable') || jsonb_build_object('is', pg_temp.delivery()),
  '{"outcome": "ok", "state": "waiting", "is": "waiting 7 storage_unavailable in 00:01:00"}', 'what never began is given back');
select is(tests.model('acme/default', 1), 'pending', 'and ends nothing');
select is(pg_temp.record(8, null, 'storage_unavailable'), '{"outcome": "superseded"}', 'once');
select pg_temp.due();
select is(pg_temp.claim() ->> 'attempt', '8', 'so the eighth is still to come');
rollback to eighth;
select is(pg_temp.record(8, 500, 'storage_unavailable'), '{"outcome": "ok", "state": "given_up"}', 'who answered was asked');
rollback to eighth;

-- Gone for good
update pawl.webhook_deliveries set attempts = 1 where model_version_id = tests.id('acme/default m1');
select is(pg_temp.record(1, 410), '{"outcome": "ok", "state": "given_up"}', 'who is gone is not asked again');
select is(tests.model('acme/default', 1), 'failed webhook_given_up', 'at once');
rollback to eighth;

-- A trainer that calls back before it is on record that it heard
update pawl.model_versions set status = 'trained', base_url = 'https://x.example', model = 'm' where id = tests.id('acme/default m1');
select is(pg_temp.record(8, 200), '{"outcome": "ok", "state": "delivered"}', 'what it took is recorded');
select is(tests.model('acme/default', 1), 'trained', 'and its word stands');
rollback to eighth;
update pawl.model_versions set status = 'trained', base_url = 'https://x.example', model = 'm' where id = tests.id('acme/default m1');
select is(pg_temp.record(8, 500) || jsonb_build_object('is', tests.model('acme/default', 1)), '{"outcome": "ok", "state": "given_up", "is": "trained"}', 'also if its answer was an error');
select is(tests.call('service', $$select public.pawl_record_delivery('msg_0', 1, 200, null)$$), '{"outcome": "delivery_not_found"}', 'what there is not is not found');

select * from finish();
rollback;
