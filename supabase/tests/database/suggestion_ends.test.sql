-- How a suggestion ends, besides by a plain verdict: with its version, given up and approved once more, overtaken,
-- acknowledged.
begin;
select plan(21);

select tests.make_assistant('acme/default');
select tests.make_member('amy', 'acme', 'admin');
update pawl.loop_settings set cooldown_hours = 0 where assistant_id = tests.id('acme/default');
create temp table s (name text, id uuid);
create function pg_temp.id(p_name text) returns uuid language sql as $$ select id from s where name = p_name $$;
create function pg_temp.log_of(p_name text) returns pawl.reflection_logs
language sql
as $$
  select l from pawl.reflection_logs l join pawl.suggestions g on g.reflection_log_id = l.id where g.id = pg_temp.id(p_name)
$$;
create function pg_temp.status(p_path text) returns jsonb
language sql
as $$ select tests.call('amy', 'select public.pawl_status(''default'')') #> ('{assistants,0,' || p_path || '}')::text[] $$;

-- A version that waits for approval, and is made live by force: that is approval, too. (Its text written by hand is not:
-- nothing that the loop wrote goes live unproved by another name.)
do $$ begin perform tests.steer('amy', 'require_approval'); end $$;
create temp table asked as select tests.make_reflection('acme/default') as id;
select is(tests.submitted(id, 'acme/default v1'), 'submitted', 'a version waits') from asked;
insert into s values ('forced', tests.suggestion('acme/default', 'pending'));
select is(tests.unmoved('amy', 'write_prompt', '''Better'', true'), 'not_proved', 'its text written by hand is no proof');
select is(tests.unmoved('amy', 'write_prompt', '''Better'''), 'ok, nothing changed', 'and no other version');
select is(tests.steered('amy', 'force_version', '2'), jsonb_build_object(
    'action', 'force', 'about', jsonb_build_object('version', 2, 'suggestion_id', pg_temp.id('forced')),
    'changed', '{"live_version": {"from": 1, "to": 2}, "status": {"from": "pending", "to": "implemented"}}'::jsonb),
  'it goes live by force');
select results_eq(
  $$select status, implemented_in_version, reviewed_by, review_notes from pawl.suggestions where id = pg_temp.id('forced')$$,
  $$values ('implemented', 2, tests.id('amy'), 'a reason')$$, 'its suggestion says so');
select is((pg_temp.log_of('forced')).update_outcome, 'submitted', 'its reflection says what came of it');
select is(tests.unmoved('amy', 'approve_suggestion', quote_literal(pg_temp.id('forced'))), 'ok, nothing changed',
  'approving it is nothing more');
select is(pg_temp.status('live,went_live,action'), '"force"', 'what made it live is the last that did');
do $$ begin perform tests.steer('amy', 'activate_prompt', '1'), tests.steer('amy', 'activate_prompt', '2'); end $$;
select is(pg_temp.status('live,went_live,action'), '"activate"', 'whatever made it live before');

-- Findings that the loop gave up on: approved once more they are tried anew, with as many attempts.
do $$ begin perform tests.steer('amy', 'require_approval', 'false'); end $$;
insert into s values ('given up', tests.make_suggestion('acme/default', '1 minute', 2));
do $$ begin perform tests.steer('amy', 'approve_suggestion', quote_literal(pg_temp.id('given up'))); end $$;
update pawl.reflection_logs set update_attempts = 5 where id = (pg_temp.log_of('given up')).id;
select is(tests.begin_update((pg_temp.log_of('given up')).id), 'refused', 'after five attempts it is given up');
select is(tests.steered('amy', 'approve_suggestion', quote_literal(pg_temp.id('given up'))), jsonb_build_object(
    'action', 'approve', 'about', jsonb_build_object(
      'suggestion_id', pg_temp.id('given up'), 'owed', true, 'blocked_by', null),
    'changed', '{"update": {"from": "refused", "to": "owed"}}'::jsonb), 'a person wants it all the same');
select is(tests.due('acme/default'), 'update', 'it is owed again');
select is(tests.begin_update((pg_temp.log_of('given up')).id), 'ok', 'and begun');
select is(tests.unmoved('amy', 'approve_suggestion', quote_literal(pg_temp.id('given up'))), 'ok, nothing changed',
  'while it is owed, approving it is nothing more');

-- With its version: what a test rejects waits for nobody, what goes live is implemented.
create function pg_temp.end_with(p_state text) returns text
language plpgsql
as $$
declare
  v_id uuid := gen_random_uuid();
  v_version integer := (select max(version) + 1 from pawl.system_prompts where assistant_id = tests.id('acme/default'));
begin
  perform tests.make_version('acme/default', v_version);
  insert into pawl.suggestions (id, assistant_id, suggestion_type, priority, title, description, prompt_id, status)
    values (v_id, tests.id('acme/default'), 'prompt_change', 'low', 't', 'd', tests.id('acme/default v' || v_version),
            'approved');
  if p_state = 'active' then
    perform pawl.go_live(tests.id('acme/default v' || v_version)), pawl.go_live(tests.id('acme/default v1')),
            pawl.go_live((select id from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = 2));
  else
    update pawl.system_prompts set state = p_state where id = tests.id('acme/default v' || v_version);
  end if;
  return (select concat_ws(' ', status, implemented_in_version - v_version) from pawl.suggestions where id = v_id);
end
$$;
select is(pg_temp.end_with('rejected'), 'rejected', 'what is rejected');
select is(pg_temp.end_with('active'), 'implemented 0', 'what goes live');

-- Overtaken: it waits for nobody any more.
insert into s values ('overtaken', tests.make_suggestion('acme/default', '30 seconds', 2));
select is(pg_temp.status('pending_suggestions'), '2', 'it waits, beside the escalation');
do $$ begin perform tests.steer('amy', 'activate_prompt', '1'); end $$;
select is(pg_temp.status('pending_suggestions'), '1', 'until another version is live');
select is(
  (select jsonb_object_agg(g ->> 'type', g -> 'superseded')
   from jsonb_array_elements(tests.call('amy', 'select public.pawl_list_suggestions()') -> 'suggestions') g),
  '{"prompt_change": true, "escalation": false}', 'which the list says');

-- An escalation is acknowledged once.
insert into s values ('escalation', tests.suggestion('acme/default', 'pending', 'escalation'));
do $$ begin perform tests.steer('amy', 'approve_suggestion', quote_literal(pg_temp.id('escalation'))); end $$;
update pawl.suggestions set reviewed_at = now() - interval '1 day' where id = pg_temp.id('escalation');
select is(tests.unmoved('amy', 'approve_suggestion', quote_literal(pg_temp.id('escalation'))), 'ok, nothing changed',
  'again is nothing');
select is((select status from pawl.suggestions where id = pg_temp.id('escalation')), 'approved', 'it stays acknowledged');

select * from finish();
rollback;
