-- What a test is ruled on, and how its proof begins. Secret key only.

-- Observations of something in one stage, in their order, as core::proof reads them.
create function pawl.observations_of(p_about_id uuid, p_stage text) returns jsonb
language sql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  select coalesce(jsonb_agg(o.data || jsonb_build_object('id', o.id) order by o.seq), '[]')
  from pawl.proof_observations o where o.about_id = p_about_id and o.stage = p_stage
$$;

-- The place among the year's tests that the next proof of an assistant takes: {year, tests, promoted} so far.
create function pawl.ledger_of(p_assistant_id uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'year', y.year, 'tests', count(t.id), 'promoted', count(t.id) filter (where t.state = 'promoted'))
  from (select extract(year from pawl.today())::integer as year) y
  left join pawl.prompt_tests t on t.assistant_id = p_assistant_id and t.ledger_year = y.year
  group by y.year
$$;

-- What there is to prove something with: {conversations_a_day (new ones, of the last 7 days) and people_a_day
-- (different ones of 28 days), or since the first answer, by no more than the newest 50,000 answers; pool: questions
-- that a replay could draw from; pairs_a_day: as many as a day's share pays for, by what this test's pairs cost so far;
-- tests_this_year, promoted_this_year, year; settings: those of pawl.loop_settings that a plan is made from, as they
-- were}.
create function pawl.traffic_of(p_test pawl.prompt_tests) returns jsonb
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  -- Of a test that has not paid for any.
  usual_tokens constant numeric := 10000;
  v_recent record;
  v_pairs bigint;
  v_settings pawl.loop_settings;
  v_ledger jsonb := pawl.ledger_of(p_test.assistant_id);
begin
  select count(*) filter (where r.began) as conversations, count(distinct r.user_id) as people,
         greatest(coalesce(extract(epoch from now() - min(r.first)) / 86400, 1), 1) as days
    into v_recent
    from (
      select e.session_id, e.user_id, min(e.answered_at) as first,
             bool_or(s.created_at > now() - interval '7 days') as began
      from (
        select x.session_id, x.user_id, x.answered_at from pawl.exchanges x
        where x.assistant_id = p_test.assistant_id and x.answered_at > now() - interval '28 days'
        order by x.answered_at desc limit 50000
      ) e
      join pawl.sessions s on s.id = e.session_id
      group by e.session_id, e.user_id
    ) r;
  select count(*) into v_pairs from pawl.replay_pairs p where p.test_id = p_test.id and p.state = 'judged';
  select * into v_settings from pawl.loop_settings where assistant_id = p_test.assistant_id;
  return jsonb_build_object(
    'conversations_a_day', round((v_recent.conversations / least(v_recent.days, 7))::numeric, 3),
    'people_a_day', round((v_recent.people / least(v_recent.days, 28))::numeric, 3),
    'pool', least(2000, (
      select count(*) from pawl.questions_for(p_test) q (id)
      where q.id <> all (coalesce(p_test.screening_pool, '{}')))),
    'pairs_a_day', floor(least(
      v_settings.test_tokens_per_day
        / coalesce(nullif(p_test.tokens, 0)::numeric / nullif(v_pairs, 0), usual_tokens),
      v_settings.test_usd_per_day / (nullif(p_test.usd, 0) / nullif(v_pairs, 0)))),
    'tests_this_year', v_ledger -> 'tests', 'promoted_this_year', v_ledger -> 'promoted', 'year', v_ledger -> 'year',
    'settings', (
      select jsonb_object_agg(s.key, s.value) from jsonb_each(p_test.settings) s
      where s.key in (
        'proof_method', 'proof_pairs', 'canary_share', 'canary_unit', 'canary_min_days', 'canary_max_days',
        'yearly_budget', 'fixed_level')));
end
$$;

-- Everything the running stage of a test is ruled on: outcome ok with `case` ({kind: screening | replay | canary,
-- level, horizon, min_days, max_days, days, unit, agreement, floor, before_up, before_n, observations}, where what
-- makes no sense of a kind is null) and `plan_from` (as pawl.traffic_of; null until a screening has all its pairs: no
-- plan is made from any other). What an earlier look found proved, and which was held up, is to be found again. Further
-- outcomes: closed, with reason; lease_lost.
create function public.pawl_proof_look(p_holder uuid, p_test_id uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_test pawl.prompt_tests := pawl.hold_test(p_holder, p_test_id, false);
  v_canary boolean := coalesce(v_test.method = 'canary', false);
  v_observations jsonb;
begin
  if pawl.test_in_the_way(v_test) is not null then
    return pawl.test_in_the_way(v_test);
  end if;
  update pawl.prompt_tests set verdict = null where id = p_test_id and verdict is not null;
  v_observations := pawl.observations_of(p_test_id, v_test.state);
  return jsonb_build_object(
    'outcome', 'ok',
    'case', jsonb_build_object(
      'kind', coalesce(v_test.method, 'screening'),
      'level', v_test.level,
      'horizon', case when not v_canary then pawl.pairs_wanted(v_test) end,
      'min_days', case when v_canary then v_test.settings -> 'canary_min_days' end,
      'max_days', case when v_canary then v_test.settings -> 'canary_max_days' end,
      'days', case when v_canary then pawl.days_since(v_test.proof_started_at) end,
      'unit', case when v_canary then v_test.settings -> 'canary_unit' end,
      'agreement', pawl.judge_agreement(v_test.assistant_id, v_test.judge_model, v_test.rubric_id),
      'floor', v_test.settings -> 'judge_floor',
      'before_up', null, 'before_n', null,
      'observations', v_observations),
    'plan_from', case
      when v_test.state = 'screening' and jsonb_array_length(v_observations) >= pawl.pairs_wanted(v_test)
        then pawl.traffic_of(v_test) end);
end
$$;

-- True of a version that may be shown to people: nobody has to approve it, or somebody has.
create function pawl.is_approved(p_prompt_id uuid) returns boolean
language sql stable
set search_path = ''
as $$
  select p.placebo or p.approved_at is not null or not s.approval_required
  from pawl.system_prompts p join pawl.loop_settings s on s.assistant_id = p.assistant_id where p.id = p_prompt_id
$$;

-- Begins the proof of a version that passed its screening. p_plan: {method, level, position, year, expected_days,
-- expected_units, words}; p_case and p_ruling: of the screening, kept for the receipt. Its place among the year's tests
-- is taken here, once; a placebo takes none, nor does a test without the yearly budget. The same again changes nothing.
-- Outcomes: ok; stale (the place is another one by now: look again); held (reason awaiting_approval: nobody is shown a
-- version that a person has still to approve); budget_spent (60 tests began this year: the test is closed); closed,
-- with reason; lease_lost.
create function public.pawl_begin_proof(p_holder uuid, p_test_id uuid, p_plan jsonb, p_case jsonb, p_ruling jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  most_tests constant integer := 60;
  v_test pawl.prompt_tests := pawl.hold_test(p_holder, p_test_id, true);
  v_ledger jsonb;
  v_year integer;
  v_position integer;
  v_ids uuid[];
begin
  if pawl.test_in_the_way(v_test) is not null then
    return pawl.test_in_the_way(v_test);
  elsif v_test.state = 'proving' then
    return '{"outcome": "ok"}';
  end if;
  if (v_test.settings -> 'yearly_budget')::boolean and not v_test.placebo then
    v_ledger := pawl.ledger_of(v_test.assistant_id);
    v_year := v_ledger -> 'year';
    v_position := (v_ledger -> 'tests')::integer + 1;
    if v_position > most_tests then
      perform pawl.close_as(v_test, 'yearly_budget');
      return '{"outcome": "budget_spent"}';
    elsif v_position is distinct from (p_plan ->> 'position')::integer
          or v_year is distinct from (p_plan ->> 'year')::integer then
      return '{"outcome": "stale"}';
    end if;
  end if;
  if p_plan ->> 'method' = 'canary' and not pawl.is_approved(v_test.candidate_id) then
    update pawl.prompt_tests set held = 'awaiting_approval', progress = p_ruling where id = p_test_id;
    perform pawl.ask_for_approval(v_test.candidate_id);
    return '{"outcome": "held", "reason": "awaiting_approval"}';
  end if;

  v_ids := pawl.observation_ids(p_test_id, 'screening', p_case);
  update pawl.prompt_tests
    set state = 'proving', method = p_plan ->> 'method', level = (p_plan ->> 'level')::numeric,
        ledger_year = v_year, ledger_position = v_position,
        plan = p_plan - '{position,year,level}'::text[], proof_started_at = now(), held = null, progress = '{}',
        screening = jsonb_build_object(
          'case', p_case - 'observations', 'ruling', p_ruling, 'observation_ids', to_jsonb(v_ids),
          'observations_digest', encode(pawl.observations_digest(v_ids), 'hex'))
    where id = p_test_id;
  update pawl.system_prompts set state = 'proving' where id = v_test.candidate_id;
  return '{"outcome": "ok"}';
end
$$;

-- Notes the last ruling on a test that goes on, for who looks. Outcomes: ok; closed, with reason; lease_lost.
create function public.pawl_note_ruling(p_holder uuid, p_test_id uuid, p_ruling jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_test pawl.prompt_tests := pawl.hold_test(p_holder, p_test_id, false);
begin
  if pawl.test_in_the_way(v_test) is not null then
    return pawl.test_in_the_way(v_test);
  end if;
  update pawl.prompt_tests set progress = p_ruling where id = p_test_id;
  return '{"outcome": "ok"}';
end
$$;

revoke execute on function
  pawl.observations_of(uuid, text),
  pawl.ledger_of(uuid),
  pawl.traffic_of(pawl.prompt_tests),
  pawl.is_approved(uuid),
  public.pawl_proof_look(uuid, uuid),
  public.pawl_begin_proof(uuid, uuid, jsonb, jsonb, jsonb),
  public.pawl_note_ruling(uuid, uuid, jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_proof_look(uuid, uuid),
  public.pawl_begin_proof(uuid, uuid, jsonb, jsonb, jsonb),
  public.pawl_note_ruling(uuid, uuid, jsonb)
to service_role;
