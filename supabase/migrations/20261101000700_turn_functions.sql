-- A turn: begun with the caller's own credentials, finished with the secret key. Each function is one transaction and
-- answers what happened as `outcome`; it raises only for bugs.

-- Authenticates the caller, authorises the turn and stores the user's message: from here on it is safe whatever fails.
-- Nothing is written unless the outcome is `ok`.
--
-- Outcomes: ok; unauthorized, user_required (secret key without p_user_id), user_not_allowed (p_user_id without the
-- secret key), message_empty, message_too_long (over 32 KiB), organization_required, organization_not_found,
-- assistant_not_found, session_not_found (a foreign one too), no_active_prompt.
create function public.pawl_begin_turn(
  p_message text,
  p_session_id uuid default null,
  p_assistant text default null,
  p_organization_id uuid default null,
  p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  max_message_bytes constant integer := 32 * 1024;
  max_history_turns constant integer := 50;
  max_history_bytes constant integer := 256 * 1024;
  service boolean := pawl.is_service();
  v_user_id uuid := case when service then p_user_id else pawl.caller_id() end;
  v_session pawl.sessions;
  v_place record;
  v_assistant_id uuid;
  v_prompt pawl.system_prompts;
  v_settings pawl.loop_settings;
  v_message_id uuid;
  v_turn_id uuid;
  v_history jsonb;
begin
  if v_user_id is null then
    return jsonb_build_object('outcome', case when service then 'user_required' else 'unauthorized' end);
  elsif p_user_id is not null and not service then
    return jsonb_build_object('outcome', 'user_not_allowed');
  -- Two blanks that \s leaves out: the no-break space and the byte order mark.
  elsif coalesce(p_message, '') !~ '[^\s\u00a0\ufeff]' then
    return jsonb_build_object('outcome', 'message_empty');
  elsif octet_length(p_message) > max_message_bytes then
    return jsonb_build_object('outcome', 'message_too_long');
  end if;

  select * into v_place
    from pawl.find_organization(v_user_id, coalesce(p_organization_id, (
      select s.organization_id from pawl.sessions s where s.id = p_session_id and s.user_id = v_user_id)));
  if v_place.outcome <> 'ok' then
    return jsonb_build_object('outcome', v_place.outcome);
  end if;

  if p_session_id is not null then
    select * into v_session from pawl.sessions s
      where s.id = p_session_id and s.user_id = v_user_id and s.is_active
        and s.organization_id = v_place.organization_id
        and (p_assistant is null or s.assistant_id = pawl.find_assistant(s.organization_id, p_assistant));
    if not found then
      return jsonb_build_object('outcome', 'session_not_found');
    end if;
    v_assistant_id := v_session.assistant_id;
  else
    v_assistant_id := pawl.find_assistant(v_place.organization_id, p_assistant);
    if v_assistant_id is null then
      return jsonb_build_object('outcome', 'assistant_not_found');
    end if;
  end if;

  select * into v_prompt from pawl.system_prompts p where p.assistant_id = v_assistant_id and p.is_active;
  if not found then
    return jsonb_build_object('outcome', 'no_active_prompt');
  end if;
  select * into v_settings from pawl.loop_settings l where l.assistant_id = v_assistant_id;

  -- Whole turns, newest first until a bound is met; the caller trims further by tokens.
  select coalesce(jsonb_agg(jsonb_build_object('user_message', h.question, 'answer', h.answer) order by h.seq), '[]')
    into v_history
    from (
      select t.seq, q.content as question, a.content as answer,
             sum(octet_length(q.content) + octet_length(a.content)) over (order by t.seq desc) as bytes
      from (
        select * from pawl.turns
        where session_id = v_session.id and status = 'completed'
        order by seq desc limit max_history_turns
      ) t
      join pawl.messages q on q.id = t.user_message_id
      join pawl.messages a on a.id = t.answer_message_id
    ) h
    where h.bytes <= max_history_bytes;

  if v_place.joins or service then
    insert into pawl.users (id, email)
      values (v_user_id, case when not service then
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email' end)
      on conflict (id) do nothing;
  end if;
  if v_place.joins then
    insert into pawl.organization_members (organization_id, user_id)
      values (v_place.organization_id, v_user_id) on conflict do nothing;
  end if;
  if v_session.id is null then
    insert into pawl.sessions (organization_id, assistant_id, user_id)
      values (v_place.organization_id, v_assistant_id, v_user_id) returning * into v_session;
  else
    update pawl.sessions set updated_at = now() where id = v_session.id;
  end if;
  insert into pawl.messages (session_id, role, content, prompt_id, prompt_version)
    values (v_session.id, 'user', p_message, v_prompt.id, v_prompt.version) returning id into v_message_id;
  insert into pawl.turns (session_id, prompt_id, user_message_id)
    values (v_session.id, v_prompt.id, v_message_id) returning id into v_turn_id;

  return jsonb_build_object(
    'outcome', 'ok',
    'turn_id', v_turn_id,
    'session_id', v_session.id,
    'message_id', v_message_id,
    'assistant_id', v_assistant_id,
    'prompt_id', v_prompt.id,
    'prompt_version', v_prompt.version,
    'model', v_settings.chat_model,
    'max_answer_tokens', v_settings.max_answer_tokens,
    'history_token_budget', v_settings.history_token_budget,
    'history', v_history
  );
end
$$;

-- The text of a prompt version, which the caller of a turn must not see. Outcomes: ok, prompt_not_found.
create function public.pawl_serving_context(p_prompt_id uuid) returns jsonb
language sql stable security definer
set search_path = ''
as $$
  select coalesce(
    (select jsonb_build_object('outcome', 'ok', 'version', p.version, 'content', p.content)
     from pawl.system_prompts p where p.id = p_prompt_id),
    jsonb_build_object('outcome', 'prompt_not_found'))
$$;

-- Stores the answer of an open turn. Called again for a completed turn it changes nothing and returns the answer stored
-- first. p_prompt_id is the version that was really served. Outcomes: ok, turn_not_found, turn_failed (given up before).
create function public.pawl_complete_turn(
  p_turn_id uuid,
  p_prompt_id uuid,
  p_answer text,
  p_model text,
  p_stop_reason text,
  p_input_tokens integer,
  p_output_tokens integer,
  p_latency_ms integer
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_turn pawl.turns;
  v_answer_id uuid;
begin
  select * into v_turn from pawl.turns where id = p_turn_id for update;
  if not found then
    return jsonb_build_object('outcome', 'turn_not_found');
  elsif v_turn.status = 'completed' then
    return jsonb_build_object('outcome', 'ok', 'answer_id', v_turn.answer_message_id);
  elsif v_turn.status = 'failed' then
    return jsonb_build_object('outcome', 'turn_failed');
  end if;
  insert into pawl.messages (session_id, role, content, token_count, model_used, prompt_id, prompt_version, metadata)
    select v_turn.session_id, 'assistant', p_answer, p_output_tokens, p_model, p.id, p.version,
           jsonb_build_object('stop_reason', p_stop_reason)
    from pawl.system_prompts p where p.id = p_prompt_id
    returning id into strict v_answer_id;
  update pawl.turns
    set status = 'completed', answer_message_id = v_answer_id, prompt_id = p_prompt_id, finished_at = now(),
        input_tokens = p_input_tokens, output_tokens = p_output_tokens, latency_ms = p_latency_ms
    where id = p_turn_id;
  update pawl.sessions set updated_at = now() where id = v_turn.session_id;
  return jsonb_build_object('outcome', 'ok', 'answer_id', v_answer_id);
end
$$;

-- Records why an open turn has no answer. The user's message stays. Outcomes: ok, turn_not_found (or not open any more).
create function public.pawl_fail_turn(p_turn_id uuid, p_error_code text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
begin
  update pawl.turns set status = 'failed', error_code = p_error_code, finished_at = now()
    where id = p_turn_id and status = 'open';
  return jsonb_build_object('outcome', case when found then 'ok' else 'turn_not_found' end);
end
$$;

revoke execute on function
  public.pawl_begin_turn(text, uuid, text, uuid, uuid),
  public.pawl_serving_context(uuid),
  public.pawl_complete_turn(uuid, uuid, text, text, text, integer, integer, integer),
  public.pawl_fail_turn(uuid, text)
from public, anon, authenticated, service_role;
grant execute on function public.pawl_begin_turn(text, uuid, text, uuid, uuid) to authenticated, service_role;
grant execute on function
  public.pawl_serving_context(uuid),
  public.pawl_complete_turn(uuid, uuid, text, text, text, integer, integer, integer),
  public.pawl_fail_turn(uuid, text)
to service_role;
