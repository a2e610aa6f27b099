-- People stop automatic updates, for good or until a time, and let them go on.
begin;
select plan(36);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/helper'),
       tests.make_member('amy', 'acme', 'admin');
create temp table owed as select tests.make_reflection('acme/default', p_age => '1 minute') as id;
select tests.make_reflection('acme/helper');
create function pg_temp.settings() returns jsonb
language sql
as $$
  select to_jsonb(s) - '{assistant_id,updates_paused,paused_until,updated_at}'::text[] from pawl.loop_settings s
  where assistant_id = tests.id('acme/default')
$$;
create temp table before as select pg_temp.settings() as settings;
update pawl.loop_settings set updated_at = '2026-01-01';

-- For good
select is(tests.begin_update(id), 'ok', 'an update is begun') from owed;
select is(tests.steered('amy', 'pause_updates'),
  '{"action": "pause", "about": {}, "changed": {"updates_paused": {"from": false, "to": true}}}',
  'a person pauses for good');
select is(tests.due('acme/default'), 'paused', 'nothing is claimed');
select is(tests.begin_update(id), 'skipped paused', 'nothing is begun') from owed;
select is(tests.submitted(id, 'acme/default v1'), 'skipped paused', 'what had begun is not submitted') from owed;
select is(tests.live('acme/default'), '1', 'the live version stays');
select is(tests.due('acme/helper'), 'update', 'another assistant goes on');
select is((select updated_at from pawl.loop_settings where assistant_id = tests.id('acme/default')), now(),
  'the settings say when they changed');
select is(pg_temp.settings(), settings, 'and no other setting did') from before;
update pawl.loop_settings set updated_at = '2026-01-01';
select is(tests.unmoved('amy', 'pause_updates'), 'ok, nothing changed', 'pausing again is nothing');

-- Until a time
select is(tests.steered('amy', 'pause_updates', 'now() + interval ''1 day'''), jsonb_build_object(
    'action', 'pause', 'about', '{}'::jsonb, 'changed', jsonb_build_object(
      'updates_paused', '{"from": true, "to": false}'::jsonb,
      'paused_until', jsonb_build_object('from', null, 'to', now() + interval '1 day'))),
  'a pause for good becomes one until tomorrow');
select is(tests.unmoved('amy', 'pause_updates', 'now() + interval ''1 day'''), 'ok, nothing changed',
  'the same time is nothing');
select is(tests.due('acme/default'), 'paused', 'until then nothing is claimed');
select is(tests.begin_update(id), 'skipped paused', 'nor begun') from owed;
update pawl.loop_settings set paused_until = now() where assistant_id = tests.id('acme/default');
select is(tests.due('acme/default'), 'update', 'when the time has come the loop goes on by itself');
select is(tests.begin_update(id), 'ok', 'from where it was') from owed;
do $$ begin perform tests.steer('amy', 'pause_updates', 'now() + interval ''1 hour'''); end $$;
select is(tests.due('acme/default'), 'paused', 'paused until a time');
select is(tests.unmoved('amy', 'pause_updates', p_until), 'until_is_past', 'until ' || p_until)
  from unnest(array['now()', 'now() - interval ''1 second''', '''-infinity''']) p_until;
select is(tests.steered('amy', 'pause_updates'), jsonb_build_object(
    'action', 'pause', 'about', '{}'::jsonb, 'changed', jsonb_build_object(
      'updates_paused', '{"from": false, "to": true}'::jsonb,
      'paused_until', jsonb_build_object('from', now() + interval '1 hour', 'to', null))),
  'a pause until a time becomes one for good');
select is(tests.unmoved('amy', 'pause_updates', '''infinity'''), 'ok, nothing changed', 'which is until a time that never comes');

-- On again
select is(tests.steered('amy', 'resume_updates'),
  '{"action": "resume", "about": {}, "changed": {"updates_paused": {"from": true, "to": false}}}', 'a person resumes');
select is(tests.due('acme/default'), 'update', 'what was owed is claimed');
select is(tests.unmoved('amy', 'resume_updates'), 'ok, nothing changed', 'resuming again is nothing');
do $$ begin perform tests.steer('amy', 'pause_updates', 'now() + interval ''1 hour'''); end $$;
select is(tests.steered('amy', 'resume_updates') -> 'changed',
  jsonb_build_object('paused_until', jsonb_build_object('from', now() + interval '1 hour', 'to', null)),
  'a pause until a time ends before it, too');
select is(tests.due('acme/default'), 'update', 'with the same effect');
select is(tests.submitted(id, 'acme/default v1'), 'submitted', 'and what was owed is submitted') from owed;
select is(pg_temp.settings(), settings, 'through all that no other setting changed') from before;

-- Which assistant
select is(tests.steered('amy', 'pause_updates', 'p_assistant => ''helper''') ->> 'action', 'pause',
  'an assistant by its slug');
select is(tests.due('acme/helper'), 'paused', 'is the one that pauses');
select is(tests.due('acme/default', ', p_force => true'), 'insufficient_data', 'alone');
select is(tests.unmoved('amy', 'pause_updates', 'p_assistant => ''nope'''), 'assistant_not_found',
  'one that there is not');

-- The reason
select is(tests.refusal('amy', 'select public.pawl_pause_updates(p_reason => repeat(''ä'', 1001))'), 'reason_too_long',
  'a reason without end');
select is(tests.outcome('amy', 'select public.pawl_pause_updates(p_reason => repeat(''ä'', 1000))'), 'ok',
  'a long one');
select is((select char_length(reason) from pawl.audit_log order by id desc limit 1), 1000, 'is kept whole');

select * from finish();
rollback;
