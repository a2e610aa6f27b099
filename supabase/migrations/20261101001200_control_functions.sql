-- What people decide: over prompt-updater, over REST, and in Studio's SQL editor (`select pawl_pause_updates();`).
--
-- For admins and owners of the organisation with their own sign-in, for the secret key (which may say with p_user_id for
-- whom it acts; that person must be an admin too), and for the database's owner. No pause, lock, cooldown or cap stops a
-- person. Each call is one transaction under the assistant's lock and answers
--   {outcome: ok, action, about, changed, audit_id}
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
    if s.outcome = 'ok' and not exists (
      select from pawl.organization_members m
      where m.organization_id = v_organization_id and m.user_id = s.actor_id and m.role in ('admin', 'owner'))
    then
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
    'outcome', 'ok', 'action', p_action, 'about', p_about, 'changed', v_changed, 'audit_id', v_audit_id);
end
$$;

-- Settings -------------------------------------------------------------------------------------------------------------

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
    'updates_paused', p_until is null, 'paused_until', p_until), p_reason);
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

-- Versions -------------------------------------------------------------------------------------------------------------

-- The number of an assistant's live version.
create function pawl.live_version(p_assistant_id uuid) returns integer
language sql stable
set search_path = ''
as $$ select version from pawl.system_prompts where assistant_id = p_assistant_id and is_active $$;

-- Makes a version live for a person. `about.missing_clauses` counts protected clauses it lacks: an older version may
-- lack some, and must be there to go back to.
create function pawl.switch(s pawl.steering, p_action text, p_version integer, p_reason text) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_live integer := pawl.live_version(s.assistant_id);
  v_target pawl.system_prompts;
  v_suggestion_id uuid;
  v_missing integer[];
begin
  select * into v_target from pawl.system_prompts where assistant_id = s.assistant_id and version = p_version;
  if v_target.id is null then
    return jsonb_build_object('outcome', 'version_not_found');
  elsif not v_target.is_active then
    perform pawl.go_live(v_target.id);
    -- One that waited for approval has it now.
    update pawl.suggestions
      set status = 'implemented', reviewed_by = pawl.known_user(s.actor_id), reviewed_at = now(), review_notes = p_reason,
          implemented_in_version = p_version
      where prompt_id = v_target.id and status = 'pending'
      returning id into v_suggestion_id;
    if found then
      perform pawl.settle_update(v_target.reflection_log_id, p_version, 'published');
    end if;
  end if;
  v_missing := pawl.missing_clauses(s.assistant_id, v_target.content);
  return pawl.changed(
    s, p_action,
    jsonb_build_object('version', p_version)
      || case when v_missing <> '{}' then jsonb_build_object('missing_clauses', v_missing) else '{}' end
      || case when v_suggestion_id is not null then jsonb_build_object('suggestion_id', v_suggestion_id) else '{}' end,
    jsonb_build_object('live_version', v_live, 'status', case when v_suggestion_id is not null then 'pending' end),
    jsonb_build_object('live_version', p_version, 'status', case when v_suggestion_id is not null then 'implemented' end),
    p_reason);
end
$$;

-- Makes a version live: an older one, or one written by hand. Outcome besides: version_not_found.
create function public.pawl_activate_prompt(
  p_version integer, p_reason text default null, p_assistant text default null, p_organization_id uuid default null,
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
  return pawl.switch(s, 'activate', p_version, p_reason);
end
$$;

-- Takes the live version back: to an earlier one, or to the one it took over from. The cooldown begins anew, so that the
-- loop does not undo it the minute after. Outcomes besides: version_not_found, no_earlier_version.
create function public.pawl_rollback_prompt(
  p_version integer default null, p_reason text default null, p_assistant text default null,
  p_organization_id uuid default null, p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold(p_assistant, p_organization_id, p_user_id, p_reason);
  v_live pawl.system_prompts;
  v_target pawl.system_prompts;
  v_answer jsonb;
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  select * into v_live from pawl.system_prompts where assistant_id = s.assistant_id and is_active;
  select * into v_target from pawl.system_prompts
    where assistant_id = s.assistant_id
      and case when p_version is null then id = v_live.previous_version_id else version = p_version end;
  if p_version is null and v_target.id is null then
    return jsonb_build_object('outcome', 'no_earlier_version');
  end if;
  v_answer := pawl.switch(s, 'rollback', coalesce(p_version, v_target.version), p_reason);
  if v_answer -> 'audit_id' <> 'null' then
    insert into pawl.reflection_logs (
      assistant_id, messages_analyzed, time_window_start, time_window_end, prompt_id, prompt_version_evaluated,
      action_taken, new_prompt_version, raw_analysis)
    values (
      s.assistant_id, 0, now(), now(), coalesce(v_live.id, v_target.id), coalesce(v_live.version, v_target.version),
      'rollback', v_target.version, jsonb_build_object('audit_id', v_answer -> 'audit_id'));
  end if;
  return v_answer;
end
$$;

-- Writes a version by hand; it goes live at once when p_activate says so. `about.version` is its number. The text of the
-- newest version again is that version: who was not heard the first time may say it once more. Outcomes besides: content_invalid (empty, or over 100,000 characters); clauses_missing (with clauses, counted from 1).
create function public.pawl_write_prompt(
  p_content text, p_activate boolean default false, p_reason text default null, p_assistant text default null,
  p_organization_id uuid default null, p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold(p_assistant, p_organization_id, p_user_id, p_reason);
  v_live pawl.system_prompts;
  v_newest pawl.system_prompts;
  v_new pawl.system_prompts;
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  elsif p_content is null or p_content !~ '\S' or char_length(p_content) > 100000 then
    return jsonb_build_object('outcome', 'content_invalid');
  elsif pawl.missing_clauses(s.assistant_id, p_content) <> '{}' then
    return jsonb_build_object(
      'outcome', 'clauses_missing', 'clauses', pawl.missing_clauses(s.assistant_id, p_content));
  end if;
  select * into v_live from pawl.system_prompts where assistant_id = s.assistant_id and is_active;
  select * into v_newest from pawl.system_prompts where assistant_id = s.assistant_id order by version desc limit 1;
  v_new := v_newest;
  if v_newest.content is distinct from p_content then
    insert into pawl.system_prompts (
      assistant_id, version, content, created_by, created_by_user, change_reason, previous_version_id)
    values (
      s.assistant_id, coalesce(v_newest.version, 0) + 1, p_content, 'human', pawl.known_user(s.actor_id), p_reason,
      v_live.id)
    returning * into v_new;
  end if;
  if p_activate and not v_new.is_active then
    perform pawl.go_live(v_new.id);
  end if;
  return pawl.changed(
    s, 'write', jsonb_build_object('version', v_new.version),
    jsonb_build_object('latest_version', v_newest.version, 'live_version', v_live.version),
    jsonb_build_object('latest_version', v_new.version, 'live_version', pawl.live_version(s.assistant_id)), p_reason);
end
$$;

-- A person who has a row, for columns that refer to one.
create function pawl.known_user(p_user_id uuid) returns uuid
language sql stable
set search_path = ''
as $$ select id from pawl.users where id = p_user_id $$;

-- Locks a version, or unlocks it: while a locked one is live nothing replaces it but a person. Without p_version the
-- live one. Outcome besides: version_not_found.
create function public.pawl_lock_prompt(
  p_locked boolean default true, p_version integer default null, p_reason text default null,
  p_assistant text default null, p_organization_id uuid default null, p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold(p_assistant, p_organization_id, p_user_id, p_reason);
  v_prompt pawl.system_prompts;
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  select * into v_prompt from pawl.system_prompts
    where assistant_id = s.assistant_id and case when p_version is null then is_active else version = p_version end;
  if not found then
    return jsonb_build_object('outcome', 'version_not_found');
  end if;
  p_locked := coalesce(p_locked, true);
  update pawl.system_prompts set locked = p_locked where id = v_prompt.id;
  return pawl.changed(
    s, case when p_locked then 'lock' else 'unlock' end, jsonb_build_object('version', v_prompt.version),
    jsonb_build_object('locked', v_prompt.locked), jsonb_build_object('locked', p_locked), p_reason);
end
$$;

-- Suggestions ----------------------------------------------------------------------------------------------------------

-- As pawl.take_hold, by a suggestion; its own outcome besides: suggestion_not_found (other organisations' too).
create function pawl.take_hold_of(p_suggestion_id uuid, p_user_id uuid, p_reason text) returns pawl.steering
language plpgsql
set search_path = ''
as $$
declare
  s pawl.steering;
begin
  select h.* into s
    from pawl.suggestions g
    join pawl.assistants a on a.id = g.assistant_id
    cross join lateral pawl.take_hold(a.slug, a.organization_id, p_user_id, p_reason) h
    where g.id = p_suggestion_id;
  if found then
    s.outcome := case s.outcome when 'organization_not_found' then 'suggestion_not_found' else s.outcome end;
    return s;
  end if;
  s := pawl.steer(null, null, p_user_id);
  s.outcome := case when s.outcome in ('unauthorized', 'user_not_allowed') then s.outcome else 'suggestion_not_found' end;
  return s;
end
$$;

-- Reviews a suggestion: what both verdicts have in common.
create function pawl.review(
  s pawl.steering, p_suggestion pawl.suggestions, p_status text, p_action text, p_about jsonb, p_reason text,
  p_live_before integer default null, p_live_after integer default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  update pawl.suggestions
    set status = p_status, reviewed_by = pawl.known_user(s.actor_id), reviewed_at = now(), review_notes = p_reason,
        implemented_in_version = p_live_after
    where id = p_suggestion.id;
  return pawl.changed(
    s, p_action, jsonb_build_object('suggestion_id', p_suggestion.id) || p_about,
    jsonb_build_object('status', p_suggestion.status, 'live_version', p_live_before),
    jsonb_build_object('status', p_status, 'live_version', p_live_after), p_reason);
end
$$;

-- Approves a suggestion. One with a version makes it live. One that only says what to mend has the loop write a version:
-- it is owed (`about.owed`), and written at the next call that nothing stands in the way of (`about.blocked_by`).
-- An escalation is acknowledged. Outcomes besides: suggestion_not_found; already_reviewed (with status: rejected);
-- superseded (with live_version: it is about another version; one that is written can be activated by its number all the
-- same); clauses_missing (with clauses).
create function public.pawl_approve_suggestion(
  p_suggestion_id uuid, p_reason text default null, p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold_of(p_suggestion_id, p_user_id, p_reason);
  v_suggestion pawl.suggestions;
  v_prompt pawl.system_prompts;
  v_live pawl.system_prompts;
  v_about_id uuid;
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  select * into v_suggestion from pawl.suggestions where id = p_suggestion_id for update;
  select * into v_prompt from pawl.system_prompts where id = v_suggestion.prompt_id;
  select * into v_live from pawl.system_prompts where assistant_id = s.assistant_id and is_active;
  v_about_id := coalesce(v_prompt.previous_version_id, (
    select l.prompt_id from pawl.reflection_logs l where l.id = v_suggestion.reflection_log_id));
  if v_suggestion.status = 'rejected' then
    return jsonb_build_object('outcome', 'already_reviewed', 'status', v_suggestion.status);
  elsif v_suggestion.status <> 'pending' then
    return pawl.changed(s, 'approve', jsonb_build_object('suggestion_id', p_suggestion_id), '{}', '{}', p_reason);
  elsif v_suggestion.suggestion_type <> 'prompt_change' then
    return pawl.review(s, v_suggestion, 'approved', 'approve', '{}', p_reason);
  elsif v_about_id is distinct from v_live.id then
    return jsonb_build_object('outcome', 'superseded', 'live_version', v_live.version);
  elsif v_prompt.id is null then
    return pawl.review(s, v_suggestion, 'approved', 'approve',
      jsonb_build_object('owed', true, 'blocked_by', pawl.update_block(s.assistant_id)), p_reason);
  elsif pawl.missing_clauses(s.assistant_id, v_prompt.content) <> '{}' then
    return jsonb_build_object(
      'outcome', 'clauses_missing', 'clauses', pawl.missing_clauses(s.assistant_id, v_prompt.content));
  end if;
  perform pawl.go_live(v_prompt.id);
  perform pawl.settle_update(v_suggestion.reflection_log_id, v_prompt.version, 'published');
  return pawl.review(s, v_suggestion, 'implemented', 'approve', jsonb_build_object('version', v_prompt.version), p_reason,
    v_live.version, v_prompt.version);
end
$$;

-- Rejects a suggestion; one that was approved and not yet implemented, too. Outcomes besides: suggestion_not_found;
-- already_reviewed (with status: implemented; roll back instead).
create function public.pawl_reject_suggestion(
  p_suggestion_id uuid, p_reason text default null, p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold_of(p_suggestion_id, p_user_id, p_reason);
  v_suggestion pawl.suggestions;
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  select * into v_suggestion from pawl.suggestions where id = p_suggestion_id for update;
  if v_suggestion.status = 'implemented' then
    return jsonb_build_object('outcome', 'already_reviewed', 'status', v_suggestion.status);
  elsif v_suggestion.status = 'rejected' then
    return pawl.changed(s, 'reject', jsonb_build_object('suggestion_id', p_suggestion_id), '{}', '{}', p_reason);
  end if;
  -- What waited for approval is not written once more.
  update pawl.reflection_logs set update_outcome = 'refused'
    where id = v_suggestion.reflection_log_id and update_outcome = 'proposed' and v_suggestion.prompt_id is not null;
  return pawl.review(s, v_suggestion, 'rejected', 'reject', '{}', p_reason);
end
$$;

revoke execute on function
  pawl.steer(text, uuid, uuid),
  pawl.take_hold(text, uuid, uuid, text),
  pawl.take_hold_of(uuid, uuid, text),
  pawl.changed(pawl.steering, text, jsonb, jsonb, jsonb, text),
  pawl.change_settings(pawl.steering, text, jsonb, jsonb, text),
  pawl.live_version(uuid),
  pawl.switch(pawl.steering, text, integer, text),
  pawl.known_user(uuid),
  pawl.review(pawl.steering, pawl.suggestions, text, text, jsonb, text, integer, integer),
  public.pawl_pause_updates(timestamptz, text, text, uuid, uuid),
  public.pawl_resume_updates(text, text, uuid, uuid),
  public.pawl_require_approval(boolean, text, text, uuid, uuid),
  public.pawl_protect_clauses(text[], text, text, uuid, uuid),
  public.pawl_activate_prompt(integer, text, text, uuid, uuid),
  public.pawl_rollback_prompt(integer, text, text, uuid, uuid),
  public.pawl_write_prompt(text, boolean, text, text, uuid, uuid),
  public.pawl_lock_prompt(boolean, integer, text, text, uuid, uuid),
  public.pawl_approve_suggestion(uuid, text, uuid),
  public.pawl_reject_suggestion(uuid, text, uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_pause_updates(timestamptz, text, text, uuid, uuid),
  public.pawl_resume_updates(text, text, uuid, uuid),
  public.pawl_require_approval(boolean, text, text, uuid, uuid),
  public.pawl_protect_clauses(text[], text, text, uuid, uuid),
  public.pawl_activate_prompt(integer, text, text, uuid, uuid),
  public.pawl_rollback_prompt(integer, text, text, uuid, uuid),
  public.pawl_write_prompt(text, boolean, text, text, uuid, uuid),
  public.pawl_lock_prompt(boolean, integer, text, text, uuid, uuid),
  public.pawl_approve_suggestion(uuid, text, uuid),
  public.pawl_reject_suggestion(uuid, text, uuid)
to authenticated, service_role;
