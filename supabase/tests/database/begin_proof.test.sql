-- A proof begins once, at its place among the year's tests, and not before a person agrees that people see it.
begin;
select plan(37);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other');
create temp table test as select tests.open_test('acme/default') as id;
create temp table year as select extract(year from pawl.today())::int as n;
create function pg_temp.begin_proof(p_method text default 'replay', p_more jsonb default '{}') returns text
language sql
as $$
  select concat_ws(' ', b ->> 'outcome', b ->> 'reason') from tests.begin_proof((select id from test), p_method, p_more,
    '{"kind": "screening", "observations": [{}, {}]}', '{"decision": "pass", "reason": "passed", "wins": 9}') b
$$;
create function pg_temp.test() returns setof pawl.prompt_tests
language sql as $$ select * from pawl.prompt_tests where id = (select id from test) $$;
select tests.observe(id, 'screening', 'pair', '{"d": 1}', 3) from test;

select is(pg_temp.begin_proof(p_more => '{"position": 2}'), 'stale', 'a place that is another''s');
select is(pg_temp.begin_proof(p_more => '{"position": null}'), 'stale', 'or none at all');
select is(pg_temp.begin_proof(p_more => jsonb_build_object('year', n - 1)), 'stale', 'or last year''s is looked at again') from year;
select is((select count(*)::int from pg_temp.test() where state = 'screening' and ledger_position is null), 1, 'and nothing has begun');
select is(pg_temp.begin_proof(p_more => '{"level": 0.000833, "words": "Nine days at today''s traffic"}'), 'ok', 'the first is the first');
select results_eq($$select state, method, level, ledger_year, ledger_position, proof_started_at, plan from pg_temp.test()$$,
  format($$values ('proving', 'replay', 0.000833, %s, 1, now(), '{"method": "replay", "expected_days": 3.5, "expected_units": 400,
    "words": "Nine days at today''s traffic"}'::jsonb)$$, n), 'with all that it goes by') from year;
select is((select state from pawl.system_prompts where id = tests.id('acme/default v2')), 'proving', 'and the version says so');
select is((select screening - 'observation_ids' - 'observations_digest' from pg_temp.test()),
  '{"case": {"kind": "screening"}, "ruling": {"decision": "pass", "reason": "passed", "wins": 9}}', 'what it was screened by is kept');
select is((select screening -> 'observation_ids' from pg_temp.test()), (select jsonb_agg(id order by seq) from (
  select * from pawl.proof_observations order by seq limit 2) o), 'with as many observations as were ruled on');
select is((select screening ->> 'observations_digest' from pg_temp.test()), (select encode(sha256(convert_to(
  string_agg(id || ' pair screening ' || data, E'\n' order by seq), 'UTF8')), 'hex') from (
  select * from pawl.proof_observations order by seq limit 2) o), 'and their digest');
update pawl.prompt_tests set proof_started_at = now() - interval '1 day';
select is(pg_temp.begin_proof(), 'ok', 'the same again');
select is((select ledger_position || ' ' || pawl.days_since(proof_started_at) from pg_temp.test()), '1 1.0000', 'changes nothing');

-- The next ones
create function pg_temp.another(p_version integer, p_assistant text default 'acme/default') returns void
language plpgsql
as $$
begin
  perform pawl.close_test(tests.id(p_assistant), 'by_hand');
  update test set id = tests.open_test(p_assistant, p_version);
end
$$;
select pg_temp.another(3);
select is(pg_temp.begin_proof(p_more => '{"position": 1}'), 'stale', 'a closed test has had its place');
select is(pg_temp.begin_proof(), 'ok', 'the next has the next');
select is((select ledger_position from pg_temp.test()), 2, 'which is the second');
select pg_temp.another(4);
select is((select ledger_position from pg_temp.test()), null, 'a test that is screened has none');
select pg_temp.another(2, 'acme/other');
select pg_temp.begin_proof();
select is((select ledger_position from pg_temp.test()), 1, 'each assistant has a ledger of its own');

-- Without the budget, and placebos
update pawl.loop_settings set yearly_budget = false;
select pg_temp.another(5);
select is(pg_temp.begin_proof(p_more => '{"position": null, "year": null, "level": 0.01}'), 'ok', 'without the budget no place is asked for');
select results_eq($$select ledger_year, ledger_position, level from pg_temp.test()$$, $$values (null::int, null::int, 0.01)$$, 'nor taken');
update pawl.loop_settings set yearly_budget = true;
insert into pawl.system_prompts (id, assistant_id, version, content, placebo, approved_at)
  select tests.id('acme/default v6'), assistant_id, 6, content, true, now() from pawl.system_prompts where id = tests.id('acme/default v1');
select pg_temp.another(6);
select is(pg_temp.begin_proof(), 'ok', 'a placebo begins at the level of the next place');
select results_eq($$select ledger_year, ledger_position, placebo from pg_temp.test()$$, $$values (null::int, null::int, true)$$, 'and takes none');

-- Sixty a year
insert into pawl.prompt_tests (organization_id, assistant_id, candidate_id, baseline_id, state, judge_model, rubric_id, chat_model, settings, method, level,
  ledger_year, ledger_position, proof_started_at, decided_at)
select t.organization_id, t.assistant_id, t.candidate_id, t.baseline_id, 'rejected', 'j', t.rubric_id, 'c', '{}', 'replay', 0.01, y.n, p, now(), now()
from pg_temp.test() t, year y, generate_series(3, 59) p;
select pg_temp.another(7);
select is(pg_temp.begin_proof(), 'ok', 'the sixtieth test of a year begins');
select pg_temp.another(8);
select is(pg_temp.begin_proof(), 'budget_spent', 'and no other');
select results_eq($$select state, reason from pg_temp.test()$$, $$values ('closed', 'yearly_budget')$$, 'it is closed');
select is((select state from pawl.system_prompts where id = tests.id('acme/default v8')), 'draft', 'its version is a draft');
select is(pg_temp.begin_proof(), 'closed yearly_budget', 'and stays one');
select is((select pawl.update_block(tests.id('acme/default'))), 'yearly_budget', 'none is written until the year is over');
update pawl.prompt_tests set ledger_year = ledger_year - 1 where assistant_id = tests.id('acme/default');
update test set id = tests.open_test('acme/default', 8);
select is(pg_temp.begin_proof(), 'ok', 'a new year is a new ledger');
select is((select ledger_position from pg_temp.test()), 1, 'from its first place');

-- Approval
update pawl.loop_settings set approval_required = true;
select pg_temp.another(9);
select is(pg_temp.begin_proof('canary'), 'held awaiting_approval', 'nobody is shown what a person has still to approve');
select results_eq($$select state, held, method from pg_temp.test()$$, $$values ('screening', 'awaiting_approval', null::text)$$, 'it waits, and says so');
select is((select ledger_position from pg_temp.test()), null, 'and takes no place meanwhile');
update pawl.system_prompts set approved_at = now() where version = 9;
select is(pg_temp.begin_proof('canary'), 'ok', 'approved it begins');
select is((select held from pg_temp.test()), null, 'and waits no more');
select pg_temp.another(10);
select is(pg_temp.begin_proof('replay'), 'ok', 'a replay shows nobody anything');
insert into pawl.system_prompts (id, assistant_id, version, content, placebo)
  select tests.id('acme/default v11'), assistant_id, 11, content, true from pawl.system_prompts where id = tests.id('acme/default v1');
select pg_temp.another(11);
select is(pg_temp.begin_proof('canary'), 'ok', 'a placebo needs nobody''s approval');

select * from finish();
rollback;
