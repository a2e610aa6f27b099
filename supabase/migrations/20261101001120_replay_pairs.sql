-- Replay: earlier questions answered by both versions, and compared. Secret key only.

-- Those of some conversations of which one of these models was trained on anything: what was asked later in one came
-- with the questions and answers before. Also on a question as it was asked there, with another answer.
create function pawl.trained_sessions(p_session_ids uuid[], p_models uuid[]) returns setof uuid
language sql stable
set search_path = ''
-- By the row, whatever is known of the tables: just after a dataset is written nobody has counted its rows, and going
-- through all of them for each conversation takes seconds.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
set plan_cache_mode = force_custom_plan
as $$
  select c.id
  from (select distinct x.id from unnest(p_session_ids) x (id)) c
  cross join lateral (
    select true
    from pawl.exchanges e
    join pawl.training_sources s on s.message_id = e.message_id
    join pawl.training_data d on d.id = s.training_id
    cross join lateral (
      select d.id
      union all
      select o.id from pawl.training_data o
      where o.assistant_id = d.assistant_id and o.input_hash = d.input_hash and o.is_validated
    ) same
    cross join lateral (
      select r.model_version_id, r.split from pawl.dataset_rows r where r.training_id = same.id offset 0
    ) r
    where e.session_id = c.id and r.split = 'train' and r.model_version_id = any (p_models)
    limit 1
  ) known
  where p_models <> '{}'
$$;

-- The turns that a test's questions may be drawn from, newest first: answered in the last 30 days, the newest 5,000, in
-- conversations that are not deleted; none of a conversation that was judged in the reflection the candidate was
-- written for: its writer was shown what was asked there; and none of a conversation that one of two models that are
-- compared was trained on, as far as what people said of it was collected: it has seen the answers.
create function pawl.questions_for(p_test pawl.prompt_tests) returns setof uuid
language sql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  with recent as materialized (
    select e.message_id, e.session_id, e.answered_at from pawl.exchanges e
    where e.assistant_id = p_test.assistant_id and e.answered_at > now() - interval '30 days'
    order by e.answered_at desc limit 5000
  )
  select t.id
  from recent e
  join pawl.turns t on t.answer_message_id = e.message_id
  where (select s.deleted_at is null from pawl.sessions s where s.id = e.session_id)
    and e.session_id not in (
      select m.session_id from pawl.message_evaluations v join pawl.messages m on m.id = v.message_id
      where v.reflection_log_id = (
        select c.reflection_log_id from pawl.system_prompts c where c.id = p_test.candidate_id))
    and e.session_id not in (
      select k.id from pawl.trained_sessions(
        array(select r.session_id from recent r), pawl.models_compared(p_test)) k (id))
  order by e.answered_at desc
$$;

-- Those of the proof, in the order in which they are taken: a random `proof_pairs` of the ones that the screening did
-- not take, or all. Null where they are under 100.
create function pawl.proof_pool(p_test pawl.prompt_tests) returns uuid[]
language sql
set search_path = ''
as $$
  select case when count(*) >= 100 then array_agg(q.id) end
  from (
    select q.id from pawl.questions_for(p_test) q (id)
    where q.id <> all (coalesce(p_test.screening_pool, '{}')) order by random()
    limit (p_test.settings ->> 'proof_pairs')::integer
  ) q
$$;

-- Those of the screening, in the order in which they are taken: a random `screening_pairs` of the newest 500. Null
-- where there are not as many.
create function pawl.screening_pool(p_test pawl.prompt_tests) returns uuid[]
language sql
set search_path = ''
as $$
  select case when count(*) = (p_test.settings ->> 'screening_pairs')::integer then array_agg(q.id) end
  from (
    select r.id from (select q.id from pawl.questions_for(p_test) q (id) limit 500) r
    order by random() limit (p_test.settings ->> 'screening_pairs')::integer
  ) q
$$;

-- How many pairs the running stage of a test ends with: as many as are set, or as there are questions; 0 of a canary.
create function pawl.pairs_wanted(p_test pawl.prompt_tests) returns integer
language sql immutable
set search_path = ''
as $$
  select case
    when p_test.state = 'screening' then (p_test.settings ->> 'screening_pairs')::integer
    when p_test.method = 'replay' then
      coalesce(cardinality(p_test.proof_pool), (p_test.settings ->> 'proof_pairs')::integer)
    else 0 end
$$;

-- What a pair may cost at the most: two answers where there are none yet, and the comparison in both orders, each asked
-- for twice should the first reply be of no use. A request that is sent again before that is not paid for: it was
-- turned away (429, 5xx), or never reached the model; one that the model had begun to answer is not sent again
-- (`begun_is_final` in crates/model).
create function pawl.highest_cost_of_pair(
  p_test pawl.prompt_tests, p_pair pawl.replay_pairs, out tokens bigint, out usd numeric
)
language plpgsql stable
set search_path = ''
as $$
declare
  -- Instructions with the schema of the reply, and the reply.
  instructions constant bigint := 2500;
  verdict constant bigint := 600;
  v_answer bigint := (p_test.settings ->> 'max_answer_tokens')::bigint;
  v_history bigint := (p_test.settings ->> 'history_token_budget')::bigint;
  v_turn pawl.turns;
  v_question bigint;
  v_prompts bigint;
  v_answers bigint;
  v_compared bigint;
begin
  select * into v_turn from pawl.turns where id = p_pair.turn_id;
  -- The history is cut to its budget before a model sees it.
  v_question := 200
    + least(v_history, pawl.most_tokens(pawl.history_before(v_turn, v_history::integer)::text))
    + pawl.most_tokens((select m.content from pawl.messages m where m.id = v_turn.user_message_id));
  if p_pair.state = 'answered' then
    v_prompts := 0;
    v_answers := pawl.most_tokens(p_pair.baseline_answer) + pawl.most_tokens(p_pair.candidate_answer);
  else
    v_prompts := (
      select sum(pawl.most_tokens(p.content)) from pawl.system_prompts p
      where p.id in (p_test.candidate_id, p_test.baseline_id));
    v_answers := 2 * v_answer;
  end if;
  v_compared := instructions + v_question + v_answers + (
    select pawl.most_tokens(r.criteria::text) from pawl.rubrics r where r.id = p_test.rubric_id);
  tokens := 4 * (v_compared + verdict);
  usd := pawl.highest_cost(p_test.judge_model, 4 * v_compared, 4 * verdict);
  if p_pair.state <> 'answered' then
    tokens := tokens + 2 * (2 * v_question + v_prompts + 2 * v_answer);
    -- Both as the dearer of the two models: one without a price costs no more than the other.
    usd := usd + greatest(
      pawl.highest_cost(p_test.chat_model, 2 * (2 * v_question + v_prompts), 4 * v_answer),
      pawl.highest_cost(p_test.candidate_model, 2 * (2 * v_question + v_prompts), 4 * v_answer));
  end if;
end
$$;

-- The test with the pool that its running stage draws from, fixed at the first call that finds enough.
create function pawl.fix_pool(p_test pawl.prompt_tests) returns pawl.prompt_tests
language plpgsql
set search_path = ''
as $$
begin
  if p_test.state = 'screening' and p_test.screening_pool is null then
    p_test.screening_pool := pawl.screening_pool(p_test);
    update pawl.prompt_tests set screening_pool = p_test.screening_pool where id = p_test.id;
  elsif p_test.state = 'proving' and p_test.proof_pool is null then
    p_test.proof_pool := pawl.proof_pool(p_test);
    update pawl.prompt_tests set proof_pool = p_test.proof_pool where id = p_test.id;
  end if;
  return p_test;
end
$$;

-- Draws up to p_count pairs of the running stage, each question of the pool once: a question drawn again and again
-- would prove what is true of it alone. A coin says which version is shown first. A question that is gone is drawn all
-- the same: leaving it out would be choosing.
create function pawl.draw_pairs(p_test pawl.prompt_tests, p_count integer) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_drawn integer := (
    select coalesce(max(number), 0) from pawl.replay_pairs where test_id = p_test.id and stage = p_test.state);
  v_turns uuid[] := (case p_test.state when 'screening' then p_test.screening_pool else p_test.proof_pool end)
    [v_drawn + 1 : least(v_drawn + p_count, pawl.pairs_wanted(p_test))];
  -- Held, these cannot be deleted meanwhile, nor their turns; what is being deleted just now is as good as gone.
  v_sessions uuid[] := array(
    select s.id from pawl.sessions s
    where s.id in (select t.session_id from pawl.turns t where t.id = any (v_turns)) for key share skip locked);
begin
  insert into pawl.replay_pairs (test_id, stage, number, turn_id, candidate_first)
    select p_test.id, p_test.state, v_drawn + d.n, t.id, random() < 0.5
    from unnest(v_turns) with ordinality d (turn_id, n)
    left join pawl.turns t on t.id = d.turn_id and t.session_id = any (v_sessions);
end
$$;

-- Records pairs of a test whose question is gone, or belongs to a conversation that its person deleted: they say
-- nothing. How many.
create function pawl.void_pairs(p_test pawl.prompt_tests) returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_ids uuid[] := array(
    select p.id from pawl.replay_pairs p
    where p.test_id = p_test.id and p.stage = p_test.state and p.state in ('drawn', 'answered') and not exists (
      select from pawl.turns t join pawl.sessions s on s.id = t.session_id
      where t.id = p.turn_id and s.deleted_at is null)
    order by p.number);
begin
  update pawl.replay_pairs set state = 'void', baseline_answer = null, candidate_answer = null where id = any (v_ids);
  insert into pawl.proof_observations (about_id, kind, stage, data)
    select p_test.id, 'pair', p_test.state,
           '{"d": 0, "first": 0, "second": 0, "longer": 0, "question_type": "other"}'
    from unnest(v_ids);
  return cardinality(v_ids);
end
$$;

-- Notes in a test what keeps more of it from being handed out; null: nothing does any more. What else holds it up
-- stays.
create function pawl.note_block(p_test_id uuid, p_blocked text) returns void
language sql
set search_path = ''
as $$
  update pawl.prompt_tests set held = p_blocked
  where id = p_test_id and held is distinct from p_blocked
    and (p_blocked is not null or held in ('tokens', 'money', 'insufficient_data'))
$$;

-- Hands out pairs of the running stage that are not judged yet, those that have answers already first: outcome ok with
-- `pairs`: [{pair_id, message, history: [{user_message, answer}], candidate_first, baseline_answer, candidate_answer}]
-- (both null, or none), in their order; `blocked`: why fewer than p_limit (1 to 50) are handed out than there are:
-- tokens, money (what they may cost at the most does not fit into the day) or insufficient_data (too few questions);
-- null where nothing is in the way. What is handed out is taken from the day's share until it is recorded; handed out
-- again it is taken again, for who had it may have paid. Of a canary, at a stage's end, and of a test that is proved
-- and held up, there are none. Further outcomes: closed, with reason; lease_lost.
create function public.pawl_next_pairs(p_holder uuid, p_test_id uuid, p_limit integer default 10) returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  v_limit constant integer := least(greatest(coalesce(p_limit, 10), 1), 50);
  v_test pawl.prompt_tests := pawl.hold_test(p_holder, p_test_id, false);
  v_wanted integer;
  v_open integer;
  v_drawn integer;
  v_pair pawl.replay_pairs;
  v_cost record;
  v_blocked text;
  v_pairs jsonb := '[]';
begin
  if pawl.test_in_the_way(v_test) is not null then
    return pawl.test_in_the_way(v_test);
  elsif pawl.pairs_wanted(v_test) = 0 or v_test.verdict is not null then
    return '{"outcome": "ok", "pairs": [], "blocked": null}';
  end if;
  v_test := pawl.fix_pool(v_test);
  v_wanted := pawl.pairs_wanted(v_test);
  if (case v_test.state when 'screening' then v_test.screening_pool else v_test.proof_pool end) is null then
    perform pawl.note_block(p_test_id, 'insufficient_data');
    return '{"outcome": "ok", "pairs": [], "blocked": "insufficient_data"}';
  end if;
  -- Until there are as many as are asked for that say something, or all are drawn.
  loop
    perform pawl.void_pairs(v_test);
    select count(*) filter (where state in ('drawn', 'answered')), count(*) into v_open, v_drawn
      from pawl.replay_pairs where test_id = p_test_id and stage = v_test.state;
    exit when v_open >= v_limit or v_drawn >= v_wanted;
    perform pawl.draw_pairs(v_test, v_limit - v_open);
  end loop;

  for v_pair in
    select * from pawl.replay_pairs
    where test_id = p_test_id and stage = v_test.state and state in ('drawn', 'answered')
    order by state = 'drawn', number limit v_limit
  loop
    v_cost := pawl.highest_cost_of_pair(v_test, v_pair);
    v_blocked := pawl.reserve(v_test.assistant_id, v_cost.tokens, v_cost.usd);
    if v_blocked is not null then
      perform pawl.tell_cap_too_small(v_test.assistant_id, v_cost.tokens, v_cost.usd);
      exit;
    end if;
    update pawl.replay_pairs
      set reserved_tokens = v_cost.tokens, reserved_usd = v_cost.usd, reserved_on = pawl.today(),
          asked_at = coalesce(asked_at, now())
      where id = v_pair.id;
    v_pairs := v_pairs || (
      select jsonb_build_object(
        'pair_id', v_pair.id, 'message', q.content,
        'history', pawl.history_before(t, (v_test.settings ->> 'history_token_budget')::integer),
        'candidate_first', v_pair.candidate_first,
        'baseline_answer', v_pair.baseline_answer, 'candidate_answer', v_pair.candidate_answer)
      from pawl.turns t join pawl.messages q on q.id = t.user_message_id where t.id = v_pair.turn_id);
  end loop;
  perform pawl.note_block(p_test_id, v_blocked);
  return jsonb_build_object('outcome', 'ok', 'pairs', v_pairs, 'blocked', v_blocked);
end
$$;

-- Stores what has come of pairs, and what it cost: p_pairs [{pair_id, baseline_answer, candidate_answer, first_order,
-- second_order, question_type}] with both answers, both verdicts, or all; p_usage [{purpose: replay | compare, model,
-- usage}]. Verdicts are −1, 0 or 1 from the candidate's view, first_order with its answer shown first; where the orders
-- disagree the pair is a tie. A compared pair is one observation, and its texts go. Each pair counts once: of a batch
-- in which nothing is new the usage counts no more either. Outcomes: ok; closed, with reason (what it cost is counted);
-- lease_lost (the same, against the organisation; the day's share is as it was reserved).
create function public.pawl_record_pairs(p_holder uuid, p_test_id uuid, p_pairs jsonb, p_usage jsonb default '[]')
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_test pawl.prompt_tests := pawl.hold_test(p_holder, p_test_id, false);
  v_given record;
  v_pair pawl.replay_pairs;
  v_day date;
  v_new boolean := p_pairs is null or p_pairs = '[]';
begin
  if pawl.test_in_the_way(v_test) is not null then
    perform pawl.spend(t, p_usage, case when v_test.id is not null then pawl.today() end)
      from pawl.prompt_tests t where t.id = p_test_id;
    return pawl.test_in_the_way(v_test);
  end if;
  for v_given in
    select g.* from jsonb_to_recordset(p_pairs) g (
      pair_id uuid, baseline_answer text, candidate_answer text, first_order integer, second_order integer,
      question_type text)
    join pawl.replay_pairs p on p.id = g.pair_id
    order by p.number
  loop
    select * into v_pair from pawl.replay_pairs where id = v_given.pair_id and test_id = p_test_id for update;
    if v_pair.state in ('drawn', 'answered') and v_pair.turn_id is null then
      v_new := true; -- the question went meanwhile, and nothing of it is kept
      continue;
    elsif v_pair.state = 'drawn' and v_given.baseline_answer is not null and v_given.candidate_answer is not null then
      v_pair.state := 'answered';
      v_pair.baseline_answer := v_given.baseline_answer;
      v_pair.candidate_answer := v_given.candidate_answer;
    elsif v_pair.state is distinct from 'answered' or v_given.first_order is null then
      continue;
    end if;
    v_new := true;
    v_day := greatest(v_day, v_pair.reserved_on);
    if v_given.first_order is not null and v_given.second_order is not null then
      perform pawl.observe_pair(v_test, v_pair, v_given.first_order, v_given.second_order, v_given.question_type);
    else
      perform pawl.keep_answers(v_test, v_pair);
    end if;
  end loop;
  if v_new then
    perform pawl.spend(v_test, p_usage, coalesce(v_day, pawl.today()));
  end if;
  return '{"outcome": "ok"}';
end
$$;

-- A pair is compared.
create function pawl.observe_pair(
  p_test pawl.prompt_tests, p_pair pawl.replay_pairs, p_first integer, p_second integer, p_question_type text
) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_baseline integer := char_length(p_pair.baseline_answer);
  v_candidate integer := char_length(p_pair.candidate_answer);
begin
  insert into pawl.proof_observations (about_id, kind, stage, data)
  values (p_test.id, 'pair', p_pair.stage, jsonb_build_object(
    'd', case when p_first = p_second then p_first else 0 end, 'first', p_first, 'second', p_second,
    'longer', case when v_candidate > 1.1 * v_baseline then 1 when v_baseline > 1.1 * v_candidate then -1 else 0 end,
    -- A name, and nothing that somebody wrote.
    'question_type', case when p_question_type ~ '^[a-z][a-z_]{0,31}$' then p_question_type else 'other' end));
  update pawl.replay_pairs
    set state = 'judged', baseline_answer = null, candidate_answer = null, reserved_tokens = 0, reserved_usd = 0,
        heard_at = now()
    where id = p_pair.id;
  perform pawl.give_back(p_test.assistant_id, p_pair.reserved_on, p_pair.reserved_tokens, p_pair.reserved_usd);
end
$$;

-- Answers wait for their comparison; what that may cost stays reserved.
create function pawl.keep_answers(p_test pawl.prompt_tests, p_pair pawl.replay_pairs) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_cost record := pawl.highest_cost_of_pair(p_test, p_pair);
  v_tokens bigint := least(v_cost.tokens, p_pair.reserved_tokens);
  v_usd numeric := least(v_cost.usd, p_pair.reserved_usd);
begin
  update pawl.replay_pairs
    set state = 'answered', baseline_answer = p_pair.baseline_answer, candidate_answer = p_pair.candidate_answer,
        reserved_tokens = v_tokens, reserved_usd = v_usd, heard_at = now()
    where id = p_pair.id;
  perform pawl.give_back(
    p_test.assistant_id, p_pair.reserved_on, p_pair.reserved_tokens - v_tokens, p_pair.reserved_usd - v_usd);
end
$$;

revoke execute on function
  pawl.trained_sessions(uuid[], uuid[]),
  pawl.questions_for(pawl.prompt_tests),
  pawl.proof_pool(pawl.prompt_tests),
  pawl.screening_pool(pawl.prompt_tests),
  pawl.pairs_wanted(pawl.prompt_tests),
  pawl.highest_cost_of_pair(pawl.prompt_tests, pawl.replay_pairs),
  pawl.fix_pool(pawl.prompt_tests),
  pawl.draw_pairs(pawl.prompt_tests, integer),
  pawl.void_pairs(pawl.prompt_tests),
  pawl.note_block(uuid, text),
  pawl.observe_pair(pawl.prompt_tests, pawl.replay_pairs, integer, integer, text),
  pawl.keep_answers(pawl.prompt_tests, pawl.replay_pairs),
  public.pawl_next_pairs(uuid, uuid, integer),
  public.pawl_record_pairs(uuid, uuid, jsonb, jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_next_pairs(uuid, uuid, integer),
  public.pawl_record_pairs(uuid, uuid, jsonb, jsonb)
to service_role;
