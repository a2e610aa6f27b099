-- What the loop does to the live prompt: begun, published or given up for a reflection. One call, one transaction; at no
-- moment is there no active version, and never two. Secret key only.

-- Makes a version the live one, under the assistant's lock.
create function pawl.go_live(p_prompt_id uuid) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_prompt pawl.system_prompts;
  v_live_id uuid;
begin
  select * into strict v_prompt from pawl.system_prompts where id = p_prompt_id;
  update pawl.system_prompts set is_active = false, activated_at = coalesce(activated_at, created_at)
    where assistant_id = v_prompt.assistant_id and is_active
    returning id into v_live_id;
  update pawl.system_prompts
    set is_active = true, activated_at = now(),
        -- A draft may be written long before it goes live: what it takes over from is known only now.
        previous_version_id = case when activated_at is null
                                then coalesce(v_live_id, previous_version_id) else previous_version_id end
    where id = p_prompt_id;
end
$$;

-- Which of the assistant's protected clauses a text does not hold word for word, counted from 1.
create function pawl.missing_clauses(p_assistant_id uuid, p_content text) returns integer[]
language sql stable
set search_path = ''
as $$
  select coalesce(array_agg(c.n::integer order by c.n), '{}')
  from pawl.loop_settings s, unnest(s.protected_clauses) with ordinality c (clause, n)
  where s.assistant_id = p_assistant_id and strpos(p_content, btrim(c.clause, E' \t\r\n')) = 0
$$;

-- Settles a reflection's update. What a person approved to have it written is implemented when it is live.
create function pawl.settle_update(p_reflection_id uuid, p_version integer, p_outcome text) returns void
language sql
set search_path = ''
as $$
  update pawl.reflection_logs set new_prompt_version = p_version, update_outcome = p_outcome where id = p_reflection_id;
  update pawl.suggestions set status = 'implemented', implemented_in_version = p_version
    where reflection_log_id = p_reflection_id and status = 'approved' and p_outcome = 'published';
$$;

-- Lays a version that was written for a reflection before a person.
create function pawl.propose(p_log pawl.reflection_logs, p_prompt pawl.system_prompts) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_suggestion_id uuid;
begin
  insert into pawl.suggestions
    (assistant_id, reflection_log_id, suggestion_type, priority, title, description, prompt_id)
  values (p_log.assistant_id, p_log.id, 'prompt_change', 'high',
          format('Version %s waits for approval', p_prompt.version), p_prompt.change_reason, p_prompt.id)
  returning id into v_suggestion_id;
  update pawl.reflection_logs set suggestion_id = v_suggestion_id where id = p_log.id;
  perform pawl.settle_update(p_log.id, p_prompt.version, 'proposed');
  perform pawl.record_change(
    p_log.assistant_id, 'loop', null, 'propose',
    jsonb_build_object('reflection_id', p_log.id, 'suggestion_id', v_suggestion_id, 'version', p_prompt.version,
      'changed', '{"status": {"from": null, "to": "pending"}}'::jsonb),
    p_prompt.change_reason);
  return jsonb_build_object('outcome', 'proposed', 'new_version', p_prompt.version,
    'previous_version', p_log.prompt_version_evaluated, 'change_reason', p_prompt.change_reason,
    'suggestion_id', v_suggestion_id);
end
$$;

-- What has come of a reflection's update, as an outcome; null while it is still owed.
create function pawl.update_result(p_log pawl.reflection_logs) returns jsonb
language sql stable
set search_path = ''
as $$
  select case
    when not pawl.calls_for_update(p_log) and p_log.update_outcome is null then '{"outcome": "not_an_update"}'::jsonb
    when p_log.update_outcome = 'refused' then '{"outcome": "refused"}'
    when p_log.update_outcome is not null then (
      select jsonb_build_object(
        'outcome', p_log.update_outcome, 'new_version', p_log.new_prompt_version,
        'previous_version', coalesce(b.version, p_log.prompt_version_evaluated), 'change_reason', p.change_reason)
        || case p_log.update_outcome when 'proposed' then jsonb_build_object('suggestion_id', p_log.suggestion_id)
             else '{}' end
      from pawl.system_prompts p left join pawl.system_prompts b on b.id = p.previous_version_id
      where p.reflection_log_id = p_log.id)
  end
$$;

-- What the writer of a new version needs, asked before a model is paid for. Outcomes: ok; reflection_not_found;
-- not_an_update (nobody called for one); published or proposed (with new_version: done before); refused (given up
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
  v_result jsonb;
  v_block text;
begin
  -- Locked, so that of many at once no more than max_attempts begin.
  select * into v_log from pawl.reflection_logs where id = p_reflection_id for update;
  if not found then
    return jsonb_build_object('outcome', 'reflection_not_found');
  end if;
  v_result := pawl.update_result(v_log);
  if v_result is not null then
    return v_result;
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

-- Publishes the version a reflection asked for: version + 1, linked to the one it replaces, live in the same moment; or,
-- where a person must approve it, a suggestion with that version. The pause, the lock, the cooldown, the daily cap and
-- the protected clauses are checked here, under the assistant's lock. Called again for the same reflection it changes
-- nothing. Outcomes: published (with new_version, previous_version, change_reason), proposed (and suggestion_id),
-- skipped (with reason), clauses_missing (with clauses, counted from 1), superseded, refused, not_an_update,
-- reflection_not_found.
create function public.pawl_publish_prompt(
  p_reflection_id uuid, p_parent_id uuid, p_content text, p_change_reason text, p_model text
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_log pawl.reflection_logs;
  v_parent pawl.system_prompts;
  v_result jsonb;
  v_block text;
  v_clauses integer[];
  v_prompt pawl.system_prompts;
begin
  select * into v_log from pawl.reflection_logs where id = p_reflection_id;
  if not found then
    return jsonb_build_object('outcome', 'reflection_not_found');
  end if;
  -- Every publisher of this assistant waits here. (FOR NO KEY UPDATE: chats that open a session do not.)
  perform from pawl.assistants where id = v_log.assistant_id for no key update;
  -- And whoever gives this update up waits for this row, or is waited for.
  select * into v_log from pawl.reflection_logs where id = p_reflection_id for update;
  v_result := pawl.update_result(v_log);
  if v_result is not null then
    return v_result;
  end if;
  select * into v_parent from pawl.system_prompts where id = p_parent_id;
  if p_parent_id is distinct from v_log.prompt_id or not v_parent.is_active then
    return jsonb_build_object('outcome', 'superseded');
  end if;
  v_block := pawl.update_block(v_log.assistant_id);
  if v_block is not null then
    return jsonb_build_object('outcome', 'skipped', 'reason', v_block);
  end if;
  v_clauses := pawl.missing_clauses(v_log.assistant_id, p_content);
  if v_clauses <> '{}' then
    return jsonb_build_object('outcome', 'clauses_missing', 'clauses', v_clauses);
  end if;

  insert into pawl.system_prompts (
    assistant_id, version, content, created_by, change_reason, previous_version_id, reflection_log_id, metadata)
  select v_log.assistant_id, max(version) + 1, p_content, 'system', p_change_reason, v_parent.id, p_reflection_id,
         jsonb_build_object('model', p_model)
  from pawl.system_prompts where assistant_id = v_log.assistant_id
  returning * into v_prompt;
  if (select approval_required from pawl.loop_settings where assistant_id = v_log.assistant_id) then
    return pawl.propose(v_log, v_prompt);
  end if;
  perform pawl.go_live(v_prompt.id);
  perform pawl.settle_update(v_log.id, v_prompt.version, 'published');
  perform pawl.record_change(
    v_log.assistant_id, 'loop', null, 'publish',
    jsonb_build_object('reflection_id', p_reflection_id, 'changed', pawl.difference(
      jsonb_build_object('live_version', v_parent.version), jsonb_build_object('live_version', v_prompt.version))),
    p_change_reason);
  return jsonb_build_object('outcome', 'published', 'new_version', v_prompt.version,
    'previous_version', v_parent.version, 'change_reason', p_change_reason);
end
$$;

-- Gives up on the version a reflection asked for (the guards found nothing they could let through) and opens an
-- escalation for a person. p_reason names the guards, never text. Outcomes: ok with suggestion_id; refused (before);
-- published or proposed (too late); not_an_update; reflection_not_found.
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
  elsif pawl.update_result(v_log) is not null then
    return jsonb_build_object('outcome', pawl.update_result(v_log) -> 'outcome');
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

revoke execute on function
  pawl.go_live(uuid),
  pawl.missing_clauses(uuid, text),
  pawl.settle_update(uuid, integer, text),
  pawl.propose(pawl.reflection_logs, pawl.system_prompts),
  pawl.update_result(pawl.reflection_logs),
  public.pawl_begin_update(uuid),
  public.pawl_publish_prompt(uuid, uuid, text, text, text),
  public.pawl_refuse_update(uuid, text)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_begin_update(uuid),
  public.pawl_publish_prompt(uuid, uuid, text, text, text),
  public.pawl_refuse_update(uuid, text)
to service_role;
