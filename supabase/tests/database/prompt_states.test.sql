-- The states of a version: which ways there are from one to another, one live and one in test at most, whatever the code
-- does.
begin;
select plan(69);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/helper');

-- Every way there could be
create temp table ways (from_state text, to_states text[]);
insert into ways values
  ('draft',       '{screening,active,rejected}'),
  ('screening',   '{proving,active,rejected,draft}'),
  ('proving',     '{active,rejected,draft}'),
  ('active',      '{retired,rolled_back}'),
  ('retired',     '{active}'),
  ('rejected',    '{screening,active}'),
  ('rolled_back', '{screening,active}');
-- Whether a version of one state becomes another, where nothing else is live or in test: `yes`, `no`.
create function pg_temp.goes(p_from text, p_to text, p_placebo boolean default false) returns text
language plpgsql
as $$
begin
  update pawl.system_prompts set state = 'retired' where id = tests.id('acme/helper v1') and is_active;
  insert into pawl.system_prompts (assistant_id, version, content, created_by, state, placebo)
    values (tests.id('acme/helper'), 2, 'x', 'system', p_from, p_placebo);
  update pawl.system_prompts set state = p_to where assistant_id = tests.id('acme/helper') and version = 2;
  raise exception using errcode = 'TTTTT';
exception
  when sqlstate 'TTTTT' then return 'yes';
  when restrict_violation then return 'no';
  when check_violation then return 'never';
end
$$;
select is(pg_temp.goes(f.from_state, t.from_state),
    case when t.from_state = f.from_state or t.from_state = any (f.to_states) then 'yes' else 'no' end,
    format('from %s to %s', f.from_state, t.from_state))
  from ways f cross join ways t order by f.from_state, t.from_state;

-- A placebo
select is(pg_temp.goes('screening', 'proving', true), 'yes', 'a placebo goes through the same gates');
select is(pg_temp.goes('proving', 'retired', true), 'yes', 'and where another would be live it is retired');
select is(pg_temp.goes(state, 'active', true), 'never', 'it never is: from ' || state)
  from unnest('{draft,screening,proving,retired,rejected}'::text[]) state;
select is(pg_temp.goes('draft', 'published'), 'no', 'there are no other states');
select throws_ok(
  $$insert into pawl.system_prompts (assistant_id, version, content, state, placebo)
    values (tests.id('acme/helper'), 2, 'x', 'active', true)$$, '23514', null, 'nor is it born live');
select tests.make_version('acme/default', 2), tests.make_version('acme/default', 3), tests.make_version('acme/default', 4);
select throws_ok(
  $$update pawl.system_prompts set placebo = true where id = tests.id('acme/default v2')$$, '23001', null,
  'what is a placebo is one from the first');

-- One live, one in test
select throws_ok(
  $$update pawl.system_prompts set state = 'active' where id = tests.id('acme/default v2')$$, '23505', null,
  'there is no second live version');
update pawl.system_prompts set state = 'screening' where id = tests.id('acme/default v2');
select throws_ok(
  $$update pawl.system_prompts set state = 'screening' where id = tests.id('acme/default v3')$$, '23505', null,
  'there is no second version in test');
update pawl.system_prompts set state = 'proving' where id = tests.id('acme/default v2');
select throws_ok(
  $$update pawl.system_prompts set state = 'screening' where id = tests.id('acme/default v3')$$, '23505', null,
  'nor beside one that is proving itself');
select tests.make_version('acme/helper', 2);
select lives_ok(
  $$update pawl.system_prompts set state = 'screening' where id = tests.id('acme/helper v2')$$,
  'another assistant has a test of its own');
select is((select string_agg(version::text, ' ') from pawl.system_prompts
    where assistant_id = tests.id('acme/default') and is_active), '1', 'live is what is active');
select throws_ok(
  $$update pawl.system_prompts set is_active = false where id = tests.id('acme/default v1')$$, '428C9', null,
  'which nobody sets beside the state');

-- Going live: the one before is retired, or rolled back; a test that runs is closed.
create function pg_temp.states() returns text
language sql
as $$
  select string_agg(format('%s %s', version, state), ', ' order by version)
  from pawl.system_prompts where assistant_id = tests.id('acme/default')
$$;
create function pg_temp.tests() returns text
language sql
as $$
  select string_agg(format('%s %s %s', c.version, t.state, t.reason), ', ' order by c.version)
  from pawl.prompt_tests t join pawl.system_prompts c on c.id = t.candidate_id
  where t.assistant_id = tests.id('acme/default')
$$;
update pawl.system_prompts set state = 'rejected' where id = tests.id('acme/default v2');
select tests.put_to_test('acme/default', 2), pawl.go_live(tests.id('acme/default v3'));
select is(pg_temp.states(), '1 retired, 2 rejected, 3 active, 4 draft', 'another goes live while a version is in test');
select is(pg_temp.tests(), '2 closed baseline_changed', 'which has nothing left to beat');
select tests.put_to_test('acme/default', 4), pawl.go_live(tests.id('acme/default v4'), 'rolled_back');
select is(pg_temp.states(), '1 retired, 2 rejected, 3 rolled_back, 4 active', 'the version in test goes live itself');
select is(pg_temp.tests(), '2 closed baseline_changed, 4 closed forced', 'which is not by its test');

select * from finish();
rollback;
