-- What comes of a conversation, or of a person, is observed once when its time is over, and names no one.
begin;
select plan(34);

select tests.make_assistant('acme/default');
select tests.make_member(p, 'acme') from unnest('{ann,bob,cara}'::text[]) p;
update pawl.loop_settings set judge_model = 'claude-sonnet-5-5', test_usd_per_day = 1000;
create temp table test as select tests.open_test('acme/default') as id;
select tests.begin_proof(id, 'canary') from test;
-- A conversation sent to a version so long ago.
create function pg_temp.unit(p_name text, p_person text, p_candidate boolean, p_age interval) returns void
language sql
as $$
  select tests.make_session(p_name, p_person, 'acme/default', p_age);
  insert into pawl.canary_units (id, test_id, user_id, session_id, candidate, propensity, assigned_at)
    select tests.id(p_name || ' unit'), id, tests.id(p_person), tests.id(p_name), p_candidate, 0.2, now() - p_age from test;
$$;
create function pg_temp.next(p_limit integer default 10) returns jsonb
language sql as $$ select tests.prove('next_units', (select id from test), ', ' || p_limit) $$;
create function pg_temp.units(p_answer jsonb default pg_temp.next(50)) returns text
language sql
as $$
  select string_agg(split_part(s.title, ' ', 1), ' ' order by n) from jsonb_array_elements(p_answer -> 'units') with ordinality u (unit, n)
  join pawl.canary_units c on c.id = (unit ->> 'unit_id')::uuid left join pawl.sessions s on s.id = c.session_id
$$;
create function pg_temp.record(p_units text, p_judged numeric, p_reaction numeric, p_usage jsonb default '[]') returns jsonb
language sql
as $$
  select tests.prove('record_units', (select id from test), format(', %L, %L', (
    select jsonb_agg(jsonb_build_object('unit_id', tests.id(u || ' unit'), 'judged', p_judged, 'reaction', p_reaction))
    from regexp_split_to_table(p_units, ' ') u), p_usage))
$$;
create function pg_temp.observed() returns jsonb
language sql as $$ select coalesce(jsonb_agg(data order by seq), '[]') from pawl.proof_observations $$;

select is(pg_temp.next(), '{"outcome": "ok", "units": [], "blocked": null}', 'nobody has come');
select pg_temp.unit('first', 'ann', true, '72 hours'), pg_temp.unit('second', 'bob', false, '60 hours'),
       pg_temp.unit('third', 'ann', false, '48 hours'), pg_temp.unit('young', 'bob', true, '47 hours 59 minutes');
select is(pg_temp.units(), 'first second third', 'after two days a conversation is looked at, the oldest first');
select is(pg_temp.units(pg_temp.next(2)), 'first second', 'no more than asked for');
select is(pg_temp.next(1) #> '{units,0}', jsonb_build_object('unit_id', tests.id('first unit'), 'exchange', null, 'reactions', '[]'::jsonb),
  'one without an answer has nothing to judge');
select is((select count(*)::int from pawl.test_usage where tokens > 0), 0, 'and costs nothing');

-- Answers of its first day
select tests.make_exchange('first', 'a', '71 hours'), tests.make_exchange('first', 'b', '49 hours'), tests.make_exchange('first', 'late', '47 hours'),
       tests.make_exchange('second', 'c', '59 hours');
do $$ begin
  perform tests.collect('ann', 'first a: {"signal": "thumbs_up"}
    first a: {"signal": "copy"}
    first late: {"signal": "thumbs_down"}
    first b: {"signal": "dwell_time", "value": 70}');
  perform tests.collect('service', 'first b: {"signal": "rating", "value": 0.1, "source": "llm-judge"}', format(', p_user_id => %L', tests.id('ann')));
end $$;
create temp table got as select pg_temp.next(1) #> '{units,0}' as unit;
select is(unit -> 'reactions', '[
  {"thumb": "up", "copied": true, "followed_up": false, "dwell_seconds": null, "rating": null, "answer_characters": 20},
  {"thumb": null, "copied": false, "followed_up": false, "dwell_seconds": 70, "rating": null, "answer_characters": 20}]',
  'what people made of its first day counts, not what a judge model says, nor what came later') from got;
select is(unit ->> 'exchange' in ('{"answer": "Answer to a", "user_message": "a"}', '{"answer": "Answer to b", "user_message": "b"}'), true,
  'one of its exchanges is judged') from got;
select is(unit -> 'exchange', pg_temp.next(1) #> '{units,0,exchange}', 'the same whenever it is asked for') from got;
select is(unit -> 'exchange' ->> 'user_message', (
  select q from unnest('{a,b}'::text[]) q order by md5(tests.id('first unit')::text || tests.answer('first ' || q)::text) limit 1),
  'by no one''s choice') from got;
select is((select jsonb_object_agg(k, true) from got, jsonb_object_keys(unit) k), '{"unit_id": true, "exchange": true, "reactions": true}', 'neither the version nor the person is in it');
select is((select reserved_tokens > 6500 and reserved_usd > 0.05 and reserved_on = pawl.today() from pawl.canary_units where id = tests.id('first unit')), true,
  'what judging it may cost is reserved');

-- Observed
select is(pg_temp.record('first', 0.75, 0.9, '[{"purpose": "judge", "model": "claude-sonnet-5-5", "usage": {"input_tokens": 900, "output_tokens": 100}}]'),
  '{"outcome": "ok"}', 'it is recorded');
select is(pg_temp.observed(), '[{"arm": true, "propensity": 0.2, "person": 1, "judged": 0.75, "reaction": 0.9}]', 'as one observation');
select is((select reserved_tokens from pawl.canary_units where id = tests.id('first unit')), 0::bigint, 'what was reserved is given back');
select is((select purpose || ' ' || input_tokens from pawl.usage), 'judge 900', 'and it is known what was paid for');
select pg_temp.record('first', 0.1, 0.1, '[{"purpose": "judge", "model": "claude-sonnet-5-5", "usage": {"input_tokens": 900}}]');
select is(jsonb_array_length(pg_temp.observed()) || ' ' || (select input_tokens from pawl.usage), '1 900', 'once');
select is(pg_temp.units(), 'second third', 'it is not handed out again');
select pg_temp.record('third second', null, 0.5);
select is(pg_temp.observed() - 0, '[{"arm": false, "propensity": 0.2, "person": 2, "judged": null, "reaction": 0.5},
  {"arm": false, "propensity": 0.2, "person": 1, "judged": null, "reaction": 0.5}]', 'the oldest first; one person has one number');
select is((select count(*)::int from pawl.proof_observations o where o::text ~ (tests.id('ann')::text || '|' || tests.id('first')::text)), 0, 'which is no name');
select is((select string_agg(person::text, ' ' order by assigned_at) from pawl.canary_units), '1 2 1', 'kept with the conversation');

-- Deleted, forgotten
select pg_temp.unit('regretted', 'cara', true, '60 hours'), pg_temp.unit('anns', 'ann', true, '50 hours');
select tests.make_exchange('regretted', 'd', '59 hours'), tests.make_exchange('anns', 'e', '49 hours');
update pawl.sessions set deleted_at = now() where id = tests.id('regretted');
select is((pg_temp.next(1) #> '{units,0}') - 'unit_id', '{"exchange": null, "reactions": []}', 'a deleted conversation has nothing to judge');
do $$ begin perform tests.outcome('service', format('select public.pawl_forget_user(%L)', tests.id('ann'))); end $$;
select is(pg_temp.record('anns', 1, 1), '{"outcome": "ok"}', 'of a person who is forgotten meanwhile');
select is(jsonb_array_length(pg_temp.observed()), 3, 'nothing is observed');
select pg_temp.record('regretted', null, 0.5);
select is(pg_temp.observed() -> 3 -> 'person', '3', 'and the number they had is nobody else''s');
select is(pg_temp.units(), null, 'then there is none left');

-- Blocked
select pg_temp.unit('dear', 'bob', true, '50 hours');
select tests.make_exchange('dear', 'f', '49 hours');
update pawl.loop_settings set test_tokens_per_day = 2000;
select is(pg_temp.next(), '{"outcome": "ok", "units": [], "blocked": "tokens"}', 'what does not fit into the day waits');
select is((select held from pawl.prompt_tests), 'tokens', 'and the test says so');
update pawl.loop_settings set test_tokens_per_day = 1000000, test_usd_per_day = 0.0001;
select is(pg_temp.next() ->> 'blocked', 'money', 'so does what costs too much');
update pawl.loop_settings set test_usd_per_day = 100;
select is(pg_temp.units(), 'dear', 'for a while');
select is((select held from pawl.prompt_tests), null, 'then it goes on');

-- No more than a test is decided from
select tests.observe(id, 'proving', 'unit', '{"arm": true, "propensity": 0.2, "person": 1, "judged": 1, "reaction": 1}', 19996) from test;
select is(pg_temp.units(), null, 'twenty thousand are enough');

-- By person
update pawl.prompt_tests set state = 'closed', decided_at = now();
update pawl.system_prompts set state = 'rejected' where version = 2;
update pawl.loop_settings set canary_unit = 'user';
update test set id = tests.open_test('acme/default', 3);
select tests.begin_proof(id, 'canary') from test;
select tests.make_member('dora', 'acme');
insert into pawl.canary_units (id, test_id, user_id, candidate, propensity, assigned_at)
  select tests.id(p || ' unit'), id, tests.id(p), true, 0.2, now() - a from test, (values ('dora', interval '8 days'), ('cara', interval '7 days 23 hours')) v (p, a);
select tests.make_assistant('acme/helper');
select tests.make_session('before', 'dora', 'acme/default', '9 days'), tests.make_session('one', 'dora', 'acme/default', '8 days'),
       tests.make_session('two', 'dora', 'acme/default', '3 days'), tests.make_session('elsewhere', 'dora', 'acme/helper', '3 days');
select tests.make_exchange('before', 'x', '7 days'), tests.make_exchange('one', 'y', '7 days'), tests.make_exchange('two', 'z', '2 days'),
       tests.make_exchange('two', 'late', '23 hours'), tests.make_exchange('elsewhere', 'w', '2 days');
select is(jsonb_path_query_array(pg_temp.next(), '$.units[*].unit_id'), jsonb_build_array(tests.id('dora unit')), 'a person is looked at after eight days');
select is(jsonb_array_length(pg_temp.next() #> '{units,0,reactions}'), 2, 'by seven days of what they began with this assistant since the coin');
select pg_temp.record('dora', 1, 0.25);
select is(data, '{"arm": true, "propensity": 0.2, "person": 1, "judged": 1, "reaction": 0.25}', 'and is one observation')
  from pawl.proof_observations order by seq desc limit 1;

select * from finish();
rollback;
