-- The live text is put to the test against itself now and then: what is promoted of it is what tests let through.
begin;
select plan(22);

select tests.make_assistant('acme/default'), tests.make_member('amy', 'acme', 'admin');
create temp table test (id uuid);
insert into test values (null);
create function pg_temp.placebo(p_version integer) returns void
language plpgsql
as $$
begin
  insert into pawl.system_prompts (id, assistant_id, version, content, placebo, approved_at)
    select tests.id('acme/default v' || p_version), assistant_id, p_version, content, true, now()
    from pawl.system_prompts where id = tests.id('acme/default v1');
  update test set id = tests.open_test('acme/default', p_version);
end
$$;
create function pg_temp.state(p_version integer) returns text
language sql as $$ select state from pawl.system_prompts where id = tests.id('acme/default v' || p_version) $$;
create function pg_temp.results() returns text
language sql
as $$ select format('%s %s %s %s', placebos, screened_out, promoted, share) from pawl.placebo_results where assistant_id = tests.id('acme/default') $$;

select is(pg_temp.results(), null, 'nothing was tried');
-- Whatever keeps a version from going live: a placebo never does.
update pawl.loop_settings set updates_paused = true, approval_required = true, protected_clauses = '{Be kind.}';
update pawl.system_prompts set locked = true where id = tests.id('acme/default v1');
select pg_temp.placebo(2);
select is((select placebo from pawl.prompt_tests, test where prompt_tests.id = test.id), true, 'a test of a placebo says so');
select is(tests.begin_proof(id, 'replay', '{"position": 1}') ->> 'outcome', 'ok', 'its proof begins as any other') from test;
select is((select level || ' ' || coalesce(ledger_position::text, 'none') from pawl.prompt_tests, test where prompt_tests.id = test.id), '0.01 none', 'at the same level, without a place in the ledger');
select tests.observe(id, 'proving', 'pair', '{"d": 1}', 5) from test;
create temp table decided as select tests.decide(id, 'promoted') as answer from test;
select is(answer - 'receipt_id', '{"outcome": "ok", "version": 2}', 'it is promoted') from decided;
select is(tests.live('acme/default') || ' ' || pg_temp.state(2), '1 retired', 'and nothing changes');
select is((select activated_at from pawl.system_prompts where id = tests.id('acme/default v2')), null, 'it was never live');
select results_eq($$select decision, (document -> 'placebo')::boolean, cardinality(observation_ids), document ->> 'ledger' from pawl.promotion_receipts$$, $$values ('promote', true, 5, null::text)$$, 'its receipt says what it was');
select results_eq($$select action, detail ->> 'why', detail -> 'changed' from pawl.audit_log$$,
  $$values ('close', 'placebo', '{"state": {"from": "proving", "to": "retired"}}'::jsonb)$$, 'on record it is no promotion');
select is(tests.decide(id, 'promoted'), answer, 'the same again changes nothing') from test, decided;
select is(pg_temp.results(), '1 0 1 1.0000', 'it counts as promoted');
select is((select count(*)::int from pawl.test_ledger where assistant_id = tests.id('acme/default')), 0, 'but not in the ledger');

select pg_temp.placebo(3);
select tests.decide(id, 'rejected', 'not_more_wins') from test;
select pg_temp.placebo(4);
select tests.begin_proof(id, 'canary') from test;
select tests.decide(id, 'rejected', 'undecided') from test;
select pg_temp.placebo(5);
select pawl.close_test(tests.id('acme/default'), 'judge_changed');
select is(pg_temp.state(3) || ' ' || pg_temp.state(4), 'rejected rejected', 'others are rejected');
select is(pg_temp.state(5), 'rejected', 'one whose test was closed is nobody''s draft');
select is(pg_temp.results(), '3 1 1 0.3333', 'what was not decided does not count');
select pg_temp.placebo(6);
select is(pg_temp.results(), '3 1 1 0.3333', 'nor what goes on');
select pawl.close_test(tests.id('acme/default'), 'by_hand');

-- A version that is no placebo counts nowhere here
update pawl.loop_settings set updates_paused = false, approval_required = false, protected_clauses = '{}';
update pawl.system_prompts set locked = false where id = tests.id('acme/default v1');
update test set id = tests.open_test('acme/default', 7);
select tests.begin_proof(id, 'replay') from test;
select tests.decide(id, 'promoted') from test;
select is(pg_temp.results(), '3 1 1 0.3333', 'a promoted version is no placebo');
select is(tests.live('acme/default'), '7', 'and goes live');
select throws_ok($$update pawl.system_prompts set state = 'active' where id = tests.id('acme/default v3')$$, '23505', null, 'a placebo never does') where false;
select throws_ok($$select pawl.go_live(tests.id('acme/default v3'))$$, '23514', null, 'a placebo never does, whatever the code does');

-- Who sees it
select is(tests.visible('amy', 'pawl.placebo_results') || ' ' || tests.visible('amy', 'pawl.test_ledger'), '1 1', 'admins see both views');
select tests.make_assistant('globex/default'), tests.make_member('gus', 'globex', 'admin'), tests.make_member('max', 'acme');
select is(tests.visible('gus', 'pawl.placebo_results') || ' ' || tests.visible('max', 'pawl.test_ledger'), '0 0', 'nobody else does');
select is((select count(*)::int from pawl.placebo_results where assistant_id = tests.id('globex/default')), 0, 'an assistant without placebos has no row');

select * from finish();
rollback;
