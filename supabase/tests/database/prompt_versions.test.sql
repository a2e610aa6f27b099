-- What holds for prompt versions whatever the code does.
begin;
select plan(36);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_assistant('globex/default');

select throws_ok(
  $$update pawl.system_prompts set state = 'active' where id = tests.id('acme/default v2')$$,
  '23505', null, 'an assistant has no second live version');
select throws_ok(
  $$insert into pawl.system_prompts (assistant_id, version, content, state)
    values (tests.id('acme/default'), 3, 'Third', 'active')$$,
  '23505', null, 'nor gets one');
select is(tests.live('acme/default'), '1', 'the first stays live');
select is(tests.live('globex/default'), '1', 'each assistant has a live version of its own');
select lives_ok(
  $$update pawl.system_prompts set state = 'retired' where id = tests.id('acme/default v1');
    update pawl.system_prompts set state = 'active' where id = tests.id('acme/default v2')$$,
  'another can become live once the first is not');

select throws_ok(
  $$update pawl.system_prompts set content = content || '.' where id = tests.id('acme/default v1')$$,
  '23001', null, 'a text never changes');
select throws_ok(
  $$update pawl.system_prompts set version = 7 where id = tests.id('acme/default v1')$$, '23001', null, 'nor a number');
select throws_ok(
  $$update pawl.system_prompts set assistant_id = tests.id('globex/default'), version = 7
    where id = tests.id('acme/default v1')$$,
  '23001', null, 'nor whose it is');
select throws_ok(
  format('select tests.call(''service'', %L)', format(
    'update pawl.system_prompts set content = ''x'' where id = %L returning to_jsonb(id)', tests.id('acme/default v1'))),
  '23001', null, 'not for the secret key either');
select lives_ok(
  $$update pawl.system_prompts set locked = true, performance_score = 4.5, metadata = '{"note": 1}'
    where id = tests.id('acme/default v1')$$,
  'what is known about it does');

select throws_ok(
  $$insert into pawl.system_prompts (assistant_id, version, content) values (tests.id('acme/default'), 2, 'Again')$$,
  '23505', null, 'a number is given once');
select throws_ok(
  $$insert into pawl.system_prompts (assistant_id, version, content) values (tests.id('acme/default'), 0, 'Zero')$$,
  '23514', null, 'and is positive');
select throws_ok(
  $$insert into pawl.system_prompts (assistant_id, version, content) values (tests.id('acme/default'), 3, E' \n')$$,
  '23514', null, 'a text is not blank');
select throws_ok(
  $$update pawl.system_prompts set performance_score = 5.1 where id = tests.id('acme/default v1')$$,
  '23514', null, 'a score is 5 at most');

select throws_ok(
  $$insert into pawl.rubrics (assistant_id, version, is_active, criteria)
    select assistant_id, 2, true, criteria from pawl.rubrics where assistant_id = tests.id('acme/default')$$,
  '23505', null, 'an assistant has no second rubric in use');
select throws_ok(
  $$update pawl.loop_settings set suggestion_threshold = 2 where assistant_id = tests.id('acme/default')$$,
  '23514', null, 'thresholds ascend');
select throws_ok(format('update pawl.loop_settings set %s where assistant_id = %L', setting, tests.id('acme/default')),
  '23514', null, 'out of bounds: ' || setting)
from unnest(array['screening_pairs = 19', 'screening_pairs = 201', 'proof_method = ''guess''', 'proof_pairs = 99',
  'proof_pairs = 2001', 'canary_share = 0.04', 'canary_share = 0.51', 'canary_unit = ''message''', 'canary_min_days = 6.9',
  'canary_min_days = 29', 'canary_max_days = 6', 'fixed_level = 0', 'fixed_level = 0.051', 'placebo_share = -0.1',
  'placebo_share = 1.1', 'test_tokens_per_day = 0', 'test_usd_per_day = 0', 'judge_floor = -1.1', 'judge_floor = 1.1'])
  setting;
select is(
  (select count(*)::int from pawl.loop_settings join pawl.leases using (assistant_id)
   where assistant_id in (tests.id('acme/default'), tests.id('globex/default'))),
  8, 'an assistant comes with its settings and a lease for each kind of work');

select * from finish();
rollback;
