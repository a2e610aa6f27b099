-- What people look at before they decide: the state of the loop, versions, suggestions, what happened. For those who may
-- steer (see steering). Outcomes as there; texts of conversations are in none of them.

-- As many rows as a page may have: 1 to 100.
create function pawl.page(p_limit integer) returns integer
language sql immutable
set search_path = ''
as $$ select least(greatest(coalesce(p_limit, 20), 1), 100) $$;

-- A version without its text.
create function pawl.version_summary(p_prompt pawl.system_prompts) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'version', p_prompt.version,
    'state', p_prompt.state,
    'placebo', p_prompt.placebo,
    'approved_at', p_prompt.approved_at,
    'created_at', p_prompt.created_at,
    'created_by', p_prompt.created_by,
    'created_by_user', p_prompt.created_by_user,
    'activated_at', p_prompt.activated_at,
    'locked', p_prompt.locked,
    'score', p_prompt.performance_score,
    'judged', (
      select count(*) from pawl.message_evaluations e where e.prompt_id = p_prompt.id and not e.discarded),
    'reason', p_prompt.change_reason,
    'previous_version', (select b.version from pawl.system_prompts b where b.id = p_prompt.previous_version_id),
    -- Where a rollback without a number goes.
    'rollback_to', case when p_prompt.is_active then pawl.version_before(p_prompt) end,
    'reflection_id', p_prompt.reflection_log_id)
$$;

create function pawl.reflection_summary(p_log pawl.reflection_logs) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'reflection_id', p_log.id, 'at', p_log.created_at, 'version', p_log.prompt_version_evaluated,
    'judged', p_log.messages_analyzed, 'discarded', p_log.messages_discarded, 'score', p_log.overall_score,
    'criterion_scores', p_log.criterion_scores, 'action', p_log.action_taken, 'update_outcome', p_log.update_outcome,
    'new_version', p_log.new_prompt_version, 'weaknesses', p_log.weaknesses)
$$;

-- What made a version live last: who, when, by what and why; null for the one an assistant begins with.
create function pawl.went_live(p_prompt pawl.system_prompts) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'at', c.at, 'actor', c.actor, 'actor_id', c.actor_id, 'action', c.action, 'reason', c.reason, 'audit_id', c.id)
  from pawl.audit_log c
  where c.assistant_id = p_prompt.assistant_id and c.detail #> '{changed,live_version,to}' = to_jsonb(p_prompt.version)
  order by c.at desc, c.id desc limit 1
$$;

-- The state of one assistant.
create function pawl.status_of(p_assistant pawl.assistants) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'organization_id', p_assistant.organization_id,
    'organization', o.slug,
    'assistant', p_assistant.slug,
    'name', p_assistant.name,
    'live', (
      select pawl.version_summary(p) || jsonb_build_object('went_live', pawl.went_live(p))
      from pawl.system_prompts p where p.assistant_id = p_assistant.id and p.is_active),
    'updates', jsonb_build_object(
      -- Why the loop may not write a version now; null when it may.
      'blocked_by', pawl.update_block(p_assistant.id),
      'paused', pawl.is_paused(s),
      'paused_until', s.paused_until,
      'cooldown_until', pawl.cooldown_until(s),
      'approval_required', s.approval_required,
      'protected_clauses', cardinality(s.protected_clauses),
      'today', pawl.updates_today(p_assistant.id),
      'a_day', s.max_updates_per_day,
      'owed', exists (
        select from pawl.system_prompts p
        where p.assistant_id = p_assistant.id and p.is_active
          and pawl.owed_update(p, now() - s.window_hours * interval '1 hour') is not null)),
    -- The version that is proving itself; null when none is.
    'test', (
      select jsonb_build_object(
        'version', c.version, 'state', t.state, 'method', t.method, 'placebo', t.placebo, 'held', t.held,
        'plan', t.plan ->> 'words', 'started_at', t.created_at)
      from pawl.prompt_tests t join pawl.system_prompts c on c.id = t.candidate_id
      where t.assistant_id = p_assistant.id and t.state in ('screening', 'proving')),
    'last_reflection', (
      select pawl.reflection_summary(l) from pawl.reflection_logs l
      where l.assistant_id = p_assistant.id and l.action_taken <> 'rollback'
      order by l.created_at desc limit 1),
    -- No more than 1,000 are counted.
    'waiting', (
      select jsonb_build_object('answers', count(*), 'conversations', count(distinct u.session_id),
        'conversations_needed', s.min_conversations)
      from pawl.system_prompts p
      cross join lateral pawl.unjudged_answers(p.id, now() - s.window_hours * interval '1 hour', 1000) u
      where p.assistant_id = p_assistant.id and p.is_active),
    'pending_suggestions', (
      select count(*) from pawl.suggestions g
      where g.assistant_id = p_assistant.id and g.status = 'pending' and not pawl.is_superseded(g)))
  from pawl.loop_settings s, pawl.organizations o
  where s.assistant_id = p_assistant.id and o.id = p_assistant.organization_id
$$;

-- {outcome, assistants: […]}: of every assistant that the caller may steer, or of those that are named; up to 200, by
-- organisation and name.
create function public.pawl_status(
  p_assistant text default null, p_organization_id uuid default null, p_user_id uuid default null
) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.steer(p_assistant, p_organization_id, p_user_id);
  v_all jsonb;
begin
  -- Several organisations and none named is no question here: all of them are shown.
  if s.outcome not in ('ok', 'organization_required', 'assistant_not_found') then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  select coalesce(jsonb_agg(pawl.status_of(a)), '[]') into v_all from (
    select a.* from pawl.assistants a
    join pawl.organizations o on o.id = a.organization_id
    where (p_organization_id is null or a.organization_id = p_organization_id)
      and (p_assistant is null or a.slug = p_assistant)
      and (s.actor_id is null or pawl.administers(s.actor_id, a.organization_id))
    order by o.slug, a.slug limit 200) a;
  return case
    when v_all = '[]' and p_assistant is not null then '{"outcome": "assistant_not_found"}'
    when v_all = '[]' and s.outcome = 'organization_required' then '{"outcome": "forbidden"}'
    else jsonb_build_object('outcome', 'ok', 'assistants', v_all)
  end;
end
$$;

-- {outcome, versions: […]}: newest first, those before p_before (a number); up to 100.
create function public.pawl_list_versions(
  p_assistant text default null, p_organization_id uuid default null, p_before_version integer default null,
  p_limit integer default 20, p_user_id uuid default null
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
  return jsonb_build_object('outcome', 'ok', 'versions', (
    select coalesce(jsonb_agg(pawl.version_summary(p) order by p.version desc), '[]') from (
      select * from pawl.system_prompts
      where assistant_id = s.assistant_id and version < coalesce(p_before_version, 2147483647)
      order by version desc limit pawl.page(p_limit)) p));
end
$$;

-- {outcome, version: {…, content}}: of the live version, or of the one named. Outcome besides: version_not_found.
create function public.pawl_get_version(
  p_version integer default null, p_assistant text default null, p_organization_id uuid default null,
  p_user_id uuid default null
) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.steer(p_assistant, p_organization_id, p_user_id);
  v_prompt pawl.system_prompts;
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  v_prompt := pawl.version_of(s.assistant_id, p_version);
  if v_prompt.id is null then
    return jsonb_build_object('outcome', 'version_not_found');
  end if;
  return jsonb_build_object(
    'outcome', 'ok', 'version', pawl.version_summary(v_prompt) || jsonb_build_object('content', v_prompt.content));
end
$$;

-- {outcome, suggestions: […]}: newest first, those made before p_before, of one status or (p_status null) of any; up to
-- 100. `version` is the one it asks to approve, where one has been written; `superseded`: about a version that is no
-- longer live, so that only rejecting is left.
create function public.pawl_list_suggestions(
  p_status text default 'pending', p_assistant text default null, p_organization_id uuid default null,
  p_before timestamptz default null, p_limit integer default 20, p_user_id uuid default null
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
  return jsonb_build_object('outcome', 'ok', 'suggestions', (
    select coalesce(jsonb_agg(jsonb_build_object(
        'suggestion_id', g.id, 'at', g.created_at, 'type', g.suggestion_type, 'priority', g.priority,
        'status', g.status, 'superseded', g.status = 'pending' and pawl.is_superseded(g),
        'title', g.title, 'description', g.description, 'proposed_change', g.proposed_change, 'version', p.version,
        'about_version', coalesce(parent.version, l.prompt_version_evaluated), 'score', l.overall_score,
        'reflection_id', g.reflection_log_id, 'reviewed_by', g.reviewed_by, 'reviewed_at', g.reviewed_at,
        'review_notes', g.review_notes, 'implemented_in_version', g.implemented_in_version
      ) order by g.created_at desc, g.id), '[]')
    from (
      select * from pawl.suggestions
      where assistant_id = s.assistant_id and (p_status is null or status = p_status)
        and (p_before is null or created_at < p_before)
      order by created_at desc, id limit pawl.page(p_limit)) g
    left join pawl.system_prompts p on p.id = g.prompt_id
    left join pawl.system_prompts parent on parent.id = p.previous_version_id
    left join pawl.reflection_logs l on l.id = g.reflection_log_id));
end
$$;

-- {outcome, events: […]}: what happened, newest first, before p_before; up to 100. `kind` is change (a row of the audit
-- log) or reflection.
create function public.pawl_list_events(
  p_assistant text default null, p_organization_id uuid default null, p_before timestamptz default null,
  p_limit integer default 20, p_user_id uuid default null
) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.steer(p_assistant, p_organization_id, p_user_id);
  v_before timestamptz := coalesce(p_before, 'infinity');
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  return jsonb_build_object('outcome', 'ok', 'events', (
    select coalesce(jsonb_agg(e.event order by e.at desc, e.id desc), '[]') from (
      (select c.at, c.id, jsonb_build_object(
          'kind', 'change', 'at', c.at, 'audit_id', c.id, 'actor', c.actor, 'actor_id', c.actor_id, 'action', c.action,
          'reason', c.reason, 'about', c.detail - 'changed', 'changed', c.detail -> 'changed') as event
        from pawl.audit_log c where c.assistant_id = s.assistant_id and c.at < v_before
        order by c.at desc, c.id desc limit pawl.page(p_limit))
      union all
      (select l.created_at, 0, pawl.reflection_summary(l) || '{"kind": "reflection"}'
        from pawl.reflection_logs l
        where l.assistant_id = s.assistant_id and l.action_taken <> 'rollback' and l.created_at < v_before
        order by l.created_at desc limit pawl.page(p_limit))
      order by 1 desc, 2 desc limit pawl.page(p_limit)) e));
end
$$;

revoke execute on function
  pawl.went_live(pawl.system_prompts),
  pawl.status_of(pawl.assistants),
  pawl.version_summary(pawl.system_prompts),
  pawl.reflection_summary(pawl.reflection_logs),
  pawl.page(integer),
  public.pawl_status(text, uuid, uuid),
  public.pawl_list_versions(text, uuid, integer, integer, uuid),
  public.pawl_get_version(integer, text, uuid, uuid),
  public.pawl_list_suggestions(text, text, uuid, timestamptz, integer, uuid),
  public.pawl_list_events(text, uuid, timestamptz, integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_status(text, uuid, uuid),
  public.pawl_list_versions(text, uuid, integer, integer, uuid),
  public.pawl_get_version(integer, text, uuid, uuid),
  public.pawl_list_suggestions(text, text, uuid, timestamptz, integer, uuid),
  public.pawl_list_events(text, uuid, timestamptz, integer, uuid)
to authenticated, service_role;
