-- When an assistant is judged, and why not.
begin;
select plan(41);

select tests.make_assistant('acme/default'), tests.make_member('ann', 'acme'), tests.make_member('amy', 'acme', 'admin');
create function pg_temp.set(p_settings text) returns void
language plpgsql
as $$
begin
  execute format('update pawl.loop_settings set %s where assistant_id = %L', p_settings, tests.id('acme/default'));
end
$$;

-- Only the secret key
select is(tests.refusal(who, format(sql, tests.id('w1'), tests.id('acme/default'))), 'permission denied',
          who || ' may not ' || what)
from unnest('{anon,ann,amy}'::text[]) who, (values
  ('claim', 'select public.pawl_claim_reflection(%L)'),
  ('release', 'select public.pawl_release_reflection(%L, %L)'),
  ('record', 'select public.pawl_record_reflection(%L, ''{}'')')) v (what, sql);

-- What is asked for has to exist
select is(tests.claim('w1', 'acme/nope') ->> 'outcome', 'assistant_not_found', 'an unknown assistant');
select is(tests.claim('w1', 'nowhere') ->> 'outcome', 'assistant_not_found', 'an unknown organisation');

-- Enough answers
select is(tests.due('acme/default'), 'insufficient_data', 'there are no answers');
select tests.make_answers('acme/default', 4);
select is(tests.due('acme/default'), 'insufficient_data', 'four are too few');
select is(tests.due('acme/default', ', p_force => true'), 'insufficient_data', 'also by force');
select tests.make_answers('acme/default', 20, 'old', '25 hours');
select is(tests.due('acme/default'), 'insufficient_data', 'those of yesterday do not count');
select pg_temp.set('window_hours = 48');
select is(tests.due('acme/default'), 'judge', 'unless the window is longer');
select pg_temp.set('window_hours = 24');
select tests.make_answers('acme/default', 1, 'fifth');
select is(tests.due('acme/default'), 'judge', 'five are enough');
select pg_temp.set('min_conversations = 6');
select is(tests.due('acme/default'), 'insufficient_data', 'unless more are wanted');
select pg_temp.set('min_conversations = 5');

-- Something to judge them by
update pawl.rubrics set is_active = false where assistant_id = tests.id('acme/default');
select is(tests.due('acme/default', ', p_force => true'), 'insufficient_data', 'nothing is judged without a rubric');
update pawl.rubrics set is_active = true where assistant_id = tests.id('acme/default');
update pawl.system_prompts set state = 'retired' where is_active and assistant_id = tests.id('acme/default');
select is(tests.due('acme/default', ', p_force => true'), 'insufficient_data', 'nor without a live version');
update pawl.system_prompts set state = 'active' where assistant_id = tests.id('acme/default');

-- Every six hours, or every fifty answers
create temp table last as select tests.make_reflection('acme/default', 'none', p_age => '5 hours 59 minutes') as id;
select is(tests.due('acme/default'), 'cooldown', 'the last reflection was less than six hours ago');
select is(tests.due('acme/default', ', p_force => true'), 'judge', 'force does not wait');
update pawl.reflection_logs set created_at = now() - interval '6 hours 1 minute' where id in (select id from last);
select is(tests.due('acme/default'), 'judge', 'more than six hours ago');
update pawl.reflection_logs set created_at = now() - interval '1 minute' where id in (select id from last);
select tests.make_answers('acme/default', 44, 'more');
select is(tests.due('acme/default'), 'cooldown', 'forty-nine answers wait');
select tests.make_answers('acme/default', 1, 'fiftieth');
select is(tests.due('acme/default'), 'judge', 'fifty do not');
select pg_temp.set('reflect_every_messages = 60');
select is(tests.due('acme/default'), 'cooldown', 'unless more are wanted');
select pg_temp.set('reflect_every_hours = 0');
select is(tests.due('acme/default'), 'judge', 'or the wait is none');
select pg_temp.set('reflect_every_hours = 6');
update pawl.reflection_logs set action_taken = 'rollback' where id in (select id from last);
select is(tests.due('acme/default'), 'judge', 'a rollback is no reflection');

-- A version just published is judged while the next update waits
update pawl.system_prompts set activated_at = now() where id = tests.id('acme/default v1');
select is(tests.due('acme/default'), 'judge', 'judging does not wait for the cooldown of updates');
update pawl.system_prompts set activated_at = null where id = tests.id('acme/default v1');

-- Paused
select pg_temp.set('updates_paused = true');
select is(tests.due('acme/default'), 'paused', 'paused for good');
select is(tests.due('acme/default', ', p_force => true'), 'judge', 'force judges all the same');
select pg_temp.set('updates_paused = false, paused_until = now() + interval ''1 second''');
select is(tests.due('acme/default'), 'paused', 'paused until a time');
select pg_temp.set('paused_until = now() - interval ''1 second''');
select is(tests.due('acme/default'), 'judge', 'that has passed');

-- Locked
update pawl.system_prompts set locked = true where id = tests.id('acme/default v1');
select is(tests.due('acme/default'), 'locked', 'the live version is locked');
select is(tests.due('acme/default', ', p_force => true'), 'judge', 'force judges all the same');
select pg_temp.set('updates_paused = true');
select is(tests.due('acme/default'), 'paused', 'a pause is named before a lock');
select pg_temp.set('updates_paused = false');
update pawl.system_prompts set locked = false where id = tests.id('acme/default v1');
select tests.make_version('acme/default', 2);
update pawl.system_prompts set locked = true where id = tests.id('acme/default v2');
select is(tests.due('acme/default'), 'judge', 'another version''s lock does not matter');

-- Three updates a day by the system
insert into pawl.system_prompts (assistant_id, version, content, created_by, created_at)
  select tests.id('acme/default'), 10 + n, 'System ' || n, 'system', now() - interval '23 hours'
  from generate_series(1, 3) n;
select is(tests.due('acme/default'), 'daily_limit', 'three versions of the last day');
select is(tests.due('acme/default', ', p_force => true'), 'judge', 'force judges all the same');
update pawl.system_prompts set created_at = now() - interval '25 hours'
  where assistant_id = tests.id('acme/default') and version = 11;
select is(tests.due('acme/default'), 'judge', 'one of which is older');
update pawl.system_prompts set created_at = now(), created_by = 'human'
  where assistant_id = tests.id('acme/default') and version = 11;
select is(tests.due('acme/default'), 'judge', 'or a person''s');

select * from finish();
rollback;
