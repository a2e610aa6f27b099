-- What people look at of training: what feedback says of the answers, models with what became of them, and drift.
begin;
select plan(20);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/helper'), tests.hold_training();
create function pg_temp.analysis(p_days text default '7') returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_analyze_feedback(%L, ''default'', %s)', tests.id('acme'), p_days))
$$;
create function pg_temp.of_type(p_name text, p_type text, p_score double precision, p_age interval default '2 days') returns void
language plpgsql
as $$
begin
  perform tests.answered(p_name, 'ann', p_age => p_age, p_more => jsonb_build_object('question_type', p_type)),
          tests.react(p_name, 'thumbs_up');
  update pawl.response_feedback set created_at = now() - p_age where message_id = tests.id(p_name);
  perform tests.collect_all(jsonb_build_array(tests.collected(p_name, p_score)));
end
$$;

select is(pg_temp.analysis(), jsonb_build_object('outcome', 'ok', 'total_samples', 0, 'average_score', null,
  'low_score_patterns', '[]'::jsonb, 'score_distribution', '{"0.0": 0, "0.1": 0, "0.2": 0, "0.3": 0, "0.4": 0, "0.5": 0, "0.6": 0,
    "0.7": 0, "0.8": 0, "0.9": 0, "1.0": 0}'::jsonb,
  'window', jsonb_build_object('from', now() - interval '7 days', 'to', now())), 'nothing at first');

select pg_temp.of_type('h' || n, 'how_to', 0.9) from generate_series(1, 6) n;
select pg_temp.of_type('h7', 'how_to', 0.2);
select pg_temp.of_type('c' || n, 'code', 0.1 * n) from generate_series(1, 4) n;
select pg_temp.of_type('fine', 'data', 1), pg_temp.of_type('untyped', null, 0.5);
select tests.answered('silent', 'bob', p_more => '{"question_type": "code"}'),
       tests.answered('of before', 'bob', p_age => '8 days', p_more => '{"question_type": "code"}');
select is(pg_temp.analysis() -> 'total_samples', '13', 'rows');
select is(pg_temp.analysis() -> 'average_score', '0.6231', 'their mean score');
select is(pg_temp.analysis() -> 'score_distribution', '{"0.0": 0, "0.1": 1, "0.2": 2, "0.3": 1, "0.4": 1, "0.5": 1, "0.6": 0,
  "0.7": 0, "0.8": 0, "0.9": 6, "1.0": 1}', 'how many have which score');
select is(pg_temp.analysis() -> 'low_score_patterns', '[
  {"question_type": "code", "count": 4, "share": 1.0000, "average_score": 0.2500, "exposures": 5},
  {"question_type": "how_to", "count": 1, "share": 0.1429, "average_score": 0.8000, "exposures": 7}]',
  'what is answered badly, the worst first, beside how often it was answered at all');
select pg_temp.of_type('once', 'billing', 0);
select is(pg_temp.analysis() #>> '{low_score_patterns,0,question_type}', 'code', 'a single one is not the worst');
select pg_temp.of_type('old', 'how_to', 0, '7 days 1 hour');
select is(pg_temp.analysis() -> 'total_samples', '14', 'of the last days');
select is(pg_temp.analysis('7.5') -> 'total_samples', '15', 'as many as are asked for');
select is(pg_temp.analysis('7.5') #> '{window,from}', to_jsonb(now() - interval '7 days 12 hours'), 'which is said');
select is(pg_temp.analysis('null') -> 'total_samples', '14', 'seven where nothing is said');
select pg_temp.of_type('exposed', 'table', 0, '3 days');
update pawl.exchanges set answered_at = now() - interval '9 days' where message_id = tests.id('exposed');
select is((select x -> 'exposures' from jsonb_array_elements(pg_temp.analysis() -> 'low_score_patterns') x
  where x ->> 'question_type' = 'table'), '1', 'feedback that came late was on an answer all the same');

-- Models
create function pg_temp.models(p_arguments text default '') returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_list_models(%L, ''default'' %s)', tests.id('acme'), p_arguments)) -> 'models'
$$;
select is(pg_temp.models(), '[]', 'none at first');
-- One is live, by the second of the versions that it serves.
insert into pawl.model_versions (
  id, organization_id, assistant_id, model_name, number, version, base_model, config, status, model, base_url, samples,
  metrics, created_at)
  values (tests.id('model 2'), tests.id('acme'), tests.id('acme/default'), 'x', 2, 'v2', 'a-base',
          '{"why": {"reason": "drift"}}', 'trained', 'ft-2', 'https://models.example', 1200, '{"accuracy": 0.9}',
          now() - interval '2 hours');
insert into pawl.system_prompts (assistant_id, version, content, model_version_id)
  select tests.id('acme/default'), n, 'The same', tests.id('model 2') from generate_series(5, 6) n;
update pawl.system_prompts set state = 'retired' where assistant_id = tests.id('acme/default') and is_active;
update pawl.system_prompts set state = 'active' where assistant_id = tests.id('acme/default') and version = 6;
insert into pawl.model_versions (
  id, organization_id, assistant_id, model_name, number, version, base_model, config, status, reason, model, base_url, samples, metrics,
  created_at, finished_at, deployed_at)
  select tests.id('model ' || n), tests.id('acme'), tests.id(assistant), 'x', n, 'v' || n, 'a-base', '{"why": {"reason": "drift"}}', status,
         reason, model, url, samples, metrics, now() - n * interval '1 hour', finished, deployed
  from (values
    ('acme/default', 1, 'failed', 'too_few_rows', null, null, 5, '{}'::jsonb, now(), null::timestamptz),
    ('acme/default', 3, 'pending', null, null, null, 1300, '{}', null, null),
    ('acme/helper', 4, 'curating', null, null, null, null, '{}', null, null)
  ) v (assistant, n, status, reason, model, url, samples, metrics, finished, deployed);
insert into pawl.webhook_deliveries (model_version_id, webhook_id, attempts, last_status) values (tests.id('model 3'), 'msg_3', 2, 503);
select is((select string_agg(m ->> 'version', ' ' order by n) from jsonb_array_elements(pg_temp.models()) with ordinality x (m, n)),
  'v3 v2 v1', 'an assistant''s own, the newest first');
select is(pg_temp.models() -> 1, jsonb_build_object('id', tests.id('model 2'), 'version', 'v2', 'status', 'deployed', 'reason', null,
  'base_model', 'a-base', 'model', 'ft-2', 'samples', 1200, 'metrics', '{"accuracy": 0.9}'::jsonb, 'why', '{"reason": "drift"}'::jsonb,
  'created_at', now() - interval '2 hours', 'deployed_at', now(), 'prompt_version', 6, 'delivery', null), 'what is known of one');
select is(pg_temp.models() #> '{0,delivery}', jsonb_build_object('state', 'waiting', 'attempts', 2, 'next_at', now(), 'last_status', 503),
  'and whether its trainer was told');
select is(pg_temp.models() #>> '{2,reason}', 'too_few_rows', 'or why it failed');
select is(jsonb_array_length(pg_temp.models(', 1')), 1, 'as many as are asked for');

-- Drift
create function pg_temp.drift(p_arguments text default '') returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_list_drift(%L, ''default'' %s)', tests.id('acme'), p_arguments)) -> 'metrics'
$$;
insert into pawl.drift_metrics (
  id, organization_id, assistant_id, model_name, metric_type, baseline_value, current_value, drift_score, alert_triggered, details, created_at)
  select tests.id('look ' || n), tests.id('acme'), tests.id(assistant), 'x', 'judge_score', 4, 3, 0.4, n = 2, '{"p_value": 0.01}', now() - n * interval '1 day'
  from (values (1, 'acme/default'), (2, 'acme/default'), (3, 'acme/helper')) v (n, assistant);
select is(pg_temp.drift() -> 1, jsonb_build_object('id', tests.id('look 2'), 'metric_type', 'judge_score', 'baseline_value', 4,
  'current_value', 3, 'drift_score', 0.4, 'alert', true, 'details', '{"p_value": 0.01}'::jsonb, 'created_at', now() - interval '2 days'),
  'a look');
select is(jsonb_array_length(pg_temp.drift()), 2, 'an assistant''s own');
select is(pg_temp.drift(', 1') #>> '{0,id}', tests.id('look 1')::text, 'the newest first');

select * from finish();
rollback;
