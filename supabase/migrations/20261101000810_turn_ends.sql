-- A turn ends: with the secret key. Each function is one transaction and answers what happened as `outcome`; it raises
-- only for bugs.

-- Stores the answer of a turn's attempt and counts its tokens. Called again for the same attempt it changes nothing and
-- returns the answer stored first. p_prompt_id is the version that was really served (null: the one the turn named);
-- p_usage as pawl.tokens_in reads it; p_tools names what a backend's own model used. p_learning is what is known of the
-- exchange: {"response_format", "length_class", "answer_characters", "exposures": [{"pattern_id", "shown",
-- "propensity"}]}. Outcomes: ok; turn_not_found; turn_failed (given up before); superseded (a later attempt has begun:
-- its answer counts).
create function public.pawl_complete_turn(
  p_turn_id uuid,
  p_attempt integer,
  p_answer text,
  p_model text,
  p_stop_reason text,
  p_usage jsonb,
  p_latency_ms integer,
  p_prompt_id uuid default null,
  p_tools text[] default '{}',
  p_learning jsonb default null
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
    perform pawl.end_run(p_turn_id, p_attempt, 'superseded', p_model, p_usage, p_latency_ms, p_tools);
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
  perform pawl.store_exchange(v_turn, v_answer_id, p_tools, coalesce(p_learning, '{}'));
  perform pawl.record_usage(
    v_turn.organization_id, v_turn.user_id, 'chat', p_model, p_usage, v_turn.advance_tokens);
  perform pawl.end_run(p_turn_id, p_attempt, null, p_model, p_usage, p_latency_ms, p_tools);
  return jsonb_build_object('outcome', 'ok', 'answer_id', v_answer_id);
end
$$;

-- What is learned from: the answer with its characteristics, and the patterns that applied to it.
create function pawl.store_exchange(p_turn pawl.turns, p_answer_id uuid, p_tools text[], p_learning jsonb) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_assistant_id uuid;
  v_shown uuid[];
begin
  insert into pawl.exchanges (
    message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model, tools,
    question_type, data_source, response_format, length_class, answer_characters)
  select a.id, s.organization_id, s.assistant_id, s.id, s.user_id, a.prompt_id, a.prompt_version, a.model_used,
         array(select jsonb_array_elements_text(p_turn.traits -> 'tools') union select unnest(p_tools) order by 1),
         p_turn.traits ->> 'question_type', p_turn.traits ->> 'data_source', p_learning ->> 'response_format',
         p_learning ->> 'length_class',
         coalesce((p_learning ->> 'answer_characters')::integer, char_length(a.content))
  from pawl.messages a join pawl.sessions s on s.id = a.session_id where a.id = p_answer_id
  returning assistant_id into strict v_assistant_id;
  if jsonb_array_length(coalesce(nullif(p_learning -> 'exposures', 'null'), '[]')) > 0 then
    v_shown := pawl.record_exposures(p_answer_id, p_turn.user_id, v_assistant_id, p_learning -> 'exposures');
    update pawl.exchanges set patterns_shown = v_shown where message_id = p_answer_id and v_shown <> '{}';
  end if;
end
$$;

-- Records why a turn's attempt has no answer, and what it cost all the same (p_model null: nothing that is known). The
-- user's message stays. A tuned model that does not answer at all is taken back by it (pawl.take_back_silent). Outcomes:
-- ok, turn_not_found (or not open any more, or a later attempt has begun).
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
  -- Versions before the organisation's counts, as who proves them goes.
  if pawl.says_no_answer(p_error_code) then
    perform pawl.take_back_silent(v_turn.prompt_id);
  end if;
  if p_model is not null then
    perform pawl.record_usage(
      v_turn.organization_id, v_turn.user_id, 'chat', p_model, p_usage, v_turn.advance_tokens);
  end if;
  perform pawl.end_run(p_turn_id, p_attempt, p_error_code, p_model, p_usage, null, '{}');
  return jsonb_build_object('outcome', 'ok');
end
$$;

revoke execute on function
  pawl.store_exchange(pawl.turns, uuid, text[], jsonb),
  public.pawl_complete_turn(uuid, integer, text, text, text, jsonb, integer, uuid, text[], jsonb),
  public.pawl_fail_turn(uuid, integer, text, text, jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_complete_turn(uuid, integer, text, text, text, jsonb, integer, uuid, text[], jsonb),
  public.pawl_fail_turn(uuid, integer, text, text, jsonb)
to service_role;
