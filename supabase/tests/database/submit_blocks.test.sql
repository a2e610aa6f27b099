-- What stops an automatic update: a pause, a lock, the daily cap, the cooldown. Beginning one and submitting
-- agree.
begin;
select plan(37);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_version('acme/default', 3);
create temp table reflection as select tests.make_reflection('acme/default', p_age => '1 minute') as id;
create function pg_temp.set(p_settings text) returns void
language plpgsql
as $$
begin
  execute format('update pawl.loop_settings set %s where assistant_id = %L', p_settings, tests.id('acme/default'));
end
$$;
-- Why nothing is submitted now; `nothing` when something would be. What was tried is taken back, and not counted.
create function pg_temp.block() returns text
language plpgsql
as $$
declare
  v_begun jsonb := (select tests.call('service', format('select public.pawl_begin_update(%L)', id)) from reflection);
  v_before text;
  v_submitted jsonb;
  v_wrote boolean;
begin
  update pawl.reflection_logs set update_attempts = 0;
  v_before := tests.stored();
  begin
    v_submitted := (select tests.submit(id, 'acme/default v1', 'Better by ' || v_before) from reflection);
    v_wrote := tests.stored() <> v_before;
    raise exception using errcode = 'TTTTT';
  exception when sqlstate 'TTTTT' then
    null;
  end;
  if (v_begun ->> 'outcome' = 'ok') <> (v_submitted ->> 'outcome' = 'submitted')
     or v_begun ->> 'reason' is distinct from v_submitted ->> 'reason'
     or v_wrote <> (v_submitted ->> 'outcome' = 'submitted') then
    return format('beginning says %s, submitting %s, wrote %s', v_begun, v_submitted, v_wrote);
  end if;
  return coalesce(v_submitted ->> 'reason', 'nothing');
end
$$;

select is(pg_temp.block(), 'nothing', 'a first update waits for nothing');

select pg_temp.set('updates_paused = true');
select is(pg_temp.block(), 'paused', 'paused for good');
select pg_temp.set('updates_paused = false, paused_until = now() + interval ''1 minute''');
select is(pg_temp.block(), 'paused', 'paused until a time');
select pg_temp.set('paused_until = now() - interval ''1 minute''');
select is(pg_temp.block(), 'nothing', 'that has passed');

update pawl.system_prompts set locked = true where id = tests.id('acme/default v2');
select is(pg_temp.block(), 'nothing', 'a locked version that is not live');
update pawl.system_prompts set locked = true where id = tests.id('acme/default v1');
select is(pg_temp.block(), 'locked', 'the live version is locked');
update pawl.system_prompts set locked = false where assistant_id = tests.id('acme/default');

-- The cooldown counts from the last change of the live prompt, whichever version that made live.
update pawl.system_prompts set activated_at = now() - interval '5 hours 59 minutes' where id = tests.id('acme/default v1');
select is(pg_temp.block(), 'cooldown', 'a change less than six hours ago');
update pawl.system_prompts set activated_at = now() - interval '6 hours' where id = tests.id('acme/default v1');
select is(pg_temp.block(), 'nothing', 'six hours ago');
update pawl.system_prompts set activated_at = now() - interval '1 hour' where id = tests.id('acme/default v2');
select is(pg_temp.block(), 'cooldown', 'a version that was live an hour ago and is not any more');
select pg_temp.set('cooldown_hours = 0.5');
select is(pg_temp.block(), 'nothing', 'half an hour is enough if they say so');
select pg_temp.set('cooldown_hours = 0');
update pawl.system_prompts set activated_at = now() where id = tests.id('acme/default v1');
select is(pg_temp.block(), 'nothing', 'none at all, too');
-- now() is when a transaction began: one that began later may have been through first.
update pawl.system_prompts set activated_at = now() + interval '1 second' where id = tests.id('acme/default v1');
select is(pg_temp.block(), 'nothing', 'whichever of two at once began first');
select pg_temp.set('cooldown_hours = 6');
update pawl.system_prompts set activated_at = null where assistant_id = tests.id('acme/default');
select tests.make_assistant('acme/helper');
update pawl.system_prompts set activated_at = now() where id = tests.id('acme/helper v1');
select is(pg_temp.block(), 'nothing', 'another assistant''s change does not matter');

-- Nothing to test it by
update pawl.rubrics set is_active = false where assistant_id = tests.id('acme/default');
select is(pg_temp.block(), 'insufficient_data', 'no rubric');
update pawl.rubrics set is_active = true where assistant_id = tests.id('acme/default');

-- The daily cap counts what the system wrote within 24 hours.
create function pg_temp.written(p_version integer, p_by text, p_age interval) returns void
language sql
as $$
  insert into pawl.system_prompts (assistant_id, version, content, created_by, created_at)
    values (tests.id('acme/default'), p_version, 'x', p_by, now() - p_age)
$$;
select pg_temp.written(10, 'system', '1 minute'), pg_temp.written(11, 'system', '23 hours 59 minutes');
select is(pg_temp.block(), 'nothing', 'two updates today');
select pg_temp.written(12, 'human', '1 hour'), pg_temp.written(13, 'system', '24 hours');
select is(pg_temp.block(), 'nothing', 'a person''s version and yesterday''s do not count');
select pg_temp.written(14, 'system', '2 hours');
select is(pg_temp.block(), 'daily_limit', 'three are the limit');
select pg_temp.set('max_updates_per_day = 4');
select is(pg_temp.block(), 'nothing', 'unless more are allowed');
select pg_temp.set('max_updates_per_day = 0');
select is(pg_temp.block(), 'daily_limit', 'none may be allowed at all');
select pg_temp.set('max_updates_per_day = 3');

-- A placebo is no update.
insert into pawl.system_prompts (assistant_id, version, content, created_by, placebo)
  select tests.id('acme/default'), 20 + n, 'x', 'system', true from generate_series(1, 3) n;
delete from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = 14;
select is(pg_temp.block(), 'nothing', 'placebos do not count');
select pg_temp.written(14, 'system', '2 hours');

-- The year's tests
create function pg_temp.tested(p_version integer, p_position integer, p_year integer, p_state text default 'rejected')
returns void
language sql
as $$
  insert into pawl.prompt_tests (organization_id, assistant_id, candidate_id, baseline_id, state, judge_model, rubric_id,
    chat_model, settings, method, level, ledger_year, ledger_position, proof_started_at, decided_at)
  select p.organization_id, p.id, c.id, tests.id('acme/default v1'), p_state, 'm', r.id, 'm', '{}', 'replay', 0.01, p_year,
         p_position, now(), case when p_state <> 'proving' then now() end
  from pawl.assistants p join pawl.system_prompts c on c.assistant_id = p.id and c.version = p_version
  join pawl.rubrics r on r.assistant_id = p.id where p.id = tests.id('acme/default')
$$;
select pg_temp.set('max_updates_per_day = 9');
select pg_temp.tested(2, 59, extract(year from pawl.today())::integer),
       pg_temp.tested(2, 60, extract(year from pawl.today())::integer - 1);
select is(pg_temp.block(), 'nothing', '59 tests this year, and all of last year''s');
select pg_temp.tested(2, 60, extract(year from pawl.today())::integer);
select is(pg_temp.block(), 'yearly_budget', 'sixty are all there are');
select pg_temp.set('yearly_budget = false');
select is(pg_temp.block(), 'nothing', 'unless they are not counted');
select pg_temp.set('yearly_budget = true');

-- A test that runs, in either state
select pg_temp.tested(3, null, null, 'proving');
select is(pg_temp.block(), 'in_proof', 'another version is proving itself, which is named before the budget');
update pawl.prompt_tests set state = 'screening', method = null, level = null, proof_started_at = null
  where state = 'proving';
select is(pg_temp.block(), 'in_proof', 'or is screened');
update pawl.system_prompts set locked = true where id = tests.id('acme/default v1');
select is(pg_temp.block(), 'locked', 'a lock before it');
update pawl.system_prompts set locked = false where id = tests.id('acme/default v1');
delete from pawl.prompt_tests where state = 'screening';
select is(pg_temp.block(), 'yearly_budget', 'then the budget');
select pg_temp.set('max_updates_per_day = 3');
select is(pg_temp.block(), 'yearly_budget', 'which is named before the limit of a day');
delete from pawl.prompt_tests;

-- Several at once: what takes a person to end is named first.
update pawl.system_prompts set activated_at = now(), locked = true where id = tests.id('acme/default v1');
select pg_temp.set('updates_paused = true');
select is(pg_temp.block(), 'paused', 'a pause before all');
select pg_temp.set('updates_paused = false');
select is(pg_temp.block(), 'locked', 'then a lock');
update pawl.system_prompts set locked = false where id = tests.id('acme/default v1');
select is(pg_temp.block(), 'daily_limit', 'then the limit');
delete from pawl.system_prompts where assistant_id = tests.id('acme/default') and version >= 10;
select is(pg_temp.block(), 'cooldown', 'then the cooldown');
update pawl.system_prompts set activated_at = null where assistant_id = tests.id('acme/default');

-- A real update starts the cooldown, and a rollback starts it anew.
select is((select tests.submit(id, 'acme/default v1') ->> 'new_version' from reflection), '4', 'an update');
do $$ begin perform tests.call('operator', format('select public.pawl_force_version(4, null, ''default'', %L)', tests.id('acme'))); end $$;
create temp table version_four as
  select id from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = 4;
update reflection set id = tests.make_reflection('acme/default', p_version => 4);
select is(
  (select tests.call('service', format('select public.pawl_submit_prompt(%L, %L, ''x'', ''y'', ''z'')',
     reflection.id, version_four.id)) ->> 'reason' from reflection, version_four),
  'cooldown', 'keeps the next one waiting');
select tests.age_changes('acme/default', '7 hours');
select is(tests.outcome('service', format('select public.pawl_rollback_prompt(1, null, ''default'', %L)', tests.id('acme'))), 'ok',
  'hours later a person goes back');
update reflection set id = tests.make_reflection('acme/default');
select is(pg_temp.block(), 'cooldown', 'and that is not undone at once');
select tests.age_changes('acme/default', '7 hours');
select is(pg_temp.block(), 'nothing', 'but in time');

select * from finish();
rollback;
