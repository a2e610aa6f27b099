-- How answers are taken lately beside the time before: as histograms, by answers and by people; what came of a look is
-- recorded, and an alert told once.
begin;
select plan(27);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other'), tests.hold_training(),
       tests.hold_training('w', 'acme/other');
create function pg_temp.look(p_metric text default 'feedback_score', p_arguments text default ', 7, 28') returns jsonb
language sql
as $$
  select m - 'metric_type' from jsonb_array_elements(tests.train('drift_look', p_arguments) -> 'metrics') m
  where m ->> 'metric_type' = p_metric
$$;
-- An answer that somebody reacted to, with its settled signal.
create function pg_temp.said(p_name text, p_person text, p_signal integer, p_age interval, p_assistant text default 'acme/default')
returns void
language plpgsql
as $$
begin
  perform tests.answered(p_name, p_person, p_assistant, p_age, '{"revision": 1}');
  update pawl.exchanges set signal = p_signal, settled_at = now() where message_id = tests.id(p_name);
end
$$;

select is(tests.train('drift_look', ', 7, 28', p_holder => 'x') ->> 'outcome', 'lease_lost', 'for the holder of the lease');
select is(tests.train('drift_look', ', 7, 28'), jsonb_build_object('outcome', 'ok', 'last_at', null,
  'windows', jsonb_build_object(
    'baseline', jsonb_build_object('from', now() - interval '35 days', 'to', now() - interval '7 days'),
    'current', jsonb_build_object('from', now() - interval '7 days', 'to', now())),
  'metrics', '[{"metric_type": "feedback_score", "baseline": [], "current": [], "baseline_people": [], "current_people": []},
    {"metric_type": "judge_score", "baseline": [], "current": [], "baseline_people": [], "current_people": []}]'::jsonb),
  'nothing at first');

-- Settled signals
select pg_temp.said('a1', 'ann', 100, '6 days 23 hours'), pg_temp.said('a2', 'ann', -30, '1 day'),
       pg_temp.said('a3', 'bob', 100, '1 day'), pg_temp.said('b1', 'ann', -100, '7 days 1 hour'),
       pg_temp.said('b2', 'bob', 99, '34 days 23 hours'), pg_temp.said('too old', 'bob', 0, '35 days 1 hour'),
       pg_temp.said('foreign', 'bob', 0, '1 day', 'acme/other');
select is(pg_temp.look(), '{"current": [[35, 1], [100, 2]], "current_people": [[35, 1], [100, 1]],
  "baseline": [[0, 1], [100, 1]], "baseline_people": [[0, 1], [100, 1]]}', 'scores in hundredths; of each person one answer');
select is(pg_temp.look(p_arguments => ', 2, 5.5'), '{"current": [[35, 1], [100, 1]], "current_people": [[35, 1], [100, 1]],
  "baseline": [[0, 1], [100, 1]], "baseline_people": [[100, 1]]}', 'over as many days as are asked for');
select tests.answered('silent', 'ann', p_age => '1 day');
update pawl.exchanges set signal = 0, settled_at = now() where message_id = tests.id('silent');
select is(pg_temp.look() -> 'current', '[[35, 1], [100, 2]]', 'an answer that nobody reacted to says nothing');

-- What was collected
update pawl.exchanges set settled_at = null where message_id = tests.id('a3');
select is(pg_temp.look() -> 'current', '[[35, 1], [100, 1]]', 'what waits to be settled says nothing yet');
do $$ begin perform tests.collect_all(jsonb_build_array(tests.collected('a3', 0.555))); end $$;
select is(pg_temp.look() -> 'current', '[[35, 1], [56, 1], [100, 1]]', 'unless it was collected');
do $$ begin perform tests.collect_all(jsonb_build_array(tests.collected('a3', 0.555, null, '{"source": "llm-judge"}'))); end $$;
select is(pg_temp.look() -> 'current', '[[35, 1], [100, 1]]', 'what a judge thinks is not feedback');
do $$ begin perform tests.collect_all(jsonb_build_array(tests.collected('a2', null))); end $$;
select is(pg_temp.look() -> 'current', '[[100, 1]]', 'and what was nothing to learn from was silence');

-- The judge
insert into pawl.message_evaluations (message_id, reflection_log_id, prompt_id, overall)
  select tests.id(n), tests.make_reflection('acme/default'), tests.id('acme/default v1'), score
  from (values ('a1', 4.256), ('silent', 4.256), ('b1', 2)) v (n, score);
select is(pg_temp.look('judge_score'), '{"current": [[426, 2]], "current_people": [[426, 1]], "baseline": [[200, 1]],
  "baseline_people": [[200, 1]]}', 'its scores, of all answers that it judged');

-- A tuned model that went live is another matter.
insert into pawl.model_versions (
  organization_id, assistant_id, model_name, number, version, base_model, status, deployed_at, finished_at)
  values (tests.id('acme'), tests.id('acme/default'), 'default', 1, 'v1', 'a-model', 'retired', now() - interval '1 hour', now()),
    (tests.id('acme'), tests.id('acme/default'), 'default', 2, 'v2', 'a-model', 'deployed', now() - interval '10 days', now());
select is(pg_temp.look('judge_score') -> 'baseline', '[[200, 1]]', 'from before it there is nothing');
select is(tests.train('drift_look', ', 7, 28') #> '{windows,baseline,from}', to_jsonb(now() - interval '10 days'), 'the window says so');
select is(pg_temp.look() -> 'baseline', '[[0, 1]]', 'of that the answers since then');
update pawl.model_versions set deployed_at = now() - interval '3 days' where number = 2;
select is(tests.train('drift_look', ', 7, 28') -> 'windows', jsonb_build_object(
  'baseline', jsonb_build_object('from', now() - interval '3 days', 'to', now() - interval '3 days'),
  'current', jsonb_build_object('from', now() - interval '3 days', 'to', now())), 'of the days of late too');
select is(pg_temp.look('judge_score') -> 'baseline', '[]', 'and then there is nothing to compare');

-- Recorded
create function pg_temp.record(p_metrics jsonb, p_words text default 'It fell.') returns text
language sql
as $$ select tests.train('record_drift', format(', %L, %L', p_metrics, p_words)) ->> 'outcome' $$;
create function pg_temp.told() returns text
language sql
as $$
  select string_agg(concat_ws(': ', priority, suggestion_type, title, description), ', ') from pawl.suggestions
  where assistant_id = tests.id('acme/default')
$$;
select is(tests.train('record_drift', ', ''[]'', ''''', p_holder => 'x') ->> 'outcome', 'lease_lost', 'for the holder of the lease');
select is(pg_temp.record('[{"metric_type": "judge_score", "drift_score": -0.02, "baseline_value": 4, "current_value": 4.1,
  "alert": false}]'), 'ok', 'a look is recorded');
select is(pg_temp.told(), null, 'one without an alert is told nobody');
select is(pg_temp.record('[{"metric_type": "feedback_score", "drift_score": 0.41, "baseline_value": 0.8, "current_value": 0.6,
  "alert": true, "details": {"p_value": 0.001}}, {"metric_type": "judge_score", "alert": false}]'), 'ok', 'and another');
select is(pg_temp.told(), 'high: escalation: What people make of the answers has drifted: It fell.', 'an alert is');
select is(pg_temp.record('[{"metric_type": "feedback_score", "drift_score": 0.5, "alert": true}]'), 'ok', 'and once more');
select is(pg_temp.told(), 'high: escalation: What people make of the answers has drifted: It fell.', 'but once');
update pawl.suggestions set status = 'rejected';
select is(pg_temp.record('[{"metric_type": "feedback_score", "drift_score": 0.5, "alert": true}]'), 'ok', 'until it is answered');
select is((select count(*)::int from pawl.suggestions where assistant_id = tests.id('acme/default')), 2, 'then anew');
select is((select to_jsonb(d) - '{id,created_at}'::text[] from pawl.drift_metrics d where drift_score = 0.41), jsonb_build_object(
  'organization_id', tests.id('acme'), 'assistant_id', tests.id('acme/default'), 'model_name', 'default',
  'metric_type', 'feedback_score', 'baseline_value', 0.8, 'current_value', 0.6, 'drift_score', 0.41, 'alert_triggered', true,
  'details', '{"p_value": 0.001}'::jsonb), 'with all that it says');
select is((select count(*)::int from pawl.drift_metrics), 5, 'a row a measure');
select is(tests.train('drift_look', ', 7, 28') -> 'last_at', to_jsonb(now()), 'and when');

select * from finish();
rollback;
