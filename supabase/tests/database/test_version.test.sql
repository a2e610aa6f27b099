-- A version is put to the test by a person: a draft, one that was rejected or rolled back, or the live text once more.
begin;
select plan(51);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_version('acme/default', 3),
       tests.make_assistant('acme/helper'), tests.make_version('acme/helper', 2);
select tests.make_member('amy', 'acme', 'admin');
create function pg_temp.tests(p_version integer) returns text
language sql
as $$
  select string_agg(format('%s against %s, %s%s', t.state, b.version, c.state, case when t.placebo then ', placebo' end), '; '
    order by t.decided_at nulls last)
  from pawl.prompt_tests t join pawl.system_prompts c on c.id = t.candidate_id
  join pawl.system_prompts b on b.id = t.baseline_id
  where t.assistant_id = tests.id('acme/default') and c.version = p_version
$$;
create function pg_temp.test(p_arguments text) returns jsonb
language sql as $$ select tests.steered('amy', 'test_version', p_arguments) $$;
create function pg_temp.untested(p_arguments text) returns text
language sql as $$ select tests.unmoved('amy', 'test_version', p_arguments) $$;

-- A draft
select is(pg_temp.test('2'), '{"action": "test", "about": {"version": 2}, "changed":
    {"state": {"from": "draft", "to": "screening"}}}', 'a person puts a draft to the test');
select is(pg_temp.tests(2), 'screening against 1, screening', 'against the live version');
select is(tests.live('acme/default'), '1', 'which stays live');
select is(pg_temp.untested('2'), 'ok, nothing changed', 'again is nothing');
select is(pg_temp.untested('3'), 'in_proof, {"version": 2}', 'there is no second');
select is(pg_temp.untested('p_placebo => true'), 'in_proof, {"version": 2}', 'nor a placebo');
select is(pg_temp.untested('2, true'), 'in_proof, {"version": 2}', 'nor one of it');
select is(pg_temp.test('2, p_assistant => ''helper''') ->> 'action', 'test', 'another assistant has tests of its own');
select is((select approved_at from pawl.system_prompts where id = tests.id('acme/default v2')), null,
  'testing is not approving');

-- Rejected by its number, and tested once more
select is(tests.unmoved('amy', verdict || '_version', version), 'test_not_found', format('%s %s, which is in no test', verdict, version))
from unnest('{approve,reject}'::text[]) verdict, unnest('{3}'::text[]) version;
select is(tests.steered('amy', 'reject_version', '2'), '{"action": "reject", "about": {"version": 2}, "changed":
    {"state": {"from": "screening", "to": "rejected"}}}', 'a person rejects what is in test');
select is(pg_temp.tests(2), 'closed against 1, rejected', 'which ends it');
select is(pg_temp.test('2') -> 'changed', '{"state": {"from": "rejected", "to": "screening"}}',
  'what was rejected may be tested once more');
select is((select count(*)::int from pawl.prompt_tests where candidate_id = tests.id('acme/default v2')), 2,
  'in a test of its own');
select is(tests.steered('amy', 'approve_version', '2'), '{"action": "approve", "about": {"version": 2}, "changed":
    {"approved": {"from": false, "to": true}}}', 'a person approves it, whether or not they have to');
select is(tests.live('acme/default'), '1', 'nothing goes live by that');

-- Written by hand it needs no proof, in test or not.
select is(tests.steered('amy', 'activate_prompt', '2') -> 'changed', '{"live_version": {"from": 1, "to": 2}}',
  'what a person wrote is activated as ever');
select is(pg_temp.test('p_version => 3') ->> 'action', 'test', 'one may be tested again');
select is(pg_temp.tests(3), 'screening against 2, screening', 'against the one that is live now');
do $$ begin perform tests.steer('amy', 'rollback_prompt', '1'); end $$;
select is(pg_temp.tests(3), 'closed against 2, rejected', 'a rollback ends it');
select is(pg_temp.test('2') -> 'changed', '{"state": {"from": "rolled_back", "to": "screening"}}',
  'what was rolled back may be tested');
do $$ begin perform tests.steer('amy', 'reject_version', '2'); end $$;

-- What is not tested
select is(pg_temp.untested(version), 'version_not_found', 'version ' || version)
  from unnest(array['9', '0', 'null', '3, p_assistant => ''helper''', '9, true']) version;
select is(pg_temp.untested('1'), 'not_testable', 'the live version');
select is(pg_temp.untested('3, true'), 'not_testable', 'a placebo of any other');
do $$ begin perform tests.steer('amy', 'activate_prompt', '3'), tests.steer('amy', 'activate_prompt', '1'); end $$;
select is(pg_temp.untested('3'), 'not_testable', 'one that was live, and was replaced');
insert into pawl.system_prompts (assistant_id, version, content, created_by)
  values (tests.id('acme/default'), 4, 'Prompt 1 of acme/default', 'human');
select is(pg_temp.untested('4'), 'not_testable', 'the live text under another number');
update pawl.loop_settings set protected_clauses = '{Never swear.}' where assistant_id = tests.id('acme/default');
select is(pg_temp.untested('2'), 'clauses_missing, {"clauses": [1]}', 'one without a clause that is protected');
update pawl.loop_settings set protected_clauses = '{}' where assistant_id = tests.id('acme/default');
update pawl.rubrics set is_active = false where assistant_id = tests.id('acme/default');
select is(pg_temp.untested('2'), 'not_testable', 'where there is no rubric');
select is(pg_temp.untested('p_placebo => true'), 'not_testable', 'no placebo either');
update pawl.rubrics set is_active = true where assistant_id = tests.id('acme/default');
update pawl.system_prompts set state = 'retired' where assistant_id = tests.id('acme/default') and is_active;
select is(pg_temp.untested('2'), 'not_testable', 'where nothing is live');
select is(pg_temp.untested('p_placebo => true'), 'not_testable', 'of which there could be a placebo');
update pawl.system_prompts set state = 'active' where id = tests.id('acme/default v1');

-- A placebo: the live text as a version of its own
select is(pg_temp.test('p_placebo => true'), '{"action": "test", "about": {"version": 5, "placebo": true}, "changed":
    {"state": {"from": null, "to": "screening"}}}', 'the live text is tested against itself');
select is(pg_temp.tests(5), 'screening against 1, screening, placebo', 'like any other version');
select results_eq(
  $$select c.content = b.content, c.created_by, c.previous_version_id = b.id, c.approved_at is not null
    from pawl.system_prompts c, pawl.system_prompts b
    where c.assistant_id = tests.id('acme/default') and c.version = 5 and b.id = tests.id('acme/default v1')$$,
  $$values (true, 'system', true, true)$$, 'it is the same text, which needs no one''s approval');
select is(tests.unmoved('amy', 'approve_version', '5'), 'ok, nothing changed', 'approving it is nothing');
select is(pg_temp.untested('2'), 'in_proof, {"version": 5}', 'while it is in test there is no other');
update pawl.loop_settings set protected_clauses = '{Never swear.}' where assistant_id = tests.id('acme/default');
select is(tests.unmoved('amy', 'approve_version', '5'), 'ok, nothing changed', 'the live text may lack a clause');
update pawl.loop_settings set protected_clauses = '{}' where assistant_id = tests.id('acme/default');
select is(tests.steered('amy', 'reject_version', '5') ->> 'action', 'reject', 'it is rejected like any other');
select is(pg_temp.untested('5'), 'not_testable', 'and is not tested again');

-- The loop throws the coin; the update stays owed.
create temp table owed as select tests.make_reflection('acme/default') as id;
update pawl.system_prompts set activated_at = null where assistant_id = tests.id('acme/default');
update pawl.loop_settings set placebo_share = 1 where assistant_id = tests.id('acme/default');
select is(tests.begin_update(id), 'skipped placebo', 'by a coin the live text is put to the test') from owed;
select is(pg_temp.tests(6), 'screening against 1, screening, placebo', 'in place of a new one');
select results_eq('select actor, actor_id, action, detail from pawl.audit_log order by id desc limit 1',
  $$values ('loop', null::uuid, 'test',
    '{"version": 6, "placebo": true, "changed": {"state": {"from": null, "to": "screening"}}}'::jsonb)$$, 'on record');
select results_eq('select update_outcome, update_attempts from pawl.reflection_logs join owed using (id)',
  $$values (null::text, 0)$$, 'the update is owed as before');
select is(tests.begin_update(id), 'skipped in_proof', 'it waits for the test to end') from owed;
do $$ begin perform tests.steer('amy', 'reject_version', '6'); end $$;
update pawl.loop_settings set placebo_share = 0, max_updates_per_day = 1 where assistant_id = tests.id('acme/default');
select is(tests.begin_update(id), 'ok', 'and is begun then: placebos are no updates') from owed;
update pawl.loop_settings set placebo_share = 1, updates_paused = true where assistant_id = tests.id('acme/default');
select is(tests.begin_update(id), 'skipped paused', 'what stops an update stops a placebo') from owed;

select * from finish();
rollback;
