-- Changes of the live prompt: published for a reflection, or rolled back by a person. One call, one transaction; at no
-- moment is there no active version, and never two.

-- What the writer of a new version needs, asked before a model is paid for. Outcomes: ok; reflection_not_found;
-- not_an_update (the reflection did not call for one); published (with new_version: done before); refused (given up
-- before, or now: five attempts from which no version came are enough, and a person is told); superseded (the judged
-- version is no longer live); skipped (with reason, as pawl.update_block).
create function public.pawl_begin_update(p_reflection_id uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  max_attempts constant integer := 5;
  v_log pawl.reflection_logs;
  v_prompt pawl.system_prompts;
  v_settings pawl.loop_settings;
  v_block text;
begin
  select * into v_log from pawl.reflection_logs where id = p_reflection_id;
  if not found then
    return jsonb_build_object('outcome', 'reflection_not_found');
  elsif v_log.action_taken <> 'prompt_update' then
    return jsonb_build_object('outcome', 'not_an_update');
  elsif v_log.update_outcome = 'published' then
    return jsonb_build_object('outcome', 'published', 'new_version', v_log.new_prompt_version, 'change_reason',
      (select p.change_reason from pawl.system_prompts p where p.reflection_log_id = v_log.id));
  elsif v_log.update_outcome = 'refused' then
    return jsonb_build_object('outcome', 'refused');
  end if;
  select * into v_prompt from pawl.system_prompts where id = v_log.prompt_id;
  if not v_prompt.is_active then
    return jsonb_build_object('outcome', 'superseded');
  end if;
  v_block := pawl.update_block(v_log.assistant_id);
  if v_block is not null then
    return jsonb_build_object('outcome', 'skipped', 'reason', v_block);
  end if;
  if v_log.update_attempts >= max_attempts then
    perform public.pawl_refuse_update(p_reflection_id, format('the writer failed %s times', max_attempts));
    return jsonb_build_object('outcome', 'refused');
  end if;
  update pawl.reflection_logs set update_attempts = update_attempts + 1 where id = p_reflection_id;
  select * into v_settings from pawl.loop_settings where assistant_id = v_log.assistant_id;
  return jsonb_build_object(
    'outcome', 'ok',
    'prompt_id', v_prompt.id,
    'prompt_version', v_prompt.version,
    'current_prompt', v_prompt.content,
    'strengths', v_log.strengths,
    'weaknesses', v_log.weaknesses,
    'patterns', v_log.patterns_noticed,
    'protected_clauses', v_settings.protected_clauses,
    'rewriter_model', v_settings.rewriter_model,
    -- What people wrote in the judged exchanges: a new prompt must not repeat it.
    'user_messages', (
      select coalesce(jsonb_agg(q.content), '[]')
      from pawl.message_evaluations e
      join pawl.turns t on t.answer_message_id = e.message_id
      join pawl.messages q on q.id = t.user_message_id
      where e.reflection_log_id = p_reflection_id));
end
$$;

-- Publishes the version a reflection asked for: version + 1, linked to the one it replaces, live in the same moment.
-- The pause, the lock, the cooldown and the daily cap are checked here, under the assistant's lock. Called again for
-- the same reflection it changes nothing. Outcomes: published (with new_version, previous_version), skipped (with
-- reason), superseded, refused, not_an_update, reflection_not_found.
create function public.pawl_publish_prompt(
  p_reflection_id uuid, p_parent_id uuid, p_content text, p_change_reason text, p_model text
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_log pawl.reflection_logs;
  v_parent pawl.system_prompts;
  v_block text;
  v_version integer;
begin
  select * into v_log from pawl.reflection_logs where id = p_reflection_id;
  if not found then
    return jsonb_build_object('outcome', 'reflection_not_found');
  end if;
  -- Every publisher of this assistant waits here. (FOR NO KEY UPDATE: chats that open a session do not.)
  perform from pawl.assistants where id = v_log.assistant_id for no key update;
  -- And whoever gives this update up waits for this row, or is waited for.
  select * into v_log from pawl.reflection_logs where id = p_reflection_id for update;
  select * into v_parent from pawl.system_prompts where id = p_parent_id;
  v_block := pawl.update_block(v_log.assistant_id);
  if v_log.action_taken <> 'prompt_update' then
    return jsonb_build_object('outcome', 'not_an_update');
  elsif v_log.update_outcome = 'published' then
    return jsonb_build_object('outcome', 'published', 'new_version', v_log.new_prompt_version,
      'previous_version', v_log.prompt_version_evaluated, 'change_reason',
      (select p.change_reason from pawl.system_prompts p where p.reflection_log_id = v_log.id));
  elsif v_log.update_outcome = 'refused' then
    return jsonb_build_object('outcome', 'refused');
  elsif p_parent_id is distinct from v_log.prompt_id or not v_parent.is_active then
    return jsonb_build_object('outcome', 'superseded');
  elsif v_block is not null then
    return jsonb_build_object('outcome', 'skipped', 'reason', v_block);
  end if;

  select max(version) + 1 into v_version from pawl.system_prompts where assistant_id = v_log.assistant_id;
  update pawl.system_prompts set is_active = false where id = v_parent.id;
  insert into pawl.system_prompts (
    assistant_id, version, content, created_by, is_active, activated_at, change_reason, previous_version_id,
    reflection_log_id, metadata)
  values (
    v_log.assistant_id, v_version, p_content, 'system', true, now(), p_change_reason, v_parent.id,
    p_reflection_id, jsonb_build_object('model', p_model));
  update pawl.reflection_logs set new_prompt_version = v_version, update_outcome = 'published'
    where id = p_reflection_id;
  perform pawl.record_change(v_log.assistant_id, 'publish', jsonb_build_object(
    'new_version', v_version, 'previous_version', v_parent.version, 'reflection_id', p_reflection_id),
    left(p_change_reason, 1000), p_by_loop => true);
  return jsonb_build_object('outcome', 'published', 'new_version', v_version, 'previous_version', v_parent.version,
    'change_reason', p_change_reason);
end
$$;

-- Gives up on the version a reflection asked for (the guards found nothing they could let through) and opens an
-- escalation for a person. p_reason names the guards, never text. Outcomes: ok with suggestion_id; refused (before);
-- published (too late); not_an_update; reflection_not_found.
create function public.pawl_refuse_update(p_reflection_id uuid, p_reason text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_log pawl.reflection_logs;
  v_suggestion_id uuid;
begin
  select * into v_log from pawl.reflection_logs where id = p_reflection_id for update;
  if not found then
    return jsonb_build_object('outcome', 'reflection_not_found');
  elsif v_log.action_taken <> 'prompt_update' then
    return jsonb_build_object('outcome', 'not_an_update');
  elsif v_log.update_outcome is not null then
    return jsonb_build_object('outcome', v_log.update_outcome);
  end if;
  insert into pawl.suggestions (assistant_id, reflection_log_id, suggestion_type, priority, title, description)
    values (v_log.assistant_id, v_log.id, 'escalation', 'high', 'A better prompt was needed and none could be published',
            p_reason)
    returning id into v_suggestion_id;
  update pawl.reflection_logs set update_outcome = 'refused', suggestion_id = v_suggestion_id
    where id = p_reflection_id;
  return jsonb_build_object('outcome', 'ok', 'suggestion_id', v_suggestion_id);
end
$$;

-- Makes an earlier version the live one again. For the secret key, and for admins and owners of the organisation with
-- their own sign-in. Neither the daily cap nor a lock or pause stops a person; the cooldown starts anew.
-- Outcomes: ok (with new_version, previous_version); already_active; unauthorized (a token without a person);
-- organization_required; organization_not_found; forbidden (a member who is no admin); assistant_not_found;
-- version_not_found.
create function public.pawl_rollback_prompt(
  p_version integer, p_assistant text default null, p_organization_id uuid default null, p_reason text default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  service boolean := pawl.is_service();
  v_organization_id uuid := p_organization_id;
  v_place record;
  v_assistant_id uuid;
  v_current pawl.system_prompts;
  v_target pawl.system_prompts;
begin
  if service then
    if v_organization_id is null then
      if (select count(*) from pawl.organizations) > 1 then
        return jsonb_build_object('outcome', 'organization_required');
      end if;
      select id into v_organization_id from pawl.organizations;
    elsif not exists (select from pawl.organizations where id = v_organization_id) then
      return jsonb_build_object('outcome', 'organization_not_found');
    end if;
  elsif pawl.caller_id() is null then
    return jsonb_build_object('outcome', 'unauthorized');
  else
    select * into v_place from pawl.find_organization(pawl.caller_id(), p_organization_id);
    if v_place.outcome <> 'ok' then
      return jsonb_build_object('outcome', v_place.outcome);
    elsif not pawl.is_admin(v_place.organization_id) then
      return jsonb_build_object('outcome', 'forbidden');
    end if;
    v_organization_id := v_place.organization_id;
  end if;

  v_assistant_id := pawl.find_assistant(v_organization_id, p_assistant);
  if v_assistant_id is null then
    return jsonb_build_object('outcome', 'assistant_not_found');
  end if;
  perform from pawl.assistants where id = v_assistant_id for no key update;
  select * into v_current from pawl.system_prompts where assistant_id = v_assistant_id and is_active;
  select * into v_target from pawl.system_prompts where assistant_id = v_assistant_id and version = p_version;
  if v_target.id is null then
    return jsonb_build_object('outcome', 'version_not_found');
  elsif v_target.is_active then
    return jsonb_build_object('outcome', 'already_active', 'new_version', p_version);
  end if;

  update pawl.system_prompts set is_active = false where id = v_current.id;
  update pawl.system_prompts set is_active = true, activated_at = now() where id = v_target.id;
  insert into pawl.reflection_logs (
    assistant_id, messages_analyzed, time_window_start, time_window_end, prompt_id, prompt_version_evaluated,
    action_taken, new_prompt_version, raw_analysis)
  values (
    v_assistant_id, 0, now(), now(), coalesce(v_current.id, v_target.id), coalesce(v_current.version, v_target.version),
    'rollback', v_target.version,
    jsonb_build_object('actor', case when service then 'service' else pawl.caller_id()::text end, 'reason', p_reason));
  perform pawl.record_change(v_assistant_id, 'rollback', jsonb_build_object(
    'new_version', v_target.version, 'previous_version', v_current.version), left(p_reason, 1000));
  return jsonb_build_object('outcome', 'ok', 'new_version', v_target.version, 'previous_version', v_current.version);
end
$$;

revoke execute on function
  public.pawl_begin_update(uuid),
  public.pawl_publish_prompt(uuid, uuid, text, text, text),
  public.pawl_refuse_update(uuid, text),
  public.pawl_rollback_prompt(integer, text, uuid, text)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_begin_update(uuid),
  public.pawl_publish_prompt(uuid, uuid, text, text, text),
  public.pawl_refuse_update(uuid, text)
to service_role;
grant execute on function public.pawl_rollback_prompt(integer, text, uuid, text) to authenticated, service_role;
