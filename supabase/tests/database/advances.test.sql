-- A turn that begins takes tokens of its person's budget in advance, by the size of the message; one that ends settles
-- them, so that what was used is what was counted.
begin;
select plan(75);

select tests.make_assistant('acme/default'), tests.make_assistant('globex/default');
select tests.make_member(person, 'acme'), tests.make_member(person, 'globex')
from unnest('{ann,bea,cid,dan,eve,fay,gil}'::text[]) person;
update pawl.organization_settings set user_requests_per_minute = null;

-- Turns by name, each of 400 bytes unless told otherwise; they are begun again under their name.
create temp table turn_of (name text primary key, turn_id uuid);
create function pg_temp.begin(
  p_name text, p_who text, p_message text default repeat('x', 400), p_organization text default 'acme'
) returns text
language plpgsql
as $$
declare
  v_turn jsonb := tests.begin_turn(p_who, p_message, format(
    ', p_organization_id => %L, p_idempotency_key => %L', tests.id(p_organization), p_name));
begin
  insert into turn_of values (p_name, (v_turn ->> 'turn_id')::uuid) on conflict do nothing;
  return coalesce(v_turn ->> 'attempt', v_turn ->> 'outcome');
end
$$;
create function pg_temp.id(p_name text) returns uuid
language sql as $$ select turn_id from turn_of where name = p_name $$;
create function pg_temp.complete(p_name text, p_tokens integer, p_attempt integer default 1) returns text
language sql
as $$
  select tests.outcome('service', tests.complete_turn(pg_temp.id(p_name), p_attempt,
    p_usage => case when p_tokens is null then '{}' else jsonb_build_object('output_tokens', p_tokens) end))
$$;
create function pg_temp.fail(p_name text, p_tokens integer default null, p_attempt integer default 1) returns text
language sql
as $$
  select tests.outcome('service', tests.fail_turn(pg_temp.id(p_name), p_attempt, p_options =>
    case when p_tokens is null then '' else format(', p_model => ''a-model'', p_usage => %L',
                                                   jsonb_build_object('output_tokens', p_tokens)) end))
$$;
create function pg_temp.run_out(p_name text) returns void
language sql
as $$ update pawl.turns set lease_expires_at = now() - interval '1 second' where id = pg_temp.id(p_name) $$;
create function pg_temp.tokens_of(p_person text, p_organization text default 'acme') returns integer
language sql
as $$
  select sum(tokens)::int from pawl.user_usage
  where organization_id = tests.id(p_organization) and user_id = tests.id(p_person)
$$;

-- By the size of the message
create function pg_temp.advance(p_message text) returns text
language plpgsql
as $$
declare
  v_before integer := coalesce(pg_temp.tokens_of('ann'), 0);
  v_turn jsonb := tests.begin_turn('ann', p_message, format(', p_organization_id => %L', tests.id('acme')));
begin
  return format('%s, %s', pg_temp.tokens_of('ann') - v_before,
                (select advance_tokens from pawl.turns where id = (v_turn ->> 'turn_id')::uuid));
end
$$;
select is(pg_temp.advance(message), format('%s, %1$s', tokens), 'in advance: ' || why)
from (values ('a', 1, 'at least one'), ('abcd', 1, 'one for four bytes'), ('abcde', 2, 'two for more'),
             ('éé', 1, 'bytes are counted'), ('ééé', 2, 'not letters'), (E' a\n\n\n', 2, 'as they were sent'),
             (repeat('a', 32768), 8192, 'for the longest message')) v (message, tokens, why);
select is((select count(*)::int from pawl.usage where organization_id = tests.id('acme')), 0,
  'the organisation has used nothing');
select is(pg_temp.tokens_of('ann', 'globex'), null, 'nor the person elsewhere');

-- Answered
select is(pg_temp.begin('less', 'bea'), '1', 'a turn');
select is(pg_temp.tokens_of('bea'), 100, 'takes its advance');
select is(pg_temp.complete('less', 30), 'ok', 'of fewer tokens than that');
select is(pg_temp.tokens_of('bea'), 30, 'ends at what was counted');
select is(pg_temp.complete('less', 30), 'ok', 'completed again');
select is(pg_temp.tokens_of('bea'), 30, 'it is settled once');
select is(pg_temp.begin('less', 'bea'), 'replayed', 'asked again');
select is(pg_temp.tokens_of('bea'), 30, 'it takes none');
select is(pg_temp.begin('more', 'bea'), '1', 'another');
select is(pg_temp.complete('more', 1000), 'ok', 'of more');
select is(pg_temp.tokens_of('bea'), 1030, 'ends at what was counted');
select is(pg_temp.begin('none', 'bea'), '1', 'another');
select is(pg_temp.complete('none', null), 'ok', 'without a count');
select is(pg_temp.tokens_of('bea'), 1030, 'costs nothing');
select is(pg_temp.begin('elsewhere', 'bea', p_organization => 'globex'), '1', 'one of another organisation');
select is(pg_temp.complete('elsewhere', 7), 'ok', 'that is answered');
select is(pg_temp.tokens_of('bea', 'globex'), 7, 'counts there');
select is(pg_temp.tokens_of('bea'), 1030, 'and there alone');
select is(
  (select format('%s: %s %s', calls, output_tokens, input_tokens) from pawl.usage where organization_id = tests.id('acme')),
  '3: 1030 0', 'the organisation has used what was counted');
-- Begun before midnight: what the days have together is right.
select is(pg_temp.begin('night', 'bea'), '1', 'one of the night');
update pawl.user_usage set day = day - 1 where user_id = tests.id('bea');
select is(pg_temp.complete('night', 5), 'ok', 'that is answered a day later');
select is(pg_temp.tokens_of('bea'), 1035, 'ends at what was counted, over both days');

-- Failed
select is(pg_temp.begin('paid', 'cid'), '1', 'a turn');
select is(pg_temp.fail('paid', 9), 'ok', 'that failed, and was paid');
select is(pg_temp.tokens_of('cid'), 9, 'ends at what was counted');
select is(pg_temp.begin('paid', 'cid'), '2', 'tried again');
select is(pg_temp.tokens_of('cid'), 9, 'it takes none');
select is(pg_temp.fail('paid', 1, 2), 'ok', 'failed again');
select is(pg_temp.tokens_of('cid'), 10, 'it counts what was paid');
select is(pg_temp.begin('paid', 'cid'), '3', 'tried again');
select is(pg_temp.complete('paid', 40, 3), 'ok', 'and answered');
select is(pg_temp.tokens_of('cid'), 50, 'it has used what all of them did');
select is(pg_temp.begin('free', 'dan'), '1', 'a turn');
select is(pg_temp.fail('free'), 'ok', 'that failed, who knows at what cost');
select is(pg_temp.tokens_of('dan'), 100, 'leaves its advance');
select is(pg_temp.begin('free', 'dan'), '2', 'tried again');
select is(pg_temp.tokens_of('dan'), 100, 'it takes no other');
select is(pg_temp.fail('free', null, 2), 'ok', 'failed again');
select is(pg_temp.tokens_of('dan'), 100, 'nor gives it back');
select is(pg_temp.begin('free', 'dan'), '3', 'tried again');
select is(pg_temp.complete('free', 60, 3), 'ok', 'and answered');
select is(pg_temp.tokens_of('dan'), 60, 'it ends at what was counted');

-- An attempt that is too late
select is(pg_temp.begin('late', 'eve'), '1', 'a turn');
select pg_temp.run_out('late');
select is(pg_temp.begin('late', 'eve'), '2', 'that is tried again while its first attempt goes on');
select is(pg_temp.tokens_of('eve'), 100, 'takes no other advance');
select is(pg_temp.complete('late', 30, attempt), 'superseded',
          'an answer of attempt ' || coalesce(attempt::text, 'nobody knows which'))
from unnest('{1,null}'::integer[]) attempt;
select is(pg_temp.tokens_of('eve'), 160, 'counts, and leaves the advance');
select is(pg_temp.complete('late', 40, 2), 'ok', 'the last one''s');
select is(pg_temp.tokens_of('eve'), 100, 'settles it');
select is(pg_temp.complete('late', 5, 1), 'superseded', 'an answer after that');
select is(pg_temp.tokens_of('eve'), 105, 'counts as well');

-- Swept away
select is(pg_temp.begin(name, 'fay'), '1', 'a turn') from unnest('{forgotten,found,broken,lost}'::text[]) name;
select pg_temp.run_out(name) from unnest('{forgotten,found,broken,lost}'::text[]) name;
select tests.call('service', 'select public.pawl_sweep()');
select is(pg_temp.tokens_of('fay'), 400, 'that is swept away leaves its advance');
select is(pg_temp.complete('found', 1), 'ok', 'one answered after all');
select is(pg_temp.tokens_of('fay'), 301, 'settles it');
select is(pg_temp.fail('broken', 2), 'ok', 'as does one that failed');
select is(pg_temp.tokens_of('fay'), 203, 'and was paid');
select is(pg_temp.fail('lost'), 'ok', 'one that was not');
select is(pg_temp.tokens_of('fay'), 203, 'does not');

-- A backend's own model
select is(
  tests.outcome('service', format('select public.pawl_prepare_turn(%L, p_user_id => %L, p_organization_id => %L)',
    repeat('x', 400), tests.id('gil'), tests.id('acme'))), 'ok', 'a turn for a backend');
select is(pg_temp.tokens_of('gil'), 100, 'takes its advance as others do');
select throws_ok(
  format('update pawl.turns set advance_tokens = -1 where id = %L', pg_temp.id('forgotten')), '23514', null,
  'an advance is never below none');

select * from finish();
rollback;
