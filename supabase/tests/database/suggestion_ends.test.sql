-- How a suggestion ends, besides by a plain verdict: by its text written by hand, given up and approved once more,
-- overtaken, acknowledged.
begin;
select plan(17);

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

-- A proposal whose own text a person writes: that is approval, too.
do $$ begin perform tests.steer('amy', 'require_approval'); end $$;
create temp table asked as select tests.make_reflection('acme/default') as id;
select is(tests.published(id, 'acme/default v1'), 'proposed', 'a version waits') from asked;
insert into s values ('written', tests.suggestion('acme/default', 'pending'));
select is(tests.steered('amy', 'write_prompt', '''Better'', true'), jsonb_build_object(
    'action', 'write', 'about', jsonb_build_object('version', 2, 'suggestion_id', pg_temp.id('written')),
    'changed', '{"live_version": {"from": 1, "to": 2}, "status": {"from": "pending", "to": "implemented"}}'::jsonb),
  'and goes live by its text');
select results_eq(
  $$select status, implemented_in_version, reviewed_by, review_notes from pawl.suggestions where id = pg_temp.id('written')$$,
  $$values ('implemented', 2, tests.id('amy'), 'a reason')$$, 'its suggestion says so');
select is((pg_temp.log_of('written')).update_outcome, 'published', 'and its reflection');
select is(tests.unmoved('amy', 'approve_suggestion', quote_literal(pg_temp.id('written'))), 'ok, nothing changed',
  'approving it is nothing more');
select is(pg_temp.status('live,went_live,action'), '"write"', 'what made it live is the last that did');
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
