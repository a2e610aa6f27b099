-- What people decide: over prompt-updater, over REST, and in Studio's SQL editor (`select pawl_pause_updates();`).
--
-- For admins and owners of the organisation with their own sign-in, for the secret key (which may say with p_user_id for
-- whom it acts; that person must be an admin too), and for the database's owner. No pause, lock, cooldown or cap stops a
-- person. Each call is one transaction under the assistant's lock and answers
--   {outcome: ok, action, assistant, about, changed, audit_id}
-- where `about` holds ids and numbers, `changed` is {what: {from, to}}, and audit_id names the row of pawl.audit_log that
-- says who, when and why. Where nothing had to change, `changed` is empty, audit_id null, and nothing is recorded.
--
-- Outcomes of every one: ok; unauthorized (a token without a person); user_not_allowed (p_user_id without the secret
-- key); organization_required (several, none named); organization_not_found; forbidden (not an admin);
-- assistant_not_found; reason_too_long (over 1,000 characters).

-- Who steers which assistant.
create type pawl.steering as (outcome text, assistant_id uuid, actor text, actor_id uuid);

create function pawl.steer(p_assistant text, p_organization_id uuid, p_user_id uuid) returns pawl.steering
language plpgsql stable
set search_path = ''
as $$
declare
  s pawl.steering;
  v_organization_id uuid := p_organization_id;
begin
  s.actor := case when pawl.is_service() then 'service' when pawl.is_operator() then 'operator' else 'person' end;
  s.actor_id := case s.actor when 'person' then pawl.caller_id() else p_user_id end;
  s.outcome := 'ok';
  if s.actor = 'person' and s.actor_id is null then
    s.outcome := 'unauthorized';
  elsif s.actor = 'person' and p_user_id is not null then
    s.outcome := 'user_not_allowed';
  elsif s.actor_id is not null then
    select f.outcome, f.organization_id into s.outcome, v_organization_id
      from pawl.find_organization(s.actor_id, p_organization_id) f;
    if s.outcome = 'ok' and not pawl.administers(s.actor_id, v_organization_id) then
      s.outcome := 'forbidden';
    end if;
  elsif p_organization_id is not null then
    if not exists (select from pawl.organizations where id = p_organization_id) then
      s.outcome := 'organization_not_found';
    end if;
  elsif (select count(*) from pawl.organizations) > 1 then
    s.outcome := 'organization_required';
  else
    select id into v_organization_id from pawl.organizations;
  end if;
  if s.outcome = 'ok' then
    s.assistant_id := pawl.find_assistant(v_organization_id, p_assistant);
    if s.assistant_id is null then
      s.outcome := 'assistant_not_found';
    end if;
  end if;
  return s;
end
$$;

-- The same, and the assistant's lock: whatever changes its live prompt or its settings waits here.
create function pawl.take_hold(p_assistant text, p_organization_id uuid, p_user_id uuid, p_reason text)
returns pawl.steering
language plpgsql
set search_path = ''
as $$
declare
  s pawl.steering := pawl.steer(p_assistant, p_organization_id, p_user_id);
begin
  if s.outcome = 'ok' and char_length(p_reason) > 1000 then
    s.outcome := 'reason_too_long';
  elsif s.outcome = 'ok' then
    perform from pawl.assistants where id = s.assistant_id for no key update;
    if not found then
      s.outcome := 'assistant_not_found'; -- deleted while this waited
    end if;
  end if;
  return s;
end
$$;

-- Who steers the assistant of a thing that the call names; null when there is none. p_missing is the outcome then, and
-- for who may not know of it (other organisations' too).
create function pawl.steer_of(p_assistant_id uuid, p_missing text, p_user_id uuid) returns pawl.steering
language plpgsql stable
set search_path = ''
as $$
declare
  s pawl.steering;
begin
  select h.* into s
    from pawl.assistants a
    cross join lateral pawl.steer(a.slug, a.organization_id, p_user_id) h
    where a.id = p_assistant_id;
  if found then
    s.outcome := case s.outcome when 'organization_not_found' then p_missing else s.outcome end;
    return s;
  end if;
  s := pawl.steer(null, null, p_user_id);
  s.outcome := case when s.outcome in ('unauthorized', 'user_not_allowed') then s.outcome else p_missing end;
  return s;
end
$$;

-- The same, and the assistant's lock.
create function pawl.take_hold_of(p_assistant_id uuid, p_missing text, p_user_id uuid, p_reason text)
returns pawl.steering
language plpgsql
set search_path = ''
as $$
declare
  s pawl.steering := pawl.steer_of(p_assistant_id, p_missing, p_user_id);
begin
  if s.outcome = 'ok' then
    select h.* into s
      from pawl.assistants a
      cross join lateral pawl.take_hold(a.slug, a.organization_id, p_user_id, p_reason) h
      where a.id = p_assistant_id;
    s.outcome := coalesce(nullif(s.outcome, 'organization_not_found'), p_missing); -- deleted meanwhile
  end if;
  return s;
end
$$;

-- The answer of a call: its change recorded, if there is one.
create function pawl.changed(
  s pawl.steering, p_action text, p_about jsonb, p_before jsonb, p_after jsonb, p_reason text
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_changed jsonb := pawl.difference(p_before, p_after);
  v_audit_id bigint;
begin
  if v_changed <> '{}' then
    v_audit_id := pawl.record_change(
      s.assistant_id, s.actor, s.actor_id, p_action, p_about || jsonb_build_object('changed', v_changed), p_reason);
  end if;
  return jsonb_build_object(
    'outcome', 'ok', 'action', p_action,
    'assistant', (select slug from pawl.assistants where id = s.assistant_id),
    'about', p_about, 'changed', v_changed, 'audit_id', v_audit_id);
end
$$;

revoke execute on function
  pawl.steer(text, uuid, uuid),
  pawl.take_hold(text, uuid, uuid, text),
  pawl.steer_of(uuid, text, uuid),
  pawl.take_hold_of(uuid, text, uuid, text),
  pawl.changed(pawl.steering, text, jsonb, jsonb, jsonb, text)
from public, anon, authenticated, service_role;
