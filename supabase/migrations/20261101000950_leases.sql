-- Leases: how work on an assistant is handed to one worker at a time. What there is to do is another file's: a
-- reflection (pawl.next_task), learning (pawl.next_lesson), what a version has to prove (pawl.next_proof), training data
-- and models (pawl.next_training).

-- Goes through the assistants not looked at since p_before (longest unseen first), until it has one to work on or 200
-- are through. Answers {outcome, as_of, skipped: [{about, reason}], claim: null | {about, …}, more}, where `about` is
-- {organization_id, assistant_id, assistant}; give `as_of` back as p_before to go on. The lease of the claimed one is
-- p_holder's for p_lease_seconds. p_watch: of what a version has to prove, the live one's watch alone. Outcomes: ok,
-- assistant_not_found (a filter that names nothing).
create function pawl.claim(
  p_kind text, p_holder uuid, p_organization_id uuid, p_assistant text, p_force boolean, p_dry_run boolean,
  p_before timestamptz, p_lease_seconds integer, p_watch boolean default false
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  batch constant integer := 200;
  v_before timestamptz := coalesce(p_before, clock_timestamp());
  v_assistant pawl.assistants;
  v_lease pawl.leases;
  v_task jsonb;
  v_about jsonb;
  v_skipped jsonb := '[]';
  v_claim jsonb;
  v_seen integer := 0;
begin
  if not exists (
    select from pawl.assistants a
    where (p_organization_id is null or a.organization_id = p_organization_id)
      and (p_assistant is null or a.slug = p_assistant)) and (p_organization_id is not null or p_assistant is not null)
  then
    return jsonb_build_object('outcome', 'assistant_not_found');
  end if;

  for v_assistant in
    select a.* from pawl.assistants a
    join pawl.leases l on l.assistant_id = a.id and l.kind = p_kind
    where l.checked_at < v_before
      and (p_organization_id is null or a.organization_id = p_organization_id)
      and (p_assistant is null or a.slug = p_assistant)
    order by l.checked_at, a.id limit batch
  loop
    v_seen := v_seen + 1;
    v_about := jsonb_build_object('about', jsonb_build_object(
      'organization_id', v_assistant.organization_id, 'assistant_id', v_assistant.id, 'assistant', v_assistant.slug));
    select * into v_lease from pawl.leases
      where assistant_id = v_assistant.id and kind = p_kind for update skip locked;
    if not found then
      v_skipped := v_skipped || (v_about || '{"reason": "in_progress"}');
      continue;
    end if;
    if v_lease.checked_at >= v_before then
      continue; -- another worker went through it meanwhile
    end if;
    update pawl.leases set checked_at = clock_timestamp() where assistant_id = v_assistant.id and kind = p_kind;
    if v_lease.expires_at > now() then
      v_skipped := v_skipped || (v_about || '{"reason": "in_progress"}');
      continue;
    end if;
    -- One that ran out was not given back: its holder is dead.
    update pawl.leases set holder = null, expires_at = null, lost_holders = lost_holders + 1
      where assistant_id = v_assistant.id and kind = p_kind and holder is not null;
    v_task := case p_kind
      when 'reflection' then pawl.next_task(v_assistant, p_force, p_dry_run)
      when 'learning' then pawl.next_lesson(v_assistant, p_force)
      when 'proof' then pawl.next_proof(v_assistant, p_watch)
      when 'training' then pawl.next_training(v_assistant, p_force)
    end;
    if v_task ? 'reason' then
      v_skipped := v_skipped || (v_about || v_task);
      continue;
    end if;
    update pawl.leases
      set holder = p_holder, expires_at = now() + p_lease_seconds * interval '1 second'
      where assistant_id = v_assistant.id and kind = p_kind;
    v_claim := v_about || v_task;
    exit;
  end loop;

  return jsonb_build_object(
    'outcome', 'ok', 'as_of', v_before, 'skipped', v_skipped, 'claim', v_claim,
    'more', v_claim is not null or v_seen = batch);
end
$$;

-- Gives a lease back. Outcomes: ok, lease_lost.
create function pawl.release(p_kind text, p_holder uuid, p_assistant_id uuid) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  update pawl.leases set holder = null, expires_at = null
    where assistant_id = p_assistant_id and kind = p_kind and holder = p_holder;
  return jsonb_build_object('outcome', case when found then 'ok' else 'lease_lost' end);
end
$$;

revoke execute on function
  pawl.claim(text, uuid, uuid, text, boolean, boolean, timestamptz, integer, boolean),
  pawl.release(text, uuid, uuid)
from public, anon, authenticated, service_role;

-- True for the holder of a lease that still runs, which is locked. p_to_end: the call may change versions, and waits for
-- whoever else does, before the lease, as learning and forgetting go.
create function pawl.holds(p_kind text, p_holder uuid, p_assistant_id uuid, p_to_end boolean default false)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if p_to_end then
    perform from pawl.assistants where id = p_assistant_id for no key update;
  end if;
  perform from pawl.leases
    where assistant_id = p_assistant_id and kind = p_kind and holder = p_holder and expires_at > now() for update;
  return found;
end
$$;
revoke execute on function pawl.holds(text, uuid, uuid, boolean) from public, anon, authenticated, service_role;
