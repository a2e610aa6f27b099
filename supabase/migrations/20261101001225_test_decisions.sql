-- What people decide about versions that prove themselves (see steering): approve, reject, force, test.

-- True of a version that a test of runs.
create function pawl.is_in_test(p_prompt_id uuid) returns boolean
language sql stable
set search_path = ''
as $$
  select exists (
    select from pawl.prompt_tests t where t.candidate_id = p_prompt_id and t.state in ('screening', 'proving'))
$$;

-- Approves a version in test: it may be shown to people, and go live once it has proved itself. One that has, and
-- waited for this alone, goes live now. `about`: version, suggestion_id where one asked for it, receipt_id where the
-- version is live by this, `held` (the reason) where it is proved and something else still keeps it back.
create function pawl.approve(s pawl.steering, p_prompt pawl.system_prompts, p_reason text) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_test pawl.prompt_tests;
  v_suggestion pawl.suggestions := pawl.open_suggestion(p_prompt.id);
  v_missing integer[] := pawl.missing_clauses(s.assistant_id, p_prompt.content);
  v_promoted jsonb := '{}';
begin
  select * into v_test from pawl.prompt_tests
    where candidate_id = p_prompt.id and state in ('screening', 'proving') for no key update;
  if not found then
    return jsonb_build_object('outcome', 'test_not_found');
  elsif v_missing <> '{}' and not p_prompt.placebo then
    return jsonb_build_object('outcome', 'clauses_missing', 'clauses', v_missing);
  end if;
  update pawl.system_prompts set approved_at = now(), approved_by = pawl.known_user(s.actor_id)
    where id = p_prompt.id and approved_at is null;
  update pawl.suggestions
    set status = 'approved', reviewed_by = pawl.known_user(s.actor_id), reviewed_at = now(), review_notes = p_reason
    where id = v_suggestion.id and status = 'pending';
  if v_test.held = 'awaiting_approval' then
    update pawl.prompt_tests set held = null where id = v_test.id;
    if v_test.verdict is not null then
      v_promoted := pawl.promote_test(v_test.id);
    end if;
  end if;
  return pawl.changed(
    s, 'approve',
    jsonb_build_object('version', p_prompt.version) || jsonb_strip_nulls(jsonb_build_object(
      'suggestion_id', v_suggestion.id, 'receipt_id', v_promoted -> 'receipt_id',
      'held', case v_promoted ->> 'outcome' when 'held' then v_promoted -> 'reason' end)),
    jsonb_build_object('approved', p_prompt.approved_at is not null, 'status', v_suggestion.status),
    jsonb_build_object('approved', true, 'status', (
      select g.status from pawl.suggestions g where g.id = v_suggestion.id)),
    p_reason);
end
$$;

-- Rejects a version in test, and ends its test.
create function pawl.reject(s pawl.steering, p_prompt pawl.system_prompts, p_reason text) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_suggestion pawl.suggestions := pawl.open_suggestion(p_prompt.id);
begin
  if not pawl.is_in_test(p_prompt.id) then
    return jsonb_build_object('outcome', 'test_not_found');
  end if;
  update pawl.system_prompts set approved_at = null, approved_by = null where id = p_prompt.id;
  update pawl.suggestions
    set reviewed_by = pawl.known_user(s.actor_id), reviewed_at = now(), review_notes = p_reason
    where id = v_suggestion.id;
  perform pawl.close_test(s.assistant_id, 'by_hand', true);
  return pawl.changed(
    s, 'reject',
    jsonb_build_object('version', p_prompt.version)
      || jsonb_strip_nulls(jsonb_build_object('suggestion_id', v_suggestion.id)),
    jsonb_build_object('state', p_prompt.state, 'status', v_suggestion.status),
    jsonb_build_object('state', 'rejected', 'status', case when v_suggestion.id is not null then 'rejected' end),
    p_reason);
end
$$;

-- Approves the version that is in test. Outcomes besides: version_not_found; test_not_found (it is in none);
-- clauses_missing (with clauses).
create function public.pawl_approve_version(
  p_version integer, p_reason text default null, p_assistant text default null, p_organization_id uuid default null,
  p_user_id uuid default null
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
  select * into v_prompt from pawl.system_prompts where assistant_id = s.assistant_id and version = p_version;
  if v_prompt.id is null then
    return jsonb_build_object('outcome', 'version_not_found');
  elsif v_prompt.is_active then
    return pawl.changed(s, 'approve', jsonb_build_object('version', p_version), '{}', '{}', p_reason);
  end if;
  return pawl.approve(s, v_prompt, p_reason);
end
$$;

-- Rejects the version that is in test. Outcomes besides: version_not_found; test_not_found (it is in none).
create function public.pawl_reject_version(
  p_version integer, p_reason text default null, p_assistant text default null, p_organization_id uuid default null,
  p_user_id uuid default null
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
  select * into v_prompt from pawl.system_prompts where assistant_id = s.assistant_id and version = p_version;
  if v_prompt.id is null then
    return jsonb_build_object('outcome', 'version_not_found');
  elsif v_prompt.state = 'rejected' then
    return pawl.changed(s, 'reject', jsonb_build_object('version', p_version), '{}', '{}', p_reason);
  end if;
  return pawl.reject(s, v_prompt, p_reason);
end
$$;

-- Makes a version live without its proof, on a person's word alone: the record says `force`, no receipt says that it is
-- better, and its test ends. Outcomes besides: version_not_found; not_testable (a placebo: its text is live already);
-- clauses_missing (with clauses).
create function public.pawl_force_version(
  p_version integer, p_reason text default null, p_assistant text default null, p_organization_id uuid default null,
  p_user_id uuid default null
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
  select * into v_prompt from pawl.system_prompts where assistant_id = s.assistant_id and version = p_version;
  if v_prompt.placebo then
    return jsonb_build_object('outcome', 'not_testable');
  elsif not v_prompt.is_active and pawl.missing_clauses(s.assistant_id, v_prompt.content) <> '{}' then
    return jsonb_build_object(
      'outcome', 'clauses_missing', 'clauses', pawl.missing_clauses(s.assistant_id, v_prompt.content));
  end if;
  return pawl.switch(s, 'force', p_version, p_reason);
end
$$;

-- Puts a version to the test: a draft, or one that was rejected or rolled back; with p_placebo the live text once more,
-- as a version of its own. It does not approve it. Once it is in test, doing so again is nothing. Outcomes besides:
-- version_not_found; in_proof (with version: another is in test); not_testable (it is live or retired, a placebo, or
-- the live text again with the same model; or there is no live version or no rubric to test it by); clauses_missing (with clauses).
create function public.pawl_test_version(
  p_version integer default null, p_placebo boolean default false, p_reason text default null,
  p_assistant text default null, p_organization_id uuid default null, p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold(p_assistant, p_organization_id, p_user_id, p_reason);
  v_live pawl.system_prompts;
  v_prompt pawl.system_prompts;
  v_in_test pawl.system_prompts;
begin
  p_placebo := coalesce(p_placebo, false);
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  select * into v_live from pawl.system_prompts where assistant_id = s.assistant_id and is_active;
  select * into v_prompt from pawl.system_prompts where assistant_id = s.assistant_id and version = p_version;
  select * into v_in_test from pawl.system_prompts
    where assistant_id = s.assistant_id and state in ('screening', 'proving');
  if v_prompt.id is null and not (p_placebo and p_version is null) then
    return jsonb_build_object('outcome', 'version_not_found');
  elsif v_prompt.id = v_in_test.id and not p_placebo then
    return pawl.changed(s, 'test', jsonb_build_object('version', p_version), '{}', '{}', p_reason);
  elsif v_in_test.id is not null then
    return jsonb_build_object('outcome', 'in_proof', 'version', v_in_test.version);
  elsif v_live.id is null
        or not exists (select from pawl.rubrics r where r.assistant_id = s.assistant_id and r.is_active) then
    return jsonb_build_object('outcome', 'not_testable');
  elsif p_placebo and p_version is null then
    v_prompt := pawl.test_placebo(v_live);
    return pawl.changed(
      s, 'test', jsonb_build_object('version', v_prompt.version, 'placebo', true),
      '{"state": null}', '{"state": "screening"}', p_reason);
  elsif p_placebo or v_prompt.placebo
        or v_prompt.content = v_live.content and v_prompt.model_version_id is not distinct from v_live.model_version_id
        or v_prompt.state not in ('draft', 'rejected', 'rolled_back') then
    return jsonb_build_object('outcome', 'not_testable');
  elsif pawl.missing_clauses(s.assistant_id, v_prompt.content) <> '{}' then
    return jsonb_build_object(
      'outcome', 'clauses_missing', 'clauses', pawl.missing_clauses(s.assistant_id, v_prompt.content));
  end if;
  perform pawl.open_test(v_prompt, v_live.id);
  return pawl.changed(
    s, 'test', jsonb_build_object('version', p_version),
    jsonb_build_object('state', v_prompt.state), '{"state": "screening"}', p_reason);
end
$$;

revoke execute on function
  pawl.is_in_test(uuid),
  pawl.approve(pawl.steering, pawl.system_prompts, text),
  pawl.reject(pawl.steering, pawl.system_prompts, text),
  public.pawl_approve_version(integer, text, text, uuid, uuid),
  public.pawl_reject_version(integer, text, text, uuid, uuid),
  public.pawl_force_version(integer, text, text, uuid, uuid),
  public.pawl_test_version(integer, boolean, text, text, uuid, uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_approve_version(integer, text, text, uuid, uuid),
  public.pawl_reject_version(integer, text, text, uuid, uuid),
  public.pawl_force_version(integer, text, text, uuid, uuid),
  public.pawl_test_version(integer, boolean, text, text, uuid, uuid)
to authenticated, service_role;
