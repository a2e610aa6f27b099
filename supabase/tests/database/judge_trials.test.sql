-- A judge decides about versions when it stood its trial, and is the same to the end.
begin;
select plan(46);

select tests.make_assistant('acme/default');
update pawl.loop_settings set judge_model = 'claude-sonnet-5-5';
create temp table test as select tests.open_test('acme/default') as id;
create function pg_temp.begin_test(p_revision integer) returns jsonb
language sql as $$ select tests.prove('begin_test', (select id from test), ', ' || p_revision) $$;
create function pg_temp.stands(p_revision integer, p_passed boolean) returns jsonb
language sql
as $$
  select tests.prove('record_judge_trial', (select id from test), format(', %s, %L, %L, %L', p_revision, p_passed,
    '[{"attack": "flattery", "rejected": true}]',
    '[{"purpose": "compare", "model": "claude-sonnet-5-5", "usage": {"input_tokens": 1000, "output_tokens": 100}}]'))
$$;

select is(pg_temp.begin_test(1), '{"outcome": "ok", "tried": false, "blocked": null}', 'a judge nobody knows has had no trial');
select is((select judge_revision from pawl.prompt_tests), 1, 'its instructions are written down');
select is(pg_temp.begin_test(1) ->> 'outcome', 'ok', 'the same again is the same judge');
select is(pg_temp.stands(1, true), '{"outcome": "ok"}', 'it stands its trial');
select is(pg_temp.begin_test(1) -> 'tried', 'true', 'and may gate');
select is(pg_temp.stands(1, false), '{"outcome": "ok"}', 'the same trial again changes nothing');
select results_eq($$select passed, attacks, judge_model from pawl.judge_trials$$,
  $$values (true, '[{"attack": "flattery", "rejected": true}]'::jsonb, 'claude-sonnet-5-5')$$, 'what was stored first stands');
select results_eq($$select tokens, usd from pawl.test_usage$$, $$values (1100::bigint, 0.003::numeric)$$,
  'what it cost is counted once');
select results_eq($$select purpose, calls, input_tokens from pawl.usage$$, $$values ('compare', 1::bigint, 1000::bigint)$$,
  'for the organisation too');
select is((select tests.prove('begin_test', id, ', 1') ->> 'outcome' from test), 'ok', 'and the test goes on');

-- Agreement
create function pg_temp.agreement() returns jsonb
language sql as $$ select tests.prove('proof_look', (select id from test)) #> '{case,agreement}' $$;
select tests.make_questions('acme/default', 7);
insert into pawl.reflection_logs (id, assistant_id, messages_analyzed, time_window_start, time_window_end, prompt_id,
  prompt_version_evaluated, action_taken, judge_model, rubric_id)
select tests.id('by ' || v.model), tests.id('acme/default'), 5, now(), now(), tests.id('acme/default v1'), 1, 'none', v.model, r.id
from (values ('claude-sonnet-5-5'), ('another')) v (model), pawl.rubrics r where r.assistant_id = tests.id('acme/default');
create function pg_temp.scored(p_n integer, p_overall numeric, p_signal text, p_value numeric default null,
  p_judge text default 'claude-sonnet-5-5', p_source text default 'user') returns void
language sql
as $$
  insert into pawl.message_evaluations (message_id, reflection_log_id, prompt_id, overall, discarded)
    values (tests.id('acme/default question ' || p_n || ' answer'), tests.id('by ' || p_judge),
      tests.id('acme/default v1'), p_overall, p_overall is null) on conflict do nothing;
  insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal, value, source)
    select message_id, organization_id, assistant_id, user_id, p_signal, p_value, p_source from pawl.exchanges
    where message_id = tests.id('acme/default question ' || p_n || ' answer');
$$;
select pg_temp.scored(1, 4.5, 'thumbs_up'), pg_temp.scored(2, 1.4, 'thumbs_down'), pg_temp.scored(3, 3, 'rating', 0.5),
       pg_temp.scored(3, 3, 'thumbs_up'), pg_temp.scored(4, 2, 'rating', 0.9, p_source => 'llm-judge'),
       pg_temp.scored(5, null, 'thumbs_up'), pg_temp.scored(6, 5, 'thumbs_up', p_judge => 'another'),
       pg_temp.scored(7, 5, 'copy');
select is(pg_temp.agreement(),
  '[[1,0,0,0,0],[0,0,0,0,0],[0,0,1,0,0],[0,0,0,0,0],[0,0,0,0,1]]',
  'what people say of the same answers stands beside it: their thumbs, and their ratings before these');

update pawl.reflection_logs set judge_model = judge_model || '-20260901' where id = tests.id('by ' || judge_model);
select is(pg_temp.agreement() #> '{0,0}', '1', 'under the longer name it gave itself, too');

-- Another revision
select is(pg_temp.begin_test(2), '{"outcome": "closed", "reason": "judge_changed"}', 'other instructions close the test');
select is((select state from pawl.system_prompts where version = 2), 'draft', 'the version is a draft again');
select is(pg_temp.begin_test(1), '{"outcome": "closed", "reason": "judge_changed"}', 'and the test stays closed');
select is((select count(*)::int from pawl.audit_log where action = 'close'), 1, 'which is recorded once');

-- Not trusted
update test set id = tests.open_test('acme/default');
select is(pg_temp.begin_test(2) -> 'tried', 'false', 'a new revision has had no trial');
select is(pg_temp.stands(2, false), '{"outcome": "closed", "reason": "judge_not_trusted"}', 'it fails');
select is((select state from pawl.system_prompts where version = 2), 'draft', 'which is no fault of the version''s');
select results_eq($$select suggestion_type, priority, prompt_id from pawl.suggestions$$,
  $$values ('escalation', 'high', null::uuid)$$, 'a person is told');
select is(pg_temp.stands(2, false), '{"outcome": "closed", "reason": "judge_not_trusted"}', 'once');
select is((select count(*)::int from pawl.suggestions), 1, 'and not again for a reply that was lost');
select results_eq($$select tokens from pawl.test_usage$$, $$values (2200::bigint)$$, 'what it cost is counted once');
update test set id = tests.open_test('acme/default');
select is(pg_temp.begin_test(2), '{"outcome": "closed", "reason": "judge_not_trusted"}', 'it is not tried a second time');
update test set id = tests.open_test('acme/default');
select is((select tests.prove('begin_test', id, ', 1') -> 'tried' from test), 'true',
  'the revision that stood its trial may gate still');
select is((select count(*)::int from pawl.judge_trials), 2, 'one trial a revision');

-- What a trial may cost is reserved
select pawl.close_test(tests.id('acme/default'), 'by_hand', true);
update test set id = tests.open_test('acme/default', 3);
create function pg_temp.begin_reserved(p_read bigint, p_said bigint, p_holder text default 'w') returns text
language sql
as $$ select b ->> 'tried' || ' ' || coalesce(b ->> 'blocked', '-')
  from tests.prove('begin_test', (select id from test), format(', 3, %s, %s', p_read, p_said), p_holder) b $$;
create function pg_temp.spent() returns bigint
language sql as $$ select sum(tokens)::bigint from pawl.test_usage where assistant_id = tests.id('acme/default') $$;
create function pg_temp.release(p_settled boolean, p_holder text default 'w') returns text
language sql
as $$ select tests.outcome('service', format('select public.pawl_release_proof(%L, %L, %L)', tests.id(p_holder), tests.id('acme/default'), p_settled)) $$;
update pawl.loop_settings set test_tokens_per_day = 10000, test_usd_per_day = 1 where assistant_id = tests.id('acme/default');
create temp table before as select pg_temp.spent() as tokens, (select sum(usd) from pawl.test_usage) as usd;
select is(pg_temp.begin_reserved(0, 0), 'false -', 'who has no time for a trial takes nothing');
select is(pg_temp.spent(), tokens, 'from the day') from before;
select is(pg_temp.begin_reserved(9000, 500), 'false tokens', 'a trial that does not fit into the day is not to be held');
select is(pg_temp.spent() || ' ' || (select held from pawl.prompt_tests, test where prompt_tests.id = test.id), tokens || ' tokens', 'which the test says') from before;
update pawl.loop_settings set test_usd_per_day = 0.01 where assistant_id = tests.id('acme/default');
select is(pg_temp.begin_reserved(3000, 1000), 'false money', 'nor one that costs too much');
select is((select count(*)::int from pawl.suggestions where description like 'The trial of the judge may cost 4000 tokens%'), 1, 'and where no day would pay for it a person is told');
update pawl.loop_settings set test_usd_per_day = 1 where assistant_id = tests.id('acme/default');
select is(pg_temp.begin_reserved(3000, 1000), 'false -', 'one that fits is');
select is(pg_temp.spent(), tokens + 4000, 'and taken from the day') from before;
select is((select sum(usd) from pawl.test_usage), b.usd + pawl.highest_cost('claude-sonnet-5-5', 3000, 1000), 'in money too') from before b;
select is((select held from pawl.prompt_tests, test where prompt_tests.id = test.id), null, 'nothing holds it up any more');
select is(pg_temp.release(true), 'ok', 'who had no time to end it');
select is(pg_temp.spent(), tokens, 'gives it back') from before;
select tests.hold_proof('w', 'acme/default');
select pg_temp.begin_reserved(3000, 1000);
select is(pg_temp.stands(3, true), '{"outcome": "ok"}', 'held and recorded');
select is(pg_temp.spent(), tokens + 1100, 'what it cost is what counts') from before;
select is(pg_temp.release(true), 'ok', 'and no more');
select is(pg_temp.spent(), tokens + 1100, 'is given back') from before;
delete from pawl.judge_trials where judge_revision = 3;
select tests.hold_proof('w', 'acme/default');
select pg_temp.begin_reserved(3000, 1000);
select is(pg_temp.release(false), 'ok', 'who could not record what it cost');
select is(pg_temp.spent(), tokens + 5100, 'leaves it spent') from before;
do $$ begin perform tests.call('service', format('select public.pawl_claim_proof(%L, p_organization_id => %L)', tests.id('w2'), tests.id('acme'))); end $$;
select is(pg_temp.release(true, 'w2'), 'ok', 'and the next one');
select is(pg_temp.spent(), tokens + 5100, 'does not give it back') from before;

select * from finish();
rollback;
