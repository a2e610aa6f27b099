-- A tuned model's way in and out: its trainer's word, its test, and what becomes of it. It is let in as prompts are, by
-- its test; one that does not answer goes by itself. Secret key only.

-- What its trainer says of it ----------------------------------------------------------------------------------------

-- What of a dataset is not as the trainer says it received it ({manifest_sha256, parts: {path: sha256}}), as the answer
-- of a callback; null when all is.
create function pawl.dataset_fault(p_version pawl.model_versions, p_dataset jsonb) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'outcome', case when f.said is null then 'part_missing' else 'dataset_changed' end, 'part', f.part)
  from (
    select 'manifest' as part, p_version.manifest_sha256 as sha256, p_dataset ->> 'manifest_sha256' as said, 0 as n
    union all
    select coalesce(p.path, g.key), p.sha256, g.value, 1
    from (select d.path, d.sha256 from pawl.dataset_parts d where d.model_version_id = p_version.id) p
    full join jsonb_each_text(
      case jsonb_typeof(p_dataset -> 'parts') when 'object' then p_dataset -> 'parts' else '{}' end) g on g.key = p.path
  ) f
  where f.said is distinct from f.sha256
  order by f.n, f.part limit 1
$$;

-- What the trainer says of a model version, by a callback whose signature held. p_status: accepted (it is at work);
-- succeeded, with p_metrics ({name: number}), the dataset it used (as pawl.dataset_fault) and where the model answers;
-- failed, with p_error, a code. Each callback counts once. Outcomes: ok with status, organization_id, assistant_id and
-- assistant; and such as change nothing: replayed; version_not_found; not_training (with status: there is nothing to
-- wait for, or it was decided); part_missing and dataset_changed (with part: a path, or manifest); model_missing.
create function public.pawl_training_callback(
  p_callback_id text, p_model_version_id uuid, p_status text, p_metrics jsonb default null,
  p_dataset jsonb default null, p_base_url text default null, p_model text default null, p_error text default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_version pawl.model_versions;
  v_fault jsonb;
begin
  -- As who deletes an organisation, or an assistant, goes: what is written below refers to both.
  perform from pawl.organizations o
    where o.id = (select m.organization_id from pawl.model_versions m where m.id = p_model_version_id) for key share;
  perform from pawl.assistants a
    where a.id = (select m.assistant_id from pawl.model_versions m where m.id = p_model_version_id) for key share;
  select * into v_version from pawl.model_versions where id = p_model_version_id for no key update;
  if not found then
    return '{"outcome": "version_not_found"}';
  elsif exists (select from pawl.training_callbacks where callback_id = p_callback_id) then
    return '{"outcome": "replayed"}';
  elsif v_version.status not in ('pending', 'training') then
    return jsonb_build_object('outcome', 'not_training', 'status', v_version.status);
  end if;
  if p_status = 'succeeded' then
    v_fault := pawl.dataset_fault(v_version, p_dataset);
    if v_fault is not null then
      return v_fault;
    elsif coalesce(p_base_url, '') !~ '\S' or coalesce(p_model, '') !~ '\S' then
      return '{"outcome": "model_missing"}';
    end if;
  elsif p_status is null or p_status not in ('accepted', 'failed') then
    raise exception 'a callback does not say %', p_status;
  end if;

  insert into pawl.training_callbacks (callback_id, model_version_id, at)
    values (p_callback_id, p_model_version_id, now()) on conflict do nothing;
  if not found then
    return '{"outcome": "replayed"}'; -- of another version, at this moment
  end if;
  -- Who answers has heard.
  update pawl.webhook_deliveries set state = 'delivered', delivered_at = now()
    where model_version_id = p_model_version_id and state in ('waiting', 'sending');
  if p_status = 'succeeded' then
    insert into pawl.eval_results (organization_id, assistant_id, model_version_id, eval_type, score)
      select v_version.organization_id, v_version.assistant_id, v_version.id, m.key, m.value::text::double precision
      from jsonb_each(coalesce(nullif(p_metrics, 'null'), '{}')) m
      where jsonb_typeof(m.value) = 'number' and m.key ~ '^[a-z][a-z0-9_]{0,40}$'
      order by m.key;
    update pawl.model_versions
      set status = 'trained', metrics = coalesce(nullif(p_metrics, 'null'), '{}'), base_url = p_base_url,
          model = p_model
      where id = v_version.id;
  elsif p_status = 'failed' then
    perform pawl.fail_model(
      v_version, case when p_error ~ '^[a-z0-9_]{1,40}$' then p_error else 'trainer_failed' end,
      'Its trainer reported that it failed. Nothing serves it; look there, and start another.');
  else
    update pawl.model_versions set status = 'training' where id = v_version.id and status = 'pending';
  end if;
  return (
    select jsonb_build_object('outcome', 'ok', 'status', m.status, 'organization_id', a.organization_id,
      'assistant_id', a.id, 'assistant', a.slug)
    from pawl.model_versions m join pawl.assistants a on a.id = m.assistant_id where m.id = v_version.id);
end
$$;

-- Its test -----------------------------------------------------------------------------------------------------------

-- The version that a trained model is tested as: the live text byte for byte, served by it. One that was a draft again
-- after a test that decided nothing is taken once more, while its text is still the live one.
create function pawl.candidate_for(p_version pawl.model_versions, p_live pawl.system_prompts)
returns pawl.system_prompts
language plpgsql
set search_path = ''
as $$
declare
  v_prompt pawl.system_prompts;
begin
  select * into v_prompt from pawl.system_prompts
    where model_version_id = p_version.id and state = 'draft' and not placebo and content = p_live.content
    order by version desc limit 1;
  if not found then
    insert into pawl.system_prompts (
      assistant_id, version, content, created_by, change_reason, previous_version_id, model_version_id, metadata)
    select p_live.assistant_id, max(version) + 1, p_live.content, 'system',
           format('The live text, answered by model %s (%s), tuned from %s examples', p_version.version,
             p_version.model, p_version.samples),
           p_live.id, p_version.id, jsonb_build_object('model_version', p_version.version)
    from pawl.system_prompts where assistant_id = p_live.assistant_id
    returning * into v_prompt;
  end if;
  return v_prompt;
end
$$;

-- Why a model is not tested anew that its last test decided nothing about: judge_disagrees while the same judge would
-- judge by the same rubric, insufficient_data for 30 days; null otherwise. A test anew takes another place of the year,
-- and would end as that one did.
create function pawl.test_said_nothing(p_model_version_id uuid) returns text
language sql stable
set search_path = ''
as $$
  select case
    when t.reason = 'judge_disagrees' and t.judge_model = s.judge_model and exists (
      select from pawl.rubrics r where r.id = t.rubric_id and r.is_active) then t.reason
    when t.reason = 'insufficient_data' and t.decided_at > now() - interval '30 days' then t.reason
  end
  from pawl.prompt_tests t
  join pawl.system_prompts c on c.id = t.candidate_id
  join pawl.loop_settings s on s.assistant_id = t.assistant_id
  where c.model_version_id = p_model_version_id and not t.placebo
  order by t.created_at desc, t.decided_at desc limit 1
$$;

-- Puts a trained model to the test against the live version, as a version of its own: outcome ok with version, its
-- number; the same again is that. Neither the cooldown nor the day's limit of prompts is about it. Where a person must
-- approve versions, it is laid before them. Further outcomes: held (with reason: paused, locked, in_proof,
-- yearly_budget, judge_not_trusted, no_rubric, no_active_prompt, clauses_missing: the live text lacks one; or as
-- pawl.test_said_nothing); closed (with status: it is not trained yet, or its test is over); lease_lost.
create function public.pawl_open_model_test(p_holder uuid, p_model_version_id uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_version pawl.model_versions;
  v_live pawl.system_prompts;
  v_prompt pawl.system_prompts;
  v_reason text;
begin
  if not pawl.holds('training', p_holder, (
      select m.assistant_id from pawl.model_versions m where m.id = p_model_version_id), true) then
    return '{"outcome": "lease_lost"}';
  end if;
  select * into v_version from pawl.model_versions where id = p_model_version_id;
  select * into v_prompt from pawl.system_prompts
    where model_version_id = p_model_version_id and state in ('screening', 'proving') and not placebo;
  if found and v_version.status = 'testing' then
    return jsonb_build_object('outcome', 'ok', 'version', v_prompt.version);
  elsif v_version.status <> 'trained' then
    return jsonb_build_object('outcome', 'closed', 'status', v_version.status);
  end if;
  select * into v_live from pawl.system_prompts where assistant_id = v_version.assistant_id and is_active;
  v_reason := coalesce(
    case pawl.update_block(v_version.assistant_id, false)
      when 'insufficient_data' then 'no_rubric' else pawl.update_block(v_version.assistant_id, false) end,
    pawl.test_said_nothing(p_model_version_id),
    case when v_live.id is null then 'no_active_prompt'
         when pawl.missing_clauses(v_version.assistant_id, v_live.content) <> '{}' then 'clauses_missing' end);
  if v_reason is not null then
    return jsonb_build_object('outcome', 'held', 'reason', v_reason);
  end if;

  v_prompt := pawl.candidate_for(v_version, v_live);
  perform pawl.open_test(v_prompt, v_live.id);
  perform pawl.ask_for_approval(v_prompt.id) from pawl.loop_settings s
    where s.assistant_id = v_version.assistant_id and s.approval_required;
  perform pawl.record_change(
    v_version.assistant_id, 'loop', null, 'submit',
    jsonb_build_object('version', v_prompt.version, 'model_version', v_version.version,
      'changed', '{"state": {"from": "draft", "to": "screening"}}'::jsonb),
    v_prompt.change_reason);
  return jsonb_build_object('outcome', 'ok', 'version', v_prompt.version);
end
$$;

-- What becomes of it -------------------------------------------------------------------------------------------------

-- What a model is by the versions that it serves: deployed while one is live; in test while one is compared with
-- another model's; else as the last that was live was left; else rejected. A test that was closed undecided has it as it
-- was: trained.
create function pawl.status_by_versions(p_model_version_id uuid) returns text
language sql stable
set search_path = ''
as $$
  select case
    when bool_or(p.is_active) then 'deployed'
    when bool_or(p.state in ('screening', 'proving') and t.another_model is not false) then 'testing'
    when bool_or(p.state in ('retired', 'rolled_back')) then (
      array_agg(p.state order by p.activated_at desc nulls last) filter (where p.state in ('retired', 'rolled_back'))
    )[1]
    when bool_or(p.state = 'draft' or coalesce(
      t.state = 'closed' and t.reason not in ('by_hand', 'model_unreachable'), false)) then 'trained'
    else 'rejected' end
  from pawl.system_prompts p
  left join lateral (
    select q.state, q.reason, b.model_version_id is distinct from p.model_version_id as another_model
    from pawl.prompt_tests q join pawl.system_prompts b on b.id = q.baseline_id
    where q.candidate_id = p.id order by q.created_at desc limit 1
  ) t on true
  where p.model_version_id = p_model_version_id and not p.placebo
$$;

-- Why a version was rejected or taken back, as a code: its test's reason, or of the receipt that is written with it;
-- else it was a person.
create function pawl.reason_it_left(p_prompt pawl.system_prompts) returns text
language sql stable
set search_path = ''
as $$
  select coalesce(
    case p_prompt.state
      when 'rejected' then (
        select t.reason from pawl.prompt_tests t where t.candidate_id = p_prompt.id order by t.created_at desc limit 1)
      when 'rolled_back' then (
        select r.reason from pawl.promotion_receipts r
        where r.assistant_id = p_prompt.assistant_id and r.decision = 'rollback' and r.at >= now()
          and r.document #> '{candidate,version}' = to_jsonb(p_prompt.version)
        order by r.at desc limit 1)
    end, 'by_hand')
$$;

-- A model's status follows the versions that it serves, in the transaction that changes them. That one is rejected for
-- not answering in its test people are told; what else rejects it has a receipt, or was theirs.
create function pawl.follow_version() returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  v_status text := pawl.status_by_versions(new.model_version_id);
  v_reason text;
begin
  update pawl.model_versions m
    set status = v_status,
        reason = case when v_status in ('rejected', 'rolled_back') then pawl.reason_it_left(new) end
    where m.id = new.model_version_id and m.status <> v_status
    returning m.reason into v_reason;
  if v_status = 'rejected' and v_reason = 'model_unreachable' then
    perform pawl.escalate_once(
      new.assistant_id, format('The model of version %s does not answer', new.version),
      'It was put to the test and did not answer. The test is over, and the version rejected.');
  end if;
  return null;
end
$$;
create trigger follow_version after insert or update of state on pawl.system_prompts
  for each row when (new.model_version_id is not null) execute function pawl.follow_version();

-- A model that does not answer ---------------------------------------------------------------------------------------

-- True of an error code that says that a model did not answer: not that it refused, had nothing to say, or would not
-- take what it was asked, which who asks can bring about.
create function pawl.says_no_answer(p_error_code text) returns boolean
language sql immutable
set search_path = ''
as $$
  select coalesce(
    starts_with(p_error_code, 'model_')
    and p_error_code not in ('model_refused', 'model_empty_answer', 'model_cut_off', 'model_rejected_request'), false)
$$;

-- True where p_turns turns of a version and more had no answer since it last gave one (or would not: it lives), since
-- it went live, or since its proof began: of three people, or over ten minutes, so that nobody alone takes it back in a
-- moment. Turns, so that one that is tried again and again is one. What ended for another reason says nothing.
create function pawl.is_silent(p_prompt pawl.system_prompts, p_turns integer) returns boolean
language sql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  select count(*) >= p_turns
    and (count(distinct t.user_id) >= 3 or max(t.finished_at) - min(t.finished_at) >= interval '10 minutes')
  from pawl.turns t
  where t.prompt_id = p_prompt.id and t.status = 'failed' and pawl.says_no_answer(t.error_code)
    and t.finished_at >= case p_prompt.state
      when 'active' then coalesce(p_prompt.activated_at, p_prompt.created_at)
      else (
        select q.proof_started_at from pawl.prompt_tests q where q.candidate_id = p_prompt.id and q.state = 'proving')
      end
    and t.finished_at > coalesce((
      select l.finished_at from pawl.turns l
      where l.prompt_id = p_prompt.id and l.finished_at is not null
        and (l.status = 'completed' or l.status = 'failed'
          and l.error_code in ('model_refused', 'model_empty_answer', 'model_cut_off'))
      order by l.finished_at desc limit 1), '-infinity')
$$;

-- The newest version before a live one that another model serves: from one to the one it took over from. A row of nulls
-- where there is none.
create function pawl.version_before_model(p_live pawl.system_prompts) returns pawl.system_prompts
language plpgsql stable
set search_path = ''
as $$
declare
  v_prompt pawl.system_prompts := p_live;
  v_seen integer[] := '{}';
begin
  while v_prompt.model_version_id is not distinct from p_live.model_version_id and v_prompt.id is not null loop
    v_seen := v_seen || v_prompt.version;
    select * into v_prompt from pawl.system_prompts
      where assistant_id = p_live.assistant_id and version = pawl.version_before(v_prompt)
        and version <> all (v_seen);
  end loop;
  return v_prompt;
end
$$;

-- Takes a live version back whose own model does not answer: ten turns in a row went without. With the
-- receipt, a record and an escalation, as every version that is taken back. Nothing is taken back while updates are
-- paused or the version is locked: people are told then. Of a version in a canary the test ends. Whoever holds the
-- assistant, or the test, is not waited for; the next turn that fails comes here again.
create function pawl.take_back_silent(p_prompt_id uuid) returns void
language plpgsql
set search_path = ''
as $$
declare
  -- As proof::watch::FAILURES_IN_A_ROW.
  in_a_row constant integer := 10;
  v_live pawl.system_prompts;
  v_before pawl.system_prompts;
  v_receipt_id constant uuid := gen_random_uuid();
begin
  select * into v_live from pawl.system_prompts
    where id = p_prompt_id and state in ('active', 'proving') and model_version_id is not null;
  if not found or not pawl.is_silent(v_live, in_a_row) then
    return;
  end if;
  perform from pawl.assistants where id = v_live.assistant_id for no key update skip locked;
  if not found then
    return;
  end if;
  -- As it is now that nobody else changes it.
  select * into v_live from pawl.system_prompts where id = p_prompt_id and state in ('active', 'proving');
  if not found or not pawl.is_silent(v_live, in_a_row) then
    return;
  elsif v_live.state = 'proving' then
    -- Whoever holds the test may come to wait for this turn, and is not waited for.
    perform from pawl.prompt_tests where candidate_id = p_prompt_id and state = 'proving'
      for no key update skip locked;
    if found then
      perform pawl.close_test(v_live.assistant_id, 'model_unreachable');
    end if;
    return;
  end if;
  v_before := pawl.version_before_model(v_live);
  if v_before.id is null or v_live.locked or exists (
    select from pawl.loop_settings s where s.assistant_id = v_live.assistant_id and pawl.is_paused(s))
  then
    perform pawl.escalate_once(
      v_live.assistant_id, format('The model of version %s does not answer', v_live.version), format(
        'The last %s answers in a row failed. Nothing was changed: %s. Look at it, and roll back.', in_a_row,
        case when v_before.id is null then 'there is no version before with another model'
             when v_live.locked then 'the version is locked' else 'updates are paused' end));
    return;
  end if;
  insert into pawl.proof_observations (about_id, kind, stage, data)
    select v_receipt_id, 'turn', 'watch', '{"failed": true}' from generate_series(1, in_a_row);
  -- As core::proof rules it.
  perform pawl.take_back(
    v_live, v_before, v_receipt_id, 'model_unreachable',
    jsonb_build_object(
      'kind', 'failures', 'level', null, 'horizon', null, 'min_days', null, 'max_days', null, 'days', null,
      'unit', null, 'agreement', to_jsonb(array_fill(0, array[5, 5])), 'floor', 0, 'before_up', null,
      'before_n', null),
    jsonb_build_object(
      'decision', 'rollback', 'reason', 'model_unreachable', 'log_e', 0, 'log_e_worse', 0,
      'log_e_people_worse', null, 'at', in_a_row, 'n', in_a_row, 'wins', null, 'losses', null, 'ties', null,
      'candidate_n', null, 'baseline_n', null, 'effect', null, 'effects', null, 'kappa', null, 'rated', 0,
      'words', format('The last %s answers in a row failed: the model does not answer. The version before goes live '
        'again.', in_a_row)),
    format('Version %s was taken back: its model does not answer', v_live.version));
end
$$;

revoke execute on function
  pawl.dataset_fault(pawl.model_versions, jsonb),
  public.pawl_training_callback(text, uuid, text, jsonb, jsonb, text, text, text),
  pawl.candidate_for(pawl.model_versions, pawl.system_prompts),
  pawl.test_said_nothing(uuid),
  public.pawl_open_model_test(uuid, uuid),
  pawl.status_by_versions(uuid),
  pawl.reason_it_left(pawl.system_prompts),
  pawl.follow_version(),
  pawl.says_no_answer(text),
  pawl.is_silent(pawl.system_prompts, integer),
  pawl.version_before_model(pawl.system_prompts),
  pawl.take_back_silent(uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_training_callback(text, uuid, text, jsonb, jsonb, text, text, text),
  public.pawl_open_model_test(uuid, uuid)
to service_role;
