-- What tests cost in a day stays under its cap, whoever works on them and whatever becomes of those.
begin;
select plan(36);

select tests.make_assistant('acme/default');
update pawl.loop_settings set screening_pairs = 20, judge_model = 'claude-sonnet-5-5', chat_model = 'claude-haiku-5-5', max_answer_tokens = 1000,
  history_token_budget = 100 where assistant_id = tests.id('acme/default');
select tests.make_questions('acme/default', 150);
create temp table test as select tests.open_test('acme/default') as id;
create function pg_temp.next(p_limit integer default 10, p_holder text default 'w') returns jsonb
language sql as $$ select tests.prove('next_pairs', (select id from test), ', ' || p_limit, p_holder) $$;
create function pg_temp.ids(p_answer jsonb) returns uuid[]
language sql as $$ select array(select (p ->> 'pair_id')::uuid from jsonb_array_elements(p_answer -> 'pairs') p) $$;
create function pg_temp.record(p_ids uuid[], p_usage jsonb, p_verdict integer default 1, p_holder text default 'w') returns text
language sql
as $$
  select tests.prove('record_pairs', (select id from test), format(', %L, %L', coalesce((
    select jsonb_agg(jsonb_build_object('pair_id', i, 'baseline_answer', 'a', 'candidate_answer', 'b', 'first_order', p_verdict,
      'second_order', p_verdict)) from unnest(p_ids) i), '[]'), p_usage), p_holder) ->> 'outcome'
$$;
create function pg_temp.calls(p_input integer, p_output integer, p_purpose text default 'replay', p_model text default 'claude-haiku-5-5')
returns jsonb
language sql
as $$ select jsonb_build_array(jsonb_build_object('purpose', p_purpose, 'model', p_model, 'usage', jsonb_build_object('input_tokens', p_input, 'output_tokens', p_output))) $$;
create function pg_temp.spent() returns bigint
language sql as $$ select sum(tokens)::bigint from pawl.test_usage where assistant_id = tests.id('acme/default') $$;

-- Reserved
create temp table given as select pg_temp.next(1) as answer;
create temp table bound as select pg_temp.spent() as tokens, (select usd from pawl.test_usage) as usd;
select is(reserved_tokens, tokens, 'what a pair may cost at the most is taken from the day') from pawl.replay_pairs, bound where number = 1;
select cmp_ok(tokens, '>=', (2 * 1000 + 4 * 2000)::bigint, 'two answers, and four readings of both') from bound;
select cmp_ok(usd, '>=', (2 * 1000 * 0.5 + 4 * 2000 * 2 + 4 * 600 * 10) / 1000000, 'in money too') from bound;
select is(usd, reserved_usd, 'as the pair says') from pawl.replay_pairs, bound where number = 1;

-- Given back
select is(pg_temp.record(pg_temp.ids(answer), pg_temp.calls(300, 50)), 'ok', 'it is recorded') from given;
select results_eq($$select tokens, usd from pawl.test_usage$$, $$values (350::bigint, 0.000055::numeric)$$, 'then what it cost is what counts');
select results_eq($$select purpose, model, calls, input_tokens, output_tokens from pawl.usage$$,
  $$values ('replay', 'claude-haiku-5-5', 1::bigint, 300::bigint, 50::bigint)$$, 'for the organisation too');
select results_eq($$select tokens, usd from pawl.prompt_tests$$, $$values (350::bigint, 0.000055::numeric)$$, 'and for the test');
select is(pg_temp.record(pg_temp.ids(answer), pg_temp.calls(300, 50)), 'ok', 'the same again') from given;
select is(pg_temp.spent(), 350::bigint, 'counts no more');
select is((select calls from pawl.usage), 1::bigint, 'nowhere');
select is(pg_temp.record('{}', pg_temp.calls(40, 10, 'compare')), 'ok', 'calls that came to nothing');
select is(pg_temp.spent(), 400::bigint, 'count');

-- Answers alone: the comparison stays reserved
update given set answer = pg_temp.next(1);
select is(pg_temp.record(pg_temp.ids(answer), pg_temp.calls(200, 100), null), 'ok', 'answers are recorded') from given;
select results_eq($$select pg_temp.spent() - 700, true$$, $$select reserved_tokens, reserved_tokens between 4000 and (select tokens from bound) - 2000
  from pawl.replay_pairs where number = 2$$, 'what comparing them may cost stays reserved, and no more');

-- Given up in good order
create temp table idle as select pg_temp.spent() - sum(reserved_tokens)::bigint as tokens from pawl.replay_pairs where state <> 'judged';
do $$ begin perform tests.outcome('service', format('select public.pawl_release_proof(%L, %L)', tests.id('w'), tests.id('acme/default'))); end $$;
select is(pg_temp.spent(), tokens, 'who gives the lease back gives back what there was no time for') from idle;
select is((select sum(reserved_tokens)::int from pawl.replay_pairs), 0, 'to the last pair');
select tests.hold_proof('w', 'acme/default');

-- A dead worker's stay spent
create temp table before as select pg_temp.spent() as tokens;
update given set answer = pg_temp.next(3);
select is(pg_temp.spent() - tokens, (select sum(reserved_tokens)::bigint from pawl.replay_pairs where reserved_on is not null and state <> 'judged'),
  'handed out again it is taken again') from before;
update before set tokens = pg_temp.spent();
select tests.hold_proof('w2', 'acme/default');
select is(pg_temp.record(pg_temp.ids(answer), pg_temp.calls(30, 20)), 'lease_lost', 'who lost the lease is not heard') from given;
select is(pg_temp.spent(), tokens, 'their share stays as it was') from before;
select is((select sum(input_tokens)::int from pawl.usage where purpose = 'replay'), 530, 'what they paid is known all the same');
select pg_temp.next(3, 'w2');
select cmp_ok(pg_temp.spent(), '>', tokens, 'the next one takes its own share') from before;

-- Never above: by tokens
update pawl.loop_settings set test_tokens_per_day = pg_temp.spent() + 3 * (select tokens from bound) + 100 where assistant_id = tests.id('acme/default');
update pawl.replay_pairs set state = 'judged', baseline_answer = null, candidate_answer = null where state <> 'judged';
create temp table capped as select pg_temp.next(10, 'w2') as answer;
select is(jsonb_array_length(answer -> 'pairs'), 3, 'what does not fit into the day is not handed out') from capped;
select is(answer ->> 'blocked', 'tokens', 'and it says why') from capped;
select is((select held from pawl.prompt_tests), 'tokens', 'so does the test');
select cmp_ok(pg_temp.spent(), '<=', (select test_tokens_per_day from pawl.loop_settings where assistant_id = tests.id('acme/default')), 'the cap is kept');
select tests.hold_proof('w', 'acme/default');
select is(pg_temp.next(10), '{"outcome": "ok", "pairs": [], "blocked": "tokens"}', 'another worker gets none either');
select is(pg_temp.record(pg_temp.ids(answer), pg_temp.calls(1000, 1000), p_verdict => 0), 'ok', 'what is recorded') from capped;
select is(jsonb_array_length(pg_temp.next(10) -> 'pairs') between 1 and 2, true, 'makes room again');
select cmp_ok(pg_temp.spent(), '<=', (select test_tokens_per_day from pawl.loop_settings where assistant_id = tests.id('acme/default')), 'under the cap');

-- By money, and by day
update pawl.loop_settings set test_tokens_per_day = 100000000, test_usd_per_day = (select sum(usd) from pawl.test_usage) where assistant_id = tests.id('acme/default');
select is(pg_temp.next(10) ->> 'blocked', 'money', 'money has a cap of its own');
update pawl.loop_settings set test_usd_per_day = 10 where assistant_id = tests.id('acme/default');
update given set answer = pg_temp.next(1);
update pawl.test_usage set day = day - 1;
update pawl.replay_pairs set reserved_on = reserved_on - 1;
create temp table yesterday as select tokens - (select reserved_tokens from pawl.replay_pairs where id = any (pg_temp.ids(answer))) as tokens from pawl.test_usage, given;
select pg_temp.record(pg_temp.ids(answer), pg_temp.calls(500, 0)) from given;
select is(t.tokens, y.tokens + 500, 'what was reserved yesterday counts for yesterday') from pawl.test_usage t, yesterday y;
select is(pg_temp.next(1) ->> 'blocked', null, 'a new day is a new share');
select is((select count(*)::int from pawl.test_usage), 2, 'on a row of its own');

-- A model without a price
update pawl.prompt_tests set chat_model = 'unpriced', judge_model = 'unpriced';
update pawl.loop_settings set test_usd_per_day = 0.000001 where assistant_id = tests.id('acme/default');
delete from pawl.test_usage;
select is(jsonb_array_length(pg_temp.next(3) -> 'pairs'), 3, 'a model without a price is held by its tokens alone');

select * from finish();
rollback;
