-- A tuned model is let in as prompts are: by its test. What its trainer claims of it lets nothing in.
begin;
select plan(60);

select tests.make_assistant('acme/default'), tests.make_member('amy', 'acme', 'admin');
select tests.make_model('acme/default', 1, 'trained'), tests.hold_training('w', 'acme/default');
update pawl.model_versions set metrics = '{"accuracy": 1}';
create function pg_temp.open(p_holder text default 'w') returns jsonb
language sql as $$ select tests.train('open_model_test', '', 'acme/default m1', p_holder) $$;
create function pg_temp.held() returns text language sql as $$ select pg_temp.open() ->> 'reason' $$;
create function pg_temp.steer(p_sql text) returns text language sql as $$ select tests.call('amy', 'select public.' || p_sql) ->> 'outcome' $$;

-- Who, and when not
select is(pg_temp.open('x'), '{"outcome": "lease_lost"}', 'nobody but the holder of the training lease opens its test');
select is(tests.train('open_model_test', '', 'acme/default m9'), '{"outcome": "lease_lost"}', 'nor of what there is not');
savepoint trained;
update pawl.loop_settings set updates_paused = true;
select is(pg_temp.open(), '{"outcome": "held", "reason": "paused"}', 'not while updates are paused');
update pawl.loop_settings set updates_paused = false;
update pawl.system_prompts set locked = true;
select is(pg_temp.held(), 'locked', 'nor while the live version is locked');
update pawl.system_prompts set locked = false;
update pawl.loop_settings set protected_clauses = '{Be kind.}';
select is(pg_temp.held(), 'clauses_missing', 'nor while the live text lacks a protected clause');
update pawl.loop_settings set protected_clauses = '{}';
select tests.open_test('acme/default', 2);
select is(pg_temp.held(), 'in_proof', 'nor while another version is in test');
rollback to trained;
update pawl.rubrics set is_active = false;
select is(pg_temp.held(), 'no_rubric', 'nor without a rubric');
rollback to trained;
insert into pawl.judge_trials (assistant_id, judge_model, rubric_id, judge_revision, passed, attacks)
  select r.assistant_id, 'claude-sonnet-5-5', r.id, 1, false, '[]' from pawl.rubrics r;
select is(pg_temp.held(), 'judge_not_trusted', 'nor by a judge that failed its trial');
rollback to trained;
insert into pawl.system_prompts (assistant_id, version, content, created_by, state, activated_at)
  select tests.id('acme/default'), n, 'Text ' || n, 'system', 'rejected', null from generate_series(2, 9) n;
update pawl.system_prompts set state = 'retired' where is_active;
select is(pg_temp.held(), 'no_active_prompt', 'nor with nothing live');
rollback to trained;
select is((select count(*)::int from pawl.system_prompts where assistant_id = tests.id('acme/default')) || ' ' || tests.model('acme/default', 1), '1 trained', 'it waits');

-- Opened
insert into pawl.system_prompts (assistant_id, version, content, created_by, state)
  select tests.id('acme/default'), n, 'Text ' || n, 'system', 'rejected' from generate_series(2, 9) n;
update pawl.system_prompts set activated_at = now() where is_active;
select is(pawl.update_block(tests.id('acme/default')), 'daily_limit', 'what keeps prompts from changing too often');
select is(pg_temp.open(), '{"outcome": "ok", "version": 10}', 'does not concern it');
select is(pg_temp.open(), '{"outcome": "ok", "version": 10}', 'the same again is that');
select is((select count(*)::int from pawl.prompt_tests), 1, 'one test');
select is(pawl.updates_today(tests.id('acme/default')), 8::bigint, 'nor does it count as a change of the prompt');
select results_eq($$select actor, action, detail ->> 'version', detail ->> 'model_version', detail #>> '{changed,state,to}' from pawl.audit_log$$,
  $$values ('loop', 'submit', '10', 'v1', 'screening')$$, 'it is on record');
select is((select count(*)::int from pawl.suggestions), 0, 'nobody is asked');
select is(finished_at, null, 'it is not decided on') from pawl.model_versions;
rollback to trained;
update pawl.loop_settings set approval_required = true;
do $$ begin perform pg_temp.open(); end $$;
select results_eq($$select suggestion_type, title, status from pawl.suggestions$$, $$values ('prompt_change', 'Version 2 waits for approval', 'pending')$$, 'where a person must approve versions, it is laid before them');
rollback to trained;

-- Rejected, whatever is claimed of it
create temp table test as select tests.test_model('acme/default', 1) as id;
select is(tests.decide(id, 'rejected', 'worse') ->> 'outcome', 'ok', 'its answers lose') from test;
select is(tests.model('acme/default', 1), 'rejected worse', 'it is rejected, for what its test found');
select is(finished_at, now(), 'that is decided') from pawl.model_versions;
select is(tests.live('acme/default'), '1', 'nothing is served by it');
select is(pg_temp.open(), '{"outcome": "closed", "status": "rejected"}', 'and it is not tested again by itself');
select lives_ok($$select tests.make_model('acme/default', 2, 'curating')$$, 'another may be trained');
update pawl.prompt_tests set created_at = now() - interval '1 hour';
select is(pg_temp.steer('pawl_test_version(2)'), 'ok', 'a person may test it again meanwhile');
select is(tests.model('acme/default', 1), 'testing', 'then it is in test');
select is(pg_temp.steer('pawl_reject_version(2)'), 'ok', 'and end it');
select is(tests.model('acme/default', 1), 'rejected by_hand', 'by their own word');
rollback to trained;

-- Undecided
create temp table test as select tests.test_model('acme/default', 1) as id;
savepoint testing;
do $$ begin perform pawl.close_test(tests.id('acme/default'), 'judge_changed'); end $$;
select is(tests.model('acme/default', 1), 'trained', 'a test that another judge ended decided nothing');
select is(pg_temp.open(), '{"outcome": "ok", "version": 2}', 'it is tested anew, as the same version');
select is(tests.model('acme/default', 1), 'testing', 'and in test again');
rollback to testing;
select is(pg_temp.steer($$pawl_write_prompt('Another', true)$$), 'ok', 'a person writes another text meanwhile');
select is((select state from pawl.system_prompts where version = 2) || ' ' || tests.model('acme/default', 1), 'rejected trained', 'which says nothing of the model');
select is(pg_temp.open(), '{"outcome": "ok", "version": 4}', 'it is tested with that');
select is((select content from pawl.system_prompts where version = 4), 'Another', 'byte for byte');
do $$ begin perform pawl.close_test(tests.id('acme/default'), 'insufficient_data'); end $$;
update pawl.prompt_tests set created_at = now() - interval '61 days', decided_at = now() - interval '31 days';
select is(pg_temp.steer($$pawl_write_prompt('A third', true)$$), 'ok', 'also where its version is a draft');
select is(pg_temp.open() || '{}', '{"outcome": "ok", "version": 6}', 'of a text that is no longer live');
rollback to testing;
-- Tested, and nothing said
do $$ begin perform pawl.close_test(tests.id('acme/default'), 'insufficient_data'); end $$;
select is(pg_temp.open(), '{"outcome": "held", "reason": "insufficient_data"}', 'too few questions today are too few tomorrow');
update pawl.prompt_tests set decided_at = now() - interval '30 days' + interval '1 second' where state = 'closed';
select is(pg_temp.held(), 'insufficient_data', 'for 30 days');
savepoint few;
update pawl.prompt_tests set decided_at = now() - interval '30 days' where state = 'closed';
select is(pg_temp.open() ->> 'outcome', 'ok', 'and then again');
rollback to few;
select is(pg_temp.steer('pawl_test_version(2)'), 'ok', 'a person may test it meanwhile');
rollback to testing;
do $$ begin perform tests.decide(id, 'rejected', 'judge_disagrees') from test; perform tests.hold_training('w', 'acme/default'); end $$;
update pawl.prompt_tests set created_at = now() - interval '400 days', decided_at = now() - interval '399 days';
select is(tests.model('acme/default', 1) || ' ' || pg_temp.open(), 'trained {"reason": "judge_disagrees", "outcome": "held"}', 'a judge that disagrees with people is not asked again');
savepoint disagrees;
update pawl.loop_settings set judge_model = 'claude-haiku-5-5';
select is(pg_temp.open() ->> 'outcome', 'ok', 'another is');
rollback to disagrees;
update pawl.rubrics set is_active = false;
insert into pawl.rubrics (assistant_id, version, criteria, is_active) select assistant_id, version + 1, criteria, true from pawl.rubrics where assistant_id = tests.id('acme/default');
select is(pg_temp.open() ->> 'outcome', 'ok', 'or by another rubric');
do $$ begin perform pawl.close_test(tests.id('acme/default'), 'judge_changed'); end $$;
select is(pg_temp.open() ->> 'outcome', 'ok', 'what the last test came to counts');
rollback to testing;
select is(pg_temp.steer('pawl_force_version(2)'), 'ok', 'a person may force it');
select is(tests.model('acme/default', 1), 'deployed', 'then it is live');
rollback to trained;
do $$ begin perform tests.test_model('acme/default', 1); perform pawl.close_test(tests.id('acme/default'), 'judge_changed'); end $$;
select is(pg_temp.steer('pawl_force_version(2)') || ' ' || tests.model('acme/default', 1), 'ok deployed', 'also a draft');
rollback to trained;

-- In, and out
select is(tests.deploy_model('acme/default', 1), 2, 'one that proves itself goes live');
select is(tests.live('acme/default') || ' ' || tests.model('acme/default', 1), '2 deployed', 'and is deployed');
select is(pg_temp.open(), '{"outcome": "closed", "status": "deployed"}', 'its test is over');
savepoint live;
update pawl.system_prompts set activated_at = now() - interval '2 days' where version = 2;
select tests.answered('later ' || n, 'p' || n, p_age => '1 hour' - n * interval '1 minute', p_more => jsonb_build_object('prompt_id', (select id from pawl.system_prompts where version = 2)))
from generate_series(1, 4) n;
select tests.react('later ' || n, 'thumbs_down') from generate_series(1, 4) n;
select is(tests.prove('roll_back', tests.id('acme/default'), format(', %L, %L, %L, %L', (select id from pawl.system_prompts where version = 2), now() - interval '2 days',
  tests.prove('watch_look', tests.id('acme/default')) -> 'case', '{"decision": "rollback", "reason": "fell", "n": 4, "words": "Fell."}')) ->> 'outcome', 'ok', 'people like it less');
select is(tests.live('acme/default') || ' ' || tests.model('acme/default', 1), '1 rolled_back fell', 'it is taken back, and why');
select is(document ->> 'chat_model', 'tuned-1', 'its receipt names the model it was') from pawl.promotion_receipts where decision = 'rollback';
rollback to live;
select tests.make_model('acme/default', 2, 'trained');
select is(tests.deploy_model('acme/default', 2), 3, 'a better one takes over');
select is(tests.model('acme/default', 1) || ' ' || tests.model('acme/default', 2), 'retired deployed', 'and the other is retired');
select results_eq($$select chat_model, candidate_model from pawl.prompt_tests where candidate_id = (select id from pawl.system_prompts where version = 3)$$, $$values ('tuned-1', 'tuned-2')$$, 'it had to beat that one');
select is(pg_temp.steer('pawl_rollback_prompt()'), 'ok', 'a person takes it back');
select is(tests.model('acme/default', 1) || ' ' || tests.model('acme/default', 2), 'deployed rolled_back by_hand', 'and has the one before');

select * from finish();
rollback;
