-- A person locks a version: while it is live, nothing replaces it but a person.
begin;
select plan(27);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_assistant('acme/helper');
select tests.make_member('amy', 'acme', 'admin');
update pawl.loop_settings set cooldown_hours = 0;
create temp table owed as select tests.make_reflection('acme/default', p_age => '1 minute') as id;
select tests.make_reflection('acme/helper');

select is(tests.begin_update(id), 'ok', 'an update is begun') from owed;
select is(tests.steered('amy', 'lock_prompt'),
  '{"action": "lock", "about": {"version": 1}, "changed": {"locked": {"from": false, "to": true}}}',
  'a person locks the live version without naming it');
select is(tests.due('acme/default'), 'locked', 'nothing is claimed');
select is(tests.begin_update(id), 'skipped locked', 'nothing is begun') from owed;
select is(tests.submitted(id, 'acme/default v1'), 'skipped locked', 'what had begun is not submitted') from owed;
select is(tests.due('acme/helper'), 'update', 'another assistant goes on');
select is(tests.unmoved('amy', 'lock_prompt'), 'ok, nothing changed', 'locking it again is nothing');
select is(tests.unmoved('amy', 'lock_prompt', 'p_version => 1'), 'ok, nothing changed', 'nor by its number');
select is((select count(*)::int from pawl.system_prompts where locked), 1, 'one version is locked');

-- A lock is the version's, not the assistant's.
select is(tests.steered('amy', 'activate_prompt', '2') -> 'changed', '{"live_version": {"from": 1, "to": 2}}',
  'a person replaces a locked version');
select is(tests.due('acme/default'), 'insufficient_data', 'the one after it is not locked');
update owed set id = tests.make_reflection('acme/default', p_version => 2);
select is(tests.due('acme/default'), 'update', 'and may be replaced');
select is(tests.unmoved('amy', 'lock_prompt', 'p_version => 1'), 'ok, nothing changed',
  'the earlier one still is locked');
select is(tests.steered('amy', 'rollback_prompt', '1') ->> 'action', 'rollback', 'back at it');
select is(tests.due('acme/default'), 'locked', 'it is locked as before');

-- Unlocked, and locked before it is live
select is(tests.steered('amy', 'lock_prompt', 'false'),
  '{"action": "unlock", "about": {"version": 1}, "changed": {"locked": {"from": true, "to": false}}}',
  'a person unlocks it');
select is(tests.unmoved('amy', 'lock_prompt', 'false'), 'ok, nothing changed', 'unlocking it again is nothing');
update owed set id = tests.make_reflection('acme/default', p_age => '-1 minute');
select is(tests.due('acme/default'), 'update', 'the loop goes on');
select is(tests.steered('amy', 'lock_prompt', 'p_version => 2') -> 'about', '{"version": 2}',
  'a version that is not live');
select is(tests.due('acme/default'), 'update', 'stops nothing');
select is(tests.steered('amy', 'activate_prompt', '2') ->> 'action', 'activate', 'until it is');
select is(tests.due('acme/default'), 'locked', 'live');
select is(tests.unmoved('amy', 'lock_prompt', 'null'), 'ok, nothing changed', 'neither locked nor unlocked is locked');

-- What there is not
select is(tests.unmoved('amy', 'lock_prompt', 'p_version => 9'), 'version_not_found', 'an unknown version');
select is(tests.unmoved('amy', 'lock_prompt', 'p_version => 2, p_assistant => ''helper'''), 'version_not_found',
  'another assistant''s');
update pawl.system_prompts set state = 'retired' where is_active and assistant_id = tests.id('acme/default');
select is(tests.unmoved('amy', 'lock_prompt'), 'version_not_found', 'the live one where none is');
select is(tests.steered('amy', 'lock_prompt', 'false, 2') ->> 'action', 'unlock',
  'a version by its number all the same');

select * from finish();
rollback;
