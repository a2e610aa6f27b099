-- A version is put to the test, and what tests may cost in a day.

-- Puts a version (a draft, or one that was rejected or rolled back) to the test against the live one: the test's id.
-- What it is tested by is written down here and does not change. For who holds the assistant's lock; it raises while
-- another version is in test, and for an assistant without a rubric, which nothing can be judged by.
create function pawl.open_test(p_prompt pawl.system_prompts, p_baseline_id uuid) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_id uuid;
begin
  insert into pawl.prompt_tests (
    organization_id, assistant_id, candidate_id, baseline_id, placebo, judge_model, rubric_id, chat_model,
    candidate_model, settings)
  select a.organization_id, a.id, p_prompt.id, p_baseline_id, p_prompt.placebo, s.judge_model, r.id, b.model,
         nullif((pawl.model_of(p_prompt.id)).model, b.model),
         jsonb_build_object(
           'max_answer_tokens', s.max_answer_tokens, 'history_token_budget', s.history_token_budget,
           'screening_pairs', s.screening_pairs, 'proof_method', s.proof_method, 'proof_pairs', s.proof_pairs,
           'canary_share', s.canary_share, 'canary_unit', s.canary_unit, 'canary_min_days', s.canary_min_days,
           'canary_max_days', s.canary_max_days, 'yearly_budget', s.yearly_budget, 'fixed_level', s.fixed_level,
           'judge_floor', s.judge_floor)
  from pawl.assistants a
  join pawl.loop_settings s on s.assistant_id = a.id
  join pawl.rubrics r on r.assistant_id = a.id and r.is_active
  cross join pawl.model_of(p_baseline_id) b
  where a.id = p_prompt.assistant_id
  returning id into strict v_id;
  -- Who approved it before it was rejected or taken back did not approve it again.
  update pawl.system_prompts
    set state = 'screening',
        approved_at = case when state = 'draft' then approved_at end,
        approved_by = case when state = 'draft' then approved_by end,
        metadata = metadata - 'test_again'
    where id = p_prompt.id;
  return v_id;
end
$$;

-- The test, locked, for the holder of a lease that still runs; a row of nulls for anybody else. It may have ended
-- (pawl.has_ended). p_to_end: the call may change versions, and waits for whoever else does, before the lease, as
-- learning and forgetting go.
create function pawl.hold_test(p_holder uuid, p_test_id uuid, p_to_end boolean) returns pawl.prompt_tests
language plpgsql
set search_path = ''
as $$
declare
  v_assistant_id uuid := (select assistant_id from pawl.prompt_tests where id = p_test_id);
  v_test pawl.prompt_tests;
begin
  if p_to_end then
    perform from pawl.assistants where id = v_assistant_id for no key update;
  end if;
  perform from pawl.leases
    where assistant_id = v_assistant_id and kind = 'proof' and holder = p_holder and expires_at > now() for update;
  if found then
    -- NO KEY: a conversation that a canary's coin decides refers to it meanwhile.
    select * into v_test from pawl.prompt_tests where id = p_test_id for no key update;
  end if;
  return v_test;
end
$$;

-- Why a call about a test does not go on: lease_lost, or closed with the reason; null when it may.
create function pawl.test_in_the_way(p_test pawl.prompt_tests) returns jsonb
language sql immutable
set search_path = ''
as $$
  select case
    when p_test.id is null then '{"outcome": "lease_lost"}'::jsonb
    when p_test.state not in ('screening', 'proving') then
      jsonb_build_object('outcome', 'closed', 'reason', p_test.reason)
  end
$$;

-- US dollars that a call of a model cost, as pawl.daily_usage; null for a model without a price.
create function pawl.cost_of(p_model text, p_usage jsonb) returns numeric
language sql stable
set search_path = ''
as $$
  select (coalesce((p_usage ->> 'input_tokens')::bigint, 0) * p.input_usd
        + coalesce((p_usage ->> 'output_tokens')::bigint, 0) * p.output_usd
        + coalesce((p_usage ->> 'cache_read_input_tokens')::bigint, 0) * p.cache_read_usd
        + coalesce((p_usage ->> 'cache_creation_input_tokens')::bigint, 0) * p.cache_write_usd) / 1000000
  from pawl.model_prices p where starts_with(p_model, p.model) order by length(p.model) desc limit 1
$$;

-- What a call may cost at the most; 0 for a model without a price.
create function pawl.highest_cost(p_model text, p_input_tokens bigint, p_output_tokens bigint) returns numeric
language sql stable
set search_path = ''
as $$
  select coalesce((
    select (p_input_tokens * greatest(p.input_usd, p.cache_write_usd) + p_output_tokens * p.output_usd) / 1000000
    from pawl.model_prices p where starts_with(p_model, p.model) order by length(p.model) desc limit 1), 0)
$$;

-- Tokens of a text at the most, as pawl-core estimates: three bytes of ASCII a token, and a token for each other byte
-- (here never fewer).
create function pawl.most_tokens(p_text text) returns bigint
language sql immutable
set search_path = ''
as $$
  select coalesce(octet_length(p_text) / 3 + 2 * (octet_length(p_text) - char_length(p_text)) + 1, 0)::bigint
$$;

-- Takes tokens and money from what tests may cost an assistant today: null, or which of them does not suffice (tokens,
-- money), and then nothing is taken. One statement under the row's lock: not even two at once pass the cap.
create function pawl.reserve(p_assistant_id uuid, p_tokens bigint, p_usd numeric) returns text
language plpgsql
set search_path = ''
as $$
declare
  v_settings pawl.loop_settings;
begin
  select * into v_settings from pawl.loop_settings where assistant_id = p_assistant_id;
  insert into pawl.test_usage (assistant_id, day) values (p_assistant_id, pawl.today()) on conflict do nothing;
  update pawl.test_usage u set tokens = u.tokens + p_tokens, usd = u.usd + p_usd
    where u.assistant_id = p_assistant_id and u.day = pawl.today()
      and u.tokens + p_tokens <= v_settings.test_tokens_per_day and u.usd + p_usd <= v_settings.test_usd_per_day;
  if found then
    return null;
  end if;
  return (
    select case when u.tokens + p_tokens > v_settings.test_tokens_per_day then 'tokens' else 'money' end
    from pawl.test_usage u where u.assistant_id = p_assistant_id and u.day = pawl.today());
end
$$;

-- Tells a person, unless the same lies before them.
create function pawl.escalate_once(p_assistant_id uuid, p_title text, p_description text) returns void
language sql
set search_path = ''
as $$
  insert into pawl.suggestions (assistant_id, suggestion_type, priority, title, description)
  select p_assistant_id, 'escalation', 'high', p_title, p_description
  where not exists (
    select from pawl.suggestions g
    where g.assistant_id = p_assistant_id and g.status = 'pending' and g.title = p_title)
$$;

-- Tells a person, once, that a day's share does not pay for a single pair or unit, or for the judge's trial: no day
-- would.
create function pawl.tell_cap_too_small(
  p_assistant_id uuid, p_tokens bigint, p_usd numeric, p_what text default 'One question, answered and compared,'
) returns void
language sql
set search_path = ''
as $$
  select pawl.escalate_once(s.assistant_id, 'A day''s share is too small to test a version', format(
      '%s may cost %s tokens and %s US dollars; a day has %s and %s. Raise test_tokens_per_day or test_usd_per_day, '
        'or lower max_answer_tokens, and test the version anew.',
      p_what, p_tokens, round(p_usd, 2), s.test_tokens_per_day, s.test_usd_per_day))
  from pawl.loop_settings s
  where s.assistant_id = p_assistant_id and (p_tokens > s.test_tokens_per_day or p_usd > s.test_usd_per_day)
$$;

-- Lays a version that only waits for approval before a person, unless it lies there.
create function pawl.ask_for_approval(p_prompt_id uuid) returns void
language sql
set search_path = ''
as $$
  insert into pawl.suggestions
    (assistant_id, reflection_log_id, suggestion_type, priority, title, description, prompt_id)
  select p.assistant_id, p.reflection_log_id, 'prompt_change', 'high', format('Version %s waits for approval', p.version),
         coalesce(p.change_reason, 'It was written by hand and put to the test.'), p.id
  from pawl.system_prompts p
  where p.id = p_prompt_id and not exists (
    select from pawl.suggestions g where g.prompt_id = p.id and g.status in ('pending', 'approved'))
$$;

-- Gives back what was taken on a day.
create function pawl.give_back(p_assistant_id uuid, p_day date, p_tokens bigint, p_usd numeric) returns void
language sql
set search_path = ''
as $$
  update pawl.test_usage u set tokens = u.tokens - p_tokens, usd = u.usd - p_usd
    where u.assistant_id = p_assistant_id and u.day = p_day and (p_tokens > 0 or p_usd > 0)
$$;

-- Lets what is reserved for a test stay spent: nobody gives it back any more.
create function pawl.leave_spent(p_test_id uuid) returns void
language sql
set search_path = ''
as $$
  update pawl.replay_pairs set reserved_tokens = 0, reserved_usd = 0
    where test_id = p_test_id and state in ('drawn', 'answered') and reserved_tokens > 0;
  update pawl.canary_units set reserved_tokens = 0, reserved_usd = 0
    where test_id = p_test_id and observed_at is null and reserved_tokens > 0;
  update pawl.prompt_tests set trial_tokens = 0, trial_usd = 0 where id = p_test_id and trial_tokens > 0;
$$;

-- Gives back what is reserved for the trial of a test's judge.
create function pawl.give_back_trial(p_test_id uuid) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform pawl.give_back(t.assistant_id, t.trial_reserved_on, t.trial_tokens, t.trial_usd)
    from pawl.prompt_tests t where t.id = p_test_id;
  update pawl.prompt_tests set trial_tokens = 0, trial_usd = 0 where id = p_test_id and trial_tokens > 0;
end
$$;

-- Gives back what is reserved for a test's pairs and units, and for its judge's trial.
create function pawl.give_back_all(p_test_id uuid) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform pawl.give_back_trial(p_test_id);
  perform pawl.give_back(t.assistant_id, r.reserved_on, r.tokens, r.usd)
    from pawl.prompt_tests t
    cross join lateral (
      select o.reserved_on, sum(o.reserved_tokens)::bigint as tokens, sum(o.reserved_usd) as usd
      from (
        select reserved_on, reserved_tokens, reserved_usd from pawl.replay_pairs
        where test_id = t.id and state in ('drawn', 'answered') and reserved_tokens > 0
        union all
        select reserved_on, reserved_tokens, reserved_usd from pawl.canary_units
        where test_id = t.id and observed_at is null and reserved_tokens > 0
      ) o group by o.reserved_on
    ) r
    where t.id = p_test_id;
  perform pawl.leave_spent(p_test_id);
end
$$;

-- Counts calls of models made for a test: p_usage [{purpose, model, usage}]. They are held against the day on which
-- they were reserved; p_day null: against none, for their reservation stands.
create function pawl.spend(p_test pawl.prompt_tests, p_usage jsonb, p_day date) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_call record;
  v_tokens bigint := 0;
  v_usd numeric := 0;
begin
  -- Before the organisation's counts, as who records what was observed goes.
  perform from pawl.prompt_tests where id = p_test.id for no key update;
  for v_call in
    select c ->> 'purpose' as purpose, c ->> 'model' as model, c -> 'usage' as usage
    from jsonb_array_elements(case jsonb_typeof(p_usage) when 'array' then p_usage else '[]' end) c
    order by 1, 2
  loop
    perform pawl.record_usage(p_test.organization_id, null, v_call.purpose, v_call.model, v_call.usage);
    v_tokens := v_tokens + pawl.tokens_in(v_call.usage);
    v_usd := v_usd + coalesce(pawl.cost_of(v_call.model, v_call.usage), 0);
  end loop;
  if v_tokens > 0 then
    update pawl.prompt_tests set tokens = tokens + v_tokens, usd = usd + v_usd where id = p_test.id;
    insert into pawl.test_usage as u (assistant_id, day, tokens, usd)
      select p_test.assistant_id, p_day, v_tokens, v_usd where p_day is not null
      on conflict (assistant_id, day) do update set tokens = u.tokens + excluded.tokens, usd = u.usd + excluded.usd;
  end if;
end
$$;

revoke execute on function
  pawl.open_test(pawl.system_prompts, uuid),
  pawl.hold_test(uuid, uuid, boolean),
  pawl.test_in_the_way(pawl.prompt_tests),
  pawl.cost_of(text, jsonb),
  pawl.highest_cost(text, bigint, bigint),
  pawl.most_tokens(text),
  pawl.reserve(uuid, bigint, numeric),
  pawl.escalate_once(uuid, text, text),
  pawl.tell_cap_too_small(uuid, bigint, numeric, text),
  pawl.ask_for_approval(uuid),
  pawl.give_back(uuid, date, bigint, numeric),
  pawl.leave_spent(uuid),
  pawl.give_back_trial(uuid),
  pawl.give_back_all(uuid),
  pawl.spend(pawl.prompt_tests, jsonb, date)
from public, anon, authenticated, service_role;
