-- A reflection's update becomes the next version, and is put to its test: nothing goes live by being written.
begin;
select plan(51);

select tests.make_assistant('acme/default'), tests.make_answers('acme/default', 2), tests.make_version('acme/default', 5);
select tests.make_member('ann', 'acme'), tests.make_member('amy', 'acme', 'admin');
create temp table reflection as select tests.make_reflection('acme/default', p_age => '1 minute') as id;
insert into pawl.message_evaluations (message_id, reflection_log_id, prompt_id, overall)
  select tests.id('acme/default answer ' || n), id, tests.id('acme/default v1'), 2 from reflection, generate_series(1, 2) n;
update pawl.loop_settings set protected_clauses = '{"Never swear."}', rewriter_model = 'rewriter'
  where assistant_id = tests.id('acme/default');
create function pg_temp.reflection() returns uuid language sql as $$ select id from reflection $$;
create function pg_temp.begin_update(p_reflection uuid) returns jsonb
language sql as $$ select tests.call('service', format('select public.pawl_begin_update(%L)', p_reflection)) $$;
-- The outcome, with a remark should anything be written.
create function pg_temp.unsubmitted(p_reflection uuid, p_parent text) returns text
language plpgsql
as $$
declare
  v_before text := tests.stored();
  v_result jsonb := tests.submit(p_reflection, p_parent);
begin
  return concat_ws(' ', v_result ->> 'outcome', v_result ->> 'reason',
                   case when tests.stored() <> v_before then '(and something was written)' end);
end
$$;

-- Only the secret key
select is(tests.refusal(who, format(sql, pg_temp.reflection(), tests.id('acme/default v1'))), 'permission denied',
          who || ' may not ' || what)
from unnest('{anon,ann,amy}'::text[]) who, (values
  ('begin an update', 'select public.pawl_begin_update(%L)'),
  ('submit', 'select public.pawl_submit_prompt(%L, %L, ''x'', ''y'', ''z'')')) v (what, sql);

-- What the writer is given
select is(pg_temp.begin_update(tests.id('nothing')) ->> 'outcome', 'reflection_not_found', 'an unknown reflection');
select is(pg_temp.begin_update(tests.make_reflection('acme/default', action, p_age => '1 hour')) ->> 'outcome',
          'not_an_update', 'a reflection whose action was ' || action)
from unnest('{none,log_only,suggestion,rollback}'::text[]) action;
select is(pg_temp.begin_update(pg_temp.reflection()) - 'user_messages', jsonb_build_object(
  'outcome', 'ok', 'prompt_id', tests.id('acme/default v1'), 'prompt_version', 1,
  'current_prompt', 'Prompt 1 of acme/default', 'strengths', '["kind"]'::jsonb, 'weaknesses', '["curt"]'::jsonb,
  'patterns', '["short questions"]'::jsonb, 'protected_clauses', '["Never swear."]'::jsonb,
  'rewriter_model', 'rewriter'), 'the live prompt, what to mend and what to keep');
select is((select string_agg(m, ', ' order by m) from jsonb_array_elements_text(
    pg_temp.begin_update(pg_temp.reflection()) -> 'user_messages') m),
  'To answer 1, To answer 2', 'and what people wrote in the judged exchanges');

-- Refused (what protected clauses refuse is in clauses.test.sql)
update pawl.loop_settings set protected_clauses = '{}' where assistant_id = tests.id('acme/default');
select is(pg_temp.unsubmitted(tests.id('nothing'), 'acme/default v1'), 'reflection_not_found', 'an unknown reflection');
select is(pg_temp.unsubmitted(tests.make_reflection('acme/default', 'log_only', p_age => '1 hour'), 'acme/default v1'),
  'not_an_update', 'a reflection that called for none');
select is(pg_temp.unsubmitted(pg_temp.reflection(), 'acme/default v5'), 'superseded', 'a version that is not live');
select is(pg_temp.unsubmitted(pg_temp.reflection(), 'nothing'), 'superseded', 'one that does not exist');
select throws_ok(
  $$select tests.submit(pg_temp.reflection(), 'acme/default v1', ' ')$$, '23514', null, 'a blank text is a bug');
select is(tests.live('acme/default'), '1', 'which takes nothing off line');

-- Submitted
select is(tests.submit(pg_temp.reflection(), 'acme/default v1', 'A better prompt'),
  '{"outcome": "submitted", "new_version": 6, "previous_version": 1, "change_reason": "It was curt"}',
  'the next number of all there are');
select is(tests.live('acme/default'), '1', 'is not live');
select results_eq(
  $$select content, created_by, state, is_active, placebo, approved_at, activated_at, locked, change_reason,
           previous_version_id, reflection_log_id, metadata, created_by_user, performance_score
    from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = 6$$,
  $$select 'A better prompt', 'system', 'screening', false, false, null::timestamptz, null::timestamptz, false,
           'It was curt', tests.id('acme/default v1'), pg_temp.reflection(), '{"model": "rewriter"}'::jsonb, null::uuid,
           null::numeric$$,
  'with who wrote it, why, after which, and for which reflection');
select results_eq(
  $$select new_prompt_version, update_outcome from pawl.reflection_logs where id = pg_temp.reflection()$$,
  $$values (6, 'submitted')$$, 'the reflection says so');
select results_eq(
  $$select c.version, b.version, t.placebo, t.state, t.method from pawl.prompt_tests t
    join pawl.system_prompts c on c.id = t.candidate_id join pawl.system_prompts b on b.id = t.baseline_id
    where t.assistant_id = tests.id('acme/default')$$,
  $$values (6, 1, false, 'screening', null)$$, 'a test has begun, against the live version');
select results_eq('select actor, actor_id, action, detail, reason from pawl.audit_log order by id desc limit 1',
  $$select 'loop', null::uuid, 'submit', jsonb_build_object('reflection_id', pg_temp.reflection(), 'version', 6,
      'changed', '{"state": {"from": null, "to": "screening"}}'::jsonb), 'It was curt'$$,
  'the record says that the loop did, and why');
select is((select count(*)::int from pawl.suggestions), 0, 'nobody is asked where nobody wants to be');

-- Again
select is(pg_temp.unsubmitted(pg_temp.reflection(), 'acme/default v1'), 'submitted', 'a second time changes nothing');
select is(tests.submit(pg_temp.reflection(), 'acme/default v1', 'Another text'),
  '{"outcome": "submitted", "new_version": 6, "previous_version": 1, "change_reason": "It was curt"}',
  'and answers as the first');
select is(pg_temp.begin_update(pg_temp.reflection()),
  '{"outcome": "submitted", "new_version": 6, "previous_version": 1, "change_reason": "It was curt"}',
  'nor is anything begun');

-- While it is in test there is no second
select tests.age_changes('acme/default', '25 hours');
create temp table next as select tests.make_reflection('acme/default', p_age => '30 seconds') as id;
select is((select tests.begin_update(id) from next), 'skipped in_proof', 'a newer reflection''s update is not begun');
select is((select pg_temp.unsubmitted(id, 'acme/default v1') from next), 'skipped in_proof', 'nor submitted');
select is(tests.due('acme/default'), 'insufficient_data', 'nor claimed');
update pawl.loop_settings set min_conversations = 1, reflect_every_hours = 0 where assistant_id = tests.id('acme/default');
delete from pawl.message_evaluations;
select is(tests.due('acme/default'), 'judge', 'but there is judging');
do $$ begin perform tests.steer('amy', 'reject_version', '6'); end $$;
select is((select tests.begin_update(id) from next), 'ok', 'once it has ended there may be one');
delete from pawl.reflection_logs where id in (select id from next);
do $$ begin perform tests.steer('amy', 'force_version', '6'); end $$;
select is(tests.live('acme/default'), '6', 'it is live by force');

-- What was meant for the version before it
select tests.age_changes('acme/default', '7 hours');
create temp table late as select tests.make_reflection('acme/default', p_age => '10 minutes') as id;
select is((select pg_temp.begin_update(id) ->> 'outcome' from late), 'superseded', 'a reflection on an earlier version');
select is((select pg_temp.unsubmitted(id, 'acme/default v1') from late), 'superseded', 'submits nothing');
select is((select tests.submit(id, 'acme/default v1') ->> 'outcome' from late), 'superseded', 'however often');
create temp table six as select id from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = 6;
select is(
  (select tests.call('service', format('select public.pawl_submit_prompt(%L, %L, ''x'', ''y'', ''z'')', late.id, six.id))
   ->> 'outcome' from late, six),
  'superseded', 'also when it names the live one');

-- Given up
create temp table refused as select tests.make_reflection('acme/default', p_version => 6, p_age => '5 minutes') as id;
create function pg_temp.refuse(p_who text) returns text
language sql
as $$ select format('select public.pawl_refuse_update(%L, ''too long'')', id) from refused $$;
select is(tests.refusal(who, pg_temp.refuse(who)), 'permission denied', who || ' may not give up on an update')
  from unnest('{anon,amy}'::text[]) who;
create temp table given_up as select tests.call('service', pg_temp.refuse('service')) as result;
select results_eq(
  $$select r.update_outcome, s.suggestion_type, s.priority, s.description, s.status, s.reflection_log_id = r.id,
           s.assistant_id
    from refused join pawl.reflection_logs r using (id) join pawl.suggestions s on s.id = r.suggestion_id
    where s.id = (select (result ->> 'suggestion_id')::uuid from given_up where result ->> 'outcome' = 'ok')$$,
  $$values ('refused', 'escalation', 'high', 'too long', 'pending', true, tests.id('acme/default'))$$,
  'giving up opens an escalation for a person');
select is(tests.refusal('service', pg_temp.refuse('service')), 'refused', 'once');
select is((select tests.call('service',
    format('select public.pawl_submit_prompt(%L, %L, ''x'', ''y'', ''z'')', refused.id, six.id)) ->> 'outcome'
  from refused, six), 'refused', 'what was given up is not submitted');
select is((select pg_temp.begin_update(id) ->> 'outcome' from refused), 'refused', 'nor begun');
select is(tests.live('acme/default'), '6', 'the live version stays');
select is(tests.refusal('service', format('select public.pawl_refuse_update(%L, ''x'')', pg_temp.reflection())), 'submitted',
  'what was submitted is not given up');
select is(tests.refusal('service', format('select public.pawl_refuse_update(%L, ''x'')', tests.id('nothing'))),
  'reflection_not_found', 'nor what does not exist');
create temp table hopeless as select tests.make_reflection('acme/default', p_version => 6, p_age => '4 minutes') as id;
update pawl.reflection_logs set update_attempts = 5 where id = (select id from hopeless);
select is((select pg_temp.begin_update(id) ->> 'outcome' from hopeless), 'refused', 'after five attempts it is given up');
select is((select s.description from pawl.suggestions s join hopeless on s.reflection_log_id = hopeless.id),
  'the writer failed 5 times', 'and a person is told');
create temp table fine as select tests.make_reflection('acme/default', 'none', 6) as id;
select is((select tests.refusal('service', format('select public.pawl_refuse_update(%L, ''x'')', id)) from fine),
  'not_an_update', 'nor what nobody asked for');

select * from finish();
rollback;
