-- A test is decided once: its version goes live or is rejected, and what was decided is in the receipt.
begin;
select plan(61);

select tests.make_assistant('acme/default');
create temp table test as select tests.open_test('acme/default') as id;
create function pg_temp.test() returns setof pawl.prompt_tests
language sql as $$ select * from pawl.prompt_tests where id = (select id from test) $$;
create function pg_temp.decide(p_decision text, p_reason text default 'better') returns jsonb
language sql as $$ select tests.decide((select id from test), p_decision, p_reason) $$;
create function pg_temp.state(p_version integer) returns text
language sql as $$ select state from pawl.system_prompts where id = tests.id('acme/default v' || p_version) $$;

-- Rejected by its screening
select tests.observe(id, 'screening', 'pair', '{"d": -1}', 20) from test;
select tests.make_questions('acme/default', 2);
insert into pawl.replay_pairs (test_id, stage, number, turn_id, candidate_first, state, baseline_answer, candidate_answer)
  select id, 'screening', 1, tests.id('acme/default question 1'), true, 'answered', 'a', 'b' from test
  union all select id, 'screening', 2, tests.id('acme/default question 2'), true, 'judged', null, null from test;
select throws_like($$select pg_temp.decide('promoted')$$, '%screening is not decided%', 'nothing is promoted by its screening');
create temp table rejected as select pg_temp.decide('rejected', 'not_more_wins') as answer;
select is(answer - 'receipt_id', '{"outcome": "ok", "version": 2}', 'a version is rejected') from rejected;
select is(pg_temp.state(2), 'rejected', 'and says so');
select results_eq($$select state, reason, decided_at, held from pg_temp.test()$$, $$values ('rejected', 'not_more_wins', now(), null::text)$$, 'so does its test');
select results_eq($$select decision, reason, test_id, assistant_id, organization_id, cardinality(observation_ids) from pawl.promotion_receipts$$,
  format($$values ('reject', 'not_more_wins', %L::uuid, %L::uuid, %L::uuid, 20)$$, id, tests.id('acme/default'), tests.id('acme')), 'and its receipt') from test;
select is(answer -> 'receipt_id', (select to_jsonb(id) from pawl.promotion_receipts), 'which the answer names') from rejected;
select results_eq($$select actor, action, detail ->> 'version', detail ->> 'why', detail -> 'changed' from pawl.audit_log$$,
  $$values ('loop', 'reject', '2', 'not_more_wins', '{"state": {"from": "screening", "to": "rejected"}}'::jsonb)$$, 'the loop''s doing is on record');
select is((select string_agg(state, ' ') from pawl.replay_pairs), 'judged', 'no text of a question that waited is kept');
select is(tests.live('acme/default'), '1', 'nothing went live');
select is(pg_temp.decide('rejected', 'not_more_wins'), answer, 'the same again answers the same') from rejected;
select is((select count(*)::int from pawl.promotion_receipts) + (select count(*)::int from pawl.audit_log), 2, 'and writes nothing');
select is(pg_temp.decide('promoted'), '{"outcome": "closed", "reason": "not_more_wins"}', 'another decision comes too late');

-- Promoted
update test set id = tests.open_test('acme/default', 3);
select tests.begin_proof(id, 'replay') from test;
select tests.observe(id, 'proving', 'pair', '{"d": 1}', 300) from test;
create temp table promoted as select pg_temp.decide('promoted') as answer;
select is(answer - 'receipt_id', '{"outcome": "ok", "version": 3}', 'a version that has proved itself is promoted') from promoted;
select is(tests.live('acme/default'), '3', 'it is live');
select is(pg_temp.state(1), 'retired', 'the one before is retired');
select results_eq($$select state, reason from pg_temp.test()$$, $$values ('promoted', 'better')$$, 'its test says so');
select results_eq($$select decision, reason, cardinality(observation_ids) from pawl.promotion_receipts r, promoted where r.id = (answer ->> 'receipt_id')::uuid$$,
  $$values ('promote', 'better', 300)$$, 'and its receipt');
select results_eq($$select actor, action, detail -> 'changed', detail ->> 'test_id', detail ->> 'receipt_id' from pawl.audit_log order by id desc limit 1$$,
  format($$values ('loop', 'promote', '{"live_version": {"from": 1, "to": 3}}'::jsonb, %L, %L)$$, id, answer ->> 'receipt_id'), 'it is on record') from test, promoted;
select is(pg_temp.decide('promoted'), answer, 'the same again answers the same') from promoted;
select is((select count(*)::int from pawl.promotion_receipts) + (select count(*)::int from pawl.audit_log), 4, 'and writes nothing');
select is((select pawl.version_before(p) from pawl.system_prompts p where is_active and assistant_id = tests.id('acme/default')), 1, 'the version before it is the one it beat');

-- Rejected by its proof; a case says how many observations it had
update test set id = tests.open_test('acme/default', 4);
select tests.begin_proof(id, 'canary') from test;
select tests.observe(id, 'proving', 'unit', '{"arm": true}', 10) from test;
create temp table few as select tests.prove('decide_test', id, format(', %L, %L, %L, %L', 'rejected', 'worse',
  '{"kind": "canary", "observations": [{}, {}, {}, {}]}', '{"decision": "reject"}')) as answer from test;
select results_eq($$select r.document -> 'case', cardinality(r.observation_ids) from pawl.promotion_receipts r, few where r.id = (answer ->> 'receipt_id')::uuid$$,
  $$values ('{"kind": "canary"}'::jsonb, 4)$$, 'what was ruled on counts, not what came after');
select is((select observation_ids from pawl.promotion_receipts r, few where r.id = (answer ->> 'receipt_id')::uuid),
  (select array_agg(o.id order by o.seq) from (select o.* from pawl.proof_observations o, test where about_id = test.id order by seq limit 4) o), 'the first of them');
select is(tests.live('acme/default') || ' ' || pg_temp.state(4), '3 rejected', 'it never goes live');

-- Held up
create function pg_temp.proved(p_version integer) returns void
language plpgsql
as $$
begin
  update test set id = tests.open_test('acme/default', p_version);
  perform tests.begin_proof(id, 'replay') from test;
  perform tests.observe(id, 'proving', 'pair', '{"d": 1}', 3) from test;
end
$$;
create function pg_temp.held() returns text
language sql
as $$
  select concat_ws(' ', d ->> 'outcome', d ->> 'reason', t.held, t.state, t.verdict ->> 'decision', t.verdict ->> 'observations')
  from pg_temp.decide('promoted') d, lateral (select * from pg_temp.test() where d is not null) t
$$;
select pg_temp.proved(5);
update pawl.loop_settings set updates_paused = true;
select is(pg_temp.decide('promoted'), '{"outcome": "held", "reason": "paused"}', 'while updates are paused nothing goes live');
select results_eq($$select held, state, verdict - 'case' - 'ruling' from pg_temp.test()$$,
  $$values ('paused', 'proving', '{"decision": "promoted", "reason": "better", "observations": 3}'::jsonb)$$, 'what was ruled is kept');
select is((select count(*)::int from pawl.promotion_receipts), 3, 'and no receipt is written');
update pawl.loop_settings set updates_paused = false, approval_required = true;
update pawl.system_prompts set locked = true where is_active and assistant_id = tests.id('acme/default');
select is(pg_temp.decide('promoted') ->> 'reason', 'locked', 'nor over a locked version');
update pawl.system_prompts set locked = false where is_active and assistant_id = tests.id('acme/default');
select is(pg_temp.decide('promoted') ->> 'reason', 'awaiting_approval', 'nor without the approval it takes');
update pawl.system_prompts set approved_at = now() where version = 5;
update pawl.loop_settings set protected_clauses = '{Be kind.}';
select is(pg_temp.decide('promoted') ->> 'reason', 'clauses_missing', 'nor without a protected clause');
select is(tests.live('acme/default') || ' ' || pg_temp.state(5), '3 proving', 'all the while nothing changes');
select is((select held from pg_temp.test()), 'clauses_missing', 'and the test says what it waits for');
select is(tests.prove('next_pairs', id), '{"outcome": "ok", "pairs": [], "blocked": null}', 'nothing more is paid for')
  from test;
select is(tests.prove('next_units', id), '{"outcome": "ok", "units": [], "blocked": null}', 'of a canary neither')
  from test;
select is((select held from pg_temp.test()), 'clauses_missing', 'and it waits for the same still');
-- A person's approval was all it waited for: the same SQL, in their transaction
update pawl.loop_settings set protected_clauses = '{}';
select tests.observe(id, 'proving', 'pair', '{"d": 0}', 5) from test;
create temp table approved as select pawl.promote_test(id) as answer from test;
select is(answer - 'receipt_id', '{"outcome": "ok", "version": 5}', 'then it goes live') from approved;
select is(tests.live('acme/default') || ' ' || pg_temp.state(3), '5 retired', 'in the same moment');
select is((select cardinality(observation_ids) from pawl.promotion_receipts r, approved where r.id = (answer ->> 'receipt_id')::uuid), 3, 'by what it was ruled on');
select is((select verdict ->> 'reason' from pg_temp.test()), 'better', 'with the reason of then');
select is(pg_temp.decide('promoted') -> 'receipt_id', answer -> 'receipt_id', 'the worker is told the same') from approved;
update pawl.loop_settings set approval_required = false;
select pg_temp.proved(6);
select is((select pawl.promote_test(id) from test), '{"outcome": "held", "reason": "not_proved"}', 'what has no verdict is not promoted');
select pg_temp.decide('promoted');
select is(tests.live('acme/default'), '6', 'by a worker it is');

-- Somebody else was faster
select pg_temp.proved(7);
do $$ begin perform tests.steer('operator', 'activate_prompt', format('3, p_organization_id => %L', tests.id('acme'))); end $$;
select is(pg_temp.decide('promoted'), '{"outcome": "closed", "reason": "baseline_changed"}', 'a version that a person made live ends the test');
select is(tests.live('acme/default') || ' ' || pg_temp.state(7), '3 rejected', 'and its version is not promoted over it');
select is((select count(*)::int from pg_temp.test() t join pawl.promotion_receipts r on r.test_id = t.id), 0, 'nothing was decided');
select is((select count(*)::int from pawl.audit_log where action = 'close'), 0, 'who did it is on record already');

-- Another model chats, while it waits for a person
update pawl.loop_settings set approval_required = true;
select pg_temp.proved(9);
select pg_temp.decide('promoted');
update pawl.loop_settings set chat_model = 'another' where assistant_id = tests.id('acme/default');
select is(pg_temp.decide('promoted'), '{"outcome": "closed", "reason": "baseline_changed"}', 'what is proved of another model is not promoted');
select is((select string_agg(actor || ' ' || (detail ->> 'version') || ' ' || (detail ->> 'why'), '; ') from pawl.audit_log where action = 'close'),
  'loop 9 baseline_changed', 'and that is on record: no person did it');

-- Closing
update test set id = tests.open_test('acme/default', 8);
create function pg_temp.closed(p_reason text, p_by_person boolean default false) returns text
language plpgsql
as $$
declare
  v_text text;
begin
  perform pawl.close_test(tests.id('acme/default'), p_reason, p_by_person);
  select t.state || ' ' || t.reason || ' ' || pg_temp.state(8) || ' ' || (select count(*) from pawl.audit_log where action = 'close')
    || ' ' || (select count(*) from pawl.suggestions where suggestion_type = 'escalation') into v_text from pg_temp.test() t;
  raise exception using errcode = 'XDONE', message = v_text;
exception when sqlstate 'XDONE' then return sqlerrm;
end
$$;
select is(pg_temp.closed('judge_changed'), 'closed judge_changed draft 2 0', 'closed for its judge, a version is a draft, and it is on record');
select is(pg_temp.closed('yearly_budget'), 'closed yearly_budget draft 2 1', 'for the budget too, which a person is told');
select is(pg_temp.closed('insufficient_data'), 'closed insufficient_data draft 2 1', 'as for too few questions');
select is(pg_temp.closed('judge_not_trusted'), 'closed judge_not_trusted draft 2 1', 'for a judge that is not trusted a person is told');
select is(pg_temp.closed('baseline_changed'), 'closed baseline_changed rejected 2 0', 'for another live version it is rejected');
select is(pg_temp.closed('by_hand', true), 'closed by_hand rejected 1 0', 'by hand too, and who did it is on record already');
update pawl.system_prompts set state = 'retired' where version = 3 and assistant_id = tests.id('acme/default');
update pawl.system_prompts set state = 'active' where version = 8 and assistant_id = tests.id('acme/default');
select is(pg_temp.closed('forced', true), 'closed forced active 1 0', 'but not when it is live by now');
select pawl.close_test(tests.id('acme/default'), 'forced');
select is((select count(*)::int from pawl.prompt_tests where state in ('screening', 'proving')), 0, 'then none runs');
select lives_ok($$select pawl.close_test(tests.id('acme/default'), 'by_hand')$$, 'and closing none is no fault');
select is((select reason from pg_temp.test()), 'forced', 'nor does it change one that ended');
select throws_ok($$select pawl.open_test(p, p.id) from pawl.system_prompts p where version = 8 and assistant_id = tests.id('acme/default')$$, '23001', null, 'a live version is not put to the test');
select tests.open_test('acme/default', 9);
select throws_ok($$select tests.open_test('acme/default', 10)$$, '23505', null, 'nor a second one beside the first');
select is((select string_agg(version::text, ' ') from pawl.system_prompts where assistant_id = tests.id('acme/default') and is_active), '8', 'there is one live version');

select * from finish();
rollback;
