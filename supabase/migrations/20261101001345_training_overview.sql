-- What people look at of training: what feedback says, models, and whether anything has drifted. For those who may
-- steer (see steering). No text of a conversation is in any of it.

-- What feedback of the last p_days (up to 3,650) says, for those who may steer. Outcomes: those of steering; ok with
-- `total_samples`: rows of training data; `average_score`: 0 to 1, or null; `score_distribution`: {"0.0": n, "0.1": n,
-- …, "1.0": n}, scores rounded to a tenth; `low_score_patterns`: [{question_type, count (rows with a score under 0.5),
-- share (of its rows), average_score, exposures (answers of that type, whether anybody reacted or not)}], up to ten,
-- those first that have the most such rows beyond the share that all rows have; `window`: {from, to}.
create function public.pawl_analyze_feedback(
  p_organization_id uuid default null, p_assistant text default null, p_days numeric default 7,
  p_user_id uuid default null
) returns jsonb
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  s pawl.steering := pawl.steer(p_assistant, p_organization_id, p_user_id);
  v_from timestamptz := now() - least(greatest(coalesce(p_days, 7), 0), 3650) * interval '1 day';
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  return (
    with types as materialized (
      select coalesce(t.question_type, 'other') as type, round(t.feedback_score::numeric, 1) as tenth,
             count(*) as n, count(*) filter (where t.feedback_score < 0.5) as low, sum(t.feedback_score) as scores
      from pawl.training_data t
      where t.assistant_id = s.assistant_id and t.updated_at >= v_from and t.feedback_score is not null
      group by 1, 2
    ), totals as (
      select coalesce(sum(n), 0) as n, coalesce(sum(low), 0) as low, sum(scores) / nullif(sum(n), 0) as mean from types
    ), answers as (
      select coalesce(e.question_type, 'other') as type, count(*) as n from pawl.exchanges e
      where e.assistant_id = s.assistant_id and e.answered_at >= v_from group by 1
    ), low_types as (
      select t.type, sum(t.low) as low, sum(t.low) / sum(t.n) as share, sum(t.scores) / sum(t.n) as mean,
             -- Feedback may come on answers from before.
             greatest(max(a.n), sum(t.n)) as exposures,
             sum(t.low) - sum(t.n) * (select x.low / x.n from totals x) as excess
      from types t left join answers a using (type)
      group by t.type having sum(t.low) > 0
      order by excess desc, t.type limit 10
    )
    select jsonb_build_object(
      'outcome', 'ok', 'total_samples', x.n, 'average_score', round(x.mean::numeric, 4),
      'score_distribution', (
        select jsonb_object_agg(to_char(k / 10.0, 'FM0.0'), coalesce((
          select sum(t.n) from types t where t.tenth = k / 10.0), 0))
        from generate_series(0, 10) k),
      'low_score_patterns', (
        select coalesce(jsonb_agg(jsonb_build_object(
            'question_type', l.type, 'count', l.low, 'share', round(l.share, 4),
            'average_score', round(l.mean::numeric, 4), 'exposures', l.exposures)
          order by l.excess desc, l.type), '[]')
        from low_types l),
      'window', jsonb_build_object('from', v_from, 'to', now()))
    from totals x);
end
$$;

-- {outcome, models: [{id, version, status, reason, base_model, model, samples, metrics, why, created_at, deployed_at,
-- prompt_version (the newest version that it serves, or was to), delivery: null or {state, attempts, next_at,
-- last_status}}]}: the newest p_limit (up to 100), newest first.
create function public.pawl_list_models(
  p_organization_id uuid default null, p_assistant text default null, p_limit integer default 50,
  p_user_id uuid default null
) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.steer(p_assistant, p_organization_id, p_user_id);
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  return jsonb_build_object('outcome', 'ok', 'models', (
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', m.id, 'version', m.version, 'status', m.status, 'reason', m.reason, 'base_model', m.base_model,
        'model', m.model, 'samples', m.samples, 'metrics', m.metrics, 'why', m.config -> 'why',
        'created_at', m.created_at, 'deployed_at', m.deployed_at,
        'prompt_version', (
          select max(p.version) from pawl.system_prompts p where p.model_version_id = m.id),
        'delivery', (
          select jsonb_build_object(
            'state', d.state, 'attempts', d.attempts, 'next_at', d.next_at, 'last_status', d.last_status)
          from pawl.webhook_deliveries d where d.model_version_id = m.id)
      ) order by m.number desc), '[]')
    from (
      select * from pawl.model_versions x
      where x.assistant_id = s.assistant_id order by x.number desc limit pawl.page(p_limit)) m));
end
$$;

-- {outcome, metrics: [{id, metric_type, baseline_value, current_value, drift_score, alert, details, created_at}]}: of
-- the last looks, newest first; up to 100.
create function public.pawl_list_drift(
  p_organization_id uuid default null, p_assistant text default null, p_limit integer default 20,
  p_user_id uuid default null
) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.steer(p_assistant, p_organization_id, p_user_id);
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  return jsonb_build_object('outcome', 'ok', 'metrics', (
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', d.id, 'metric_type', d.metric_type, 'baseline_value', d.baseline_value,
        'current_value', d.current_value, 'drift_score', d.drift_score, 'alert', d.alert_triggered,
        'details', d.details, 'created_at', d.created_at
      ) order by d.created_at desc, d.metric_type), '[]')
    from (
      select * from pawl.drift_metrics x
      where x.assistant_id = s.assistant_id
      order by x.created_at desc, x.metric_type limit pawl.page(p_limit)) d));
end
$$;

revoke execute on function
  public.pawl_analyze_feedback(uuid, text, numeric, uuid),
  public.pawl_list_models(uuid, text, integer, uuid),
  public.pawl_list_drift(uuid, text, integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_analyze_feedback(uuid, text, numeric, uuid),
  public.pawl_list_models(uuid, text, integer, uuid),
  public.pawl_list_drift(uuid, text, integer, uuid)
to authenticated, service_role;
