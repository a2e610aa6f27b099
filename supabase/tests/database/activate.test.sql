-- A person makes a version live: an older one, or a draft. A rollback without a number goes back by that order.
begin;
select plan(29);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2),
       tests.make_version('acme/default', 3);
select tests.make_assistant('acme/helper'), tests.make_member('amy', 'acme', 'admin');
create function pg_temp.previous(p_version integer) returns integer
language sql
as $$
  select b.version from pawl.system_prompts p join pawl.system_prompts b on b.id = p.previous_version_id
  where p.assistant_id = tests.id('acme/default') and p.version = p_version
$$;

select is(tests.steered('amy', 'activate_prompt', '3'),
  '{"action": "activate", "about": {"version": 3}, "changed": {"live_version": {"from": 1, "to": 3}}}',
  'a person makes a version live');
select is(tests.live('acme/default') || tests.live('acme/helper'), '31', 'alone, and of no other assistant');
select is((select activated_at from pawl.system_prompts where id = tests.id('acme/default v3')), now(),
  'from this moment on');
select is(pg_temp.previous(3), 1, 'in place of the one before');
select is((select count(*)::int from pawl.reflection_logs), 0, 'it is no rollback');
select is(tests.unmoved('amy', 'activate_prompt', '3'), 'ok, nothing changed', 'once it is live');
select is(tests.unmoved('amy', 'activate_prompt', version), 'version_not_found', 'version ' || version)
  from unnest(array['9', '0', '-1', 'null']) version;
select is(tests.unmoved('amy', 'activate_prompt', '2, p_assistant => ''helper'''), 'version_not_found',
  'another assistant''s');
create temp table owed as select tests.make_reflection('acme/default', p_version => 3) as id;
select is(tests.begin_update(id), 'skipped cooldown', 'the loop gives it time') from owed;
select tests.age_changes('acme/default', '5 hours 59 minutes');
select is(tests.begin_update(id), 'skipped cooldown', 'as much as after an update') from owed;
select tests.age_changes('acme/default', '1 minute');
select is(tests.begin_update(id), 'ok', 'and no more') from owed;

-- Written under version 1, live long after: it takes over from 3.
select is(tests.steered('amy', 'activate_prompt', '1') -> 'changed', '{"live_version": {"from": 3, "to": 1}}',
  'back to the first');
do $$ begin perform tests.steer('amy', 'write_prompt', '''A draft of version 1'''); end $$;
select is(pg_temp.previous(4), 1, 'a draft says what it was written after');
do $$ begin perform tests.steer('amy', 'activate_prompt', '3'), tests.steer('amy', 'activate_prompt', '4'); end $$;
select is(pg_temp.previous(4), 3, 'and once live what it took over from');
select is(pg_temp.previous(3), 1, 'what was live before keeps what it took over from at first');

-- Back, step by step
select is(tests.steered('amy', 'rollback_prompt'),
  '{"action": "rollback", "about": {"version": 3}, "changed": {"live_version": {"from": 4, "to": 3}}}',
  'a rollback without a number goes to the one it took over from');
select results_eq('select prompt_version_evaluated, new_prompt_version from pawl.reflection_logs where action_taken = ''rollback''',
  'values (4, 3)', 'and the log says so');
select is(tests.steered('amy', 'rollback_prompt') -> 'changed', '{"live_version": {"from": 3, "to": 1}}',
  'then further');
select is(tests.steered('amy', 'rollback_prompt') -> 'changed', '{"live_version": {"from": 1, "to": 3}}',
  'and on to the one that going back to the first replaced');
do $$ begin perform tests.steer('amy', 'rollback_prompt', '1'); end $$;
select is(tests.unmoved('amy', 'rollback_prompt', 'p_assistant => ''helper'''), 'no_earlier_version',
  'where there is but one there is none before it');
select is(tests.unmoved('amy', 'rollback_prompt', '9'), 'version_not_found', 'an unknown version');
select is(tests.unmoved('amy', 'rollback_prompt', '1'), 'ok, nothing changed', 'the live one');

-- Nothing that stops the loop stops a person.
update pawl.loop_settings set updates_paused = true, approval_required = true, max_updates_per_day = 0
  where assistant_id = tests.id('acme/default');
update pawl.system_prompts set locked = true where assistant_id = tests.id('acme/default');
select is(tests.steered('amy', 'activate_prompt', '2') -> 'changed', '{"live_version": {"from": 1, "to": 2}}',
  'neither a pause, a lock, the cap, the cooldown nor approval mode');
do $$ begin perform tests.steer('amy', 'write_prompt', '''A draft of version 2'''); end $$;
update pawl.system_prompts set state = 'retired' where is_active and assistant_id = tests.id('acme/default');
select is(tests.unmoved('amy', 'rollback_prompt'), 'no_earlier_version', 'where nothing is live there is no way back');
select is(tests.steered('amy', 'activate_prompt', '5') -> 'changed', '{"live_version": {"from": null, "to": 5}}',
  'but any version can be made live');
select is(pg_temp.previous(5), 2, 'after the one it was written after');

select * from finish();
rollback;
