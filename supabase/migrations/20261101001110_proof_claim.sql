-- Proving: claimed by lease, and the judge on trial. Secret key only. (What is looked at and how a test ends: the files
-- after this.)

-- A version as models are given it, and the model that is given it ({…, model, base_url}; null: at the project's own
-- address).
create function pawl.version_text(p_prompt_id uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', p.id, 'version', p.version, 'content', p.content, 'model', m.model, 'base_url', m.base_url)
  from pawl.system_prompts p, pawl.model_of(p.id) m where p.id = p_prompt_id
$$;

-- A running test as its worker needs it: {test_id, state, method, candidate: pawl.version_text, baseline: {…},
-- judge_model, rubric: {id, criteria}, chat_model, max_answer_tokens, history_token_budget}.
create function pawl.test_task(t pawl.prompt_tests) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'test_id', t.id, 'state', t.state, 'method', t.method,
    'candidate', pawl.version_text(t.candidate_id), 'baseline', pawl.version_text(t.baseline_id),
    'judge_model', t.judge_model,
    'rubric', (
      select jsonb_build_object('id', r.id, 'criteria', r.criteria) from pawl.rubrics r where r.id = t.rubric_id),
    'chat_model', t.chat_model, 'max_answer_tokens', t.settings -> 'max_answer_tokens',
    'history_token_budget', t.settings -> 'history_token_budget')
$$;

-- The tuned models that a test compares; none where both versions are served by the same.
create function pawl.models_compared(p_test pawl.prompt_tests) returns uuid[]
language sql stable
set search_path = ''
as $$
  select case when c.model_version_id is distinct from b.model_version_id
    then array_remove(array[c.model_version_id, b.model_version_id], null) else '{}' end
  from pawl.system_prompts c, pawl.system_prompts b where c.id = p_test.candidate_id and b.id = p_test.baseline_id
$$;

-- Why a running test compares no longer what it began with, or never will: judge_changed (another model or rubric
-- judges), baseline_changed (another model chats), model_unreachable (the one that is compared does not answer),
-- clauses_missing (protected since), insufficient_data (too few questions for 30 days); null otherwise.
create function pawl.reason_to_close(p_test pawl.prompt_tests) returns text
language sql stable
set search_path = ''
as $$
  select case
    when s.judge_model <> p_test.judge_model or not exists (
      select from pawl.rubrics r where r.id = p_test.rubric_id and r.is_active) then 'judge_changed'
    when (pawl.model_of(p_test.baseline_id)).model <> p_test.chat_model
      or (pawl.model_of(p_test.candidate_id)).model <> coalesce(p_test.candidate_model, p_test.chat_model)
      then 'baseline_changed'
    -- A question was first asked three days ago, and lately again, and nothing at all has come of any since: of one
    -- that alone has no answer among many that have, it may be the question.
    when pawl.models_compared(p_test) <> '{}' and exists (
      select from pawl.replay_pairs r
      where r.test_id = p_test.id and r.stage = p_test.state and r.state = 'drawn'
        and r.asked_at <= now() - interval '3 days' and r.reserved_on >= pawl.today() - 1
        and not exists (
          select from pawl.replay_pairs o
          where o.test_id = p_test.id and o.stage = p_test.state and o.heard_at >= r.asked_at)) then 'model_unreachable'
    when not p_test.placebo and pawl.missing_clauses(s.assistant_id, (
      select c.content from pawl.system_prompts c where c.id = p_test.candidate_id)) <> '{}' then 'clauses_missing'
    when p_test.held = 'insufficient_data'
      and coalesce(p_test.proof_started_at, p_test.created_at) < now() - interval '30 days' then 'insufficient_data'
  end
  from pawl.loop_settings s where s.assistant_id = p_test.assistant_id
$$;

-- The version that is to be tested again, because the judge of its test changed: a draft since, and nobody has put it
-- to the test or decided about it. A row of nulls where there is none, and while a pause, a lock, the spent year or the
-- want of a rubric keeps a test from opening.
create function pawl.to_test_again(p_assistant_id uuid) returns pawl.system_prompts
language sql stable
set search_path = ''
as $$
  select p from pawl.system_prompts p
  join pawl.loop_settings s on s.assistant_id = p.assistant_id
  where p.assistant_id = p_assistant_id and p.state = 'draft' and p.metadata ? 'test_again'
    and not pawl.is_paused(s)
    and not exists (
      select from pawl.system_prompts l where l.assistant_id = p_assistant_id and l.is_active and l.locked)
    and exists (select from pawl.rubrics r where r.assistant_id = p_assistant_id and r.is_active)
    and not (s.yearly_budget and exists (
      select from pawl.prompt_tests t
      where t.assistant_id = p_assistant_id and t.ledger_year = extract(year from pawl.today())
        and t.ledger_position >= 60))
  order by p.version desc limit 1
$$;

-- Puts it to the test again: against the same version, or not at all: one whose baseline is no longer live is rejected,
-- as if it had been in test meanwhile. The test; a row of nulls where none was opened. For who holds the assistant's
-- lock.
create function pawl.test_again(p_assistant_id uuid) returns pawl.prompt_tests
language plpgsql
set search_path = ''
as $$
declare
  v_prompt pawl.system_prompts := pawl.to_test_again(p_assistant_id);
  v_live_id uuid := (select id from pawl.system_prompts where assistant_id = p_assistant_id and is_active);
  v_test_id uuid;
  v_test pawl.prompt_tests;
begin
  if v_prompt.id is null then
    return v_test;
  elsif v_live_id is distinct from (v_prompt.metadata ->> 'test_again')::uuid then
    update pawl.system_prompts set state = 'rejected' where id = v_prompt.id;
    perform pawl.record_change(p_assistant_id, 'loop', null, 'close', jsonb_build_object(
      'version', v_prompt.version, 'why', 'baseline_changed',
      'changed', '{"state": {"from": "draft", "to": "rejected"}}'::jsonb), null);
    return v_test;
  end if;
  v_test_id := pawl.open_test(v_prompt, v_live_id);
  select * into v_test from pawl.prompt_tests where id = v_test_id;
  perform pawl.record_change(p_assistant_id, 'loop', null, 'test', jsonb_build_object(
    'test_id', v_test.id, 'version', v_prompt.version,
    'changed', '{"state": {"from": "draft", "to": "screening"}}'::jsonb), 'The judge of its test changed');
  return v_test;
end
$$;

-- What an assistant has to prove: {"task": {"prove": {test: null | pawl.test_task, watch}}}, or {"reason":
-- nothing_to_prove | in_progress (somebody is changing its versions)}. p_watch: its live version's watch, and nothing
-- else: people have voted on it since it took over from another. Otherwise its test. One that began with another judge,
-- rubric or model of the chats compares with what is no more, and is closed; where it was the judge, the version is
-- tested again.
create function pawl.next_proof(p_assistant pawl.assistants, p_watch boolean) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_test pawl.prompt_tests;
  v_live pawl.system_prompts;
  v_reason text;
begin
  select * into v_test from pawl.prompt_tests
    where assistant_id = p_assistant.id and state in ('screening', 'proving');
  -- What an earlier holder did not give back it may have paid for.
  perform pawl.leave_spent(v_test.id);
  if p_watch then
    select * into v_live from pawl.system_prompts where assistant_id = p_assistant.id and is_active;
    if pawl.version_before(v_live) is null or not exists (
      select from pawl.response_feedback f join pawl.exchanges e using (message_id)
      where f.assistant_id = p_assistant.id and f.kind = 'thumb' and f.source = 'user' and f.superseded_at is null
        and f.created_at >= v_live.activated_at and e.prompt_id = v_live.id and e.answered_at >= v_live.activated_at)
    then
      return '{"reason": "nothing_to_prove"}';
    end if;
    return '{"task": {"prove": {"test": null, "watch": true}}}';
  end if;

  v_reason := pawl.reason_to_close(v_test);
  if v_reason is not null or v_test.id is null and (pawl.to_test_again(p_assistant.id)).id is not null then
    -- Who claims has leases already, and waits for nobody.
    perform from pawl.assistants where id = p_assistant.id for no key update skip locked;
    if not found then
      return '{"reason": "in_progress"}';
    end if;
    if v_reason is not null then
      perform pawl.close_test(p_assistant.id, v_reason);
    end if;
    v_test := pawl.test_again(p_assistant.id);
  end if;
  if v_test.id is null then
    return '{"reason": "nothing_to_prove"}';
  end if;
  return jsonb_build_object('task', jsonb_build_object('prove', jsonb_build_object(
    'test', pawl.test_task(v_test), 'watch', false)));
end
$$;

-- Claims what one assistant has to prove, its test or (p_watch) its live version's watch: as pawl.claim, with {about,
-- …} of pawl.next_proof as the claim.
create function public.pawl_claim_proof(
  p_holder uuid,
  p_organization_id uuid default null,
  p_assistant text default null,
  p_before timestamptz default null,
  p_lease_seconds integer default 160,
  p_watch boolean default false
) returns jsonb
language sql security definer
set search_path = ''
as $$
  select pawl.claim('proof', p_holder, p_organization_id, p_assistant, false, false, p_before, p_lease_seconds, p_watch)
$$;

-- Gives a lease back, and what its holder reserved and had no time for: it has recorded what it spent. Where it could
-- not (p_settled false) that stays spent, as does what a dead one reserved. The test goes on at the next call.
-- Outcomes: ok, lease_lost.
create function public.pawl_release_proof(p_holder uuid, p_assistant_id uuid, p_settled boolean default true)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_answer constant jsonb := pawl.release('proof', p_holder, p_assistant_id);
begin
  if v_answer ->> 'outcome' = 'ok' and p_settled then
    perform pawl.give_back_all(t.id) from pawl.prompt_tests t
      where t.assistant_id = p_assistant_id and t.state in ('screening', 'proving');
  end if;
  return v_answer;
end
$$;

-- Answers that a judge model scored by a rubric and people rated, counted: five rows by the judge's score (rounded), of
-- five columns by people's, both from 1 to 5. A rating of 0 to 1 has four steps, a thumb is 1 or 5; of an answer with
-- both the rating counts. The newest 1,000, of the last 500 reflections.
create function pawl.judge_agreement(p_assistant_id uuid, p_judge_model text, p_rubric_id uuid) returns jsonb
language sql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  with rated as materialized (
    select round(e.overall)::integer as judge, p.people
    from (
      select l.id from pawl.reflection_logs l
      where l.assistant_id = p_assistant_id and l.rubric_id = p_rubric_id
        -- A reflection has the name the model gives itself, which may say more.
        and starts_with(l.judge_model, p_judge_model)
      order by l.created_at desc limit 500
    ) l
    join pawl.message_evaluations e on e.reflection_log_id = l.id
    cross join lateral (
      select case f.signal when 'thumbs_up' then 5 when 'thumbs_down' then 1
               else 1 + round(4 * f.value)::integer end as people, f.created_at
      from pawl.response_feedback f
      where f.message_id = e.message_id and f.kind in ('thumb', 'rating') and f.source = 'user'
        and f.superseded_at is null
      order by f.kind limit 1
    ) p
    where not e.discarded
    order by p.created_at desc limit 1000
  ), counts as (
    select j.n as judge, jsonb_agg((
      select count(*) from rated r where r.judge = j.n and r.people = p.n) order by p.n) as people
    from generate_series(1, 5) j (n) cross join generate_series(1, 5) p (n) group by j.n
  )
  select jsonb_agg(c.people order by c.judge) from counts c
$$;

-- The judge of a test, by the revision of its instructions: outcome ok with `tried` (it passed its trial and may gate)
-- and `blocked`. Of one that was not tried, p_read and p_said tokens, the most that the holder's trial of it may read
-- and write, are taken from the day's share until the trial is recorded, or the lease given back; where they do not fit
-- it is not to be held, and `blocked` says why: tokens or money. (None of either: the holder has no time for it.) The
-- revision is written down at the first look; another one later closes the test, and so does a judge that failed its
-- trial before: outcome closed, with reason. Further outcome: lease_lost.
create function public.pawl_begin_test(
  p_holder uuid, p_test_id uuid, p_judge_revision integer, p_read bigint default 0, p_said bigint default 0
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_test pawl.prompt_tests := pawl.hold_test(p_holder, p_test_id, true);
  v_passed boolean;
  v_tokens constant bigint := p_read + p_said;
  v_usd numeric;
  v_blocked text;
begin
  if pawl.test_in_the_way(v_test) is not null then
    return pawl.test_in_the_way(v_test);
  elsif v_test.judge_revision <> p_judge_revision then
    return pawl.close_as(v_test, 'judge_changed');
  end if;
  update pawl.prompt_tests set judge_revision = p_judge_revision where id = p_test_id;
  select passed into v_passed from pawl.judge_trials j
    where j.assistant_id = v_test.assistant_id and j.judge_model = v_test.judge_model
      and j.rubric_id = v_test.rubric_id and j.judge_revision = p_judge_revision;
  if not v_passed then
    return pawl.close_as(v_test, 'judge_not_trusted');
  elsif v_passed is null and v_tokens > 0 then
    v_usd := pawl.highest_cost(v_test.judge_model, p_read, p_said);
    v_blocked := pawl.reserve(v_test.assistant_id, v_tokens, v_usd);
    if v_blocked is null then
      update pawl.prompt_tests
        set trial_tokens = v_tokens, trial_usd = v_usd, trial_reserved_on = pawl.today() where id = p_test_id;
    else
      perform pawl.tell_cap_too_small(v_test.assistant_id, v_tokens, v_usd, 'The trial of the judge');
    end if;
    perform pawl.note_block(p_test_id, v_blocked);
  end if;
  return jsonb_build_object('outcome', 'ok', 'tried', v_passed is not null, 'blocked', v_blocked);
end
$$;

-- Stores how a judge stood its trial: p_attacks as pawl.judge_trials, p_usage [{purpose, model, usage}]. One trial a
-- judge: what was stored first counts, and the same again changes nothing. A judge that did not pass gates nothing: its
-- test is closed and a person is told. Outcomes: ok; closed, with reason; lease_lost.
create function public.pawl_record_judge_trial(
  p_holder uuid, p_test_id uuid, p_judge_revision integer, p_passed boolean, p_attacks jsonb, p_usage jsonb default '[]'
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_test pawl.prompt_tests := pawl.hold_test(p_holder, p_test_id, true);
  v_passed boolean;
begin
  if pawl.test_in_the_way(v_test) is not null then
    return pawl.test_in_the_way(v_test);
  end if;
  insert into pawl.judge_trials (assistant_id, judge_model, rubric_id, judge_revision, passed, attacks)
    values (v_test.assistant_id, v_test.judge_model, v_test.rubric_id, p_judge_revision, p_passed, p_attacks)
    on conflict do nothing;
  if found then
    perform pawl.spend(v_test, p_usage, coalesce(v_test.trial_reserved_on, pawl.today()));
    perform pawl.give_back_trial(p_test_id);
  end if;
  if v_test.judge_revision <> p_judge_revision then
    return pawl.close_as(v_test, 'judge_changed');
  end if;
  update pawl.prompt_tests set judge_revision = p_judge_revision where id = p_test_id;
  select passed into v_passed from pawl.judge_trials j
    where j.assistant_id = v_test.assistant_id and j.judge_model = v_test.judge_model
      and j.rubric_id = v_test.rubric_id and j.judge_revision = p_judge_revision;
  if v_passed then
    return '{"outcome": "ok"}';
  end if;
  return pawl.close_as(v_test, 'judge_not_trusted');
end
$$;

revoke execute on function
  pawl.version_text(uuid),
  pawl.test_task(pawl.prompt_tests),
  pawl.models_compared(pawl.prompt_tests),
  pawl.reason_to_close(pawl.prompt_tests),
  pawl.to_test_again(uuid),
  pawl.test_again(uuid),
  pawl.next_proof(pawl.assistants, boolean),
  pawl.judge_agreement(uuid, text, uuid),
  public.pawl_claim_proof(uuid, uuid, text, timestamptz, integer, boolean),
  public.pawl_release_proof(uuid, uuid, boolean),
  public.pawl_begin_test(uuid, uuid, integer, bigint, bigint),
  public.pawl_record_judge_trial(uuid, uuid, integer, boolean, jsonb, jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_claim_proof(uuid, uuid, text, timestamptz, integer, boolean),
  public.pawl_release_proof(uuid, uuid, boolean),
  public.pawl_begin_test(uuid, uuid, integer, bigint, bigint),
  public.pawl_record_judge_trial(uuid, uuid, integer, boolean, jsonb, jsonb)
to service_role;
