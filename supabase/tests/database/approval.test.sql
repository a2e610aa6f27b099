-- Approval mode: what the loop writes is laid before a person, and nothing goes live without one.
begin;
select plan(74);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_assistant('acme/helper');
select tests.make_member('amy', 'acme', 'admin');
create temp table asked (id uuid);
-- The newest reflection.
create function pg_temp.ask(p_version integer default 1) returns void
language sql
as $$
  delete from asked;
  insert into asked select tests.make_reflection('acme/default', p_version => p_version,
    p_age => interval '1 hour' - count(*) * interval '1 millisecond') from pawl.reflection_logs;
$$;
create function pg_temp.publish(p_content text default 'Better') returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_publish_prompt(%L, %L, %L, ''It was curt'', ''rewriter'')',
    asked.id, p.id, p_content))
  from asked, pawl.system_prompts p where p.assistant_id = tests.id('acme/default') and p.is_active
$$;
create function pg_temp.pending() returns uuid language sql as $$ select tests.suggestion('acme/default', 'pending') $$;
create function pg_temp.approve() returns jsonb
language sql as $$ select tests.steered('amy', 'approve_suggestion', quote_literal(pg_temp.pending())) $$;
create function pg_temp.log() returns text
language sql
as $$
  select concat_ws(' ', update_outcome, new_prompt_version) from pawl.reflection_logs join asked using (id)
$$;

-- On
select is(tests.steered('amy', 'require_approval'),
  '{"action": "require_approval", "about": {}, "changed": {"approval_required": {"from": false, "to": true}}}',
  'a person takes the last word');
select is(tests.unmoved('amy', 'require_approval'), 'ok, nothing changed', 'again is nothing');
select is(tests.unmoved('amy', 'require_approval', 'null'), 'ok, nothing changed', 'neither yes nor no is yes');
select is((select approval_required from pawl.loop_settings where assistant_id = tests.id('acme/helper')), false,
  'another assistant is not asked about');

-- Proposed
select pg_temp.ask();
select is(tests.due('acme/default'), 'update', 'an update that a reflection called for is claimed');
select is(tests.begin_update(id), 'ok', 'and begun as ever') from asked;
create temp table said as select pg_temp.publish('Better') as result;
create temp table proposal as select pg_temp.pending() as id;
select is(result, jsonb_build_object('outcome', 'proposed', 'new_version', 3, 'previous_version', 1, 'change_reason',
  'It was curt', 'suggestion_id', proposal.id), 'what is written is proposed') from said, proposal;
select is(tests.live('acme/default'), '1', 'and not live');
select results_eq(
  $$select content, created_by, is_active, activated_at, previous_version_id, reflection_log_id, change_reason
    from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = 3$$,
  $$select 'Better', 'system', false, null::timestamptz, tests.id('acme/default v1'), id, 'It was curt' from asked$$,
  'a draft');
select results_eq(
  $$select s.reflection_log_id, suggestion_type, priority, title, description, p.version, status, reviewed_by, reviewed_at,
           review_notes, implemented_in_version
    from pawl.suggestions s join pawl.system_prompts p on p.id = s.prompt_id where s.assistant_id = tests.id('acme/default')$$,
  $$select id, 'prompt_change', 'high', 'Version 3 waits for approval', 'It was curt', 3, 'pending', null::uuid,
           null::timestamptz, null, null::integer from asked$$, 'with a suggestion');
select is(pg_temp.log(), 'proposed 3', 'the reflection says so');
select is((select suggestion_id from pawl.reflection_logs join asked using (id)), id, 'and names it') from proposal;
select results_eq('select actor, actor_id, action, detail, reason from pawl.audit_log order by id desc limit 1',
  $$select 'loop', null::uuid, 'propose', jsonb_build_object('reflection_id', asked.id, 'suggestion_id', proposal.id,
      'version', 3, 'changed', '{"status": {"from": null, "to": "pending"}}'::jsonb), 'It was curt' from asked, proposal$$,
  'the record says that the loop did, and why');
select is((select count(*)::int from pawl.audit_log where actor = 'loop'), 1, 'once');
select is(pg_temp.publish('Another'), result, 'publishing again answers the same') from said;
select is(tests.call('service', format('select public.pawl_begin_update(%L)', asked.id)), result, 'as does beginning')
  from asked, said;
select is(tests.call('service', format('select public.pawl_refuse_update(%L, ''x'')', asked.id)),
  '{"outcome": "proposed"}', 'giving up comes too late')
  from asked;
select is((select max(version) from pawl.system_prompts where assistant_id = tests.id('acme/default')), 3,
  'nothing is written');
select is(tests.due('acme/default'), 'insufficient_data', 'it is not owed any more');

-- While one waits there is no second
select pg_temp.ask();
select is(tests.due('acme/default'), 'insufficient_data', 'a newer reflection''s update is not claimed');
select is(tests.begin_update(id), 'skipped awaiting_approval', 'nor begun') from asked;
select is(pg_temp.publish() ->> 'reason', 'awaiting_approval', 'nor published');
update pawl.loop_settings set min_conversations = 1, reflect_every_hours = 0 where assistant_id = tests.id('acme/default');
select tests.make_answers('acme/default', 1);
select is(tests.due('acme/default'), 'judge', 'but there is judging');
select is(tests.outcome('amy', 'select public.pawl_pause_updates()'), 'ok', 'a pause');
select is(tests.begin_update(id), 'skipped paused', 'is named before it') from asked;
select is(tests.outcome('amy', 'select public.pawl_resume_updates()'), 'ok', 'and ends');
update pawl.loop_settings set max_updates_per_day = 1 where assistant_id = tests.id('acme/default');
select is(tests.begin_update(id), 'skipped awaiting_approval', 'the cap after it') from asked;
update pawl.loop_settings set max_updates_per_day = 9 where assistant_id = tests.id('acme/default');

do $$ begin perform tests.steer('amy', 'require_approval', 'false'); end $$;
select is(tests.begin_update(id), 'ok', 'nothing waits for a person who gave the last word back') from asked;
do $$ begin perform tests.steer('amy', 'require_approval'), tests.steer('amy', 'require_approval', 'p_assistant => ''helper'''); end $$;
select is(tests.begin_update(tests.make_reflection('acme/helper')), 'ok', 'nor does another assistant');

-- Approved
select is(pg_temp.approve(), jsonb_build_object('action', 'approve', 'about', jsonb_build_object('suggestion_id', id,
    'version', 3), 'changed', '{"status": {"from": "pending", "to": "implemented"}, "live_version": {"from": 1, "to": 3}}'::jsonb),
  'a person approves') from proposal;
select is(tests.live('acme/default'), '3', 'and it is live, alone');
select results_eq(
  $$select status, reviewed_by, reviewed_at, review_notes, implemented_in_version from pawl.suggestions join proposal using (id)$$,
  $$values ('implemented', tests.id('amy'), now(), 'a reason', 3)$$,
  'the suggestion says who, when, why and in which version');
select results_eq(
  $$select update_outcome, new_prompt_version from pawl.reflection_logs where suggestion_id = (select id from proposal)$$,
  $$values ('published', 3)$$, 'the reflection says that it was published');
select is((select activated_at from pawl.system_prompts where assistant_id = tests.id('acme/default') and is_active), now(),
  'live from this moment on');
select pg_temp.ask(3);
select is(tests.begin_update(id), 'skipped cooldown', 'the cooldown begins') from asked;
select is(tests.unmoved('amy', 'approve_suggestion', quote_literal(id)), 'ok, nothing changed',
  'approving again is nothing')
  from proposal;
select is(tests.unmoved('amy', 'reject_suggestion', quote_literal(id)), 'already_reviewed, {"status": "implemented"}',
  'and rejecting too late') from proposal;
select is(tests.steered('amy', 'rollback_prompt') -> 'changed', '{"live_version": {"from": 3, "to": 1}}',
  'a person goes back');
select tests.age_changes('acme/default', '7 hours'), pg_temp.ask();
select is(tests.begin_update(id), 'ok', 'and what was approved before keeps no other waiting') from asked;
do $$ begin perform tests.steer('amy', 'activate_prompt', '3'), pg_temp.ask(3); end $$;

-- Rejected
select tests.age_changes('acme/default', '7 hours');
select is(pg_temp.publish('Better still') ->> 'outcome', 'proposed', 'the next proposal');
update proposal set id = pg_temp.pending();
select is(tests.steered('amy', 'reject_suggestion', quote_literal(id)), jsonb_build_object('action', 'reject', 'about',
    jsonb_build_object('suggestion_id', id), 'changed', '{"status": {"from": "pending", "to": "rejected"}}'::jsonb),
  'a person rejects') from proposal;
select is(tests.live('acme/default'), '3', 'nothing goes live');
select is(pg_temp.log(), 'refused 4', 'the reflection says so');
select is(tests.due('acme/default'), 'insufficient_data', 'it is not written again');
select is(pg_temp.publish() ->> 'outcome', 'refused', 'nor published');
select is(tests.unmoved('amy', 'approve_suggestion', quote_literal(id)), 'already_reviewed, {"status": "rejected"}',
  'nor approved after that') from proposal;

select is(tests.steered('amy', 'activate_prompt', '4') -> 'changed', '{"live_version": {"from": 3, "to": 4}}',
  'although its number is one to make live');
select is((select status from pawl.suggestions join proposal using (id)) || ' ' || pg_temp.log(), 'rejected refused 4',
  'and the verdict on it stands');
do $$ begin perform tests.steer('amy', 'activate_prompt', '3'); end $$;
select tests.age_changes('acme/default', '7 hours');

-- Another version went live meanwhile
select pg_temp.ask(3);
select is(pg_temp.publish('Better again') ->> 'outcome', 'proposed', 'with none waiting there may be one again');
do $$ begin perform tests.steer('amy', 'activate_prompt', '2'); end $$;
select is(tests.unmoved('amy', 'approve_suggestion', quote_literal(pg_temp.pending())), 'superseded, {"live_version": 2}',
  'a proposal for a version that has been replaced');
select tests.age_changes('acme/default', '7 hours');
create temp table on_two as select tests.make_reflection('acme/default', p_version => 2) as id;
select is(tests.begin_update(id), 'ok', 'keeps no other waiting') from on_two;
do $$ begin perform tests.steer('amy', 'protect_clauses', '''{Never swear.}'''), tests.steer('amy', 'rollback_prompt', '3'); end $$;
select is(tests.unmoved('amy', 'approve_suggestion', quote_literal(pg_temp.pending())), 'clauses_missing, {"clauses": [1]}',
  'nor does one go live without a clause protected since');
do $$ begin perform tests.steer('amy', 'protect_clauses', '''{}'''); end $$;

-- Made live by its number: it has been approved by that.
update proposal set id = pg_temp.pending();
select is(tests.steered('amy', 'activate_prompt', '5') -> 'changed',
  '{"live_version": {"from": 3, "to": 5}, "status": {"from": "pending", "to": "implemented"}}',
  'a proposal is made live by its number');
select results_eq(
  $$select status, reviewed_by, reviewed_at, review_notes, implemented_in_version from pawl.suggestions join proposal using (id)$$,
  $$values ('implemented', tests.id('amy'), now(), 'a reason', 5)$$, 'and waits no longer');
select is(pg_temp.log(), 'published 5', 'as its reflection says');

-- Findings that a person approved are proposed as well, and decided by the verdict on what was written.
create function pg_temp.propose_findings() returns uuid
language plpgsql
as $$
declare
  v_live integer := tests.live('acme/default')::integer;
  v_findings uuid := tests.make_suggestion('acme/default', p_version => v_live);
begin
  perform tests.age_changes('acme/default', '7 hours'), tests.steer('amy', 'approve_suggestion', quote_literal(v_findings));
  delete from asked;
  insert into asked select reflection_log_id from pawl.suggestions where id = v_findings;
  perform pg_temp.publish('As they said');
  return v_findings;
end
$$;
create temp table findings as select pg_temp.propose_findings() as id;
create function pg_temp.found() returns text
language sql as $$ select concat_ws(' ', status, implemented_in_version) from pawl.suggestions join findings using (id) $$;
select is(pg_temp.log(), 'proposed 6', 'findings become a proposal');
select is(pg_temp.found(), 'approved', 'they stay approved');
select is(tests.due('acme/default'), 'insufficient_data', 'and are not written twice');
select is(pg_temp.approve() -> 'changed', '{"status": {"from": "pending", "to": "implemented"},
  "live_version": {"from": 5, "to": 6}}', 'approved');
select is(pg_temp.found(), 'implemented 6', 'the findings are implemented, too');
update findings set id = pg_temp.propose_findings();
select is(tests.steered('amy', 'reject_suggestion', quote_literal(id)) -> 'changed',
  '{"status": {"from": "approved", "to": "rejected"}}', 'findings rejected after all') from findings;
select is(pg_temp.log(), 'proposed 7', 'leave what was made of them to a verdict of its own');
select is(pg_temp.approve() -> 'about' -> 'version', '7', 'which may be to approve');
select is(pg_temp.found(), 'rejected', 'without a word on the findings');

-- Off
select is(tests.steered('amy', 'require_approval', 'false'),
  '{"action": "waive_approval", "about": {}, "changed": {"approval_required": {"from": true, "to": false}}}',
  'a person gives the last word back');
select is(tests.unmoved('amy', 'require_approval', 'false'), 'ok, nothing changed', 'again is nothing');
select tests.age_changes('acme/default', '7 hours'), pg_temp.ask(7);
select is(pg_temp.publish('By itself') ->> 'outcome', 'published', 'and the loop publishes by itself');
select is((select count(*)::int from pawl.suggestions where status = 'pending'), 0, 'with nothing to approve');

-- Nothing of it stands in the way of deleting, and the record stays.
do $$ begin perform tests.steer('amy', 'require_approval'), tests.age_changes('acme/default', '7 hours'), pg_temp.ask(8); end $$;
select is(pg_temp.publish('Waiting') ->> 'outcome', 'proposed', 'one waits');
create temp table records as select count(*)::int as number from pawl.audit_log;
select lives_ok($$delete from pawl.users where id = tests.id('amy'); set constraints all immediate$$, 'a person goes');
select is((select count(*)::int from pawl.suggestions where reviewed_by is null and reviewed_at is not null), 7,
  'their verdicts stay, without them');
set constraints all deferred;
select lives_ok($$delete from pawl.assistants where id = tests.id('acme/default'); set constraints all immediate$$,
  'an assistant goes');
set constraints all deferred;
select lives_ok($$delete from pawl.organizations where id = tests.id('acme'); set constraints all immediate$$,
  'an organisation goes');
select is((select count(*)::int from pawl.audit_log), number, 'and every record is there') from records;

select * from finish();
rollback;
