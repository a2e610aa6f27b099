-- A turn begins: with the caller's own credentials. Each function is one transaction and answers what happened as
-- `outcome`; it raises only for bugs. (How it ends: *_turn_ends.sql.)

-- Authenticates the caller, authorises the turn, holds it against the limits and stores the user's message: from here on
-- it is safe whatever fails. Nothing is written unless the outcome is `ok`. Which version serves it is
-- pawl.version_served's to say: the live one, or in a canary the one its conversation was sent to.
--
-- With p_idempotency_key (scope: the person; kept 24 h) the same message never begins a second turn: a turn that failed,
-- or whose lease of 150 s ran out, is tried again (`ok` with the attempt's number), one under way is `in_progress`, one
-- answered is `replayed` with the answer, and the key with another message, session, assistant or organisation is
-- `key_reused`. (What a request leaves out is what the turn has.)
--
-- p_traits says what is known of the question, as pawl.known_traits has it. A message that comes within 30 s of the
-- answer before it says something of that answer too (pawl.note_follow_up).
--
-- Outcomes: ok; replayed; in_progress; key_reused; limited (with limit and retry_after as pawl.limit_reached);
-- unauthorized, user_required, user_not_allowed (as pawl.acting_user); message_empty, message_too_long (over 32 KiB),
-- traits_invalid, organization_required, organization_not_found, assistant_not_found, session_not_found (a foreign or
-- deleted one too), no_active_prompt.
create function public.pawl_begin_turn(
  p_message text,
  p_session_id uuid default null,
  p_assistant text default null,
  p_organization_id uuid default null,
  p_user_id uuid default null,
  p_idempotency_key text default null,
  p_traits jsonb default '{}'
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
  v_traits constant jsonb := pawl.known_traits(p_traits);
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
  elsif v_traits is null then
    return jsonb_build_object('outcome', 'traits_invalid');
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
  if v_session.id is not null then
    v_prompt := pawl.version_served(v_prompt, v_session, false);
  end if;

  if v_turn.id is not null then
    update pawl.turns
      set status = 'open', error_code = null, finished_at = null, prompt_id = v_prompt.id, attempts = attempts + 1,
          traits = case v_traits when '{}' then traits else v_traits end,
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
      v_prompt := pawl.version_served(v_prompt, v_session, true);
    else
      update pawl.sessions set updated_at = now() where id = v_session.id;
      perform pawl.note_follow_up(v_session.id);
    end if;
    with message as (
      insert into pawl.messages (session_id, role, content, prompt_id, prompt_version)
        values (v_session.id, 'user', p_message, v_prompt.id, v_prompt.version) returning id
    )
    insert into pawl.turns (
      session_id, organization_id, user_id, prompt_id, user_message_id, traits, lease_expires_at, advance_tokens)
      select v_session.id, v_place.organization_id, v_who.user_id, v_prompt.id, message.id, v_traits, now() + lease,
             v_advance
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
  perform pawl.begin_run(v_turn, v_assistant_id, v_prompt.version);

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
    'patterns_revision', (select a.patterns_revision from pawl.assistants a where a.id = v_assistant_id),
    'model', (pawl.model_of(v_prompt.id)).model,
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

-- Where a version's own model answers: {base_url, model}; null of one that is served by the assistant's.
create function pawl.endpoint_of(p_prompt_id uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object('base_url', m.base_url, 'model', m.model)
  from pawl.model_of(p_prompt_id) m where m.base_url is not null
$$;

-- pawl_begin_turn for a backend that calls a model of its own: with the prompt's text and its `endpoint` (as
-- pawl.endpoint_of), which no user may see, and a lease of p_lease_seconds.
create function public.pawl_prepare_turn(
  p_message text,
  p_session_id uuid default null,
  p_assistant text default null,
  p_organization_id uuid default null,
  p_user_id uuid default null,
  p_idempotency_key text default null,
  p_lease_seconds integer default 150,
  p_traits jsonb default '{}'
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_turn jsonb := public.pawl_begin_turn(
    p_message, p_session_id, p_assistant, p_organization_id, p_user_id, p_idempotency_key, p_traits);
begin
  if v_turn ->> 'outcome' <> 'ok' then
    return v_turn;
  end if;
  update pawl.turns set lease_expires_at = now() + p_lease_seconds * interval '1 second'
    where id = (v_turn ->> 'turn_id')::uuid;
  return v_turn || (
    select jsonb_build_object('system_prompt', p.content, 'endpoint', pawl.endpoint_of(p.id))
    from pawl.system_prompts p where p.id = (v_turn ->> 'prompt_id')::uuid);
end
$$;

-- What the caller of a turn must not see: the text of a prompt version and where its model answers ({version, content,
-- endpoint}, as pawl.endpoint_of), and the learned patterns that its assistant serves ({patterns_revision, patterns},
-- as pawl.serving_patterns has them). All of one moment.
-- Outcomes: ok, prompt_not_found.
create function public.pawl_serving_context(p_prompt_id uuid) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  return coalesce(
    (select jsonb_build_object(
       'outcome', 'ok', 'version', p.version, 'content', p.content, 'endpoint', pawl.endpoint_of(p.id),
       'patterns_revision', a.patterns_revision, 'patterns', pawl.serving_patterns(a.id))
     from pawl.system_prompts p join pawl.assistants a on a.id = p.assistant_id where p.id = p_prompt_id),
    jsonb_build_object('outcome', 'prompt_not_found'));
end
$$;

revoke execute on function
  pawl.history_before(pawl.turns, integer),
  pawl.stored_answer(pawl.turns),
  pawl.title_of(text),
  pawl.endpoint_of(uuid),
  public.pawl_begin_turn(text, uuid, text, uuid, uuid, text, jsonb),
  public.pawl_prepare_turn(text, uuid, text, uuid, uuid, text, integer, jsonb),
  public.pawl_serving_context(uuid)
from public, anon, authenticated, service_role;
grant execute on function public.pawl_begin_turn(text, uuid, text, uuid, uuid, text, jsonb)
  to authenticated, service_role;
grant execute on function
  public.pawl_prepare_turn(text, uuid, text, uuid, uuid, text, integer, jsonb),
  public.pawl_serving_context(uuid)
to service_role;
