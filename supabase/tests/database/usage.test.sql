-- What the models counted: once a call, by organisation, day, purpose and model, in tokens and in money.
begin;
select plan(78);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/helper'), tests.make_assistant('globex/default');
select tests.make_member('ann', 'acme'), tests.make_member('bea', 'acme'), tests.make_member('amy', 'acme', 'admin'),
       tests.make_member('gus', 'globex', 'admin');
create temp table turn_of (name text primary key, turn_id uuid);
insert into turn_of
  select name, (tests.begin_turn(who, 'hi', ', p_idempotency_key => ' || quote_literal(name)) ->> 'turn_id')::uuid
  from (values ('one', 'ann'), ('two', 'ann'), ('bare', 'bea'), ('failed', 'ann'), ('free', 'ann'), ('late', 'ann'),
               ('gus', 'gus')) v (name, who);
create function pg_temp.id(p_name text) returns uuid
language sql as $$ select turn_id from turn_of where name = p_name $$;
create function pg_temp.tokens(p_input integer, p_output integer, p_read integer, p_write integer) returns jsonb
language sql
as $$
  select jsonb_build_object('input_tokens', p_input, 'output_tokens', p_output, 'cache_read_input_tokens', p_read,
                            'cache_creation_input_tokens', p_write)
$$;
-- Calls, and tokens in, out, read from the cache and written to it, today.
create function pg_temp.used(
  p_purpose text default 'chat', p_model text default 'a-model', p_organization text default 'acme'
) returns text
language sql
as $$
  select format('%s: %s %s %s %s', calls, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens)
  from pawl.usage
  where organization_id = tests.id(p_organization) and day = (now() at time zone 'utc')::date and purpose = p_purpose
    and model = p_model
$$;
create function pg_temp.tokens_of(p_person text) returns bigint
language sql
as $$
  select tokens from pawl.user_usage
  where organization_id = tests.id('acme') and user_id = tests.id(p_person) and day = (now() at time zone 'utc')::date
$$;

-- Answers
select is((select count(*)::int from pawl.usage where organization_id = tests.id('acme')), 0,
  'a turn that begins costs nothing');
-- But a token of its person's budget, for the two letters of `hi`: see advances.test.sql.
select is(pg_temp.tokens_of('ann'), 5::bigint, 'it is counted in advance');
create function pg_temp.complete(p_name text, p_usage jsonb) returns text
language sql as $$ select tests.complete_turn(pg_temp.id(p_name), 1, 'A', p_usage) $$;
select is(tests.outcome('service', pg_temp.complete('one', pg_temp.tokens(1, 20, 300, 4000))), 'ok', 'an answer');
select is(pg_temp.used(), '1: 1 20 300 4000', 'is one call, with its tokens of each kind');
select is(pg_temp.tokens_of('ann'), 4321 + 4::bigint, 'all of which its person used, beside four under way');
select is(tests.refusal('service', pg_temp.complete('one', pg_temp.tokens(1, 20, 300, 4000))), 'ok',
  'completed again it is not counted again');
select is(tests.outcome('service', pg_temp.complete('two', pg_temp.tokens(1, 1, 1, 1))), 'ok', 'another');
select is(pg_temp.used(), '2: 2 21 301 4001', 'is added');
select is(pg_temp.tokens_of('ann'), 4325 + 3::bigint, 'for its person, too');
select is(tests.outcome('service', pg_temp.complete('bare', '{"output_tokens": 7}')), 'ok',
  'what the model does not count');
select is(pg_temp.used(), '3: 2 28 301 4001', 'is 0');
select is(pg_temp.tokens_of('bea'), 7::bigint, 'each person has their own count');

-- Failures
select is(tests.outcome('service', tests.fail_turn(pg_temp.id('free'))), 'ok',
  'a turn that failed before a model was paid');
select is(pg_temp.used(), '3: 2 28 301 4001', 'costs nothing');
create function pg_temp.fail(p_name text, p_attempt integer default 1) returns text
language sql
as $$
  select tests.fail_turn(pg_temp.id(p_name), p_attempt, 'model_refused',
    format(', p_model => ''another-model'', p_usage => %L', pg_temp.tokens(5, 6, 7, 8)))
$$;
select is(tests.outcome('service', pg_temp.fail('failed')), 'ok', 'one that failed after');
select is(pg_temp.used('chat', 'another-model'), '1: 5 6 7 8', 'counts, under its own model');
select is(pg_temp.tokens_of('ann'), 4351 + 2::bigint, 'for its person, too');
select is(tests.refusal('service', pg_temp.fail('failed')), 'turn_not_found', 'failed again it is not counted again');
select is(pg_temp.used('chat', 'another-model'), '1: 5 6 7 8', 'one call is one call');

-- An attempt that is too late was paid for.
update pawl.turns set lease_expires_at = now() where id = pg_temp.id('late');
do $$ begin perform tests.begin_turn('ann', 'hi', ', p_idempotency_key => ''late'''); end $$;
select is(tests.refusal('service', pg_temp.fail('late', 1)), 'turn_not_found', 'an earlier attempt that failed');
select is(tests.outcome('service', pg_temp.complete('late', pg_temp.tokens(9, 9, 9, 9))), 'superseded',
  'or has an answer');
select is(pg_temp.used(), '4: 11 37 310 4010', 'the answer counts');
select is(pg_temp.tokens_of('ann'), 4387 + 2::bigint, 'for its person, too');

-- The judge and the writer
create function pg_temp.record(p_prompt text, p_purpose text) returns text
language sql
as $$
  select format('select public.pawl_record_usage(%L, %L, ''judge-model'', %L)', tests.id(p_prompt), p_purpose,
                pg_temp.tokens(1, 2, 3, 4))
$$;
select is(tests.refusal(who, pg_temp.record('acme/default v1', 'judge')), 'permission denied', who || ' counts nothing')
  from unnest('{anon,ann,amy}'::text[]) who;
select is(tests.outcome('service', pg_temp.record('acme/default v1', purpose)), 'ok', 'a call for the purpose ' || purpose)
  from unnest('{judge,rewrite,judge}'::text[]) purpose;
select is(tests.outcome('service', pg_temp.record('acme/helper v1', 'judge')), 'ok', 'or another assistant''s');
select is(pg_temp.used('judge', 'judge-model'), '3: 3 6 9 12', 'the judge''s are added up for the organisation');
select is(pg_temp.used('rewrite', 'judge-model'), '1: 1 2 3 4', 'beside the writer''s');
select is(pg_temp.used('judge', 'judge-model', 'globex'), null, 'another organisation has none');
select is((select sum(tokens) from pawl.user_usage where organization_id = tests.id('acme')), 4396::numeric,
  'they are no person''s');
select is(tests.refusal('service', pg_temp.record('nothing', 'judge')), 'prompt_not_found',
  'a call for nobody''s version');
select throws_ok(format('select tests.call(''service'', %L)', pg_temp.record('acme/default v1', 'fun')), '23514', null,
  'a purpose nobody knows is a bug');

-- Days
update pawl.usage set day = day - 1 where organization_id = tests.id('acme') and purpose = 'rewrite';
update pawl.user_usage set day = day - 1 where user_id = tests.id('bea');
do $$ begin perform tests.call('service', pg_temp.record('acme/default v1', 'rewrite')); end $$;
select is((select string_agg(calls::text, ', ' order by day) from pawl.usage
    where organization_id = tests.id('acme') and purpose = 'rewrite'), '1, 1', 'each day is counted for itself');

-- Money
create function pg_temp.cost(p_model text, p_tokens bigint[]) returns numeric
language sql
as $$
  delete from pawl.usage where organization_id = tests.id('globex');
  insert into pawl.usage (
    organization_id, day, purpose, model, calls, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens)
    values (tests.id('globex'), '2026-11-20', 'chat', p_model, 1, p_tokens[1], p_tokens[2], p_tokens[3], p_tokens[4]);
  select sum(cost_usd) from pawl.daily_usage where organization_id = tests.id('globex')
$$;
select is(pg_temp.cost(model, '{1000000,1000000,1000000,1000000}'), dollars, model || ', a million tokens of each kind')
from (values ('claude-opus-5-5', 29.2), ('claude-sonnet-5-5', 14.6), ('claude-haiku-5-5', 0.735)) v (model, dollars);
insert into pawl.model_prices (model, input_usd, output_usd, cache_read_usd, cache_write_usd) values
  ('maker', 1, 2, 3, 4), ('maker-large', 10, 20, 30, 40), ('maker-large-2', 100, 200, 300, 400);
select is(pg_temp.cost('maker', tokens), dollars, 'each kind of tokens has its price: ' || dollars)
from (values ('{1000000,0,0,0}'::bigint[], 1.0), ('{0,1000000,0,0}', 2.0), ('{0,0,1000000,0}', 3.0),
             ('{0,0,0,1000000}', 4.0)) v (tokens, dollars);
select is(pg_temp.cost(model, '{1000,0,0,0}'), dollars, why)
from (values ('maker-large-1', 0.01, 'a name that begins as two do has the longer one''s price'),
             ('maker-large-2026', 0.1, 'as three do, the longest one''s')) v (model, dollars, why);
select is(pg_temp.cost('Maker', '{1000,0,0,0}'), null, 'a model without a price has no cost');
select is(pg_temp.cost('a-maker', '{1000,0,0,0}'), null, 'the beginning is what counts');
select is(pg_temp.cost('maker%', '{1000000,0,0,0}'), 1.0, 'and it is no pattern');
update pawl.model_prices set input_usd = 5 where model = 'maker';
select is(pg_temp.cost('maker-small', '{1000000,0,0,0}'), 5.0, 'a price that changed counts from then on, for all days');
select results_eq(
  $$select day, purpose, model, calls, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd
    from pawl.daily_usage where organization_id = tests.id('globex')$$,
  $$select '2026-11-20'::date, 'chat', 'maker-small', 1::bigint, 1000000::bigint, 0::bigint, 0::bigint, 0::bigint, 5.0$$,
  'beside the tokens it is reckoned from');
select is((select count(*) from pawl.daily_usage), (select count(*) from pawl.usage), 'each row of usage is one of it');

-- Who sees it
select is(tests.visible(who, 'pawl.' || name), rows, format('%s sees %s of %s', who, rows, name))
from (values
  ('ann', 'usage', 0), ('ann', 'daily_usage', 0), ('ann', 'user_usage', 1), ('ann', 'organization_settings', 0),
  ('amy', 'usage', 5), ('amy', 'daily_usage', 5), ('amy', 'user_usage', 2), ('amy', 'organization_settings', 1),
  ('gus', 'usage', 1), ('gus', 'daily_usage', 1), ('gus', 'user_usage', 1),
  ('stranger', 'usage', 0), ('stranger', 'daily_usage', 0), ('stranger', 'user_usage', 0),
  ('nobody', 'user_usage', 0), ('anon', 'daily_usage', -1), ('anon', 'user_usage', -1)) v (who, name, rows);
select is(tests.visible('ann', format('pawl.user_usage where user_id = %L', tests.id('ann'))), 1, 'of theirs');
select is(tests.visible('ann', 'pawl.model_prices'), (select count(*)::int from pawl.model_prices),
  'prices are no secret');
select is(tests.outcome('amy', sql), 'permission denied', 'an admin cannot ' || left(sql, 40))
from unnest(array[
  'update pawl.organization_settings set user_tokens_per_day = null returning to_jsonb(organization_id)',
  'update pawl.usage set calls = 0 returning to_jsonb(organization_id)',
  'delete from pawl.user_usage returning to_jsonb(user_id)',
  'update pawl.model_prices set input_usd = 0 returning to_jsonb(model)']) sql;

-- What was paid stays paid
create temp table paid as select sum(calls) as calls, sum(input_tokens) as tokens from pawl.usage;
delete from pawl.sessions where organization_id = tests.id('acme');
select is((select sum(tokens) from pawl.user_usage where organization_id = tests.id('acme')), 4396::numeric,
  'a person''s count outlives their sessions');
delete from pawl.users where id = tests.id('ann');
select is((select count(*)::int from pawl.user_usage where user_id = tests.id('ann')), 0, 'it goes with the person');
select results_eq('select sum(calls), sum(input_tokens) from pawl.usage', 'select calls, tokens from paid',
  'what the organisation used does not');

select * from finish();
rollback;
