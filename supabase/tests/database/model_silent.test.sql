-- A tuned model that does not answer goes by itself: ten turns in a row without, and the version before is live again.
begin;
select plan(76);

select tests.make_assistant('acme/default'), tests.make_member('amy', 'acme', 'admin'), tests.make_member('ann', 'acme');
update pawl.organization_settings set user_requests_per_minute = null;
select tests.make_model('acme/default', 1, 'trained');
-- Turns of the live version, one after the other, each in a session of its own.
create function pg_temp.turn(p_code text) returns void
language plpgsql
as $$
declare
  v_turn uuid := (tests.begin_turn('ann', 'Hello') ->> 'turn_id')::uuid;
begin
  if p_code is null then
    perform tests.call('service', tests.complete_turn(v_turn));
  else
    perform tests.call('service', tests.fail_turn(v_turn, 1, p_code));
  end if;
  -- The clock of a transaction stands still.
  update pawl.turns set finished_at = finished_at - interval '2 minutes' where finished_at is not null;
end
$$;
create function pg_temp.turns(p_code text, p_count integer) returns void
language plpgsql as $$ begin for n in 1 .. p_count loop perform pg_temp.turn(p_code); end loop; end $$;
create function pg_temp.stands() returns text
language sql as $$ select tests.live('acme/default') || ' ' || tests.model('acme/default', 1) $$;

-- The assistant's own
update pawl.system_prompts set activated_at = now() - interval '1 hour' where assistant_id = tests.id('acme/default');
select pg_temp.turns('model_unreachable', 12);
select is(tests.live('acme/default') || ' ' || (select count(*) from pawl.suggestions), '1 0', 'the assistant''s own model is nobody''s to take back');

-- Live
select tests.deploy_model('acme/default', 1);
update pawl.system_prompts set activated_at = now() - interval '1 hour' where version = 2;
savepoint live;
select pg_temp.turns('model_unreachable', 9);
select is(pg_temp.stands(), '2 deployed', 'nine turns without an answer are too few');
savepoint nine;
select pg_temp.turn(null);
select pg_temp.turns('model_timeout', 9);
select is(pg_temp.stands(), '2 deployed', 'an answer between them says that it lives');
rollback to nine;
select pg_temp.turn('model_refused');
select pg_temp.turns('model_timeout', 9);
select is(pg_temp.stands(), '2 deployed', 'that it refuses, too');
rollback to nine;
select pg_temp.turn('model_empty_answer');
select pg_temp.turn('model_timeout');
select is(pg_temp.stands(), '2 deployed', 'or has nothing to say');
rollback to nine;
select pg_temp.turn('turn_lost');
select is(pg_temp.stands(), '2 deployed', 'what ends for another reason says nothing');
select pg_temp.turn('model_not_allowed');
select is(pg_temp.stands(), '1 rolled_back model_unreachable', 'and does not interrupt them');
rollback to nine;
-- One turn, again and again
do $$
declare
  v_turn uuid;
begin
  delete from pawl.turns where prompt_id = (select id from pawl.system_prompts where version = 2);
  for n in 1 .. 12 loop
    v_turn := (tests.begin_turn('ann', 'Hello', $q$, p_idempotency_key => 'k'$q$) ->> 'turn_id')::uuid;
    perform tests.call('service', tests.fail_turn(v_turn, n, 'model_timeout'));
  end loop;
end
$$;
select is(pg_temp.stands() || ' ' || (select max(attempts) from pawl.turns), '2 deployed 12', 'one person who tries again and again is one');
rollback to nine;

-- A crowd, or a while
do $$ begin perform tests.make_member('bob', 'acme'), tests.make_member('cat', 'acme'); end $$;
create function pg_temp.others() returns void
language sql
as $$
  update pawl.turns t set finished_at = now() - n.nr * interval '1 second', user_id = tests.id(case when n.nr < 5 then 'ann' else 'bob' end)
  from (select id, row_number() over (order by finished_at desc) as nr from pawl.turns where prompt_id = (select id from pawl.system_prompts where version = 2)) n
  where n.id = t.id
$$;
do $$ begin perform pg_temp.others(); end $$;
savepoint hasty;
select pg_temp.turns('model_timeout', 1);
select is(pg_temp.stands(), '2 deployed', 'what two people say in a moment takes nothing back');
select tests.call('service', tests.fail_turn((tests.begin_turn('cat', 'Hello') ->> 'turn_id')::uuid, 1, 'model_timeout'));
select is(pg_temp.stands(), '1 rolled_back model_unreachable', 'what three do does');
rollback to hasty;
update pawl.turns set finished_at = finished_at - interval '9 minutes 51 seconds' where prompt_id = (select id from pawl.system_prompts where version = 2);
savepoint slow;
update pawl.turns set finished_at = finished_at + interval '1 second' where prompt_id = (select id from pawl.system_prompts where version = 2);
do $$ begin perform pg_temp.turn('model_timeout'); end $$;
select is(pg_temp.stands(), '2 deployed', 'nor what they say in less than ten minutes');
rollback to slow;
do $$ begin perform pg_temp.turn('model_timeout'); end $$;
select is(pg_temp.stands(), '1 rolled_back model_unreachable', 'ten minutes do');
rollback to hasty;
-- One who asks and asks
do $$ begin for n in 1 .. 30 loop perform tests.call('service', tests.fail_turn((tests.begin_turn('ann', 'Hello') ->> 'turn_id')::uuid, 1, 'model_timeout')); end loop; end $$;
select is(pg_temp.stands(), '2 deployed', 'nor what one says forty times');
select tests.call('service', tests.fail_turn((tests.begin_turn('cat', 'Hello') ->> 'turn_id')::uuid, 1, 'model_timeout'));
select is(pg_temp.stands(), '1 rolled_back model_unreachable', 'who asks again and again does not drown the others');
rollback to nine;

-- What it would not take
do $$ begin delete from pawl.turns where prompt_id = (select id from pawl.system_prompts where version = 2); end $$;
select pg_temp.turns('model_rejected_request', 12);
select is(pg_temp.stands(), '2 deployed', 'that it would not take what it was asked, anybody can bring about');
rollback to nine;
select pg_temp.turn('model_rejected_request');
select is(pg_temp.stands(), '2 deployed', 'nor is that the tenth');
select pg_temp.turn('model_timeout');
select is(pg_temp.stands(), '1 rolled_back model_unreachable', 'or says that it lives');
rollback to nine;

-- The tenth
select pg_temp.turn('model_server_error');
select is(pg_temp.stands(), '1 rolled_back model_unreachable', 'the tenth takes it back');
select is((select state from pawl.system_prompts where version = 2), 'rolled_back', 'with its version');
select is(tests.begin_turn('ann', 'Hello') ->> 'model', 'claude-sonnet-5-5', 'the next turn is answered by the model before');
create temp table receipt as select * from pawl.promotion_receipts where decision = 'rollback';
select is(count(*)::int, 1, 'one receipt') from receipt;
select is(reason || ' ' || cardinality(observation_ids), 'model_unreachable 10', 'says why, of ten') from receipt;
select results_eq($$select distinct o.kind, o.stage, o.data from pawl.proof_observations o, receipt r where o.about_id = r.id$$, $$values ('turn', 'watch', '{"failed": true}'::jsonb)$$, 'turns, without a word of anybody''s');
select is(observations_digest, pawl.observations_digest(observation_ids), 'and their digest') from receipt;
select is(document -> 'case', '{"kind": "failures", "level": null, "horizon": null, "min_days": null, "max_days": null, "days": null, "unit": null, "floor": 0, "before_up": null, "before_n": null,
  "agreement": [[0,0,0,0,0],[0,0,0,0,0],[0,0,0,0,0],[0,0,0,0,0],[0,0,0,0,0]]}', 'the case is what is ruled on') from receipt;
select is((document -> 'ruling') - 'words' - 'wins' - 'losses' - 'ties' - 'candidate_n' - 'baseline_n' - 'effects', '{"decision": "rollback", "reason": "model_unreachable", "at": 10, "n": 10, "log_e": 0, "log_e_worse": 0,
  "log_e_people_worse": null, "effect": null, "kappa": null, "rated": 0}', 'and how') from receipt;
select is(document #>> '{ruling,words}', 'The last 10 answers in a row failed: the model does not answer. The version before goes live again.', 'in words') from receipt;
select is(document ->> 'chat_model' || ' ' || (document #>> '{candidate,version}') || ' ' || (document #>> '{baseline,version}'), 'tuned-1 2 1', 'which model and versions') from receipt;
select results_eq($$select actor, action, detail -> 'changed', detail ->> 'receipt_id' from pawl.audit_log order by id desc limit 1$$,
  $$select 'loop', 'rollback', '{"live_version": {"from": 2, "to": 1}}'::jsonb, id::text from receipt$$, 'it is on record as the loop''s');
select results_eq($$select title, priority, description from pawl.suggestions$$, $$values ('Version 2 was taken back: its model does not answer', 'critical',
  'The last 10 answers in a row failed: the model does not answer. The version before goes live again. Version 1 is live again.')$$, 'people are told');
select is((select action_taken || ' ' || new_prompt_version from pawl.reflection_logs), 'rollback 1', 'where rollbacks are');
select is((tests.call('amy', format('select public.pawl_get_receipt(%L)', id))) #>> '{receipt,digest_matches}', 'true', 'an admin may look at it') from receipt;
select is(jsonb_array_length((tests.call('amy', format('select public.pawl_get_receipt(%L)', id))) #> '{receipt,observations}'), 10, 'with what was observed') from receipt;
select pg_temp.turns('model_unreachable', 12);
select is(tests.live('acme/default') || ' ' || (select count(*) from pawl.promotion_receipts where decision = 'rollback'), '1 1', 'the model before is not taken back for it');
rollback to nine;

-- A turn of it that ends late
do $$
declare
  v_turn uuid := (tests.begin_turn('ann', 'Hello') ->> 'turn_id')::uuid;
begin
  perform pg_temp.turn('model_timeout');
  perform tests.call('service', tests.fail_turn(v_turn, 1, 'model_timeout'));
end
$$;
select is(tests.live('acme/default') || ' ' || (select count(*) from pawl.promotion_receipts where decision = 'rollback'), '1 1', 'what ends after that changes nothing');
rollback to nine;

-- Before it went live (again)
update pawl.system_prompts set activated_at = now() where version = 2;
select pg_temp.turn('model_timeout');
select is(pg_temp.stands(), '2 deployed', 'what was before it went live does not count');
rollback to nine;

-- Where nothing is taken back
update pawl.system_prompts set locked = true where version = 2;
select pg_temp.turns('model_timeout', 3);
select is(pg_temp.stands(), '2 deployed', 'a locked version stays');
select results_eq($$select title, description from pawl.suggestions$$, $$values ('The model of version 2 does not answer', 'The last 10 answers in a row failed. Nothing was changed: the version is locked. Look at it, and roll back.')$$, 'people are told, once');
rollback to nine;
update pawl.loop_settings set updates_paused = true;
select pg_temp.turn('model_timeout');
select is(pg_temp.stands(), '2 deployed', 'nothing changes while updates are paused');
select is(count(*)::int, 1, 'people are told then, too') from pawl.suggestions;
update pawl.loop_settings set updates_paused = false;
select pg_temp.turn('model_timeout');
select is(pg_temp.stands(), '1 rolled_back model_unreachable', 'afterwards the next turn takes it back');
rollback to nine;

-- A person's choice
do $$ begin perform tests.call('amy', $q$select public.pawl_activate_prompt(1)$q$); perform tests.call('amy', $q$select public.pawl_activate_prompt(2)$q$); end $$;
update pawl.system_prompts set activated_at = now() - interval '1 hour' where version = 2;
select pg_temp.turn('model_timeout');
select is(pg_temp.stands(), '1 rolled_back model_unreachable', 'also one that a person made live: it answers nobody');
rollback to nine;

-- A later text for the same model
do $$ begin perform tests.call('amy', $q$select public.pawl_write_prompt('By hand', true)$q$); end $$;
select is(tests.live('acme/default') || ' ' || tests.model('acme/default', 1), '3 deployed', 'a later text has the same model');
update pawl.system_prompts set activated_at = now() - interval '30 minutes' where version = 3;
select pg_temp.turns('model_timeout', 10);
select is(tests.live('acme/default') || ' ' || tests.model('acme/default', 1), '1 rolled_back model_unreachable', 'with which it goes back to the version before the model');
rollback to nine;

-- A test against it
select tests.open_test('acme/default', 5);
select pg_temp.turn('model_timeout');
select is((select t.state || ' ' || t.reason from pawl.prompt_tests t where t.candidate_id = tests.id('acme/default v5')), 'closed baseline_changed', 'a test against it is over');
select is(pg_temp.stands(), '1 rolled_back model_unreachable', 'and it is taken back');
rollback to nine;

-- No version with another model
update pawl.system_prompts set previous_version_id = null where version = 2;
set session_replication_role = replica;
delete from pawl.audit_log;
set session_replication_role = origin;
select pg_temp.turn('model_timeout');
select is(pg_temp.stands(), '2 deployed', 'with nothing to go back to it stays');
select is(description, 'The last 10 answers in a row failed. Nothing was changed: there is no version before with another model. Look at it, and roll back.', 'and people are told') from pawl.suggestions;
rollback to nine;

-- In a canary
select tests.make_model('acme/default', 2, 'trained');
create temp table canary as select tests.test_model('acme/default', 2) as id;
update pawl.prompt_tests set state = 'proving', method = 'canary', level = 0.01, proof_started_at = now() - interval '1 hour',
    settings = settings || '{"canary_share": 0.5}' where id = (select id from canary);
update pawl.system_prompts set state = 'proving' where state = 'screening';
-- Whose coin falls on the candidate's side has turns without an answer.
create function pg_temp.canary_turns(p_count integer) returns void
language plpgsql
as $$
declare
  v_turn jsonb;
  v_done integer := 0;
begin
  while v_done < p_count loop
    v_turn := tests.begin_turn('ann', 'Hello');
    if v_turn ->> 'model' = 'tuned-2' then
      v_done := v_done + 1;
      perform tests.call('service', tests.fail_turn((v_turn ->> 'turn_id')::uuid, 1, 'model_timeout'));
      update pawl.turns set finished_at = finished_at - interval '2 minutes' where finished_at is not null;
    end if;
  end loop;
end
$$;
select pg_temp.canary_turns(9);
select is(tests.model('acme/default', 2), 'testing', 'nine turns of a canary are too few');
savepoint canary;
select pg_temp.canary_turns(1);
select is((select state || ' ' || reason from pawl.prompt_tests where id = (select id from canary)), 'closed model_unreachable', 'the tenth ends it');
select is(tests.model('acme/default', 2), 'rejected model_unreachable', 'and the model is rejected');
select is(tests.live('acme/default') || ' ' || tests.model('acme/default', 1), '2 deployed', 'the live one stays');
select is(description, 'It was put to the test and did not answer. The test is over, and the version rejected.', 'people are told') from pawl.suggestions where title = 'The model of version 3 does not answer';
select is((select count(*)::int from pawl.promotion_receipts where decision = 'rollback'), 0, 'nothing was taken back');
rollback to canary;
update pawl.prompt_tests set proof_started_at = now() where id = (select id from canary);
select pg_temp.canary_turns(1);
select is(tests.model('acme/default', 2), 'testing', 'what was before its proof began does not count');
rollback to canary;

-- In a replay
update pawl.prompt_tests set method = 'replay' where id = (select id from canary);
insert into pawl.replay_pairs (test_id, stage, number, candidate_first, asked_at, reserved_on)
  select id, 'proving', 1, true, now() - interval '73 hours', pawl.today() from canary;
create function pg_temp.closes() returns text
language sql as $$ select coalesce(pawl.reason_to_close(t), 'goes on') from pawl.prompt_tests t, canary c where t.id = c.id $$;
savepoint replay;
update pawl.replay_pairs set asked_at = now() - interval '71 hours';
select is(pg_temp.closes(), 'goes on', 'a question may wait for three days');
rollback to replay;
update pawl.replay_pairs set reserved_on = pawl.today() - 2;
select is(pg_temp.closes(), 'goes on', 'and longer, when it was not asked');
rollback to replay;
update pawl.replay_pairs set asked_at = null, created_at = now() - interval '30 days';
select is(pg_temp.closes(), 'goes on', 'also where it was drawn and never asked');
rollback to replay;
insert into pawl.replay_pairs (test_id, stage, number, candidate_first, state, asked_at, heard_at)
  select id, 'proving', n, true, 'judged', now() - interval '75 hours', now() - interval '72 hours' from canary, generate_series(2, 50) n;
select is(pg_temp.closes(), 'goes on', 'one question of many, which had answers since, is the question');
update pawl.replay_pairs set heard_at = now() - interval '74 hours' where state = 'judged';
select is(pg_temp.closes(), 'model_unreachable', 'what answered before that says nothing');
update pawl.replay_pairs set state = 'answered', baseline_answer = 'a', candidate_answer = 'b', heard_at = now() - interval '72 hours' where number = 9;
select is(pg_temp.closes(), 'goes on', 'an answer that is not compared yet is one');
update pawl.replay_pairs set stage = 'screening' where number > 1;
select is(pg_temp.closes(), 'model_unreachable', 'of another stage it is none');
rollback to replay;
set session_replication_role = replica;
update pawl.model_versions set model = 'tuned-1' where id = tests.id('acme/default m2');
set session_replication_role = origin;
update pawl.prompt_tests set candidate_model = null where id = (select id from canary);
select is(pg_temp.closes(), 'model_unreachable', 'so it is with one that has the other''s name at another address');
rollback to replay;
set session_replication_role = replica;
update pawl.system_prompts set model_version_id = (select b.model_version_id from pawl.system_prompts b where b.version = 2) where state = 'proving';
set session_replication_role = origin;
update pawl.prompt_tests set candidate_model = null where id = (select id from canary);
select is(pg_temp.closes(), 'goes on', 'not with two texts for one model');
rollback to replay;
select is(pg_temp.closes(), 'model_unreachable', 'then the test is over');
update pawl.leases set holder = null, expires_at = null where kind = 'proof';
do $$ begin perform tests.call('service', format('select public.pawl_claim_proof(%L, %L, %L)', tests.id('w'), tests.id('acme'), 'default')); end $$;
select is(tests.model('acme/default', 2), 'rejected model_unreachable', 'and the model is rejected');
select is(count(*)::int, 1, 'people are told then, too') from pawl.suggestions where title = 'The model of version 3 does not answer';
rollback to live;

-- With one connection nobody waits for anybody: what is locked is all there is to look at.
select matches(regexp_replace(prosrc, '\s+', ' ', 'g'),
  'prompt_tests where [^;]* for no key update skip locked; if found then perform pawl.close_test', 'who holds its test is not waited for')
from pg_proc where proname = 'take_back_silent';

-- The codes
select is(pawl.says_no_answer(code), expected, code) from (values
  ('model_timeout', true), ('model_rate_limited', true), ('model_unauthorized', true), ('model_rejected_request', false),
  ('model_broken_off', true), ('model_cut_off', false), ('model_refused', false), ('turn_lost', false)) v (code, expected);

select * from finish();
rollback;
