-- A reflection: claimed by lease, recorded in one transaction. Secret key only.

-- Versions that the loop wrote in the last 24 hours. (A placebo changes nothing; that a model is tuned is no change of
-- the prompt.)
create function pawl.updates_today(p_assistant_id uuid) returns bigint
language sql stable
set search_path = ''
as $$
  select count(*) from pawl.system_prompts p
  where p.assistant_id = p_assistant_id and p.created_by = 'system' and not p.placebo
    and not p.metadata ? 'model_version' and p.created_at > now() - interval '24 hours'
$$;

-- Until when the cooldown runs, null when it does not: from the last change of the live prompt, whoever made it, so that a
-- rollback is not undone the minute after. (No cooldown is none: a change by a transaction that began after this one is in
-- its future.)
create function pawl.cooldown_until(s pawl.loop_settings) returns timestamptz
language sql stable
set search_path = ''
as $$
  select max(p.activated_at) + s.cooldown_hours * interval '1 hour' from pawl.system_prompts p
  where p.assistant_id = s.assistant_id and s.cooldown_hours > 0
    and p.activated_at > now() - s.cooldown_hours * interval '1 hour'
$$;

-- Why the loop may not write a version for this assistant now: paused, locked, in_proof (another is in test, be it only
-- that it waits for approval), yearly_budget (no test is left this year), daily_limit, cooldown, insufficient_data (no
-- rubric to test it by), or judge_not_trusted (it failed its trial in the last 7 days); null when it may. The one place for this rule: claiming a reflection, beginning an update
-- and submitting a version all ask it. p_paced false: as far as it concerns putting a tuned model to the test, which
-- neither the day's limit nor the cooldown is about.
create function pawl.update_block(p_assistant_id uuid, p_paced boolean default true) returns text
language sql stable
set search_path = ''
as $$
  select case
    when pawl.is_paused(s) then 'paused'
    when exists (select from pawl.system_prompts p where p.assistant_id = s.assistant_id and p.is_active and p.locked)
      then 'locked'
    when exists (
      select from pawl.prompt_tests t where t.assistant_id = s.assistant_id and t.state in ('screening', 'proving'))
      then 'in_proof'
    when s.yearly_budget and exists (
      select from pawl.prompt_tests t
      where t.assistant_id = s.assistant_id and t.ledger_year = extract(year from pawl.today())
        and t.ledger_position >= 60)
      then 'yearly_budget'
    when p_paced and s.max_updates_per_day <= pawl.updates_today(s.assistant_id) then 'daily_limit'
    when p_paced and pawl.cooldown_until(s) is not null then 'cooldown'
    when not exists (select from pawl.rubrics r where r.assistant_id = s.assistant_id and r.is_active)
      then 'insufficient_data'
    when not (
      select t.passed from pawl.judge_trials t join pawl.rubrics r on r.id = t.rubric_id
      where t.assistant_id = s.assistant_id and t.judge_model = s.judge_model and r.is_active
        and t.created_at > now() - interval '7 days'
      order by t.created_at desc limit 1) then 'judge_not_trusted'
  end
  from pawl.loop_settings s where s.assistant_id = p_assistant_id
$$;

-- Answers of a version that wait for their judgement, newest first: [{message_id, user_message, answer}, …]. Beside an
-- answer stands the one user message it answers, not every earlier one of the session.
create function pawl.unjudged_answers(p_prompt_id uuid, p_since timestamptz, p_limit integer)
returns table (message_id uuid, session_id uuid, user_message text, answer text)
language sql stable
set search_path = ''
as $$
  select a.id, a.session_id, q.content, a.content
  from pawl.messages a
  join pawl.turns t on t.answer_message_id = a.id
  join pawl.messages q on q.id = t.user_message_id
  join pawl.sessions s on s.id = a.session_id
  where a.prompt_id = p_prompt_id and a.role = 'assistant' and a.created_at > p_since and s.deleted_at is null
    and not exists (select from pawl.message_evaluations e where e.message_id = a.id)
  order by a.created_at desc, a.seq desc
  limit p_limit
$$;

-- The approved suggestions of an assistant that say what to mend, and for which no version has been written yet.
create function pawl.approved_suggestions(p_assistant_id uuid) returns setof pawl.suggestions
language sql stable rows 5
set search_path = ''
as $$
  select s.* from pawl.suggestions s
  where s.assistant_id = p_assistant_id and s.status = 'approved' and s.suggestion_type = 'prompt_change'
    and s.prompt_id is null
$$;

-- True when a new prompt is to be written for this reflection: its score called for one, or a person did.
create function pawl.calls_for_update(p_log pawl.reflection_logs) returns boolean
language sql stable
set search_path = ''
as $$
  select p_log.action_taken = 'prompt_update' or exists (
    select from pawl.approved_suggestions(p_log.assistant_id) s where s.reflection_log_id = p_log.id)
$$;

-- The reflection on a live version whose update is still to be made: the newest one, where it called for one and is not
-- older than p_since, or one whose suggestion a person approved since the version went live; null when there is none.
create function pawl.owed_update(p_prompt pawl.system_prompts, p_since timestamptz) returns uuid
language sql stable
set search_path = ''
as $$
  with last as (
    select l.* from pawl.reflection_logs l
    where l.assistant_id = p_prompt.assistant_id and l.action_taken <> 'rollback' order by l.created_at desc limit 1
  ), called_for as (
    select last.id from last where last.action_taken = 'prompt_update' and last.created_at > p_since
    union all
    select s.reflection_log_id from pawl.approved_suggestions(p_prompt.assistant_id) s
    where s.reviewed_at >= coalesce(p_prompt.activated_at, '-infinity')
  )
  select l.id from called_for c join pawl.reflection_logs l on l.id = c.id
  where l.prompt_id = p_prompt.id and l.update_outcome is null
  order by l.created_at limit 1
$$;

-- What one assistant needs: {"task": {"judge": {…}} | {"update": {…}}}, or {"reason": …} why nothing now.
-- `update` as in pawl.owed_update.
-- p_force judges although not due, paused, locked or out of updates; it never makes too little data enough.
create function pawl.next_task(p_assistant pawl.assistants, p_force boolean, p_dry_run boolean) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  v_settings pawl.loop_settings;
  v_prompt pawl.system_prompts;
  v_rubric pawl.rubrics;
  v_block text := pawl.update_block(p_assistant.id);
  v_last timestamptz;
  v_since timestamptz;
  v_owed uuid;
  v_waiting integer;
  v_conversations integer;
begin
  if v_block in ('paused', 'locked', 'daily_limit') and not p_force then
    return jsonb_build_object('reason', v_block);
  end if;
  select * into v_settings from pawl.loop_settings where assistant_id = p_assistant.id;
  select * into v_prompt from pawl.system_prompts where assistant_id = p_assistant.id and is_active;
  select * into v_rubric from pawl.rubrics where assistant_id = p_assistant.id and is_active;
  if v_prompt.id is null or v_rubric.id is null then
    return jsonb_build_object('reason', 'insufficient_data');
  end if;
  v_since := now() - v_settings.window_hours * interval '1 hour';

  v_owed := pawl.owed_update(v_prompt, v_since);
  if v_owed is not null and v_block is null and not p_dry_run then
    return jsonb_build_object('task', jsonb_build_object('update', jsonb_build_object('reflection_id', v_owed)));
  end if;

  select max(created_at) into v_last from pawl.reflection_logs
    where assistant_id = p_assistant.id and action_taken <> 'rollback';

  -- No more than the larger bound is ever counted.
  select count(*), count(distinct u.session_id) into v_waiting, v_conversations
    from pawl.unjudged_answers(
      v_prompt.id, v_since, greatest(v_settings.reflect_every_messages, v_settings.max_conversations)) u;
  -- Conversations, not answers: one talkative person is not enough to judge a prompt by.
  if v_conversations < v_settings.min_conversations then
    return jsonb_build_object('reason', 'insufficient_data');
  elsif not p_force and v_waiting < v_settings.reflect_every_messages
        and v_last > now() - v_settings.reflect_every_hours * interval '1 hour' then
    return jsonb_build_object('reason', 'cooldown');
  end if;

  return jsonb_build_object('task', jsonb_build_object('judge', jsonb_build_object(
    'window_start', v_since,
    'window_end', now(),
    'prompt', jsonb_build_object('id', v_prompt.id, 'version', v_prompt.version, 'content', v_prompt.content),
    'rubric', jsonb_build_object('id', v_rubric.id, 'criteria', v_rubric.criteria),
    'judge_model', v_settings.judge_model,
    'thresholds', jsonb_build_object(
      'auto_update', v_settings.auto_update_threshold,
      'suggestion', v_settings.suggestion_threshold,
      'acceptable', v_settings.acceptable_threshold),
    'exchanges', (
      select jsonb_agg(jsonb_build_object(
        'message_id', u.message_id,
        'exchange', jsonb_build_object('user_message', u.user_message, 'answer', u.answer)))
      from pawl.unjudged_answers(v_prompt.id, v_since, v_settings.max_conversations) u))));
end
$$;

-- Claims the reflection of one assistant: as pawl.claim, with {about, task} as the claim and `task` as pawl.next_task.
create function public.pawl_claim_reflection(
  p_holder uuid,
  p_organization_id uuid default null,
  p_assistant text default null,
  p_force boolean default false,
  p_dry_run boolean default false,
  p_before timestamptz default null,
  p_lease_seconds integer default 150
) returns jsonb
language sql security definer
set search_path = ''
as $$
  select pawl.claim(
    'reflection', p_holder, p_organization_id, p_assistant, p_force, p_dry_run, p_before, p_lease_seconds)
$$;

-- Gives a lease back. Outcomes: ok, lease_lost.
create function public.pawl_release_reflection(p_holder uuid, p_assistant_id uuid) returns jsonb
language sql security definer
set search_path = ''
as $$ select pawl.release('reflection', p_holder, p_assistant_id) $$;

-- Stores what a reflection found: one evaluation an answer (none is judged twice), one log row, the suggestion if it
-- made one, and the version's new mean. Only for the holder of a lease that still runs. Where every answer has been judged
-- before, it changes nothing and returns the reflection that did.
--
-- p_reflection: {assistant_id, prompt_id, rubric_id, window_start, window_end, action, overall, criterion_scores,
-- strengths, weaknesses, patterns, judge_model, raw_analysis, evaluations: [{message_id, overall, discarded, scores}],
-- suggestion: null | {type, priority, title, description, proposed_change}}.
-- Outcomes: ok with reflection_id and suggestion_id; lease_lost.
create function public.pawl_record_reflection(p_holder uuid, p_reflection jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_assistant_id uuid := (p_reflection ->> 'assistant_id')::uuid;
  v_prompt_id uuid := (p_reflection ->> 'prompt_id')::uuid;
  v_evaluations jsonb := p_reflection -> 'evaluations';
  v_reflection_id uuid;
  v_suggestion_id uuid;
begin
  perform from pawl.leases
    where assistant_id = v_assistant_id and kind = 'reflection' and holder = p_holder and expires_at > now()
    for update;
  if not found then
    return jsonb_build_object('outcome', 'lease_lost');
  end if;

  -- The same once more, of a client whose reply was lost: nothing in it is new.
  select e.reflection_log_id into v_reflection_id
    from jsonb_array_elements(v_evaluations) given
    join pawl.messages m on m.id = (given ->> 'message_id')::uuid
    left join pawl.message_evaluations e on e.message_id = m.id
    order by e.message_id is null desc, e.created_at desc limit 1;
  if v_reflection_id is not null then
    return jsonb_build_object('outcome', 'ok', 'reflection_id', v_reflection_id, 'suggestion_id', (
      select l.suggestion_id from pawl.reflection_logs l where l.id = v_reflection_id));
  end if;

  insert into pawl.reflection_logs (
    assistant_id, messages_analyzed, messages_discarded, time_window_start, time_window_end, prompt_id,
    prompt_version_evaluated, rubric_id, criterion_scores, overall_score, strengths, weaknesses, patterns_noticed,
    action_taken, judge_model, raw_analysis)
  select v_assistant_id,
         jsonb_array_length(v_evaluations),
         (select count(*) from jsonb_array_elements(v_evaluations) e where (e ->> 'discarded')::boolean),
         (p_reflection ->> 'window_start')::timestamptz,
         (p_reflection ->> 'window_end')::timestamptz,
         p.id, p.version,
         (p_reflection ->> 'rubric_id')::uuid,
         p_reflection -> 'criterion_scores',
         (p_reflection ->> 'overall')::numeric,
         array(select jsonb_array_elements_text(p_reflection -> 'strengths')),
         array(select jsonb_array_elements_text(p_reflection -> 'weaknesses')),
         array(select jsonb_array_elements_text(p_reflection -> 'patterns')),
         p_reflection ->> 'action',
         p_reflection ->> 'judge_model',
         p_reflection -> 'raw_analysis'
  from pawl.system_prompts p where p.id = v_prompt_id
  returning id into strict v_reflection_id;

  insert into pawl.message_evaluations (message_id, reflection_log_id, prompt_id, overall, discarded, scores)
  select (e ->> 'message_id')::uuid, v_reflection_id, v_prompt_id, (e ->> 'overall')::numeric,
         (e ->> 'discarded')::boolean, e -> 'scores'
  from jsonb_array_elements(v_evaluations) e
  -- Its conversation may have been erased while it was judged.
  where exists (select from pawl.messages m where m.id = (e ->> 'message_id')::uuid)
  on conflict (message_id) do nothing;

  update pawl.system_prompts
    set performance_score = (select avg(e.overall) from pawl.message_evaluations e where e.prompt_id = v_prompt_id)
    where id = v_prompt_id;

  if jsonb_typeof(p_reflection -> 'suggestion') = 'object' then
    insert into pawl.suggestions
      (assistant_id, reflection_log_id, suggestion_type, priority, title, description, proposed_change)
    select v_assistant_id, v_reflection_id, s ->> 'type', s ->> 'priority', s ->> 'title', s ->> 'description',
           s ->> 'proposed_change'
    from (select p_reflection -> 'suggestion' as s) given
    returning id into v_suggestion_id;
    update pawl.reflection_logs set suggestion_id = v_suggestion_id where id = v_reflection_id;
  end if;
  return jsonb_build_object('outcome', 'ok', 'reflection_id', v_reflection_id, 'suggestion_id', v_suggestion_id);
end
$$;

-- Counts a call of the judge's or the writer's model, made for the assistant of this version. Outcomes: ok,
-- prompt_not_found.
create function public.pawl_record_usage(p_prompt_id uuid, p_purpose text, p_model text, p_usage jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
begin
  perform pawl.record_usage(a.organization_id, null, p_purpose, p_model, p_usage)
    from pawl.system_prompts p join pawl.assistants a on a.id = p.assistant_id where p.id = p_prompt_id;
  return jsonb_build_object('outcome', case when found then 'ok' else 'prompt_not_found' end);
end
$$;

revoke execute on function
  public.pawl_record_usage(uuid, text, text, jsonb),
  pawl.updates_today(uuid),
  pawl.cooldown_until(pawl.loop_settings),
  pawl.update_block(uuid, boolean),
  pawl.unjudged_answers(uuid, timestamptz, integer),
  pawl.approved_suggestions(uuid),
  pawl.calls_for_update(pawl.reflection_logs),
  pawl.owed_update(pawl.system_prompts, timestamptz),
  pawl.next_task(pawl.assistants, boolean, boolean),
  public.pawl_claim_reflection(uuid, uuid, text, boolean, boolean, timestamptz, integer),
  public.pawl_release_reflection(uuid, uuid),
  public.pawl_record_reflection(uuid, jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_record_usage(uuid, text, text, jsonb),
  public.pawl_claim_reflection(uuid, uuid, text, boolean, boolean, timestamptz, integer),
  public.pawl_release_reflection(uuid, uuid),
  public.pawl_record_reflection(uuid, jsonb)
to service_role;
