-- How a test ends: closed, rejected or promoted, with its receipt in the same transaction.

-- Ends a running test; its open pairs go, and with them every text it kept.
create function pawl.end_test(p_test_id uuid, p_state text, p_reason text) returns void
language sql
set search_path = ''
as $$
  update pawl.prompt_tests
    set state = p_state, reason = p_reason, decided_at = now(), held = null, screening_pool = null, proof_pool = null
    where id = p_test_id and state in ('screening', 'proving');
  delete from pawl.replay_pairs where test_id = p_test_id and state in ('drawn', 'answered');
$$;

-- Records that the loop closed a test, or gave one up.
create function pawl.record_close(p_test pawl.prompt_tests, p_reason text, p_action text default 'close') returns void
language sql
set search_path = ''
as $$
  select pawl.record_change(p_test.assistant_id, 'loop', null, p_action, jsonb_build_object(
      'test_id', p_test.id, 'version', p.version, 'why', p_reason,
      'changed', jsonb_build_object('state', jsonb_build_object('from', p_test.state, 'to', p.state))), null)
  from pawl.system_prompts p where p.id = p_test.candidate_id
$$;

-- Closes the running test of an assistant, if there is one: nothing was decided. Its version is a draft again where
-- that was not its doing (judge_changed: it is tested again, pawl.to_test_again; judge_not_trusted, yearly_budget,
-- insufficient_data: a person is told), and rejected otherwise (baseline_changed, clauses_missing, by_hand), unless it
-- is live by now (forced). Recorded as the loop's, unless p_by_person: what they did is on record. For who holds the
-- assistant's lock.
create function pawl.close_test(p_assistant_id uuid, p_reason text, p_by_person boolean default false) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_test pawl.prompt_tests;
  v_blameless constant boolean := p_reason in (
    'judge_changed', 'judge_not_trusted', 'yearly_budget', 'insufficient_data');
begin
  select * into v_test from pawl.prompt_tests
    where assistant_id = p_assistant_id and state in ('screening', 'proving') for no key update;
  if not found then
    return;
  end if;
  perform pawl.end_test(v_test.id, 'closed', p_reason);
  update pawl.system_prompts
    set state = case when v_blameless and not placebo then 'draft' else 'rejected' end,
        metadata = metadata || case when p_reason = 'judge_changed' and not placebo
          then jsonb_build_object('test_again', v_test.baseline_id) else '{}' end
    where id = v_test.candidate_id and state in ('screening', 'proving');
  if not p_by_person then
    perform pawl.record_close(v_test, p_reason);
  end if;
  if p_reason in ('insufficient_data', 'yearly_budget') and not v_test.placebo then
    perform pawl.escalate_once(p_assistant_id, format('Version %s is not tested any more', p.version), case p_reason
        when 'yearly_budget' then
          'The year''s tests are used up. It is a draft again: test it anew next year, or force it.'
        else 'In 30 days there were too few questions to test it with. It is a draft again: test it anew when more '
          'people have asked, or force it.' end)
      from pawl.system_prompts p where p.id = v_test.candidate_id;
  elsif p_reason = 'judge_not_trusted' then
    perform pawl.escalate_once(p_assistant_id, 'The judge may not decide about versions', format(
        'The model %s, judging by version %s of the rubric, preferred answers that only look good to honest ones. No '
          'version is tested until another judge model or rubric stands the trial. Version %s is a draft again.',
        v_test.judge_model, r.version, p.version))
      from pawl.rubrics r, pawl.system_prompts p where r.id = v_test.rubric_id and p.id = v_test.candidate_id;
  end if;
end
$$;

-- The same, as the answer of a call.
create function pawl.close_as(p_test pawl.prompt_tests, p_reason text) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  perform pawl.close_test(p_test.assistant_id, p_reason);
  return jsonb_build_object('outcome', 'closed', 'reason', p_reason);
end
$$;

-- Receipts ------------------------------------------------------------------------------------------------------------

-- SHA-256 over observations in the order in which they were made: a line each of id, kind, stage and data.
create function pawl.observations_digest(p_ids uuid[]) returns bytea
language sql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  select sha256(convert_to(coalesce(
    string_agg(concat_ws(' ', o.id, o.kind, o.stage, o.data), E'\n' order by o.seq), ''), 'UTF8'))
  from pawl.proof_observations o where o.id = any (p_ids)
$$;

-- The observations of a stage that a case was made from, in their order: all, unless the case says how many it had.
create function pawl.observation_ids(p_about_id uuid, p_stage text, p_case jsonb) returns uuid[]
language sql stable
set search_path = ''
as $$
  select array(
    select o.id from pawl.proof_observations o where o.about_id = p_about_id and o.stage = p_stage
    order by o.seq
    limit case jsonb_typeof(p_case -> 'observations')
      when 'array' then jsonb_array_length(p_case -> 'observations') end)
$$;

-- {version, sha256, model, host} of a version: of its text, the name of the model that serves it, and of an own model
-- the host where it answers.
create function pawl.fingerprint(p_prompt_id uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'version', p.version, 'sha256', encode(sha256(convert_to(p.content, 'UTF8')), 'hex'), 'model', m.model,
    'host', substring(m.base_url from '^[a-z]+://(?:[^/?#@]*@)?([^/?#@]+)')))
  from pawl.system_prompts p, pawl.model_of(p.id) m where p.id = p_prompt_id
$$;

-- Writes the receipt of a test that is being decided, from so many of its stage's first observations.
create function pawl.write_receipt(p_test pawl.prompt_tests, p_decision text, p_verdict jsonb) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_id uuid;
  v_ids uuid[] := (pawl.observation_ids(p_test.id, p_test.state, null))[1:(p_verdict -> 'observations')::integer];
begin
  insert into pawl.promotion_receipts (
    organization_id, assistant_id, test_id, decision, reason, document, observation_ids, observations_digest)
  select p_test.organization_id, p_test.assistant_id, p_test.id, p_decision, p_verdict ->> 'reason',
         jsonb_build_object(
           'candidate', pawl.fingerprint(p_test.candidate_id), 'baseline', pawl.fingerprint(p_test.baseline_id),
           'placebo', p_test.placebo,
           'judge', jsonb_build_object(
             'model', p_test.judge_model, 'revision', p_test.judge_revision, 'rubric_id', r.id,
             'rubric_version', r.version, 'rubric_sha256', encode(sha256(convert_to(r.criteria::text, 'UTF8')), 'hex')),
           'chat_model', p_test.chat_model, 'method', p_test.method, 'level', p_test.level,
           'ledger', case when p_test.ledger_position is not null then
             jsonb_build_object('year', p_test.ledger_year, 'position', p_test.ledger_position) end,
           'settings', p_test.settings, 'screening', p_test.screening, 'plan', p_test.plan,
           'case', p_verdict -> 'case', 'ruling', p_verdict -> 'ruling'),
         v_ids, pawl.observations_digest(v_ids)
  from pawl.rubrics r where r.id = p_test.rubric_id
  returning id into strict v_id;
  return v_id;
end
$$;

-- Decisions -----------------------------------------------------------------------------------------------------------

-- What keeps a proved version from going live: paused, locked, awaiting_approval or clauses_missing; null when nothing
-- does. Nothing keeps a placebo, which never does.
create function pawl.promotion_block(p_test pawl.prompt_tests) returns text
language sql stable
set search_path = ''
as $$
  select case
    when p_test.placebo then null
    when pawl.is_paused(s) then 'paused'
    when exists (select from pawl.system_prompts l where l.assistant_id = s.assistant_id and l.is_active and l.locked)
      then 'locked'
    when not pawl.is_approved(p_test.candidate_id) then 'awaiting_approval'
    when pawl.missing_clauses(s.assistant_id, (
      select c.content from pawl.system_prompts c where c.id = p_test.candidate_id)) <> '{}' then 'clauses_missing'
  end
  from pawl.loop_settings s where s.assistant_id = p_test.assistant_id
$$;

-- Makes the version of a test live that has proved itself (its `verdict`), and writes the receipt. For who holds the
-- assistant's lock: the worker that ruled, or the person whose approval was all that it waited for. Outcomes: ok with
-- receipt_id and version; held with reason (as pawl.promotion_block; not_proved: it has no verdict); closed, with
-- reason.
create function pawl.promote_test(p_test_id uuid) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_test pawl.prompt_tests;
  v_candidate pawl.system_prompts;
  v_block text;
  v_receipt_id uuid;
begin
  select * into v_test from pawl.prompt_tests where id = p_test_id for no key update;
  if v_test.state is distinct from 'proving' then
    return jsonb_build_object('outcome', 'closed', 'reason', v_test.reason);
  elsif v_test.verdict is null then
    return '{"outcome": "held", "reason": "not_proved"}';
  elsif not exists (select from pawl.system_prompts b where b.id = v_test.baseline_id and b.is_active) then
    return pawl.close_as(v_test, 'baseline_changed');
  elsif pawl.reason_to_close(v_test) in ('judge_changed', 'baseline_changed') then
    return pawl.close_as(v_test, pawl.reason_to_close(v_test)); -- changed while it waited
  end if;
  v_block := pawl.promotion_block(v_test);
  if v_block is not null then
    update pawl.prompt_tests set held = v_block where id = p_test_id;
    if v_block = 'awaiting_approval' then
      perform pawl.ask_for_approval(v_test.candidate_id);
    end if;
    return jsonb_build_object('outcome', 'held', 'reason', v_block);
  end if;
  select * into v_candidate from pawl.system_prompts where id = v_test.candidate_id;
  v_receipt_id := pawl.write_receipt(v_test, 'promote', v_test.verdict);
  perform pawl.end_test(p_test_id, 'promoted', v_test.verdict ->> 'reason');
  if v_test.placebo then
    update pawl.system_prompts set state = 'retired' where id = v_candidate.id;
    perform pawl.record_close(v_test, 'placebo');
  else
    perform pawl.go_live(v_candidate.id);
    perform pawl.record_change(
      v_test.assistant_id, 'loop', null, 'promote',
      jsonb_build_object('test_id', p_test_id, 'receipt_id', v_receipt_id, 'version', v_candidate.version,
        'changed', pawl.difference(
          jsonb_build_object('live_version', (
            select b.version from pawl.system_prompts b where b.id = v_test.baseline_id)),
          jsonb_build_object('live_version', v_candidate.version))),
      null);
  end if;
  return jsonb_build_object('outcome', 'ok', 'receipt_id', v_receipt_id, 'version', v_candidate.version);
end
$$;

-- Decides a test as core::proof ruled: p_decision promoted or rejected, p_reason its code, p_case what was ruled on
-- (its observations are kept where they are; how many it has says how many count), p_ruling the ruling. The receipt is
-- written in the same transaction. The same again changes nothing. Outcomes: ok with receipt_id and version; held with
-- reason (proved; paused, locked, awaiting_approval or clauses_missing keeps it from going live); closed, with reason;
-- lease_lost.
create function public.pawl_decide_test(
  p_holder uuid, p_test_id uuid, p_decision text, p_reason text, p_case jsonb, p_ruling jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_test pawl.prompt_tests := pawl.hold_test(p_holder, p_test_id, true);
  v_verdict jsonb;
  v_receipt_id uuid;
begin
  if v_test.state = p_decision then
    return (
      select jsonb_build_object('outcome', 'ok', 'receipt_id', r.id, 'version', c.version)
      from pawl.promotion_receipts r, pawl.system_prompts c where r.test_id = p_test_id and c.id = v_test.candidate_id);
  elsif pawl.test_in_the_way(v_test) is not null then
    return pawl.test_in_the_way(v_test);
  elsif p_decision not in ('promoted', 'rejected') or p_decision = 'promoted' and v_test.state = 'screening' then
    raise exception 'a test in % is not decided as %', v_test.state, p_decision;
  end if;
  v_verdict := jsonb_build_object(
    'decision', p_decision, 'reason', p_reason, 'case', p_case - 'observations', 'ruling', p_ruling,
    'observations', cardinality(pawl.observation_ids(p_test_id, v_test.state, p_case)));
  if p_decision = 'promoted' then
    update pawl.prompt_tests set verdict = v_verdict, progress = p_ruling where id = p_test_id;
    -- Nothing more is compared, however long it is held up: what was answered for it goes.
    update pawl.replay_pairs set state = 'drawn', baseline_answer = null, candidate_answer = null
      where test_id = p_test_id and state = 'answered';
    return pawl.promote_test(p_test_id);
  end if;
  v_receipt_id := pawl.write_receipt(v_test, 'reject', v_verdict);
  update pawl.prompt_tests set verdict = v_verdict, progress = p_ruling where id = p_test_id;
  perform pawl.end_test(p_test_id, 'rejected', p_reason);
  -- That its judge is not to be believed says nothing of the version.
  update pawl.system_prompts
    set state = case when p_reason = 'judge_disagrees' and not placebo then 'draft' else 'rejected' end
    where id = v_test.candidate_id;
  perform pawl.record_close(v_test, p_reason, 'reject');
  if p_reason = 'judge_disagrees' then
    perform pawl.escalate_once(v_test.assistant_id, 'The judge disagrees with people', format(
        '%s Version %s is a draft again. Name another judge model, or write the rubric anew.',
        p_ruling ->> 'words', c.version))
      from pawl.system_prompts c where c.id = v_test.candidate_id;
  end if;
  return jsonb_build_object('outcome', 'ok', 'receipt_id', v_receipt_id, 'version', (
    select c.version from pawl.system_prompts c where c.id = v_test.candidate_id));
end
$$;

-- Views ---------------------------------------------------------------------------------------------------------------

-- What tests of a text against itself came to, by assistant: `share` of them was promoted, all of it by mistake.
create view pawl.placebo_results with (security_invoker = true) as
  select t.assistant_id, count(*) as placebos,
         count(*) filter (where t.state = 'rejected' and t.proof_started_at is null) as screened_out,
         count(*) filter (where t.state = 'promoted') as promoted,
         round(count(*) filter (where t.state = 'promoted')::numeric / count(*), 4) as share
  from pawl.prompt_tests t where t.placebo and t.state in ('promoted', 'rejected')
  group by t.assistant_id;

-- The yearly budget, test by test: each has taken its place and its level for good.
create view pawl.test_ledger with (security_invoker = true) as
  select t.assistant_id, t.ledger_year as year, t.ledger_position as position, t.id as test_id, c.version, t.method,
         t.level, t.state, t.reason, t.proof_started_at, t.decided_at,
         count(*) filter (where t.state = 'promoted') over (
           partition by t.assistant_id, t.ledger_year order by t.ledger_position) as promoted
  from pawl.prompt_tests t join pawl.system_prompts c on c.id = t.candidate_id
  where t.ledger_position is not null;

revoke all on pawl.placebo_results, pawl.test_ledger from public, anon, authenticated, service_role;
grant select on pawl.placebo_results, pawl.test_ledger to authenticated, service_role;
revoke execute on function
  pawl.end_test(uuid, text, text),
  pawl.record_close(pawl.prompt_tests, text, text),
  pawl.close_test(uuid, text, boolean),
  pawl.close_as(pawl.prompt_tests, text),
  pawl.observations_digest(uuid[]),
  pawl.observation_ids(uuid, text, jsonb),
  pawl.fingerprint(uuid),
  pawl.write_receipt(pawl.prompt_tests, text, jsonb),
  pawl.promotion_block(pawl.prompt_tests),
  pawl.promote_test(uuid),
  public.pawl_decide_test(uuid, uuid, text, text, jsonb, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.pawl_decide_test(uuid, uuid, text, text, jsonb, jsonb) to service_role;
