-- A version written by hand: a draft, or live at once.
begin;
select plan(33);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 4), tests.make_assistant('acme/helper');
select tests.make_member('amy', 'acme', 'admin');
create function pg_temp.version(p_version integer, p_assistant text default 'acme/default') returns jsonb
language sql
as $$
  select to_jsonb(p) - '{state,placebo,approved_at,approved_by,id,assistant_id,created_at,metadata,performance_score,reflection_log_id,locked}'::text[]
  from pawl.system_prompts p where assistant_id = tests.id(p_assistant) and version = p_version
$$;

-- A draft
create temp table owed as select tests.make_reflection('acme/default', p_age => '1 minute') as id;
select is(tests.steered('amy', 'write_prompt', '''Said better'''),
  '{"action": "write", "about": {"version": 5}, "changed": {"latest_version": {"from": 4, "to": 5}}}',
  'a person writes a version: the next number of all there are');
select is(pg_temp.version(5), jsonb_build_object('version', 5, 'content', 'Said better', 'created_by', 'human',
    'created_by_user', tests.id('amy'), 'is_active', false, 'activated_at', null, 'change_reason', 'a reason',
    'previous_version_id', tests.id('acme/default v1'), 'model_version_id', null), 'with who wrote it, why, and after which');
select is(tests.live('acme/default'), '1', 'it is not live');
select is(tests.due('acme/default'), 'update', 'and keeps the loop from nothing: no cooldown');
update pawl.loop_settings set max_updates_per_day = 1 where assistant_id = tests.id('acme/default');
select is(tests.begin_update(id), 'ok', 'nor does it count as an update') from owed;
select is(tests.unmoved('amy', 'write_prompt', '''Said better'''), 'ok, nothing changed', 'the same text again is the same version');
select is(tests.steered('amy', 'write_prompt', '''Said otherwise''') -> 'about', '{"version": 6}',
  'another is another');
select is((select count(*)::int from pawl.system_prompts where assistant_id = tests.id('acme/helper')), 1,
  'another assistant has what it had');

-- Live at once
select is(tests.steered('amy', 'write_prompt', '''Said best'', true'), '{"action": "write", "about": {"version": 7},
    "changed": {"latest_version": {"from": 6, "to": 7}, "live_version": {"from": 1, "to": 7}}}', 'a version to go live at once');
select is(tests.live('acme/default'), '7', 'is live, alone');
select is(pg_temp.version(7) -> 'activated_at', to_jsonb(now()), 'from this moment on');
select is(pg_temp.version(7) -> 'previous_version_id', to_jsonb(tests.id('acme/default v1')),
  'in place of the one before');
update owed set id = tests.make_reflection('acme/default', p_version => 7);
select is(tests.begin_update(id), 'skipped cooldown', 'the loop gives it time') from owed;
select is(tests.steered('amy', 'write_prompt', '''A draft'', null') #> '{changed,live_version}', null,
  'neither at once nor not is a draft');
update pawl.loop_settings set updates_paused = true, approval_required = true, max_updates_per_day = 0
  where assistant_id = tests.id('acme/default');
update pawl.system_prompts set locked = true where assistant_id = tests.id('acme/default');
select is(tests.steered('amy', 'write_prompt', '''Mine'', true') #> '{changed,live_version}', '{"from": 7, "to": 9}',
  'neither a pause, a lock, the cap, the cooldown nor approval mode stops a person');
select is((select count(*)::int from pawl.reflection_logs where action_taken = 'rollback'), 0, 'it is no rollback');
select is(tests.steered('amy', 'write_prompt', '''Ours'', true, p_assistant => ''helper''') -> 'about', '{"version": 2}',
  'of the assistant that is named');
select is(tests.live('acme/default') || tests.live('acme/helper'), '92', 'and of no other');

-- Without a person
select is(tests.call('service', format('select public.pawl_write_prompt(''By a backend'', p_organization_id => %L,
    p_assistant => ''default'')', tests.id('acme'))) ->> 'outcome', 'ok', 'a backend writes');
select is(pg_temp.version(10) - '{previous_version_id}'::text[], '{"version": 10, "content": "By a backend",
    "created_by": "human", "created_by_user": null, "is_active": false, "activated_at": null, "change_reason": null,
    "model_version_id": null}', 'for nobody in particular, and without a reason');

-- What is no prompt
select is(tests.unmoved('amy', 'write_prompt', content), 'content_invalid', what)
from (values ('null', 'no text'), ('''''', 'an empty one'), (E'E'' \\n\\t ''', 'a blank one'),
             ('repeat(''ä'', 100001)', 'one of more than 100,000 characters')) v (content, what);
select is(tests.steered('amy', 'write_prompt', 'repeat(''ä'', 100000)') -> 'about', '{"version": 11}',
  '100,000 characters');
select is(tests.steered('amy', 'write_prompt', '''.''') -> 'about', '{"version": 12}', 'one character');
select is(tests.refusal('amy', 'select public.pawl_write_prompt(''x'', p_reason => repeat(''x'', 1001))'), 'reason_too_long',
  'a reason without end');

-- An assistant that has no version yet
insert into pawl.assistants (id, organization_id, slug, name) values (tests.id('acme/new'), tests.id('acme'), 'new', 'New');
create function pg_temp.wrote(p_text text, p_live text) returns jsonb
language sql
as $$
  select tests.steered('amy', 'write_prompt', format('%L, %s, p_assistant => ''new''', p_text, p_live)) -> 'changed'
$$;
select is(pg_temp.wrote('One', 'false'), '{"latest_version": {"from": null, "to": 1}}', 'a first version');
select is(pg_temp.wrote('Two', 'false'), '{"latest_version": {"from": 1, "to": 2}}', 'a second, before any is live');
select is(pg_temp.wrote('Three', 'true'),
  '{"latest_version": {"from": 2, "to": 3}, "live_version": {"from": null, "to": 3}}', 'and one to go live');
select is(tests.call('amy', 'select public.pawl_list_versions(''new'')') #>> '{versions,2,state}', 'draft',
  'what never was live is a draft, also where nothing was');
select is(tests.steered('amy', 'activate_prompt', '1, p_assistant => ''new''') ->> 'action', 'activate',
  'a draft goes live');
select is(tests.steered('amy', 'rollback_prompt', 'p_assistant => ''new''') #> '{changed,live_version}',
  '{"from": 1, "to": 3}', 'and gives way to the one it took over from');

select * from finish();
rollback;
