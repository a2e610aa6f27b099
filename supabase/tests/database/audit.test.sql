-- Every change of the live prompt has one row that says who, when and why, and nobody takes it back.
begin;
select plan(28);

select tests.make_assistant('acme/default'), tests.make_assistant('globex/default');
select tests.make_member('ann', 'acme', 'admin'), tests.make_member('max', 'acme'), tests.make_member('gus', 'globex', 'admin');
create temp view changes as
  select actor, actor_id, action, detail, reason, at, organization_id
  from pawl.audit_log where assistant_id = tests.id('acme/default') order by id;

-- What is recorded
create temp table asked as select tests.make_reflection('acme/default') as id;
select is(tests.submit(id, 'acme/default v1') ->> 'outcome', 'submitted', 'the loop submits') from asked;
select results_eq('select actor, actor_id, action, reason, at between now() and clock_timestamp(), organization_id from changes',
  $$values ('loop', null::uuid, 'submit', 'It was curt', true, tests.id('acme'))$$, 'by itself, now, and why');
select is((select detail from changes),
  jsonb_build_object('reflection_id', id, 'version', 2, 'changed', '{"state": {"from": null, "to": "screening"}}'::jsonb),
  'with what changed') from asked;
select is(tests.submit(id, 'acme/default v1') ->> 'outcome', 'submitted', 'asked for again') from asked;
select is((select count(*)::int from changes), 1, 'it is one change');
select is(tests.outcome('ann', $$select public.pawl_force_version(2, p_reason => 'now')$$), 'ok', 'an admin forces it');
select results_eq('select actor, actor_id, action, reason from changes offset 1',
  $$values ('person', tests.id('ann'), 'force', 'now')$$, 'under their own id, and as what it is');

select is(tests.outcome('ann', $$select public.pawl_rollback_prompt(1, p_reason => 'too chatty')$$), 'ok',
  'an admin rolls back');
select results_eq('select actor, actor_id, action, reason from changes offset 2',
  $$values ('person', tests.id('ann'), 'rollback', 'too chatty')$$, 'under their own id');
select is((select detail from changes offset 2), '{"version": 1, "changed": {"live_version": {"from": 2, "to": 1}}}',
  'with what changed');
select is(tests.outcome('service', format('select public.pawl_rollback_prompt(2, p_organization_id => %L)',
  tests.id('acme'))), 'ok', 'a backend rolls back');
select results_eq('select actor, actor_id, reason from changes offset 3', $$values ('service', null::uuid, null::text)$$,
  'as the secret key, without a reason');

-- What is refused is no change, nor is what changes nothing
select is(tests.refusal(who, sql), outcome, who || ' ' || sql)
from (values
  ('max', 'select public.pawl_rollback_prompt(1)', 'forbidden'),
  ('ann', 'select public.pawl_rollback_prompt(2)', 'ok'),
  ('ann', 'select public.pawl_rollback_prompt(9)', 'version_not_found')) v (who, sql, outcome);

-- Who reads it
select is(tests.visible(who, 'pawl.audit_log'), seen, who || ' sees ' || seen)
from (values ('ann', 4), ('max', 0), ('gus', 0), ('nobody', 0), ('service', 4), ('anon', -1)) v (who, seen);

-- Nobody takes it back: not with rights, not as the owner, not by deleting what it is about
select throws_ok(sql, '23001', 'pawl.audit_log is append-only', sql)
from unnest(array['update pawl.audit_log set reason = null', 'delete from pawl.audit_log', 'truncate pawl.audit_log']) sql;
select throws_ok(format('select tests.call(''service'', %L)', sql), '42501', null, 'the secret key may not ' || sql)
from unnest(array['with x as (delete from pawl.audit_log returning 1) select to_jsonb(count(*)) from x',
  'with x as (insert into pawl.audit_log (organization_id, assistant_id, actor, action) select id, id, ''loop'', ''submit'' '
  || 'from pawl.assistants returning 1) select to_jsonb(count(*)) from x']) sql;
delete from pawl.organizations where id = tests.id('acme');
select is((select count(*)::int from changes), 4, 'the record outlives the organisation');
select throws_ok(
  $$insert into pawl.audit_log (organization_id, assistant_id, actor, action) values (tests.id('x'), tests.id('x'), 'person', 'rollback')$$,
  '23514', null, 'a person has an id');

select * from finish();
rollback;
