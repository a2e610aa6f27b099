-- What people decide about the loop (see steering): pause and resume, approval mode, protected clauses.

create function pawl.change_settings(s pawl.steering, p_action text, p_about jsonb, p_settings jsonb, p_reason text)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_before pawl.loop_settings;
  v_after pawl.loop_settings;
begin
  select * into strict v_before from pawl.loop_settings where assistant_id = s.assistant_id for update;
  v_after := jsonb_populate_record(v_before, p_settings);
  if v_after is distinct from v_before then
    update pawl.loop_settings
      set updates_paused = v_after.updates_paused, paused_until = v_after.paused_until,
          approval_required = v_after.approval_required, protected_clauses = v_after.protected_clauses,
          updated_at = now()
      where assistant_id = s.assistant_id;
  end if;
  return pawl.changed(s, p_action, p_about, to_jsonb(v_before), to_jsonb(v_after), p_reason);
end
$$;

-- Stops automatic updates, for good or until a time; judging stops too. Outcome besides: until_is_past.
create function public.pawl_pause_updates(
  p_until timestamptz default null, p_reason text default null, p_assistant text default null,
  p_organization_id uuid default null, p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold(p_assistant, p_organization_id, p_user_id, p_reason);
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  elsif p_until <= now() then
    return jsonb_build_object('outcome', 'until_is_past');
  end if;
  return pawl.change_settings(s, 'pause', '{}', jsonb_build_object(
    'updates_paused', p_until is null or p_until = 'infinity', 'paused_until', nullif(p_until, 'infinity')), p_reason);
end
$$;

create function public.pawl_resume_updates(
  p_reason text default null, p_assistant text default null, p_organization_id uuid default null,
  p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold(p_assistant, p_organization_id, p_user_id, p_reason);
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  return pawl.change_settings(s, 'resume', '{}', '{"updates_paused": false, "paused_until": null}', p_reason);
end
$$;

-- Approval mode, on or off: what the loop writes becomes a suggestion, and nothing goes live without a person.
create function public.pawl_require_approval(
  p_required boolean default true, p_reason text default null, p_assistant text default null,
  p_organization_id uuid default null, p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold(p_assistant, p_organization_id, p_user_id, p_reason);
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  p_required := coalesce(p_required, true);
  return pawl.change_settings(s, case when p_required then 'require_approval' else 'waive_approval' end, '{}',
    jsonb_build_object('approval_required', p_required), p_reason);
end
$$;

-- The clauses that every later version must hold word for word, in place of those there were; up to 50 of up to 2,000
-- characters. `about.missing` counts (from 1) those that the live version does not hold. Outcome besides:
-- clauses_invalid.
create function public.pawl_protect_clauses(
  p_clauses text[], p_reason text default null, p_assistant text default null, p_organization_id uuid default null,
  p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold(p_assistant, p_organization_id, p_user_id, p_reason);
  v_live text;
  v_answer jsonb;
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  elsif p_clauses is null or array_ndims(p_clauses) > 1 or cardinality(p_clauses) > 50
        or exists (select from unnest(p_clauses) c where c is null or c !~ '\S' or char_length(c) > 2000) then
    return jsonb_build_object('outcome', 'clauses_invalid');
  end if;
  v_answer := pawl.change_settings(
    s, 'protect', '{}', jsonb_build_object('protected_clauses', p_clauses), p_reason);
  select content into v_live from pawl.system_prompts where assistant_id = s.assistant_id and is_active;
  return jsonb_set(v_answer, '{about,missing}', to_jsonb(pawl.missing_clauses(s.assistant_id, v_live)));
end
$$;

revoke execute on function
  pawl.change_settings(pawl.steering, text, jsonb, jsonb, text),
  public.pawl_pause_updates(timestamptz, text, text, uuid, uuid),
  public.pawl_resume_updates(text, text, uuid, uuid),
  public.pawl_require_approval(boolean, text, text, uuid, uuid),
  public.pawl_protect_clauses(text[], text, text, uuid, uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_pause_updates(timestamptz, text, text, uuid, uuid),
  public.pawl_resume_updates(text, text, uuid, uuid),
  public.pawl_require_approval(boolean, text, text, uuid, uuid),
  public.pawl_protect_clauses(text[], text, text, uuid, uuid)
to authenticated, service_role;
