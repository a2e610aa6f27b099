-- Findings for a person: approved, they have the loop write a version; rejected, they do not.
begin;
select plan(57);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_assistant('acme/helper');
select tests.make_member('amy', 'acme', 'admin'), tests.make_member('ben', 'acme', 'admin');
update pawl.loop_settings set cooldown_hours = 0;
create temp table findings as select tests.make_suggestion('acme/default', '40 hours') as id;
create function pg_temp.reflection() returns uuid
language sql as $$ select s.reflection_log_id from pawl.suggestions s join findings using (id) $$;
create function pg_temp.review() returns jsonb
language sql
as $$
  select jsonb_build_object('status', status, 'by', reviewed_by = tests.id('amy'), 'at', reviewed_at = now(),
    'notes', review_notes, 'version', implemented_in_version)
  from pawl.suggestions s join findings using (id)
$$;
create function pg_temp.approve(p_who text default 'amy') returns jsonb
language sql as $$ select tests.steered(p_who, 'approve_suggestion', quote_literal(id)) from findings $$;
create function pg_temp.reject() returns jsonb
language sql as $$ select tests.steered('amy', 'reject_suggestion', quote_literal(id)) from findings $$;
create function pg_temp.unmoved(p_verdict text) returns text
language sql as $$ select tests.unmoved('amy', p_verdict || '_suggestion', quote_literal(id)) from findings $$;

-- Before anybody decides
select is(tests.due('acme/default'), 'insufficient_data', 'findings alone call for nothing');
select is(tests.begin_update(pg_temp.reflection()), 'not_an_update', 'and no update is begun');

-- Approved: the loop writes it, although the reflection is out of the window and a newer one found nothing to do.
select tests.make_reflection('acme/default', 'none', p_age => '1 hour');
select is(pg_temp.approve(), (select jsonb_build_object('action', 'approve',
    'about', jsonb_build_object('suggestion_id', id, 'owed', true, 'blocked_by', null),
    'changed', '{"status": {"from": "pending", "to": "approved"}}'::jsonb) from findings), 'a person approves findings');
select is(pg_temp.review(), '{"status": "approved", "by": true, "at": true, "notes": "a reason", "version": null}',
  'the suggestion says who, when and why');
select is(pg_temp.unmoved('approve'), 'ok, nothing changed', 'approving it again is nothing');
select is(tests.claim('w1', 'acme/default') #> '{claim,task}',
  jsonb_build_object('update', jsonb_build_object('reflection_id', pg_temp.reflection())), 'its update is claimed');
do $$ begin perform tests.release('w1', 'acme/default'); end $$;
select is(tests.due('acme/helper'), 'insufficient_data', 'another assistant has nothing to do');
select is(tests.begin_update(pg_temp.reflection()), 'ok', 'and begun');
select is(tests.live('acme/default'), '1', 'until it is written nothing is live but what was');
create temp table other as select tests.make_suggestion('acme/helper') as id;
do $$ begin perform tests.steer('amy', 'approve_suggestion', quote_literal(id)) from other; end $$;
select is(tests.submitted(pg_temp.reflection(), 'acme/default v1'), 'submitted', 'it is submitted');
select is(pg_temp.review() ->> 'status', 'approved', 'which does not implement it yet');
do $$ begin perform tests.steer('ben', 'force_version', '3'); end $$;
select is(tests.suggestion('acme/helper', 'approved'), id, 'other findings wait for theirs') from other;
select is(pg_temp.review(), '{"status": "implemented", "by": true, "at": true, "notes": "a reason", "version": 3}',
  'once it is live the suggestion says in which version');
select is((select update_outcome || new_prompt_version from pawl.reflection_logs where id = pg_temp.reflection()), 'submitted3',
  'as does the reflection');
select is(tests.due('acme/default'), 'insufficient_data', 'it is not written again');
select is(tests.submitted(pg_temp.reflection(), 'acme/default v1'), 'submitted', 'nor submitted again');
select is(tests.live('acme/default'), '3', 'one version came of it');
select is(pg_temp.unmoved('approve'), 'ok, nothing changed', 'approving what is implemented is nothing');
select is(pg_temp.unmoved('reject'), 'already_reviewed, {"status": "implemented"}', 'and it is too late to reject it');

-- Of two that wait the older is first, and an update that the newest reflection called for comes in its turn.
update findings set id = tests.make_suggestion('acme/default', '2 hours', 3);
create temp table newest as select tests.make_reflection('acme/default', p_version => 3) as id;
do $$ begin perform pg_temp.approve(); end $$;
select is(tests.claim('w1', 'acme/default') #>> '{claim,task,update,reflection_id}', pg_temp.reflection()::text,
  'the older first');
do $$ begin perform tests.release('w1', 'acme/default'); end $$;

-- Rejected after all, while the writer is at it
select is(tests.begin_update(pg_temp.reflection()), 'ok', 'a writer is set to it');
select is(pg_temp.reject(), (select jsonb_build_object('action', 'reject', 'about', jsonb_build_object('suggestion_id', id),
    'changed', '{"status": {"from": "approved", "to": "rejected"}}'::jsonb) from findings), 'a person thinks better of it');
select is((select tests.call('service', format('select public.pawl_submit_prompt(%L, %L, ''x'', ''y'', ''z'')',
    pg_temp.reflection(), p.id)) ->> 'outcome' from pawl.system_prompts p
  where p.assistant_id = tests.id('acme/default') and p.is_active), 'not_an_update', 'what was written is not submitted');
select is(tests.begin_update(pg_temp.reflection()), 'not_an_update', 'nor begun again');
select is(tests.claim('w1', 'acme/default') #>> '{claim,task,update,reflection_id}', id::text,
  'the other one is next') from newest;
do $$ begin perform tests.release('w1', 'acme/default'); end $$;
delete from pawl.reflection_logs where id in (select id from newest);
select is(tests.due('acme/default'), 'insufficient_data', 'and then nothing');
select is(pg_temp.review(), '{"status": "rejected", "by": true, "at": true, "notes": "a reason", "version": null}',
  'the suggestion says who, when and why');
select is(pg_temp.unmoved('reject'), 'ok, nothing changed', 'rejecting it again is nothing');
select is(tests.unmoved('ben', 'reject_suggestion', quote_literal(id)), 'ok, nothing changed', 'whoever does') from findings;
select is(pg_temp.unmoved('approve'), 'already_reviewed, {"status": "rejected"}', 'a verdict is not turned');

-- Rejected before anybody approved
update findings set id = tests.make_suggestion('acme/default', '1 hour', 3);
select is(pg_temp.reject() -> 'changed', '{"status": {"from": "pending", "to": "rejected"}}',
  'a person rejects findings');
select is(tests.due('acme/default'), 'insufficient_data', 'and nothing is written');

-- What stands in the way of the loop is named, and does not stand in the way of a person.
update findings set id = tests.make_suggestion('acme/default', '1 hour', 3);
update pawl.loop_settings set updates_paused = true;
select is(pg_temp.approve() #>> '{about,blocked_by}', 'paused', 'approved while paused');
select is(tests.due('acme/default'), 'paused', 'it waits');
update pawl.loop_settings set updates_paused = false;
select is(tests.due('acme/default'), 'update', 'until the loop goes on');

-- Given up: five writers came to nothing.
update pawl.reflection_logs set update_attempts = 5 where id = pg_temp.reflection();
select is(tests.begin_update(pg_temp.reflection()), 'refused', 'what cannot be written is given up');
select is(tests.due('acme/default'), 'insufficient_data', 'and not owed any more');
create temp table escalation as select tests.suggestion('acme/default', 'pending', 'escalation') as id;
select is(tests.steered('amy', 'approve_suggestion', quote_literal(id)), jsonb_build_object('action', 'approve',
    'about', jsonb_build_object('suggestion_id', id), 'changed', '{"status": {"from": "pending", "to": "approved"}}'::jsonb),
  'the escalation is acknowledged') from escalation;
select is(tests.due('acme/default'), 'insufficient_data', 'which has nothing written');
select is(tests.unmoved('amy', 'approve_suggestion', quote_literal(id)), 'ok, nothing changed', 'once') from escalation;

-- A note on behaviour calls for no version either.
update findings set id = tests.make_suggestion('acme/default', '1 hour', 3, 'behavior_note');
select is(pg_temp.approve() -> 'about', jsonb_build_object('suggestion_id', id),
  'a note is acknowledged') from findings;
select is(tests.due('acme/default'), 'insufficient_data', 'and that is all');
select is(tests.begin_update(pg_temp.reflection()), 'not_an_update', 'no writer is set to it');

-- A version that a person wrote, laid before another without any reflection
do $$ begin perform tests.steer('amy', 'write_prompt', '''By hand'''); end $$;
insert into pawl.suggestions (id, assistant_id, suggestion_type, priority, title, description, prompt_id)
  select tests.id('by hand'), assistant_id, 'prompt_change', 'low', 'By hand', 'Look at it', id from pawl.system_prompts
  where assistant_id = tests.id('acme/default') and version = 4;
select is(tests.steered('ben', 'approve_suggestion', quote_literal(tests.id('by hand'))) #> '{changed,live_version}',
  '{"from": 3, "to": 4}', 'goes live as well');
do $$ begin perform tests.steer('amy', 'rollback_prompt'); end $$;

-- About a version that is no longer live
update findings set id = tests.make_suggestion('acme/default', '1 hour', 3);
do $$ begin perform tests.steer('amy', 'activate_prompt', '2'); end $$;
select is(pg_temp.unmoved('approve'), 'superseded, {"live_version": 2}',
  'findings on a version that has been replaced');
do $$ begin perform tests.steer('amy', 'activate_prompt', '3'), pg_temp.approve(), tests.steer('amy', 'activate_prompt', '2'); end $$;
select is(tests.due('acme/default'), 'insufficient_data', 'approved and then replaced');
select is(tests.begin_update(pg_temp.reflection()), 'superseded', 'they are no longer written');
do $$ begin perform tests.steer('amy', 'activate_prompt', '3'); end $$;
select is(tests.due('acme/default'), 'update', 'unless it is live at the moment of the approval');
update pawl.suggestions set reviewed_at = now() - interval '1 second' where status = 'approved';
select is(tests.due('acme/default'), 'insufficient_data', 'and no longer when it comes back later');
update pawl.system_prompts set state = 'retired' where is_active and assistant_id = tests.id('acme/default');
update findings set id = tests.make_suggestion('acme/default', '1 hour', 3);
select is(pg_temp.unmoved('approve'), 'superseded, {"live_version": null}', 'nor where nothing is live');
select is(pg_temp.reject() -> 'changed', '{"status": {"from": "pending", "to": "rejected"}}',
  'rejecting them is always possible');

-- What there is not, and who is not told
select is(tests.unmoved(who, verdict || '_suggestion', quote_literal(tests.id('nothing'))), 'suggestion_not_found',
  format('%s: %s what is not there', who, verdict))
from unnest('{amy,stranger}'::text[]) who, unnest('{approve,reject}'::text[]) verdict;
select is(tests.unmoved('amy', verdict || '_suggestion', 'null'), 'suggestion_not_found', verdict || ' nothing')
from unnest('{approve,reject}'::text[]) verdict;

select * from finish();
rollback;
