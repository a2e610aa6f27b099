-- What people decide about versions of a prompt (see steering): activate, roll back, write, lock.

-- The number of an assistant's live version.
create function pawl.live_version(p_assistant_id uuid) returns integer
language sql stable
set search_path = ''
as $$ select version from pawl.system_prompts where assistant_id = p_assistant_id and is_active $$;

-- A version of an assistant's by its number, the live one without; a row of nulls when there is none.
create function pawl.version_of(p_assistant_id uuid, p_version integer) returns pawl.system_prompts
language sql stable
set search_path = ''
as $$
  select p from pawl.system_prompts p
  where p.assistant_id = p_assistant_id and case when p_version is null then p.is_active else p.version = p_version end
$$;

-- A person who has a row, for columns that refer to one.
create function pawl.known_user(p_user_id uuid) returns uuid
language sql stable
set search_path = ''
as $$ select id from pawl.users where id = p_user_id $$;

-- True of a version that the loop wrote and that never was live: it goes live by its proof, or by force.
create function pawl.is_unproved(p_prompt pawl.system_prompts) returns boolean
language sql stable
set search_path = ''
as $$ select p_prompt.created_by = 'system' and p_prompt.activated_at is null and not p_prompt.is_active $$;

-- The suggestion about a version that is not settled yet; a row of nulls when there is none.
create function pawl.open_suggestion(p_prompt_id uuid) returns pawl.suggestions
language sql stable
set search_path = ''
as $$
  select g from pawl.suggestions g where g.prompt_id = p_prompt_id and g.status in ('pending', 'approved')
  order by g.created_at limit 1
$$;

-- Makes a version live that a person chose. A suggestion that asked for their approval has it by that: the suggestion
-- as it was, or a row of nulls.
create function pawl.make_live(
  s pawl.steering, p_prompt pawl.system_prompts, p_reason text, p_leaving text default 'retired'
) returns pawl.suggestions
language plpgsql
set search_path = ''
as $$
declare
  v_suggestion pawl.suggestions := pawl.open_suggestion(p_prompt.id);
begin
  update pawl.suggestions
    set reviewed_by = pawl.known_user(s.actor_id), reviewed_at = now(), review_notes = p_reason
    where id = v_suggestion.id and status = 'pending';
  perform pawl.go_live(p_prompt.id, p_leaving);
  return v_suggestion;
end
$$;

-- Makes a version live for a person. `about.missing_clauses` counts protected clauses it lacks: an older version may
-- lack some, and must be there to go back to. Outcomes: version_not_found, not_proved (unless by force).
create function pawl.switch(s pawl.steering, p_action text, p_version integer, p_reason text) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_live integer := pawl.live_version(s.assistant_id);
  v_target pawl.system_prompts;
  v_suggestion pawl.suggestions;
  v_missing integer[];
begin
  select * into v_target from pawl.system_prompts where assistant_id = s.assistant_id and version = p_version;
  if v_target.id is null then
    return jsonb_build_object('outcome', 'version_not_found');
  elsif p_action <> 'force' and pawl.is_unproved(v_target) then
    return jsonb_build_object('outcome', 'not_proved');
  elsif not v_target.is_active then
    v_suggestion := pawl.make_live(
      s, v_target, p_reason, case p_action when 'rollback' then 'rolled_back' else 'retired' end);
  end if;
  v_missing := pawl.missing_clauses(s.assistant_id, v_target.content);
  return pawl.changed(
    s, p_action,
    jsonb_build_object('version', p_version)
      || case when v_missing <> '{}' then jsonb_build_object('missing_clauses', v_missing) else '{}' end
      || jsonb_strip_nulls(jsonb_build_object('suggestion_id', v_suggestion.id)),
    jsonb_build_object('live_version', v_live, 'status', v_suggestion.status),
    jsonb_build_object(
      'live_version', p_version, 'status', case when v_suggestion.id is not null then 'implemented' end),
    p_reason);
end
$$;

-- Makes a version live: one that was before, or one written by hand. Outcomes besides: version_not_found; not_proved
-- (the loop wrote it and it never was live: what its test has not promoted goes live by force alone).
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

-- The version that the live one took over from when it last went live; a rollback does not count, so that going back
-- twice goes back two versions.
create function pawl.version_before(p_live pawl.system_prompts) returns integer
language sql stable
set search_path = ''
as $$
  select coalesce(
    (select (c.detail #>> '{changed,live_version,from}')::integer from pawl.audit_log c
     where c.assistant_id = p_live.assistant_id and c.action <> 'rollback'
       and c.detail #> '{changed,live_version,to}' = to_jsonb(p_live.version)
     order by c.at desc, c.id desc limit 1),
    (select b.version from pawl.system_prompts b where b.id = p_live.previous_version_id))
$$;

-- Takes the live version back: to the version named, or to the one it took over from. (Once more without a number goes
-- one further: who was not heard looks first.) The cooldown begins anew, so that the loop does not undo it the minute
-- after. Outcomes besides: version_not_found, no_earlier_version, not_proved (as above).
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
  v_version integer := p_version;
  v_answer jsonb;
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  select * into v_live from pawl.system_prompts where assistant_id = s.assistant_id and is_active;
  if v_version is null then
    v_version := pawl.version_before(v_live);
    if v_version is null then
      return jsonb_build_object('outcome', 'no_earlier_version');
    end if;
  end if;
  v_answer := pawl.switch(s, 'rollback', v_version, p_reason);
  if v_answer -> 'audit_id' <> 'null' then
    insert into pawl.reflection_logs (
      assistant_id, messages_analyzed, time_window_start, time_window_end, prompt_id, prompt_version_evaluated,
      action_taken, new_prompt_version, raw_analysis)
    select
      s.assistant_id, 0, now(), now(), coalesce(v_live.id, p.id), coalesce(v_live.version, p.version),
      'rollback', p.version, jsonb_build_object('audit_id', v_answer -> 'audit_id')
    from pawl.system_prompts p where p.assistant_id = s.assistant_id and p.version = v_version;
  end if;
  return v_answer;
end
$$;

-- Writes a version by hand; it goes live at once when p_activate says so. `about.version` is its number. The text of the
-- newest version again is that version, if the live one's model serves it: who was not heard the first time may say it
-- once more. (Placebos are not looked at: theirs is the live text.) Outcomes besides: content_invalid (empty, or over 100,000 characters); clauses_missing
-- (with clauses, counted from 1); not_proved (to go live, and it is the text that the loop wrote last).
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
  v_suggestion pawl.suggestions;
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
  select * into v_newest from pawl.system_prompts
    where assistant_id = s.assistant_id and not placebo order by version desc limit 1;
  v_new := v_newest;
  if v_newest.content is distinct from p_content or v_newest.model_version_id is distinct from v_live.model_version_id
  then
    insert into pawl.system_prompts (
      assistant_id, version, content, created_by, created_by_user, change_reason, previous_version_id,
      model_version_id)
    select s.assistant_id, coalesce(max(version), 0) + 1, p_content, 'human', pawl.known_user(s.actor_id), p_reason,
           v_live.id, v_live.model_version_id
    from pawl.system_prompts where assistant_id = s.assistant_id
    returning * into v_new;
  end if;
  if p_activate and pawl.is_unproved(v_new) then
    return jsonb_build_object('outcome', 'not_proved');
  elsif p_activate and not v_new.is_active then
    v_suggestion := pawl.make_live(s, v_new, p_reason);
  end if;
  return pawl.changed(
    s, 'write', jsonb_strip_nulls(jsonb_build_object('version', v_new.version, 'suggestion_id', v_suggestion.id)),
    jsonb_build_object('latest_version', v_newest.version, 'live_version', v_live.version,
      'status', v_suggestion.status),
    jsonb_build_object('latest_version', v_new.version, 'live_version', pawl.live_version(s.assistant_id),
      'status', case when v_suggestion.id is not null then 'implemented' end),
    p_reason);
end
$$;

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
  v_prompt := pawl.version_of(s.assistant_id, p_version);
  if v_prompt.id is null then
    return jsonb_build_object('outcome', 'version_not_found');
  end if;
  p_locked := coalesce(p_locked, true);
  update pawl.system_prompts set locked = p_locked where id = v_prompt.id;
  return pawl.changed(
    s, case when p_locked then 'lock' else 'unlock' end, jsonb_build_object('version', v_prompt.version),
    jsonb_build_object('locked', v_prompt.locked), jsonb_build_object('locked', p_locked), p_reason);
end
$$;

revoke execute on function
  pawl.live_version(uuid),
  pawl.version_of(uuid, integer),
  pawl.known_user(uuid),
  pawl.is_unproved(pawl.system_prompts),
  pawl.open_suggestion(uuid),
  pawl.make_live(pawl.steering, pawl.system_prompts, text, text),
  pawl.switch(pawl.steering, text, integer, text),
  pawl.version_before(pawl.system_prompts),
  public.pawl_activate_prompt(integer, text, text, uuid, uuid),
  public.pawl_rollback_prompt(integer, text, text, uuid, uuid),
  public.pawl_write_prompt(text, boolean, text, text, uuid, uuid),
  public.pawl_lock_prompt(boolean, integer, text, text, uuid, uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_activate_prompt(integer, text, text, uuid, uuid),
  public.pawl_rollback_prompt(integer, text, text, uuid, uuid),
  public.pawl_write_prompt(text, boolean, text, text, uuid, uuid),
  public.pawl_lock_prompt(boolean, integer, text, text, uuid, uuid)
to authenticated, service_role;
