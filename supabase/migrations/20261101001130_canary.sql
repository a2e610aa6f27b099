-- Canary: a share of the conversations is served by the version in proof, and what comes of them is observed.

-- The version that serves a conversation: the live one; while a canary runs, the one that the coin chose for the
-- conversation, or for its person, and nothing else than that for as long as the canary runs. p_begins: the
-- conversation begins with this turn, and a coin is thrown, unless it was thrown for the person before. While updates
-- are paused, the live version is locked or the other lacks a protected clause, everybody has the live one.
-- Conversations from before the canary (or before the person's coin) stay with the live version. Where no canary runs
-- this is one look into an index.
create function pawl.version_served(p_live pawl.system_prompts, p_session pawl.sessions, p_begins boolean)
returns pawl.system_prompts
language plpgsql
set search_path = ''
as $$
declare
  v_test record;
  v_unit pawl.canary_units;
  v_candidate pawl.system_prompts;
begin
  select t.id, t.candidate_id, t.settings ->> 'canary_unit' = 'user' as by_user,
         (t.settings ->> 'canary_share')::numeric as share
    into v_test from pawl.prompt_tests t
    where t.assistant_id = p_live.assistant_id and t.state = 'proving' and t.method = 'canary'
      and t.baseline_id = p_live.id;
  if not found then
    return p_live;
  end if;
  if v_test.by_user then
    select * into v_unit from pawl.canary_units u
      where u.test_id = v_test.id and u.user_id = p_session.user_id and u.session_id is null
        and u.assigned_at <= p_session.created_at;
  else
    select * into v_unit from pawl.canary_units u where u.test_id = v_test.id and u.session_id = p_session.id;
  end if;
  -- What a person begins is of their unit from then on, whichever version serves it.
  if p_begins and v_unit.session_id is null and v_unit.assigned_at > now() - interval '7 days' then
    insert into pawl.judging_sessions (session_id) values (p_session.id) on conflict do nothing;
  end if;
  select * into v_candidate from pawl.system_prompts where id = v_test.candidate_id;
  if p_live.locked or exists (
    select from pawl.loop_settings s where s.assistant_id = p_live.assistant_id and pawl.is_paused(s))
    or not v_candidate.placebo and pawl.missing_clauses(p_live.assistant_id, v_candidate.content) <> '{}'
  then
    return p_live;
  elsif v_unit.id is null and p_begins then
    insert into pawl.canary_units (test_id, user_id, session_id, candidate, propensity)
      values (v_test.id, p_session.user_id, case when not v_test.by_user then p_session.id end,
              random() < v_test.share, v_test.share)
      on conflict do nothing
      returning * into v_unit;
  end if;
  return case when v_unit.candidate then v_candidate else p_live end;
end
$$;

-- The answers of a unit that count, oldest first, no more than 200: of a conversation those of its first 24 hours, of a
-- person those of 7 days in the conversations they began. Whoever deleted the conversation has taken them back.
create function pawl.answers_of_unit(p_unit pawl.canary_units) returns setof pawl.exchanges
language sql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  select e.*
  from (
    -- Two ways to them, an index each.
    select s.id from pawl.sessions s where s.id = p_unit.session_id and s.deleted_at is null
    union all
    select s.id from pawl.sessions s
    where p_unit.session_id is null and s.user_id = p_unit.user_id and s.created_at >= p_unit.assigned_at
      and s.deleted_at is null and s.assistant_id = (
        select t.assistant_id from pawl.prompt_tests t where t.id = p_unit.test_id)
  ) s
  join pawl.exchanges e on e.session_id = s.id
  where e.answered_at >= p_unit.assigned_at
    and e.answered_at < p_unit.assigned_at
      + case when p_unit.session_id is null then interval '7 days' else interval '24 hours' end
  order by e.answered_at, e.message_id limit 200
$$;

-- What judging an exchange may cost at the most, asked for twice should the first reply be unreadable (as
-- pawl.highest_cost_of_pair).
create function pawl.highest_cost_of_unit(
  p_test pawl.prompt_tests, p_exchange jsonb, out tokens bigint, out usd numeric
)
language plpgsql stable
set search_path = ''
as $$
declare
  -- Instructions with the schema of the reply, and the reply.
  instructions constant bigint := 2500;
  judgement constant bigint := 4000;
  v_criteria jsonb := (select r.criteria from pawl.rubrics r where r.id = p_test.rubric_id);
  v_read bigint := instructions + pawl.most_tokens(v_criteria::text) + pawl.most_tokens(p_exchange::text);
  v_said bigint := judgement + 100 * jsonb_array_length(v_criteria);
begin
  tokens := 2 * (v_read + v_said);
  usd := pawl.highest_cost(p_test.judge_model, 2 * v_read, 2 * v_said);
end
$$;

-- Hands out units of the canary whose time is over (of a conversation 48 hours after its coin, of a person 8 days) and
-- that were not observed yet, the oldest first: outcome ok with `units`: [{unit_id, exchange: {user_message, answer}
-- (one of its own, by no one's choice; null without an answer), reactions: [{thumb: up | down | null, copied,
-- followed_up, dwell_seconds, rating, answer_characters}] (an answer each, oldest first)}]; `blocked`: tokens, money or
-- null, as pawl_next_pairs. p_limit: 1 to 50. A test is decided from its first 20,000, and one that is proved and held
-- up takes no more. Further outcomes: closed, with reason; lease_lost.
create function public.pawl_next_units(p_holder uuid, p_test_id uuid, p_limit integer default 20) returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  most_units constant integer := 20000;
  v_limit constant integer := least(greatest(coalesce(p_limit, 20), 1), 50);
  v_test pawl.prompt_tests := pawl.hold_test(p_holder, p_test_id, false);
  v_old timestamptz := now() - case v_test.settings ->> 'canary_unit'
    when 'user' then interval '8 days' else interval '48 hours' end;
  v_unit pawl.canary_units;
  v_exchange jsonb;
  v_reactions jsonb;
  v_cost record;
  v_blocked text;
  v_units jsonb := '[]';
begin
  if pawl.test_in_the_way(v_test) is not null then
    return pawl.test_in_the_way(v_test);
  end if;
  for v_unit in
    select u.* from pawl.canary_units u
    where u.test_id = p_test_id and u.observed_at is null and u.assigned_at <= v_old and v_test.verdict is null
      and most_units > (
        select count(*) from pawl.proof_observations o where o.about_id = p_test_id and o.stage = 'proving')
    order by u.assigned_at, u.id limit v_limit
  loop
    select jsonb_build_object('user_message', q.content, 'answer', a.content) into v_exchange
      from (
        select e.message_id from pawl.answers_of_unit(v_unit) e
        order by md5(v_unit.id::text || e.message_id::text) limit 1
      ) e
      join pawl.turns t on t.answer_message_id = e.message_id
      join pawl.messages q on q.id = t.user_message_id
      join pawl.messages a on a.id = e.message_id;
    select coalesce(jsonb_agg(jsonb_build_object(
        'thumb', f.thumb, 'copied', f.copied, 'followed_up', f.followed_up, 'dwell_seconds', f.dwell_seconds,
        'rating', f.rating, 'answer_characters', e.answer_characters) order by e.answered_at, e.message_id), '[]')
      into v_reactions
      from pawl.answers_of_unit(v_unit) e cross join lateral pawl.reactions_to(e.message_id, e.user_id) f;
    if v_exchange is not null then
      v_cost := pawl.highest_cost_of_unit(v_test, v_exchange);
      v_blocked := pawl.reserve(v_test.assistant_id, v_cost.tokens, v_cost.usd);
      if v_blocked is not null then
        perform pawl.tell_cap_too_small(v_test.assistant_id, v_cost.tokens, v_cost.usd);
        exit;
      end if;
      update pawl.canary_units
        set reserved_tokens = v_cost.tokens, reserved_usd = v_cost.usd, reserved_on = pawl.today()
        where id = v_unit.id;
    end if;
    v_units := v_units || jsonb_build_object(
      'unit_id', v_unit.id, 'exchange', v_exchange, 'reactions', v_reactions);
  end loop;
  perform pawl.note_block(p_test_id, v_blocked);
  return jsonb_build_object('outcome', 'ok', 'units', v_units, 'blocked', v_blocked);
end
$$;

-- What a person made of an answer: their own thumb and rating, and what was noticed; not what a judge model thinks of
-- it.
create function pawl.reactions_to(p_message_id uuid, p_user_id uuid)
returns table (thumb text, copied boolean, followed_up boolean, dwell_seconds numeric, rating numeric)
language sql stable
set search_path = ''
as $$
  select max(case r.signal when 'thumbs_up' then 'up' when 'thumbs_down' then 'down' end)
           filter (where r.source = 'user'),
         coalesce(bool_or(r.kind = 'copy'), false),
         coalesce(bool_or(r.kind = 'follow_up'), false),
         max(r.value) filter (where r.kind = 'dwell_time'),
         max(r.value) filter (where r.kind = 'rating' and r.source = 'user')
  from pawl.response_feedback r
  where r.message_id = p_message_id and r.user_id = p_user_id and r.superseded_at is null and r.source <> 'llm-judge'
$$;

-- Stores what was observed of units, and what it cost: p_units [{unit_id, judged (0 to 1, or null: nothing to judge, or
-- no judgement to be had), reaction (0 to 1)}]; p_usage [{purpose: judge, model, usage}]. Each unit is one observation,
-- once: of a batch in which nothing is new the usage counts no more either. A unit whose person is forgotten is none.
-- Outcomes as pawl_record_pairs.
create function public.pawl_record_units(p_holder uuid, p_test_id uuid, p_units jsonb, p_usage jsonb default '[]')
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_test pawl.prompt_tests := pawl.hold_test(p_holder, p_test_id, false);
  v_given record;
  v_unit pawl.canary_units;
  v_person integer;
  v_day date;
  v_new boolean := p_units is null or p_units = '[]';
begin
  if pawl.test_in_the_way(v_test) is not null then
    perform pawl.spend(t, p_usage, case when v_test.id is not null then pawl.today() end)
      from pawl.prompt_tests t where t.id = p_test_id;
    return pawl.test_in_the_way(v_test);
  end if;
  for v_given in
    select g.* from jsonb_to_recordset(p_units) g (unit_id uuid, judged numeric, reaction numeric)
    left join pawl.canary_units u on u.id = g.unit_id
    order by u.assigned_at, u.id
  loop
    select * into v_unit from pawl.canary_units where id = v_given.unit_id and test_id = p_test_id for update;
    if v_unit.id is null then
      v_new := true;
      continue;
    elsif v_unit.observed_at is not null then
      continue;
    end if;
    v_new := true;
    v_day := greatest(v_day, v_unit.reserved_on);
    -- A person's units are not independent of each other, and one number tells so.
    select u.person into v_person from pawl.canary_units u
      where u.test_id = p_test_id and u.user_id = v_unit.user_id and u.person is not null limit 1;
    if not found then
      update pawl.prompt_tests set people = people + 1 where id = p_test_id returning people into v_person;
    end if;
    insert into pawl.proof_observations (about_id, kind, stage, data)
      values (p_test_id, 'unit', 'proving', jsonb_build_object(
        'arm', v_unit.candidate, 'propensity', v_unit.propensity, 'person', v_person,
        'judged', v_given.judged, 'reaction', v_given.reaction));
    update pawl.canary_units
      set observed_at = now(), person = v_person, reserved_tokens = 0, reserved_usd = 0 where id = v_unit.id;
    perform pawl.give_back(v_test.assistant_id, v_unit.reserved_on, v_unit.reserved_tokens, v_unit.reserved_usd);
  end loop;
  if v_new then
    perform pawl.spend(v_test, p_usage, coalesce(v_day, pawl.today()));
  end if;
  return '{"outcome": "ok"}';
end
$$;

revoke execute on function
  pawl.version_served(pawl.system_prompts, pawl.sessions, boolean),
  pawl.answers_of_unit(pawl.canary_units),
  pawl.highest_cost_of_unit(pawl.prompt_tests, jsonb),
  pawl.reactions_to(uuid, uuid),
  public.pawl_next_units(uuid, uuid, integer),
  public.pawl_record_units(uuid, uuid, jsonb, jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_next_units(uuid, uuid, integer),
  public.pawl_record_units(uuid, uuid, jsonb, jsonb)
to service_role;
