-- What people look at of runs: what each function did, how it went and what it took. For those who may steer (see
-- steering). Texts are in none of it.

-- {outcome, runs: [{run_id, at, function, action, status, error, duration_ms, token_usage, turn_id, output, spans: [{name,
-- type, at, duration_ms, model, error}] (the first 20, in their order), spans_in_all}]}: newest first, those begun before
-- p_before, of one function or (p_function null) of any, and of one status or any. Of the assistant, and of the whole
-- organisation where a call was about no single assistant.
create function public.pawl_list_runs(
  p_function text default null, p_status text default null, p_assistant text default null,
  p_organization_id uuid default null, p_before timestamptz default null, p_limit integer default 20,
  p_user_id uuid default null
) returns jsonb
language plpgsql stable security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  s pawl.steering := pawl.steer(p_assistant, p_organization_id, p_user_id);
  v_organization_id uuid := (select a.organization_id from pawl.assistants a where a.id = s.assistant_id);
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  return jsonb_build_object('outcome', 'ok', 'runs', (
    select coalesce(jsonb_agg(pawl.run_summary(r) order by r.created_at desc, r.id), '[]')
    from (
      -- Each half by its own index, and no further than the page goes.
      select * from (
        (select * from pawl.agent_runs x
         where x.assistant_id = s.assistant_id
           and (p_function is null or x.agent_type = p_function) and (p_status is null or x.status = p_status)
           and x.created_at < coalesce(p_before, 'infinity')
         order by x.created_at desc fetch first (pawl.page(p_limit)) rows with ties)
        union all
        (select * from pawl.agent_runs x
         where x.assistant_id is null and x.organization_id = v_organization_id
           and (p_function is null or x.agent_type = p_function) and (p_status is null or x.status = p_status)
           and x.created_at < coalesce(p_before, 'infinity')
         order by x.created_at desc fetch first (pawl.page(p_limit)) rows with ties)
      ) e
      order by e.created_at desc fetch first (pawl.page(p_limit)) rows with ties) r));
end
$$;

create function pawl.run_summary(p_run pawl.agent_runs) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'run_id', p_run.id, 'at', p_run.created_at, 'function', p_run.agent_type, 'action', p_run.input -> 'action',
    'status', p_run.status, 'error', p_run.error, 'duration_ms', p_run.duration_ms, 'token_usage', p_run.token_usage,
    'turn_id', p_run.turn_id, 'output', p_run.output,
    'spans', (
      select coalesce(jsonb_agg(jsonb_build_object(
          'name', t.span_name, 'type', t.span_type, 'at', t.start_time, 'duration_ms', t.duration_ms,
          'model', t.metadata -> 'model', 'error', t.metadata -> 'error') order by t.start_time, t.id), '[]')
      from (
        select * from pawl.agent_traces x where x.run_id = p_run.id order by x.start_time, x.id limit 20) t),
    'spans_in_all', (select count(*) from pawl.agent_traces x where x.run_id = p_run.id))
$$;

revoke execute on function
  pawl.run_summary(pawl.agent_runs),
  public.pawl_list_runs(text, text, text, uuid, timestamptz, integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.pawl_list_runs(text, text, text, uuid, timestamptz, integer, uuid)
to authenticated, service_role;
