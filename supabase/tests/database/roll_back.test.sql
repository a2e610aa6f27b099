-- A version that people like less is taken back in one transaction, with its receipt, and a person is told.
begin;
select plan(36);

select tests.make_assistant('acme/default');
create temp table test as select tests.open_test('acme/default') as id;
select tests.begin_proof(id, 'replay') from test;
select tests.decide(id, 'promoted') from test;
update pawl.system_prompts set activated_at = now() - interval '2 days' where version = 2 and assistant_id = tests.id('acme/default');
select tests.answered('later ' || n, 'p' || n, p_age => '1 hour' - n * interval '1 minute', p_more => jsonb_build_object('prompt_id', tests.id('acme/default v2')))
from generate_series(1, 4) n;
select tests.react('later ' || n, case n when 2 then 'thumbs_up' else 'thumbs_down' end) from generate_series(1, 4) n;
create temp table look as select tests.prove('watch_look', tests.id('acme/default')) as answer;
create function pg_temp.roll_back(p_version integer default 2, p_holder text default 'w') returns jsonb
language sql
as $$
  select tests.prove('roll_back', tests.id('acme/default'), format(', %L, %L, %L, %L', tests.id('acme/default v' || p_version), (select answer ->> 'live_since' from look), (select answer -> 'case' from look),
    '{"decision": "rollback", "reason": "fell", "log_e_worse": 12.5, "n": 3, "words": "Thumbs up fell from 80 % to 25 %."}'), p_holder)
$$;

-- Not
select is(pg_temp.roll_back(1), '{"outcome": "superseded"}', 'a version that is not live is not taken back');
update pawl.loop_settings set updates_paused = true;
select is(pg_temp.roll_back(), '{"outcome": "held", "reason": "paused"}', 'nor one while updates are paused');
update pawl.loop_settings set updates_paused = false;
update pawl.system_prompts set locked = true where version = 2;
select is(pg_temp.roll_back(), '{"outcome": "held", "reason": "locked"}', 'nor a locked one');
update pawl.system_prompts set locked = false where version = 2;
select is((select count(*)::int from pawl.promotion_receipts where decision = 'rollback') || ' ' || tests.live('acme/default'), '0 2', 'and nothing has changed');

-- Taken back, while another version is in test
update test set id = tests.open_test('acme/default', 3);
create temp table back as select pg_temp.roll_back() as answer;
select is(answer - 'receipt_id', '{"outcome": "ok", "version": 1}', 'it is taken back') from back;
select is(tests.live('acme/default'), '1', 'the version before is live again');
select is((select state from pawl.system_prompts where id = tests.id('acme/default v2')), 'rolled_back', 'and it says what became of it');
select is((select activated_at from pawl.system_prompts where id = tests.id('acme/default v1')), now(), 'the cooldown begins anew');
select is((select state || ' ' || reason from pawl.prompt_tests, test where prompt_tests.id = test.id), 'closed baseline_changed', 'a test against it is over');
select results_eq($$select actor, action, detail -> 'changed', detail ->> 'version', detail ->> 'receipt_id' from pawl.audit_log order by id desc limit 1$$,
  $$select 'loop', 'rollback', '{"live_version": {"from": 2, "to": 1}}'::jsonb, '1', answer ->> 'receipt_id' from back$$, 'the loop''s doing is on record');
select results_eq($$select action_taken, prompt_version_evaluated, new_prompt_version from pawl.reflection_logs$$, $$values ('rollback', 2, 1)$$, 'where rollbacks are');
select results_eq($$select suggestion_type, priority, status, prompt_id from pawl.suggestions$$, $$values ('escalation', 'critical', 'pending', null::uuid)$$, 'a person is told');
select is(description, 'Thumbs up fell from 80 % to 25 %. Version 1 is live again.', 'why, in words') from pawl.suggestions;

-- The receipt
create function pg_temp.receipt() returns setof pawl.promotion_receipts
language sql as $$ select r.* from pawl.promotion_receipts r, back b where r.id = (b.answer ->> 'receipt_id')::uuid $$;
select results_eq($$select decision, reason, test_id, assistant_id, organization_id from pg_temp.receipt()$$,
  $$values ('rollback', 'fell', null::uuid, tests.id('acme/default'), tests.id('acme'))$$, 'it has a receipt');
select is(to_jsonb(observation_ids), (select jsonb_path_query_array(answer, '$.case.observations[*].id') from look), 'with the votes under the ids they were ruled on') from pg_temp.receipt();
select is((select jsonb_agg(o.data || jsonb_build_object('id', o.id) order by o.seq) from pawl.proof_observations o where o.about_id = r.id),
  (select answer #> '{case,observations}' from look), 'as they were') from pg_temp.receipt() r;
select is((select string_agg(distinct kind || ' ' || stage, '; ') from pawl.proof_observations where about_id = r.id), 'vote watch', 'as votes') from pg_temp.receipt() r;
select is(observations_digest, pawl.observations_digest(observation_ids), 'and their digest') from pg_temp.receipt();
select is(document - 'settings' - 'chat_model' - 'ruling', jsonb_build_object(
  'candidate', pawl.fingerprint(tests.id('acme/default v2')), 'baseline', pawl.fingerprint(tests.id('acme/default v1')), 'placebo', false, 'judge', null,
  'method', null, 'level', null, 'ledger', null, 'screening', null, 'plan', null, 'case', (select (answer -> 'case') - 'observations' from look)), 'the versions, and what was ruled on') from pg_temp.receipt();
select is(document #> '{ruling,log_e_worse}', '12.5', 'and the ruling') from pg_temp.receipt();

select is((select detail ->> 'why' from pawl.audit_log where action = 'close' and (detail ->> 'test_id')::uuid = test.id), 'baseline_changed', 'and that the test ended by it') from test;

-- Once
select is(pg_temp.roll_back(), answer, 'the same again answers the same') from back;
select is((select count(*)::int from pawl.promotion_receipts where decision = 'rollback') + (select count(*)::int from pawl.suggestions)
  + (select count(*)::int from pawl.reflection_logs), 3, 'and writes nothing');
select is(pawl.version_before(p), null, 'the version before it is none: going back twice is not undoing') from pawl.system_prompts p where id = tests.id('acme/default v1');
select is(tests.prove('watch_look', tests.id('acme/default')), '{"outcome": "nothing_to_watch"}', 'what is live again has no votes yet');

-- Forced between the look and the rollback: another matter, until it is looked at anew
select pawl.go_live(tests.id('acme/default v2')), pawl.record_change(tests.id('acme/default'), 'operator', null, 'force', '{"changed": {"live_version": {"from": 1, "to": 2}}}', null);
update pawl.system_prompts set activated_at = now() - interval '1 day' where version = 2 and assistant_id = tests.id('acme/default');
select is(pg_temp.roll_back(), '{"outcome": "superseded"}', 'what a person has forced since it was looked at is not taken back');
update look set answer = tests.prove('watch_look', tests.id('acme/default'));
select is(pg_temp.roll_back() - 'receipt_id', '{"outcome": "ok", "version": 1}', 'looked at anew, one that was forced is taken back too');
select is((select string_agg(o.data ->> 'up', ' ' order by o.seq) from pawl.proof_observations o join pawl.promotion_receipts r on r.id = o.about_id
  where r.id <> (select (answer ->> 'receipt_id')::uuid from back)), 'false true false false', 'with the votes it was ruled on by');
select is((select count(*)::int from pawl.promotion_receipts where decision = 'rollback'), 2, 'each has a receipt of its own');
select is(tests.live('acme/default'), '1', 'and the version before is live');

-- By hand
select tests.make_version('acme/default', 4);
do $$ begin perform tests.steer('operator', 'activate_prompt', format('4, p_organization_id => %L', tests.id('acme'))); end $$;
update look set answer = (select jsonb_build_object('live_since', activated_at, 'case', answer -> 'case') from pawl.system_prompts where version = 4 and assistant_id = tests.id('acme/default'));
select is(pg_temp.roll_back(4), '{"outcome": "held", "reason": "by_hand"}', 'what a person chose is theirs to take back');
select is(tests.live('acme/default'), '4', 'and stays');

-- Nobody's words
select is((select count(*)::int from pawl.proof_observations where data - 'up' <> '{}' and kind = 'vote'), 0, 'a vote is no more than up or down');
select is((select count(*)::int from pawl.proof_observations o, pawl.exchanges e where o::text like '%' || e.message_id || '%' or o::text like '%' || e.user_id || '%'), 0, 'and nobody''s');
select is((select count(*)::int from pawl.promotion_receipts r, pawl.exchanges e where r::text like '%' || e.message_id || '%' or r::text like '%' || e.user_id || '%'), 0, 'nor is a receipt');
select is(pg_temp.roll_back(4, p_holder => 'w2'), '{"outcome": "lease_lost"}', 'and another worker is not heard');

select * from finish();
rollback;
