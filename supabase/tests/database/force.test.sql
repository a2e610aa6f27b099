-- A version that the loop wrote goes live by its proof, or by force: on a person's word, which the record calls by that
-- name.
begin;
select plan(37);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_assistant('acme/helper');
select tests.make_member('amy', 'acme', 'admin');
update pawl.loop_settings set cooldown_hours = 0, max_updates_per_day = 9;
-- The next version of the loop's, in test against the live one.
create function pg_temp.submit() returns integer
language sql
as $$
  select (tests.call('service', format('select public.pawl_submit_prompt(%L, %L, %L, ''It was curt'', ''rewriter'')',
    tests.make_reflection('acme/default', p_version => p.version), p.id,
    format('Better than %s', (select max(version) from pawl.system_prompts where assistant_id = tests.id('acme/default')))
    )) ->> 'new_version')::integer
  from pawl.system_prompts p where p.assistant_id = tests.id('acme/default') and p.is_active
$$;
create function pg_temp.test_of(p_version integer) returns text
language sql
as $$
  select string_agg(concat_ws(' ', t.state, t.reason), ', ') from pawl.prompt_tests t
  join pawl.system_prompts c on c.id = t.candidate_id
  where t.assistant_id = tests.id('acme/default') and c.version = p_version
$$;
create function pg_temp.state_of(p_version integer) returns text
language sql
as $$ select state from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = p_version $$;

-- Not without its proof
select is(pg_temp.submit(), 3, 'a version is in test');
select is(tests.unmoved('amy', call, arguments), 'not_proved', format('%s %s', call, arguments))
from (values ('activate_prompt', '3'), ('rollback_prompt', '3'), ('write_prompt', '''Better than 2'', true')) v (call, arguments);
select is(tests.unmoved('operator', 'activate_prompt', format('3, p_assistant => ''default'', p_organization_id => %L', tests.id('acme'))),
  'not_proved', 'for nobody');
update pawl.loop_settings set updates_paused = true;
select is(tests.unmoved('amy', 'activate_prompt', '3'), 'not_proved', 'at no time');
update pawl.loop_settings set updates_paused = false;

-- By force
select is(tests.steered('amy', 'force_version', '3'),
  '{"action": "force", "about": {"version": 3}, "changed": {"live_version": {"from": 1, "to": 3}}}',
  'a person forces it, and the record says so');
select is(tests.live('acme/default') || tests.live('acme/helper'), '31', 'it is live, alone, and of no other assistant');
select is((select activated_at from pawl.system_prompts where assistant_id = tests.id('acme/default') and is_active), now(),
  'from this moment on');
select is(pg_temp.test_of(3), 'closed forced', 'its test is closed, and by what');
select is((select approved_at from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = 3), null,
  'nobody has approved it');
select is((select count(*)::int from pawl.promotion_receipts), 0, 'there is no receipt');
select is((select count(*)::int from pawl.audit_log where action = 'promote'), 0, 'and no promotion');
select is((select count(*)::int from pawl.prompt_tests where state = 'promoted'), 0, 'in the tests neither');
select is(tests.unmoved('amy', 'force_version', '3'), 'ok, nothing changed', 'again is nothing');
select is(tests.steered('amy', 'rollback_prompt') -> 'changed', '{"live_version": {"from": 3, "to": 1}}',
  'it is taken back like any other');
select is(pg_temp.state_of(3), 'rolled_back', 'and says so');
select is(tests.steered('amy', 'activate_prompt', '3') ->> 'action', 'activate',
  'what was live before is activated without force');
select is(pg_temp.state_of(1), 'retired', 'and retires the one before');

-- While another is in test, or proves itself
select is(pg_temp.submit(), 4, 'another version is in test');
select tests.hold('acme/default');
select is(tests.steered('amy', 'force_version', '2') -> 'changed', '{"live_version": {"from": 3, "to": 2}}',
  'a version that is in none, and that a person wrote');
select is(pg_temp.test_of(4) || ', ' || pg_temp.state_of(4), 'closed baseline_changed, rejected',
  'ends it, for what it compared with is gone');
select is(tests.steered('amy', 'force_version', '4') -> 'changed', '{"live_version": {"from": 2, "to": 4}}',
  'what was rejected may be forced');
select is(pg_temp.test_of(4), 'closed baseline_changed', 'of a test that was over nothing changes');
select is(pg_temp.submit(), 5, 'one more');
select tests.hold('acme/default', 'awaiting_approval', true);
select is(tests.steered('amy', 'force_version', '5') ->> 'action', 'force', 'forced, although it is proved');
select is(pg_temp.test_of(5), 'closed forced', 'is forced');

-- Nothing that stops the loop stops a person; a protected clause does.
select is(pg_temp.submit(), 6, 'one more');
update pawl.loop_settings set updates_paused = true, approval_required = true, max_updates_per_day = 0
  where assistant_id = tests.id('acme/default');
update pawl.system_prompts set locked = true where assistant_id = tests.id('acme/default');
update pawl.loop_settings set protected_clauses = '{Never swear.}' where assistant_id = tests.id('acme/default');
select is(tests.unmoved('amy', 'force_version', '6'), 'clauses_missing, {"clauses": [1]}', 'a clause is held to');
update pawl.loop_settings set protected_clauses = '{}' where assistant_id = tests.id('acme/default');
select is(tests.steered('amy', 'force_version', '6') -> 'changed', '{"live_version": {"from": 5, "to": 6}}',
  'neither a pause, a lock, the cap nor approval mode stops a person');

-- What there is not
select is(tests.unmoved('amy', 'force_version', version), 'version_not_found', 'version ' || version)
  from unnest(array['9', '0', 'null', '3, p_assistant => ''helper''']) version;
select tests.make_version('acme/default', 7);
insert into pawl.system_prompts (assistant_id, version, content, created_by, placebo, state)
  select assistant_id, 8, content, 'system', true, 'retired' from pawl.system_prompts
  where assistant_id = tests.id('acme/default') and is_active;
select is(tests.unmoved('amy', 'force_version', '8'), 'not_testable', 'a placebo is not forced');
select is(tests.unmoved('amy', 'activate_prompt', '8'), 'not_proved', 'nor activated');
select is(tests.unmoved('amy', 'write_prompt', '''Prompt 7 of acme/default'''), 'ok, nothing changed',
  'nor taken for the newest version');

select * from finish();
rollback;
