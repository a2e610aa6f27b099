-- What each who may ask gets from each function that REST serves. A function of the catalogue without a row below
-- fails, and a row without a function. (Which role may execute what else: access.test.sql.)
begin;

-- `nobody` is a token that names no person, `stranger` a person of no organisation, `other_member` one of the other
-- organisation, and its admin: nobody outside is stronger.
create function pg_temp.personas() returns text[]
language sql immutable
as $$ select '{anon,nobody,stranger,member,other_member,admin,owner,service}'::text[] $$;

-- Outcomes in that order; `-`: they may not call it. Arguments name ids in brackets. Whoever is answered neither `ok`
-- nor `submitted` must leave everything as it was.
create temp table expected (function text, arguments text, outcomes text);
insert into expected values
  -- What people do with their own
  ('pawl_begin_turn', $$'Hi', p_organization_id => [acme]$$,
    '- unauthorized organization_not_found ok organization_not_found ok ok user_required'),
  ('pawl_begin_turn', $$'Hi', [member session]$$,
    '- unauthorized session_not_found ok session_not_found session_not_found session_not_found user_required'),
  ('pawl_begin_turn', $$'Hi', p_user_id => [member]$$,
    '- unauthorized user_not_allowed user_not_allowed user_not_allowed user_not_allowed user_not_allowed ok'),
  ('pawl_collect_feedback', $$jsonb_build_array(jsonb_build_object('signal', 'copy', 'message_id', [member answer]))$$,
    '- unauthorized ok ok ok ok ok user_required'),
  ('pawl_collect_feedback',
    $$jsonb_build_array(jsonb_build_object('signal', 'copy', 'message_id', [member answer])), [member]$$,
    '- unauthorized user_not_allowed user_not_allowed user_not_allowed user_not_allowed user_not_allowed ok'),
  ('pawl_delete_session', $$[member session]$$,
    '- unauthorized session_not_found ok session_not_found session_not_found session_not_found user_required'),
  ('pawl_delete_session', $$[member session], [member]$$,
    '- unauthorized user_not_allowed user_not_allowed user_not_allowed user_not_allowed user_not_allowed ok'),
  ('pawl_get_session', $$[member session]$$,
    '- unauthorized session_not_found ok session_not_found session_not_found session_not_found user_required'),
  ('pawl_get_session', $$[member session], p_user_id => [member]$$,
    '- unauthorized user_not_allowed user_not_allowed user_not_allowed user_not_allowed user_not_allowed ok'),
  ('pawl_list_sessions', '', '- unauthorized ok ok ok ok ok user_required'),
  ('pawl_list_sessions', 'p_user_id => [member]',
    '- unauthorized user_not_allowed user_not_allowed user_not_allowed user_not_allowed user_not_allowed ok'),
  ('pawl_rename_session', $$[member session], 'New'$$,
    '- unauthorized session_not_found ok session_not_found session_not_found session_not_found user_required'),
  ('pawl_rename_session', $$[member session], 'New', [member]$$,
    '- unauthorized user_not_allowed user_not_allowed user_not_allowed user_not_allowed user_not_allowed ok'),
  -- What admins do
  ('pawl_activate_prompt', '2, p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_rollback_prompt', '2, p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_write_prompt', $$'By hand', p_organization_id => [acme]$$,
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_lock_prompt', 'p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_protect_clauses', $$'{Be kind.}', p_organization_id => [acme]$$,
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_pause_updates', 'p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_resume_updates', 'p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_require_approval', 'p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_status', 'p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_list_versions', 'p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_get_version', 'p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_list_suggestions', 'p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_list_events', 'p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_approve_version', '2, p_assistant => ''tested'', p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_reject_version', '2, p_assistant => ''tested'', p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_force_version', '2, p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_test_version', '2, p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_list_queue', 'p_assistant => ''tested'', p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_list_receipts', 'p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_get_receipt', '[receipt]',
    '- unauthorized receipt_not_found forbidden receipt_not_found ok ok ok'),
  ('pawl_approve_suggestion', '[suggestion]',
    '- unauthorized suggestion_not_found forbidden suggestion_not_found ok ok ok'),
  ('pawl_reject_suggestion', '[suggestion]',
    '- unauthorized suggestion_not_found forbidden suggestion_not_found ok ok ok'),
  ('pawl_pause_updates', 'p_organization_id => [acme], p_user_id => [member]',
    '- unauthorized user_not_allowed user_not_allowed user_not_allowed user_not_allowed user_not_allowed forbidden'),
  -- What the secret key does
  ('pawl_begin_update', '[update]', '- - - - - - - ok'),
  ('pawl_claim_reflection', '[worker], [acme], p_force => true', '- - - - - - - ok'),
  ('pawl_complete_turn', $$[member session open], 1, 'An answer', 'a-model', 'end_turn', '{}', 1$$, '- - - - - - - ok'),
  ('pawl_fail_turn', $$[member session open], 1, 'model_timeout'$$, '- - - - - - - ok'),
  ('pawl_forget_user', '[member]', '- - - - - - - ok'),
  ('pawl_prepare_turn', $$'Hi', p_user_id => [member]$$, '- - - - - - - ok'),
  ('pawl_submit_prompt', $$[update], [acme/default v1], 'Better', 'It was curt', 'a-model'$$,
    '- - - - - - - submitted'),
  ('pawl_record_reflection', $$[another], jsonb_build_object('assistant_id', [acme/default])$$,
    '- - - - - - - lease_lost'),
  ('pawl_record_usage', $$[acme/default v1], 'judge', 'a-model', '{}'$$, '- - - - - - - ok'),
  ('pawl_refuse_update', $$[update], 'No text keeps to the bounds'$$, '- - - - - - - ok'),
  ('pawl_release_reflection', '[worker], [acme/default]', '- - - - - - - ok'),
  ('pawl_serving_context', '[acme/default v1]', '- - - - - - - ok'),
  ('pawl_sweep', '', '- - - - - - - ok');

-- Learned patterns
insert into expected values
  ('pawl_list_patterns', 'p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_revert_pattern', '[pattern]', '- unauthorized pattern_not_found forbidden pattern_not_found ok ok ok'),
  ('pawl_claim_learning', '[worker], [acme], p_force => true', '- - - - - - - ok'),
  ('pawl_release_learning', '[worker], [acme/default]', '- - - - - - - ok'),
  ('pawl_settle', '[worker], [acme/default]', '- - - - - - - ok'),
  ('pawl_settle', '[another], [acme/default]', '- - - - - - - lease_lost'),
  ('pawl_learning_look', '[worker], [acme/default]', '- - - - - - - ok'),
  ('pawl_learning_look', '[another], [acme/default]', '- - - - - - - lease_lost'),
  ('pawl_pattern_examples', $$[acme/default], 'how_to', 'format', 'table'$$, '- - - - - - - ok'),
  ('pawl_list_runs', 'p_organization_id => [acme]',
    '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_record_run', $$'{"agent_type": "reflection-loop", "status": "completed"}'$$, '- - - - - - - ok'),
  ('pawl_record_learning', $$[worker], [acme/default], jsonb_build_object('run_id', [run])$$, '- - - - - - - ok'),
  ('pawl_record_learning', $$[another], [acme/default], jsonb_build_object('run_id', [run])$$, '- - - - - - - lease_lost');

-- Versions that prove themselves: what the secret key does
insert into expected values
  ('pawl_claim_proof', '[worker], [acme]', '- - - - - - - ok'),
  ('pawl_release_proof', '[worker], [acme/default]', '- - - - - - - ok'),
  ('pawl_begin_test', '[worker], [proof], 1', '- - - - - - - ok'),
  ('pawl_begin_test', '[another], [proof], 1', '- - - - - - - lease_lost'),
  ('pawl_record_judge_trial', $$[worker], [proof], 1, true, jsonb_build_array()$$, '- - - - - - - ok'),
  ('pawl_next_pairs', '[worker], [proof]', '- - - - - - - ok'),
  ('pawl_next_pairs', '[another], [proof]', '- - - - - - - lease_lost'),
  ('pawl_record_pairs', $$[worker], [proof], jsonb_build_array()$$, '- - - - - - - ok'),
  ('pawl_record_pairs', $$[another], [proof], jsonb_build_array()$$, '- - - - - - - lease_lost'),
  ('pawl_next_units', '[worker], [proof]', '- - - - - - - ok'),
  ('pawl_record_units', $$[worker], [proof], jsonb_build_array()$$, '- - - - - - - ok'),
  ('pawl_proof_look', '[worker], [proof]', '- - - - - - - ok'),
  ('pawl_note_ruling', $$[worker], [proof], '{}'$$, '- - - - - - - ok'),
  ('pawl_begin_proof', $$[worker], [proof], '{"method": "replay", "level": 0.01}', '{}', '{}'$$, '- - - - - - - stale'),
  ('pawl_decide_test', $$[worker], [proof], 'rejected', 'worse', '{}', '{}'$$, '- - - - - - - ok'),
  ('pawl_decide_test', $$[another], [proof], 'rejected', 'worse', '{}', '{}'$$, '- - - - - - - lease_lost'),
  ('pawl_watch_look', '[worker], [acme/default]', '- - - - - - - nothing_to_watch'),
  ('pawl_roll_back', $$[worker], [acme/default], [acme/default v2], now(), '{}', '{}'$$, '- - - - - - - superseded'),
  ('pawl_alert_fall', $$[worker], [acme/default], [acme/default v1], '{}'$$, '- - - - - - - ok');

-- Training data and datasets
insert into expected values
  ('pawl_analyze_feedback', '[acme]', '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_list_models', '[acme]', '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_list_drift', '[acme]', '- unauthorized organization_not_found forbidden organization_not_found ok ok ok'),
  ('pawl_claim_training', '[worker], [acme]', '- - - - - - - ok'),
  ('pawl_release_training', '[worker], [acme/default]', '- - - - - - - ok'),
  ('pawl_release_training', '[another], [acme/default]', '- - - - - - - lease_lost'),
  ('pawl_training_page', '[worker], [acme/default]', '- - - - - - - ok'),
  ('pawl_training_page', '[another], [acme/default]', '- - - - - - - lease_lost'),
  ('pawl_drift_look', '[worker], [acme/default], 7, 28', '- - - - - - - ok'),
  ('pawl_drift_look', '[another], [acme/default], 7, 28', '- - - - - - - lease_lost'),
  ('pawl_record_drift',
    $$[worker], [acme/default], jsonb_build_array(jsonb_build_object('metric_type', 'judge_score')), 'w'$$,
    '- - - - - - - ok'),
  ('pawl_record_drift',
    $$[another], [acme/default], jsonb_build_array(jsonb_build_object('metric_type', 'judge_score')), 'w'$$,
    '- - - - - - - lease_lost'),
  ('pawl_training_stock', '[worker], [acme/default], 0.7', '- - - - - - - ok'),
  ('pawl_training_stock', '[another], [acme/default], 0.7', '- - - - - - - lease_lost'),
  ('pawl_open_model_version', $$[worker], [acme/default], '{}', '{}'$$, '- - - - - - - unfinished'),
  ('pawl_open_model_version', $$[another], [acme/default], '{}', '{}'$$, '- - - - - - - lease_lost'),
  ('pawl_dataset_page', '[worker], [model]', '- - - - - - - ok'),
  ('pawl_dataset_page', '[another], [model]', '- - - - - - - lease_lost'),
  ('pawl_record_parts', $$[worker], [model], [model], jsonb_build_array()$$, '- - - - - - - ok'),
  ('pawl_record_parts', $$[another], [model], [model], jsonb_build_array()$$, '- - - - - - - lease_lost'),
  ('pawl_seal_dataset', $$[worker], [model], '{"min_samples": 0}', 'sha'$$, '- - - - - - - ok'),
  ('pawl_seal_dataset', $$[another], [model], '{"min_samples": 0}', 'sha'$$, '- - - - - - - lease_lost'),
  ('pawl_dataset_rows', $$[model], 1, 'train'$$, '- - - - - - - ok');

-- Tuned models
insert into expected values
  ('pawl_claim_delivery', '[worker], [acme/training m1]', '- - - - - - - ok'),
  ('pawl_claim_delivery', '[another], [acme/training m1]', '- - - - - - - lease_lost'),
  ('pawl_record_delivery', $$'msg_' || replace([acme/training m1], '-', ''), 0$$, '- - - - - - - ok'),
  ('pawl_record_delivery', $$'msg_none', 1$$, '- - - - - - - delivery_not_found'),
  ('pawl_training_callback', $$'cb', [acme/training m1], 'accepted'$$, '- - - - - - - ok'),
  ('pawl_training_callback', $$'cb', [acme/training m1], 'succeeded'$$, '- - - - - - - part_missing'),
  ('pawl_open_model_test', '[worker], [acme/training m1]', '- - - - - - - closed'),
  ('pawl_open_model_test', '[another], [acme/training m1]', '- - - - - - - lease_lost');

-- The world: the member's session with an answered and an open turn; two versions, and a reflection that calls for a
-- third; a worker that holds the lease.
select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2),
       tests.make_assistant('globex/default'), tests.make_assistant('acme/tested'), tests.make_version('acme/tested', 2),
       tests.put_to_test('acme/tested', 2), tests.make_receipt('receipt', 'acme/default');
select tests.make_member('member', 'acme'), tests.make_member('admin', 'acme', 'admin'),
       tests.make_member('owner', 'acme', 'owner'), tests.make_member('other_member', 'globex', 'admin');
select tests.make_session('member session', 'member', 'acme/default');
select tests.make_turn('member session', 'answered', 'An answer'),
       tests.make_turn('member session', 'open', null, 'open');
insert into pawl.messages (id, session_id, role, content, prompt_id, prompt_version)
  values (tests.id('member answer'), tests.id('member session'), 'assistant', 'x', tests.id('acme/default v1'), 1);
insert into pawl.exchanges (
  message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model)
values (tests.id('member answer'), tests.id('acme'), tests.id('acme/default'), tests.id('member session'),
        tests.id('member'), tests.id('acme/default v1'), 1, 'a-model');
select tests.make_reflection('acme/default');
update pawl.reflection_logs set id = tests.id('update') where assistant_id = tests.id('acme/default');
insert into pawl.suggestions (id, assistant_id, reflection_log_id, suggestion_type, priority, title, description)
  values (tests.id('suggestion'), tests.id('acme/default'), tests.id('update'), 'prompt_change', 'low', 'It is curt', '- curt');
update pawl.leases set holder = tests.id('worker'), expires_at = now() + interval '1 hour'
  where assistant_id = tests.id('acme/default');

select tests.learned('pattern');
insert into pawl.learning_runs (id, organization_id, assistant_id)
  values (tests.id('run'), tests.id('acme'), tests.id('acme/default'));

-- A model whose dataset is being written.
insert into pawl.model_versions (id, organization_id, assistant_id, model_name, number, version, base_model)
  values (tests.id('model'), tests.id('acme'), tests.id('acme/default'), 'default', 1, 'v1', 'a-model');
insert into pawl.dataset_parts (model_version_id, number, split, path, rows, bytes, sha256, cursor)
  values (tests.id('model'), 1, 'train', 'p', 0, 0, repeat('0', 64), tests.id('model'));

-- A model whose trainer is to be told, with an assistant of its own.
select tests.make_assistant('acme/training'), tests.make_model('acme/training', 1, 'pending'),
       tests.hold_training('worker', 'acme/training');

-- A version in test with an assistant of its own, and a worker that has its lease.
select tests.make_assistant('acme/proving'), tests.make_version('acme/proving', 2);
do $$ begin
  perform pawl.open_test(p, tests.id('acme/proving v1')) from pawl.system_prompts p where p.id = tests.id('acme/proving v2');
end $$;
update pawl.prompt_tests set id = tests.id('proof') where assistant_id = tests.id('acme/proving');
update pawl.leases set holder = tests.id('worker'), expires_at = now() + interval '1 hour'
  where assistant_id = tests.id('acme/proving') and kind = 'proof';

create function pg_temp.with_ids(p_arguments text) returns text
language sql
as $$
  select string_agg(case when n % 2 = 0 then quote_literal(tests.id(part)) else part end, '' order by n)
  from regexp_split_to_table(p_arguments, '[][]') with ordinality s (part, n)
$$;

-- The outcome of a call, with a remark where it refuses and writes all the same. It is undone.
create function pg_temp.answer(p_who text, p_function text, p_arguments text) returns text
language plpgsql
as $$
declare
  v_before text := tests.stored();
  v_outcome text;
begin
  v_outcome := tests.outcome(p_who, format('select public.%s(%s)', p_function, pg_temp.with_ids(p_arguments)));
  v_outcome := case v_outcome when 'permission denied' then '-' else v_outcome end;
  if v_outcome not in ('ok', 'submitted') and tests.stored() <> v_before then
    v_outcome := v_outcome || ' (and something was written)';
  end if;
  raise exception 'done' using errcode = 'XDONE';
exception
  when sqlstate 'XDONE' then return v_outcome;
  when undefined_function then return 'there is no such function';
end
$$;

create function pg_temp.told(p_outcomes text[]) returns text
language sql
as $$ select string_agg(who || ' ' || outcome, ', ') from unnest(pg_temp.personas(), p_outcomes) v (who, outcome) $$;

select plan((select count(*)::int from expected) + 1);
select is_empty(
  $$select p.oid::regprocedure from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname like 'pawl%'
      and (p.proname not in (select function from expected) or exists (
        select from pg_proc q where q.pronamespace = p.pronamespace and q.proname = p.proname and q.oid <> p.oid))$$,
  'every function has a row, and a name of its own');
select is(
    (select pg_temp.told(array_agg(pg_temp.answer(who, e.function, e.arguments) order by n))
     from unnest(pg_temp.personas()) with ordinality p (who, n)),
    pg_temp.told(regexp_split_to_array(e.outcomes, ' +')),
    format('%s(%s)', e.function, e.arguments))
  from expected e;

select * from finish();
rollback;
