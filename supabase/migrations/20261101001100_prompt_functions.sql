-- What the loop does about the live prompt: an update begun, a version submitted to its test, or given up, for a
-- reflection. One call, one transaction; at no moment is there no active version, and never two. Secret key only.

-- Makes a version the live one, under the assistant's lock; p_leaving is what becomes of the one that was: retired or
-- rolled_back. A test that runs has lost what it compares with, and is closed; a test that promotes has ended before.
-- p_by_person: somebody chose it, and that is on record.
create function pawl.go_live(p_prompt_id uuid, p_leaving text default 'retired', p_by_person boolean default true)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_prompt pawl.system_prompts;
  v_live_id uuid;
  v_candidate_id uuid;
begin
  select * into strict v_prompt from pawl.system_prompts where id = p_prompt_id;
  update pawl.system_prompts set state = p_leaving, activated_at = coalesce(activated_at, created_at)
    where assistant_id = v_prompt.assistant_id and is_active
    returning id into v_live_id;
  update pawl.system_prompts
    set state = 'active', activated_at = now(),
        -- A draft may be written long before it goes live: what it takes over from is known only now.
        previous_version_id = case when activated_at is null
                                then coalesce(v_live_id, previous_version_id) else previous_version_id end
    where id = p_prompt_id;
  select t.candidate_id into v_candidate_id from pawl.prompt_tests t
    where t.assistant_id = v_prompt.assistant_id and t.state in ('screening', 'proving');
  if found then
    perform pawl.close_test(
      v_prompt.assistant_id, case when v_candidate_id = p_prompt_id then 'forced' else 'baseline_changed' end,
      p_by_person);
  end if;
end
$$;

-- A suggestion ends with the version it is about, whatever made that live or rejected it. What a person approved to
-- have it written is implemented when it is live.
create function pawl.end_suggestions() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  update pawl.suggestions g
    set status = case new.state when 'active' then 'implemented' else 'rejected' end,
        implemented_in_version = case new.state when 'active' then new.version end
    where g.assistant_id = new.assistant_id
      and (g.prompt_id = new.id and g.status in ('pending', 'approved')
        or new.state = 'active' and g.prompt_id is null and g.reflection_log_id = new.reflection_log_id
           and g.status = 'approved' and g.suggestion_type = 'prompt_change');
  return null;
end
$$;
create trigger end_suggestions after update on pawl.system_prompts
  for each row when (new.state <> old.state and new.state in ('active', 'rejected'))
  execute function pawl.end_suggestions();

-- Which of the assistant's protected clauses a text does not hold word for word, counted from 1.
create function pawl.missing_clauses(p_assistant_id uuid, p_content text) returns integer[]
language sql stable
set search_path = ''
as $$
  select coalesce(array_agg(c.n::integer order by c.n), '{}')
  from pawl.loop_settings s, unnest(s.protected_clauses) with ordinality c (clause, n)
  where s.assistant_id = p_assistant_id and strpos(p_content, btrim(c.clause, E' \t\r\n')) = 0
$$;

-- What has come of a reflection's update, as an outcome; null while it is still owed. `suggestion_id` where a person is
-- asked to approve the version.
create function pawl.update_result(p_log pawl.reflection_logs) returns jsonb
language sql stable
set search_path = ''
as $$
  select case
    when not pawl.calls_for_update(p_log) and p_log.update_outcome is null then '{"outcome": "not_an_update"}'::jsonb
    when p_log.update_outcome = 'refused' then '{"outcome": "refused"}'
    when p_log.update_outcome = 'submitted' then (
      select jsonb_build_object(
          'outcome', 'submitted', 'new_version', p_log.new_prompt_version,
          'previous_version', coalesce(b.version, p_log.prompt_version_evaluated), 'change_reason', p.change_reason)
        || coalesce(
          (select jsonb_build_object('suggestion_id', g.id) from pawl.suggestions g where g.prompt_id = p.id
           order by g.created_at limit 1), '{}')
      from pawl.system_prompts p left join pawl.system_prompts b on b.id = p.previous_version_id
      where p.reflection_log_id = p_log.id)
  end
$$;

-- Puts the live text to the test against itself, as a version that never goes live. It needs no one's approval: people
-- see that text already.
create function pawl.test_placebo(p_live pawl.system_prompts) returns pawl.system_prompts
language plpgsql
set search_path = ''
as $$
declare
  v_prompt pawl.system_prompts;
begin
  insert into pawl.system_prompts (
    assistant_id, version, content, created_by, placebo, approved_at, change_reason, previous_version_id,
    model_version_id)
  select p_live.assistant_id, max(version) + 1, p_live.content, 'system', true, now(),
         'A placebo: the live text once more, to see what the tests let through', p_live.id, p_live.model_version_id
  from pawl.system_prompts where assistant_id = p_live.assistant_id
  returning * into v_prompt;
  perform pawl.open_test(v_prompt, p_live.id);
  return v_prompt;
end
$$;

-- A text as it is compared with others: case and white space make no other prompt of it.
create function pawl.plain_text(p_content text) returns text
language sql immutable
set search_path = ''
as $$ select lower(btrim(regexp_replace(p_content, '\s+', ' ', 'g'))) $$;

-- True of a text that was tested against this version, or put before a person meanwhile, and was rejected or taken
-- back. What ended its test without a word about it (its judge, too few questions, another version that went live) does
-- not count.
create function pawl.was_tried(p_assistant_id uuid, p_baseline_id uuid, p_content text) returns boolean
language sql stable
set search_path = ''
as $$
  select exists (
    select from pawl.prompt_tests t
    join pawl.system_prompts c on c.id = t.candidate_id
    join pawl.system_prompts b on b.id = t.baseline_id
    where t.assistant_id = p_assistant_id and t.baseline_id = p_baseline_id and not t.placebo
      -- With another model it was another version.
      and c.model_version_id is not distinct from b.model_version_id
      and (t.state = 'rejected' and c.state = 'rejected' or t.reason = 'by_hand' or c.state = 'rolled_back')
      and pawl.plain_text(c.content) = pawl.plain_text(p_content))
$$;

-- What the writer of a new version needs, asked before a model is paid for. Outcomes: ok; reflection_not_found;
-- not_an_update (nobody called for one); submitted (with new_version: done before); refused (given up before, or now:
-- five attempts from which no version came are enough, and a person is told); superseded (the judged version is no
-- longer live); skipped (with reason, as pawl.update_block; or placebo: by a coin the live text is put to the test in
-- place of a new one, and the update stays owed).
create function public.pawl_begin_update(p_reflection_id uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  max_attempts constant integer := 5;
  v_log pawl.reflection_logs;
  v_prompt pawl.system_prompts;
  v_placebo pawl.system_prompts;
  v_settings pawl.loop_settings;
  v_result jsonb;
  v_block text;
begin
  select * into v_log from pawl.reflection_logs where id = p_reflection_id;
  if not found then
    return jsonb_build_object('outcome', 'reflection_not_found');
  end if;
  -- In the order in which a version is submitted: the assistant, since a placebo may be put to the test here; then the
  -- reflection, so that of many at once no more than max_attempts begin.
  perform from pawl.assistants where id = v_log.assistant_id for no key update;
  select * into v_log from pawl.reflection_logs where id = p_reflection_id for update;
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
  select * into v_settings from pawl.loop_settings where assistant_id = v_log.assistant_id;
  if random() < v_settings.placebo_share then
    v_placebo := pawl.test_placebo(v_prompt);
    perform pawl.record_change(
      v_log.assistant_id, 'loop', null, 'test',
      jsonb_build_object('version', v_placebo.version, 'placebo', true,
        'changed', '{"state": {"from": null, "to": "screening"}}'::jsonb),
      v_placebo.change_reason);
    return jsonb_build_object('outcome', 'skipped', 'reason', 'placebo');
  end if;
  update pawl.reflection_logs set update_attempts = update_attempts + 1 where id = p_reflection_id;
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

-- Submits the version a reflection asked for to its test: version + 1, linked to the live one it has to beat. Nothing
-- goes live here. Where a person must approve it, a suggestion is laid before them at once, so that they may while it
-- is tested. What stops an update (pawl.update_block) and the protected clauses are looked at here, under the
-- assistant's lock. Called again for the same reflection it changes nothing. Outcomes: submitted (with new_version,
-- previous_version, change_reason, and suggestion_id where one was laid before a person), skipped (with reason),
-- clauses_missing (with clauses, counted from 1), tried_before (pawl.was_tried: another text is to be written),
-- superseded, refused, not_an_update, reflection_not_found.
create function public.pawl_submit_prompt(
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
  v_suggestion_id uuid;
begin
  select * into v_log from pawl.reflection_logs where id = p_reflection_id;
  if not found then
    return jsonb_build_object('outcome', 'reflection_not_found');
  end if;
  -- Everyone who submits for this assistant waits here. (FOR NO KEY UPDATE: chats that open a session do not.)
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
  elsif pawl.was_tried(v_log.assistant_id, v_parent.id, p_content) then
    return '{"outcome": "tried_before"}';
  end if;

  insert into pawl.system_prompts (
    assistant_id, version, content, created_by, change_reason, previous_version_id, reflection_log_id,
    model_version_id, metadata)
  select v_log.assistant_id, max(version) + 1, p_content, 'system', p_change_reason, v_parent.id, p_reflection_id,
         v_parent.model_version_id, jsonb_build_object('model', p_model)
  from pawl.system_prompts where assistant_id = v_log.assistant_id
  returning * into v_prompt;
  perform pawl.open_test(v_prompt, v_parent.id);
  insert into pawl.suggestions
    (assistant_id, reflection_log_id, suggestion_type, priority, title, description, prompt_id)
  select v_log.assistant_id, v_log.id, 'prompt_change', 'high',
         format('Version %s waits for approval', v_prompt.version), p_change_reason, v_prompt.id
  from pawl.loop_settings s where s.assistant_id = v_log.assistant_id and s.approval_required
  returning id into v_suggestion_id;
  update pawl.reflection_logs
    set new_prompt_version = v_prompt.version, update_outcome = 'submitted',
        suggestion_id = coalesce(v_suggestion_id, suggestion_id)
    where id = p_reflection_id
    returning * into v_log;
  perform pawl.record_change(
    v_log.assistant_id, 'loop', null, 'submit',
    jsonb_build_object('reflection_id', p_reflection_id, 'version', v_prompt.version,
        'changed', '{"state": {"from": null, "to": "screening"}}'::jsonb)
      || case when v_suggestion_id is not null then jsonb_build_object('suggestion_id', v_suggestion_id) else '{}' end,
    p_change_reason);
  return pawl.update_result(v_log);
end
$$;

-- Gives up on the version a reflection asked for (the guards found nothing they could let through) and opens an
-- escalation for a person. p_reason names the guards, never text. Outcomes: ok with suggestion_id; refused (before);
-- submitted (too late); not_an_update; reflection_not_found.
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
    values (v_log.assistant_id, v_log.id, 'escalation', 'high', 'A better prompt was needed and none could be written',
            p_reason)
    returning id into v_suggestion_id;
  update pawl.reflection_logs set update_outcome = 'refused', suggestion_id = v_suggestion_id
    where id = p_reflection_id;
  return jsonb_build_object('outcome', 'ok', 'suggestion_id', v_suggestion_id);
end
$$;

revoke execute on function
  pawl.go_live(uuid, text, boolean),
  pawl.end_suggestions(),
  pawl.missing_clauses(uuid, text),
  pawl.update_result(pawl.reflection_logs),
  pawl.test_placebo(pawl.system_prompts),
  pawl.plain_text(text),
  pawl.was_tried(uuid, uuid, text),
  public.pawl_begin_update(uuid),
  public.pawl_submit_prompt(uuid, uuid, text, text, text),
  public.pawl_refuse_update(uuid, text)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_begin_update(uuid),
  public.pawl_submit_prompt(uuid, uuid, text, text, text),
  public.pawl_refuse_update(uuid, text)
to service_role;
