-- A turn: begun with the caller's own credentials, finished with the secret key. Each function is one transaction and
-- answers what happened as `outcome`; it raises only for bugs.

-- Authenticates the caller, authorises the turn, holds it against the limits and stores the user's message: from here on
-- it is safe whatever fails. Nothing is written unless the outcome is `ok`.
--
-- With p_idempotency_key (scope: the person; kept 24 h) the same message never begins a second turn: a turn that failed,
-- or whose lease of 150 s ran out, is tried again (`ok` with the attempt's number), one under way is `in_progress`, one
-- answered is `replayed` with the answer, and the key with another message, session, assistant or organisation is
-- `key_reused`. (What a request leaves out is what the turn has.)
--
-- Outcomes: ok; replayed; in_progress; key_reused; limited (with limit and retry_after as pawl.limit_reached);
-- unauthorized, user_required, user_not_allowed (as pawl.acting_user); message_empty, message_too_long (over 32 KiB),
-- organization_required, organization_not_found, assistant_not_found, session_not_found (a foreign or deleted one too),
-- no_active_prompt.
create function public.pawl_begin_turn(
  p_message text,
  p_session_id uuid default null,
  p_assistant text default null,
  p_organization_id uuid default null,
  p_user_id uuid default null,
  p_idempotency_key text default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  max_message_bytes constant integer := 32 * 1024;
  lease constant interval := '150 seconds';
  key_lifetime constant interval := '24 hours';
  -- A token a quarter of a byte, as models count English: enough to keep a person from storing without end.
  v_advance constant integer := ceil(octet_length(coalesce(p_message, '')) / 4.0);
  v_who record := pawl.acting_user(p_user_id);
  v_key pawl.idempotency_keys;
  v_turn pawl.turns;
  v_session_id uuid := p_session_id;
  v_session pawl.sessions;
  v_place record;
  v_assistant_id uuid;
  v_prompt pawl.system_prompts;
  v_settings pawl.loop_settings;
  v_limit jsonb;
begin
  if v_who.outcome <> 'ok' then
    return jsonb_build_object('outcome', v_who.outcome);
  elsif octet_length(p_message) > max_message_bytes then
    return jsonb_build_object('outcome', 'message_too_long');
  -- Two blanks that \s leaves out: the no-break space and the byte order mark.
  elsif coalesce(p_message, '') !~ '[^\s\u00a0\ufeff]' then
    return jsonb_build_object('outcome', 'message_empty');
  end if;

  -- A person's turns begin one after the other: neither a key nor their limit is passed by two at once.
  perform pg_advisory_xact_lock(hashtextextended('pawl turn ' || v_who.user_id, 0));

  if p_idempotency_key is not null then
    select * into v_key from pawl.idempotency_keys k
      where k.user_id = v_who.user_id and k.key = p_idempotency_key and k.created_at > now() - key_lifetime;
    if found then
      select * into v_turn from pawl.turns where id = v_key.turn_id for update;
      if v_key.message_hash <> sha256(convert_to(p_message, 'UTF8'))
         or p_session_id <> v_turn.session_id or p_organization_id <> v_turn.organization_id
         or (p_assistant is not null and not exists (
           select from pawl.sessions s where s.id = v_turn.session_id
             and s.assistant_id = pawl.find_assistant(s.organization_id, p_assistant))) then
        return jsonb_build_object('outcome', 'key_reused');
      end if;
      v_session_id := v_turn.session_id;
    end if;
  end if;

  select * into v_place
    from pawl.find_organization(v_who.user_id, coalesce(p_organization_id, (
      select s.organization_id from pawl.sessions s where s.id = v_session_id and s.user_id = v_who.user_id)));
  if v_place.outcome <> 'ok' then
    return jsonb_build_object('outcome', v_place.outcome);
  end if;

  if v_session_id is not null then
    select * into v_session from pawl.sessions s
      where s.id = v_session_id and s.user_id = v_who.user_id and s.deleted_at is null
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

  if v_turn.status = 'completed' then
    return pawl.stored_answer(v_turn);
  elsif v_turn.status = 'open' and v_turn.lease_expires_at > now() then
    return jsonb_build_object('outcome', 'in_progress');
  end if;

  select * into v_prompt from pawl.system_prompts p where p.assistant_id = v_assistant_id and p.is_active;
  if not found then
    return jsonb_build_object('outcome', 'no_active_prompt');
  end if;
  v_limit := pawl.limit_reached(v_place.organization_id, v_who.user_id);
  if v_limit is not null then
    return jsonb_build_object('outcome', 'limited') || v_limit;
  end if;

  if v_turn.id is not null then
    update pawl.turns
      set status = 'open', error_code = null, finished_at = null, prompt_id = v_prompt.id, attempts = attempts + 1,
          lost_attempts = lost_attempts + (status = 'open')::integer, lease_expires_at = now() + lease
      where id = v_turn.id returning * into v_turn;
  else
    if v_place.joins or pawl.is_service() then
      insert into pawl.users (id, email)
        values (v_who.user_id, case when not pawl.is_service() then
          nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email' end)
        on conflict (id) do nothing;
    end if;
    if v_place.joins then
      insert into pawl.organization_members (organization_id, user_id)
        values (v_place.organization_id, v_who.user_id) on conflict do nothing;
    end if;
    if v_session.id is null then
      insert into pawl.sessions (organization_id, assistant_id, user_id, title)
        values (v_place.organization_id, v_assistant_id, v_who.user_id, pawl.title_of(p_message))
        returning * into v_session;
    else
      update pawl.sessions set updated_at = now() where id = v_session.id;
    end if;
    with message as (
      insert into pawl.messages (session_id, role, content, prompt_id, prompt_version)
        values (v_session.id, 'user', p_message, v_prompt.id, v_prompt.version) returning id
    )
    insert into pawl.turns (
      session_id, organization_id, user_id, prompt_id, user_message_id, lease_expires_at, advance_tokens)
      select v_session.id, v_place.organization_id, v_who.user_id, v_prompt.id, message.id, now() + lease, v_advance
      from message returning * into v_turn;
    perform pawl.count_tokens(v_place.organization_id, v_who.user_id, v_advance);
    if p_idempotency_key is not null then
      insert into pawl.idempotency_keys as k (user_id, key, message_hash, turn_id)
        values (v_who.user_id, p_idempotency_key, sha256(convert_to(p_message, 'UTF8')), v_turn.id)
        -- One older than its lifetime that nobody has swept away.
        on conflict (user_id, key) do update set message_hash = excluded.message_hash, turn_id = excluded.turn_id,
          created_at = excluded.created_at;
    end if;
  end if;

  insert into pawl.turn_attempts (turn_id, attempt, organization_id, user_id)
    values (v_turn.id, v_turn.attempts, v_place.organization_id, v_who.user_id);

  select * into v_settings from pawl.loop_settings l where l.assistant_id = v_assistant_id;
  return jsonb_build_object(
    'outcome', 'ok',
    'turn_id', v_turn.id,
    'attempt', v_turn.attempts,
    'session_id', v_session.id,
    'message_id', v_turn.user_message_id,
    'assistant_id', v_assistant_id,
    'prompt_id', v_prompt.id,
    'prompt_version', v_prompt.version,
    'model', v_settings.chat_model,
    'max_answer_tokens', v_settings.max_answer_tokens,
    'history_token_budget', v_settings.history_token_budget,
    'history', pawl.history_before(v_turn, v_settings.history_token_budget)
  );
end
$$;

-- The answered exchanges before a turn, oldest first: whole ones, counted from the newest until a bound is met, of 50 turns,
-- of 256 KiB, and of as many bytes as p_tokens can have (who calls a model estimates a token at three bytes at the most,
-- and trims further).
create function pawl.history_before(p_turn pawl.turns, p_tokens integer) returns jsonb
language sql stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('user_message', h.question, 'answer', h.answer) order by h.seq), '[]')
  from (
    select t.seq, q.content as question, a.content as answer,
           sum(octet_length(q.content) + octet_length(a.content)) over (order by t.seq desc) as bytes
    from (
      select * from pawl.turns
      where session_id = p_turn.session_id and status = 'completed' and seq < p_turn.seq
      order by seq desc limit 50
    ) t
    join pawl.messages q on q.id = t.user_message_id
    join pawl.messages a on a.id = t.answer_message_id
  ) h
  where h.bytes <= least(256 * 1024, 3 * p_tokens::bigint)
$$;

-- What pawl_begin_turn says of a turn that is answered.
create function pawl.stored_answer(p_turn pawl.turns) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'outcome', 'replayed',
    'turn_id', p_turn.id,
    'session_id', p_turn.session_id,
    'message_id', p_turn.user_message_id,
    'answer_id', a.id,
    'answer', a.content,
    'prompt_version', a.prompt_version,
    'model', a.model_used,
    'stop_reason', a.metadata ->> 'stop_reason',
    'usage', jsonb_build_object(
      'input_tokens', p_turn.input_tokens, 'output_tokens', p_turn.output_tokens,
      'cache_read_input_tokens', p_turn.cache_read_tokens, 'cache_creation_input_tokens', p_turn.cache_write_tokens))
  from pawl.messages a where a.id = p_turn.answer_message_id
$$;

-- The first words of a message, on one line.
create function pawl.title_of(p_message text) returns text
language sql immutable
set search_path = ''
as $$ select rtrim(left(btrim(regexp_replace(p_message, '[\s\u00a0\ufeff]+', ' ', 'g')), 80)) $$;

-- pawl_begin_turn for a backend that calls a model of its own: with the prompt's text, which no user may see, and a lease
-- of p_lease_seconds.
create function public.pawl_prepare_turn(
  p_message text,
  p_session_id uuid default null,
  p_assistant text default null,
  p_organization_id uuid default null,
  p_user_id uuid default null,
  p_idempotency_key text default null,
  p_lease_seconds integer default 150
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_turn jsonb := public.pawl_begin_turn(
    p_message, p_session_id, p_assistant, p_organization_id, p_user_id, p_idempotency_key);
begin
  if v_turn ->> 'outcome' <> 'ok' then
    return v_turn;
  end if;
  update pawl.turns set lease_expires_at = now() + p_lease_seconds * interval '1 second'
    where id = (v_turn ->> 'turn_id')::uuid;
  return v_turn || jsonb_build_object('system_prompt', (
    select p.content from pawl.system_prompts p where p.id = (v_turn ->> 'prompt_id')::uuid));
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

-- Stores the answer of a turn's attempt and counts its tokens. Called again for the same attempt it changes nothing and
-- returns the answer stored first. p_prompt_id is the version that was really served (null: the one the turn named);
-- p_usage as pawl.tokens_in reads it; p_tools names what a backend's own model used.
-- Outcomes: ok; turn_not_found; turn_failed (given up before); superseded (a later attempt has begun: its answer counts).
create function public.pawl_complete_turn(
  p_turn_id uuid,
  p_attempt integer,
  p_answer text,
  p_model text,
  p_stop_reason text,
  p_usage jsonb,
  p_latency_ms integer,
  p_prompt_id uuid default null,
  p_tools text[] default '{}'
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_turn pawl.turns;
  v_prompt_id uuid;
  v_answer_id uuid;
begin
  -- The session before the turn, as whoever deletes a session goes.
  perform from pawl.sessions
    where id = (select t.session_id from pawl.turns t where t.id = p_turn_id) for key share;
  select * into v_turn from pawl.turns where id = p_turn_id for update;
  if not found then
    return jsonb_build_object('outcome', 'turn_not_found');
  elsif v_turn.attempts is distinct from p_attempt then
    -- It was paid for all the same.
    perform pawl.record_usage(v_turn.organization_id, v_turn.user_id, 'chat', p_model, p_usage);
    return jsonb_build_object('outcome', 'superseded');
  elsif v_turn.status = 'completed' then
    return jsonb_build_object('outcome', 'ok', 'answer_id', v_turn.answer_message_id);
  -- One that was given up as lost turns up after all.
  elsif v_turn.status = 'failed' and v_turn.error_code <> 'turn_lost' then
    return jsonb_build_object('outcome', 'turn_failed');
  end if;
  v_prompt_id := coalesce(p_prompt_id, v_turn.prompt_id);
  insert into pawl.messages (session_id, role, content, token_count, model_used, prompt_id, prompt_version, metadata)
    select v_turn.session_id, 'assistant', p_answer, (p_usage ->> 'output_tokens')::integer, p_model, p.id, p.version,
           jsonb_build_object('stop_reason', p_stop_reason)
           || case when cardinality(p_tools) > 0 then jsonb_build_object('tools', p_tools) else '{}' end
    from pawl.system_prompts p where p.id = v_prompt_id
    returning id into strict v_answer_id;
  update pawl.turns
    set status = 'completed', error_code = null, answer_message_id = v_answer_id, prompt_id = v_prompt_id,
        finished_at = now(), latency_ms = p_latency_ms,
        lost_attempts = lost_attempts - (status = 'failed')::integer,
        input_tokens = (p_usage ->> 'input_tokens')::integer,
        output_tokens = (p_usage ->> 'output_tokens')::integer,
        cache_read_tokens = (p_usage ->> 'cache_read_input_tokens')::integer,
        cache_write_tokens = (p_usage ->> 'cache_creation_input_tokens')::integer
    where id = p_turn_id;
  update pawl.sessions set updated_at = now() where id = v_turn.session_id;
  perform pawl.record_usage(
    v_turn.organization_id, v_turn.user_id, 'chat', p_model, p_usage, v_turn.advance_tokens);
  return jsonb_build_object('outcome', 'ok', 'answer_id', v_answer_id);
end
$$;

-- Records why a turn's attempt has no answer, and what it cost all the same (p_model null: nothing that is known). The
-- user's message stays. Outcomes: ok, turn_not_found (or not open any more, or a later attempt has begun).
create function public.pawl_fail_turn(
  p_turn_id uuid, p_attempt integer, p_error_code text, p_model text default null, p_usage jsonb default '{}'
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_turn pawl.turns;
begin
  select * into v_turn from pawl.turns
    where id = p_turn_id and attempts = p_attempt
      -- One that was swept up as lost turns up after all, and says why.
      and (status = 'open' or (status = 'failed' and error_code = 'turn_lost'))
    for update;
  if not found then
    return jsonb_build_object('outcome', 'turn_not_found');
  end if;
  update pawl.turns
    set status = 'failed', error_code = p_error_code, finished_at = now(),
        lost_attempts = lost_attempts - (v_turn.status = 'failed')::integer,
        -- Without a count the advance stands.
        advance_tokens = case when p_model is null then advance_tokens else 0 end
    where id = p_turn_id;
  if p_model is not null then
    perform pawl.record_usage(
      v_turn.organization_id, v_turn.user_id, 'chat', p_model, p_usage, v_turn.advance_tokens);
  end if;
  return jsonb_build_object('outcome', 'ok');
end
$$;

revoke execute on function
  pawl.history_before(pawl.turns, integer),
  pawl.stored_answer(pawl.turns),
  pawl.title_of(text),
  public.pawl_begin_turn(text, uuid, text, uuid, uuid, text),
  public.pawl_prepare_turn(text, uuid, text, uuid, uuid, text, integer),
  public.pawl_serving_context(uuid),
  public.pawl_complete_turn(uuid, integer, text, text, text, jsonb, integer, uuid, text[]),
  public.pawl_fail_turn(uuid, integer, text, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.pawl_begin_turn(text, uuid, text, uuid, uuid, text) to authenticated, service_role;
grant execute on function
  public.pawl_prepare_turn(text, uuid, text, uuid, uuid, text, integer),
  public.pawl_serving_context(uuid),
  public.pawl_complete_turn(uuid, integer, text, text, text, jsonb, integer, uuid, text[]),
  public.pawl_fail_turn(uuid, integer, text, text, jsonb)
to service_role;
