-- What a person and their organisation may use: requests a minute and tokens a day, each counted for itself.
begin;
select plan(66);

select tests.make_assistant('acme/default'), tests.make_assistant('globex/default');
select tests.make_member(person, 'acme'), tests.make_session(person || ' acme', person, 'acme/default')
from unnest('{ann,bea,cid,both}'::text[]) person;
select tests.make_member('both', 'globex'), tests.make_session('both globex', 'both', 'globex/default');

create function pg_temp.set(p_settings text, p_organization text default 'acme') returns void
language plpgsql
as $$
begin
  execute format('update pawl.organization_settings set %s where organization_id = %L', p_settings,
                 tests.id(p_organization));
end
$$;
-- A request's outcome; of one that is limited the limit and the seconds to wait, with a remark should it write all the
-- same.
create function pg_temp.ask(p_who text, p_organization text default 'acme', p_options text default '') returns text
language plpgsql
as $$
declare
  v_before text := tests.stored();
  v_turn jsonb := tests.begin_turn(
    p_who, 'hi', format(', p_organization_id => %L %s', tests.id(p_organization), p_options));
begin
  return concat_ws(' ', nullif(v_turn ->> 'outcome', 'limited'), v_turn ->> 'limit', v_turn ->> 'retry_after',
    case when v_turn ->> 'outcome' = 'limited' and tests.stored() <> v_before then '(and something was written)' end);
end
$$;
-- Lets a person have begun turns so many seconds ago, and no others.
create function pg_temp.begun(
  p_person text, p_ages numeric[], p_status text default 'completed', p_organization text default 'acme'
) returns void
language sql
as $$
  delete from pawl.turns where user_id = tests.id(p_person) and organization_id = tests.id(p_organization);
  select tests.make_turn(p_person || ' ' || p_organization, age::text, 'a', p_status, age * interval '1 second')
    from unnest(p_ages) age;
$$;
create function pg_temp.ask_after(p_ages numeric[], p_status text default 'completed') returns text
language plpgsql
as $$
begin
  perform pg_temp.begun('ann', p_ages, p_status);
  return pg_temp.ask('ann');
end
$$;

-- What an organisation begins with
select results_eq(
  $$select user_requests_per_minute, user_tokens_per_day, organization_requests_per_minute, organization_tokens_per_day
    from pawl.organization_settings where organization_id = tests.id('acme')$$,
  $$values (20, 500000::bigint, 600, 10000000::bigint)$$, 'an organisation comes with limits');
select throws_ok(format('select pg_temp.set(%L)', name || ' = 0'), '23514', null, 'none is 0: ' || name)
from unnest('{user_requests_per_minute,user_tokens_per_day}'::text[]) own,
  lateral unnest(array[own, replace(own, 'user', 'organization')]) name;

-- Requests of a person
select pg_temp.set('user_requests_per_minute = 3');
select is(pg_temp.ask_after('{50,30}'), 'ok', 'of three a minute the third passes');
select is(pg_temp.ask('ann'), 'user_requests 10', 'the fourth waits until the first of them is a minute old');
select is(pg_temp.ask('bea'), 'ok', 'another person does not');
select is(pg_temp.ask('service', p_options => format(', p_user_id => %L', tests.id('ann'))), 'user_requests 10',
  'the secret key does no more for a person than they may');
select pg_temp.set('user_requests_per_minute = 2');
select is(pg_temp.ask('ann'), 'user_requests 30', 'of fewer it waits for a later one');
select pg_temp.set('user_requests_per_minute = null');
select is(pg_temp.ask('ann'), 'ok', 'null is no limit');
select pg_temp.set('user_requests_per_minute = 3');
select is(pg_temp.ask('ann'), 'user_requests 30', 'what passed without one counts under the next');
select is(pg_temp.ask_after(ages), expected, why)
from (values ('{59.5,2,1}'::numeric[], 'user_requests 1', 'half a second is said to be a whole one'),
             ('{59.999999,2,1}', 'user_requests 1', 'as is the least there is'),
             ('{58.9,2,1}', 'user_requests 2', 'it is never less than it takes'),
             ('{60,2,1}', 'ok', 'a minute later it passes'),
             ('{5,5.0,5.00}', 'user_requests 55', 'several of one moment are several')) v (ages, expected, why);
select is(pg_temp.ask_after('{50,30,20}', status), 'user_requests 10', 'turns count that are ' || status)
from unnest('{open,failed}'::text[]) status;
select pg_temp.begun('both', '{50,30,20}', p_organization => 'globex');
select is(pg_temp.ask('both'), 'ok', 'what a person asks another organisation does not count');
select pg_temp.set('user_requests_per_minute = 3', 'globex');
select is(pg_temp.ask('both', 'globex'), 'user_requests 10', 'but there');

-- Attempts: each is a request, at its own time
create function pg_temp.tried_again(p_turn text, p_ages numeric[]) returns void
language sql
as $$
  insert into pawl.turn_attempts (turn_id, attempt, organization_id, user_id, begun_at)
    select t.id, 1 + n, t.organization_id, t.user_id, now() - age * interval '1 second'
    from pawl.turns t, unnest(p_ages) with ordinality x (age, n) where t.id = tests.id('ann acme ' || p_turn);
  update pawl.turns set attempts = 1 + cardinality(p_ages) where id = tests.id('ann acme ' || p_turn);
$$;
select pg_temp.begun('ann', '{40,20}'), pg_temp.tried_again('40', '{10}');
select is(pg_temp.ask('ann'), 'user_requests 20', 'one that was tried twice counts twice');
select pg_temp.begun('ann', '{50}'), pg_temp.tried_again('50', '{30,10}');
select is(pg_temp.ask('ann'), 'user_requests 10', 'as often as it was tried');
select pg_temp.begun('ann', '{7200,40}'), pg_temp.tried_again('7200', '{25}');
select is(pg_temp.ask('ann'), 'ok', 'one that was tried two hours ago and now counts once');
select is(pg_temp.ask('ann'), 'user_requests 20', 'and one in this minute as ever');
select pg_temp.begun('ann', '{7200}'), pg_temp.begun('bea', '{}'), pg_temp.begun('both', '{}'),
       pg_temp.tried_again('7200', array_append(array_fill(7200.0, '{599}'), 30));
select pg_temp.set('organization_requests_per_minute = 2');
select is(pg_temp.ask('bea'), 'ok', 'six hundred attempts long ago block nobody');
select is(pg_temp.ask('ann'), 'organization_requests 30', 'with the last of them being one');
select pg_temp.set('organization_requests_per_minute = 600');
select is(pg_temp.ask('ann'), 'ok', 'of their person''s, too');
select pg_temp.begun('ann', '{}');
select is(pg_temp.ask('ann', p_options => ', p_idempotency_key => ''again'''), 'ok', 'a request with a key');
create temp table tried as select turn_id from pawl.idempotency_keys where user_id = tests.id('ann') and key = 'again';
create function pg_temp.fail_and_age(p_attempt integer, p_age interval) returns void
language plpgsql
as $$
begin
  perform tests.call('service', tests.fail_turn((select turn_id from tried), p_attempt));
  update pawl.turn_attempts set begun_at = now() - p_age
    where turn_id = (select turn_id from tried) and attempt = p_attempt;
end
$$;
select pg_temp.fail_and_age(1, '2 hours');
select is(pg_temp.ask('ann', p_options => ', p_idempotency_key => ''again'''), 'ok', 'is tried again');
select pg_temp.fail_and_age(2, '45 seconds');
select is(pg_temp.ask('ann', p_options => ', p_idempotency_key => ''again'''), 'ok', 'and again');
select pg_temp.fail_and_age(3, '20 seconds');
select is(pg_temp.ask('ann', p_options => ', p_idempotency_key => ''again'''), 'ok', 'and again, for the first is old');
select pg_temp.fail_and_age(4, '0');
select is(pg_temp.ask('ann', p_options => ', p_idempotency_key => ''again'''), 'user_requests 15',
  'but each attempt is a request, and counts from its own time');
select results_eq(
  $$select t.attempts, (select count(*)::int from pawl.turn_attempts a where a.turn_id = t.id)
    from pawl.turns t join tried on t.id = turn_id$$, 'values (4, 4)', 'one that is limited is none');

-- Requests of an organisation
select pg_temp.set('user_requests_per_minute = 20, organization_requests_per_minute = 4');
select pg_temp.begun('ann', '{50}'), pg_temp.begun('bea', '{40}'), pg_temp.begun('cid', '{30}'),
       pg_temp.begun('both', '{}');
select is(pg_temp.ask('ann'), 'ok', 'of four a minute by all people the fourth passes');
select is(pg_temp.ask('bea'), 'organization_requests 10', 'the fifth waits until the first of them is a minute old');
select is(pg_temp.ask('both', 'globex'), 'user_requests 10', 'another organisation has its own');
update pawl.turn_attempts set begun_at = begun_at - interval '10 seconds' where organization_id = tests.id('acme');
select is(pg_temp.ask('bea'), 'ok', 'then it passes');
select pg_temp.set('organization_requests_per_minute = null');
select is(pg_temp.ask('bea'), 'ok', 'null is no limit');
select pg_temp.set('user_requests_per_minute = 1, organization_requests_per_minute = 1');
select is(pg_temp.ask('ann'), 'user_requests 50', 'a person''s own limit is named first');
select pg_temp.set('user_requests_per_minute = 20, organization_requests_per_minute = 600');

-- Tokens of a person
create function pg_temp.used(
  p_person text, p_tokens bigint, p_organization text default 'acme', p_days_ago integer default 0
) returns void
language sql
as $$
  insert into pawl.user_usage (organization_id, user_id, day, tokens)
    values (tests.id(p_organization), tests.id(p_person), (now() at time zone 'utc')::date - p_days_ago, p_tokens)
    on conflict (organization_id, user_id, day) do update set tokens = excluded.tokens
$$;
create function pg_temp.until_midnight(p_limit text) returns text
language sql
as $$
  select p_limit || ' ' || greatest(1, ceil(extract(epoch from
    date_trunc('day', now() at time zone 'utc') + interval '1 day' - now() at time zone 'utc')))::text
$$;
select pg_temp.set('user_tokens_per_day = 100');
select pg_temp.used('ann', 99);
select is(pg_temp.ask('ann'), 'ok', 'with one token left a turn passes');
select pg_temp.used('ann', 100);
select is(pg_temp.ask('ann'), pg_temp.until_midnight('user_tokens'), 'with none it waits for midnight, by UTC');
select is(pg_temp.ask('bea'), 'ok', 'another person does not');
select pg_temp.set('user_tokens_per_day = null');
select is(pg_temp.ask('ann'), 'ok', 'null is no limit');
select pg_temp.set('user_tokens_per_day = 100');
select pg_temp.used('ann', 0), pg_temp.used('ann', 1000, p_days_ago => 1);
select is(pg_temp.ask('ann'), 'ok', 'yesterday''s do not count');
select pg_temp.used('both', 1000, 'globex');
select is(pg_temp.ask('both'), 'ok', 'nor do those of another organisation');
-- A turn that ends counts all that was paid for it.
create function pg_temp.end_turn(p_who text, p_usage jsonb, p_failed boolean default false) returns text
language sql
as $$
  select tests.outcome('service', case
    when p_failed then tests.fail_turn(id, 1, 'model_timeout', format(', p_model => ''a-model'', p_usage => %L', p_usage))
    else tests.complete_turn(id, 1, 'An answer', p_usage) end)
  from (select (tests.begin_turn(p_who, 'hi', format(', p_organization_id => %L', tests.id('acme'))) ->> 'turn_id')::uuid
        as id) begun
$$;
select pg_temp.used('bea', 0);
select is(pg_temp.end_turn('bea', '{"input_tokens": 40, "output_tokens": 30, "cache_read_input_tokens": 20}'), 'ok',
  'a turn of ninety tokens');
select is(pg_temp.ask('bea'), 'ok', 'leaves ten');
-- That one is under way, and has taken one token in advance.
select is(pg_temp.end_turn('bea', '{"cache_creation_input_tokens": 9}', p_failed => true), 'ok',
  'one that failed, of nine');
select is(pg_temp.ask('bea'), pg_temp.until_midnight('user_tokens'), 'leaves none: failed ones count, and the cache');
select is(tests.call('bea', 'select to_jsonb(sum(tokens)) from pawl.user_usage')::text, '100', 'as they may read');

-- A person who begins turns and never ends one: each has taken 30 tokens in advance.
create function pg_temp.begin_long(p_who text, p_options text default '') returns text
language sql
as $$
  select concat_ws(' ', turn ->> 'outcome', turn ->> 'limit')
  from tests.begin_turn(p_who, repeat('x', 120), format(', p_organization_id => %L %s', tests.id('acme'), p_options)) turn
$$;
select pg_temp.used('cid', 0);
select is(pg_temp.begin_long('cid'), expected, 'never ended: ' || n)
from (values (1, 'ok'), (2, 'ok'), (3, 'ok'), (4, 'ok'), (5, 'limited user_tokens')) v (n, expected);
select is((select tokens from pawl.user_usage where user_id = tests.id('cid')), 120::bigint,
  'the limited one takes nothing');

-- Tokens of an organisation
create function pg_temp.used_by_all(
  p_purpose text, p_tokens bigint[], p_organization text default 'acme', p_days_ago integer default 0
) returns void
language sql
as $$
  insert into pawl.usage (
    organization_id, day, purpose, model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens)
    values (tests.id(p_organization), (now() at time zone 'utc')::date - p_days_ago, p_purpose, 'another-model',
            p_tokens[1], p_tokens[2], p_tokens[3], p_tokens[4])
    on conflict (organization_id, day, purpose, model) do update set
      input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
      cache_read_tokens = excluded.cache_read_tokens, cache_write_tokens = excluded.cache_write_tokens
$$;
select pg_temp.set('user_tokens_per_day = null, organization_tokens_per_day = 1000');
-- Beside 99 of another model, of the turns above.
select pg_temp.used_by_all('chat', '{300,300,200,100}');
select is(pg_temp.ask('ann'), 'ok', 'of a thousand tokens by all people one is left');
select pg_temp.used_by_all('chat', '{300,300,200,101}');
select is(pg_temp.ask('ann'), pg_temp.until_midnight('organization_tokens'),
  'with none left nobody begins before midnight: of every model, and the cache');
select pg_temp.set('organization_tokens_per_day = null');
select is(pg_temp.ask('ann'), 'ok', 'null is no limit');
select pg_temp.set('organization_tokens_per_day = 1000');
select pg_temp.used_by_all('chat', '{0,0,0,0}'), pg_temp.used_by_all('judge', '{9000,0,0,0}'),
       pg_temp.used_by_all('rewrite', '{9000,0,0,0}');
select is(pg_temp.ask('ann'), 'ok', 'what the judge and the writer use does not count');
select pg_temp.used_by_all('chat', '{9000,0,0,0}', p_days_ago => 1),
       pg_temp.used_by_all('chat', '{9000,0,0,0}', 'globex');
select is(pg_temp.ask('ann'), 'ok', 'nor does yesterday''s, nor another organisation''s');

-- Several at once: limits a minute are named before budgets a day, a person's before the organisation's
select pg_temp.used('ann', 1000), pg_temp.used_by_all('chat', '{9000,0,0,0}');
select pg_temp.set('user_tokens_per_day = 100');
select is(pg_temp.ask('ann'), pg_temp.until_midnight('user_tokens'),
  'a person''s own budget is named before the common one');
select pg_temp.set('organization_requests_per_minute = 1');
select matches(pg_temp.ask('ann'), '^organization_requests \d+$', 'and a limit a minute before both');

-- A newcomer who is limited has not joined
select pg_temp.set('organization_requests_per_minute = 600, user_tokens_per_day = null');
update pawl.organizations set open_to_sign_ups = false;
update pawl.organizations set open_to_sign_ups = true where id = tests.id('acme');
select is(pg_temp.ask('newcomer'), pg_temp.until_midnight('organization_tokens'), 'a newcomer is limited as others are');
select is((select count(*)::int from pawl.users where id = tests.id('newcomer')), 0, 'and leaves no trace');

select * from finish();
rollback;
