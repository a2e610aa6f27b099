-- Drift: how answers are taken lately, beside the time before. What that amounts to is pawl_core::training::drift's to
-- say. Secret key only.

-- What is compared, an answer a row: `value` is its score in hundredths, of feedback 0 to 100, of the judge 100 to 500.
-- An answer nobody reacted to says nothing, nor does what a judge model thinks count as feedback.
create function pawl.scored_answers(p_assistant_id uuid, p_from timestamptz, p_to timestamptz)
returns table (metric_type text, message_id uuid, user_id uuid, answered_at timestamptz, value integer)
language sql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  select 'feedback_score', e.message_id, e.user_id, e.answered_at,
         case when e.settled_at is not null then round((e.signal + 100) / 2.0)
              else round(s.score::numeric * 100) end::integer
  from pawl.exchanges e
  left join pawl.training_sources s on s.message_id = e.message_id
  where e.assistant_id = p_assistant_id and e.answered_at > p_from and e.answered_at <= p_to and e.revision > 0
    -- What was collected and left no source was silence after all.
    and case when s.message_id is not null then s.source <> 'llm-judge'
             else e.settled_at is not null and e.collected_revision is distinct from e.revision end
  union all
  select 'judge_score', e.message_id, e.user_id, e.answered_at, round(v.overall * 100)::integer
  from pawl.message_evaluations v
  join pawl.exchanges e on e.message_id = v.message_id
  where e.assistant_id = p_assistant_id and e.answered_at > p_from and e.answered_at <= p_to and v.overall is not null
$$;

-- For the holder of a lease that still runs. The current window are the last p_window_days, the baseline the
-- p_baseline_days before that; neither reaches back before the newest tuned model went live. Outcomes: lease_lost; ok
-- with `windows`: {baseline: {from, to}, current: {from, to}}; `last_at`: when a look was last recorded, or null;
-- `metrics`: [{metric_type: feedback_score | judge_score, baseline, current: [[value, answers], …] in order of the
-- values, baseline_people, current_people: the same of people, each once, with one of their answers}]. Values are
-- hundredths. (One answer and not their mean: means of a longer window scatter less, and would differ where nothing
-- did. Ids are random, so the first by id is a fair draw.)
create function public.pawl_drift_look(
  p_holder uuid, p_assistant_id uuid, p_window_days numeric, p_baseline_days numeric
) returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  v_live timestamptz := (
    select max(m.deployed_at) from pawl.model_versions m
    where m.assistant_id = p_assistant_id and m.status = 'deployed');
  v_to timestamptz := now();
  v_middle timestamptz := greatest(now() - least(greatest(p_window_days, 0), 3650) * interval '1 day', v_live);
  v_from timestamptz := greatest(v_middle - least(greatest(p_baseline_days, 0), 3650) * interval '1 day', v_live);
  v_metrics jsonb;
begin
  if not pawl.holds('training', p_holder, p_assistant_id) then
    return '{"outcome": "lease_lost"}';
  end if;
  with answers as materialized (
    select a.metric_type, case when a.answered_at > v_middle then 'current' else 'baseline' end as side, a.user_id,
           a.message_id, a.value
    from pawl.scored_answers(p_assistant_id, v_from, v_to) a
  ), counted as (
    select x.metric_type, x.side, x.value, count(*) as n from answers x group by 1, 2, 3
    union all
    select p.metric_type, p.side || '_people', p.value, count(*)
    from (
      select distinct on (x.metric_type, x.side, x.user_id) x.metric_type, x.side, x.value
      from answers x order by x.metric_type, x.side, x.user_id, x.message_id
    ) p
    group by 1, 2, 3
  ), histograms as (
    select c.metric_type, c.side, jsonb_agg(jsonb_build_array(c.value, c.n) order by c.value) as histogram
    from counted c group by 1, 2
  )
  select jsonb_agg(m.metric order by m.metric ->> 'metric_type') into v_metrics
  from (
    select jsonb_build_object('metric_type', k.metric_type)
           || jsonb_object_agg(d.side, coalesce(h.histogram, '[]')) as metric
    from unnest('{feedback_score,judge_score}'::text[]) k (metric_type)
    cross join unnest('{baseline,current,baseline_people,current_people}'::text[]) d (side)
    left join histograms h on h.metric_type = k.metric_type and h.side = d.side
    group by k.metric_type
  ) m;
  return jsonb_build_object(
    'outcome', 'ok',
    'windows', jsonb_build_object(
      'baseline', jsonb_build_object('from', v_from, 'to', v_middle),
      'current', jsonb_build_object('from', v_middle, 'to', v_to)),
    'last_at', (select max(d.created_at) from pawl.drift_metrics d where d.assistant_id = p_assistant_id),
    'metrics', v_metrics);
end
$$;

-- Stores what a look came to: p_metrics [{metric_type, baseline_value, current_value, drift_score, alert, details}], as
-- in pawl.drift_metrics. Where one alerts, people are told in p_words, unless they were and have not answered.
-- Outcomes: ok, lease_lost.
create function public.pawl_record_drift(p_holder uuid, p_assistant_id uuid, p_metrics jsonb, p_words text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
begin
  if not pawl.holds_training(p_holder, p_assistant_id) then
    return '{"outcome": "lease_lost"}';
  end if;
  insert into pawl.drift_metrics (
    organization_id, assistant_id, model_name, metric_type, baseline_value, current_value, drift_score,
    alert_triggered, details)
  select a.organization_id, a.id, a.slug, m.metric_type, m.baseline_value, m.current_value, m.drift_score,
         coalesce(m.alert, false), coalesce(nullif(m.details, 'null'), '{}')
  from jsonb_to_recordset(p_metrics) m (
    metric_type text, baseline_value double precision, current_value double precision, drift_score double precision,
    alert boolean, details jsonb)
  join pawl.assistants a on a.id = p_assistant_id;
  if exists (select from jsonb_to_recordset(p_metrics) m (alert boolean) where m.alert) then
    perform pawl.escalate_once(p_assistant_id, 'What people make of the answers has drifted',
      coalesce(p_words, 'The last days'' scores differ from those of the time before.'));
  end if;
  return '{"outcome": "ok"}';
end
$$;

revoke execute on function
  pawl.scored_answers(uuid, timestamptz, timestamptz),
  public.pawl_drift_look(uuid, uuid, numeric, numeric),
  public.pawl_record_drift(uuid, uuid, jsonb, text)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_drift_look(uuid, uuid, numeric, numeric),
  public.pawl_record_drift(uuid, uuid, jsonb, text)
to service_role;
