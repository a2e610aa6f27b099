-- An update that was called for and never came: it is made up for before anything is judged again.
begin;
select plan(18);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2);
create temp table owed as select tests.make_reflection('acme/default', p_age => '2 hours') as id;

select is(tests.due('acme/default'), 'update', 'the newest reflection called for an update');
select is(tests.claim('w1', 'acme/default') #> '{claim,task}',
  (select jsonb_build_object('update', jsonb_build_object('reflection_id', id)) from owed), 'which is named');
select is(tests.due('acme/default'), 'in_progress', 'it is leased like any other work');
do $$ begin perform tests.release('w1', 'acme/default'); end $$;
select is(tests.due('acme/default', ', p_force => true'), 'update', 'force does not judge before it');
select is(tests.due('acme/default', ', p_dry_run => true'), 'insufficient_data', 'a dry run writes nothing');
select tests.make_answers('acme/default', 50);
select is(tests.due('acme/default'), 'update', 'new answers do not come before it');
select is(tests.due('acme/default', ', p_dry_run => true'), 'judge', 'a dry run judges them');

create temp table rolled as select tests.make_reflection('acme/default', 'rollback', p_age => '1 hour') as id;
select is(tests.due('acme/default'), 'update', 'a rollback''s log row is no newer reflection');
delete from pawl.reflection_logs where id in (select id from rolled);

-- When it may not be written
update pawl.system_prompts set activated_at = now() - interval '5 hours' where id = tests.id('acme/default v1');
select is(tests.due('acme/default'), 'judge', 'in the cooldown there is judging to do');
update pawl.system_prompts set activated_at = null where id = tests.id('acme/default v1');
update pawl.loop_settings set updates_paused = true where assistant_id = tests.id('acme/default');
select is(tests.due('acme/default'), 'paused', 'while paused nothing is');
select is(tests.due('acme/default', ', p_force => true'), 'judge', 'nor does force write then');
update pawl.loop_settings set updates_paused = false where assistant_id = tests.id('acme/default');

-- When it is owed no longer
update pawl.reflection_logs set update_outcome = 'refused' where id in (select id from owed);
select is(tests.due('acme/default'), 'judge', 'it was given up');
update pawl.reflection_logs set update_outcome = 'submitted', new_prompt_version = 2 where id in (select id from owed);
select is(tests.due('acme/default'), 'judge', 'it was submitted');
update pawl.reflection_logs set update_outcome = null, new_prompt_version = null where id in (select id from owed);
update pawl.reflection_logs set created_at = now() - interval '25 hours' where id in (select id from owed);
select is(tests.due('acme/default'), 'judge', 'it is older than the window');
update pawl.reflection_logs set created_at = now() - interval '9 hours' where id in (select id from owed);
select is(tests.due('acme/default'), 'update', 'not older than the window');
create temp table newer as select tests.make_reflection('acme/default', 'none', p_age => '7 hours') as id;
select is(tests.due('acme/default'), 'judge', 'a newer reflection found nothing to do');
delete from pawl.reflection_logs where id in (select id from newer);
select is(tests.due('acme/default'), 'update', 'without it');
update pawl.system_prompts set state = 'retired' where id = tests.id('acme/default v1');
update pawl.system_prompts set state = 'active' where id = tests.id('acme/default v2');
select is(tests.due('acme/default'), 'insufficient_data', 'the version it was about is no longer live');

select * from finish();
rollback;
