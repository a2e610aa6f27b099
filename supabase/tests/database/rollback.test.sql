-- An earlier version becomes the live one again: for admins and owners of the organisation, and the secret key.
begin;
select plan(44);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_version('acme/default', 3);
select tests.make_assistant('acme/helper'), tests.make_version('acme/helper', 2);
select tests.make_assistant('globex/default'), tests.make_version('globex/default', 2);
select tests.make_member('ann', 'acme'), tests.make_member('amy', 'acme', 'admin'), tests.make_member('otto', 'acme', 'owner'),
       tests.make_member('gus', 'globex', 'admin'), tests.make_member('half', 'acme'), tests.make_member('half', 'globex', 'admin');
create function pg_temp.go_live(p_version integer) returns void
language sql
as $$
  update pawl.system_prompts set state = 'retired' where is_active and assistant_id = tests.id('acme/default');
  update pawl.system_prompts set state = 'active' where assistant_id = tests.id('acme/default') and version = p_version;
$$;
select pg_temp.go_live(3);
create function pg_temp.rollback(p_version integer, p_organization text default null, p_assistant text default null) returns text
language sql
as $$
  select format('select public.pawl_rollback_prompt(%L, ''It was worse'', %L, %L)', p_version, p_assistant,
                tests.id(p_organization))
$$;

-- Refused, and nothing written
select is(tests.refusal(who, sql), outcome, why)
from (values
  ('anon', pg_temp.rollback(1, 'acme'), 'permission denied', 'anon'),
  ('ann', pg_temp.rollback(1), 'forbidden', 'a member'),
  ('ann', pg_temp.rollback(1, 'acme'), 'forbidden', 'a member who names their organisation'),
  ('nobody', pg_temp.rollback(1, 'acme'), 'unauthorized', 'a token that names no person'),
  ('stranger', pg_temp.rollback(1, 'acme'), 'organization_not_found', 'someone who belongs nowhere'),
  ('gus', pg_temp.rollback(1, 'acme'), 'organization_not_found', 'another organisation''s admin'),
  ('half', pg_temp.rollback(1), 'organization_required', 'a member of several who chooses none'),
  ('half', pg_temp.rollback(1, 'acme'), 'forbidden', 'an admin elsewhere who is a member here'),
  ('amy', pg_temp.rollback(1, 'acme', 'nope'), 'assistant_not_found', 'an unknown assistant'),
  ('amy', pg_temp.rollback(9), 'version_not_found', 'an unknown version'),
  ('amy', pg_temp.rollback(0), 'version_not_found', 'version 0'),
  ('amy', pg_temp.rollback(null), 'no_earlier_version', 'no version, where the live one took over from none'),
  ('amy', 'select public.pawl_rollback_prompt(1, p_user_id => gen_random_uuid())', 'user_not_allowed',
    'somebody else''s name'),
  ('amy', 'select public.pawl_rollback_prompt(1, repeat(''x'', 1001))', 'reason_too_long', 'a reason without end'),
  ('amy', pg_temp.rollback(3, p_assistant => 'helper'), 'version_not_found', 'a version of another assistant'),
  ('amy', pg_temp.rollback(3), 'ok', 'the live version'),
  ('service', pg_temp.rollback(1), 'organization_required', 'the secret key where there are several organisations'),
  ('service', 'select public.pawl_rollback_prompt(1, p_organization_id => gen_random_uuid())', 'organization_not_found',
    'an organisation that does not exist, for the secret key'),
  ('service', pg_temp.rollback(9, 'acme'), 'version_not_found', 'an unknown version, for the secret key'),
  ('service', pg_temp.rollback(3, 'acme'), 'ok', 'the live version, for the secret key')
) v (who, sql, outcome, why);
-- A stranger is not told of the organisation that is open to all either, and does not join it.
select isnt(tests.refusal('stranger', pg_temp.rollback(1)), 'ok', 'someone who belongs nowhere and names none');
select is((select count(*)::int from pawl.organization_members where user_id = tests.id('stranger')), 0, 'joins nothing');
select is(tests.live('acme/default'), '3', 'after all that the same version is live');

-- An admin
select is(tests.call('amy', pg_temp.rollback(1)) - 'audit_id', '{"outcome": "ok", "action": "rollback", "assistant": "default",
    "about": {"version": 1}, "changed": {"live_version": {"from": 3, "to": 1}}}',
  'an admin goes back, without naming their only organisation');
select is(tests.live('acme/default'), '1', 'the earlier version is live, alone');
select is((select activated_at from pawl.system_prompts where id = tests.id('acme/default v1')), now(),
  'from this moment on');
select results_eq(
  $$select action_taken, prompt_id, prompt_version_evaluated, new_prompt_version, messages_analyzed, overall_score,
           raw_analysis
    from pawl.reflection_logs where assistant_id = tests.id('acme/default')$$,
  $$values ('rollback', tests.id('acme/default v3'), 3, 1, 0, null::numeric,
            (select jsonb_build_object('audit_id', max(id)) from pawl.audit_log))$$,
  'the log says from where to where, and which record says who and why');
select is((select count(*)::int from pawl.system_prompts where assistant_id = tests.id('acme/default')), 3,
  'no version is made or lost');
select is(tests.live('acme/helper') || tests.live('globex/default'), '11', 'no other assistant is touched');

-- An owner, the secret key, an admin of one of two
select is(tests.outcome('otto', pg_temp.rollback(2, 'acme', 'default')), 'ok', 'an owner may, and forward too');
select is(tests.live('acme/default'), '2', 'to any version there is');
select is(tests.outcome('service', pg_temp.rollback(1, 'acme')), 'ok', 'the secret key may');
select is(tests.live('acme/default'), '1', 'in the organisation it names');
select is((select actor from pawl.audit_log order by id desc limit 1), 'service', 'and the record says that it did');
select is(tests.outcome('amy', pg_temp.rollback(2, p_assistant => 'helper')), 'ok', 'an assistant by its slug');
select is(tests.live('acme/helper'), '2', 'goes back by itself');
select is(tests.outcome('half', pg_temp.rollback(2, 'globex')), 'ok', 'an admin of one of two organisations may there');
select is(tests.live('globex/default'), '2', 'and is obeyed there');

-- A person is stopped by none of what stops the system.
update pawl.loop_settings set updates_paused = true, max_updates_per_day = 0 where assistant_id = tests.id('acme/default');
update pawl.system_prompts set locked = true, activated_at = now() where assistant_id = tests.id('acme/default');
select is(tests.outcome('amy', pg_temp.rollback(3)), 'ok', 'neither a pause nor a lock, the cap or the cooldown');
select is(tests.live('acme/default'), '3', 'keeps a person from going back');

-- Where nothing is live
update pawl.system_prompts set state = 'retired' where is_active and assistant_id = tests.id('acme/default');
select is(tests.call('amy', pg_temp.rollback(2)) -> 'changed', '{"live_version": {"from": null, "to": 2}}',
  'with no live version there is one again');
select is(tests.live('acme/default'), '2', 'alone');

-- One transaction: when the log cannot be written the version stays.
set constraints all immediate;
alter table pawl.reflection_logs add constraint no_more_rollbacks check (action_taken <> 'rollback') not valid;
select throws_ok(format('select tests.call(''amy'', %L)', pg_temp.rollback(1)), '23514', null, 'a rollback that fails halfway');
select is(tests.live('acme/default'), '2', 'has changed nothing');

select * from finish();
rollback;
