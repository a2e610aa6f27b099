-- What a reflection found is stored whole or not at all, by the holder of a lease that still runs.
begin;
select plan(36);

select tests.make_assistant('acme/default'), tests.make_answers('acme/default', 8), tests.make_version('acme/default', 2);
create function pg_temp.given(p_name text, p_overall numeric) returns jsonb
language sql as $$ select tests.evaluation('acme/default ' || p_name, p_overall) $$;
create function pg_temp.stored(p_name text) returns numeric
language sql as $$ select overall from pawl.message_evaluations where message_id = tests.id('acme/default ' || p_name) $$;
create function pg_temp.score(p_version integer) returns numeric
language sql as $$
  select performance_score from pawl.system_prompts where assistant_id = tests.id('acme/default') and version = p_version
$$;
-- The outcome of recording with this holder, with a remark should it write when it does not say ok.
create function pg_temp.recorded(p_holder text) returns text
language plpgsql
as $$
declare
  v_before text := tests.stored();
  v_outcome text := tests.record(p_holder, 'acme/default', jsonb_build_array(pg_temp.given('answer 8', 3))) ->> 'outcome';
begin
  return v_outcome || case when v_outcome <> 'ok' and tests.stored() <> v_before then ' (and something was written)' else '' end;
end
$$;

-- The lease
select is(pg_temp.recorded('w1'), 'lease_lost', 'without a lease nothing is stored');
select is(tests.claim('w1', 'acme/default') ->> 'outcome', 'ok', 'with one');
select is(pg_temp.recorded('w2'), 'lease_lost', 'another''s is none');
update pawl.leases set expires_at = now() where assistant_id = tests.id('acme/default') and kind = 'reflection';
select is(pg_temp.recorded('w1'), 'lease_lost', 'nor is one that ran out');
select is(tests.claim('w2', 'acme/default') ->> 'outcome', 'ok', 'which another took over');
select is(pg_temp.recorded('w1'), 'lease_lost', 'who came too late stores nothing');
select is(tests.release('w2', 'acme/default'), 'ok', 'that other gives it back');
select is(pg_temp.recorded('w2'), 'lease_lost', 'and has none any more');
select is((tests.claim('w1', 'acme/default') #>> '{claim,about,assistant}'), 'default', 'the holder of this lease');

-- A reflection
create temp table recorded as
  select tests.record('w1', 'acme/default',
    jsonb_build_array(pg_temp.given('answer 1', 4), pg_temp.given('answer 2', 3.5), pg_temp.given('answer 3', null)),
    jsonb_build_object('overall', 3.75, 'action', 'log_only', 'raw_analysis', '{"note": "n"}'::jsonb,
      'rubric_id', (select id from pawl.rubrics where assistant_id = tests.id('acme/default')))) as result;
select is((select result ->> 'outcome' from recorded), 'ok', 'stores what it found');
select results_eq(
  $$select id, assistant_id, prompt_id, prompt_version_evaluated, action_taken, overall_score::text, criterion_scores
    from pawl.reflection_logs where assistant_id = tests.id('acme/default')$$,
  $$select (result ->> 'reflection_id')::uuid, tests.id('acme/default'), tests.id('acme/default v1'), 1, 'log_only',
           '3.7500', '{"depth": 4.5}'::jsonb from recorded$$,
  'in one log row, about one version');
select results_eq(
  $$select messages_analyzed, messages_discarded, strengths, weaknesses, patterns_noticed, judge_model, raw_analysis
    from pawl.reflection_logs where assistant_id = tests.id('acme/default')$$,
  $$values (3, 1, '{kind}'::text[], '{curt}'::text[], '{short questions}'::text[], 'judge', '{"note": "n"}'::jsonb)$$,
  'with counts and words');
select results_eq(
  $$select rubric_id, time_window_start, time_window_end, suggestion_id, update_outcome
    from pawl.reflection_logs where assistant_id = tests.id('acme/default')$$,
  $$select id, now() - interval '1 day', now(), null::uuid, null::text
    from pawl.rubrics where assistant_id = tests.id('acme/default')$$,
  'its rubric and window, no suggestion, no update');
select is(pg_temp.stored('answer 2'), 3.5, 'each answer has its score');
select results_eq(
  $$select overall, discarded, reflection_log_id, scores #>> '{depth,evidence}' from pawl.message_evaluations
    where message_id = tests.id('acme/default answer 3')$$,
  $$select null::numeric, true, (result ->> 'reflection_id')::uuid, 'e' from recorded$$,
  'or none, when its judgement was discarded');
select is(pg_temp.score(1), 3.75, 'the version''s score is their mean, without the discarded');
select is(pg_temp.score(2), null, 'other versions have theirs');
select is((select holder from pawl.leases where assistant_id = tests.id('acme/default') and kind = 'reflection'), tests.id('w1'),
  'the lease is kept for the update that may follow');

-- Once
select is(tests.record('w1', 'acme/default',
  jsonb_build_array(pg_temp.given('answer 1', 1), pg_temp.given('answer 4', 3))) ->> 'outcome', 'ok',
  'an answer judged before and a new one');
select is(pg_temp.stored('answer 1'), 4.0, 'the first judgement stays');
select is(pg_temp.score(1), 3.5, 'the mean is over every judged answer of the version, each once');
select is((select count(*)::int from pawl.message_evaluations where prompt_id = tests.id('acme/default v1')), 4,
  'there is one row an answer');

create temp table once as select tests.stored() as everything;
select is(tests.record('w1', 'acme/default', jsonb_build_array(
    pg_temp.given('answer 1', 4), pg_temp.given('answer 2', 3.5), pg_temp.given('answer 3', null)),
    '{"suggestion": {"type": "prompt_change", "priority": "low", "title": "t", "description": "d"}}'),
  (select result from recorded), 'the same once more is told of the reflection there is');
select is(tests.stored(), (select everything from once), 'and stores nothing');

-- Suggestions
create temp table suggested as
  select tests.record('w1', 'acme/default', jsonb_build_array(pg_temp.given('answer 5', 3)),
    '{"action": "suggestion", "suggestion": {"type": "prompt_change", "priority": "medium", "title": "Say more",
      "description": "Answers are short", "proposed_change": "Explain"}}') as result;
select results_eq(
  $$select s.assistant_id, s.suggestion_type, s.priority, s.title, s.description, s.proposed_change, s.status,
           s.reflection_log_id::text, r.suggestion_id::text
    from pawl.suggestions s join pawl.reflection_logs r on r.id = s.reflection_log_id
    where s.id = (select (result ->> 'suggestion_id')::uuid from suggested)$$,
  $$select tests.id('acme/default'), 'prompt_change', 'medium', 'Say more', 'Answers are short', 'Explain', 'pending',
           result ->> 'reflection_id', result ->> 'suggestion_id' from suggested$$,
  'a suggestion waits for a person, linked with its reflection both ways');
select is((select count(*)::int from pawl.suggestions where assistant_id = tests.id('acme/default')), 1,
  'other reflections made none');

-- Every action there is, and no other
select is(tests.record('w1', 'acme/default', '[]', jsonb_build_object('action', action)) ->> 'outcome', 'ok',
          'the action ' || action || ' is recorded')
from unnest('{none,log_only,suggestion,prompt_update,rollback}'::text[]) action;
select throws_ok(
  $$select tests.record('w1', 'acme/default', '[]', '{"action": "shrug"}')$$, '23514', null, 'an unknown action is a bug');

-- Whole or not at all
create temp table before as select tests.stored() as everything;
select throws_ok(
  $$select tests.record('w1', 'acme/default', jsonb_build_array(pg_temp.given('answer 6', 5.5)))$$,
  '23514', null, 'a score over 5 is a bug');
select throws_ok(
  $$select tests.record('w1', 'acme/default', jsonb_build_array(pg_temp.given('answer 6', 3)),
      '{"suggestion": {"type": "poem", "priority": "low", "title": "t", "description": "d"}}')$$,
  '23514', null, 'so is a suggestion of an unknown kind');
select throws_ok(
  $$select tests.record('w1', 'acme/default', '[]', '{"overall": 0.5}')$$, '23514', null, 'or a mean under 1');
select is(tests.stored(), (select everything from before), 'after any of them nothing of the reflection is there');

select * from finish();
rollback;
