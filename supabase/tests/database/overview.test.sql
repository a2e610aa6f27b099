-- What people look at before they decide: the exact shapes, whose rows, how many at a time, and nothing of conversations.
begin;
select plan(87);

delete from pawl.organizations;
select tests.make_assistant('acme/default'), tests.make_assistant('acme/helper'),
       tests.make_assistant('globex/default'),
       tests.make_assistant('umbrella/default');
select tests.make_member('amy', 'acme', 'admin'), tests.make_member('two', 'acme', 'admin'),
       tests.make_member('two', 'globex', 'owner'),
       tests.make_member('two', 'umbrella'), tests.make_member('plain', 'acme'), tests.make_member('plain', 'globex');
create function pg_temp.look(p_function text, p_arguments text default '', p_who text default 'amy') returns jsonb
language sql as $$ select tests.call(p_who, format('select public.pawl_%s(%s)', p_function, p_arguments)) $$;

-- An assistant that nothing has happened to
create temp table quiet as select jsonb_build_object('version', 1, 'state', 'active', 'placebo', false,
  'approved_at', null, 'created_at', now(), 'created_by', 'human',
  'created_by_user', null, 'activated_at', null, 'locked', false, 'score', null, 'judged', 0, 'reason', null,
  'previous_version', null, 'rollback_to', null, 'reflection_id', null) as version;
select is(pg_temp.look('status', '''helper'''), jsonb_build_object('outcome', 'ok', 'assistants', jsonb_build_array(
  jsonb_build_object('organization_id', tests.id('acme'), 'organization', 'tests-acme', 'assistant', 'helper',
    'name', 'acme/helper', 'live', version || '{"went_live": null}',
    'updates', '{"blocked_by": null, "paused": false, "paused_until": null, "cooldown_until": null, "approval_required": false,
      "protected_clauses": 0, "today": 0, "a_day": 3, "owed": false}'::jsonb,
    'test', null, 'last_reflection', null, 'waiting', '{"answers": 0, "conversations": 0, "conversations_needed": 5}'::jsonb,
    'pending_suggestions', 0))), 'the state of an assistant that nothing has happened to') from quiet;
select is(pg_temp.look('list_versions', '''helper'''), jsonb_build_object('outcome', 'ok', 'versions', jsonb_build_array(version)),
  'its one version') from quiet;
select is(pg_temp.look('get_version', 'p_assistant => ''helper'''), jsonb_build_object('outcome', 'ok', 'version',
  version || '{"content": "Prompt 1 of acme/helper"}'), 'and its text') from quiet;
select is(pg_temp.look('list_suggestions', 'p_assistant => ''helper'''), '{"outcome": "ok", "suggestions": []}',
  'nothing to decide');
select is(pg_temp.look('list_events', '''helper'''), '{"outcome": "ok", "events": []}', 'nothing that happened');

-- One with a past: judged twice, a version submitted and forced, a draft of a person's, a pause, clauses; answers that wait.
select tests.make_answers('acme/default', 3, p_age => '2 hours');
create temp table first as select tests.make_reflection('acme/default', p_age => '90 minutes') as id;
insert into pawl.message_evaluations (message_id, reflection_log_id, prompt_id, overall, discarded)
  select tests.id('acme/default answer ' || n), id, tests.id('acme/default v1'), case when n < 3 then 2 end, n = 3
  from first, generate_series(1, 3) n;
update pawl.system_prompts set performance_score = 2 where id = tests.id('acme/default v1');
update pawl.reflection_logs set overall_score = 2, messages_discarded = 1, criterion_scores = '{"depth": 2}';
do $$ begin perform tests.submit(id, 'acme/default v1', 'Better'), tests.steer('amy', 'force_version', '2') from first; end $$;
create temp table live as select id from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = 2;
select tests.make_answers('acme/default', 2, 'later', '1 minute', 2);
create temp table findings as select tests.make_suggestion('acme/default', '10 minutes', 2) as id;
create temp table second as select reflection_log_id as id from pawl.suggestions where id in (select id from findings);
do $$ begin perform tests.steer('amy', 'write_prompt', '''A draft'''), tests.steer('amy', 'protect_clauses', '''{a,b}'''),
  tests.steer('amy', 'pause_updates', 'now() + interval ''1 day'''), tests.steer('amy', 'lock_prompt'); end $$;

select is((pg_temp.look('status', '''default''') #> '{assistants,0}') - 'live', jsonb_build_object(
    'organization_id', tests.id('acme'), 'organization', 'tests-acme', 'assistant', 'default', 'name', 'acme/default',
    'updates', jsonb_build_object('blocked_by', 'paused', 'paused', true, 'paused_until', now() + interval '1 day',
      'cooldown_until', now() + interval '6 hours',
      'approval_required', false, 'protected_clauses', 2, 'today', 1, 'a_day', 3, 'owed', false),
    'test', null,
    'last_reflection', jsonb_build_object('reflection_id', id, 'at', now() - interval '10 minutes', 'version', 2, 'judged', 5,
      'discarded', 0, 'score', null, 'criterion_scores', '{}'::jsonb, 'action', 'suggestion', 'update_outcome', null,
      'new_version', null, 'weaknesses', '["curt"]'::jsonb),
    'waiting', '{"answers": 2, "conversations": 2, "conversations_needed": 5}'::jsonb, 'pending_suggestions', 1),
  'the state of one with a past') from second;
select is((pg_temp.look('status', '''default''') #> '{assistants,0,live,went_live}') - '{at,audit_id}'::text[],
  jsonb_build_object('action', 'force', 'actor', 'person', 'actor_id', tests.id('amy'), 'reason', 'a reason'),
  'and why its version is live');
create temp table versions as select pg_temp.look('list_versions') -> 'versions' as v;
select is((select jsonb_agg(x ->> 'state') from versions, jsonb_array_elements(v) x), '["draft", "active", "retired"]',
  'versions are drafts, active or retired, the newest first');
select is(v -> 1, jsonb_build_object('version', 2, 'state', 'active', 'placebo', false, 'approved_at', null, 'created_at', now(), 'created_by', 'system',
    'created_by_user', null, 'activated_at', now(), 'locked', true, 'score', null, 'judged', 0, 'reason', 'It was curt',
    'previous_version', 1, 'rollback_to', 1, 'reflection_id', id), 'one that the loop wrote') from versions, first;
select is(v -> 0, jsonb_build_object('version', 3, 'state', 'draft', 'placebo', false, 'approved_at', null, 'created_at', now(), 'created_by', 'human',
    'created_by_user', tests.id('amy'), 'activated_at', null, 'locked', false, 'score', null, 'judged', 0,
    'reason', 'a reason', 'previous_version', 2, 'rollback_to', null, 'reflection_id', null), 'one that a person wrote') from versions;
select is(v -> 2 -> 'judged', '2', 'judged are the answers with a score') from versions;
select is(v -> 2 -> 'score', '2.0000', 'which it shows') from versions;
select is(pg_temp.look('status', '''default''') #> '{assistants,0,live}' #- '{went_live}', v -> 1,
  'the state shows the live one like the list')
  from versions;
select is(pg_temp.look('get_version', number) #> '{version,content}', content, 'the text of ' || number)
from (values ('null', '"Better"'::jsonb), ('1', '"Prompt 1 of acme/default"'), ('3', '"A draft"')) v (number, content);
select is(pg_temp.look('get_version', number) ->> 'outcome', 'version_not_found', 'there is no version ' || number)
from unnest('{0,4}'::text[]) number;
select is(pg_temp.look('list_suggestions') -> 'suggestions', jsonb_build_array(jsonb_build_object(
    'suggestion_id', f.id, 'at', now() - interval '10 minutes', 'type', 'prompt_change', 'priority', 'medium',
    'status', 'pending', 'title', 'Answers are curt', 'description', 'They stop early', 'proposed_change', 'Say more',
    'version', null, 'about_version', 2, 'superseded', false, 'score', null, 'reflection_id', s.id, 'reviewed_by', null, 'reviewed_at', null,
    'review_notes', null, 'implemented_in_version', null)), 'what there is to decide') from findings f, second s;
select is(jsonb_path_query_array(pg_temp.look('list_events', '''default''') -> 'events', '$[*].keyvalue() ? (@.key == "action").value'),
  '["lock", "pause", "protect", "write", "force", "submit", "suggestion", "prompt_update"]', 'what happened, the last first');
create temp table events as select pg_temp.look('list_events', '''default''') -> 'events' as e;
select is((e -> 1) - '{at,audit_id}'::text[], jsonb_build_object('kind', 'change', 'actor', 'person', 'actor_id', tests.id('amy'),
    'action', 'pause', 'reason', 'a reason', 'about', '{}'::jsonb, 'changed',
    jsonb_build_object('paused_until', jsonb_build_object('from', null, 'to', now() + interval '1 day'))), 'a change') from events;
select is((e -> 5) - '{at,audit_id}'::text[], jsonb_build_object('kind', 'change', 'actor', 'loop', 'actor_id', null,
    'action', 'submit', 'reason', 'It was curt', 'about', jsonb_build_object('reflection_id', id, 'version', 2),
    'changed', '{"state": {"from": null, "to": "screening"}}'::jsonb), 'one of the loop''s') from events, first;
select is((e #>> '{1,audit_id}')::bigint, (select id from pawl.audit_log where action = 'pause'),
  'by the number of its record') from events;
select is((e #>> '{1,at}')::timestamptz, (select at from pawl.audit_log where action = 'pause'),
  'and its time') from events;
select is(e -> 7, jsonb_build_object('kind', 'reflection', 'reflection_id', id, 'at', now() - interval '90 minutes', 'version', 1,
    'judged', 5, 'discarded', 1, 'score', 2.0000, 'criterion_scores', '{"depth": 2}'::jsonb, 'action', 'prompt_update',
    'update_outcome', 'submitted', 'new_version', 2, 'weaknesses', '["curt"]'::jsonb),
  'a reflection') from events, first;

-- What is owed, and a version that waits for approval
do $$ begin perform tests.steer('amy', 'resume_updates'), tests.steer('amy', 'lock_prompt', 'false'),
  tests.steer('amy', 'protect_clauses', '''{}'''), tests.age_changes('acme/default', '25 hours'),
  tests.steer('amy', 'approve_suggestion', quote_literal(id)) from findings; end $$;
select is(pg_temp.look('status', '''default''') #> '{assistants,0,updates,owed}', 'true', 'an approved update is owed');
select is(pg_temp.look('status', '''helper''') #> '{assistants,0,updates,owed}', 'false', 'not of another assistant');
select is(pg_temp.look('status', '''default''') #> '{assistants,0,updates,today}', '0',
  'yesterday''s are not today''s');
select is(pg_temp.look('list_suggestions'), '{"outcome": "ok", "suggestions": []}', 'what is decided is not pending');
select is(pg_temp.look('list_suggestions', '''approved''') #> '{suggestions,0}' -> 'reviewed_by', to_jsonb(tests.id('amy')),
  'but approved, by a person');
select is(jsonb_array_length(pg_temp.look('list_suggestions', status) -> 'suggestions'), number, 'suggestions, ' || status)
from (values ('null', 1), ('''rejected''', 0), ('''nonsense''', 0)) v (status, number);
do $$ begin perform tests.steer('amy', 'require_approval'),
  tests.call('service', format('select public.pawl_submit_prompt(%L, %L, ''x'', ''y'', ''z'')', second.id, live.id))
  from second, live; end $$;
select is(pg_temp.look('list_suggestions') #> '{suggestions,0}' ->> key, value, format('a proposal: %s', key))
from (values ('version', '4'), ('about_version', '2'), ('description', 'y'), ('title', 'Version 4 waits for approval')) v (key, value);
select is(pg_temp.look('status', '''default''') #>> '{assistants,0,updates,blocked_by}', 'in_proof',
  'the loop waits for it');
select is(pg_temp.look('list_versions') #>> '{versions,0,state}', 'screening', 'its version is in test');
select is(pg_temp.look('status', '''default''') #> '{assistants,0,test}', jsonb_build_object('version', 4,
  'state', 'screening', 'method', null, 'placebo', false, 'held', null, 'plan', null, 'started_at', now()),
  'as the state says');
update pawl.prompt_tests set state = 'proving', method = 'canary', level = 0.01, proof_started_at = now(),
    held = 'awaiting_approval', plan = '{"words": "About nine days.", "expected_days": 9}'
  where state = 'screening';
select is(pg_temp.look('status', '''default''') #> '{assistants,0,test}', jsonb_build_object('version', 4,
  'state', 'proving', 'method', 'canary', 'placebo', false, 'held', 'awaiting_approval', 'plan', 'About nine days.',
  'started_at', now()), 'with what was planned, and what holds it up');
select is(pg_temp.look('status', quote_literal(slug)) #>> '{assistants,0,pending_suggestions}', number, 'what waits for ' || slug)
from (values ('default', '1'), ('helper', '0')) v (slug, number);
do $$ begin perform tests.steer('amy', 'rollback_prompt', '1'); end $$;
select is(pg_temp.look('status', '''default''') #>> '{assistants,0,last_reflection,action}', 'suggestion',
  'a rollback is no reflection');
select is(pg_temp.look('list_events', '''default''') #>> '{events,0,action}', 'rollback', 'it is a change');
select is((select count(*)::int from jsonb_array_elements(pg_temp.look('list_events', '''default''') -> 'events') e
  where e ->> 'action' = 'rollback'), 1, 'told once');
select is(jsonb_path_query_array(pg_temp.look('list_versions') -> 'versions', '$[*].state'), '["rejected", "draft", "rolled_back", "active"]',
  'what became of each');
select is(pg_temp.look('status', '''default''') #> '{assistants,0,test}', 'null', 'a test that was closed runs no longer');

-- Whose
select is((select jsonb_agg((x ->> 'organization') || '/' || (x ->> 'assistant')) from jsonb_array_elements(
    pg_temp.look('status', arguments, who) -> 'assistants') x)::text, seen, format('%s sees with %s', who, arguments))
from (values
  ('two', '', '["tests-acme/default", "tests-acme/helper", "tests-globex/default"]'),
  ('two', '''default''', '["tests-acme/default", "tests-globex/default"]'),
  ('two', format('p_organization_id => %L', tests.id('globex')), '["tests-globex/default"]'),
  ('amy', '', '["tests-acme/default", "tests-acme/helper"]'),
  ('service', '', '["tests-acme/default", "tests-acme/helper", "tests-globex/default", "tests-umbrella/default"]'),
  ('service', format('p_user_id => %L', tests.id('two')), '["tests-acme/default", "tests-acme/helper", "tests-globex/default"]'),
  ('operator', '''helper''', '["tests-acme/helper"]')) v (who, arguments, seen);
select is(pg_temp.look('status', arguments, who) ->> 'outcome', outcome, format('%s, with %s', who, arguments))
from (values ('plain', '', 'forbidden'), ('plain', '''default''', 'assistant_not_found'), ('two', '''nope''', 'assistant_not_found'),
             ('two', format('p_organization_id => %L', tests.id('umbrella')), 'forbidden')) v (who, arguments, outcome);

-- Nothing of conversations, and nothing of other assistants
select is(pg_temp.look(f, a)::text ~ 'To (answer|later)|answer [1-3]|later [12]|helper|globex', false, f || ' tells nothing else')
from (values ('status', '''default'''), ('list_versions', '''default'', p_limit => 100'), ('get_version', '1'),
             ('list_suggestions', 'null, p_limit => 100'), ('list_events', '''default'', p_limit => 100')) v (f, a);

-- Page by page
insert into pawl.system_prompts (assistant_id, version, content, created_by)
  select tests.id('acme/helper'), n, 'x', 'human' from generate_series(2, 120) n;
insert into pawl.suggestions (assistant_id, created_at, suggestion_type, priority, title, description)
  select tests.id('acme/helper'), now() - n * interval '1 minute', 'escalation', 'low', n::text, 'd' from generate_series(1, 120) n;
-- The numbers of records run against time where a change waited for another's transaction.
insert into pawl.audit_log (at, organization_id, assistant_id, actor, action, detail)
  select now() - n * interval '1 minute', tests.id('acme'), tests.id('acme/helper'), 'loop', 'submit', jsonb_build_object('n', n)
  from generate_series(1, 60) n;
insert into pawl.reflection_logs (assistant_id, created_at, messages_analyzed, time_window_start, time_window_end, prompt_id,
    prompt_version_evaluated, action_taken, weaknesses)
  select tests.id('acme/helper'), now() - n * interval '1 minute' - interval '1 second', 1, now(), now(),
         tests.id('acme/helper v1'), 1, 'none', array[n::text] from generate_series(1, 60) n;
create function pg_temp.pages(p_function text, p_key text, p_cursor text, p_before text, p_limit integer) returns setof jsonb
language plpgsql
as $$
declare
  v_page jsonb;
  v_before text;
begin
  for n in 1 .. 200 loop
    v_page := pg_temp.look(p_function, format('p_assistant => ''helper'', p_limit => %s %s', p_limit,
      case when v_before is not null then format(', %s => %L', p_before, v_before) end)) -> p_key;
    exit when v_page = '[]';
    return query select x from jsonb_array_elements(v_page) x;
    v_before := v_page -> -1 ->> p_cursor;
  end loop;
end
$$;
create temp table paged as
  select 'list_versions' as f, array_agg((x -> 'version')::int) as got from pg_temp.pages('list_versions', 'versions', 'version', 'p_before_version', 7) x
  union all
  select 'list_suggestions', array_agg((x ->> 'title')::int) from pg_temp.pages('list_suggestions', 'suggestions', 'at', 'p_before', 7) x
  union all
  select 'list_events', array_agg(case x ->> 'kind' when 'change' then 2 * (x #>> '{about,n}')::int - 1 else 2 * (x #>> '{weaknesses,0}')::int end)
  from pg_temp.pages('list_events', 'events', 'at', 'p_before', 7) x;
select is(got, array(select case f when 'list_versions' then 121 - n else n end from generate_series(1, 120) n),
  f || ' shows all, page by page, in order') from paged order by f;
select is(jsonb_array_length(pg_temp.look(f, format('p_assistant => ''helper'', p_limit => %s', n)) -> key), rows,
  format('%s with a limit of %s', f, n))
from (values ('list_versions', 'versions'), ('list_suggestions', 'suggestions'), ('list_events', 'events')) v (f, key),
     (values ('0', 1), ('-5', 1), ('null', 20), ('101', 100), ('2147483647', 100)) l (n, rows);

-- Of the conversations no more rows are read than are counted.
select tests.make_answers('acme/helper', 40, 'waits'), tests.make_answers('globex/default', 300);
select cmp_ok(tests.rows_read('amy', 'select public.pawl_status(''helper'')'), '<=', 40 * 5::bigint,
  'the state reads what waits, and of no other assistant');
select is(tests.rows_read('amy', 'select ' || call), 0::bigint, call || ' reads no conversation')
from unnest(array['public.pawl_list_versions(''helper'')', 'public.pawl_get_version(1, ''helper'')',
  'public.pawl_list_suggestions(p_assistant => ''helper'')', 'public.pawl_list_events(''helper'')']) call;

select * from finish();
rollback;
