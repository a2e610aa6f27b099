-- What a test is ruled on: its observations in their order, and what a plan is made from.
begin;
select plan(34);

select tests.make_assistant('acme/default');
update pawl.loop_settings set screening_pairs = 40, proof_pairs = 700, judge_floor = 0.3, canary_min_days = 8, canary_max_days = 21,
  proof_method = 'replay', canary_share = 0.1, test_tokens_per_day = 100000, test_usd_per_day = 1;
create temp table test as select tests.open_test('acme/default') as id;
create function pg_temp.look() returns jsonb
language sql as $$ select tests.prove('proof_look', (select id from test)) $$;
create function pg_temp.case_of() returns jsonb
language sql as $$ select (pg_temp.look() -> 'case') - 'agreement' - 'observations' $$;

-- The case
select is((select array_agg(k order by k) from jsonb_object_keys(pg_temp.look() -> 'case') k),
  '{agreement,before_n,before_up,days,floor,horizon,kind,level,max_days,min_days,observations,unit}', 'a case has all its fields');
select is(pg_temp.case_of(), '{"kind": "screening", "level": null, "horizon": 40, "min_days": null, "max_days": null, "days": null, "unit": null,
  "floor": 0.3, "before_up": null, "before_n": null}', 'a screening');
select is(pg_temp.look() #> '{case,observations}', '[]', 'begins with nothing');
select is(jsonb_array_length(pg_temp.look() #> '{case,agreement}'), 5, 'and has the judge''s agreement with people');
insert into pawl.proof_observations (id, about_id, kind, stage, data)
  select tests.id('seen ' || n), test.id, 'pair', 'screening', jsonb_build_object('d', n - 2, 'first', 0, 'second', 0, 'longer', 1, 'question_type', 'other')
  from test, generate_series(1, 3) n order by n;
select tests.observe(tests.id('another'), 'screening', 'pair', '{"d": 1}');
select is(pg_temp.look() #> '{case,observations}', (select jsonb_agg(jsonb_build_object('id', tests.id('seen ' || n), 'd', n - 2,
  'first', 0, 'second', 0, 'longer', 1, 'question_type', 'other') order by n) from generate_series(1, 3) n), 'what was observed stands in its order');
select is(pg_temp.look() -> 'plan_from', 'null', 'before all pairs are there no plan is made');
insert into pawl.proof_observations (about_id, kind, stage, data)
  select test.id, 'pair', 'screening', '{"d": 0, "first": 0, "second": 0, "longer": 0, "question_type": "other"}' from test, generate_series(4, 40);
select is(pg_temp.look() -> 'plan_from', pawl.traffic_of(t), 'then by what there is') from pawl.prompt_tests t, test where t.id = test.id;
select tests.begin_proof(id, 'replay', '{"level": 0.002}') from test;
select is(pg_temp.look() -> 'plan_from', 'null', 'and not a second time');
select is(pg_temp.case_of(), '{"kind": "replay", "level": 0.002, "horizon": 700, "min_days": null, "max_days": null, "days": null, "unit": null,
  "floor": 0.3, "before_up": null, "before_n": null}', 'a replay');
select is(pg_temp.look() #> '{case,observations}', '[]', 'begins anew');
update pawl.prompt_tests set method = 'canary', proof_started_at = now() - interval '36 hours';
select is(pg_temp.case_of(), '{"kind": "canary", "level": 0.002, "horizon": null, "min_days": 8, "max_days": 21, "days": 1.5, "unit": "conversation",
  "floor": 0.3, "before_up": null, "before_n": null}', 'a canary');
update pawl.loop_settings set proof_pairs = 100, judge_floor = -1, canary_min_days = 7;
select is(pg_temp.case_of() ->> 'min_days', '8', 'what a test goes by does not change under it');

-- Five thousand units
insert into pawl.proof_observations (about_id, kind, stage, data)
  select test.id, 'unit', 'proving', jsonb_build_object('arm', n % 5 = 0, 'propensity', 0.2, 'person', n % 900 + 1, 'judged', 0.7, 'reaction', 0.5)
  from test, generate_series(1, 5000) n order by n;
create temp table seen (look jsonb, rows_read bigint);
do $$
declare
  v_before bigint := tests.rows_read();
begin
  insert into seen (look) values (pg_temp.look());
  update seen set rows_read = tests.rows_read() - v_before;
end $$;
select is(jsonb_array_length(look #> '{case,observations}'), 5000, 'five thousand units are one look') from seen;
select is(bool_and((o ->> 'person')::int = n % 900 + 1), true, 'in their order') from seen t, jsonb_array_elements(look #> '{case,observations}') with ordinality x (o, n);
select cmp_ok(rows_read, '<', 30000::bigint, 'and each is read a few times, not once for each of the others') from seen;

-- What was found proved is to be found again
update pawl.prompt_tests set verdict = '{}';
select pg_temp.look();
select is((select verdict from pawl.prompt_tests), null, 'a new look leaves no earlier verdict');

-- Traffic
create function pg_temp.traffic() returns jsonb
language sql as $$ select pawl.traffic_of(t) from pawl.prompt_tests t where t.id = (select id from test) $$;
select is(pg_temp.traffic() - 'settings', jsonb_build_object('conversations_a_day', 0, 'people_a_day', 0, 'pool', 0, 'pairs_a_day', 10,
  'tests_this_year', 1, 'promoted_this_year', 0, 'year', extract(year from pawl.today())), 'nobody has come');
select is(pg_temp.traffic() -> 'settings', '{"proof_method": "replay", "proof_pairs": 700, "canary_share": 0.1, "canary_unit": "conversation",
  "canary_min_days": 8, "canary_max_days": 21, "yearly_budget": true, "fixed_level": 0.01}', 'the owner''s settings are those of then');
select tests.make_questions('acme/default', 30, 'today', 'ann', '12 hours');
select is(pg_temp.traffic() ->> 'conversations_a_day', '30.000', 'who has come for less than a day, came in a day');
select tests.make_questions('acme/default', 40, 'lately', 'bob', '5 days'), tests.make_questions('acme/default', 100, 'long ago', 'cara', '8 days'),
       tests.make_questions('acme/default', 10, 'ancient', 'dora', '31 days');
select is(pg_temp.traffic() ->> 'conversations_a_day', '10.000', 'by the days since the first of them, of seven at the most');
select is(pg_temp.traffic() ->> 'people_a_day', '0.375', 'people, of four weeks');
select tests.make_questions('acme/default', 70, 'a week ago', 'eve', '6 days 23 hours');
update pawl.exchanges set answered_at = now() - interval '1 hour' where session_id in (
  select tests.id('acme/default long ago ' || n || ' session') from generate_series(1, 50) n);
select is(round((pg_temp.traffic() ->> 'conversations_a_day')::numeric), 20::numeric, 'a conversation that goes on is no new one');
select is(pg_temp.traffic() ->> 'pool', '240', 'the questions of thirty days can be drawn');
update pawl.prompt_tests set screening_pool = array(select tests.id('acme/default today ' || n) from generate_series(1, 30) n);
select is(pg_temp.traffic() ->> 'pool', '210', 'but those of the screening');

-- By what the pairs cost so far
insert into pawl.replay_pairs (test_id, stage, number, candidate_first, state) select id, 'screening', n, true, 'judged' from test, generate_series(1, 20) n;
update pawl.prompt_tests set tokens = 20 * 4000, usd = 20 * 0.01;
select is(pg_temp.traffic() ->> 'pairs_a_day', '25', 'tokens pay for so many pairs a day');
update pawl.prompt_tests set usd = 20 * 0.1;
select is(pg_temp.traffic() ->> 'pairs_a_day', '10', 'or money for fewer');

-- The ledger
select tests.make_version('acme/default', n) from generate_series(11, 16) n;
insert into pawl.prompt_tests (organization_id, assistant_id, candidate_id, baseline_id, state, judge_model, rubric_id, chat_model, settings, method, level,
  ledger_year, ledger_position, proof_started_at, decided_at, placebo)
select t.organization_id, t.assistant_id, tests.id('acme/default v' || v.n), t.baseline_id, v.state, 'j', t.rubric_id, 'c', '{}', 'replay', 0.01,
  v.year, v.position, now(), now(), v.year is null
from pawl.prompt_tests t, (values (11, 'promoted', extract(year from pawl.today())::int, 2), (12, 'rejected', extract(year from pawl.today())::int, 3),
  (13, 'closed', extract(year from pawl.today())::int, 4), (14, 'promoted', extract(year from pawl.today())::int - 1, 1),
  (15, 'promoted', null, null)) v (n, state, year, position);
select is(pg_temp.traffic() ->> 'tests_this_year', '4', 'every proof of this year counts, whatever came of it');
select is(pg_temp.traffic() ->> 'promoted_this_year', '1', 'and its promotions; not last year''s, nor a placebo''s');
select results_eq($$select position, version, state, promoted from pawl.test_ledger where year = extract(year from pawl.today()) and assistant_id = tests.id('acme/default') order by 1$$,
  $$values (1, 2, 'proving', 0::bigint), (2, 11, 'promoted', 1), (3, 12, 'rejected', 1), (4, 13, 'closed', 1)$$, 'as the ledger has it');

-- Not read without end
select tests.make_questions('acme/default', 5200, 'many', 'fay', '3 days');
select is(pg_temp.traffic() ->> 'pool', '2000', 'no more questions are looked at than are drawn from');
select is((select count(*)::int from pawl.questions_for((select t from pawl.prompt_tests t where t.id = (select id from test)))), 5000, 'of the newest five thousand');

-- Noted
select is(tests.prove('note_ruling', id, $$, '{"decision": "go_on", "log_e": 1.5}'$$), '{"outcome": "ok"}', 'the last ruling is noted') from test;
select is(progress, '{"decision": "go_on", "log_e": 1.5}', 'for who looks') from pawl.prompt_tests, test where prompt_tests.id = test.id;
select is(state, 'proving', 'and changes nothing') from pawl.prompt_tests, test where prompt_tests.id = test.id;

select * from finish();
rollback;
