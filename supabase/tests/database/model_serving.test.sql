-- What serves is a version: a text and the model that is given it. Later texts keep the model, earlier ones have theirs.
begin;
select plan(46);

select tests.make_assistant('acme/default'), tests.make_member('ann', 'acme'), tests.make_member('amy', 'acme', 'admin');
select tests.make_model('acme/default', 1, 'trained');
update pawl.organization_settings set user_requests_per_minute = null;
create function pg_temp.endpoint(p_version integer) returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_serving_context(%L)', id)) -> 'endpoint' from pawl.system_prompts
  where assistant_id = tests.id('acme/default') and version = p_version
$$;
create function pg_temp.serves(p_version integer) returns text
language sql
as $$
  select coalesce(m.version, 'own') from pawl.system_prompts p left join pawl.model_versions m on m.id = p.model_version_id
  where p.assistant_id = tests.id('acme/default') and p.version = p_version
$$;
create function pg_temp.prompt(p_version integer) returns uuid
language sql as $$ select id from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = p_version $$;

-- The assistant's own
select is(tests.begin_turn('ann', 'Hello') ->> 'model', 'claude-sonnet-5-5', 'a turn is answered by the assistant''s model');
select is(pg_temp.endpoint(1), 'null', 'at the project''s own address');

-- In test
select is(tests.model('acme/default', 1), 'trained', 'a trained model serves nothing');
create temp table test as select tests.test_model('acme/default', 1) as id;
select is(tests.model('acme/default', 1), 'testing', 'its test has begun');
select results_eq($$select version, content, created_by, state, change_reason, previous_version_id from pawl.system_prompts where model_version_id is not null$$,
  $$values (2, 'Prompt 1 of acme/default', 'system', 'screening', 'The live text, answered by model v1 (tuned-1), tuned from 3 examples', tests.id('acme/default v1'))$$,
  'it is tested as a version with the live text');
select is(tests.begin_turn('ann', 'Hello') ->> 'model', 'claude-sonnet-5-5', 'people have the live one');
select results_eq($$select chat_model, candidate_model from pawl.prompt_tests$$, $$values ('claude-sonnet-5-5', 'tuned-1')$$, 'the test compares both models');
select is(pawl.version_text(pg_temp.prompt(2)) - 'id', '{"version": 2, "content": "Prompt 1 of acme/default", "model": "tuned-1", "base_url": "https://models.example.com:8443/v1"}', 'its worker knows where the one answers');
select is(pawl.version_text(pg_temp.prompt(1)) - 'id', '{"version": 1, "content": "Prompt 1 of acme/default", "model": "claude-sonnet-5-5", "base_url": null}', 'and the other');
select is(pawl.test_task(t) -> 'candidate' ->> 'model', 'tuned-1', 'as it claims the test') from pawl.prompt_tests t;
update pawl.prompt_tests set state = 'proving', method = 'canary', level = 0.01, proof_started_at = now(), settings = settings || '{"canary_share": 0.5}';
update pawl.system_prompts set state = 'proving' where version = 2;
create temp table turns as select tests.begin_turn('ann', 'Canary ' || n) as turn from generate_series(1, 60) n;
select is(count(distinct turn ->> 'model')::int, 2, 'a canary sends conversations to both') from turns;
select is(bool_and((turn ->> 'model' = 'tuned-1') = (turn ->> 'prompt_version' = '2')), true, 'each to the model of its version') from turns;
select is(tests.model('acme/default', 1), 'testing', 'it is in test');
update pawl.prompt_tests set method = 'replay';

-- A change of the setting
savepoint proving;
update pawl.loop_settings set chat_model = 'claude-haiku-5-5' where assistant_id = tests.id('acme/default');
select is(pawl.reason_to_close(t), 'baseline_changed', 'what it has to beat is another model now') from pawl.prompt_tests t;
rollback to proving;
select is(pawl.reason_to_close(t), null, 'while it is the same, the test goes on') from pawl.prompt_tests t;

-- Live
update pawl.prompt_tests set verdict = '{"decision": "promoted", "reason": "better", "case": {}, "ruling": {"log_e": 7.2}, "observations": 0}';
do $$ begin perform pawl.promote_test(t.id) from pawl.prompt_tests t; end $$;
select is(tests.live('acme/default'), '2', 'it goes live');
select is(tests.model('acme/default', 1), 'deployed', 'and is deployed');
select is(deployed_at, now(), 'since then') from pawl.model_versions;
select is(tests.begin_turn('ann', 'Hello') ->> 'model', 'tuned-1', 'people have it');
select is(pg_temp.endpoint(2), '{"base_url": "https://models.example.com:8443/v1", "model": "tuned-1"}', 'where it answers is known');
select is(pg_temp.endpoint(1), 'null', 'and what the version before is served by');
select is((tests.call('service', format($$select public.pawl_prepare_turn('Hello', p_user_id => %L)$$, tests.id('ann')))) -> 'endpoint' ->> 'model', 'tuned-1', 'a backend is told, too');
select is(tests.begin_turn('ann', 'Hello') ? 'endpoint', false, 'a person is not');
select results_eq($$select document #> '{candidate,model}', document #> '{candidate,host}', document #> '{baseline,model}', document -> 'baseline' ? 'host' from pawl.promotion_receipts$$,
  $$values ('"tuned-1"'::jsonb, '"models.example.com:8443"'::jsonb, '"claude-sonnet-5-5"'::jsonb, false)$$, 'its receipt says which models were compared');
update pawl.loop_settings set chat_model = 'claude-haiku-5-5' where assistant_id = tests.id('acme/default');
select is(tests.begin_turn('ann', 'Hello') ->> 'model', 'tuned-1', 'the setting is for versions without a model');

-- Later texts
create temp table reflection as select gen_random_uuid() as id;
select tests.make_reflection('acme/default');
update pawl.reflection_logs set id = (select id from reflection), prompt_id = pg_temp.prompt(2), prompt_version_evaluated = 2, action_taken = 'prompt_update';
update pawl.loop_settings set cooldown_hours = 0;
select is(tests.call('service', format($$select public.pawl_submit_prompt(%L, %L, 'Better', 'because', 'w')$$, id, pg_temp.prompt(2))) ->> 'outcome', 'submitted', 'the loop writes another text') from reflection;
select is(pg_temp.serves(3), 'v1', 'for the same model');
select results_eq($$select chat_model, candidate_model from pawl.prompt_tests where state = 'screening'$$, $$values ('tuned-1', null::text)$$, 'which answers both');
select is(tests.model('acme/default', 1), 'deployed', 'the model stays what it is');
select is(pawl.reason_to_close(t), null, 'and the setting is not its baseline''s') from pawl.prompt_tests t where t.state = 'screening';
do $$ begin perform pawl.close_test(tests.id('acme/default'), 'judge_changed'); end $$;
select is(tests.model('acme/default', 1), 'deployed', 'also when that test ends');
do $$ begin perform tests.call('amy', $q$select public.pawl_write_prompt('By hand', true)$q$); end $$;
select is(pg_temp.serves(4) || ' ' || tests.live('acme/default'), 'v1 4', 'theirs has it, too');
select is(tests.model('acme/default', 1), 'deployed', 'and the model serves on');
do $$ begin perform tests.call('amy', $q$select public.pawl_test_version(p_placebo => true)$q$); end $$;
select is(pg_temp.serves(5), 'v1', 'a placebo has it');
select is(tests.model('acme/default', 1), 'deployed', 'and says nothing of it');
do $$ begin perform pawl.close_test(tests.id('acme/default'), 'by_hand'); end $$;
select is(tests.model('acme/default', 1), 'deployed', 'however it ends');

-- Going back
update pawl.system_prompts set activated_at = now() - interval '1 hour' where version = 4;
do $$ begin perform tests.call('amy', $q$select public.pawl_activate_prompt(1)$q$); end $$;
select is(tests.begin_turn('ann', 'Hello') ->> 'model', 'claude-haiku-5-5', 'an earlier version brings its model back');
select is(tests.model('acme/default', 1), 'retired', 'the other is retired');
do $$ begin perform tests.call('amy', $q$select public.pawl_activate_prompt(2)$q$); end $$;
select is(tests.model('acme/default', 1), 'deployed', 'and may come back');
do $$ begin perform tests.call('amy', $q$select public.pawl_rollback_prompt(1)$q$); end $$;
select is(tests.model('acme/default', 1), 'rolled_back by_hand', 'or be taken back');

-- The same text is another version with another model
select is(tests.call('amy', 'select public.pawl_test_version(2)') ->> 'outcome', 'ok', 'a person may test it again');
select is(tests.model('acme/default', 1), 'testing', 'then it is in test');
do $$ begin perform tests.call('amy', $q$select public.pawl_reject_version(2)$q$); end $$;
select is(tests.model('acme/default', 1), 'retired', 'as it was, while another version of it was live once');
insert into pawl.system_prompts (assistant_id, version, content) values (tests.id('acme/default'), 6, 'Prompt 1 of acme/default');
select is(tests.call('amy', 'select public.pawl_test_version(6)') ->> 'outcome', 'not_testable', 'the live text with the live model is no other version');
do $$ begin perform tests.call('amy', $q$select public.pawl_activate_prompt(2)$q$); end $$;
select is((tests.call('amy', $$select public.pawl_write_prompt('Prompt 1 of acme/default')$$)) #> '{about,version}', '7', 'the newest text again is another version where another model serves it');
select is(pg_temp.serves(7), 'v1', 'the live one''s');

select * from finish();
rollback;
