-- Which role has which right, from the catalogue: an object that nobody entered below fails. (Which rows and outcomes
-- each who may ask gets by them: access_matrix.test.sql, access_functions.test.sql.)
begin;

-- Tables and views; on sessions UPDATE is for two columns alone, see below.
create temp table expected_tables (name text primary key, authenticated text, service_role text);
insert into expected_tables values
  ('audit_log',            'SELECT', 'SELECT'),
  ('assistants',            'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('daily_usage',           'SELECT',        'SELECT'),
  ('exchanges',             'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('feedback_provenance',   'SELECT',        'SELECT'),
  ('idempotency_keys',      '',              'DELETE INSERT SELECT UPDATE'),
  ('leases',                '',              'DELETE INSERT SELECT UPDATE'),
  ('loop_settings',         'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('message_evaluations',   'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('messages',              'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('model_prices',          'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('organization_members',  'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('organization_settings', 'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('organizations',         'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('pattern_counts',        'SELECT',        'SELECT'),
  ('reflection_logs',       'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('response_feedback',     'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('rubrics',               'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('satisfaction_by_day',   'SELECT',        'SELECT'),
  ('sessions',              'SELECT UPDATE', 'DELETE INSERT SELECT UPDATE'),
  ('suggestions',           'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('system_prompts',        'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('turn_attempts',         '',              'DELETE INSERT SELECT UPDATE'),
  ('turns',                 'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('usage',                 'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('user_usage',            'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('users',                 'SELECT',        'DELETE INSERT SELECT UPDATE');

-- Learned patterns
insert into expected_tables values
  ('learned_patterns',      'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('learning_runs',         'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('pattern_evidence',      'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('pattern_exposures',     'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('pattern_sources',       'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('pattern_transitions',   'SELECT',        'DELETE INSERT SELECT');

-- Versions that prove themselves
insert into expected_tables values
  ('canary_units',          '',              'DELETE INSERT SELECT UPDATE'),
  ('judge_trials',          'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('judging_sessions',      '',              'DELETE INSERT SELECT UPDATE'),
  ('placebo_results',       'SELECT',        'SELECT'),
  ('promotion_receipts',    'SELECT',        'SELECT'),
  ('prompt_tests',          'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('proof_observations',    '',              'SELECT'),
  ('replay_pairs',          '',              'DELETE INSERT SELECT UPDATE'),
  ('test_ledger',           'SELECT',        'SELECT'),
  ('test_usage',            'SELECT',        'DELETE INSERT SELECT UPDATE');

-- Training data, datasets, and what passes between Pawl and a trainer
insert into expected_tables values
  ('dataset_parts',         'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('dataset_rows',          '',              'DELETE INSERT SELECT UPDATE'),
  ('drift_metrics',         'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('eval_results',          'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('teaching_data',         '',              ''),
  ('training_callbacks',    '',              'DELETE INSERT SELECT UPDATE'),
  ('training_data',         'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('training_sources',      '',              'DELETE INSERT SELECT UPDATE'),
  ('webhook_deliveries',    '',              'DELETE INSERT SELECT UPDATE');

-- Tuned models
insert into expected_tables values
  ('model_versions',        'SELECT',        'DELETE INSERT SELECT UPDATE');

-- Runs
insert into expected_tables values
  ('agent_runs',            'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('agent_traces',          'SELECT',        'DELETE INSERT SELECT UPDATE'),
  ('tool_calls',            'SELECT',        'DELETE INSERT SELECT UPDATE');

-- Callers: the roles that may execute; anon never may.
create temp table expected_functions (signature text primary key, callers text);
insert into expected_functions values
  ('public.pawl_begin_turn(text, uuid, text, uuid, uuid, text, jsonb)',               'authenticated service_role'),
  ('public.pawl_collect_feedback(jsonb, uuid)',                                       'authenticated service_role'),
  ('public.pawl_delete_session(uuid, uuid)',                                          'authenticated service_role'),
  ('public.pawl_get_session(uuid, bigint, integer, uuid)',                            'authenticated service_role'),
  ('public.pawl_list_sessions(text, uuid, timestamp with time zone, integer, uuid)',  'authenticated service_role'),
  ('public.pawl_rename_session(uuid, text, uuid)',                                    'authenticated service_role'),
  ('public.pawl_activate_prompt(integer, text, text, uuid, uuid)',                      'authenticated service_role'),
  ('public.pawl_approve_suggestion(uuid, text, uuid)',                                  'authenticated service_role'),
  ('public.pawl_get_version(integer, text, uuid, uuid)',                                'authenticated service_role'),
  ('public.pawl_list_events(text, uuid, timestamp with time zone, integer, uuid)',      'authenticated service_role'),
  ('public.pawl_list_suggestions(text, text, uuid, timestamp with time zone, integer, uuid)', 'authenticated service_role'),
  ('public.pawl_list_versions(text, uuid, integer, integer, uuid)',                     'authenticated service_role'),
  ('public.pawl_lock_prompt(boolean, integer, text, text, uuid, uuid)',                 'authenticated service_role'),
  ('public.pawl_pause_updates(timestamp with time zone, text, text, uuid, uuid)',       'authenticated service_role'),
  ('public.pawl_protect_clauses(text[], text, text, uuid, uuid)',                       'authenticated service_role'),
  ('public.pawl_reject_suggestion(uuid, text, uuid)',                                   'authenticated service_role'),
  ('public.pawl_require_approval(boolean, text, text, uuid, uuid)',                     'authenticated service_role'),
  ('public.pawl_resume_updates(text, text, uuid, uuid)',                                'authenticated service_role'),
  ('public.pawl_rollback_prompt(integer, text, text, uuid, uuid)',                      'authenticated service_role'),
  ('public.pawl_status(text, uuid, uuid)',                                              'authenticated service_role'),
  ('public.pawl_write_prompt(text, boolean, text, text, uuid, uuid)',                   'authenticated service_role'),
  ('public.pawl_begin_update(uuid)',                                                  'service_role'),
  ('public.pawl_claim_reflection(uuid, uuid, text, boolean, boolean, timestamp with time zone, integer)',
                                                                                      'service_role'),
  ('public.pawl_complete_turn(uuid, integer, text, text, text, jsonb, integer, uuid, text[], jsonb)', 'service_role'),
  ('public.pawl_fail_turn(uuid, integer, text, text, jsonb)',                         'service_role'),
  ('public.pawl_forget_user(uuid)',                                                   'service_role'),
  ('public.pawl_prepare_turn(text, uuid, text, uuid, uuid, text, integer, jsonb)',    'service_role'),
  ('public.pawl_submit_prompt(uuid, uuid, text, text, text)',                         'service_role'),
  ('public.pawl_record_reflection(uuid, jsonb)',                                      'service_role'),
  ('public.pawl_record_usage(uuid, text, text, jsonb)',                               'service_role'),
  ('public.pawl_refuse_update(uuid, text)',                                           'service_role'),
  ('public.pawl_release_reflection(uuid, uuid)',                                      'service_role'),
  ('public.pawl_serving_context(uuid)',                                               'service_role'),
  ('public.pawl_sweep()',                                                             'service_role'),
  ('pawl.feedback_kind(text)',                                                        'service_role'),
  ('pawl.is_rubric(jsonb)',                                                           'service_role'),
  ('pawl.acting_user(uuid)',                                                          'authenticated service_role'),
  ('pawl.caller_id()',                                                                'authenticated service_role'),
  ('pawl.is_admin(uuid)',                                                             'authenticated service_role'),
  ('pawl.is_member(uuid)',                                                            'authenticated service_role'),
  ('pawl.is_service()',                                                               'authenticated service_role'),
  ('pawl.count_tokens(uuid, uuid, bigint)',                                           ''),
  ('pawl.equip_assistant()',                                                          ''),
  ('pawl.keep_record()',                                                              ''),
  ('pawl.known_traits(jsonb)',                                                        ''),
  ('pawl.note_follow_up(uuid)',                                                       ''),
  ('pawl.read_feedback(jsonb)',                                                       ''),
  ('pawl.store_exchange(pawl.turns, uuid, text[], jsonb)',                            ''),
  ('pawl.approved_suggestions(uuid)',                                                   ''),
  ('pawl.calls_for_update(pawl.reflection_logs)',                                       ''),
  ('pawl.change_settings(pawl.steering, text, jsonb, jsonb, text)',                     ''),
  ('pawl.changed(pawl.steering, text, jsonb, jsonb, jsonb, text)',                      ''),
  ('pawl.difference(jsonb, jsonb)',                                                     ''),
  ('pawl.go_live(uuid, text, boolean)',                                                          ''),
  ('pawl.is_operator()',                                                                ''),
  ('pawl.known_user(uuid)',                                                             ''),
  ('pawl.live_version(uuid)',                                                           ''),
  ('pawl.missing_clauses(uuid, text)',                                                  ''),
  ('pawl.owed_update(pawl.system_prompts, timestamp with time zone)',                   ''),
  ('pawl.page(integer)',                                                                ''),
  ('pawl.record_change(uuid, text, uuid, text, jsonb, text)',                           ''),
  ('pawl.reflection_summary(pawl.reflection_logs)',                                     ''),
  ('pawl.review(pawl.steering, pawl.suggestions, text, text, jsonb, text, integer, integer)', ''),
  ('pawl.status_of(pawl.assistants)',                                                   ''),
  ('pawl.steer(text, uuid, uuid)',                                                      ''),
  ('pawl.switch(pawl.steering, text, integer, text)',                                   ''),
  ('pawl.take_hold(text, uuid, uuid, text)',                                            ''),
  ('pawl.take_hold_of(uuid, text, uuid, text)',                                         ''),
  ('pawl.update_result(pawl.reflection_logs)',                                          ''),
  ('pawl.administers(uuid, uuid)',                                                    ''),
  ('pawl.cooldown_until(pawl.loop_settings)',                                         ''),
  ('pawl.updates_today(uuid)',                                                        ''),
  ('pawl.version_of(uuid, integer)',                                                  ''),
  ('pawl.have_it_written(pawl.steering, pawl.suggestions, text)',                      ''),
  ('pawl.is_superseded(pawl.suggestions)',                                            ''),
  ('pawl.make_live(pawl.steering, pawl.system_prompts, text, text)',                   ''),
  ('pawl.version_before(pawl.system_prompts)',                                        ''),
  ('pawl.went_live(pawl.system_prompts)',                                             ''),
  ('pawl.version_summary(pawl.system_prompts)',                                         ''),
  ('pawl.equip_organization()',                                                       ''),
  ('pawl.find_assistant(uuid, text)',                                                 ''),
  ('pawl.find_organization(uuid, uuid)',                                              ''),
  ('pawl.history_before(pawl.turns, integer)',                                        ''),
  ('pawl.is_paused(pawl.loop_settings)',                                              ''),
  ('pawl.keep_prompt_text()',                                                         ''),
  ('pawl.limit_reached(uuid, uuid)',                                                  ''),
  ('pawl.next_task(pawl.assistants, boolean, boolean)',                               ''),
  ('pawl.record_usage(uuid, uuid, text, text, jsonb, integer)',                       ''),
  ('pawl.request_in_the_way(uuid, uuid, integer)',                                    ''),
  ('pawl.stored_answer(pawl.turns)',                                                  ''),
  ('pawl.title_of(text)',                                                             ''),
  ('pawl.today()',                                                                    ''),
  ('pawl.tokens_in(jsonb)',                                                           ''),
  ('pawl.unjudged_answers(uuid, timestamp with time zone, integer)',                  ''),
  ('pawl.update_block(uuid, boolean)',                                                '');

-- Runs
insert into expected_functions values
  ('public.pawl_list_runs(text, text, text, uuid, timestamp with time zone, integer, uuid)', 'authenticated service_role'),
  ('public.pawl_record_run(jsonb)', 'service_role'),
  ('pawl.begin_run(pawl.turns, uuid, integer)', ''),
  ('pawl.end_run(uuid, integer, text, text, jsonb, integer, text[])', ''),
  ('pawl.run_summary(pawl.agent_runs)', '');

-- Learned patterns
insert into expected_functions values
  ('public.pawl_list_patterns(text, text, uuid, timestamp with time zone, integer, uuid)', 'authenticated service_role'),
  ('public.pawl_revert_pattern(uuid, text, uuid)', 'authenticated service_role'),
  ('public.pawl_claim_learning(uuid, uuid, text, boolean, timestamp with time zone, integer)', 'service_role'),
  ('public.pawl_learning_look(uuid, uuid)', 'service_role'),
  ('public.pawl_pattern_examples(uuid, text, text, text)', 'service_role'),
  ('public.pawl_record_learning(uuid, uuid, jsonb)', 'service_role'),
  ('public.pawl_release_learning(uuid, uuid)', 'service_role'),
  ('public.pawl_settle(uuid, uuid, jsonb, jsonb, integer)', 'service_role'),
  ('pawl.add_candidates(uuid, uuid, jsonb)', ''),
  ('pawl.alert_crash(uuid, jsonb, bigint)', ''),
  ('pawl.characterised_answers(uuid)', ''),
  ('pawl.claim(text, uuid, uuid, text, boolean, boolean, timestamp with time zone, integer, boolean)', ''),
  ('pawl.days_since(timestamp with time zone)', ''),
  ('pawl.end_pattern(uuid, text, text)', ''),
  ('pawl.evidence_in_words(pawl.learned_patterns)', ''),
  ('pawl.keep_transition()', ''),
  ('pawl.look_at_clusters(uuid)', ''),
  ('pawl.look_at_patterns(uuid, numeric, jsonb)', ''),
  ('pawl.look_at_votes(uuid, numeric)', ''),
  ('pawl.mean_of(numeric, numeric)', ''),
  ('pawl.next_lesson(pawl.assistants, boolean)', ''),
  ('pawl.pattern_summary(pawl.learned_patterns)', ''),
  ('pawl.period_of(timestamp with time zone)', ''),
  ('pawl.raise_revision(uuid, jsonb)', ''),
  ('pawl.record_exposures(uuid, uuid, uuid, jsonb)', ''),
  ('pawl.record_transition(pawl.learned_patterns, pawl.learned_patterns, uuid, text)', ''),
  ('pawl.release(text, uuid, uuid)', ''),
  ('pawl.served(uuid)', ''),
  ('pawl.serving_patterns(uuid)', ''),
  ('pawl.store_signals(uuid, jsonb, jsonb)', ''),
  ('pawl.take_hold_of_suggestion(uuid, uuid, text)', ''),
  ('pawl.update_patterns(uuid, uuid, jsonb)', ''),
  ('pawl.variance_of(numeric, numeric, numeric)', ''),
  ('pawl.waiting_answers(uuid, timestamp with time zone, uuid, integer)', ''),
  ('pawl.withdraw_pattern(uuid, text)', '');

-- Versions that prove themselves: what people decide and look at
insert into expected_functions values
  ('public.pawl_approve_version(integer, text, text, uuid, uuid)', 'authenticated service_role'),
  ('public.pawl_force_version(integer, text, text, uuid, uuid)', 'authenticated service_role'),
  ('public.pawl_get_receipt(uuid, uuid)', 'authenticated service_role'),
  ('public.pawl_list_queue(text, uuid, uuid)', 'authenticated service_role'),
  ('public.pawl_list_receipts(text, uuid, timestamp with time zone, integer, uuid)', 'authenticated service_role'),
  ('public.pawl_reject_version(integer, text, text, uuid, uuid)', 'authenticated service_role'),
  ('public.pawl_test_version(integer, boolean, text, text, uuid, uuid)', 'authenticated service_role'),
  ('pawl.approve(pawl.steering, pawl.system_prompts, text)', ''),
  ('pawl.end_suggestions()', ''),
  ('pawl.is_in_test(uuid)', ''),
  ('pawl.is_unproved(pawl.system_prompts)', ''),
  ('pawl.keep_prompt_states()', ''),
  ('pawl.matches_prompt(uuid, jsonb)', ''),
  ('pawl.open_suggestion(uuid)', ''),
  ('pawl.queue_entry(pawl.prompt_tests)', ''),
  ('pawl.receipt_summary(pawl.promotion_receipts)', ''),
  ('pawl.reject(pawl.steering, pawl.system_prompts, text)', ''),
  ('pawl.steer_of(uuid, text, uuid)', ''),
  ('pawl.test_placebo(pawl.system_prompts)', '');

-- Versions that prove themselves: what the loop does
insert into expected_functions values
  ('public.pawl_alert_fall(uuid, uuid, uuid, jsonb)', 'service_role'),
  ('public.pawl_begin_proof(uuid, uuid, jsonb, jsonb, jsonb)', 'service_role'),
  ('public.pawl_begin_test(uuid, uuid, integer, bigint, bigint)', 'service_role'),
  ('public.pawl_claim_proof(uuid, uuid, text, timestamp with time zone, integer, boolean)', 'service_role'),
  ('public.pawl_decide_test(uuid, uuid, text, text, jsonb, jsonb)', 'service_role'),
  ('public.pawl_next_pairs(uuid, uuid, integer)', 'service_role'),
  ('public.pawl_next_units(uuid, uuid, integer)', 'service_role'),
  ('public.pawl_note_ruling(uuid, uuid, jsonb)', 'service_role'),
  ('public.pawl_proof_look(uuid, uuid)', 'service_role'),
  ('public.pawl_record_judge_trial(uuid, uuid, integer, boolean, jsonb, jsonb)', 'service_role'),
  ('public.pawl_record_pairs(uuid, uuid, jsonb, jsonb)', 'service_role'),
  ('public.pawl_record_units(uuid, uuid, jsonb, jsonb)', 'service_role'),
  ('public.pawl_release_proof(uuid, uuid, boolean)', 'service_role'),
  ('public.pawl_roll_back(uuid, uuid, uuid, timestamp with time zone, jsonb, jsonb)', 'service_role'),
  ('public.pawl_watch_look(uuid, uuid)', 'service_role'),
  ('pawl.answers_of_unit(pawl.canary_units)', ''),
  ('pawl.close_as(pawl.prompt_tests, text)', ''),
  ('pawl.close_test(uuid, text, boolean)', ''),
  ('pawl.cost_of(text, jsonb)', ''),
  ('pawl.draw_pairs(pawl.prompt_tests, integer)', ''),
  ('pawl.drop_answers()', ''),
  ('pawl.end_test(uuid, text, text)', ''),
  ('pawl.fingerprint(uuid)', ''),
  ('pawl.fix_pool(pawl.prompt_tests)', ''),
  ('pawl.escalate_once(uuid, text, text)', ''),
  ('pawl.tell_cap_too_small(uuid, bigint, numeric, text)', ''),
  ('pawl.ask_for_approval(uuid)', ''),
  ('pawl.give_back(uuid, date, bigint, numeric)', ''),
  ('pawl.give_back_all(uuid)', ''),
  ('pawl.give_back_trial(uuid)', ''),
  ('pawl.leave_spent(uuid)', ''),
  ('pawl.plain_text(text)', ''),
  ('pawl.was_tried(uuid, uuid, text)', ''),
  ('pawl.test_again(uuid)', ''),
  ('pawl.to_test_again(uuid)', ''),
  ('pawl.highest_cost(text, bigint, bigint)', ''),
  ('pawl.highest_cost_of_pair(pawl.prompt_tests, pawl.replay_pairs)', ''),
  ('pawl.highest_cost_of_unit(pawl.prompt_tests, jsonb)', ''),
  ('pawl.hold_test(uuid, uuid, boolean)', ''),
  ('pawl.holds_proof(uuid, uuid, boolean)', ''),
  ('pawl.is_approved(uuid)', ''),
  ('pawl.judge_agreement(uuid, text, uuid)', ''),
  ('pawl.keep_answers(pawl.prompt_tests, pawl.replay_pairs)', ''),
  ('pawl.ledger_of(uuid)', ''),
  ('pawl.most_tokens(text)', ''),
  ('pawl.next_proof(pawl.assistants, boolean)', ''),
  ('pawl.reason_to_close(pawl.prompt_tests)', ''),
  ('pawl.note_block(uuid, text)', ''),
  ('pawl.observation_ids(uuid, text, jsonb)', ''),
  ('pawl.observations_digest(uuid[])', ''),
  ('pawl.observations_of(uuid, text)', ''),
  ('pawl.observe_pair(pawl.prompt_tests, pawl.replay_pairs, integer, integer, text)', ''),
  ('pawl.open_test(pawl.system_prompts, uuid)', ''),
  ('pawl.pairs_wanted(pawl.prompt_tests)', ''),
  ('pawl.promote_test(uuid)', ''),
  ('pawl.promotion_block(pawl.prompt_tests)', ''),
  ('pawl.proof_pool(pawl.prompt_tests)', ''),
  ('pawl.questions_for(pawl.prompt_tests)', ''),
  ('pawl.reactions_to(uuid, uuid)', ''),
  ('pawl.record_close(pawl.prompt_tests, text, text)', ''),
  ('pawl.reserve(uuid, bigint, numeric)', ''),
  ('pawl.rollback_block(pawl.system_prompts)', ''),
  ('pawl.screening_pool(pawl.prompt_tests)', ''),
  ('pawl.spend(pawl.prompt_tests, jsonb, date)', ''),
  ('pawl.test_in_the_way(pawl.prompt_tests)', ''),
  ('pawl.test_task(pawl.prompt_tests)', ''),
  ('pawl.traffic_of(pawl.prompt_tests)', ''),
  ('pawl.version_served(pawl.system_prompts, pawl.sessions, boolean)', ''),
  ('pawl.version_text(uuid)', ''),
  ('pawl.void_pairs(pawl.prompt_tests)', ''),
  ('pawl.votes_on(pawl.system_prompts, timestamp with time zone, timestamp with time zone, integer)', ''),
  ('pawl.votes_since(pawl.system_prompts)', ''),
  ('pawl.went_live_by_test(pawl.system_prompts)', ''),
  ('pawl.write_receipt(pawl.prompt_tests, text, jsonb)', '');

-- Training data and datasets
insert into expected_functions values
  ('public.pawl_analyze_feedback(uuid, text, numeric, uuid)', 'authenticated service_role'),
  ('public.pawl_list_drift(uuid, text, integer, uuid)', 'authenticated service_role'),
  ('public.pawl_list_models(uuid, text, integer, uuid)', 'authenticated service_role'),
  ('public.pawl_claim_training(uuid, uuid, text, boolean, timestamp with time zone, integer)', 'service_role'),
  ('public.pawl_dataset_page(uuid, uuid, uuid, integer)', 'service_role'),
  ('public.pawl_dataset_rows(uuid, integer, text)', 'service_role'),
  ('public.pawl_drift_look(uuid, uuid, numeric, numeric)', 'service_role'),
  ('public.pawl_open_model_version(uuid, uuid, jsonb, jsonb)', 'service_role'),
  ('public.pawl_record_drift(uuid, uuid, jsonb, text)', 'service_role'),
  ('public.pawl_record_parts(uuid, uuid, uuid, jsonb)', 'service_role'),
  ('public.pawl_release_training(uuid, uuid)', 'service_role'),
  ('public.pawl_seal_dataset(uuid, uuid, jsonb, text)', 'service_role'),
  ('public.pawl_training_page(uuid, uuid, jsonb, integer)', 'service_role'),
  ('public.pawl_training_stock(uuid, uuid, double precision)', 'service_role'),
  ('pawl.count_sources()', ''),
  ('pawl.drop_sources()', ''),
  ('pawl.hold_model(uuid, uuid)', ''),
  ('pawl.holds_training(uuid, uuid)', ''),
  ('pawl.keep_training_text()', ''),
  ('pawl.kept_share(jsonb, text)', ''),
  ('pawl.model_task(pawl.model_versions)', ''),
  ('pawl.next_training(pawl.assistants, boolean)', ''),
  ('pawl.end_silent_training(uuid)', ''),
  ('pawl.keep_rows(uuid[])', ''),
  ('pawl.mark_judging()', ''),
  ('pawl.rows_gone(uuid)', ''),
  ('pawl.recorded_parts(uuid)', ''),
  ('pawl.recount(pawl.training_sources[], pawl.training_sources[])', ''),
  ('pawl.scored_answers(uuid, timestamp with time zone, timestamp with time zone)', ''),
  ('pawl.store_collected(uuid, jsonb)', ''),
  ('pawl.uncollected(uuid, timestamp with time zone, uuid, integer)', '');

-- Tuned models
insert into expected_functions values
  ('public.pawl_claim_delivery(uuid, uuid)', 'service_role'),
  ('public.pawl_open_model_test(uuid, uuid)', 'service_role'),
  ('public.pawl_record_delivery(text, integer, integer, text)', 'service_role'),
  ('public.pawl_training_callback(text, uuid, text, jsonb, jsonb, text, text, text)', 'service_role'),
  ('pawl.candidate_for(pawl.model_versions, pawl.system_prompts)', ''),
  ('pawl.dataset_fault(pawl.model_versions, jsonb)', ''),
  ('pawl.endpoint_of(uuid)', ''),
  ('pawl.fail_model(pawl.model_versions, text, text)', ''),
  ('pawl.follow_version()', ''),
  ('pawl.give_up_delivery(pawl.model_versions, pawl.webhook_deliveries)', ''),
  ('pawl.holds(text, uuid, uuid, boolean)', ''),
  ('pawl.is_silent(pawl.system_prompts, integer)', ''),
  ('pawl.keep_model_version()', ''),
  ('pawl.model_of(uuid)', ''),
  ('pawl.models_compared(pawl.prompt_tests)', ''),
  ('pawl.reason_it_left(pawl.system_prompts)', ''),
  ('pawl.says_no_answer(text)', ''),
  ('pawl.status_by_versions(uuid)', ''),
  ('pawl.take_back(pawl.system_prompts, pawl.system_prompts, uuid, text, jsonb, jsonb, text)', ''),
  ('pawl.take_back_silent(uuid)', ''),
  ('pawl.test_said_nothing(uuid)', ''),
  ('pawl.unfinished_model(uuid)', ''),
  ('pawl.version_before_model(pawl.system_prompts)', ''),
  ('pawl.trained_sessions(uuid[], uuid[])', '');

-- Every right there is on a table in this version of Postgres, on the whole table or on a column of it.
create function pg_temp.table_rights(p_role text, p_table oid) returns text
language sql
as $$
  select coalesce(string_agg(r.right, ' ' order by r.right), '')
  from (select distinct privilege_type as right from aclexplode(acldefault('r', 10))) r
  where has_table_privilege(p_role, p_table, r.right)
     or (r.right in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
         and has_any_column_privilege(p_role, p_table, r.right))
$$;

create temp view tables_of_ours as
  select c.oid, c.relname::text as name, c.relkind, c.relrowsecurity, c.reloptions
  from pg_class c where c.relnamespace = 'pawl'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f');

create temp view functions_of_ours as
  select p.oid, n.nspname || '.' || p.proname || '(' || oidvectortypes(p.proargtypes) || ')' as signature, p.proconfig,
         p.prosecdef
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname = 'pawl' or (n.nspname = 'public' and p.proname like 'pawl%');

select plan((
  (select count(*) from expected_tables full join tables_of_ours using (name))
  + (select count(*) from tables_of_ours)
  + (select count(*) from expected_functions full join functions_of_ours using (signature)) + 12)::integer);

-- Schema
select is(has_schema_privilege('anon', 'pawl', 'usage'), false, 'anon does not reach the schema');
select is(has_schema_privilege('authenticated', 'pawl', 'usage'), true, 'authenticated reaches it: RLS decides');
select is(has_schema_privilege('service_role', 'pawl', 'usage'), true, 'service_role reaches it');
select is(has_schema_privilege(role, 'pawl', 'create'), false, role || ' creates nothing in it')
  from unnest('{anon,authenticated,service_role}'::text[]) role;

-- Tables
select is(
    format('anon: %s, authenticated: %s, service_role: %s', pg_temp.table_rights('anon', t.oid),
           pg_temp.table_rights('authenticated', t.oid), pg_temp.table_rights('service_role', t.oid)),
    format('anon: , authenticated: %s, service_role: %s', e.authenticated, e.service_role),
    'rights on pawl.' || coalesce(e.name, t.name || ', which nobody expected'))
  from expected_tables e full join tables_of_ours t using (name)
  order by coalesce(e.name, t.name);
select is(t.relrowsecurity, true, 'row-level security is on for pawl.' || t.name)
  from tables_of_ours t where t.relkind <> 'v' order by t.name;
select is(t.reloptions, '{security_invoker=true}', 'pawl.' || t.name || ' shows what its reader may see of its tables')
  from tables_of_ours t where t.relkind = 'v' order by t.name;
select is(
  (select string_agg(format('%s %s.%s', r.right, t.name, a.attname), ', ' order by t.name, a.attname)
   from tables_of_ours t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0,
        unnest('{INSERT,UPDATE,REFERENCES}'::text[]) r ("right")
   where has_column_privilege('authenticated', t.oid, a.attnum, r.right)),
  'UPDATE sessions.deleted_at, UPDATE sessions.title', 'authenticated writes two columns and no other');


-- Nobody else: what PUBLIC may, anon may, and a project has roles of its own. A sequence is for nobody, as an identity
-- column draws from its own whoever inserts.
select is_empty(
  $$select c.relname, pg_get_userbyid(a.grantee), a.privilege_type
    from pg_class c, aclexplode(c.relacl) a
    where c.relnamespace = 'pawl'::regnamespace and c.relkind = 'S' and a.grantee <> c.relowner$$,
  'no sequence is anybody''s');
select is_empty(
  $$with given (object, owner, acl) as (
      select oid::regclass::text, relowner, relacl from pg_class
        where relnamespace = 'pawl'::regnamespace and relkind <> 'S'
      union all
      select a.attrelid::regclass || '.' || a.attname, c.relowner, a.attacl
        from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relnamespace = 'pawl'::regnamespace
      union all
      select f.signature, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
        from functions_of_ours f join pg_proc p using (oid)
      union all
      select nspname, nspowner, nspacl from pg_namespace where nspname = 'pawl'
    )
    select object, a.grantee::regrole, a.privilege_type from given, aclexplode(acl) a
    where a.grantee not in (owner, 'authenticated'::regrole, 'service_role'::regrole)$$,
  'nobody but these two roles and the owner has a right to anything of ours');

-- Functions
select is(
    (select coalesce(string_agg(role, ' ' order by role), '')
     from unnest('{anon,authenticated,service_role}'::text[]) role
     where f.oid is not null and has_function_privilege(role, f.oid, 'execute')),
    e.callers,
    'who may call ' || coalesce(e.signature, f.signature || ', which nobody expected'))
  from expected_functions e full join functions_of_ours f using (signature)
  order by coalesce(e.signature, f.signature);
select is_empty(
  $$select signature from functions_of_ours where not coalesce(proconfig, '{}') && '{search_path=,"search_path=\"\""}'$$,
  'every function of ours pins an empty search_path');
select is_empty(
  $$select signature from functions_of_ours where signature ~ '^public\.pawl_.*_sessions?\(' and prosecdef$$,
  'what a person does with their sessions is under row-level security');

-- Nobody's sign-up waits for us.
select is_empty(
  $$select t.tgname from pg_trigger t
    where t.tgrelid = 'auth.users'::regclass and not t.tgisinternal
      and t.tgfoid in (select oid from functions_of_ours)$$,
  'no trigger of ours is on auth.users');

select * from finish();
rollback;
