-- Approval mode: what the loop writes is laid before a person, and is neither shown to people nor live without one. What is
-- approved has to prove itself all the same.
begin;
select plan(96);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_assistant('acme/helper');
select tests.make_member('amy', 'acme', 'admin'), tests.make_member('ben', 'acme', 'admin');
create temp table asked (id uuid);
-- The newest reflection.
create function pg_temp.ask(p_version integer default 1) returns void
language sql
as $$
  delete from asked;
  insert into asked select tests.make_reflection('acme/default', p_version => p_version,
    p_age => interval '1 hour' - count(*) * interval '1 millisecond') from pawl.reflection_logs;
$$;
create function pg_temp.submit(p_content text default 'Better') returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_submit_prompt(%L, %L, %L, ''It was curt'', ''rewriter'')',
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
-- A version's state, and since when and by whom it is approved.
create function pg_temp.version(p_version integer) returns text
language sql
as $$
  select concat_ws(', ', state, case when approved_at = now() then 'approved now' when approved_at is not null then 'approved' end,
    case approved_by when tests.id('amy') then 'by amy' end)
  from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = p_version
$$;
-- How the test of the newest version stands.
create function pg_temp.test() returns text
language sql
as $$
  select concat_ws(' ', t.state, t.reason, t.held)
  from pawl.prompt_tests t join pawl.system_prompts c on c.id = t.candidate_id
  where t.assistant_id = tests.id('acme/default') order by c.version desc limit 1
$$;

-- On
select is(tests.steered('amy', 'require_approval'),
  '{"action": "require_approval", "about": {}, "changed": {"approval_required": {"from": false, "to": true}}}',
  'a person takes the last word');
select is(tests.unmoved('amy', 'require_approval'), 'ok, nothing changed', 'again is nothing');
select is(tests.unmoved('amy', 'require_approval', 'null'), 'ok, nothing changed', 'neither yes nor no is yes');
select is((select approval_required from pawl.loop_settings where assistant_id = tests.id('acme/helper')), false,
  'another assistant is not asked about');

-- Submitted
select pg_temp.ask();
select is(tests.due('acme/default'), 'update', 'an update that a reflection called for is claimed');
select is(tests.begin_update(id), 'ok', 'and begun as ever') from asked;
create temp table said as select pg_temp.submit('Better') as result;
create temp table proposal as select pg_temp.pending() as id;
select is(result, jsonb_build_object('outcome', 'submitted', 'new_version', 3, 'previous_version', 1, 'change_reason',
  'It was curt', 'suggestion_id', proposal.id), 'what is written is laid before a person at once') from said, proposal;
select is(tests.live('acme/default'), '1', 'and not live');
select results_eq(
  $$select content, created_by, state, activated_at, approved_at, previous_version_id, reflection_log_id, change_reason
    from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = 3$$,
  $$select 'Better', 'system', 'screening', null::timestamptz, null::timestamptz, tests.id('acme/default v1'), id, 'It was curt'
    from asked$$, 'in test, meanwhile');
select results_eq(
  $$select s.reflection_log_id, suggestion_type, priority, title, description, p.version, status, reviewed_by, reviewed_at,
           review_notes, implemented_in_version
    from pawl.suggestions s join pawl.system_prompts p on p.id = s.prompt_id where s.assistant_id = tests.id('acme/default')$$,
  $$select id, 'prompt_change', 'high', 'Version 3 waits for approval', 'It was curt', 3, 'pending', null::uuid,
           null::timestamptz, null, null::integer from asked$$, 'with a suggestion');
select is(pg_temp.log(), 'submitted 3', 'the reflection says so');
select is((select suggestion_id from pawl.reflection_logs join asked using (id)), id, 'and names it') from proposal;
select results_eq('select actor, actor_id, action, detail, reason from pawl.audit_log order by id desc limit 1',
  $$select 'loop', null::uuid, 'submit', jsonb_build_object('reflection_id', asked.id, 'suggestion_id', proposal.id,
      'version', 3, 'changed', '{"state": {"from": null, "to": "screening"}}'::jsonb), 'It was curt' from asked, proposal$$,
  'the record says that the loop did, and why');
select is((select count(*)::int from pawl.audit_log where actor = 'loop'), 1, 'once');
select is(pg_temp.submit('Another'), result, 'submitting again answers the same') from said;
select is(tests.call('service', format('select public.pawl_begin_update(%L)', asked.id)), result, 'as does beginning')
  from asked, said;
select is(tests.call('service', format('select public.pawl_refuse_update(%L, ''x'')', asked.id)),
  '{"outcome": "submitted"}', 'giving up comes too late')
  from asked;
select is((select max(version) from pawl.system_prompts where assistant_id = tests.id('acme/default')), 3,
  'nothing is written');
select is(tests.due('acme/default'), 'insufficient_data', 'it is not owed any more');

-- While one waits there is no second
select pg_temp.ask();
select tests.hold('acme/default', 'awaiting_approval');
select is(tests.due('acme/default'), 'insufficient_data', 'a newer reflection''s update is not claimed');
select is(tests.begin_update(id), 'skipped in_proof', 'nor begun') from asked;
select is(pg_temp.submit() ->> 'reason', 'in_proof', 'nor submitted');
update pawl.loop_settings set min_conversations = 1, reflect_every_hours = 0 where assistant_id = tests.id('acme/default');
select tests.make_answers('acme/default', 1);
select is(tests.due('acme/default'), 'judge', 'but there is judging');
select is(tests.outcome('amy', 'select public.pawl_pause_updates()'), 'ok', 'a pause');
select is(tests.begin_update(id), 'skipped paused', 'is named before it') from asked;
select is(tests.outcome('amy', 'select public.pawl_resume_updates()'), 'ok', 'and ends');
update pawl.loop_settings set max_updates_per_day = 1 where assistant_id = tests.id('acme/default');
select is(tests.begin_update(id), 'skipped in_proof', 'the cap after it') from asked;
update pawl.loop_settings set max_updates_per_day = 9 where assistant_id = tests.id('acme/default');
do $$ begin perform tests.steer('amy', 'require_approval', 'p_assistant => ''helper'''); end $$;
select is(tests.begin_update(tests.make_reflection('acme/helper')), 'ok', 'another assistant does not wait for it');

-- Approved: it may be shown to people; it is not live for that.
select is(pg_temp.approve(), jsonb_build_object('action', 'approve', 'about', jsonb_build_object('suggestion_id', id,
    'version', 3), 'changed', '{"status": {"from": "pending", "to": "approved"}, "approved": {"from": false, "to": true}}'::jsonb),
  'a person approves') from proposal;
select is(pg_temp.version(3), 'proving, approved now, by amy', 'who did and when stands with the version');
select is(tests.live('acme/default'), '1', 'which has to prove itself all the same');
select is(pg_temp.test(), 'proving', 'and is held up no longer');
select results_eq(
  $$select status, reviewed_by, reviewed_at, review_notes, implemented_in_version from pawl.suggestions join proposal using (id)$$,
  $$values ('approved', tests.id('amy'), now(), 'a reason', null::integer)$$,
  'the suggestion says who, when and why');
select is(tests.unmoved('ben', 'approve_suggestion', quote_literal(id)), 'ok, nothing changed',
  'approving again is nothing')
  from proposal;
select is(tests.unmoved('ben', 'approve_version', '3'), 'ok, nothing changed', 'nor by its number');
select is(pg_temp.version(3), 'proving, approved now, by amy', 'it was approved by who did first');

-- Rejected after all
select is(tests.steered('amy', 'reject_suggestion', quote_literal(id)), jsonb_build_object('action', 'reject', 'about',
    jsonb_build_object('suggestion_id', id, 'version', 3),
    'changed', '{"status": {"from": "approved", "to": "rejected"}, "state": {"from": "proving", "to": "rejected"}}'::jsonb),
  'a person thinks better of it') from proposal;
select is(pg_temp.version(3), 'rejected', 'the version is rejected, and approved no more');
select is(pg_temp.test(), 'closed by_hand', 'its test is over');
select is((select count(*)::int from pawl.promotion_receipts), 0, 'without a receipt: nothing was proved or disproved');
select is(tests.live('acme/default'), '1', 'nothing goes live');
select is(tests.unmoved('amy', 'reject_suggestion', quote_literal(id)), 'ok, nothing changed', 'again is nothing')
  from proposal;
select is(tests.unmoved('amy', 'reject_version', '3'), 'ok, nothing changed', 'nor by its number');
select is(tests.unmoved('amy', 'approve_suggestion', quote_literal(id)), 'already_reviewed, {"status": "rejected"}',
  'nor is it approved after that') from proposal;
select is(tests.unmoved('amy', 'approve_version', '3'), 'test_not_found', 'by its number neither');
delete from pawl.reflection_logs where id = (select id from asked);
select is(tests.due('acme/default', ', p_dry_run => true'), 'judge', 'it is not written again');

-- Proved, and waiting for a person alone: approving it makes it live in the same moment.
delete from pawl.messages where session_id = tests.id('acme/default answer 1 session') and role = 'assistant';
do $$ begin perform pg_temp.ask(), pg_temp.submit('Better still'), tests.hold('acme/default', 'awaiting_approval', true); end $$;
update proposal set id = pg_temp.pending();
select is(tests.live('acme/default'), '1', 'what is proved waits');
create temp table approval as
  select tests.call('amy', format('select public.pawl_approve_suggestion(%L, ''good'')', id)) as answer from proposal;
select is(answer - '{audit_id,about}'::text[], '{"outcome": "ok", "action": "approve", "assistant": "default", "changed":
    {"status": {"from": "pending", "to": "implemented"}, "approved": {"from": false, "to": true}}}',
  'approved') from approval;
select is(answer -> 'about' ? 'receipt_id', true, 'there is a receipt of what it was promoted by') from approval;
select is(tests.live('acme/default'), '4', 'and it is live, alone');
select is(pg_temp.test(), 'promoted better', 'by its proof');
select results_eq(
  $$select status, reviewed_by, reviewed_at, review_notes, implemented_in_version from pawl.suggestions join proposal using (id)$$,
  $$values ('implemented', tests.id('amy'), now(), 'good', 4)$$,
  'the suggestion says who, when, why and in which version');
select is(pg_temp.log(), 'submitted 4', 'the reflection says what was submitted');
select results_eq('select actor, action from pawl.audit_log order by id desc limit 2',
  $$values ('person', 'approve'), ('loop', 'promote')$$, 'the record says what the person did, and what the proof did');
select is((select activated_at from pawl.system_prompts where assistant_id = tests.id('acme/default') and is_active), now(),
  'live from this moment on');
select pg_temp.ask(4);
select is(tests.begin_update(id), 'skipped cooldown', 'the cooldown begins') from asked;
select is(tests.unmoved('amy', verdict || '_suggestion', quote_literal(id)), said, verdict || ' too late')
from proposal, (values ('approve', 'ok, nothing changed'), ('reject', 'already_reviewed, {"status": "implemented"}'))
  v (verdict, said);
select is(tests.unmoved('amy', 'approve_version', '4'), 'ok, nothing changed', 'by its number, too');
select is(tests.unmoved('amy', 'reject_version', '4'), 'test_not_found', 'what is live is rolled back, not rejected');
select is(tests.steered('amy', 'rollback_prompt') -> 'changed', '{"live_version": {"from": 4, "to": 1}}',
  'a person goes back');
select is(pg_temp.version(4), 'rolled_back, approved now, by amy', 'and the version says so');

-- Proved, approved, and held up by something else
select tests.age_changes('acme/default', '7 hours');
do $$ begin perform pg_temp.ask(), pg_temp.submit('Best'), tests.hold('acme/default', 'awaiting_approval', true),
  tests.steer('amy', 'pause_updates'); end $$;
select is(tests.steered('amy', 'approve_version', '5'), jsonb_build_object('action', 'approve',
    'about', jsonb_build_object('version', 5, 'held', 'paused', 'suggestion_id', g.id),
    'changed', '{"status": {"from": "pending", "to": "approved"}, "approved": {"from": false, "to": true}}'::jsonb),
  'a pause still holds up what is approved by its number')
from (select tests.suggestion('acme/default', 'pending') as id) g;
select is(tests.live('acme/default') || ' ' || pg_temp.test(), '1 proving paused', 'so it waits on');
do $$ begin perform tests.steer('amy', 'resume_updates'); end $$;
select is(tests.steered('amy', 'reject_version', '5') -> 'about' ->> 'version', '5', 'a person rejects it by its number');
select is((select status from pawl.suggestions where prompt_id in (
    select id from pawl.system_prompts where version = 5 and assistant_id = tests.id('acme/default'))), 'rejected',
  'and its suggestion with it');

-- A clause protected since
do $$ begin perform pg_temp.ask(), pg_temp.submit('Better once more'), tests.steer('amy', 'protect_clauses', '''{Never swear.}'''); end $$;
select is(tests.unmoved('amy', 'approve_suggestion', quote_literal(pg_temp.pending())), 'clauses_missing, {"clauses": [1]}',
  'none is approved without it');
select is(tests.unmoved('amy', 'approve_version', '6'), 'clauses_missing, {"clauses": [1]}', 'nor by its number');
do $$ begin perform tests.steer('amy', 'protect_clauses', '''{}'''); end $$;

-- Another version goes live meanwhile: its test has lost what it compared with.
update proposal set id = pg_temp.pending();
do $$ begin perform tests.steer('amy', 'activate_prompt', '2'); end $$;
select is(pg_temp.test(), 'closed baseline_changed', 'another version is live');
select is(pg_temp.version(6), 'rejected', 'what was to beat the one before is rejected');
select is((select status from pawl.suggestions join proposal using (id)), 'rejected', 'and waits for nobody');

-- Its test ended undecided (its judge was replaced): it is a draft, and there is nothing to approve until it is tested
-- again.
select tests.age_changes('acme/default', '7 hours');
do $$ begin perform pg_temp.ask(2), pg_temp.submit('Undecided'), pawl.close_test(tests.id('acme/default'), 'judge_changed'); end $$;
select is(pg_temp.version(7), 'draft', 'a test that ends undecided leaves a draft');
update proposal set id = pg_temp.pending();
select is(tests.unmoved('amy', 'approve_suggestion', quote_literal(id)), 'test_not_found', 'which is not approved') from proposal;
select is(tests.unmoved('amy', 'activate_prompt', '7'), 'not_proved', 'nor made live');
select pg_temp.ask(2);
select is(tests.begin_update(id), 'ok', 'and keeps no other waiting') from asked;
select is(tests.steered('amy', 'test_version', '7') -> 'changed', '{"state": {"from": "draft", "to": "screening"}}',
  'until a person has it tested again');
select is(pg_temp.approve() -> 'changed' -> 'approved', '{"from": false, "to": true}', 'then it is');
do $$ begin perform pawl.close_test(tests.id('acme/default'), 'judge_changed'); end $$;
select is(tests.steered('amy', 'reject_suggestion', quote_literal(id)) -> 'changed',
  '{"status": {"from": "approved", "to": "rejected"}}', 'and rejected, in test or not') from proposal;
select is(pg_temp.version(7), 'rejected', 'with its version');

-- Findings that a person approved are submitted as well, and implemented when what was written is live.
create function pg_temp.submit_findings() returns uuid
language plpgsql
as $$
declare
  v_live integer := tests.live('acme/default')::integer;
  v_findings uuid := tests.make_suggestion('acme/default', p_version => v_live);
begin
  perform tests.age_changes('acme/default', '25 hours'), tests.steer('amy', 'approve_suggestion', quote_literal(v_findings));
  delete from asked;
  insert into asked select reflection_log_id from pawl.suggestions where id = v_findings;
  perform pg_temp.submit('As they said in ' || v_findings);
  return v_findings;
end
$$;
create temp table findings as select pg_temp.submit_findings() as id;
create function pg_temp.found() returns text
language sql as $$ select concat_ws(' ', status, implemented_in_version) from pawl.suggestions join findings using (id) $$;
select is(pg_temp.log(), 'submitted 8', 'findings are submitted');
select is(pg_temp.found(), 'approved', 'they stay approved');
select is(tests.due('acme/default'), 'insufficient_data', 'and are not written twice');
do $$ begin perform pg_temp.approve(), tests.steer('amy', 'force_version', '8'); end $$;
select is(pg_temp.found(), 'implemented 8', 'the findings are implemented with what was written');
update findings set id = pg_temp.submit_findings();
select is(tests.steered('amy', 'reject_suggestion', quote_literal(id)) -> 'changed',
  '{"status": {"from": "approved", "to": "rejected"}}', 'findings rejected after all') from findings;
select is(pg_temp.log() || ', ' || pg_temp.version(9), 'submitted 9, screening',
  'leave what was made of them to a verdict of its own');
select is(pg_temp.approve() -> 'about' -> 'version', '9', 'which may be to approve');
select is(pg_temp.found(), 'rejected', 'without a word on the findings');
do $$ begin perform tests.steer('amy', 'force_version', '9'); end $$;

-- Off
select is(tests.steered('amy', 'require_approval', 'false'),
  '{"action": "waive_approval", "about": {}, "changed": {"approval_required": {"from": true, "to": false}}}',
  'a person gives the last word back');
select is(tests.unmoved('amy', 'require_approval', 'false'), 'ok, nothing changed', 'again is nothing');
select tests.age_changes('acme/default', '25 hours'), pg_temp.ask(9);
select is(pg_temp.submit('By itself') ? 'suggestion_id', false, 'and the loop asks nobody');
select is((select count(*)::int from pawl.suggestions where status = 'pending'), 0, 'there is nothing to approve');

-- Nothing of it stands in the way of deleting, and the record stays.
create temp table records as select count(*)::int as number from pawl.audit_log;
select lives_ok($$delete from pawl.users where id = tests.id('amy'); set constraints all immediate$$, 'a person goes');
select is((select count(*)::int from pawl.system_prompts where approved_at is not null and approved_by is not null), 0,
  'what they approved stays approved, without them');
set constraints all deferred;
select lives_ok($$delete from pawl.assistants where id = tests.id('acme/default'); set constraints all immediate$$,
  'an assistant goes');
set constraints all deferred;
select lives_ok($$delete from pawl.organizations where id = tests.id('acme'); set constraints all immediate$$,
  'an organisation goes');
select is((select count(*)::int from pawl.audit_log), number, 'and every record is there') from records;

select * from finish();
rollback;
