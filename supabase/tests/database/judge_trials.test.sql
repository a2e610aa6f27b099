-- A judge decides about versions when it stood its trial, and is the same to the end.
begin;
select plan(26);

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

select is(pg_temp.begin_test(1) - 'agreement', '{"outcome": "ok", "trial": null}', 'a judge nobody knows has had no trial');
select is((select judge_revision from pawl.prompt_tests), 1, 'its instructions are written down');
select is(pg_temp.begin_test(1) ->> 'outcome', 'ok', 'the same again is the same judge');
select is(pg_temp.stands(1, true), '{"outcome": "ok"}', 'it stands its trial');
select is(pg_temp.begin_test(1) -> 'trial', '{"passed": true}', 'and may gate');
select is(pg_temp.stands(1, false), '{"outcome": "ok"}', 'the same trial again changes nothing');
select results_eq($$select passed, attacks, judge_model from pawl.judge_trials$$,
  $$values (true, '[{"attack": "flattery", "rejected": true}]'::jsonb, 'claude-sonnet-5-5')$$, 'what was stored first stands');
select results_eq($$select tokens, usd from pawl.test_usage$$, $$values (1100::bigint, 0.003::numeric)$$,
  'what it cost is counted once');
select results_eq($$select purpose, calls, input_tokens from pawl.usage$$, $$values ('compare', 1::bigint, 1000::bigint)$$,
  'for the organisation too');
select is((select tests.prove('begin_test', id, ', 1') ->> 'outcome' from test), 'ok', 'and the test goes on');

-- Agreement
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
select is(pg_temp.begin_test(1) -> 'agreement',
  '[[1,0,0,0,0],[0,0,0,0,0],[0,0,1,0,0],[0,0,0,0,0],[0,0,0,0,1]]',
  'what people say of the same answers stands beside it: their thumbs, and their ratings before these');

update pawl.reflection_logs set judge_model = judge_model || '-20260901' where id = tests.id('by ' || judge_model);
select is(pg_temp.begin_test(1) #> '{agreement,0,0}', '1', 'under the longer name it gave itself, too');

-- Another revision
select is(pg_temp.begin_test(2), '{"outcome": "closed", "reason": "judge_changed"}', 'other instructions close the test');
select is((select state from pawl.system_prompts where version = 2), 'draft', 'the version is a draft again');
select is(pg_temp.begin_test(1), '{"outcome": "closed", "reason": "judge_changed"}', 'and the test stays closed');
select is((select count(*)::int from pawl.audit_log where action = 'close'), 1, 'which is recorded once');

-- Not trusted
update test set id = tests.open_test('acme/default');
select is(pg_temp.begin_test(2) -> 'trial', 'null', 'a new revision has had no trial');
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
select is((select tests.prove('begin_test', id, ', 1') -> 'trial' from test), '{"passed": true}',
  'the revision that stood its trial may gate still');
select is((select count(*)::int from pawl.judge_trials), 2, 'one trial a revision');

select * from finish();
rollback;
