-- What people decide about suggestions (see steering): approve, reject.

create function pawl.take_hold_of_suggestion(p_suggestion_id uuid, p_user_id uuid, p_reason text)
returns pawl.steering
language sql
set search_path = ''
as $$
  select pawl.take_hold_of(
    (select g.assistant_id from pawl.suggestions g where g.id = p_suggestion_id), 'suggestion_not_found', p_user_id,
    p_reason)
$$;

-- True of a suggestion about a version that is no longer live: there is nothing left to approve. (What is in test is
-- tested against the live one.)
create function pawl.is_superseded(p_suggestion pawl.suggestions) returns boolean
language sql stable
set search_path = ''
as $$
  select p_suggestion.suggestion_type = 'prompt_change' and not pawl.is_in_test(p_suggestion.prompt_id) and not exists (
    select from pawl.system_prompts live
    where live.assistant_id = p_suggestion.assistant_id and live.is_active and live.id = coalesce(
      (select p.previous_version_id from pawl.system_prompts p where p.id = p_suggestion.prompt_id),
      (select l.prompt_id from pawl.reflection_logs l where l.id = p_suggestion.reflection_log_id)))
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

-- Has the loop write what a suggestion says is to be mended; anew, where it gave that up.
create function pawl.have_it_written(s pawl.steering, p_suggestion pawl.suggestions, p_reason text) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_about jsonb := jsonb_build_object('owed', true, 'blocked_by', pawl.update_block(s.assistant_id));
begin
  update pawl.reflection_logs set update_outcome = null, update_attempts = 0
    where id = p_suggestion.reflection_log_id and update_outcome = 'refused';
  if found and p_suggestion.status = 'approved' then
    return pawl.changed(
      s, 'approve', jsonb_build_object('suggestion_id', p_suggestion.id) || v_about,
      '{"update": "refused"}', '{"update": "owed"}', p_reason);
  elsif p_suggestion.status = 'approved' then
    return pawl.changed(s, 'approve', jsonb_build_object('suggestion_id', p_suggestion.id), '{}', '{}', p_reason);
  end if;
  return pawl.review(s, p_suggestion, 'approved', 'approve', v_about, p_reason);
end
$$;

-- Approves a suggestion. One about a version in test approves that version (see pawl_approve_version); one about a
-- version written by hand makes it live. One that only says what to mend has the loop write a version: it is owed
-- (`about.owed`), and written at the next call that nothing stands in the way of (`about.blocked_by`). Where the loop
-- gave that up (no draft was let through), approving once more has it tried anew. An escalation is acknowledged.
-- Outcomes besides: suggestion_not_found; already_reviewed (with status: rejected); superseded (with live_version: it
-- is about another version); test_not_found (its version is not in test any more: test it again, or force it);
-- clauses_missing (with clauses).
create function public.pawl_approve_suggestion(
  p_suggestion_id uuid, p_reason text default null, p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold_of_suggestion(p_suggestion_id, p_user_id, p_reason);
  v_suggestion pawl.suggestions;
  v_prompt pawl.system_prompts;
  v_live integer;
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  select * into v_suggestion from pawl.suggestions where id = p_suggestion_id for update;
  if not found then
    return jsonb_build_object('outcome', 'suggestion_not_found'); -- deleted while this waited
  end if;
  select * into v_prompt from pawl.system_prompts where id = v_suggestion.prompt_id;
  v_live := pawl.live_version(s.assistant_id);
  if v_suggestion.status = 'rejected' then
    return jsonb_build_object('outcome', 'already_reviewed', 'status', v_suggestion.status);
  elsif v_suggestion.status = 'implemented'
        or v_suggestion.status = 'approved' and v_suggestion.suggestion_type <> 'prompt_change' then
    return pawl.changed(s, 'approve', jsonb_build_object('suggestion_id', p_suggestion_id), '{}', '{}', p_reason);
  elsif v_suggestion.suggestion_type <> 'prompt_change' then
    return pawl.review(s, v_suggestion, 'approved', 'approve', '{}', p_reason);
  elsif pawl.is_superseded(v_suggestion) then
    return jsonb_build_object('outcome', 'superseded', 'live_version', v_live);
  elsif v_prompt.id is null then
    return pawl.have_it_written(s, v_suggestion, p_reason);
  elsif pawl.is_in_test(v_prompt.id) or pawl.is_unproved(v_prompt) then
    return pawl.approve(s, v_prompt, p_reason);
  elsif pawl.missing_clauses(s.assistant_id, v_prompt.content) <> '{}' then
    return jsonb_build_object(
      'outcome', 'clauses_missing', 'clauses', pawl.missing_clauses(s.assistant_id, v_prompt.content));
  end if;
  perform pawl.go_live(v_prompt.id);
  return pawl.review(s, v_suggestion, 'implemented', 'approve', jsonb_build_object('version', v_prompt.version), p_reason,
    v_live, v_prompt.version);
end
$$;

-- Rejects a suggestion; one that was approved and not yet implemented, too. A version that the loop wrote is rejected
-- with it, and its test ends. Outcomes besides: suggestion_not_found; already_reviewed (with status: implemented; roll
-- back instead).
create function public.pawl_reject_suggestion(
  p_suggestion_id uuid, p_reason text default null, p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold_of_suggestion(p_suggestion_id, p_user_id, p_reason);
  v_suggestion pawl.suggestions;
  v_prompt pawl.system_prompts;
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  select * into v_suggestion from pawl.suggestions where id = p_suggestion_id for update;
  if not found then
    return jsonb_build_object('outcome', 'suggestion_not_found'); -- deleted while this waited
  elsif v_suggestion.status = 'implemented' then
    return jsonb_build_object('outcome', 'already_reviewed', 'status', v_suggestion.status);
  elsif v_suggestion.status = 'rejected' then
    return pawl.changed(s, 'reject', jsonb_build_object('suggestion_id', p_suggestion_id), '{}', '{}', p_reason);
  end if;
  select * into v_prompt from pawl.system_prompts where id = v_suggestion.prompt_id;
  if pawl.is_in_test(v_prompt.id) then
    return pawl.reject(s, v_prompt, p_reason);
  end if;
  update pawl.system_prompts set state = 'rejected', approved_at = null, approved_by = null
    where id = v_prompt.id and state = 'draft' and created_by = 'system';
  return pawl.review(s, v_suggestion, 'rejected', 'reject', '{}', p_reason);
end
$$;

revoke execute on function
  pawl.take_hold_of_suggestion(uuid, uuid, text),
  pawl.is_superseded(pawl.suggestions),
  pawl.review(pawl.steering, pawl.suggestions, text, text, jsonb, text, integer, integer),
  pawl.have_it_written(pawl.steering, pawl.suggestions, text),
  public.pawl_approve_suggestion(uuid, text, uuid),
  public.pawl_reject_suggestion(uuid, text, uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_approve_suggestion(uuid, text, uuid),
  public.pawl_reject_suggestion(uuid, text, uuid)
to authenticated, service_role;
